"""What an executor runs in another process: a shard of the jobs, with an answer that needs no class of ours.

An order is a dict of plain values, so that a process with another version of the package understands enough of it to
say so.
"""

import functools
import hashlib
import os
import pickle
import pkgutil
import socket
import sys
import time
from importlib import metadata
from pathlib import Path

from fastbp.training.many.shared_arrays import Missing, loads

STOP = "stop"  # the name of a file: whoever sees it stops
EACH = 1.0  # seconds between two questions to a cluster whether to stop
PACKAGE = Path(__file__).parents[2]
BITS_DEPEND_ON = ("numpy", "numba", "llvmlite", "scipy")  # and scikit-learn, for fits


@functools.cache
def version_key(task):
    """One name for all that the results of a task may depend on besides the order, but for the processor.

    Parameters
    ----------
    task : str
        The name of the function that trains.
    """
    packages = (*BITS_DEPEND_ON, *(["scikit-learn"] if ".estimators." in task else []))
    found = hashlib.sha256(repr((sys.version_info[:2], [*map(_version, packages)])).encode())
    for file in sorted(PACKAGE.rglob("*.py")):
        found.update(f"{file.relative_to(PACKAGE)}\0".encode() + file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def run(order, sent=None):
    """Trains a shard.

    Parameters
    ----------
    order : dict
        "key": the sender's `version_key`; "task": the name of the function that trains; "pickled": its first argument;
        "folder": that of the shared arrays; "host": of the processes that see it, or None; "event": the name of a
        `distributed.Event` that says when to stop, or None; "seconds": when to stop, or None.
    sent : dict of str to ndarray, or None
        The shared arrays, if they come with the task.

    Returns
    -------
    tuple of str and object
        "done" and the pickled result; "interrupted" and such a result, if only this process was; "missing" and which
        array; "version" and where this is; "late" and None, if it was over before; "raised" and an exception.
    """
    if order["key"] != version_key(order["task"]):
        return "version", f"process {os.getpid()} on {socket.gethostname()}"
    if order["host"] == socket.gethostname() and not os.path.isdir(order["folder"]):
        return "late", None
    try:
        stops = _stops(order)
        if stops():
            return "late", None
        pickled = loads(order["pickled"], order["folder"], sent)
    except Missing as missing:
        return "missing", str(missing)
    except Exception as problem:
        return "raised", TypeError(
            f"executor: a worker cannot load what it is sent: {type(problem).__name__}: {problem}"
        )
    try:
        result, interrupted = pkgutil.resolve_name(order["task"])(pickled, order["seconds"], stops)
        return "interrupted" if interrupted else "done", pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    except Exception as problem:
        return "raised", sendable(problem)


def _stops(order):
    """What tells whether to stop: the sender's file, or its folder that is gone; else the cluster."""
    folder, stop = order["folder"], os.path.join(order["folder"], STOP)
    if os.path.isdir(folder):
        return lambda: os.path.exists(stop) or not os.path.isdir(folder)
    if order["event"] is None:
        return lambda: False
    import distributed

    event, looked = distributed.Event(order["event"]), -EACH

    def stops():
        nonlocal looked
        if time.monotonic() - looked < EACH:
            return False
        looked = time.monotonic()
        return event.is_set()

    return stops


def sendable(problem):
    """An exception, or one that says the same if no pickle brings it back."""
    try:
        pickle.loads(pickle.dumps(problem))
    except Exception:
        return RuntimeError(f"{type(problem).__name__}: {problem}")
    return problem
