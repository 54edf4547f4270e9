"""GridSearch and RandomSearch: scikit-learn's searches, whose fits are one training of many networks.

All but the fits is scikit-learn's own code: it draws the candidates, splits the samples, scores and ranks. When it asks
for a list of candidates to be evaluated, they are trained here first, together; its own fits then find them done.
"""

import contextlib
import functools
import inspect
import itertools
import time

import joblib
import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from fastbp.estimators.base import BaseMLP
from fastbp.estimators.collector import collecting
from fastbp.estimators.fits import train_together
from fastbp.estimators.parameters import POSITIVE

OWN = {"halving": [None, "boolean", dict], "time_limit": [None, POSITIVE], "progress": ["boolean", callable]}
COMMON = ("scoring", "n_jobs", "refit", "cv", "verbose", "error_score", "return_train_score")


class _Together:
    """A search of scikit-learn whose candidates are trained together."""

    def fit(self, X, y=None, **params):
        """Train and score all candidates, then the best one on all samples.

        Parameters
        ----------
        X : array-like, shape (samples, inputs)
        y : array-like, shape (samples,) or (samples, outputs)
        **params
            For the estimator's `fit` (`sample_weight` is split as X is), the scorer and the splitter.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            scikit-learn's own, and the estimator's.
        """
        self._validate_params()
        if getattr(self, "halving", None):
            return self._halve(X, y, params)
        if not trained_together(self.estimator):
            return super().fit(X, y, **params)
        self._given, self._shares = indexable(X, y), []
        self._end = None if self.time_limit is None else time.monotonic() + self.time_limit
        try:
            with joblib.parallel_config(backend="sequential"):  # the threads are in the training
                return super().fit(X, y, **params)
        finally:
            del self._given, self._shares, self._end
            vars(self).pop("_routed", None)

    def _halve(self, X, y, params):
        """The same by successive halving."""
        search = self._halving_search({} if self.halving is True else dict(self.halving))
        search.time_limit, search.progress = self.time_limit, self.progress
        search.fit(X, y, **params)
        for name, value in vars(search).items():
            if name.endswith("_") and not name.startswith("_"):
                setattr(self, name, value)
        return self

    def _get_routed_params_for_fit(self, params):
        self._routed = super()._get_routed_params_for_fit(params)
        return self._routed

    def _run_search(self, evaluate_candidates, callback_ctx=None):
        ours = getattr(self, "_given", None) is not None
        evaluate = functools.partial(self._evaluate, evaluate_candidates) if ours else evaluate_candidates
        known = inspect.signature(super()._run_search).parameters  # scikit-learn 1.9 has contexts
        super()._run_search(evaluate, **({"callback_ctx": callback_ctx} if "callback_ctx" in known else {}))

    def _evaluate(self, evaluate_candidates, candidates, cv=None, more_results=None, **context):
        """Trains the candidates together, then lets scikit-learn score them."""
        (X, y), candidates = self._given, list(candidates)
        splits = list((cv or self._checked_cv_orig).split(X, y, **self._routed.splitter.split))
        with collecting() as collector:
            begin = self._begin_plain if isinstance(self.estimator, BaseMLP) else self._begin_any
            begin(collector, candidates, [(X, y, train) for train, _ in splits])
        left = None if self._end is None else max(0.0, self._end - time.monotonic())
        seconds = train_together(collector.fits, self.n_jobs, left, self.progress)
        self._shares += [seconds / (len(candidates) * len(splits))] * (len(candidates) * len(splits))
        checked = isinstance(self.estimator, BaseMLP)  # every one of its parameters, where its fit began
        with collector.handed_out(), sklearn.config_context(skip_parameter_validation=checked):
            return evaluate_candidates(candidates, _Splits(splits), more_results=more_results, **context)

    def _begin_any(self, collector, candidates, parts):
        """The fits of pipelines: what comes before the network may change its samples."""
        for candidate, part in itertools.product(candidates, parts):
            with contextlib.suppress(Exception):  # scikit-learn's fit will meet it again, and knows what to do
                model = clone(self.estimator).set_params(**clone(candidate, safe=False))
                model.fit(*self._samples(*part), **self._fit_params(*part))

    def _begin_plain(self, collector, candidates, parts):
        """The fits of our own estimators: those with the same samples share what is checked about them."""
        given = self.estimator.get_params(deep=False)
        parts = [(self._samples(*part), self._fit_params(*part)) for part in parts]
        for candidate, (samples, fit_params) in itertools.product(candidates, parts):
            fits = len(collector.fits)
            try:
                of_model = {name: _copied(value) for name, value in (given | candidate).items()}
                type(self.estimator)(**of_model).fit(*samples, **fit_params)
            except Exception as problem:
                if len(collector.fits) == fits:
                    collector.refuse(problem)

    def _samples(self, X, y, train):
        return _safe_split(self.estimator, X, y, train)

    def _fit_params(self, X, y, train):
        return _check_method_params(X, params=self._routed.estimator.fit, indices=train)

    def _format_results(self, candidates, n_splits, out, *more):
        for one, share in zip(out, getattr(self, "_shares", ()), strict=False):
            if "trained" not in one:  # the time of the training is that of all, and each has its share
                one["fit_time"] += share
                one["trained"] = True
        return super()._format_results(candidates, n_splits, out, *more)


