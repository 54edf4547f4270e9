"""rate_factors and diagonal of the estimators: what `train` makes of them, and that they go on where they should."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import fastbp
from tests.cases import DTYPES, UNCOMPILED
from tests.estimator_cases import fitted, same

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = (X[:, :3] @ RNG.normal(size=(3, 3))).argmax(axis=1)
FACTORS = [[1.0, 0.1], [0.5, 0.0], [2.0, 0.3]]
SMALL = {"hidden_layer_sizes": (9, 6), "max_iter": 4, "random_state": 0, "batch_size": 25, "n_iter_no_change": 99}
RATES = {
    "factors": {"rate_factors": FACTORS}, "diagonal": {"diagonal": 6.0},
    "both": {"rate_factors": FACTORS, "diagonal": 0.5},
}  # fmt: skip
SOLVERS = ["adam", "sgd", "adamw", "rmsprop", "rprop", fastbp.SGD(0.05), fastbp.AdamW(0.01)]
rates_of_all_kinds = pytest.mark.parametrize("rates", RATES.values(), ids=RATES)


def classifier(**more):
    return fastbp.MLPClassifier(**SMALL | more)


def first_weights(**more):
    """A network with those of `classifier`: nothing learns."""
    model = fitted(classifier(rate_factors=np.zeros((3, 2)), **more), X, Y)
    network = fastbp.Network((4, 9, 6, 3), "relu", dtype=str(model.coefs_[0].dtype))
    for place, array in zip([*network.W, *network.B], [*model.coefs_, *model.intercepts_], strict=True):
        place[...] = array.T
    return network


def assert_network(model, network):
    for a, b in zip([*model.coefs_, *model.intercepts_], [*network.W, *network.B], strict=True):
        np.testing.assert_array_equal(a, b.T)


@rates_of_all_kinds
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_fit_is_what_train_makes_and_each_begins_anew(dtype, weighted, rates):
    """Also the second one, of a warm start: its factors begin at 1."""
    more = {"sample_weight": RNG.integers(0, 3, 90).astype(float)} if weighted else {}
    how = {"solver": fastbp.Adam(0.01), "alpha": 0, "shuffle": False, "dtype": np.dtype(dtype).name}
    network, model = first_weights(**how), classifier(**how, **rates, warm_start=True)
    start = network.theta.copy()
    for _ in range(2):
        options = {"optimizer": how["solver"], "batch_size": 25, "shuffle": False, "threads": 1}
        fastbp.train(network, X, Y, epochs=4, **options, **more, **rates)
        assert_network(fitted(model, X, Y, **more), network)
    assert np.abs(network.theta - start).max() > 0.02


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
@pytest.mark.parametrize("how", ["fit", "partial_fit", "warm start", "early stopping"])
def test_a_rate_of_0_leaves_the_parameters_as_they_were(how, solver):
    model = fitted(classifier(solver=solver), X, Y)
    before = [*(coef.copy() for coef in model.coefs_), *(b.copy() for b in model.intercepts_)]
    model.set_params(rate_factors=[[0, 0], [0, 1], [1, 1]], warm_start=True, early_stopping=how == "early stopping")
    fitted(model, X, Y, method="partial_fit" if how == "partial_fit" else "fit")
    frozen = [(now == was).all() for now, was in zip([*model.coefs_, *model.intercepts_], before, strict=True)]
    assert frozen == [True, True, False, True, False, False]


@rates_of_all_kinds
@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_partial_fit_goes_on_as_a_fit_would(solver, rates):
    """With the memory of the rule and the factors, whatever lies between: a pickle, a file, new places of weights."""
    how = {"solver": solver, "shuffle": False, **rates}
    model, whole = classifier(**how), fitted(classifier(**how), X, Y)
    for _ in range(2):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    model = pickle.loads(pickle.dumps(model)).partial_fit(X, Y)
    model.coefs_ = [coef.copy() for coef in model.coefs_]
    assert same(model.partial_fit(X, Y), whole)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_file_holds_the_diagonal(dtype, tmp_path):
    model = fitted(classifier(diagonal=6.0, dtype=np.dtype(dtype).name), X, Y)
    model.save(tmp_path / "model")
    loaded = fastbp.load(tmp_path / "model")
    assert loaded.diagonal == 6.0
    assert same(loaded.partial_fit(X, Y), model.partial_fit(X, Y))
    loaded.set_params(diagonal=None).save(tmp_path / "model")  # its memory still has one
    assert same(fastbp.load(tmp_path / "model").partial_fit(X, Y), loaded.partial_fit(X, Y))


def factors(model):
    n = sum(array.size for array in (*model.coefs_, *model.intercepts_))
    return model._memory.moments[-1, n : n + 4]


def test_a_diagonal_begins_anew_with_other_first_weights():
    model = fitted(classifier(diagonal=6.0), X, Y)
    assert (np.abs(factors(model) - 1) > 0.001).all()
    model.intercepts_[0][...] = 0.5
    before = factors(model).copy()
    model.set_params(diagonal=0.0).partial_fit(X, Y)
    np.testing.assert_array_equal(factors(model), before)
    weights = model.coefs_[0].copy()
    model.coefs_[0][2, 3] = 7.0
    model.partial_fit(X, Y)
    np.testing.assert_array_equal(factors(model), 1)
    assert model.coefs_[0][2, 3] == pytest.approx(7.0, abs=0.1)
    np.testing.assert_allclose(model.coefs_[0][0], weights[0], atol=0.1)
    model.set_params(diagonal=None).partial_fit(X, Y)
    assert model._memory.moments.shape == (2, model._net().theta.size)


def test_the_rule_begins_anew_with_a_diagonal():
    """Velocities that belong to other factors would move the biases."""
    model = fitted(classifier(diagonal=6.0, solver=fastbp.SGD(0.05, 0.9)), X, Y)
    model.set_params(solver=fastbp.SGD(1e-12, 0.9))
    for changed in (False, True):
        if changed:
            model.coefs_[0][2, 3] = 7.0
        before = model.intercepts_[0].copy()
        model.partial_fit(X, Y)
        assert (np.abs(model.intercepts_[0] - before).max() < 1e-9) == changed


def test_a_memory_of_another_rule_is_not_taken_for_a_diagonal():
    """That of a velocity and a diagonal has as many rows as Adam's."""
    model = classifier(diagonal=6.0, solver="sgd").partial_fit(X, Y, classes=[0, 1, 2])
    other = classifier().partial_fit(X, Y, classes=[0, 1, 2])
    other.coefs_ = [coef.copy() for coef in model.coefs_]
    other.intercepts_, other._memory = [b.copy() for b in model.intercepts_], None
    model.set_params(diagonal=None, solver="adam", random_state=3)
    assert same(model.partial_fit(X, Y), other.set_params(random_state=3).partial_fit(X, Y))


