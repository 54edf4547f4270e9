"""GridSearch and RandomSearch against scikit-learn's searches over the same estimators."""

import os
import signal
import threading
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.stats import loguniform
from sklearn import datasets
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastbp
from tests.cases import UNCOMPILED
from tests.estimator_cases import Explodes

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, y = datasets.load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
QUICK = {"max_iter": 12, "random_state": 0, "batch_size": 16, "learning_rate_init": 0.01}
GRID = {"hidden_layer_sizes": [(4,), (7, 3)], "alpha": [1e-4, 1.0]}


def classifier(**more):
    return fastbp.MLPClassifier(**(QUICK | more))


def regressor(**more):
    return fastbp.MLPRegressor(**(QUICK | more))


def assert_same(ours, theirs):
    """All columns but the times are equal, and so is what follows from them."""
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for name, expected in theirs.cv_results_.items():
        came = ours.cv_results_[name]
        if "test_" in name or "train_" in name:
            np.testing.assert_allclose(came, expected, atol=1e-6)
        if not name.endswith("_time"):
            assert np.asarray(came).dtype == np.asarray(expected).dtype, name
        if name.startswith(("rank", "param")):
            assert list(came) == list(expected), name
    for name in ("best_params_", "best_index_", "n_splits_", "multimetric_"):
        assert getattr(ours, name, None) == getattr(theirs, name, None), name


MODELS = {
    "plain": classifier(),
    "float32": classifier(dtype="float32"),
    "early stopping": classifier(early_stopping=True, n_iter_no_change=2),
    "stops by loss": classifier(tol=0.1, n_iter_no_change=2, max_iter=60),
    "best weights": classifier(restore_best_weights=True, learning_rate_init=0.5),
    "adaptive": classifier(solver="sgd", learning_rate="adaptive", tol=0.05, n_iter_no_change=1, max_iter=40),
    "inverse scaling": classifier(solver="sgd", learning_rate="invscaling", momentum=0.5),
    "schedule": classifier(learning_rate=fastbp.CosineDecay(0.02)),
    "optimizer": classifier(solver=fastbp.RMSprop(0.01)),
    "dropout": classifier(dropout=0.3),
    "limits": classifier(max_norm=1.0, clip_norm=0.5, l1_ratio=0.5, label_smoothing=0.3),
    "class weights": classifier(class_weight="balanced"),
    "rates": classifier(diagonal=6.0, early_stopping=True),
    "no shuffle": classifier(shuffle=False),
    "random state": classifier(random_state=np.random.RandomState(3)),
    "another generator": classifier(random_state=np.random.RandomState(np.random.PCG64(3)), dropout=0.3),
    "lbfgs": classifier(solver="lbfgs"),
    "callbacks": classifier(callbacks=lambda state: state.epoch == 3),
    "time limit": classifier(time_limit=100.0),
    "threads": classifier(n_jobs=2),
    "narrow": classifier(hidden_layer_sizes=(4,)),
    "narrow, early stopping": classifier(hidden_layer_sizes=(4,), early_stopping=True, n_iter_no_change=2),
    "narrow, diverges late": classifier(hidden_layer_sizes=(4,), early_stopping=True, learning_rate=Explodes()),
    "diverges late": classifier(early_stopping=True, learning_rate=Explodes(), time_limit=100.0),
    "narrow, class weights": classifier(hidden_layer_sizes=(4,), class_weight={0: 0, 1: 1, 2: 1}, batch_size=1),
}


