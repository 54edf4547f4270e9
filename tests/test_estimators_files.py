"""Estimators in files: all that a fit has left comes back, so that partial_fit goes on with the same bits."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import fastbp
from fastbp.files import safetensors
from tests.cases import UNCOMPILED

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
CLASSES = rng.integers(0, 3, 120)
QUICK = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0, "batch_size": 16}


def classifier(**more):
    return fastbp.MLPClassifier(**QUICK | more)


def regressor(**more):
    return fastbp.MLPRegressor(**QUICK | more)


MODELS = {
    "plain": (classifier(), CLASSES),
    "two classes": (classifier(), CLASSES > 0),
    "one class": (classifier(), np.zeros(120, int)),
    "texts": (classifier(), np.array(["ä", "b\x00c", ""])[CLASSES]),
    "objects": (classifier(), np.array(["a", "b", "c"], object)[CLASSES]),
    "small integers": (classifier(), CLASSES.astype(np.uint8)),
    "floats": (classifier(), CLASSES.astype(np.float32)),
    "several labels": (classifier(), np.eye(3, dtype=int)[CLASSES]),
    "float32": (classifier(dtype="float32"), CLASSES),
    "float32 as a class": (classifier(dtype=np.float32), CLASSES),
    "early stopping": (classifier(early_stopping=True, n_iter_no_change=np.inf), CLASSES),
    "best weights": (classifier(restore_best_weights=True, tol=0.0), CLASSES),
    "lbfgs": (classifier(solver="lbfgs"), CLASSES),
    "list of weights": (
        classifier(class_weight=[{0: 1, 1: 5}, {0: 2, 1: 1}, {0: 1, 1: 1}]),
        np.eye(3, dtype=int)[CLASSES],
    ),
    "warm start": (classifier(warm_start=True), CLASSES),
    "large integers": (classifier(), CLASSES.astype(np.uint64) + np.uint64(2**63)),
    "half floats": (classifier(), CLASSES.astype(np.float16)),
    "float64 as a class": (classifier(dtype=float), CLASSES),
    "layers": (classifier(hidden_layer_sizes=[5, 4], activation=["tanh", "logistic"]), CLASSES),
    "no layers": (classifier(hidden_layer_sizes=[]), CLASSES),
    "arrays": (classifier(hidden_layer_sizes=np.array([3, 2])), CLASSES),
    "class weights": (classifier(class_weight={0: 0.5, 1: 1, 2: 2.0}), CLASSES),
    "label smoothing": (classifier(label_smoothing=0.2), CLASSES),
    "optimizer": (classifier(solver=fastbp.SGD(fastbp.WarmUp(3, fastbp.CosineDecay(0.1)), 0.9, True)), CLASSES),
    "schedule": (classifier(learning_rate=fastbp.OneCycle(0.1)), CLASSES),
    "adaptive": (classifier(solver="sgd", learning_rate="adaptive", tol=9.0, n_iter_no_change=1), CLASSES),
    "generator": (classifier(random_state=np.random.RandomState(3)), CLASSES),
    "no seed": (classifier(random_state=None), CLASSES),
    "dropout": (classifier(dropout=0.2), CLASSES),
    "rates": (classifier(rate_factors=np.array([[1, 0.1], [0.5, 0]])), CLASSES),
    "diagonal": (classifier(diagonal=6.0), CLASSES),
    "diagonal, float32": (regressor(diagonal=6.0, dtype="float32", rate_factors=[[1, 0.1], (0.5, 0)]), X[:, 0]),
    "regressor": (regressor(), X[:, 0]),
    "two outputs": (regressor(), X[:, :2]),
    "huber": (regressor(loss="huber", huber_delta=0.3), X[:, 0]),
    "quantile": (regressor(loss="quantile", quantile=0.9), X[:, 0]),
    "poisson": (regressor(loss="poisson"), X[:, 0] ** 2),
}


def same(a, b):
    return all(
        c.tobytes() == d.tobytes() and c.dtype == d.dtype
        for c, d in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True)
    )


def fitted(model):
    """The public attributes that a fit leaves, but for the parameters of the network."""
    return {n: v for n, v in vars(model).items() if n.endswith("_") and n not in ("coefs_", "intercepts_")}


@pytest.mark.parametrize("name", MODELS)
def test_all_of_it_comes_back(name, tmp_path):
    model, y = MODELS[name]
    model = clone(model).fit(X, y)
    model.save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    assert type(came) is type(model)
    assert same(came, model)
    np.testing.assert_array_equal(came.predict(X), model.predict(X))
    before, after = fitted(model), fitted(came)
    assert after.keys() == before.keys()
    for attribute, value in before.items():
        assert type(after[attribute]) is type(value), attribute
        assert getattr(after[attribute], "dtype", None) == getattr(value, "dtype", None), attribute
        np.testing.assert_array_equal(after[attribute], value, attribute)


def test_the_parameters_come_back(tmp_path):
    """Arrays as tuples, a dtype by its name; a generator in its state."""
    for model, y in MODELS.values():
        model = clone(model).fit(X, y)
        model.save(tmp_path / "model")
        came = fastbp.load(tmp_path / "model").get_params()
        for name, value in model.get_params().items():
            if isinstance(value, np.random.RandomState):
                np.testing.assert_array_equal(came[name].random(9), value.random(9))
            elif name == "dtype" and value is not None:
                assert came[name] == np.dtype(value).name
            elif isinstance(value, np.ndarray):
                assert isinstance(came[name], tuple)
                np.testing.assert_array_equal(came[name], value)
            else:
                assert came[name] == value, name


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("no seed", "lbfgs")])
def test_partial_fit_goes_on_with_the_same_bits(name, tmp_path):
    model, y = MODELS[name]
    model = clone(model).fit(X, y)
    model.save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    for one in (model, came):
        one.partial_fit(X, y).partial_fit(X, y)
    assert same(came, model)
    assert came.loss_curve_ == model.loss_curve_
    assert came.n_iter_ == model.n_iter_
    assert came.stopped_ == model.stopped_


def test_names_of_inputs_come_back(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = classifier().fit(frame, CLASSES)
    model.save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    assert came.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        came.predict(frame[list("dcba")])


def test_an_estimator_that_was_read_can_be_copied_and_saved_again(tmp_path):
    classifier().fit(X, CLASSES).save(tmp_path / "one")
    fastbp.load(tmp_path / "one").save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("bootstrap", [False, True])
@pytest.mark.parametrize("kind", ["classifier", "regressor", "default"])
def test_ensembles(kind, bootstrap, tmp_path):
    base = {"classifier": classifier(solver="adamw"), "regressor": regressor(solver="lbfgs"), "default": None}[kind]
    made = fastbp.EnsembleRegressor if kind == "regressor" else fastbp.EnsembleClassifier
    y = X[:, 0] if kind == "regressor" else np.array(list("abc"))[CLASSES]
    n = {"default": 1, "classifier": 30, "regressor": 30}[kind]
    ensemble = made(base, n, bootstrap=bootstrap, oob_score=bootstrap and n > 1, random_state=0, max_samples=0.9)
    ensemble.fit(X, y)
    ensemble.save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    assert repr(came) == repr(ensemble)
    for mine, theirs in zip(came.predict(X, return_std=True), ensemble.predict(X, return_std=True), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert all(map(np.array_equal, came.estimators_samples_, ensemble.estimators_samples_))
    for one, other in zip(came.estimators_, ensemble.estimators_, strict=True):
        assert same(one, other)
        assert getattr(one, "loss_curve_", None) == getattr(other, "loss_curve_", None)
        assert (one.n_iter_, one.random_state) == (other.n_iter_, other.random_state)
    assert {a for a in vars(came) if a.endswith("_")} == {a for a in vars(ensemble) if a.endswith("_")}
    if bootstrap and n > 1:
        assert came.oob_score_ == ensemble.oob_score_


# ---- What a file cannot hold -----------------------------------------------------------------------------------------


class Halving(fastbp.Schedule):
    def rates(self, steps, total):
        return 0.01 / 2.0**steps

    def __repr__(self):
        return "Halving()"


@pytest.mark.parametrize(
    ("parameter", "value", "default"),
    [("callbacks", print, None), ("learning_rate", Halving(), "constant"), ("solver", fastbp.SGD(Halving()), "adam")],
)
def test_code_is_left_out_with_a_warning(parameter, value, default, tmp_path, capsys):
    model = classifier(**{parameter: value}).fit(X, CLASSES)
    with pytest.warns(RuntimeWarning, match=f"^{parameter}=.* is not in the file, which holds no code"):
        model.save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    assert getattr(came, parameter) == default
    np.testing.assert_array_equal(came.predict(X), model.predict(X))


def test_other_generators_and_callbacks_of_scikit_learn_are_left_out_too(tmp_path):
    other = classifier(random_state=np.random.RandomState(np.random.PCG64(1))).fit(X, CLASSES)
    with pytest.warns(RuntimeWarning, match="^random_state=.* is not in the file"):
        other.save(tmp_path / "model")
    assert fastbp.load(tmp_path / "model").random_state is None
    if hasattr(fastbp.MLPClassifier, "set_callbacks"):
        from sklearn.callback import ScoringMonitor

        model = classifier().set_callbacks(ScoringMonitor(scoring="accuracy")).fit(X, CLASSES)
        with pytest.warns(RuntimeWarning, match="^callbacks=.* is not in the file"):
            model.save(tmp_path / "model")


def test_what_could_not_be_read_is_not_written(tmp_path):
    """Parameters that were changed after the fit."""
    model = regressor().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="ask for the loss 'poisson' of outputs by exponential, but the network was"):
        model.set_params(loss="poisson").save(tmp_path / "model")
    with pytest.raises(ValueError, match="'alpha' parameter"):
        model.set_params(loss="squared_error", alpha=-1).save(tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_labels_that_no_file_can_hold(tmp_path):
    model = classifier().fit(X, np.array(["a", "b", "\ud800"])[CLASSES])
    with pytest.raises(TypeError, match="classes_ hold half a character"):
        model.save(tmp_path / "model")


def test_long_labels_come_back_as_objects(tmp_path):
    labels = np.array(["a", "b", "c" * 200_000])
    model = classifier().fit(X, labels[CLASSES])
    model.save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    assert came.classes_.dtype == object
    assert (came.predict(X) == model.predict(X)).all()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_validation_data(solver, early_stopping, tmp_path):
    model = classifier(solver=solver, early_stopping=early_stopping)
    model.fit(X, CLASSES, X_val=X[:30], y_val=CLASSES[:30]).save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    assert came.validation_scores_ == model.validation_scores_
    assert fitted(came).keys() == fitted(model).keys()


def test_unfitted_estimators_are_refused(tmp_path):
    for model in (classifier(), regressor(), fastbp.EnsembleClassifier()):
        with pytest.raises(NotFittedError):
            model.save(tmp_path / "model")
    assert not any(tmp_path.iterdir())


CHANGES = {
    "it has 3 classes for 3 outputs": lambda s, a: s.update(targets="binary"),
    "must be one of 'binary', 'multiclass'": lambda s, a: s.update(targets="x"),
    "The 'alpha' parameter of MLPClassifier must be": lambda s, a: s.update({"parameter alpha": "-1.0"}),
    "'parameter alpha' is no value": lambda s, a: s.update({"parameter alpha": "__import__('os')"}),
    "'parameter solver' is no value": lambda s, a: s.update({"parameter solver": '{"rule": "os.system"}'}),
    "unexpected keyword": lambda s, a: s.update({"parameter solver": '{"rule": "sgd", "x": 1}'}),
    "array 'moments' must have rows of 43 or 67 numbers, it has 42": lambda s, a: a.update(moments=np.zeros((2, 42))),
    "must have numbers of float32 or float64": lambda s, a: a.update(moments=np.zeros((2, 43), np.int64)),
    "'n_iter_' must be an integer from 0": lambda s, a: s.update(n_iter_="-1"),
    "'loss_' must be a number, it is 'x'": lambda s, a: s.update(loss_="x"),
    "its learning rate must be at least 0 and finite, it is None": lambda s, a: s.update(rate="none"),
    "'steps' must be an integer from 0 to 9007199254740992": lambda s, a: s.update(steps=str(2**62)),
    "it must have the losses of its epochs": lambda s, a: a.pop("loss_curve_"),
    "activation must be one name, or one for each of the 1 hidden layers": lambda s, a: s.update(
        {"parameter activation": '["relu", "relu"]'}
    ),
    "callbacks[0] must be callable": lambda s, a: s.update({"parameter callbacks": '["os.system"]'}),
    "the state of a random generator must be that of MT19937": lambda s, a: (
        s.update({"parameter random_state": '["PCG64", 1, 0, 0.0]'}),
        a.update({"parameter random_state": np.zeros(624, np.uint32)})
    ),
    "must lie in its 624 numbers": lambda s, a: (
        s.update({"parameter random_state": '["MT19937", 625, 0, 0.0]'}),
        a.update({"parameter random_state": np.zeros(624, np.uint32)})
    ),
    "'classes_' must be text objects, they are too long for arrays": lambda s, a: (
        s.update(classes_="text"), a.pop("classes_"), a.update({"classes_.ends": np.array([0, 0, 10**6]),
        "classes_.text": np.zeros(10**6, np.uint8)})
    ),
    "the parameters ask for the loss 'cross_entropy' of outputs by softmax": lambda s, a: s.update(
        {"output": "identity", "loss": "squared_error", "loss parameter": "none"}
    ),
    "the texts of 'classes_' must follow each other": lambda s, a: (
        s.update(classes_="text"), a.pop("classes_"), a.update({"classes_.ends": np.array([3, 2, 3]),
        "classes_.text": np.zeros(3, np.uint8)})
    ),
    "'utf-8' codec can't decode": lambda s, a: (
        s.update(classes_="text"), a.pop("classes_"), a.update({"classes_.ends": np.array([1, 2, 3]),
        "classes_.text": np.full(3, 255, np.uint8)})
    ),
}  # fmt: skip


@pytest.mark.parametrize("expected", CHANGES)
def test_what_fits_nothing_is_refused(expected, tmp_path):
    classifier().fit(X, CLASSES).save(tmp_path / "model")
    file = safetensors.ModelFile(tmp_path / "model")
    CHANGES[expected](file.strings, file.arrays)
    safetensors.write(tmp_path / "bad", file.kind, file.strings, file.arrays)
    with pytest.raises(fastbp.ModelFileError) as caught:
        fastbp.load(tmp_path / "bad")
    assert expected in str(caught.value)
