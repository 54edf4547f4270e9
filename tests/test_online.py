"""Networks that learn a sample at a time: the bits of training, features and classes that come later, River, files."""

import copy
import pickle

import numpy as np
import pytest

import fastbp
from fastbp import OnlineClassifier, OnlineRegressor
from fastbp.lecture import loops, matrix
from tests.cases import DTYPES, assert_close

NAMES = [f"f{i}" for i in range(5)]


def stream(n=200, seed=0):
    """Dicts of five features, a class and a number for each."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)) * [1, 10, 100, 0.1, 1] + [0, 5, -300, 1, 0]
    labels = np.digitize(X[:, 0] + (X[:, 1] - 5) / 10, [-0.5, 0.5])
    y = 50 + X[:, 1] - X[:, 2] / 10
    return [dict(zip(NAMES, row, strict=True)) for row in X.tolist()], labels.tolist(), y.tolist()


# ---- The formulas ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_running_moments_are_those_of_all_samples(dtype):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(50, 4)) * [1, 5, 0, 2] + [0, 3, 7, -1]).astype(dtype)
    X[rng.random(X.shape) < 0.2] = np.nan
    X[:, 3] = np.nan  # never there
    one, many = (tuple(np.zeros((3, 4), dtype)) for _ in range(2))
    for x in X:
        loops.running_moments(x, *one)
    matrix.running_moments(X[:20], *many)
    matrix.running_moments(X[20], *many)
    matrix.running_moments(X[21:], *many)
    for mine, theirs in zip(one, many, strict=True):
        assert_close(mine, theirs, dtype, times=10)
    assert_close(one[1][:3], np.nanmean(X[:, :3].astype(float), axis=0), dtype, times=10)
    assert_close(one[2][:2], np.nanvar(X[:, :2].astype(float), axis=0) * one[0][:2], dtype, times=10)
    by_loops, by_matrix = np.empty_like(X), np.empty_like(X)
    for x, z in zip(X, by_loops, strict=True):
        loops.standard_scores(x, *one, z)
    matrix.standard_scores(X, *many, by_matrix)
    assert_close(by_loops, by_matrix, dtype, times=100)
    assert not by_loops[:, 2:].any()  # always the same, or never there
    assert by_loops[:, 1].std() == pytest.approx(1, abs=0.2)


# ---- Steps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", [fastbp.Adam(0.01), fastbp.SGD(0.05), fastbp.SGD(0.05, 0.9), fastbp.RMSprop(0.01)])
@pytest.mark.parametrize("hidden", [(), (20,), (7, 9)])
def test_without_standardisation_they_have_the_bits_of_train(hidden, rule, dtype):
    xs, labels, y = stream(60)
    X = np.array([[*x.values()] for x in xs]) / [1, 10, 100, 1, 1]
    xs, y = [dict(zip(NAMES, row, strict=True)) for row in X.tolist()], [value / 100 for value in y]
    how = {"standardize": False, "hidden_layer_sizes": hidden, "optimizer": rule, "dtype": dtype, "seed": 3, "l2": 0.01}
    options = {"epochs": 1, "batch_size": 1, "shuffle": False, "optimizer": rule, "l2": 0.01, "version": "loops"}
    classifier, regressor = OnlineClassifier(**how), OnlineRegressor(**how)
    for x, label, target in zip(xs, labels, y, strict=True):
        classifier.learn_one(x, label % 2)
        regressor.learn_one(x, target)
    order = {label: place for place, label in enumerate(classifier.classes)}
    for model, output, D in (
        (classifier, "softmax", [order[label % 2] for label in labels]), (regressor, "identity", y)
    ):  # fmt: skip
        network = fastbp.Network((5, *hidden, model.network.sizes[-1]), "relu", output, dtype, seed=3)
        fastbp.train(network, X, D, **options)
        assert model.network.theta.tobytes() == network.theta.tobytes()


def test_they_learn():
    xs, labels, y = stream(3000)
    classifier, regressor = OnlineClassifier(seed=1), OnlineRegressor(seed=1)
    right, apart = [], []
    for x, label, target in zip(xs, labels, y, strict=True):
        right.append(classifier.predict_one(x) == (label > 0))
        apart.append(regressor.predict_one(x) - target)
        classifier.learn_one(x, label > 0)
        regressor.learn_one(x, target)
    assert np.mean(right[-1000:]) > 0.9
    assert np.sqrt(np.mean(np.square(apart[-1000:]))) < 0.2 * np.std(y)


def test_a_weight_multiplies_the_gradient():
    models = [OnlineRegressor(optimizer=fastbp.SGD(0.1), standardize=False, dtype="float64") for _ in range(2)]
    for model in models:
        model.learn_one({"a": 1.0}, 1.0, 0.0)
    before = models[0].network.theta.copy()
    models[0].learn_one({"a": 1.0}, 1.0)
    models[1].learn_one({"a": 1.0}, 1.0, 0.5)
    np.testing.assert_allclose(models[1].network.theta - before, 0.5 * (models[0].network.theta - before), rtol=1e-12)


def test_rows_of_a_frame_are_learnt_one_after_the_other():
    pandas = pytest.importorskip("pandas")
    xs, labels, y = stream(30)
    X = pandas.DataFrame(xs, index=range(100, 130))
    for one, many, targets in (
        (OnlineClassifier(), OnlineClassifier(), labels), (OnlineRegressor(), OnlineRegressor(), y)
    ):  # fmt: skip
        for x, target in zip(xs, targets, strict=True):
            one.learn_one(x, target)
        many.learn_many(X, pandas.Series(targets))
        assert one.network.theta.tobytes() == many.network.theta.tobytes()
        found = many.predict_many(X)
        assert found.tolist() == [one.predict_one(x) for x in xs]
        assert found.index.tolist() == [*range(100, 130)]
    probable = OnlineClassifier()
    assert probable.predict_proba_many(X).shape == (30, 0)
    probable.learn_many(X, labels)
    assert probable.predict_proba_many(X).columns.tolist() == probable.classes
    np.testing.assert_allclose(probable.predict_proba_many(X).sum(axis=1), 1, rtol=1e-6)
    with pytest.raises(TypeError, match="X must be a data frame, got"):
        probable.learn_many(np.ones((3, 5)), [0, 1, 0])


# ---- What comes later ------------------------------------------------------------------------------------------------


def test_a_new_feature_changes_nothing_that_was_said():
    xs, labels, y = stream(100)
    for model, targets in ((OnlineClassifier(), labels), (OnlineRegressor(), y)):
        for x, target in zip(xs, targets, strict=True):
            model.learn_one(x, target)
        before = [model.predict_one(x) for x in xs]
        model._grow(["new"], 0)
        assert [model.predict_one(x) for x in xs] == before
        steps = model._steps
        for x, target in zip(xs, targets, strict=True):
            model.learn_one(x | {"new": target}, target)
        assert model.feature_names == [*NAMES, "new"]
        assert model.network.sizes[0] == 6
        assert model.network.W[0][:, 5].any()
        assert model._steps == steps + 100
        assert model.predict_one(xs[0] | {"new": targets[0]}) is not None


def test_a_new_class_gets_an_output_and_the_others_stay_nearly():
    xs, _, _ = stream(100)
    model = OnlineClassifier(optimizer=fastbp.SGD(0.01))
    assert model.predict_one(xs[0]) is None
    assert model.predict_proba_one(xs[0]) == {}
    model.learn_one(xs[0], "a")
    assert model.predict_proba_one(xs[0]) == {"a": 1.0}
    for i, x in enumerate(xs):
        model.learn_one(x, "ab"[i % 2])
    assert [*model.predict_proba_one(xs[0])] == ["a", "b"]
    model.learn_one(xs[0], "c")
    assert model.network.sizes[-1] == 3
    assert model.classes == ["a", "b", "c"]
    found = model.predict_proba_one(xs[1])
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0
    for x in xs:
        model.learn_one(x, "c")
    assert model.predict_one(xs[0]) == "c"


def test_a_feature_that_is_missing_counts_as_its_mean():
    model = OnlineRegressor(dtype="float64")
    for i in range(50):
        model.learn_one({"a": i % 5, "b": i % 3}, i % 5)
    mean = float(np.mean([i % 3 for i in range(50)]))
    assert model.predict_one({"a": 1}) == pytest.approx(model.predict_one({"a": 1, "b": mean}), rel=1e-12)
    assert model.predict_one({"a": 1, "never seen": 9}) == model.predict_one({"a": 1})
    counts = model._stats[0].copy()
    model.learn_one({"a": 1}, 1)
    assert (model._stats[0] - counts).tolist() == [1, 0, 1]  # and the target's


def test_plain_and_numpy_numbers_are_taken_alike():
    models = [OnlineRegressor() for _ in range(2)]
    models[0].learn_one({"a": 1, "b": True, "c": 0.5}, 2)
    models[1].learn_one({"a": np.int64(1), "b": np.bool_(True), "c": np.float32(0.5)}, np.float64(2.0))
    assert models[0].network.theta.tobytes() == models[1].network.theta.tobytes()


# ---- Copies and files ------------------------------------------------------------------------------------------------


def goes_on_alike(one, other, xs, targets):
    for x, target in zip(xs, targets, strict=True):
        one.learn_one(x, target)
        other.learn_one(x, target)
    return one.network.theta.tobytes() == other.network.theta.tobytes()


@pytest.mark.parametrize("kind", [OnlineClassifier, OnlineRegressor])
def test_copies_go_on_with_the_same_bits(kind, tmp_path):
    xs, labels, y = stream(120)
    targets = labels if kind is OnlineClassifier else y
    model = kind((6,), "tanh", fastbp.SGD(0.01, 0.9), l2=0.001, dtype="float64", seed=5)
    assert pickle.loads(pickle.dumps(model)).network is None
    with pytest.raises(ValueError, match="must have seen a sample"):
        model.save(tmp_path / "model")
    for x, target in zip(xs[:60], targets, strict=False):
        model.learn_one(x, target)
    model.save(tmp_path / "model")
    copies = [pickle.loads(pickle.dumps(model)), model.clone(include_attributes=True), fastbp.load(tmp_path / "model")]
    fresh = model.clone({"seed": 6})
    assert fresh.network is None
    assert (fresh.seed, fresh.l2) == (6, 0.001)
    for other in copies:
        assert repr(other) == repr(model)
        assert other.predict_one(xs[0]) == model.predict_one(xs[0])
        before = pickle.loads(pickle.dumps(model))
        assert goes_on_alike(before, other, xs[60:], targets[60:])
    assert model.predict_one(xs[0]) == pickle.loads(pickle.dumps(model)).predict_one(xs[0])


def test_a_copy_with_other_parameters_fits_them():
    model = OnlineRegressor((30,), optimizer=fastbp.SGD(0.01))
    model.learn_one({"a": 1.0}, 1.0)
    other = model.clone({"optimizer": fastbp.Adam(0.01)}, include_attributes=True)
    assert other._moments.shape == (2, other.network.theta.size)
    assert goes_on_alike(other, other.clone(include_attributes=True), [{"a": 2.0}] * 9, [1.0] * 9)
    for name, value in (("hidden_layer_sizes", (3,)), ("dtype", "float64"), ("activation", "tanh")):
        with pytest.raises(ValueError, match=f"new_params: {name} must stay"):
            model.clone({name: value}, include_attributes=True)
    copied = copy.copy(model)
    assert copied.network is not model.network
    assert goes_on_alike(model, copied, [{"a": 2.0}] * 9, [1.0] * 9)


@pytest.mark.parametrize("activation", ["tanh", "relu", "[tanh, tanh]"])
def test_a_file_whose_network_is_not_that_of_its_parameters_is_refused(activation, tmp_path, monkeypatch):
    model = OnlineRegressor((4,), "tanh")
    model.learn_one({"a": 1.0}, 1.0)
    record = fastbp.Network._record
    monkeypatch.setattr(
        fastbp.Network, "_record", lambda self: (record(self)[0] | {"activation": activation}, record(self)[1])
    )
    model.save(tmp_path / "model")
    if activation == "tanh":
        assert fastbp.load(tmp_path / "model").feature_names == ["a"]
    else:
        with pytest.raises(fastbp.ModelFileError):
            fastbp.load(tmp_path / "model")


def test_frames_are_checked_before_a_row_is_learnt():
    pandas = pytest.importorskip("pandas")
    model = OnlineRegressor()
    with pytest.raises(ValueError, match="y must have a target for each of the 2 rows of X, got 1"):
        model.learn_many(pandas.DataFrame({"a": [1.0, 2.0]}), [1.0])
    with pytest.raises(ValueError, match="X must have columns of different names"):
        model.learn_many(pandas.DataFrame([[1.0, 2.0]], columns=["a", "a"]), [1.0])
    assert model.network is None
    with pytest.raises(TypeError, match=r"X must be a pandas.DataFrame"):
        model.predict_many(pytest.importorskip("polars").DataFrame({"a": [1.0]}))


def test_what_no_file_can_hold_is_told(tmp_path):
    model = OnlineRegressor()
    model.learn_one({1: 2.0}, 3.0)
    with pytest.raises(TypeError, match="features must be named by texts"):
        model.save(tmp_path / "model")
    classifier = OnlineClassifier()
    classifier.learn_one({"a": 1.0}, "one")
    classifier.learn_one({"a": 1.0}, 2)
    with pytest.raises(TypeError, match="classes must be all numbers of one type or all texts"):
        classifier.save(tmp_path / "model")
    pairs = OnlineClassifier()
    pairs.learn_one({"a": 1.0}, (1, 2))
    pairs.learn_one({"a": 2.0}, (1,))
    with pytest.raises(TypeError, match="classes must be all numbers of one type or all texts"):
        pairs.save(tmp_path / "model")
    assert not [*tmp_path.iterdir()]


# ---- River -----------------------------------------------------------------------------------------------------------


def test_they_work_in_rivers_pipelines():
    pytest.importorskip("river")
    from river import base, compose, ensemble, evaluate, feature_extraction, metrics, preprocessing

    xs, labels, y = stream(400)
    assert isinstance(OnlineClassifier(), base.Classifier)
    assert isinstance(OnlineRegressor(), base.Regressor)
    model = preprocessing.StandardScaler() | OnlineClassifier(standardize=False)
    found = evaluate.progressive_val_score(zip(xs, labels, strict=True), model, metrics.Accuracy())
    assert 0 < found.get() <= 1
    assert issubclass(OnlineClassifier, base.MiniBatchClassifier)
    bag = ensemble.BaggingClassifier(OnlineClassifier(), n_models=3, seed=1)
    assert evaluate.progressive_val_score(zip(xs, labels, strict=True), bag, metrics.Accuracy()).get() > 0.5
    words = feature_extraction.BagOfWords() | OnlineClassifier()
    for text in ("good day", "bad day", "", "good good"):
        words.learn_one(text, "good" in text)
    assert words.predict_one("good") in (True, False)
    select = compose.Select("f1", "f2") | OnlineRegressor()
    found = evaluate.progressive_val_score(zip(xs, y, strict=True), select, metrics.MAE())
    assert found.get() < np.std(y)
    assert select.clone()["OnlineRegressor"].network is None


# ---- A stream has no end ---------------------------------------------------------------------------------------------


def test_what_is_kept_does_not_grow_with_the_stream():
    xs, _, y = stream(50)
    model, sizes = OnlineRegressor(), []
    for _ in range(3):
        for x, target in zip(xs, y, strict=True):
            model.learn_one(x, target)
        sizes.append(len(pickle.dumps(model)))
    assert max(sizes) - min(sizes) < 16  # the number of steps
    assert model._steps == 150
