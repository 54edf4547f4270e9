"""Dates, texts, complex numbers, masked values, and what is no number in the dtype of the training: all are refused.

NumPy makes numbers of dates, of one that is missing -9.2e18; a training with weights that vanish would be one with a
loss of 0.
"""

import numpy as np
import pytest

pytest.importorskip("sklearn")

import fastbp
from fastbp import MLPClassifier, MLPRegressor
from tests.cases import UNCOMPILED
from tests.estimator_cases import data, fitted

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y, _ = data("iris")
SMALL = {"hidden_layer_sizes": 5, "max_iter": 2, "random_state": 0}
DATES = np.arange(150).astype("M8[D]")
DATES[3] = np.datetime64("NaT", "D")
NO_NUMBERS = {
    "dates": DATES,
    "times": np.arange(150).astype("m8[s]"),
    "list of dates": DATES.tolist(),
    "dates among objects": np.array([*DATES.astype("M8[ns]")], object),
    "times among objects": np.array([*range(149), np.timedelta64(1, "ns")], object),
    "masked": np.ma.masked_equal(np.arange(150.0), 7),
    "complex": np.arange(150) + 1j,
    "complex among objects": np.array([*np.ones(149), np.complex64(1j)], object),
}
TEXTS = {"texts": X[:, 0].astype(str), "missing": np.where(X[:, 0] > 1, "nan", "1.5"), "bytes": X[:, 0].astype("S")}
refused = pytest.raises(
    (TypeError, ValueError), match=r"must hold real numbers, got dates|must have no masked values|Complex data not"
)


def matrix_of(vector, columns):
    return (np.ma if isinstance(vector, np.ma.MaskedArray) else np).stack([np.asanyarray(vector)] * columns, axis=1)


def alone():
    return MLPRegressor(**SMALL)


def ensemble():
    return fastbp.EnsembleRegressor(alone(), 2)


def search():
    return fastbp.GridSearch(alone(), {"alpha": [0.1]}, cv=2, error_score="raise")


MAKE = pytest.mark.parametrize("make", [alone, ensemble, search])


# ---- Wherever they may come ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", NO_NUMBERS)
@MAKE
def test_no_numbers(make, what):
    bad = NO_NUMBERS[what]
    for arguments in ((matrix_of(bad, 4), Y), (X, bad), (X, matrix_of(bad, 2))):
        with refused:
            make().fit(*arguments)
    with refused:
        make().fit(X, Y, sample_weight=bad)
    model = make().fit(X, Y)
    with refused:
        model.predict(matrix_of(bad, 4))


@pytest.mark.parametrize("what", NO_NUMBERS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_no_numbers_in_validation_data(method, what):
    bad = NO_NUMBERS[what]
    weight, x = {"y_val": Y, "sample_weight_val": bad}, {"X_val": matrix_of(bad, 4), "y_val": Y}
    for more in ({"y_val": bad}, weight, x):
        with refused:
            getattr(alone(), method)(X, Y, **{"X_val": X} | more)
    for more in (weight, x):
        with refused:
            fitted(MLPClassifier(**SMALL), X, Y, **{"X_val": X} | more)


@MAKE
@pytest.mark.parametrize("what", TEXTS)
def test_texts_as_targets(what, make):
    """scikit-learn refuses arrays of texts, too; texts among objects are numbers to it, if they can be."""
    with pytest.raises(TypeError, match="y must hold real numbers, got an array of dtype"):
        make().fit(X, TEXTS[what])


@pytest.mark.parametrize("what", TEXTS)
def test_texts_elsewhere(what):
    texts = TEXTS[what]
    with pytest.raises((TypeError, ValueError), match=r"y_val|numeric"):
        alone().fit(X, Y, X_val=X, y_val=texts)
    for name in ("sample_weight", "sample_weight_val"):
        more = {"X_val": X, "y_val": Y} if name == "sample_weight_val" else {}
        with pytest.raises((TypeError, ValueError), match=rf"{name} must hold real numbers, got (str|bytes)_|NaN"):
            alone().fit(X, Y, **more, **{name: texts})


def test_texts_among_objects():
    numbers = fitted(alone(), X, X[:, 0])
    same = fitted(alone(), X, X[:, 0].astype(str).astype(object))
    np.testing.assert_array_equal(numbers.predict(X), same.predict(X))
    for missing in ("nan", "inf", None):
        y = X[:, 0].astype(str).astype(object)
        y[7] = missing
        with pytest.raises((TypeError, ValueError), match=r"y must be finite, got|NaN"):
            alone().fit(X, y)


def test_dates_as_labels():
    """They are classes as any others, but not one that is missing."""
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "M8[D]")[Y]
    model = fitted(MLPClassifier(**SMALL), X, days, X_val=X, y_val=days)
    assert model.predict(X).dtype == days.dtype
    days[3] = "NaT"
    with pytest.raises(ValueError, match="Input y contains NaT"):
        MLPClassifier(**SMALL).fit(X, days)
    with pytest.raises(ValueError, match="Input y_val contains NaT"):
        model.partial_fit(X[5:], days[5:], X_val=X, y_val=days)