def trained_together(estimator):
    """Whether it is one of ours, or a pipeline that ends with one."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) and estimator.steps else estimator
    return isinstance(last, BaseMLP) and getattr(estimator, "memory", None) is None


def _copied(value):
    """What `clone` makes of a parameter; it would take long for numbers and names."""
    return value if isinstance(value, str | int | float | None) else clone(value, safe=False)


class _Splits:
    """Folds that have been drawn."""

    def __init__(self, splits):
        self._splits = splits

    def split(self, X, y=None, groups=None, **params):
        return iter(self._splits)

    def get_n_splits(self, X=None, y=None, groups=None, **params):
        return len(self._splits)


class _HalvingGrid(_Together, HalvingGridSearchCV):
    pass


class _HalvingRandom(_Together, HalvingRandomSearchCV):
    pass


class GridSearch(_Together, GridSearchCV):
    """scikit-learn's GridSearchCV, whose candidates and folds are trained together.

    The scores, ranks and columns of `cv_results_` are those of `GridSearchCV` over the same estimator. Candidates that
    share lanes take a fraction of the time of one after the other (see `train_many`).

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a pipeline that ends with one
        Any other is searched as `GridSearchCV` does.
    param_grid : dict or list of dict
        Lists of values for each parameter.
    scoring, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in `GridSearchCV`. A fit that fails, because it diverges for example, gets `error_score` and is named in a
        warning.
    n_jobs : int or None, default=None
        Threads. None: one for each core that the process may use; -1: too; -2: one less.
    halving : bool, dict or None, default=None
        Successive halving, as `HalvingGridSearchCV` does it: True, or its options factor, resource, max_resources,
        min_resources, aggressive_elimination and random_state.
    time_limit : float or None, default=None
        Seconds for the training of the candidates; those that are not done get `error_score`. So it is after Ctrl-C.
    progress : bool or callable, default=False
        As in `train_many`.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        As in `GridSearchCV`. mean_fit_time is the share of a fit in the time of all.

    Raises
    ------
    ValueError, TypeError
        scikit-learn's own, and the estimator's.

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

    def __init__(
        self, estimator, param_grid, *, scoring=None, n_jobs=None, refit=True, cv=None, verbose=0,
        pre_dispatch="2*n_jobs", error_score=np.nan, return_train_score=False, halving=None, time_limit=None,
        progress=False,
    ):  # fmt: skip
        super().__init__(
            estimator, param_grid, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
            pre_dispatch=pre_dispatch, error_score=error_score, return_train_score=return_train_score,
        )  # fmt: skip
        self.halving, self.time_limit, self.progress = halving, time_limit, progress

    def _halving_search(self, options):
        common = {name: getattr(self, name) for name in COMMON}
        return _HalvingGrid(self.estimator, self.param_grid, **common, **options)


class RandomSearch(_Together, RandomizedSearchCV):
    """scikit-learn's RandomizedSearchCV, whose candidates and folds are trained together.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a pipeline that ends with one
        Any other is searched as `RandomizedSearchCV` does.
    param_distributions : dict or list of dict
        Lists of values, or distributions with a method `rvs`, for each parameter.
    n_iter : int, default=10
        Candidates.
    scoring, refit, cv, verbose, pre_dispatch, random_state, error_score, return_train_score
        As in `RandomizedSearchCV`.
    n_jobs, time_limit, progress
        As in `GridSearch`.
    halving : bool, dict or None, default=None
        Successive halving of n_iter candidates, as `HalvingRandomSearchCV` does it: True, or its options factor,
        resource, max_resources, min_resources, aggressive_elimination and n_candidates.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        As in `RandomizedSearchCV`.

    Raises
    ------
    ValueError, TypeError
        scikit-learn's own, and the estimator's.

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

    def __init__(
        self, estimator, param_distributions, *, n_iter=10, scoring=None, n_jobs=None, refit=True, cv=None, verbose=0,
        pre_dispatch="2*n_jobs", random_state=None, error_score=np.nan, return_train_score=False, halving=None,
        time_limit=None, progress=False,
    ):  # fmt: skip
        super().__init__(
            estimator, param_distributions, n_iter=n_iter, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
            verbose=verbose, pre_dispatch=pre_dispatch, random_state=random_state, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        self.halving, self.time_limit, self.progress = halving, time_limit, progress

    def _halving_search(self, options):
        common = {name: getattr(self, name) for name in COMMON} | {"n_candidates": self.n_iter}
        return _HalvingRandom(
            self.estimator, self.param_distributions, random_state=self.random_state, **common | options
        )
