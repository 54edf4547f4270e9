"""The next item of an iterator, made by a thread while the caller works with this one."""

import _thread
import os
import queue

from fastbp.threads.cores import usable_cores
from fastbp.threads.pool import ThreadPool


def ahead(items):
    """The items of a generator, each made while the caller has the one before, if there is a second core.

    What it raises is raised in its place, behind all the items before. Between two calls one item is being made, or
    waits. It must not wait for ever: whoever leaves waits for the item that is being made.

    Parameters
    ----------
    items : generator
        Run by another thread; closed by the caller's, when the caller leaves.

    Yields
    ------
    object
        What `items` yields.
    """
    if usable_cores() == 1:
        yield from items
        return
    made, wanted, worker, here = queue.SimpleQueue(), queue.SimpleQueue(), [], os.getpid()

    def work(_):
        worker.append(_thread.get_ident())
        try:
            for item in items:
                made.put((True, item))
                del item
                wanted.get()
                if pool.closing:
                    break
        except BaseException as problem:
            made.put((False, problem))
        else:
            made.put((False, None))
        if pool.closing:
            items.close()

    pool = ThreadPool(work, 1)
    try:
        pool.start()
        while True:
            has_come, item = made.get()
            if not has_come:
                break
            wanted.put(None)
            yield item
            del item
        if item is not None:
            try:
                raise item
            finally:
                del item  # its traceback refers to this frame
    finally:
        _leave(pool, wanted, worker, here)


def _leave(pool, wanted, worker, process):
    """Wait until the thread has closed its generator; if that is possible."""
    pool.closing = True
    wanted.put(None)
    if process != os.getpid():  # a fork has no threads but the one that forked
        return
    if _thread.get_ident() not in worker:  # the garbage collector may run in the worker, which cannot wait for itself
        pool.leave(lambda: wanted.put(None))
