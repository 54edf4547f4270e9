"""How a search of scikit-learn trains its candidates together.

All but the fits is scikit-learn's own code: it draws the candidates, splits the samples, scores and ranks. When it asks
for a list of candidates to be evaluated, they are trained here first, together; its own fits, of networks with the same
parameters and the same samples, then find them done. The steps of a pipeline before its network are fitted once more
for that, with each part of the samples; where they come to something else then, the network is trained again.
"""

import contextlib
import functools
import inspect
import itertools
import math
import time

import joblib
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from fastbp import caller
from fastbp.estimators.batched.fits import train_fits
from fastbp.estimators.mlp.base import BaseMLP
from fastbp.estimators.mlp.classifier import MLPClassifier
from fastbp.estimators.mlp.collector import PLAIN, Collector, parameters_key
from fastbp.estimators.mlp.fit_request import Interrupted
from fastbp.estimators.mlp.regressor import MLPRegressor
from fastbp.estimators.n_jobs import Executed, executor_of
from fastbp.training.history import INTERRUPTED
from fastbp.validation import counted

HELD_BYTES = 1 << 28  # of samples that pipelines have made and that wait for their networks: then these are trained


class JointSearch(Executed):
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
        RuntimeError, KeyboardInterrupt
            If the time limit is over, or Ctrl-C comes, before one candidate is trained on all folds.

        Examples
        --------
        >>> import fastbp
        >>> model = fastbp.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0)
        >>> X = [[x / 10] for x in range(10)]
        >>> search = fastbp.GridSearch(model, {"alpha": [1e-6, 10.0]}, cv=2).fit(X, [x[0] ** 2 for x in X])
        >>> search.best_params_
        {'alpha': 1e-06}
        """
        self._validate_params()
        if getattr(self, "halving", None) not in (None, False):
            return self._halve(X, y, params)
        if not is_trained_jointly(self.estimator):
            if getattr(self, "executor", None) is not None:
                caller.warn(
                    "executor trains networks of fastbp alone: this estimator is fitted by threads, as n_jobs says"
                )
            return super().fit(X, y, **params)
        given = indexable(X, y)
        cv, self.cv = self.cv, check_cv(self.cv, given[1], classifier=is_classifier(self.estimator))  # drawn once
        self._given, self._shares, self._over, self._interrupted = given, [], False, False
        self._end = None if self.time_limit is None else time.monotonic() + self.time_limit
        self._workers = executor_of(self.executor)
        try:
            with joblib.parallel_config(backend="sequential"):  # the threads are in the training
                return super().fit(X, y, **params)
        finally:
            self.cv = cv
            del self._given, self._shares, self._over, self._interrupted, self._end, self._workers
            vars(self).pop("_routed", None)

    def _halve(self, X, y, params):
        """The same by successive halving."""
        options = dict(self.halving) if isinstance(self.halving, dict) else {}
        if unknown := set(options) - set(self._halving_options):
            raise ValueError(f"halving must have options of {list(self._halving_options)}, got {min(unknown)!r}")
        search = self._halving_search(options)
        search.time_limit, search.progress, search.executor = self.time_limit, self.progress, self.executor
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

    # ---- Candidates --------------------------------------------------------------------------------------------------

    def _evaluate(self, evaluate_candidates, candidates, cv=None, more_results=None, **context):
        """Trains the candidates together, then lets scikit-learn score them."""
        (X, y), candidates = self._given, list(candidates)
        splits = list((cv or self.cv).split(X, y, **self._routed.splitter.split))
        collector, fits = Collector(), len(candidates) * len(splits)
        seconds = 0.0 if self._over else self._train(collector, candidates, [(X, y, train) for train, _ in splits])
        if self._over and self._shares:
            raise _Over
        if self._over and not collector.whole():
            whole = f"any of {counted(len(candidates), 'candidate')} was trained on all {len(splits)} folds"
            if self._interrupted:
                raise KeyboardInterrupt(f"the search was interrupted before {whole}")
            remedy = f"time_limit={self.time_limit:g} seconds were too few"
            raise RuntimeError(f"the search ended before {whole}; {remedy}")
        if self._interrupted:
            caller.warn(INTERRUPTED)
        self._shares += [seconds / max(1, fits)] * fits
        with collector.handed_out():
            return evaluate_candidates(candidates, _Splits(splits), more_results=more_results, **context)

    def _train(self, collector, candidates, parts):
        """Trains the networks whose samples are known before scikit-learn asks for them; returns seconds.

        What fails here is left to scikit-learn, which meets it again and knows what to do.
        """
        seconds, held = 0.0, 0
        groups = _by_what_comes_before(self.estimator, candidates)
        for number, (others, own) in enumerate(groups, 1):
            calls = []
            for part in parts:
                with contextlib.suppress(Exception):
                    calls.append(self._call_of_fit(collector, others, part))
            for parameters, call in itertools.product(own, calls):
                with contextlib.suppress(Exception):
                    estimator = _with_parameters(_network_of(self.estimator), parameters)
                    if parameters_key(estimator) is not None:
                        collector.collect(estimator, **call)
            held += sum(getattr(call["X"], "nbytes", 0) for call in calls)
            if number == len(groups) or held > HELD_BYTES:
                left = None if self._end is None else max(0.0, self._end - time.monotonic())
                more, interrupted = train_fits(collector.waiting(), self.n_jobs, left, self.progress, self._workers)
                seconds, held, self._interrupted = seconds + more, 0, self._interrupted or interrupted
                collector.forget_samples()
                self._over = any(isinstance(fit.problem, Interrupted) for fit in collector.fits)
                if self._over:
                    break
        return seconds

    def _call_of_fit(self, collector, others, part):
        """What the network's `fit` is called with, for some rows, and after what comes before it in a pipeline."""
        X, y, train = part
        X_train, y_train = _safe_split(self.estimator, X, y, train)
        params = _check_method_params(X, params=self._routed.estimator.fit, indices=train)
        if isinstance(self.estimator, BaseMLP):
            return {"X": X_train, "y": y_train, **params}
        model = clone(self.estimator).set_params(**clone(others, safe=False))
        return collector.capture(model, _network_of(model), X_train, y_train, params)

    def _format_results(self, candidates, n_splits, out, *more):
        for one, share in zip(out, getattr(self, "_shares", ()), strict=False):
            if "trained" not in one:  # the time of the training is that of all, and each has its share
                one["fit_time"] += share
                one["trained"] = True
        return super()._format_results(candidates, n_splits, out, *more)


