"""Searches whose fits are not all known beforehand: pipelines, and estimators and scorers that train by themselves."""

import threading
import time
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection

import fastbp
from fastbp.estimators.mlp.base import BaseMLP
from tests.cases import UNCOMPILED
from tests.test_search import GRID, X, assert_same, classifier, regressor, y

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
KINDS = fastbp.GridSearch, GridSearchCV
ALPHA = {"mlpclassifier__alpha": [1e-4, 1.0]}


@pytest.fixture
def trained_alone(monkeypatch):
    """The trainings that were no part of one of many."""
    found, train = [], BaseMLP._train
    monkeypatch.setattr(BaseMLP, "_train", lambda self, *request: (found.append(self), train(self, *request)))
    return found


def frame(X):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(X, columns=list("abcd")).astype({"b": "float32"})


FORMS = {"array": np.array, "Fortran": np.asfortranarray, "list": np.ndarray.tolist, "frame": frame}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("whole", [classifier(), make_pipeline(StandardScaler(), classifier())], ids=["plain", "piped"])
def test_all_fits_are_one_training_whatever_the_samples_are(form, whole, trained_alone):
    given, grid = FORMS[form](X), ALPHA if isinstance(whole, Pipeline) else GRID
    ours = fastbp.GridSearch(whole, grid, cv=3, refit=False).fit(given, y.tolist() if form == "list" else y)
    assert not trained_alone
    assert_same(ours, GridSearchCV(whole, grid, cv=3, refit=False).fit(given, y))


class Counted(TransformerMixin, BaseEstimator):
    """Samples as they are."""

    fits = 0

    def fit(self, X, y=None):
        Counted.fits += 1
        return self

    def transform(self, X):
        return X


def test_what_comes_before_is_fitted_once_more_for_each_fold():
    Counted.fits = 0
    fastbp.GridSearch(make_pipeline(Counted(), classifier()), ALPHA, cv=3, refit=False).fit(X, y)
    assert Counted.fits == 3 + 2 * 3


def test_a_network_is_scored_with_the_samples_that_it_was_trained_with(trained_alone):
    """A projection that is drawn anew: the network must belong to the second draw, by which it is scored."""
    pipeline = make_pipeline(GaussianRandomProjection(30), classifier(hidden_layer_sizes=(30,), max_iter=60))
    digits, labels = fastbp.load_digits()
    search = fastbp.GridSearch(pipeline, ALPHA, cv=3, refit=False).fit(digits[:800], labels[:800])
    assert len(trained_alone) == 6
    assert search.cv_results_["mean_test_score"].min() > 0.4  # without: 0.1
    pipeline.set_params(gaussianrandomprojection__random_state=0)
    trained_alone.clear()
    fastbp.GridSearch(pipeline, ALPHA, cv=3, refit=False).fit(digits[:800], labels[:800])
    assert not trained_alone


class Refit(fastbp.MLPClassifier):
    """Trains twice."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        return super().fit(X, y, 1.0 + (self.predict(X) != y))


class GoesOn(fastbp.MLPClassifier):
    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        return self.partial_fit(X, y)


@pytest.mark.parametrize("model", [Refit, GoesOn])
def test_estimators_with_a_fit_of_their_own(model):
    model = model((4,), max_iter=10, random_state=0, learning_rate_init=0.05)
    assert_same(*(kind(model, {"alpha": [1e-4, 1.0]}, cv=3).fit(X, y) for kind in KINDS))
    with pytest.raises(TypeError, match="with its own `fit`"):
        fastbp.EnsembleClassifier(model, 3).fit(X, y)


@pytest.mark.parametrize(
    "scoring",
    [
        lambda model, X, y: clone(model).set_params(alpha=100.0, random_state=5).fit(X, y).score(X, y),
        lambda model, X, y: clone(model).fit(X, y).score(X, y),
        lambda model, X, y: cross_val_score(clone(model), X, y, cv=2).mean(),
        make_scorer(fbeta_score, beta=-1),
    ],
    ids=["other parameters", "other samples", "validation", "a wrong parameter"],
)
@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test scores")
def test_scorers_that_train(scoring):
    grid = {"alpha": [1e-4, 10.0, 100.0]}
    assert_same(*(kind(classifier(), grid, cv=3, scoring=scoring, refit=False).fit(X, y) for kind in KINDS))


def test_networks_inside_of_what_comes_before():
    missing = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    imputer = IterativeImputer(regressor(hidden_layer_sizes=(4,), max_iter=5), max_iter=2, random_state=0)
    pipeline = make_pipeline(imputer, classifier())
    assert_same(*(kind(pipeline, ALPHA, cv=3, scoring="neg_log_loss").fit(missing, y) for kind in KINDS))
    selector = SequentialFeatureSelector(classifier(max_iter=3), n_features_to_select=2, cv=2)
    assert_same(*(kind(make_pipeline(selector, classifier()), ALPHA, cv=3).fit(X, y) for kind in KINDS))


class Flaky(Counted):
    """Its second fit fails."""

    def fit(self, X, y=None):
        if super().fit(X, y).fits == 2:
            raise ValueError("flaky")
        return self


def test_what_fails_beforehand_and_not_afterwards_does_not_mix_up_the_folds():
    Counted.fits, pipeline = 0, make_pipeline(Flaky(), classifier())
    ours = fastbp.GridSearch(pipeline, ALPHA, cv=3).fit(X, y)
    Counted.fits = 9
    assert_same(ours, GridSearchCV(pipeline, ALPHA, cv=3).fit(X, y))


class OfClones(Pipeline):
    """Leaves its steps as they are given."""

    def fit(self, X, y):
        self.steps = clone(self).steps
        return super().fit(X, y)


def test_a_pipeline_that_fits_something_else_than_its_last_step():
    pipeline = OfClones(make_pipeline(StandardScaler(), classifier()).steps)
    assert_same(*(kind(pipeline, ALPHA, cv=3).fit(X, y) for kind in KINDS))


def test_candidates_that_put_something_else_in_the_place_of_the_network():
    pipeline = Pipeline([("scaler", StandardScaler()), ("model", classifier())])
    grid = [
        {"model": [classifier(alpha=0.1), LogisticRegression()]},
        {"model__alpha": [0.1], "scaler": ["passthrough"]},
    ]
    ours, theirs = (kind(pipeline, grid, cv=3).fit(X, y) for kind in KINDS)
    np.testing.assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=1e-6)


class Stops:
    """A callback of scikit-learn's that ends a training after its first epoch."""

    calls = 0

    def setup(self, *args, **more):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, *args, **more):
        Stops.calls += 1
        return True


