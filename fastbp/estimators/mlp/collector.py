"""How fits become one training: a collector prepares them, and hands out what became of them.

    collector = Collector()
    for model in models:
        collector.collect(model, X, y)    # checks, draws the first weights, and adds what is to be trained
    train_fits(collector.fits)
    with collector.handed_out():
        clone.fit(X, y)                   # takes what a model with its parameters has learnt from these samples

The second half is for those who cannot be told that the models are trained already: scikit-learn's searches. A fit that
was not collected, of other parameters or other samples, trains as ever.
"""

import collections
import contextlib
import contextvars
import copy
from dataclasses import dataclass

import joblib
import numpy as np

from fastbp.files.digest import digest

GIVEN = ("X", "y", "sample_weight", "X_val", "y_val", "sample_weight_val")  # what a fit is called with
COLLECTOR = contextvars.ContextVar("collector", default=None)  # of this thread
PLAIN = str | int | float | np.generic | None  # values whose equality says all


@dataclass
class Collected:
    """A fit that waits.

    Attributes
    ----------
    estimator : BaseMLP
        Its network has its first weights.
    key : hashable or None
        What tells a fit apart: class, parameters and samples.
    request : FitRequest
    dtype : numpy.dtype
        What the network is to have in the end.
    problem : Exception or None
        What the training has raised.
    """

    estimator: object
    key: object
    request: object = None
    dtype: object = None
    problem: Exception | None = None


class Collector:
    """The fits of some estimators.

    Attributes
    ----------
    fits : list of Collected
    shared : dict
        What their requests share (see `FitRequest`).
    """

    def __init__(self):
        self.fits, self.shared = [], {}
        self._expected, self._captured, self._handed_out = None, None, False
        self._known, self._digests, self._trained, self._kinds = {}, {}, {}, set()

    # ---- Before the training -----------------------------------------------------------------------------------------

    def collect(self, estimator, X, y, **params):
        """Checks a fit and adds it to those that wait; raises what is wrong with it.

        Parameters
        ----------
        estimator : BaseMLP
        X, y, **params
            What its `fit` would be called with.
        """
        given = dict.fromkeys(GIVEN) | {"X": X, "y": y, **params}
        fit = Collected(estimator, self._key(parameters_key(estimator), given))  # before a random_state is drawn from
        fit.request, fit.dtype = estimator._prepare(given, self)
        self.fits.append(fit)

    def capture(self, model, estimator, X, y, params):
        """What `fit` of a pipeline, which ends with the estimator, gives to the estimator's; LookupError: nothing."""
        self._expected, self._captured = estimator, None
        try:
            with self._current():
                model.fit(X, y, **params)
        finally:
            self._expected = None
        if self._captured is None:
            raise LookupError(f"{type(model).__name__} fits something else than its last step")
        return self._captured

    def checked(self, estimator, X, y, check):
        """`check()`, which looks at X and y and sets attributes: once for all fits of these very arrays."""
        key = type(estimator), str(estimator.dtype), id(X), id(y)
        if key not in self._known:
            before = set(vars(estimator))
            result = check()
            found = {name: value for name, value in vars(estimator).items() if name not in before}
            self._known[key] = X, y, found, result
        _, _, found, result = self._known[key]
        vars(estimator).update(found)
        return result

    def waiting(self):
        """The fits that are not trained."""
        return [fit for fit in self.fits if fit.request is not None]

    def whole(self):
        """The classes and parameters all of whose fits were done."""
        return {fit.key[0] for fit in self.fits} - {fit.key[0] for fit in self.fits if fit.problem is not None}

    def forget_samples(self):
        """All fits are trained: what is known about their samples would only take memory."""
        for fit in self.fits:
            fit.request = None
        for memory in (self._known, self._digests, self.shared):
            memory.clear()

    # ---- What a fit asks ---------------------------------------------------------------------------------------------

    def takes(self, estimator, given):
        """Whether the fit of an estimator, called with `given`, is done with that."""
        if self._handed_out:
            parameters = parameters_key(estimator)
            twins = self._trained.get(self._key(parameters, given)) if parameters in self._kinds else None
            if not twins:
                return False
            _adopt(estimator, twins.popleft())
            return True
        if estimator is not self._expected:
            return False
        self._expected, self._captured = None, given
        return True

    def knows(self, estimator):
        """Whether the parameters are those of a fit that is handed out: they are checked already."""
        return self._handed_out and parameters_key(estimator) in self._kinds

    def _key(self, parameters, given):
        return parameters, *(self._digest(value) for value in given.values())

    def _digest(self, value):
        """What tells samples apart; of those that many fits share, it is made once."""
        if value is None:
            return None
        _, found = self._digests.get(id(value), (None, None))
        if found is None:
            plain = type(value) is np.ndarray and not value.dtype.hasobject
            masked = isinstance(value, np.ma.MaskedArray)  # of which joblib knows no transposed ones
            parts = (np.ma.getdata(value), np.ma.getmaskarray(value)) if masked else value
            found = digest([value]) if plain else joblib.hash(parts)
            if not self._handed_out:
                self._digests[id(value)] = value, found
        return found

    # ---- After the training ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def handed_out(self):
        """Fits in this block take what was trained, each of them once."""
        for fit in self.fits:
            self._trained.setdefault(fit.key, collections.deque()).append(fit)
        self._kinds, self._handed_out = {key[0] for key in self._trained}, True
        with self._current():
            yield

    @contextlib.contextmanager
    def _current(self):
        token = COLLECTOR.set(self)
        try:
            yield
        finally:
            COLLECTOR.reset(token)


def parameters_key(estimator):
    """Class and parameters, of which some may be objects; None if there is no telling whether they are alike."""
    values = tuple(estimator.get_params(deep=False).values())
    if all(isinstance(v, PLAIN) or (type(v) is tuple and all(isinstance(n, PLAIN) for n in v)) for v in values):
        return type(estimator), values
    try:
        return type(estimator), joblib.hash(values)
    except Exception:  # a callback that no pickle takes, for example
        return None


def _adopt(estimator, fit):
    """The estimator gets what its twin has learnt, or raises what that has raised."""
    if fit.problem is not None:
        raise fit.problem
    fitted = copy.copy(vars(fit.estimator))
    for name in estimator.get_params(deep=False):
        fitted.pop(name, None)
    vars(estimator).update(fitted)
