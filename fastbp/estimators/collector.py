"""How fits become one training: a collector takes the jobs of `fit`, and hands out what became of them.

    with collecting() as collector:
        for model in models:
            model.fit(X, y)          # checks, draws the first weights, and adds its job
    train_together(collector.fits)
    with collector.handed_out():
        clone.fit(X, y)              # in the same order: takes what the first one has got

The second half is for those who cannot be told that the models are trained already: scikit-learn's searches.
"""

import contextlib
import contextvars
import copy
from dataclasses import dataclass

COLLECTOR = contextvars.ContextVar("collector", default=None)  # of this thread


@dataclass
class Collected:
    """A fit that waits.

    Attributes
    ----------
    estimator : BaseMLP
        Its network has its first weights.
    job : Job
    dtype : numpy.dtype
        What the network is to have in the end.
    problem : Exception or None
        What the training has raised.
    """

    estimator: object
    job: object = None
    dtype: object = None
    problem: Exception | None = None


class Collector:
    """The fits of some estimators.

    Attributes
    ----------
    fits : list of Collected
    ready : bool
        Whether they are trained, and handed out.
    """

    def __init__(self):
        self.fits, self.ready, self._next, self._known = [], False, 0, {}

    def add(self, estimator, make):
        """A fit that is to be trained later; `make()` is its job and the dtype, and raises what is wrong with them."""
        fit = Collected(estimator)
        self.fits.append(fit)
        try:
            fit.job, fit.dtype = make()
        except Exception as problem:
            fit.problem = problem
            raise

    def refuse(self, problem):
        """A fit whose parameters are wrong."""
        self.fits.append(Collected(None, problem=problem))

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

    @contextlib.contextmanager
    def handed_out(self):
        """Fits in this block take, one after the other, what was trained."""
        with _current(self):
            self.ready = True
            yield

    def adopt(self, estimator):
        """The estimator gets what its predecessor has learnt, or raises what that has raised."""
        fit = self.fits[self._next]
        self._next += 1
        if fit.problem is not None:
            raise fit.problem
        fitted = copy.copy(vars(fit.estimator))
        for name in estimator.get_params(deep=False):
            fitted.pop(name, None)
        vars(estimator).update(fitted)
        return estimator


@contextlib.contextmanager
def collecting():
    """Fits in this block are not trained, but added to the collector."""
    collector = Collector()
    with _current(collector):
        yield collector


@contextlib.contextmanager
def _current(collector):
    token = COLLECTOR.set(collector)
    try:
        yield
    finally:
        COLLECTOR.reset(token)
