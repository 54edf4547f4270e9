"""Bad input to the estimators: scikit-learn's own error for the same mistake, word for word, and ours for the rest."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.sparse

import fastbp
from fastbp import MLPClassifier, MLPRegressor
from tests.cases import UNCOMPILED
from tests.estimator_cases import BOTH, VERSION, data, fitted, pair

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
X, Y, _ = data("iris")
SMALL = {"hidden_layer_sizes": 5, "max_iter": 2}


def error_of(action):
    try:
        action()
    except Exception as problem:
        return type(problem), str(problem)
    return None


def assert_same_error(kind, action, **parameters):
    """`action(estimator)` ends in the same error, whoever's the estimator is."""
    theirs, ours = (error_of(lambda e=each: action(e)) for each in pair(kind, **SMALL | parameters))
    assert theirs is not None
    assert ours == theirs


def with_value(value):
    bad = X.copy()
    bad[3, 1] = value
    return bad


FITS = {
    "nan": (with_value(np.nan), Y),
    "infinity": (with_value(np.inf), Y),
    "one dimension": (X[:, 0], Y),
    "three dimensions": (X[None], Y),
    "no samples": (X[:0], Y[:0]),
    "no inputs": (X[:, :0], Y),
    "complex": (X + 1j, Y),
    "strings": (X.astype(str).astype(object) + "x", Y),
    "none": (X, None),
    "too few targets": (X, Y[:-1]),
    "nan in y": (X, np.where(Y == 0, np.nan, Y)),
    "sparse coo of nan": (scipy.sparse.csr_matrix(with_value(np.nan)), Y),
    "a number": (1.0, Y),
}


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("mistake", FITS)
def test_fit(mistake, kind):
    X, y = FITS[mistake]
    assert_same_error(kind, lambda model: model.fit(X, y))


def test_fit_a_classifier_to_real_numbers():
    assert_same_error("MLPClassifier", lambda model: model.fit(X, X[:, 0]))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    "bad", [X[:, :3], with_value(np.nan), X[0], X[:0], X[None], np.full((2, 4), "x")], ids=lambda b: str(np.shape(b))
)
def test_predict(bad, kind):
    def action(model):
        fitted(model, X, Y)
        model.predict(bad)

    assert_same_error(kind, action)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "score"])
def test_not_fitted(method):
    arguments = (X, Y) if method == "score" else (X,)
    assert_same_error("MLPClassifier", lambda model: getattr(model, method)(*arguments))
    if hasattr(MLPRegressor, method):
        assert_same_error("MLPRegressor", lambda model: getattr(model, method)(*arguments))


PARAMETERS = [
    {"alpha": -1}, {"alpha": "1"}, {"batch_size": 0}, {"batch_size": "all"}, {"learning_rate_init": 0},
    {"power_t": -1}, {"max_iter": 0}, {"max_iter": 1.5}, {"shuffle": "no"}, {"random_state": "x"}, {"tol": -1},
    {"verbose": "yes"}, {"warm_start": 2}, {"momentum": 2}, {"nesterovs_momentum": None}, {"early_stopping": "no"},
    {"validation_fraction": 1.0}, {"beta_1": 1}, {"beta_2": -1}, {"epsilon": 0}, {"n_iter_no_change": 0},
    {"max_fun": 0}, {"hidden_layer_sizes": -1}, {"hidden_layer_sizes": (3, 0)}, {"hidden_layer_sizes": "x"},
]  # fmt: skip


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("bad", PARAMETERS, ids=str)
def test_parameters(bad, kind):
    assert_same_error(kind, lambda model: model.set_params(**bad).fit(X, Y))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("bad", [{"activation": "swish"}, {"solver": "newton"}, {"learning_rate": "cosine"}], ids=str)
def test_names(bad, kind):
    """Where there are more names than scikit-learn's, the error lists them too."""
    (name, value), *_ = bad.items()
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {kind} must be .* Got '{value}' instead"):
        getattr(fastbp, kind)(**bad).fit(X, Y)


