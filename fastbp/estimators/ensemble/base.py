"""What the ensembles have in common: fits that are one training, and the mean and the spread of many outputs."""

from abc import ABC, abstractmethod
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, _fit_context, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, RealNotInt
from sklearn.utils.validation import check_is_fitted

from fastbp import caller
from fastbp.estimators.batched.fits import train_fits
from fastbp.estimators.mlp import checks, saving
from fastbp.estimators.mlp.collector import Collector
from fastbp.estimators.mlp.fit_request import Interrupted
from fastbp.estimators.mlp.parameters import EXECUTOR, FROM_ONE, POSITIVE
from fastbp.estimators.mlp.samples import outputs
from fastbp.estimators.n_jobs import Executed, executor_of
from fastbp.training.history import INTERRUPTED

CONSTRAINTS = {
    "n_networks": [FROM_ONE],
    "bootstrap": ["boolean"],
    "max_samples": [FROM_ONE, Interval(RealNotInt, 0, 1, closed="right")],
    "oob_score": ["boolean"],
    "n_jobs": [None, Integral],
    "random_state": ["random_state"],
    "time_limit": [None, POSITIVE],
    "progress": ["boolean", callable],
    "executor": EXECUTOR,
}
TOLD = 3  # networks that failed, by number, in a warning


