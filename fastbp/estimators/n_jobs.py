"""What scikit-learn's `n_jobs` means here, a number of threads; and what joblib's Dask means, an executor."""

import copy

import joblib
from sklearn.base import clone

from fastbp.threads.cores import usable_cores
from fastbp.training.many import executors


def checked(n_jobs):
    """Refuses 0, which no range of values tells from other integers."""
    if n_jobs == 0:
        raise ValueError("n_jobs must be None, a number of threads, or below 0 for all but some, got 0")


def threads_of(n_jobs):
    """So many threads, at most as many as the process may use cores.

    Parameters
    ----------
    n_jobs : int or None
        None: 1, unless a `joblib.parallel_config` says otherwise; -1: all cores, -2: all but one, and so on.

    Raises
    ------
    ValueError
        For 0.
    """
    checked(n_jobs)
    if n_jobs is None:
        n_jobs = joblib.parallel.get_active_backend()[1] or 1
    cores = usable_cores()
    return max(1, min(cores, n_jobs if n_jobs > 0 else cores + 1 + n_jobs))


def executor_of(given):
    """What an estimator's `executor` is, or the cluster of a `joblib.parallel_config(backend="dask")` around it."""
    backend, _ = joblib.parallel.get_active_backend()
    return executors.checked(given) or getattr(backend, "client", None)


class Executed:
    """An estimator with an `executor`, of which there is neither a copy nor a pickle."""

    def __sklearn_clone__(self):
        given = self.get_params(deep=False)
        new = type(self)(**{n: value if n == "executor" else clone(value, safe=False) for n, value in given.items()})
        for name in ("_metadata_request", "_sklearn_output_config"):  # as scikit-learn's
            if name in vars(self):
                setattr(new, name, copy.deepcopy(vars(self)[name]))
        return new

    def __getstate__(self):
        return {**super().__getstate__(), "executor": None}