def test_partial_fit():
    assert_same_error("MLPClassifier", lambda model: model.partial_fit(X, Y))
    assert_same_error("MLPClassifier", lambda model: model.partial_fit(X, Y, classes=[0, 1]))

    def other_classes(model):
        model.partial_fit(X, Y, classes=[0, 1, 2])
        model.partial_fit(X, Y, classes=[0, 1, 3])

    def new_class(model):
        model.partial_fit(X[Y < 2], Y[Y < 2], classes=[0, 1])
        model.partial_fit(X, Y)

    def other_inputs(model):
        model.partial_fit(X, Y, classes=[0, 1, 2])
        model.partial_fit(X[:, :2], Y)

    for action in (other_classes, new_class, other_inputs):
        assert_same_error("MLPClassifier", action)
    assert_same_error("MLPClassifier", lambda model: model.partial_fit(X, Y, classes=[0, 1, 2]), solver="lbfgs")


def test_warm_start():
    def other_classes(model):
        fitted(model, X, Y)
        fitted(model, X[Y > 0], Y[Y > 0])

    assert_same_error("MLPClassifier", other_classes, warm_start=True)
    model = fitted(MLPClassifier(**SMALL, warm_start=True), X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=r"layers of \[4, 5, 3\] units, asked for are \[4, 7, 3\]"):
        model.set_params(hidden_layer_sizes=7).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


@pytest.mark.skipif(VERSION < (1, 7), reason="scikit-learn's ends in a warning")
def test_validation_sets():
    assert_same_error("MLPRegressor", lambda m: m.fit(X, Y), early_stopping=True, validation_fraction=0.001)
    assert_same_error("MLPClassifier", lambda m: m.fit(X[48:52], Y[48:52]), early_stopping=True)
    rare = np.where(np.arange(150) == 0, 7, Y)
    assert_same_error("MLPRegressor", lambda m: m.fit(X[:1], Y[:1]), early_stopping=True)
    assert_same_error("MLPClassifier", lambda m: m.fit(X, rare == 7), early_stopping=True)


@pytest.mark.skipif(VERSION < (1, 7), reason="scikit-learn's has no sample_weight")
@pytest.mark.parametrize(
    "bad", [np.ones(3), np.ones((150, 2)), np.full(150, np.nan), "x"], ids=lambda b: str(np.shape(b))
)
def test_sample_weight(bad):
    for kind in BOTH:
        assert_same_error(kind, lambda model: model.fit(X, Y, sample_weight=bad))


# ---- Ours ------------------------------------------------------------------------------------------------------------

