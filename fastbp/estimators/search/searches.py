"""GridSearch and RandomSearch: scikit-learn's searches, whose fits are one training of many networks (joint.py)."""

import numpy as np
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV

from fastbp.estimators.mlp.parameters import EXECUTOR, POSITIVE
from fastbp.estimators.search.joint import Halving, JointSearch

OWN = {
    "halving": [None, "boolean", dict], "time_limit": [None, POSITIVE], "progress": ["boolean", callable],
    "executor": EXECUTOR,
}  # fmt: skip
HALVING_OPTIONS = ("factor", "resource", "max_resources", "min_resources", "aggressive_elimination")
COMMON = ("scoring", "n_jobs", "refit", "cv", "verbose", "error_score", "return_train_score")


class _HalvingGrid(Halving, HalvingGridSearchCV):
    """GridSearch by successive halving."""


class _HalvingRandom(Halving, HalvingRandomSearchCV):
    """RandomSearch by successive halving."""


_HalvingGrid.__name__, _HalvingRandom.__name__ = "GridSearch", "RandomSearch"  # in scikit-learn's messages


class GridSearch(JointSearch, GridSearchCV):
    """scikit-learn's GridSearchCV, whose candidates and folds are trained together.

    The scores, ranks and columns of `cv_results_` are those of `GridSearchCV` over the same estimator. Candidates that
    share lanes take a fraction of the time of one after the other (see `train_many`).

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a pipeline that ends with one
        Any other is searched as `GridSearchCV` does, one fit after the other: a subclass with its own `fit`, a pipeline
        with `memory`, one with scikit-learn's callbacks. A network whose pipeline comes to other samples each time, for
        example by a random projection without a `random_state`, is trained by itself, too.
    param_grid : dict or list of dict
        Lists of values for each parameter.
    scoring : as in `GridSearchCV`
    n_jobs : int or None, default=None
        Threads. None: 1, unless a `joblib.parallel_config` says otherwise; -1: one for each core that the process may
        use; -2: one less.
    refit, cv, verbose, pre_dispatch : as in `GridSearchCV`
    error_score, return_train_score : as in `GridSearchCV`
        A fit that fails, because it diverges for example, gets `error_score` and is named in a warning.
    halving : bool, dict or None, default=None
        Successive halving, as `HalvingGridSearchCV` does it: True, or its options factor, resource, max_resources,
        min_resources, aggressive_elimination and random_state.
    time_limit : float or None, default=None
        Seconds for the training of the candidates together; those that are not done get `error_score`. So it is after
        Ctrl-C. By successive halving `cv_results_` then has the iterations that were done.
    progress : bool or callable, default=False
        As in `train_many`.
    executor : as in `train_many`, default=None
        Where the candidates are trained; None: by threads of this process, or by the workers of a
        `joblib.parallel_config(backend="dask")`.

    Attributes
    ----------
    cv_results_, best_params_ : dict
    best_estimator_ : object
    best_score_, refit_time_ : float
    best_index_, n_splits_ : int
    scorer_ : callable, or dict of str to callable
    multimetric_ : bool
        As in `GridSearchCV`. mean_fit_time is the share of a fit in the time of all.

    Raises
    ------
    ValueError, TypeError
        scikit-learn's own, and the estimator's.

    Notes
    -----
    What is drawn from NumPy's own generator (`np.random.seed`), where a `random_state` is None, is the same for each
    number of threads. Candidates and folds are those of `GridSearchCV`. So are the networks, if nothing is drawn while
    they are trained: with "lbfgs", or shuffle=False without dropout or rows held out for early stopping. Else they are
    other ones, since `GridSearchCV` draws all numbers of a fit before the first of the next, and here they are trained
    at the same time: the first weights of all are drawn, fit by fit, then the seed of a generator for each. A number as
    the estimator's `random_state` gives the scores of `GridSearchCV` in any case.

    Examples
    --------
    >>> import fastbp
    >>> X, y = fastbp.load_digits()
    >>> model = fastbp.MLPClassifier((16,), max_iter=20, tol=1.0, n_iter_no_change=9, random_state=0)
    >>> grid = {"alpha": [0.001, 1.0], "learning_rate_init": [0.001, 0.01]}
    >>> search = fastbp.GridSearch(model, grid, cv=3).fit(X[:300], y[:300])
    >>> search.best_params_["learning_rate_init"], len(search.cv_results_["rank_test_score"])
    (0.01, 4)
    """

    _parameter_constraints = GridSearchCV._parameter_constraints | OWN
    _halving_options = (*HALVING_OPTIONS, "random_state")

    def __init__(
        self, estimator, param_grid, *, scoring=None, n_jobs=None, refit=True, cv=None, verbose=0,
        pre_dispatch="2*n_jobs", error_score=np.nan, return_train_score=False, halving=None, time_limit=None,
        progress=False, executor=None,
    ):  # fmt: skip
        super().__init__(
            estimator, param_grid, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
            pre_dispatch=pre_dispatch, error_score=error_score, return_train_score=return_train_score,
        )  # fmt: skip
        self.halving, self.time_limit, self.progress, self.executor = halving, time_limit, progress, executor

    def _halving_search(self, options):
        common = {name: getattr(self, name) for name in COMMON}
        return _HalvingGrid(self.estimator, self.param_grid, **common, **options)


