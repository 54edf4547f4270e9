"""Data frames of every dtype: no needless warning, the predictions of an array with the same numbers, no dates."""

import datetime
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import fastbp
from tests.cases import UNCOMPILED

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # any other one is an error
]
NAMES = ["a", "b", "c"]
NUMBERS = np.random.default_rng(0).integers(0, 2, (80, 3))  # which every dtype knows
CLASSES, TARGETS = NUMBERS[:, 0] ^ NUMBERS[:, 1], NUMBERS @ [0.5, -1.0, 0.25]
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
PANDAS = [
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), "bool", "float16", "float32", "float64",
    "object", "Int8", "UInt16", "Int64", "Float32", "Float64", "boolean", "Sparse[int]", "Sparse[float]",
    "Sparse[bool]", "int8[pyarrow]", "int64[pyarrow]", "float[pyarrow]", "double[pyarrow]", "bool[pyarrow]",
]  # fmt: skip
POLARS = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt64", "Float32", "Float64", "Boolean"]


def frame_of(library, dtype):
    frames = pytest.importorskip(library)
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    if library == "pandas":
        dtype = frames.SparseDtype(float, 0) if dtype == "Sparse[float]" else dtype  # where NaN is what is not stored
        return frames.DataFrame(NUMBERS, columns=NAMES).astype(dtype)
    return frames.DataFrame(NUMBERS, schema=NAMES).cast(getattr(frames, dtype))


def mixed(library):
    frames = pytest.importorskip(library)
    return frames.DataFrame({"a": NUMBERS[:, 0], "b": NUMBERS[:, 1] > 0, "c": NUMBERS[:, 2].astype(np.float32)})


@pytest.mark.parametrize("network", [None, "float32"])
@pytest.mark.parametrize(
    ("library", "dtype"), [*(("pandas", dtype) for dtype in PANDAS), *(("polars", dtype) for dtype in POLARS)]
)
def test_a_frame_of_any_dtype(library, dtype, network):
    frame = frame_of(library, dtype)
    model = fastbp.MLPClassifier(**SMALL, dtype=network).fit(frame, CLASSES, X_val=frame, y_val=CLASSES)
    assert model.feature_names_in_.tolist() == NAMES
    arrays = fastbp.MLPClassifier(**SMALL, dtype=model.coefs_[0].dtype).fit(NUMBERS, CLASSES)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        for rows in (80, 1):
            found = getattr(model, method)(frame[:rows])
            np.testing.assert_allclose(found, getattr(arrays, method)(NUMBERS[:rows]), rtol=1e-5)
    assert model.score(frame, CLASSES) == arrays.score(NUMBERS, CLASSES)
    model.partial_fit(frame, CLASSES)
    regressor = fastbp.MLPRegressor(**SMALL, dtype=network).fit(frame, TARGETS, X_val=frame, y_val=TARGETS)
    assert regressor.partial_fit(frame, TARGETS).predict(frame).shape == (80,)
    regressor.score(frame, TARGETS)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_of_several_dtypes(library):
    model = fastbp.MLPClassifier(**SMALL).fit(mixed(library), CLASSES)
    plain = fastbp.MLPClassifier(**SMALL).fit(NUMBERS, CLASSES)
    np.testing.assert_allclose(model.predict_proba(mixed(library)), plain.predict_proba(NUMBERS), rtol=1e-6)


ENSEMBLES = [
    fastbp.EnsembleClassifier(fastbp.MLPClassifier(**SMALL, early_stopping=True, dtype="float32"), 3),
    fastbp.EnsembleClassifier(fastbp.MLPClassifier(**SMALL), 20, bootstrap=True, oob_score=True, random_state=0),
    fastbp.EnsembleRegressor(fastbp.MLPRegressor(**SMALL), 20, bootstrap=True, oob_score=True, random_state=0),
]
GRID = {"alpha": [0.1, 1.0]}
PIPELINE = make_pipeline(FunctionTransformer(feature_names_out="one-to-one"), fastbp.MLPRegressor(**SMALL))
SEARCHES = [
    fastbp.GridSearch(fastbp.MLPClassifier(**SMALL), GRID, cv=2),
    fastbp.RandomSearch(fastbp.MLPRegressor(**SMALL, dtype="float32"), GRID, n_iter=2, cv=2),
    fastbp.GridSearch(fastbp.MLPClassifier(**SMALL), GRID, cv=2, halving=True),
    fastbp.GridSearch(PIPELINE, {"mlpregressor__alpha": [0.1, 1.0]}, cv=2),
]


