"""n_jobs: a number of threads, which scikit-learn's contexts of joblib may set, and which changes no bit."""

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import cross_validate

import fastbp
from fastbp import MLPClassifier, MLPRegressor
from fastbp.estimators import n_jobs
from fastbp.estimators.batched import fits
from fastbp.estimators.mlp import samples
from fastbp.estimators.n_jobs import threads_of
from tests.cases import UNCOMPILED
from tests.estimator_cases import BOTH, data, fitted

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y, _ = data("iris")
SMALL = {"hidden_layer_sizes": 10, "max_iter": 3, "random_state": 0}


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(n_jobs, "usable_cores", lambda: 4)


# ---- How many threads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, 1), (1, 1), (3, 3), (4, 4), (9, 4), (-1, 4), (-2, 3), (-4, 1), (-9, 1), (np.int64(2), 2), (True, 1)
    ],
)  # fmt: skip
def test_threads(given, expected, four_cores):
    assert threads_of(given) == expected


def test_none_is_what_a_context_of_joblib_says(four_cores):
    for given, expected in ((2, 2), (9, 4), (-1, 4), (-2, 3)):
        with joblib.parallel_config(n_jobs=given):
            assert threads_of(None) == expected
            assert threads_of(3) == 3  # what is asked for comes first
    with joblib.parallel_config(backend="threading"):
        assert threads_of(None) == 1
    with joblib.parallel_backend("threading", n_jobs=3):
        assert threads_of(None) == 3
    assert threads_of(None) == 1


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_none_is_one_in_a_worker_of_joblib(backend):
    """Two workers with two threads each would be too many."""
    with joblib.parallel_config(backend, n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(threads_of)(None) for _ in range(2)) == [1, 1]


# ---- Where they come from --------------------------------------------------------------------------------------------


@pytest.fixture
def asked_for(monkeypatch):
    """The numbers of threads that trainings were asked for: the estimators' own, and those of many at once."""
    asked = []

    def noted(kind, threads_among):
        def make(*args, **more):
            asked.append(threads_among(args, more))
            return kind(*args, **more)

        return make

    runner = noted(samples.EpochRunner, lambda args, more: more["threads"])
    monkeypatch.setattr(samples, "EpochRunner", runner)
    monkeypatch.setattr(fits, "Scheduler", noted(fits.Scheduler, lambda args, more: args[1]))
    return asked


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_threads_of_estimators(solver, kind, asked_for, four_cores):
    for given in (None, 3, -1):
        fitted(getattr(fastbp, kind)(**SMALL, solver=solver, n_jobs=given), X, Y)
    with joblib.parallel_config(n_jobs=2):
        fitted(getattr(fastbp, kind)(**SMALL, solver=solver), X, Y)
    assert asked_for == [1, 3, 4, 2]


def test_the_threads_of_partial_fit(asked_for, four_cores):
    with joblib.parallel_config(n_jobs=2):
        MLPClassifier(**SMALL, n_jobs=3).partial_fit(X, Y, classes=[0, 1, 2])
        MLPRegressor(**SMALL).partial_fit(X, Y)
    assert asked_for == [3, 2]


def many(n_jobs):
    """Six networks in an ensemble, and six in a search."""
    return (
        fastbp.EnsembleClassifier(MLPClassifier(**SMALL), 6, random_state=0, n_jobs=n_jobs),
        fastbp.GridSearch(MLPClassifier(**SMALL), {"alpha": [0.0, 0.1]}, cv=3, refit=False, n_jobs=n_jobs),
        fastbp.RandomSearch(
            MLPClassifier(**SMALL), {"alpha": [0.0, 0.1]}, n_iter=2, cv=3, refit=False, random_state=0, n_jobs=n_jobs
        ),
    )


def test_the_threads_of_ensembles_and_searches(asked_for, four_cores):
    for given, expected in ((None, 1), (3, 3), (-1, 4)):
        for one in many(given):
            one.fit(X, Y)
            assert asked_for.pop() == expected
            assert not asked_for
    with joblib.parallel_config(n_jobs=2):
        for one in many(None):
            one.fit(X, Y)
    assert asked_for == [2, 2, 2]


def test_an_estimator_in_a_parallel_validation_has_one_thread(asked_for, four_cores):
    with joblib.parallel_config("threading", n_jobs=2):
        cross_validate(MLPClassifier(**SMALL), X, Y, cv=3)
    assert asked_for == [1, 1, 1]


# ---- What they do not change, and what is refused --------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_same_bits_for_any_number_of_threads(solver):
    models = [
        fitted(MLPClassifier(**SMALL | {"hidden_layer_sizes": 200}, solver=solver, n_jobs=n), X, Y)
        for n in (None, 1, 2, 3, -1)
    ]
    assert len({model.coefs_[0].tobytes() for model in models}) == 1


ALL = [MLPClassifier(**SMALL), MLPRegressor(**SMALL), *many(None)]


@pytest.mark.parametrize("bad", [1.5, "2", [1], np.float64(2.0)], ids=repr)
@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
def test_what_is_no_integer_is_refused_as_by_scikit_learn(model, bad):
    with pytest.raises(ValueError, match="'n_jobs'") as theirs:
        BaggingClassifier(n_jobs=bad).fit(X, Y)
    with pytest.raises(ValueError, match="'n_jobs'") as ours:
        clone(model).set_params(n_jobs=bad).fit(X, Y)
    words = str(theirs.value).replace("BaggingClassifier", type(model).__name__)
    either = words.replace("None or an instance of 'int'", "an instance of 'int' or None")  # GridSearchCV's order
    assert type(ours.value) is type(theirs.value)
    assert str(ours.value) in (words, either)


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
def test_zero_is_refused(model):
    with pytest.raises(ValueError, match="n_jobs"):
        clone(model).set_params(n_jobs=0).fit(X, Y)


def test_zero_is_refused_for_a_network_among_many_as_for_one_alone():
    network = MLPClassifier(**SMALL, n_jobs=0)
    search = fastbp.GridSearch(network, {"alpha": [0.1]}, cv=2, refit=False, error_score="raise")
    for model in (network, fastbp.EnsembleClassifier(network, 2), search):
        with pytest.raises(ValueError, match="n_jobs must be None, a number of threads, or below 0"):
            model.fit(X, Y)


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
def test_integers_of_numpy_are_integers(model):
    clone(model).set_params(n_jobs=np.int64(1)).fit(X, Y)