@pytest.mark.parametrize("name", MODELS)
def test_classifiers(name):
    grid = {"alpha": [1e-4, 1.0]} if name == "wide" else GRID
    ours = fastbp.GridSearch(MODELS[name], grid, cv=3, return_train_score=True).fit(X, y)
    theirs = GridSearchCV(MODELS[name], grid, cv=3, return_train_score=True).fit(X, y)
    assert_same(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_regressors(loss):
    target = X[:, 0] ** 2
    ours, theirs = (kind(regressor(loss=loss), GRID, cv=3).fit(X, target) for kind in (fastbp.GridSearch, GridSearchCV))
    assert_same(ours, theirs)


def test_candidates_that_differ_in_the_numbers_of_their_losses():
    grid = [
        {"loss": ["huber"], "huber_delta": [None, 0.1, 2.0]},
        {"loss": ["quantile"], "quantile": [0.1, None, 0.9], "hidden_layer_sizes": [(4,), (7, 3)]},
        {"loss": ["squared_error"]},
    ]
    piped = make_pipeline(StandardScaler(), regressor())
    for model, prefix in ((regressor(), ""), (regressor(solver="lbfgs"), ""), (piped, "mlpregressor__")):
        named = [{prefix + name: values for name, values in part.items()} for part in grid]
        ours, theirs = (kind(model, named, cv=3).fit(X, X[:, 0] ** 2) for kind in (fastbp.GridSearch, GridSearchCV))
        assert_same(ours, theirs)
        assert len(set(ours.cv_results_["mean_test_score"].round(9))) == 10


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_number_of_another_loss_is_named():
    grid, scores = {"loss": ["huber", "squared_error"], "huber_delta": [None, 0.1]}, []
    for kind in (fastbp.GridSearch, GridSearchCV):
        with pytest.warns(FitFailedWarning, match=r"huber_delta must be None for loss='squared_error', got 0\.1"):
            scores.append(kind(regressor(), grid, cv=3).fit(X, X[:, 0]).cv_results_["mean_test_score"])
    assert np.isfinite(scores[0]).tolist() == [True, True, True, False]
    np.testing.assert_allclose(*scores, atol=1e-6)


def test_what_a_fit_leaves_behind_is_that_of_a_training_alone():
    from fastbp.estimators.batched.fits import train_fits
    from fastbp.estimators.mlp.collector import Collector

    models = [*MODELS.values(), classifier(hidden_layer_sizes=(9,), dtype="float32", tol=0.1, n_iter_no_change=2)]
    collector = Collector()
    for model in models:
        collector.collect(clone(model), X, y)
    train_fits(collector.fits)
    for model, fit in zip(models, collector.fits, strict=True):
        alone, came = clone(model).fit(X, y), fit.estimator
        assert fit.problem is None
        assert (came.n_iter_, came.t_, came.stopped_) == (alone.n_iter_, alone.t_, alone.stopped_)
        assert came._no_improvement_count == alone._no_improvement_count
        np.testing.assert_allclose(came.loss_, alone.loss_, rtol=1e-5)
        np.testing.assert_allclose(getattr(came, "loss_curve_", ()), getattr(alone, "loss_curve_", ()), rtol=1e-5)
        for a, b in zip(came.coefs_ + came.intercepts_, alone.coefs_ + alone.intercepts_, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, atol=2e-4)
        if model.solver != "lbfgs":
            assert came.best_loss_ == (alone.best_loss_ and pytest.approx(alone.best_loss_, rel=1e-5))
            for one in (came, alone):
                one.set_params(class_weight=None).partial_fit(X, y)  # goes on with the same moments and steps
            np.testing.assert_allclose(came.loss_, alone.loss_, rtol=1e-4)


def test_the_number_of_threads_does_not_matter():
    searches = [fastbp.GridSearch(classifier(), GRID, cv=3, n_jobs=n).fit(X, y) for n in (1, 2, 5, -1)]
    for search in searches[1:]:
        assert (search.cv_results_["mean_test_score"] == searches[0].cv_results_["mean_test_score"]).all()
        assert (search.best_estimator_.coefs_[0] == searches[0].best_estimator_.coefs_[0]).all()


def test_pipelines_whose_first_part_depends_on_the_candidate():
    pipeline = make_pipeline(StandardScaler(), classifier())
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "standardscaler__with_mean": [True, False]}
    assert_same(*(kind(pipeline, grid, cv=3).fit(X + 3, y) for kind in (fastbp.GridSearch, GridSearchCV)))


