"""What scikit-learn's `n_jobs` means here: a number of threads."""

import joblib

from fastbp.threads.cores import usable_cores


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
