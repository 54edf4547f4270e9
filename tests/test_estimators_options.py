"""What the estimators have beyond scikit-learn's, each parameter by what it does to numbers."""

import copy

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.utils.class_weight import compute_class_weight

import fastbp
from fastbp import MLPClassifier, MLPRegressor
from tests.cases import UNCOMPILED
from tests.estimator_cases import data, fitted, same

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
X, Y, _ = data("iris")
XR, YR, _ = data("diabetes")
SMALL = {"hidden_layer_sizes": 10, "max_iter": 10, "random_state": 0, "learning_rate_init": 0.01}


def classifier(*args, method="fit", **parameters):
    return fitted(MLPClassifier(**SMALL | parameters), *(args or (X, Y)), method=method)


def regressor(*args, **parameters):
    return fitted(MLPRegressor(**SMALL | parameters), *(args or (XR, YR)))


# ---- Weights of classes ----------------------------------------------------------------------------------------------


def test_class_weight_is_a_weight_of_samples():
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    by_class = classifier(class_weight=weights)
    by_sample = fitted(MLPClassifier(**SMALL), X, Y, sample_weight=np.array([1.0, 3.0, 0.5])[Y])
    assert same(by_class, by_sample)
    both = fitted(MLPClassifier(**SMALL, class_weight=weights), X, Y, sample_weight=np.arange(150.0))
    assert same(both, fitted(MLPClassifier(**SMALL), X, Y, sample_weight=np.array([1.0, 3.0, 0.5])[Y] * np.arange(150)))


def test_balanced_classes():
    few = np.r_[0:50, 50:60, 100:130]
    labels = np.array(["a", "b", "c"])[Y[few]]
    balance = dict(
        zip("abc", compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=labels), strict=True)
    )
    balanced = classifier(X[few], labels, class_weight="balanced")
    assert same(balanced, classifier(X[few], labels, class_weight=balance))
    assert not same(balanced, classifier(X[few], labels))


def test_class_weight_of_several_labels():
    D = np.column_stack([Y == 0, Y != 1]).astype(int)
    model = classifier(X, D, class_weight=[{0: 1, 1: 5}, {0: 2, 1: 1}])
    weight = np.array([1, 5])[D[:, 0]] * np.array([2, 1])[D[:, 1]]
    assert same(model, fitted(MLPClassifier(**SMALL), X, D, sample_weight=weight))


def test_balanced_is_not_for_parts():
    with pytest.raises(ValueError, match="class_weight 'balanced' is not supported for partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


# ---- Networks --------------------------------------------------------------------------------------------------------


def test_activations():
    assert same(classifier(activation="sigmoid"), classifier(activation="logistic"))
    layers = {"hidden_layer_sizes": (7, 5)}
    assert same(classifier(activation=("tanh", "tanh"), **layers), classifier(activation="tanh", **layers))
    assert not same(classifier(activation=("tanh", "relu"), **layers), classifier(activation="tanh", **layers))
    for name in ("leaky_relu", "elu", "selu", "softplus", "silu", "gelu", "mish"):
        assert classifier(activation=name, max_iter=40).score(X, Y) > 0.8, name


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"loss": "huber"}, lambda e: np.where(abs(e) <= 1, e * e / 2, abs(e) - 0.5)),
        ({"loss": "huber", "huber_delta": 0.25}, lambda e: np.where(abs(e) <= 0.25, e * e / 2, (abs(e) - 0.125) / 4)),
        ({"loss": "quantile"}, lambda e: abs(e) / 2),
        ({"loss": "quantile", "quantile": 0.9}, lambda e: np.where(e < 0, 0.9 * -e, 0.1 * e)),
    ],
)
def test_losses(options, error):
    """The loss of an epoch in one batch is that of the parameters before it."""
    model = regressor(**options, batch_size=442, max_iter=1, warm_start=True, alpha=0)
    expected = error(model.predict(XR) - YR).mean()
    assert fitted(model, XR, YR).loss_ == pytest.approx(expected, rel=1e-9)