@pytest.mark.parametrize(("library", "dtype"), [("pandas", "int64"), ("pandas", "Float32"), ("polars", "Boolean")])
@pytest.mark.parametrize("model", ENSEMBLES + SEARCHES, ids=lambda model: type(model).__name__)
def test_ensembles_and_searches(model, library, dtype):
    frame = frame_of(library, dtype)
    series = pytest.importorskip(library).Series
    is_regressor = "Regressor" in repr(model)
    y = series(TARGETS if is_regressor else CLASSES)
    model.fit(frame, y)
    model.predict(frame)
    model.score(frame, y)
    if not is_regressor:
        model.predict_proba(frame)


def test_what_is_left_out_is_scored_with_labels_of_any_dtype():
    labels = pytest.importorskip("pandas").Series(CLASSES, dtype="Int64")
    model = ENSEMBLES[1]
    assert model.fit(NUMBERS, labels).oob_score_ == model.fit(NUMBERS, CLASSES).oob_score_


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_of_scikit_learn_get_the_frame(solver, library):
    monitor = pytest.importorskip("sklearn.callback").ScoringMonitor(scoring="accuracy")
    network = fastbp.MLPClassifier(**SMALL, solver=solver).set_callbacks(monitor)
    network.fit(frame_of(library, "Int64"), CLASSES)
    fastbp.EnsembleClassifier(network, 2, bootstrap=True).fit(frame_of(library, "Int64"), CLASSES)


# ---- Warnings and errors that are meant ------------------------------------------------------------------------------


def warnings_of(action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [str(each.message) for each in caught if "feature names" in str(each.message)]


@pytest.mark.parametrize("rows", [80, 1])
@pytest.mark.parametrize("dtype", ["int64", "float64"])
@pytest.mark.parametrize(
    "model", [fastbp.MLPRegressor(**SMALL), fastbp.EnsembleRegressor(fastbp.MLPRegressor(**SMALL), 2)], ids=str
)
def test_names_that_are_missing_or_others(model, dtype, rows):
    frame = frame_of("pandas", dtype)
    arrays, frame_rows = NUMBERS.astype(dtype)[:rows], frame[:rows]
    kind = type(model).__name__
    model.fit(frame, TARGETS)
    told = [f"X does not have valid feature names, but {kind} was fitted with feature names"]
    assert warnings_of(lambda: model.predict(arrays)) == told
    assert warnings_of(lambda: model.predict(frame_rows)) == []
    for other in (frame_rows[["b", "a", "c"]], frame_rows.rename(columns={"a": "x"})):
        with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
            model.predict(other)
    assert warnings_of(lambda: model.fit(NUMBERS, TARGETS).predict(arrays)) == []
    told = [f"X has feature names, but {kind} was fitted without feature names"]
    assert warnings_of(lambda: model.predict(frame_rows)) == told


def columns_of_dates(library):
    """Frames with numbers, of which one column has dates."""
    frames = pytest.importorskip(library)
    day, second = np.datetime64("2024-01-01") + np.arange(80).astype("m8[D]"), np.arange(80).astype("m8[ms]")
    if library == "polars":
        for dates in (day, second, [datetime.time(1, i % 60) for i in range(80)]):
            yield frames.DataFrame({"a": NUMBERS[:, 0], "b": dates})
        return
    frame = frames.DataFrame(NUMBERS, columns=NAMES)
    stamps = frames.Series(day.astype("M8[ns]"))
    yield frames.DataFrame({"b": stamps})
    for dates in (
        stamps, stamps.dt.tz_localize("UTC"), second, stamps.astype("category"), stamps.astype(object), day.tolist(),
        frames.Series(list(day.astype("M8[ns]")), dtype=object), frames.Series([frames.NaT] * 80),
    ):  # fmt: skip
        yield frame.assign(b=dates)
    try:
        yield frame.assign(b=stamps.astype("timestamp[ns][pyarrow]"))
        yield frame.assign(b=stamps.astype("date32[day][pyarrow]"))
    except ImportError:  # pandas without pyarrow
        return


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_dates(library):
    fitted = fastbp.MLPRegressor(**SMALL).fit(NUMBERS, TARGETS)
    for frame in columns_of_dates(library):
        for model in (fastbp.MLPRegressor(**SMALL), fastbp.EnsembleRegressor(fastbp.MLPRegressor(**SMALL), 2)):
            with pytest.raises(TypeError, match=r"X must hold real numbers, got dates or times \(\w+\) in column 'b'"):
                model.fit(frame, TARGETS)
        with pytest.raises(TypeError, match="X must hold real numbers, got dates or times"):
            fitted.predict(frame)
        dates = frame["b"]
        with pytest.raises((TypeError, ValueError), match="y must hold real numbers, got dates"):
            fastbp.MLPRegressor(**SMALL).fit(NUMBERS, dates)
        with pytest.raises((TypeError, ValueError), match="sample_weight must hold real numbers, got dates"):
            fastbp.MLPRegressor(**SMALL).fit(NUMBERS, TARGETS, dates)
