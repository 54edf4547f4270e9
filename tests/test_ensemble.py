"""EnsembleClassifier and EnsembleRegressor: what they average, which rows they see, and what is left out."""

import pickle
import signal
import threading
import tracemalloc
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import datasets
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastbp
from tests.cases import UNCOMPILED
from tests.estimator_cases import Explodes

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, y = datasets.load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NETWORK = fastbp.MLPClassifier((6,), max_iter=25, learning_rate_init=0.02, batch_size=20)
REGRESSOR = fastbp.MLPRegressor(hidden_layer_sizes=(6,), max_iter=25, learning_rate_init=0.02, batch_size=20)


@pytest.mark.filterwarnings("default")  # the checks raise warnings on purpose
@parametrize_with_checks([fastbp.EnsembleClassifier(n_networks=5), fastbp.EnsembleRegressor(n_networks=5)])
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_there_are_a_hundred_networks_of_the_default_kind():
    ensemble = fastbp.EnsembleClassifier(random_state=0).fit(X[::5], y[::5])
    assert len(ensemble.estimators_) == 100
    assert ensemble.estimators_[0].hidden_layer_sizes == (100,)


def test_each_network_is_the_one_that_its_seed_makes_alone():
    ensemble = fastbp.EnsembleClassifier(NETWORK, 9, random_state=3).fit(X, y)
    seeds = np.random.RandomState(3).randint(2**31 - 1, size=9)
    for seed, network in zip(seeds.tolist(), ensemble.estimators_, strict=True):
        alone = clone(NETWORK).set_params(random_state=seed).fit(X, y)
        np.testing.assert_allclose(network.loss_curve_, alone.loss_curve_, rtol=1e-9)
        np.testing.assert_allclose(network.predict_proba(X), alone.predict_proba(X), atol=1e-9)