def is_trained_jointly(estimator):
    """Whether it is one of ours, or a pipeline that ends with one, and nobody can tell that it is not trained alone."""
    network, kinds = _network_of(estimator), (MLPClassifier, MLPRegressor)
    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else []
    return (
        any(type(network).fit is kind.fit for kind in kinds)
        and getattr(estimator, "memory", None) is None
        and not any(hasattr(model, "_skl_callbacks") for model in (estimator, *steps))
    )


def _network_of(estimator):
    """The last step of a pipeline; any other estimator is it itself."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) and estimator.steps else estimator


def _by_what_comes_before(estimator, candidates):
    """Lists of parameters of the network, for each choice of those of the steps before it.

    Candidates that put something else in the network's place are in none of them.
    """
    if not isinstance(estimator, Pipeline):
        return [({}, candidates)]
    groups, last = {}, estimator.steps[-1][0]
    for number, candidate in enumerate(candidates):
        own = {name: value for name, value in candidate.items() if name.startswith(f"{last}__")}
        others = {name: value for name, value in candidate.items() if name not in own}
        if last in others or "steps" in others:
            continue
        try:
            key = joblib.hash(others)
        except Exception:  # what no pickle takes stands for itself
            key = number
        _, parameters = groups.setdefault(key, (others, []))
        parameters.append({name.removeprefix(f"{last}__"): value for name, value in own.items()})
    return [*groups.values()]


def _with_parameters(network, parameters):
    """A new estimator like this one, but for some parameters: what `clone` and `set_params` make of it, sooner."""
    every = network.get_params(deep=False) | parameters
    return type(network)(**{name: _copied(value) for name, value in every.items()})


def _copied(value):
    """What `clone` makes of a parameter; it would take long for numbers and names."""
    return value if isinstance(value, PLAIN) else clone(value, safe=False)


class _Over(Exception):
    """The time is over, or Ctrl-C came, and there are results of earlier iterations."""


class _Splits:
    """Folds that have been drawn."""

    def __init__(self, splits):
        self._splits = splits

    def split(self, X, y=None, groups=None, **params):
        return iter(self._splits)

    def get_n_splits(self, X=None, y=None, groups=None, **params):
        return len(self._splits)


class Halving(JointSearch):
    """Successive halving, which ends with the results of whole iterations if it has to end early."""

    def _run_search(self, evaluate_candidates, callback_ctx=None):
        try:
            super()._run_search(evaluate_candidates, callback_ctx)
        except _Over:
            self.n_resources_.pop()
            self.n_remaining_candidates_ = self.n_candidates_.pop()
            self.n_iterations_ = len(self.n_candidates_)
            self.n_required_iterations_ = 1 + math.floor(math.log(self.n_candidates_[0], self.factor))
            ratio = self.max_resources_ // self.min_resources_
            self.n_possible_iterations_ = 1 + math.floor(math.log(ratio, self.factor))
            caller.warn(f"the search ended before its iteration {self.n_iterations_} was done, which cv_results_ lacks")