def test_other_estimators_are_searched_by_scikit_learn():
    grid = {"C": [0.1, 1.0]}
    assert_same(*(kind(LogisticRegression(), grid, cv=3).fit(X, y) for kind in (fastbp.GridSearch, GridSearchCV)))


def test_several_metrics_and_callables():
    scoring = {"hits": make_scorer(accuracy_score), "recall": "recall_macro"}
    for more in ({"scoring": scoring, "refit": "recall"}, {"scoring": ["accuracy", "f1_macro"], "refit": False}):
        assert_same(*(kind(classifier(), GRID, cv=3, **more).fit(X, y) for kind in (fastbp.GridSearch, GridSearchCV)))
    own = lambda model, X, y: {"a": model.score(X, y), "b": model.loss_}  # noqa: E731
    best = lambda results: int(results["mean_test_b"].argmin())  # noqa: E731
    kinds = fastbp.GridSearch, GridSearchCV
    assert_same(*(kind(classifier(), GRID, cv=3, scoring=own, refit=best).fit(X, y) for kind in kinds))


def test_folds_that_are_drawn_anew_and_parameters_of_fit():
    rng = np.random.default_rng(0)
    weight, groups = rng.uniform(0.1, 2, len(X)), rng.integers(0, 6, len(X))
    pair = [kind(classifier(), GRID, cv=GroupKFold(3)) for kind in (fastbp.GridSearch, GridSearchCV)]
    assert_same(*(search.fit(X, y, groups=groups, sample_weight=weight) for search in pair))
    search = fastbp.GridSearch(classifier(), GRID, cv=KFold(3, shuffle=True)).fit(X, y)  # different folds each time
    assert search.best_score_ > 0.5


def globally_drawn(kinds, model, seed=0, **how):
    """Searches of which each draws all that it does from NumPy's own generator."""
    draws = {"alpha": loguniform(1e-5, 1), "hidden_layer_sizes": [(3,), (5,)]}
    found, state = [], np.random.get_state()  # noqa: NPY002
    try:
        for kind in kinds:
            np.random.seed(seed)  # noqa: NPY002
            found.append(kind(model, draws, n_iter=3, cv=KFold(2, shuffle=True), **how).fit(X, y))
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return found


@pytest.mark.parametrize("more", [{"solver": "lbfgs"}, {"shuffle": False}], ids=["lbfgs", "no shuffle"])
def test_a_search_that_draws_nothing_while_it_trains_is_scikit_learns_after_the_same_seed(more):
    """Candidates, folds, first weights, and those of the last fit."""
    kinds = fastbp.RandomSearch, RandomizedSearchCV
    ours, theirs = globally_drawn(kinds, classifier(random_state=None, **more))
    assert_same(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("more", [{}, {"early_stopping": True}, {"dropout": 0.3}], ids=str)
def test_a_search_draws_candidates_and_folds_as_scikit_learns_and_the_rest_once_for_all_threads(more):
    rows, model = [], classifier(random_state=None, **more)

    def scoring(model, X, y):
        rows.append(X.tobytes())
        return model.score(X, y)

    kinds = fastbp.RandomSearch, RandomizedSearchCV
    ours, theirs = globally_drawn(kinds, model, scoring=scoring)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    assert rows[:6] == rows[6:]
    scores = [ours.cv_results_["mean_test_score"]]
    for alone in (model, classifier(random_state=None, time_limit=100.0, **more)):
        for n_jobs in (1, 2):
            scores.append(globally_drawn(kinds[:1], alone, n_jobs=n_jobs)[0].cv_results_["mean_test_score"])
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=1e-6)
    assert (globally_drawn(kinds[:1], model, seed=1)[0].cv_results_["mean_test_score"] != scores[0]).any()


def test_random_search():
    draws = {"alpha": loguniform(1e-5, 1), "hidden_layer_sizes": [(3,), (5,)]}
    kinds, how = (fastbp.RandomSearch, RandomizedSearchCV), {"n_iter": 7, "cv": 3, "random_state": 4}
    assert_same(*(kind(classifier(), draws, **how).fit(X, y) for kind in kinds))