def test_quantiles_divide_the_targets():
    for quantile in (0.1, 0.5, 0.9):
        model = regressor(loss="quantile", quantile=quantile, max_iter=150)
        assert (model.predict(XR) > YR).mean() == pytest.approx(quantile, abs=0.1)


def test_the_numbers_of_losses_are_parameters_like_others():
    """For `clone` and `set_params`, and in the place of one another."""
    given = {"loss": "huber", "huber_delta": 0.25}
    huber = MLPRegressor(**SMALL, **given)
    assert clone(huber).get_params() == huber.get_params()
    assert huber.get_params().items() >= {"huber_delta": 0.25, "quantile": None}.items()
    assert same(fitted(clone(huber), XR, YR), regressor(**given))
    assert same(fitted(MLPRegressor(**SMALL).set_params(**given), XR, YR), regressor(**given))
    with pytest.raises(ValueError, match=r"huber_delta must be None for loss='quantile', got 0\.25"):
        huber.set_params(loss="quantile", quantile=0.9).fit(XR, YR)
    other = fitted(huber.set_params(huber_delta=None), XR, YR)
    assert same(other, regressor(loss="quantile", quantile=0.9))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_warm_start_takes_another_quantile(solver):
    parameters = SMALL | {"loss": "quantile", "warm_start": True, "max_iter": 100, "solver": solver}
    model = fitted(MLPRegressor(**parameters, quantile=0.1), XR, YR)
    low = model.predict(XR)
    fitted(model.set_params(quantile=0.9), XR, YR)
    assert model._net().quantile == 0.9
    assert (model.predict(XR) > YR).mean() > 0.7 > 0.3 > (low > YR).mean()


# ---- Update rules ----------------------------------------------------------------------------------------------------


def test_solvers():
    sgd = fastbp.SGD(0.01, momentum=0.9, nesterov=True)
    assert same(classifier(solver=sgd), classifier(solver="sgd"))
    assert same(classifier(solver=fastbp.Adam(0.01, epsilon_hat=True)), classifier(solver="adam"))
    assert same(classifier(solver=fastbp.AdamW(0.01)), classifier(solver="adamw"))
    assert same(classifier(solver=fastbp.RMSprop(0.01)), classifier(solver="rmsprop"))
    for solver in ("adamw", "rmsprop", fastbp.SGD(0.1)):
        assert classifier(solver=solver, max_iter=40).score(X, Y) > 0.8


def test_schedules():
    constant = fastbp.Constant(0.01)
    for solver in ("sgd", "adam"):
        assert same(classifier(solver=solver, learning_rate=constant), classifier(solver=solver))
    model = classifier(learning_rate=fastbp.StepDecay(0.01, every=5, factor=1e-9), batch_size=150)
    assert abs(np.diff(model.loss_curve_[6:])).max() < 1e-6 < model.loss_curve_[0] - model.loss_curve_[4]


def test_a_schedule_goes_on_from_part_to_part():
    cosine = fastbp.CosineDecay(0.01)
    parts = MLPClassifier(**SMALL | {"learning_rate": cosine, "shuffle": False})
    for _ in range(10):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert same(parts, classifier(learning_rate=cosine, shuffle=False))


# ---- Penalties and limits --------------------------------------------------------------------------------------------


def test_l1_drives_weights_to_zero():
    with_l1, with_l2 = (
        regressor(alpha=30.0, l1_ratio=ratio, max_iter=300, learning_rate_init=0.002, solver="sgd", momentum=0)
        for ratio in (1.0, 0.0)
    )
    tiny = [(abs(np.concatenate([c.ravel() for c in model.coefs_])) < 1e-3).mean() for model in (with_l1, with_l2)]
    assert tiny[0] > tiny[1] + 0.2


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_the_loss_has_the_penalties(ratio):
    model = regressor(alpha=2.0, l1_ratio=ratio, batch_size=442, max_iter=1, warm_start=True)
    w = np.concatenate([coef.ravel() for coef in model.coefs_])
    penalty = 2.0 * (ratio * abs(w).sum() + (1 - ratio) / 2 * (w * w).sum()) / 442
    error = ((model.predict(XR) - YR) ** 2).mean() / 2
    assert fitted(model, XR, YR).loss_ == pytest.approx(error + penalty, rel=1e-9)