OURS = [
    (MLPClassifier, {"activation": ("relu",), "hidden_layer_sizes": (3, 3)}, "one for each of the 2 hidden layers"),
    (MLPClassifier, {"activation": ["relu", "x"], "hidden_layer_sizes": (3, 3)}, r"activation\[1\] must be one of"),
    (MLPClassifier, {"class_weight": "even"}, "The 'class_weight' parameter of MLPClassifier must be"),
    (MLPClassifier, {"class_weight": {9: 1.0}}, "The classes, .*, are not in class_weight"),
    (MLPClassifier, {"l1_ratio": 1.1}, r"The 'l1_ratio' parameter of MLPClassifier must be .* \[0.*1.*\]. Got 1.1"),
    (MLPClassifier, {"dropout": 1.0}, "The 'dropout' parameter of MLPClassifier must be"),
    (MLPClassifier, {"label_smoothing": 1.0}, "The 'label_smoothing' parameter of MLPClassifier must be"),
    (MLPClassifier, {"max_norm": 0}, "The 'max_norm' parameter of MLPClassifier must be"),
    (MLPClassifier, {"clip_norm": -1.0}, "The 'clip_norm' parameter of MLPClassifier must be"),
    (MLPClassifier, {"dtype": "float16"}, "The 'dtype' parameter of MLPClassifier must be"),
    (MLPClassifier, {"dtype": np.int64}, "dtype must be one of 'float32', 'float64', got 'int64'"),
    (MLPClassifier, {"n_jobs": 0}, "n_jobs must be None, a number of threads, or below 0 for all but some, got 0"),
    (MLPClassifier, {"n_jobs": 1.5}, "The 'n_jobs' parameter of MLPClassifier must be None or an instance of 'int'"),
    (MLPClassifier, {"n_jobs": "2"}, "The 'n_jobs' parameter of MLPClassifier must be None or an instance of 'int'"),
    (MLPClassifier, {"time_limit": -1}, "The 'time_limit' parameter of MLPClassifier must be"),
    (MLPClassifier, {"time_limit": 0}, "The 'time_limit' parameter of MLPClassifier must be"),
    (MLPClassifier, {"callbacks": 3}, "The 'callbacks' parameter of MLPClassifier must be"),
    (MLPClassifier, {"callbacks": [3]}, r"callbacks\[0\] must be callable, got 3"),
    (MLPClassifier, {"restore_best_weights": "x"}, "The 'restore_best_weights' parameter of MLPClassifier must be"),
    (MLPClassifier, {"hidden_layer_sizes": (2.5,)}, r"hidden_layer_sizes\[0\] must be an integer, got 2.5"),
    (MLPRegressor, {"loss": "absolute"}, "The 'loss' parameter of MLPRegressor must be"),
    (MLPRegressor, {"quantile": 0.5}, "quantile must be None for loss='squared_error', got 0.5"),
    (MLPRegressor, {"huber_delta": 0.5}, "huber_delta must be None for loss='squared_error', got 0.5"),
    (MLPRegressor, {"loss": "huber", "quantile": 0.5}, "quantile must be None for loss='huber', got 0.5"),
    (MLPRegressor, {"loss": "poisson", "huber_delta": 0.5}, "huber_delta must be None for loss='poisson', got 0.5"),
    (MLPRegressor, {"loss": "quantile", "quantile": 1.0}, r"The 'quantile' parameter of MLPRegressor must be .* \(0"),
    (MLPRegressor, {"loss": "huber", "huber_delta": 0}, r"The 'huber_delta' parameter of MLPRegressor must be .* \(0"),
    (MLPRegressor, {"loss": "huber", "huber_delta": "1"}, "The 'huber_delta' parameter of MLPRegressor must be"),
    (MLPClassifier, {"solver": "lbfgs", "dropout": 0.1}, "dropout must be 0 for solver='lbfgs', got 0.1"),
    (MLPClassifier, {"solver": "lbfgs", "l1_ratio": 0.1}, "l1_ratio must be 0 for solver='lbfgs', got 0.1"),
    (MLPClassifier, {"solver": "lbfgs", "clip_norm": 1.0}, "clip_norm must be None for solver='lbfgs', got 1.0"),
    (MLPClassifier, {"solver": "lbfgs", "max_norm": 1.0}, "max_norm must be None for solver='lbfgs', got 1.0"),
    (MLPClassifier, {"solver": "lbfgs", "diagonal": 6.0}, "diagonal must be None for solver='lbfgs', got 6.0"),
    (MLPClassifier, {"solver": "lbfgs", "rate_factors": np.ones((2, 2))}, "rate_factors must be None for solver='lbf"),
    (MLPClassifier, {"diagonal": -1.0}, "The 'diagonal' parameter of MLPClassifier must be"),
    (MLPClassifier, {"diagonal": np.inf}, "The 'diagonal' parameter of MLPClassifier must be"),
    (MLPClassifier, {"diagonal": True}, "diagonal must be a number, got True"),
    (MLPRegressor, {"rate_factors": 1.0}, "The 'rate_factors' parameter of MLPRegressor must be"),
    (MLPRegressor, {"rate_factors": [1, 2]}, r"rate_factors must have shape \(2, 2\), .* hidden_layer_sizes=.*, got"),
    (MLPClassifier, {"rate_factors": np.ones((3, 2))}, r"rate_factors must have shape \(2, 2\), for .* got \(3, 2\)"),
    (MLPClassifier, {"rate_factors": [[1, -1]] * 2}, "rate_factors must be finite and at least 0, got"),
    (MLPClassifier, {"rate_factors": [["a", "b"]] * 2}, "rate_factors must hold real numbers"),
    (MLPClassifier, {"solver": "lbfgs", "learning_rate": fastbp.Constant(0.1)}, "learning_rate must be no schedule"),
    (MLPClassifier, {"learning_rate_init": 1e-60, "dtype": "float32"}, "learning_rate_init must be positive and"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "bad", "message"), OURS, ids=lambda v: str(v) if isinstance(v, dict) else None)
