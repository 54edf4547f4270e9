"""What an executor runs in another process: a shard of the jobs, with an answer that needs no class of ours.

An order is a dict of plain values, so that a process with another version of the package understands enough of it to
say so.
"""

import os
import pickle
import pkgutil
import socket
import time

from fastbp.compiler.cache import content_key
from fastbp.training.many.shared_arrays import Missing, loads

STOP = "stop"  # the name of a file: whoever sees it stops


def run(order, sent=None):
    """Trains a shard.

    Parameters
    ----------
    order : dict
        "key": that of the sender's sources; "task": the name of the function that trains; "pickled": its first
        argument; "folder": that of the shared arrays; "deadline": when to stop, by `time.time`, or None.
    sent : dict of str to ndarray, or None
        The shared arrays, if they come with the task.

    Returns
    -------
    tuple of str and object
        "done" and the pickled result; "missing" and which array; "version" and where this is; "late" and None, if the
        time was over before; "raised" and an exception.
    """
    if order["key"] != content_key():
        return "version", f"process {os.getpid()} on {socket.gethostname()}"
    try:
        pickled = loads(order["pickled"], order["folder"], sent)
    except Missing as missing:
        return "missing", str(missing)
    deadline, stop = order["deadline"], os.path.join(order["folder"], STOP)
    left = None if deadline is None else deadline - time.time()
    if os.path.exists(stop) or (left is not None and left <= 0):
        return "late", None
    try:
        result = pkgutil.resolve_name(order["task"])(pickled, left, lambda: os.path.exists(stop))
        return "done", pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    except Exception as problem:
        return "raised", sendable(problem)


def sendable(problem):
    """An exception, or one that says the same if no pickle brings it back."""
    try:
        pickle.loads(pickle.dumps(problem))
    except Exception:
        return RuntimeError(f"{type(problem).__name__}: {problem}")
    return problem
