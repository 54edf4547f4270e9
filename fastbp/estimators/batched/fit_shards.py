"""Fits of estimators as a task: what is sent to another process, and what comes back (see training/many/shards.py)."""

import scipy.sparse

from fastbp.estimators.mlp.base import LINKS
from fastbp.estimators.mlp.fit_request import HeldOut, Interrupted
from fastbp.training.many.groups import operations
from fastbp.training.many.shards import PER_NETWORK

SENT = ("X", "D", "weight", "validation", "incremental", "rows", "label_smoothing")  # of a request
LANES = 16


class SentFit:
    """A fit with what an `ExecutorScheduler` asks of a job."""

    def __init__(self, index, fit):
        rows = fit.request.rows
        self.index, self.fit, self.outcome = index, fit, "waiting"
        self.sizes = fit.estimator._net().sizes
        samples = len(fit.request.D) if rows is None else len(rows)
        self.cost = operations(self.sizes) * samples * max(1, fit.estimator.max_iter) + PER_NETWORK


class FitShards:
    """How an `ExecutorScheduler` sends fits.

    Parameters
    ----------
    train_here : callable
        Trains some fits in this process, called as `train_here(fits, time_limit, progress)`; it returns whether Ctrl-C
        has ended it.

    Attributes
    ----------
    warnings : list of (str, type)
        Those of the fits.
    """

    task = "fastbp.estimators.batched.fits:train_shard"

    def __init__(self, train_here):
        self._train_here, self.warnings = train_here, []

    def in_order(self, jobs):
        """As `NetworkShards.in_order`."""
        kinds = {}
        for job in jobs:
            kinds.setdefault((job.sizes, id(job.fit.request.X)), []).append(job)
        for alike in sorted(kinds.values(), key=lambda alike: -alike[0].cost):
            yield alike, [job.cost for job in alike], LANES

    def arrays(self, jobs):
        """The samples."""
        for job in jobs:
            request = job.fit.request
            yield from _arrays_of(request.X)
            yield from (request.D, request.weight)
            given = request.validation
            parts = vars(given).values() if isinstance(given, HeldOut) else given or ()
            yield from (array for part in parts for array in _arrays_of(part))

    def pack(self, jobs):
        """What is to be pickled."""
        return [
            (job.fit.estimator, {name: getattr(job.fit.request, name) for name in SENT}, job.fit.dtype) for job in jobs
        ]

    def absorb(self, jobs, results):
        """The fits get what `train_shard` has returned."""
        of_fits, caught = results
        self.warnings += caught
        for job, (estimator, problem) in zip(jobs, of_fits, strict=True):
            job.outcome, job.fit.problem = "finished", Interrupted() if problem == "interrupted" else problem
            own = vars(job.fit.estimator)
            for name in LINKS:
                own.pop(name, None)
            own.update(vars(estimator))

    def train_here(self, jobs, time_limit, shown, each_tick):
        """The same in this process; whether Ctrl-C has ended it."""
        interrupted = self._train_here([job.fit for job in jobs], time_limit, shown)
        for job in jobs:
            job.outcome = "finished"
        return interrupted


def _arrays_of(samples):
    return (samples.data, samples.indices, samples.indptr) if scipy.sparse.issparse(samples) else (samples,)