# ---- No number in float32, or for all samples together ---------------------------------------------------------------

LARGE = {"dtype": "float32"}


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (MLPRegressor(**LARGE), {"y": Y + 1e39}, r"y must be finite in float32, the dtype of the training, got 1e\+39"),
        (MLPRegressor(**LARGE), {"y": Y - 1e39}, "y must be finite in float32, the dtype of the training, got -1e"),
        (MLPRegressor(**LARGE), {"y_val": Y + 1e39, "X_val": X}, "y_val must be finite in float32, the dtype of the"),
        (MLPRegressor(), {"y": Y + np.longdouble("1e400")}, r"y must be finite in float64|Input y contains inf"),
        (MLPRegressor(**LARGE), {"X_val": X * 1e39, "y_val": Y}, "X_val: Input X contains infinity or a value too"),
        (MLPRegressor(loss="poisson"), {"y_val": Y - 1, "X_val": X}, "y_val must be at least 0 for loss='poisson'"),
        (MLPRegressor(), {"X_val": X[:1], "y_val": Y[:1]}, "y_val must have at least 2 samples"),
        (MLPClassifier(**LARGE), {"X": X * 1e39}, "Input X contains infinity or a value too large"),
        (MLPClassifier(**LARGE), {"sample_weight": np.full(150, 1e39)}, "sample_weight must be finite in float32, got"),
        (MLPClassifier(**LARGE), {"sample_weight": np.full(150, 1e-60)}, "sample_weight must have a sum that is pos"),
        (MLPClassifier(**LARGE, class_weight={0: 1e39, 1: 1, 2: 1}), {}, "class_weight must be finite in float32"),
        (MLPClassifier(**LARGE, class_weight={0: 1e-60, 1: 0, 2: 0}), {}, "class_weight must have a sum that is"),
        (MLPClassifier(class_weight={0: -1, 1: 1, 2: 1}), {}, "class_weight must have weights that are at least 0"),
        (MLPClassifier(class_weight={0: np.nan, 1: 1, 2: 1}), {}, "class_weight must have weights that are at least"),
        (
            MLPClassifier(class_weight={0: 1e200, 1: 1, 2: 1}), {"sample_weight": np.full(150, 1e200)},
            "sample_weight times class_weight must be finite in float64, got inf",
        ),
        (MLPClassifier(), {"sample_weight": 1j}, "sample_weight must hold real numbers, got complex"),
        (MLPClassifier(), {"sample_weight": np.timedelta64(1, "s")}, "sample_weight must hold real numbers, got dates"),
        (MLPClassifier(early_stopping=True), {"sample_weight": np.arange(150) == 7}, "sample_weight is 0 for all 1"),
        *(
            (MLPClassifier(), {"X_val": X, "y_val": Y, "sample_weight_val": value}, "sample_weight_val")
            for value in (-np.ones(150), np.zeros(150), np.full(150, np.nan), np.full(150, np.inf), np.full(150, 1e308),
                          np.ones(3), np.ones((150, 2)), "x", DATES)
        ),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_number_in_the_dtype_of_the_training(model, arguments, message):
    """A network would come to a loss of NaN, or count nothing, and have a loss of 0 and its first weights."""
    with pytest.raises((TypeError, ValueError), match=message):
        model.set_params(max_iter=2).fit(**{"X": X, "y": Y} | arguments)


def test_a_training_that_goes_on_has_the_dtype_of_its_network():
    single, large = X.astype(np.float32), np.full(150, 1e39)
    model = fitted(MLPRegressor(**SMALL, warm_start=True), single, Y)
    for method in ("fit", "partial_fit"):
        for arguments in ((X * 1e39, Y), (X, large), (X, Y, large), (X, Y, np.full(150, 1e-60))):
            with pytest.raises(ValueError, match="float32"):
                getattr(model, method)(*arguments)
        with pytest.raises(ValueError, match=r"X_val: .*float32"):
            getattr(model, method)(X, Y, X_val=X * 1e39, y_val=Y)


def test_candidates_of_a_search_have_their_own_loss():
    """The samples are checked once for all of them."""
    search = fastbp.GridSearch(
        MLPRegressor(**SMALL), {"loss": ["squared_error", "poisson"]}, cv=2, refit=False, error_score="raise"
    )
    with pytest.raises(ValueError, match="y must be at least 0 for loss='poisson'"):
        search.fit(X, X[:, 0])


def test_weights_that_one_network_does_not_see():
    with pytest.raises(ValueError, match=r"sample_weight is 0 for all|the samples that were drawn for it all have"):
        fastbp.EnsembleRegressor(MLPRegressor(**SMALL, early_stopping=True), 2, random_state=0).fit(
            X, Y, np.arange(150) == 7
        )