def test_callbacks_of_scikit_learn_are_called():
    pytest.importorskip("sklearn.callback")
    model, results, calls = classifier().set_callbacks(Stops()), [], []
    for kind in KINDS:
        Stops.calls = 0
        results.append(kind(model, {"alpha": [0.0, 1.0]}, cv=3, refit=False).fit(X, y))
        calls.append(Stops.calls)
    assert_same(*results)
    assert calls[0] == calls[1] > 0


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.filterwarnings("ignore:One or more of the test scores", "ignore::sklearn.exceptions.FitFailedWarning")
def test_the_time_limit_ends_what_is_trained_one_by_one(solver):
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(20_000, 100))
    model = fastbp.MLPClassifier((200,), solver=solver, max_iter=400, tol=0, n_iter_no_change=10**6, max_fun=10**6)
    begin = time.monotonic()
    with pytest.raises(RuntimeError, match="ended before any of 1 candidate was trained on all 2 folds"):
        fastbp.GridSearch(model, {"alpha": [1e-4]}, cv=2, refit=False, time_limit=0.5).fit(wide, wide[:, 0] > 0)
    assert time.monotonic() - begin < 8  # all of it takes longer


def test_halving_that_has_no_time_left_has_the_results_of_whole_iterations(monkeypatch):
    from fastbp.estimators.search import joint

    clock = iter([0.0, 0.0, 100.0])  # when the search begins, and each of its iterations
    monkeypatch.setattr(joint, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    options = {"resource": "max_iter", "min_resources": 100, "max_resources": 10**6, "factor": 500, "random_state": 0}
    model, grid = classifier(tol=0.0, n_iter_no_change=np.inf), {"alpha": np.logspace(-5, 0, 600).tolist()}
    search = fastbp.GridSearch(model, grid, cv=2, refit=False, halving=options, time_limit=50.0)
    with pytest.warns(RuntimeWarning, match="before its iteration 1 was done"):
        search.fit(X, y)
    assert (search.n_iterations_, search.n_candidates_, search.n_resources_) == (1, [600], [100])
    assert (search.n_remaining_candidates_, search.n_required_iterations_, search.n_possible_iterations_) == (2, 2, 2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert set(search.cv_results_["iter"]) == {0}


def test_samples_are_not_kept_for_each_candidate():
    big = np.random.default_rng(0).normal(size=(4000, 100))
    pipeline = make_pipeline(StandardScaler(), classifier(hidden_layer_sizes=(2,), max_iter=1))

    def peak(candidates):
        tracemalloc.start()
        grid = {"mlpclassifier__alpha": np.linspace(0, 1, candidates).tolist()}
        fastbp.GridSearch(pipeline, grid, cv=3, refit=False, n_jobs=1).fit(big, big[:, 0] > 0)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few = peak(2)
    assert peak(40) < few + big.nbytes
    assert few < 12 * big.nbytes


def test_samples_that_many_pipelines_make_are_trained_in_several_goes(monkeypatch):
    from fastbp.estimators.search import joint

    monkeypatch.setattr(joint, "HELD_BYTES", 1)
    pipeline = make_pipeline(StandardScaler(), classifier())
    grid = ALPHA | {"standardscaler__with_mean": [True, False]}
    assert_same(*(kind(pipeline, grid, cv=3).fit(X + 3, y) for kind in KINDS))


def test_a_search_in_a_thread_does_not_take_part_in_another(trained_alone):
    def train():
        classifier().fit(X, y)

    def scoring(model, X, y):
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
        return model.score(X, y)

    fastbp.GridSearch(classifier(), {"alpha": [0.0]}, cv=3, refit=False, scoring=scoring).fit(X, y)
    assert len(trained_alone) == 3


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_fit_that_fails_is_named_as_it_is_alone():
    with pytest.warns(FitFailedWarning, match="hidden_layer_sizes must be > 0"):
        fastbp.GridSearch(classifier(), {"hidden_layer_sizes": [(0,), (3,)]}, cv=3).fit(X, y)