def test_a_network_of_a_bag_is_the_one_that_its_rows_make_alone():
    ensemble = fastbp.EnsembleRegressor(REGRESSOR, 5, bootstrap=True, random_state=3).fit(X, X[:, 0])
    for rows, network in zip(ensemble.estimators_samples_, ensemble.estimators_, strict=True):
        assert len(rows) == len(X)
        assert len(np.unique(rows)) < len(X)
        alone = clone(network).fit(X[rows], X[rows, 0])
        np.testing.assert_allclose(network.loss_curve_, alone.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize(("given", "expected"), [(0.5, 75), (40, 40), (1.0, 150)])
def test_max_samples(given, expected):
    ensemble = fastbp.EnsembleClassifier(NETWORK, 3, max_samples=given, random_state=0).fit(X, y)
    for rows in ensemble.estimators_samples_:
        assert len(rows) == len(np.unique(rows)) == expected


def test_the_mean_and_the_standard_deviation_are_those_of_the_networks():
    ensemble = fastbp.EnsembleClassifier(NETWORK, 7, random_state=0).fit(X, y)
    each = np.array([network.predict_proba(X) for network in ensemble.estimators_])
    labels, std = ensemble.predict(X, return_std=True)
    np.testing.assert_allclose(ensemble.predict_proba(X), each.mean(axis=0), atol=1e-12)
    assert (labels == each.mean(axis=0).argmax(axis=1)).all()
    np.testing.assert_allclose(std, each.std(axis=0)[np.arange(len(X)), labels], atol=1e-9)
    both = fastbp.EnsembleRegressor(REGRESSOR, 7, random_state=0).fit(X, X[:, :2])
    each = np.array([network.predict(X) for network in both.estimators_])
    mean, std = both.predict(X, return_std=True)
    np.testing.assert_allclose(mean, each.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(std, each.std(axis=0), atol=1e-9)


def test_two_classes_and_several_labels():
    two = fastbp.EnsembleClassifier(NETWORK, 5, random_state=0).fit(X, np.where(y > 0, "b", "a"))
    labels, std = two.predict(X, return_std=True)
    assert set(labels) == {"a", "b"}
    assert std.shape == labels.shape
    np.testing.assert_allclose(two.predict_proba(X).sum(axis=1), 1)
    several = fastbp.EnsembleClassifier(NETWORK, 5, random_state=0).fit(X, np.c_[y > 0, y > 1])
    labels, std = several.predict(X, return_std=True)
    assert labels.shape == std.shape == several.predict_proba(X).shape == (len(X), 2)


def test_out_of_bag():
    ensemble = fastbp.EnsembleClassifier(NETWORK, 30, bootstrap=True, oob_score=True, random_state=0).fit(X, y)
    expected = np.zeros((len(X), 3))
    for row in range(len(X)):
        out = [
            network.predict_proba(X[row : row + 1])[0]
            for network, rows in zip(ensemble.estimators_, ensemble.estimators_samples_, strict=True)
            if row not in rows
        ]
        expected[row] = np.mean(out, axis=0)
    np.testing.assert_allclose(ensemble.oob_decision_function_, expected, atol=1e-9)
    assert ensemble.oob_score_ == (expected.argmax(axis=1) == y).mean()
    few = fastbp.EnsembleRegressor(REGRESSOR, 2, bootstrap=True, oob_score=True, random_state=0)
    with pytest.warns(RuntimeWarning, match="more networks would do"):
        few.fit(X, X[:, 0])
    assert np.isnan(few.oob_prediction_).any()
    assert np.isfinite(few.oob_score_)
    with pytest.raises(ValueError, match="bootstrap=True"):
        fastbp.EnsembleClassifier(NETWORK, 2, oob_score=True).fit(X, y)


def test_samples_that_no_network_has_left_out_have_no_score():
    network = clone(REGRESSOR).set_params(batch_size="auto")
    one = fastbp.EnsembleRegressor(network, 1, bootstrap=True, oob_score=True, random_state=0)
    with pytest.warns(RuntimeWarning, match="1 of 1 samples were left out by no network"):
        one.fit(X[:1], X[:1, 0])
    assert np.isnan(one.oob_score_)
    assert np.isnan(one.oob_prediction_).all()


def test_networks_whose_samples_all_weigh_nothing_are_left_out():
    weight = np.zeros(len(X))
    weight[[0, 60, 120]] = 1
    ensemble = fastbp.EnsembleClassifier(NETWORK, 20, bootstrap=True, max_samples=30, random_state=0)
    with pytest.warns(RuntimeWarning, match="samples that were drawn for it all have weight 0"):
        ensemble.fit(X, y, sample_weight=weight)
    assert 0 < len(ensemble.estimators_) < 20
    assert all(weight[rows].any() for rows in ensemble.estimators_samples_)


def test_a_network_more_takes_no_copy_of_the_samples():
    rng = np.random.default_rng(0)
    wide, target = rng.normal(size=(3000, 200)), rng.normal(size=3000)
    network = fastbp.MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, early_stopping=True)

    def peak(networks):
        tracemalloc.start()
        fastbp.EnsembleRegressor(network, networks, random_state=0, n_jobs=1).fit(wide, target)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)
    assert (peak(96) - peak(32)) / 64 < 0.03 * wide.nbytes  # its rows, its parameters, what is known about it


def test_what_a_bag_trains_alone_with_goes_with_it():
    """L-BFGS takes a copy of the rows of its network, which must not stay until all others are done."""
    rng = np.random.default_rng(0)
    wide, target = rng.normal(size=(1000, 200)), rng.normal(size=1000)
    network = fastbp.MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", max_iter=1)

    def peak(networks):
        tracemalloc.start()
        fastbp.EnsembleRegressor(network, networks, bootstrap=True, random_state=0, n_jobs=1).fit(wide, target)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)
    assert peak(18) - peak(2) < 2 * wide.nbytes


def test_the_same_bits_for_any_number_of_threads():
    fits = [
        fastbp.EnsembleClassifier(NETWORK, 20, bootstrap=True, random_state=0, n_jobs=n).fit(X, y) for n in (1, 2, 7)
    ]
    for other in fits[1:]:
        assert (other.predict_proba(X) == fits[0].predict_proba(X)).all()


def test_networks_that_diverge_are_left_out():
    wild = clone(NETWORK).set_params(activation="identity", solver="sgd", learning_rate_init=1e200)
    with pytest.raises(ValueError, match="non-finite"):
        fastbp.EnsembleClassifier(wild, 4, random_state=0).fit(X, y)

    def sometimes(state):
        if state.estimator.random_state % 2:
            raise ValueError("this one is odd")

    some = clone(NETWORK).set_params(callbacks=sometimes)
    with pytest.warns(RuntimeWarning, match=r"of 12 networks are not in the ensemble. network \d+: this one is odd"):
        ensemble = fastbp.EnsembleClassifier(some, 12, random_state=0).fit(X, y)
    assert 0 < len(ensemble.estimators_) < 12
    assert all(network.random_state % 2 == 0 for network in ensemble.estimators_)
    assert len(ensemble.estimators_samples_) == len(ensemble.estimators_)