def test_dropout():
    free, thin = classifier(max_iter=30), classifier(max_iter=30, dropout=0.5)
    assert thin.loss_ > free.loss_
    assert same(thin, classifier(max_iter=30, dropout=0.5))
    assert not same(thin, classifier(max_iter=30, dropout=0.5, random_state=1))


BIT_GENERATORS = pytest.mark.parametrize(
    "bits", [np.random.MT19937, np.random.PCG64, np.random.Philox, np.random.SFC64]
)


@BIT_GENERATORS
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_any_random_state(bits, dropout, solver):
    if dropout and solver == "lbfgs":
        pytest.skip("there is none")
    more = {"dropout": dropout, "solver": solver}
    for train in (classifier, regressor):
        models = [train(random_state=np.random.RandomState(bits(seed)), **more) for seed in (0, 0, 1)]
        assert same(models[0], models[1])
        assert not same(models[0], models[2])


@BIT_GENERATORS
def test_dropout_draws_nothing_from_the_generator_and_depends_on_where_it_is(bits):
    free, thin = (np.random.RandomState(bits(0)) for _ in range(2))
    classifier(max_iter=1, random_state=free)
    first = classifier(max_iter=1, random_state=thin, dropout=0.3)
    assert thin.randint(2**31) == free.randint(2**31)
    second = classifier(max_iter=1, random_state=thin, dropout=0.3)
    assert first._memory.seed != second._memory.seed


def test_norms():
    model = classifier(max_norm=0.5)
    assert max(np.linalg.norm(coef, axis=0).max() for coef in model.coefs_) <= 0.5 + 1e-12
    start, clipped = (classifier(solver="sgd", momentum=0, clip_norm=1e-6, max_iter=n) for n in (1, 11))
    moved = np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(start.coefs_, clipped.coefs_, strict=True)))
    assert 0 < moved <= 10 * 0.01 * 1e-6 * 1.001


# ---- Types -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float32, np.dtype("float64")])
def test_dtype(dtype):
    model = classifier(dtype=dtype)
    assert {a.dtype for a in [*model.coefs_, *model.intercepts_]} == {np.dtype(dtype)}
    assert model.predict_proba(X).dtype == np.dtype(dtype)
    assert model.predict_proba(X.astype(np.float32)).dtype == np.dtype(dtype)


def test_few_samples_are_trained_in_double_precision():
    """And the parameters rounded: those of float64."""
    single, double = (regressor(XR[:60], YR[:60], dtype=dtype) for dtype in ("float32", "float64"))
    for a, b in zip(single.coefs_, double.coefs_, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


# ---- Validation ------------------------------------------------------------------------------------------------------

ODD = np.arange(150) % 2 == 1


def test_validation_data():
    model = fitted(MLPClassifier(**SMALL), X[~ODD], Y[~ODD], X_val=X[ODD], y_val=Y[ODD])
    assert len(model.validation_scores_) == 10
    assert model.validation_scores_[-1] == model.score(X[ODD], Y[ODD])
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert same(model, classifier(X[~ODD], Y[~ODD]))  # it is only looked at
    model = fitted(MLPRegressor(**SMALL, solver="lbfgs"), XR[::2], YR[::2], X_val=XR[1::2], y_val=YR[1::2])
    assert len(model.validation_scores_) == model.n_iter_


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_with_validation_data(solver):
    wrong = (Y[ODD] + 1) % 3  # the better the model, the worse the score
    parameters = SMALL | {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 60, "solver": solver}
    model = fitted(MLPClassifier(**parameters), X[~ODD], Y[~ODD], X_val=X[ODD], y_val=wrong)
    assert model.n_iter_ < 60
    assert not model.stopped_
    assert model.score(X[ODD], wrong) == max(model.validation_scores_) > model.validation_scores_[-1]


def test_weights_of_validation_data():
    weight = np.arange(75.0)
    model = fitted(MLPClassifier(**SMALL), X, Y, X_val=X[ODD], y_val=Y[ODD], sample_weight_val=weight)
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[ODD], Y[ODD], weight))