class RandomSearch(JointSearch, RandomizedSearchCV):
    """scikit-learn's RandomizedSearchCV, whose candidates and folds are trained together.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a pipeline that ends with one
        As in `GridSearch`; any other is searched as `RandomizedSearchCV` does.
    param_distributions : dict or list of dict
        Lists of values, or distributions with a method `rvs`, for each parameter.
    n_iter : int, default=10
        Candidates.
    scoring : as in `RandomizedSearchCV`
    n_jobs : int or None, default=None
        As in `GridSearch`.
    refit, cv, verbose, pre_dispatch, random_state, error_score, return_train_score : as in `RandomizedSearchCV`
    halving : bool, dict or None, default=None
        Successive halving of n_iter candidates, as `HalvingRandomSearchCV` does it: True, or its options factor,
        resource, max_resources, min_resources, aggressive_elimination and n_candidates.
    time_limit, progress, executor : as in `GridSearch`

    Attributes
    ----------
    cv_results_, best_params_ : dict
    best_estimator_ : object
    best_score_, refit_time_ : float
    best_index_, n_splits_ : int
    scorer_ : callable, or dict of str to callable
    multimetric_ : bool
        As in `RandomizedSearchCV`, and as in `GridSearch`.

    Raises
    ------
    ValueError, TypeError
        scikit-learn's own, and the estimator's.

    Notes
    -----
    Of `random_state=None`, that of the search and that of the estimator, see `GridSearch`.

    Examples
    --------
    >>> import fastbp
    >>> from scipy.stats import loguniform
    >>> X, y = fastbp.load_digits()
    >>> model = fastbp.MLPClassifier((16,), max_iter=20, tol=1.0, n_iter_no_change=9, random_state=0)
    >>> rates = {"learning_rate_init": loguniform(1e-4, 1e-1)}
    >>> search = fastbp.RandomSearch(model, rates, n_iter=8, cv=3, random_state=0).fit(X[:300], y[:300])
    >>> len(search.cv_results_["params"])
    8
    """

    _parameter_constraints = RandomizedSearchCV._parameter_constraints | OWN
    _halving_options = (*HALVING_OPTIONS, "n_candidates")

    def __init__(
        self, estimator, param_distributions, *, n_iter=10, scoring=None, n_jobs=None, refit=True, cv=None, verbose=0,
        pre_dispatch="2*n_jobs", random_state=None, error_score=np.nan, return_train_score=False, halving=None,
        time_limit=None, progress=False, executor=None,
    ):  # fmt: skip
        super().__init__(
            estimator, param_distributions, n_iter=n_iter, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
            verbose=verbose, pre_dispatch=pre_dispatch, random_state=random_state, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        self.halving, self.time_limit, self.progress, self.executor = halving, time_limit, progress, executor

    def _halving_search(self, options):
        common = {name: getattr(self, name) for name in COMMON} | {"n_candidates": self.n_iter}
        return _HalvingRandom(
            self.estimator, self.param_distributions, random_state=self.random_state, **common | options
        )
