"""Searches and ensembles by executors: the results of threads; and Dask's clusters, where Dask is installed."""

import os
import pickle
import signal

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
import scipy.sparse
from sklearn.base import clone

import fastbp
from tests.executor_cases import LABELS, Changes, Kills, X, assert_same, pool, trained

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.usefixtures("small_shards"),
]
GRID = {"hidden_layer_sizes": [(4,), (6,)], "alpha": [1e-4, 1.0]}


def classifier(**more):
    return fastbp.MLPClassifier((4,), **{"max_iter": 8, "tol": 1.0, "n_iter_no_change": 9, "random_state": 0} | more)


def rid_of_times(results):
    return {name: value for name, value in results.items() if "time" not in name}


@pytest.mark.parametrize("more", [{}, {"early_stopping": True, "n_iter_no_change": 3}, {"solver": "lbfgs"}])
def test_a_search_has_the_same_scores(more, processes):
    model = classifier(**more)
    here = fastbp.GridSearch(model, GRID, cv=3).fit(X, LABELS)
    told = []
    there = fastbp.GridSearch(
        model, GRID, cv=3, executor=processes, progress=lambda done, total, _: told.append((done, total))
    ).fit(X, LABELS)
    for name, value in rid_of_times(here.cv_results_).items():
        np.testing.assert_array_equal(value, there.cv_results_[name], err_msg=name)
    assert told[-1] == (12, 12)
    np.testing.assert_array_equal(here.predict_proba(X), there.predict_proba(X))