@pytest.mark.parametrize("options", [True, np.True_, {"factor": 2, "resource": "max_iter", "max_resources": 12}])
def test_successive_halving(options):
    how, model = options if isinstance(options, dict) else {}, classifier(batch_size="auto")
    ours = fastbp.GridSearch(model, GRID, cv=3, halving={"random_state": 0} | how, return_train_score=True)
    theirs = HalvingGridSearchCV(model, GRID, cv=3, random_state=0, **how)
    assert_same(ours.fit(X, y), theirs.fit(X, y))
    assert ours.predict(X).shape == y.shape
    draws = {"alpha": loguniform(1e-5, 1)}
    ours = fastbp.RandomSearch(model, draws, n_iter=6, cv=3, halving=options, random_state=0)
    theirs = HalvingRandomSearchCV(model, draws, n_candidates=6, cv=3, random_state=0, **how)
    ours.return_train_score = True
    assert_same(ours.fit(X, y), theirs.fit(X, y))


def test_a_search_is_cloned_and_has_its_parameters():
    search = fastbp.GridSearch(classifier(), GRID, halving={"factor": 2}, time_limit=9.0, progress=True)
    same = clone(search).get_params(deep=False)
    assert (same["halving"], same["time_limit"]) == ({"factor": 2}, 9.0)
    assert "estimator__alpha" in search.get_params()


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_what_diverges_and_what_is_wrong_has_no_score_and_the_others_have():
    model = classifier(solver="sgd", momentum=0.0, activation="identity")
    grid = [{"learning_rate_init": [0.01, 1e30]}, {"alpha": [-1.0]}, {"hidden_layer_sizes": [(0,), (3,)]}]
    with pytest.warns(FitFailedWarning, match=r"learning_rate_init=1e\+30"):
        ours = fastbp.GridSearch(model, grid, cv=3).fit(X, y)
    with pytest.warns(FitFailedWarning):
        theirs = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert_same(ours, theirs)
    assert np.isnan(ours.cv_results_["mean_test_score"]).tolist() == [False, True, True, True, False]
    with pytest.raises(ValueError, match="non-finite"):
        fastbp.GridSearch(model, grid[0], cv=3, error_score="raise").fit(X, y)
    with pytest.raises(ValueError, match="Invalid parameter 'alhpa'"):
        fastbp.GridSearch(model, {"alhpa": [1.0]}, cv=3).fit(X, y)


@pytest.mark.filterwarnings("ignore:One or more of the test scores", "ignore::sklearn.exceptions.FitFailedWarning")
def test_the_time_limit_leaves_what_is_done():
    grid, model = {"max_iter": [2, 10**6]}, classifier(tol=0.0, n_iter_no_change=np.inf, hidden_layer_sizes=(3,))
    with pytest.warns(FitFailedWarning, match="interrupted before"):
        search = fastbp.GridSearch(model, grid, cv=3, refit=False, time_limit=1.0).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]


@pytest.mark.filterwarnings("ignore:One or more of the test scores", "ignore::sklearn.exceptions.FitFailedWarning")
def test_ctrl_c_leaves_what_is_done():
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread alone")
    grid, model = {"max_iter": [2, 10**6]}, classifier(tol=0.0, n_iter_no_change=np.inf, hidden_layer_sizes=(3,))
    timer = threading.Timer(1.5, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        search = fastbp.GridSearch(model, grid, cv=3, refit=False).fit(X, y)
    assert any("the training was interrupted" in str(one.message) for one in told)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]