def test_restoring_the_best_weights():
    parameters = SMALL | {"learning_rate_init": 0.3, "max_iter": 15, "solver": "sgd", "momentum": 0.95}
    wild = fitted(MLPClassifier(**parameters, restore_best_weights=True), X, Y)
    best = int(np.argmin(wild.loss_curve_)) + 1
    assert same(wild, fitted(MLPClassifier(**parameters | {"max_iter": best}), X, Y))
    stopped = fitted(MLPClassifier(**SMALL, early_stopping=True, restore_best_weights=False), X, Y)
    free = fitted(MLPClassifier(**SMALL, early_stopping=True), X, Y)
    assert stopped.validation_scores_ == free.validation_scores_
    assert not same(stopped, free) or np.argmax(free.validation_scores_) == 9


def test_early_stopping_in_parts():
    """Calls count as epochs; after the last useful one the best weights are back and nothing changes any more."""
    model = MLPClassifier(**SMALL | {"early_stopping": True, "n_iter_no_change": 3, "learning_rate_init": 0.05})
    calls = 0
    while not model.__dict__.get("stopped_"):
        model.partial_fit(X[~ODD], Y[~ODD], classes=[0, 1, 2], X_val=X[ODD], y_val=Y[ODD])
        calls += 1
        assert calls < 300
    assert len(model.validation_scores_) == calls > 4
    assert model.score(X[ODD], Y[ODD]) == model.best_validation_score_
    before = copy.deepcopy(model)
    model.partial_fit(X[~ODD], Y[~ODD], X_val=X[ODD], y_val=Y[ODD])
    assert same(model, before)
    assert len(model.validation_scores_) == calls
    split = MLPRegressor(**SMALL, early_stopping=True).partial_fit(XR, YR)
    assert len(split.validation_scores_) == 1


# ---- coefs_ of one's own ---------------------------------------------------------------------------------------------


def test_predict_uses_the_coefs_that_are_there():
    model, other = classifier(), classifier(random_state=1)
    expected = other.predict_proba(X)
    model.coefs_, model.intercepts_ = [c.copy() for c in other.coefs_], other.intercepts_
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    model.coefs_[1] = 0 * model.coefs_[1]
    assert np.ptp(model.predict_proba(X), axis=0).max() == 0
    model.coefs_[0] = np.zeros((3, 10))
    with pytest.raises(ValueError, match=r"coefs_ and intercepts_ must have the shapes \[\(4, 10\).*, got \[\(3, 10\)"):
        model.predict(X)
    model = classifier()
    model.coefs_[1][:] = 0  # in place
    assert np.ptp(model.predict_proba(X), axis=0).max() == 0


def test_a_warm_start_with_another_solver():
    model = classifier(solver="lbfgs", warm_start=True)
    loss = model.loss_
    fitted(model.set_params(solver="adam", early_stopping=True), X, Y)
    assert len(model.loss_curve_) == len(model.validation_scores_) == 10
    assert model.loss_ < loss * 1.5  # it went on from there
    assert fitted(model.set_params(solver="lbfgs", early_stopping=False), X, Y).loss_ < loss


def test_a_memory_map_is_used_where_it_lies(tmp_path):
    """As joblib hands large arrays to its processes."""
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert same(classifier(mapped, Y), classifier())
    np.testing.assert_array_equal(classifier().predict(mapped), classifier().predict(X))
