"""How many cores there are for this process, and how many of them for a training that begins now."""

import contextlib
import functools
import math
import os
import re
import sys
import threading
import time

LIMITS = "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT"
CGROUPS = "/sys/fs/cgroup", "/proc/self/cgroup"
FRESH = 0.05  # seconds for which what the system said is believed


def usable_cores():
    """The cores that this thread may use: the least of what the system, the environment and its place allow.

    - the affinity of the thread (`taskset`, a cpuset), or the number of cores where a system has none;
    - the CPU quota of its control groups, versions 1 and 2, rounded up as by joblib: the cores of a container;
    - `OMP_NUM_THREADS`, `NUMBA_NUM_THREADS` and `LOKY_MAX_CPU_COUNT`, which joblib and Dask set in their processes;
    - one in a thread of a Dask worker or of joblib's threading backend, whose other threads have the other cores.

    Returns
    -------
    int
        At least 1.
    """
    cores = [_of_affinity(), *_of_quotas(*CGROUPS, second=int(time.monotonic())), *_of_environment()]
    if threading.current_thread() is not threading.main_thread() and (_in_dask() or _in_joblib()):
        cores.append(1)
    return max(1, min(cores))


def _of_affinity():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _of_environment():
    """OpenMP allows a list, a number for each level."""
    for name in LIMITS:
        first = os.environ.get(name, "").split(",")[0].strip()
        if first.isdecimal() and int(first) > 0:
            yield int(first)


@functools.lru_cache(maxsize=1)
def _of_quotas(mounted, groups, second):
    """The CPU quotas of this process's control groups and of those around them, read once a second at most.

    Parameters
    ----------
    mounted, groups : str or path-like
        Where control groups are mounted, and the file that tells those of a process: lines "number:controllers:path",
        of version 2 with no controllers.
    second : int
        When.
    """
    quotas = []
    try:
        lines = _text(groups)
    except OSError:  # not Linux
        return quotas
    for controllers, path in re.findall(r"^\d+:([^:]*):/(.*)$", lines, re.MULTILINE):
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = os.path.join(mounted, controllers).rstrip("/")
        if not os.path.isdir(root):
            root = os.path.join(mounted, "cpu")
        folder = os.path.join(root, path).rstrip("/")
        while len(folder) > len(root):
            quotas += _quota(folder)
            folder = os.path.dirname(folder)
        quotas += _quota(root)
    return quotas


def _text(file):
    with open(file, encoding="utf-8", errors="replace") as opened:
        return opened.read()


def _quota(folder):
    """That of one control group, of either version."""
    for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = map(int, " ".join(_text(os.path.join(folder, file)) for file in files).split())
            if quota > 0:
                yield math.ceil(quota / period)


def _in_dask():
    """Whether a task of a Dask worker runs in this thread."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        return distributed.get_worker() is not None
    except ValueError:  # there is none
        return False


def _in_joblib():
    """Whether a task of joblib runs in this thread."""
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None:
        return False
    backend, _ = parallel.get_active_backend()
    return bool(getattr(backend, "nesting_level", 0))


class Trainings:
    """How many trainings there are in this process now: those in other threads have cores, too."""

    def __init__(self):
        self._lock, self._now, self._cores, self._asked = threading.Lock(), 0, 1, -math.inf

    def __enter__(self):
        with self._lock:
            self._now += 1
        return self

    def __exit__(self, *exception):
        with self._lock:
            self._now -= 1

    def cores_of_each(self):
        """The cores of this thread by the trainings."""
        return max(1, self._of_all() // max(1, self._now))

    def have_room(self):
        """Whether there are less trainings than cores."""
        return self._now < self._of_all()

    def _of_all(self):
        now = time.monotonic()
        if now - self._asked > FRESH:
            self._cores, self._asked = _of_affinity(), now
        return self._cores


trainings = Trainings()