class BaseEnsemble(Executed, BaseEstimator, ABC):
    """Not for direct use: see EnsembleClassifier and EnsembleRegressor."""

    _parameter_constraints = CONSTRAINTS

    def __init__(
        self, estimator=None, n_networks=100, *, bootstrap=False, max_samples=1.0, oob_score=False, n_jobs=None,
        random_state=None, time_limit=None, progress=False, executor=None,
    ):  # fmt: skip
        self.estimator, self.n_networks, self.bootstrap = estimator, n_networks, bootstrap
        self.max_samples, self.oob_score, self.n_jobs, self.random_state = max_samples, oob_score, n_jobs, random_state
        self.time_limit, self.progress, self.executor = time_limit, progress, executor

    # ---- What the two differ in --------------------------------------------------------------------------------------

    @abstractmethod
    def _take_over(self, first):
        """Attributes that a fitted network has and the ensemble has, too."""

    @abstractmethod
    def _score_left_out(self, Y, seen, y):
        """oob_score_ and its predictions, from the mean outputs Y of those networks that have not seen a sample."""

    # ---- Fit ---------------------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Train all networks.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)
        y : array-like, shape (samples,) or (samples, outputs)
        sample_weight : array-like of shape (samples,), optional
            At least 0; weight k counts as k copies.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            scikit-learn's own, and those of the estimator.
        RuntimeError, KeyboardInterrupt
            If the time limit is over, or Ctrl-C comes, before one network is done.

        Warns
        -----
        RuntimeWarning
            If networks diverged, or were not done in time or before Ctrl-C: the ensemble is without them.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs")
        >>> ensemble = fastbp.EnsembleRegressor(network, 5, random_state=0)
        >>> len(ensemble.fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]).estimators_)
        5
        """
        if self.oob_score and not self.bootstrap:
            raise ValueError("oob_score needs bootstrap=True: without it every network has seen every sample")
        kind = type(self)._network
        base = kind() if self.estimator is None else self.estimator
        if type(base).fit is not kind.fit:
            raise TypeError(f"estimator must fit as {kind.__name__} does, got {type(base).__name__} with its own `fit`")
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=int(self.n_networks)).tolist()
        collector = Collector()
        for seed in seeds:
            collector.collect(clone(base).set_params(random_state=seed), X, y, sample_weight=sample_weight)
        fits, first = collector.fits, collector.fits[0]
        samples, size = len(first.request.D), self._rows_of_each(len(first.request.D))
        if self.bootstrap or size < samples:
            for fit, seed in zip(fits, seeds, strict=True):
                fit.request.rows = _rows(seed, samples, size, self.bootstrap)
                if fit.request.weight is not None and not fit.request.weight[fit.request.rows].any():
                    fit.problem = ValueError("the samples that were drawn for it all have weight 0")
        _, interrupted = train_fits(fits, self.n_jobs, self.time_limit, self.progress, executor_of(self.executor))
        self._tell_of_problems(fits, interrupted)
        trained = [(fit.estimator, seed) for fit, seed in zip(fits, seeds, strict=True) if not fit.problem]
        self.estimators_, self._seeds = [model for model, _ in trained], np.array([seed for _, seed in trained])
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)  # of an earlier fit
            if hasattr(first.estimator, name):
                setattr(self, name, getattr(first.estimator, name))
        self.n_outputs_, self._samples, self._size = first.estimator.n_outputs_, samples, size
        self._take_over(first.estimator)
        if self.oob_score:
            self._look_at_left_out(first.request.X, first.estimator._decode(first.request.D))
        return self

    def _rows_of_each(self, samples):
        if self.max_samples > samples:
            raise ValueError(f"max_samples must be at most the number of samples, {samples}, got {self.max_samples}")
        given = self.max_samples
        return max(1, round(given * samples)) if isinstance(given, float | np.floating) else int(given)

    def _tell_of_problems(self, fits, interrupted):
        failed = [(number, fit.problem) for number, fit in enumerate(fits) if fit.problem]
        if interrupted:
            if len(failed) == len(fits):
                raise KeyboardInterrupt("the training was interrupted before one network was done")
            caller.warn(INTERRUPTED)
        if len(failed) == len(fits):
            if all(isinstance(problem, Interrupted) for _, problem in failed):
                raise RuntimeError(f"time_limit={self.time_limit:g} seconds were over before one network was done")
            raise failed[0][1]
        if failed:
            told = "; ".join(f"network {number}: {problem}" for number, problem in failed[:TOLD])
            more = f"; and {len(failed) - TOLD} more" if len(failed) > TOLD else ""
            message = f"{len(failed)} of {len(fits)} networks are not in the ensemble. {told}{more}"
            caller.warn(message)

    @property
    def estimators_samples_(self):
        """The rows that each network was trained with, drawn again: a list of index vectors."""
        check_is_fitted(self, "estimators_")
        if not self.bootstrap and self._size == self._samples:
            return [np.arange(self._samples) for _ in self.estimators_]
        return [_rows(seed, self._samples, self._size, self.bootstrap) for seed in self._seeds.tolist()]

    def _look_at_left_out(self, X, y):
        total, seen = np.zeros((self._samples, self.n_outputs_)), np.zeros(self._samples)
        for model, rows in zip(self.estimators_, self.estimators_samples_, strict=True):
            out = np.setdiff1d(np.arange(self._samples), rows)
            total[out] += outputs(model._net(), X[out].astype(model._net().dtype, copy=False))
            seen[out] += 1
        if not seen.all():
            caller.warn(
                f"{int((seen == 0).sum())} of {self._samples} samples were left out by no network, and are not in "
                "oob_score_: more networks would do"
            )
        with np.errstate(invalid="ignore"):
            self._score_left_out(total / seen[:, None], seen > 0, y)

    # ---- Files -------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write the fitted ensemble to a file, from which `fastbp.load` reads it; whole, or not at all.

        Its networks come back for predictions, with their losses; `partial_fit` of one of them begins with a new memory
        of the update rule.

        Parameters
        ----------
        path : str or path-like
            Usually ends in ".safetensors": the file has that format.

        Raises
        ------
        NotFittedError
        OSError
            Naming the path, if it cannot be written; what was there before is still there.
        TypeError
            If the labels are neither numbers nor texts.

        Examples
        --------
        >>> import fastbp, pathlib, tempfile
        >>> network = fastbp.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs")
        >>> ensemble = fastbp.EnsembleRegressor(network, 5, random_state=0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "ensemble.safetensors")
        ...     ensemble.save(path)
        ...     bool(fastbp.load(path).predict([[1.0]]) == ensemble.predict([[1.0]]))
        True
        """
        check_is_fitted(self)
        saving.save_ensemble(self, path)

    # ---- Predict -----------------------------------------------------------------------------------------------------

    def _fitted_networks(self):
        """The networks, or scikit-learn's error."""
        check_is_fitted(self)
        return [model._net() for model in self.estimators_]

    def _outputs(self, X):
        """Mean and standard deviation over the networks of the outputs of each sample."""
        networks = self._fitted_networks()
        X, mean, spread = checks.inputs(self, X, networks[0].dtype), np.zeros(()), np.zeros(())
        for number, network in enumerate(networks, 1):  # Welford 1962: one pass, which forgets the outputs
            Y = outputs(network, X).astype(np.float64)
            before, mean = mean, mean + (Y - mean) / number
            spread = spread + (Y - before) * (Y - mean)
        return mean, np.sqrt(np.maximum(spread, 0) / len(networks))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _rows(seed, samples, size, bootstrap):
    """The rows of one network."""
    rng = np.random.RandomState(seed)
    return rng.randint(0, samples, size) if bootstrap else rng.permutation(samples)[:size]