def test_the_best_weights_are_kept_with_a_diagonal():
    how = {"early_stopping": True, "n_iter_no_change": 3, "max_iter": 60, "learning_rate_init": 0.03, "diagonal": 6.0}
    model = fitted(classifier(**how), X, Y, X_val=X, y_val=Y)
    assert model.n_iter_ < 60
    assert model.score(X, Y) == model.best_validation_score_ > model.validation_scores_[-1]
    best = model.coefs_[0].copy()
    model.set_params(early_stopping=False).partial_fit(X, Y)  # from there, with factors of 1
    assert 0 < np.abs(model.coefs_[0] - best).max() < 0.5


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_few_samples_in_single_precision(kind):
    """They are trained in float64, factors included, and rounded then: partial_fit goes on."""
    model = fitted(getattr(fastbp, kind)(**SMALL, diagonal=6.0, dtype="float32"), X[:40], Y[:40])
    before = factors(model).astype("f4")
    assert (before != 1).all()
    model.set_params(diagonal=0.0).partial_fit(X[:40], Y[:40])
    assert model.coefs_[0].dtype == np.float32
    np.testing.assert_array_equal(factors(model), before)


def test_callbacks_see_the_weights_of_the_plain_network():
    seen = []
    model = fitted(classifier(diagonal=6.0, callbacks=lambda state: seen.append(state.network.predict(X))), X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), seen[-1])
    assert len(seen) == 4


@pytest.mark.parametrize("bootstrap", [False, True])
@rates_of_all_kinds
def test_networks_of_an_ensemble(rates, bootstrap):
    ensemble = fastbp.EnsembleClassifier(classifier(**rates), 3, bootstrap=bootstrap, random_state=0).fit(X, Y)
    for one, rows in zip(ensemble.estimators_, ensemble.estimators_samples_, strict=True):
        assert same(one, fitted(clone(one), X[rows], Y[rows]))


def test_candidates_of_a_search_have_rates_of_their_own():
    """Some share lanes, some have an engine of their own; arrays and lists are candidates."""
    grid = [
        {"rate_factors": [None, [[1, 0.1]] * 3, np.zeros((3, 2))], "diagonal": [None, 6.0]},
        {"rate_factors": [[[1, 0.1]] * 2, ((0.0, 1.0), (1.0, 1.0))], "hidden_layer_sizes": [(5,)]},
    ]
    model = classifier(learning_rate_init=0.02, max_iter=8)
    ours, theirs = (kind(model, grid, cv=3).fit(X, Y) for kind in (fastbp.GridSearch, GridSearchCV))
    found, expected = (search.cv_results_["mean_test_score"] for search in (ours, theirs))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert len(set(found.round(9))) > 4
    assert np.isfinite(found).all()
    with pytest.raises(ValueError, match=r"rate_factors must have shape \(3, 2\), .* got \(2, 2\)"):
        fastbp.GridSearch(model, {"rate_factors": [np.ones((2, 2))]}, error_score="raise").fit(X, Y)


def test_they_are_parameters_as_others_are():
    model = classifier(rate_factors=np.array(FACTORS), diagonal=2)
    copy = clone(model)
    assert copy.get_params()["diagonal"] == 2
    np.testing.assert_array_equal(copy.get_params()["rate_factors"], FACTORS)
    assert "rate_factors=" in repr(model)
    with pytest.warns(RuntimeWarning, match="scikit-learn has no diagonal=2, rate_factors=array"):
        fastbp.to_sklearn(fitted(model, X, Y))