def test_a_search_that_cannot_begin_keeps_nothing():
    folds = (1 // n for n in range(3))  # which end in an error when they are asked for
    search = fastbp.GridSearch(classifier(), {"alpha": [1.0]}, cv=folds)
    before = dict(vars(search))
    with pytest.raises(ZeroDivisionError):
        search.fit(X, y)
    assert vars(search) == before


def test_a_search_that_ends_before_one_candidate_is_whole_is_no_search():
    """scikit-learn would call the first candidate the best, with a score of NaN, and fit it."""
    endless = classifier(max_iter=10**7, tol=0.0, n_iter_no_change=np.inf, hidden_layer_sizes=(3,))
    grid = {"alpha": [0.1, 0.01]}
    with pytest.raises(
        RuntimeError,
        match=r"^the search ended before any of 2 candidates was trained on all 3 folds; time_limit=0\.3 s",
    ):
        fastbp.GridSearch(endless, grid, cv=3, time_limit=0.3).fit(X, y)
    threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        fastbp.GridSearch(endless, grid, cv=3).fit(X, y)


def interrupts(state):
    raise KeyboardInterrupt


@pytest.mark.parametrize("callback", [interrupts, lambda state: interrupts(state)], ids=["known", "unknown"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_ctrl_c_in_a_callback_ends_the_search_and_not_a_fit_after_the_other(callback, solver):
    """Fits with a callback that no pickle takes are trained by scikit-learn's search."""
    for n_jobs in (1, 2):
        search = fastbp.GridSearch(classifier(callbacks=callback, solver=solver), GRID, cv=2, n_jobs=n_jobs)
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, y)


def ends_at_once_with_120_samples(state):
    return state.estimator.t_ == 120


@pytest.mark.parametrize("done", [0, 1, 2])
def test_ctrl_c_before_one_candidate_is_whole_is_passed_on(done):
    """Whether no fit is done, or one of each candidate is: those of more samples, which are trained first."""
    pressed = []

    def ctrl_c(ended, total, seconds):
        if ended >= done and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt

    more = {"max_iter": 10**7, "tol": 0.0, "n_iter_no_change": np.inf}
    endless = classifier(callbacks=ends_at_once_with_120_samples if done else None, **more)
    folds = [(np.arange(first, 150), np.arange(first)) for first in (50, 30)]
    told = "^the search was interrupted before any of 2 candidates was trained on all 2 folds$"
    with pytest.raises(KeyboardInterrupt, match=told):
        fastbp.GridSearch(endless, {"alpha": [0.1, 0.01]}, cv=folds, progress=ctrl_c).fit(X, y)


def test_what_has_diverged_before_the_end_of_a_search_is_no_candidate(monkeypatch):
    """Else all fits would have failed, and scikit-learn would say that the model is misconfigured."""
    model = classifier(solver="sgd", activation="identity", max_iter=10**7, tol=0.0, n_iter_no_change=np.inf)
    search = fastbp.GridSearch(model, {"learning_rate_init": [1e-9, 1e200]}, cv=2)
    with pytest.raises(RuntimeError, match=r"^the search ended before any of 2 candidates was trained on all 2 folds"):
        search.set_params(time_limit=0.5).fit(X, y)


def test_progress_is_told():
    seen = []
    fastbp.GridSearch(classifier(), GRID, cv=3, progress=lambda *state: seen.append(state)).fit(X, y)
    assert seen[-1][:2] == (12, 12)


@pytest.mark.parametrize(
    ("name", "value"),
    [("halving", "yes"), ("time_limit", -1.0), ("progress", "no"), ("param_grid", 3), ("n_jobs", 0)],
)
def test_bad_input_names_the_argument(name, value):
    with pytest.raises((ValueError, TypeError), match=name if name != "param_grid" else "grid"):
        fastbp.GridSearch(classifier(), GRID).set_params(**{name: value}).fit(X, y)


@pytest.mark.parametrize("kind", [fastbp.GridSearch, fastbp.RandomSearch])
def test_options_of_halving_that_there_are_not_are_named(kind):
    with pytest.raises(ValueError, match="'fctor'"):
        kind(classifier(), GRID, halving={"fctor": 2}).fit(X, y)


@pytest.mark.parametrize("how", [{"cv": iter([])}, {"cv": 3, "param_grid": []}])
def test_nothing_to_be_tried_is_scikit_learns_error(how):
    for kind in (fastbp.GridSearch, GridSearchCV):
        with pytest.raises(ValueError, match="No fits were performed"):
            kind(**{"estimator": classifier(), "param_grid": GRID} | how).fit(X, y)