@pytest.mark.parametrize("more", [{}, {"time_limit": 100.0}], ids=["lanes", "alone"])
def test_networks_with_early_stopping_that_diverge_have_their_best_weights(more):
    late = clone(NETWORK).set_params(early_stopping=True, learning_rate=Explodes(), **more)
    ensemble = fastbp.EnsembleClassifier(late, 4, random_state=0)
    with pytest.warns(ConvergenceWarning, match="^The training diverged: in epoch 8"):
        ensemble.fit(X, y)
    assert len(ensemble.estimators_) == 4
    for network in ensemble.estimators_:
        alone = clone(network).fit(X, y)
        assert network.n_iter_ == alone.n_iter_ == 7
        np.testing.assert_allclose(network.predict_proba(X), alone.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.PCG64, np.random.SFC64])
def test_any_random_state(bits):
    thin = clone(NETWORK).set_params(dropout=0.2)
    fits = [fastbp.EnsembleClassifier(thin, 3, random_state=np.random.RandomState(bits(0))).fit(X, y) for _ in range(2)]
    np.testing.assert_array_equal(*(fit.predict_proba(X) for fit in fits))


def test_the_time_limit_leaves_the_networks_that_are_done():
    slow = clone(NETWORK).set_params(max_iter=10**7, tol=0.0, n_iter_no_change=np.inf)
    with pytest.raises(RuntimeError, match=r"^time_limit=0\.3 seconds were over before one network was done"):
        fastbp.EnsembleClassifier(slow, 4, time_limit=0.3).fit(X, y)


def test_ctrl_c_before_one_network_is_done_is_passed_on():
    slow = clone(NETWORK).set_params(max_iter=10**7, tol=0.0, n_iter_no_change=np.inf)
    threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt, match=r"^the training was interrupted before one network was done$"):
        fastbp.EnsembleClassifier(slow, 4).fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_in_a_callback_ends_the_whole_training(n_jobs):
    calls = []

    def ctrl_c(state):
        if state.epoch == 25:
            calls.append(state.estimator)
        if len(calls) == 4:
            raise KeyboardInterrupt

    slow = clone(NETWORK).set_params(callbacks=ctrl_c)
    ensemble = fastbp.EnsembleClassifier(slow, 40, random_state=0, n_jobs=n_jobs)
    told = "^the training was interrupted; what is there is returned$|of 40 networks are not in the ensemble"
    with pytest.warns(RuntimeWarning, match=told):
        ensemble.fit(X, y)
    assert 3 <= len(ensemble.estimators_) <= 4
    calls[:] = [None] * 4
    with pytest.raises(KeyboardInterrupt, match=r"^the training was interrupted before one network was done$"):
        ensemble.fit(X, y)


def test_pickle_and_weights():
    weight = np.where(y == 2, 0.0, 1.0)
    ensemble = fastbp.EnsembleClassifier(NETWORK, 5, bootstrap=True, random_state=0).fit(X, y, sample_weight=weight)
    assert not (ensemble.predict(X) == 2).any()
    again = pickle.loads(pickle.dumps(ensemble))
    assert (again.predict_proba(X) == ensemble.predict_proba(X)).all()
    assert (again.estimators_samples_[3] == ensemble.estimators_samples_[3]).all()


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"n_networks": 0}, "n_networks"),
        ({"estimator": REGRESSOR}, "estimator"),
        ({"max_samples": 1.5}, "max_samples"),
        ({"max_samples": 151}, "max_samples must be at most the number of samples, 150, got 151"),
        ({"n_jobs": 1.5}, "n_jobs"),
        ({"n_jobs": 0}, "n_jobs must be"),
        ({"time_limit": 0}, "time_limit"),
    ],
)
def test_bad_input_names_the_argument(wrong, match):
    with pytest.raises(ValueError, match=match):
        fastbp.EnsembleClassifier(NETWORK, 2).set_params(**wrong).fit(X, y)


def test_before_it_is_fitted_it_has_nothing_to_tell():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        _ = fastbp.EnsembleClassifier(NETWORK, 2).estimators_samples_
    assert len(fastbp.EnsembleClassifier(NETWORK, True).fit(X, y).estimators_) == 1