def test_our_parameters(kind, bad, message):
    """A refused fit leaves a fitted model as it was."""
    model = fitted(kind(**SMALL), X, Y)
    before = model.predict(X)
    with pytest.raises((ValueError, TypeError), match=message):
        model.set_params(**bad).fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"X_val": X}, "X_val and y_val must be given together"),
        ({"y_val": Y}, "X_val and y_val must be given together"),
        ({"sample_weight_val": np.ones(150)}, "sample_weight_val needs X_val and y_val"),
        ({"X_val": X[:, :2], "y_val": Y}, "X has 2 features, but MLPClassifier is expecting 4 features"),
        ({"X_val": X, "y_val": Y[:3]}, "Found input variables with inconsistent numbers of samples"),
        ({"X_val": X, "y_val": Y + 5}, "`y_val` has classes not in `self.classes_`"),
        ({"X_val": with_value(np.nan), "y_val": Y}, "X_val: Input X contains NaN"),
        ({"X_val": X, "y_val": np.where(Y == 0, np.nan, Y)}, "Input y_val contains NaN"),
        ({"X_val": X, "y_val": Y.astype(str)}, "`y_val` has classes not in `self.classes_`"),
        ({"X_val": X, "y_val": Y.astype("M8[D]")}, "`y_val` has classes not in `self.classes_`"),
        ({"X_val": X, "y_val": np.eye(3, dtype=int)[Y]}, "y_val must be labels as y was, multiclass, got multilabel-"),
        ({"X_val": X, "y_val": Y + 0.5}, "y_val must be labels as y was, multiclass, got contin"),
        ({"sample_weight": -np.ones(150)}, "Negative values in data passed to `sample_weight`"),
        ({"sample_weight": np.zeros(150)}, "weights|zero|positive"),
        ({"sample_weight": (Y == 0) * 1e-300 * 1e-300}, "weights|zero|positive"),
        ({"sample_weight": np.full(150, 1e308)}, "sample_weight must have a sum that is positive and finite"),
        ({"sample_weight": np.inf}, "sample_weight must be finite, got inf"),
    ],
)
def test_our_arguments(more, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**SMALL).fit(X, Y, **more)


def test_targets_of_a_regressor():
    with pytest.raises(ValueError, match=r"y must be at least 0 for loss='poisson', got -1"):
        MLPRegressor(**SMALL, loss="poisson").fit(X, Y - 1.0)
    with pytest.raises(ValueError, match="y must be finite in float32"):
        MLPRegressor(**SMALL, dtype="float32").fit(X, Y * 1e300)
    with pytest.raises(ValueError, match="value too large for dtype"):
        MLPRegressor(**SMALL, dtype="float32").fit(X * 1e300, Y)
    with pytest.raises(ValueError, match="y_val"):
        MLPRegressor(**SMALL).fit(X, Y, X_val=X, y_val=np.column_stack([Y, Y]))


def test_texts_are_no_labels_where_numbers_were():
    """NumPy finds "0" among 0, 1, ... if these are many."""
    y, texts = np.arange(150) % 20, np.full(150, "0")
    model = fitted(MLPClassifier(**SMALL), X, y)
    for action in (lambda: model.partial_fit(X, texts), lambda: model.fit(X, y, X_val=X, y_val=texts)):
        with pytest.raises(ValueError, match=r"has classes not in `self.classes_`"):
            action()