def test_halving_and_a_random_search(processes):
    how = {"n_iter": 6, "cv": 2, "random_state": 3, "halving": {"factor": 3}}
    found = [
        fastbp.RandomSearch(classifier(), GRID | {"alpha": [0.0, 1e-3, 1e-2, 1.0]}, executor=executor, **how)
        .fit(X, LABELS)
        .cv_results_["mean_test_score"]
        for executor in (None, processes)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("sparse", [False, True])
def test_an_ensemble_has_the_same_networks(sparse, processes):
    samples = scipy.sparse.csr_matrix(np.where(np.abs(X) > 1, X, 0)) if sparse else X
    weight = np.linspace(0.5, 1.5, len(X))
    here, there = (
        fastbp.EnsembleClassifier(classifier(), 20, bootstrap=True, oob_score=True, random_state=1, executor=executor)
        .fit(samples, LABELS, weight)
        for executor in (None, processes)
    )  # fmt: skip
    assert here.oob_score_ == there.oob_score_
    for one, other in zip(here.estimators_, there.estimators_, strict=True):
        assert one.loss_curve_ == other.loss_curve_
        for a, b in zip(one.coefs_, other.coefs_, strict=True):
            np.testing.assert_array_equal(a, b)
    more = [model.estimators_[0].partial_fit(samples, LABELS).predict_proba(samples) for model in (here, there)]
    np.testing.assert_array_equal(*more)


def test_warnings_of_fits_arrive(processes):
    import warnings

    found = []
    for executor in (None, processes):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fastbp.EnsembleClassifier(classifier(max_iter=2), 3, executor=executor, random_state=1).fit(X, LABELS)
        found.append({str(one.message) for one in caught})
    assert found[0] == found[1]
    assert any("Maximum iterations (2) reached" in message for message in found[0])


def test_another_estimator_is_searched_without_it(processes):
    from sklearn.linear_model import LogisticRegression

    with pytest.warns(RuntimeWarning, match="executor trains networks of fastbp alone"):
        fastbp.GridSearch(LogisticRegression(), {"C": [1.0]}, cv=2, executor=processes).fit(X, LABELS)


def test_networks_that_fail_are_named(processes):
    model = fastbp.MLPRegressor(
        hidden_layer_sizes=(3,), solver="sgd", learning_rate_init=1e9, max_iter=3, random_state=0
    )
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        fastbp.EnsembleRegressor(model, 4, executor=processes, random_state=0).fit(X, X[:, 0])


def test_the_time_limit_and_lost_workers(processes):
    slow = classifier(max_iter=10_000_000, n_iter_no_change=10_000_000)
    with pytest.raises(RuntimeError, match=r"time_limit=0.5 seconds were over before one network was done"):
        fastbp.EnsembleClassifier(slow, 4, time_limit=0.5, executor=processes, random_state=0).fit(X, LABELS)
    executor = pool()
    longer = classifier(max_iter=60, n_iter_no_change=60)
    here = fastbp.EnsembleClassifier(longer, 120, random_state=1).fit(X, LABELS)

    with pytest.warns(RuntimeWarning, match="executor: it broke"):
        there = fastbp.EnsembleClassifier(longer, 120, random_state=1, executor=executor, progress=Kills(executor)).fit(
            X, LABELS
        )
    executor.shutdown(wait=False)
    np.testing.assert_array_equal(here.predict_proba(X), there.predict_proba(X))


def test_an_executor_is_neither_copied_nor_pickled(processes):
    for model in (
        fastbp.EnsembleClassifier(classifier(), 2, executor=processes, random_state=0),
        fastbp.GridSearch(classifier(), {"alpha": [0.1]}, cv=2, executor=processes),
    ):
        copy = clone(model)
        assert copy.executor is processes
        assert copy.estimator is not model.estimator
        again = pickle.loads(pickle.dumps(model.fit(X, LABELS)))
        assert again.executor is None
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_bad_input():
    with pytest.raises(ValueError, match="'executor' parameter of EnsembleClassifier must be"):
        fastbp.EnsembleClassifier(executor=3).fit(X, LABELS)
    with pytest.raises(ValueError, match="'executor' parameter of GridSearch must be"):
        fastbp.GridSearch(classifier(), GRID, executor="dask").fit(X, LABELS)
    executor = Changes(lambda *task: task)
    calls_back = classifier(callbacks=[lambda state: None])
    with pytest.raises(TypeError, match=r"networks\[0\] and 1 more cannot be sent to another process"):
        fastbp.EnsembleClassifier(calls_back, 2, executor=executor, random_state=0).fit(X, LABELS)


# ---- Dask ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    options = {"threads_per_worker": 1, "dashboard_address": ":0", "protocol": "tcp"}
    with distributed.LocalCluster(2, **options) as cluster, distributed.Client(cluster) as client:
        yield client


def test_a_dask_cluster_trains_the_same_bits(client):
    here = trained()
    assert_same(here, trained(executor=client))
    assert_same(here, trained(executor=client.get_executor(pure=False)))


def test_dask_begins_again_what_a_killed_worker_had(client):
    here, killed = trained(), []

    def kills(done, total, seconds):
        if done and not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    assert_same(here, trained(executor=client, progress=kills))
    assert killed


def test_joblibs_dask_is_respected(client):
    here = fastbp.EnsembleClassifier(classifier(), 6, random_state=1).fit(X, LABELS)
    before = sum(client.run(lambda dask_worker: dask_worker.state.executed_count).values())
    with joblib.parallel_config(backend="dask"):
        there = fastbp.EnsembleClassifier(classifier(), 6, random_state=1).fit(X, LABELS)
        search = fastbp.GridSearch(classifier(), GRID, cv=2).fit(X, LABELS)
    np.testing.assert_array_equal(here.predict_proba(X), there.predict_proba(X))
    plain = fastbp.GridSearch(classifier(), GRID, cv=2).fit(X, LABELS)
    np.testing.assert_array_equal(plain.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"])
    assert sum(client.run(lambda dask_worker: dask_worker.state.executed_count).values()) > before + 1, "on the workers"


def test_dask_stops_what_trains(client):
    def trains():
        import fastbp

        fastbp.train_many([fastbp.Network((4, 5, 3))], [[0.0] * 4], [0], epochs=1)

    client.wait_for_workers(2)
    client.run(trains)  # so that no worker, a new one say, has anything to load when the time runs
    made = [fastbp.Network((4, 5, 3), seed=seed) for seed in range(4)]
    many = fastbp.train_many(made, X, LABELS, epochs=10_000_000, time_limit=2.0, executor=client)
    assert set(many.outcome.tolist()) == {"interrupted"}
    assert (many.epochs > 0).all()
    assert client.submit(os.getpid, pure=False).result(20)


def test_searches_in_tasks_of_dask_do_not_wait_for_each_other(client):
    from sklearn.model_selection import cross_val_score

    with joblib.parallel_config(backend="dask"):
        search = fastbp.GridSearch(classifier(), {"alpha": [1e-4, 1.0]}, cv=2)
        there = cross_val_score(search, X, LABELS, cv=4, n_jobs=4)
    np.testing.assert_array_equal(there, cross_val_score(search, X, LABELS, cv=4))


def test_joblibs_own_processes():
    from joblib.externals.loky import get_reusable_executor

    executor = get_reusable_executor(2)
    try:
        assert_same(trained(), trained(executor=executor))
    finally:
        executor.shutdown(kill_workers=True)
