"""Executors, as their users have them: how many workers they have, and how a task comes to one."""

import concurrent.futures
import contextlib
import os
import sys

from fastbp import validation

SEVERAL = 64  # workers of an executor that does not tell how many it has


def checked(executor, callbacks=None):
    """The argument `executor`, which cannot call back."""
    if executor is None:
        return None
    if callbacks:
        raise ValueError("callbacks must be None with an executor, whose processes would call them, got some")
    if callable(getattr(executor, "submit", None)) or callable(executor):
        return executor
    raise TypeError(
        "executor must be a concurrent.futures.Executor, a distributed.Client, or a function that returns one, got "
        f"{validation.shown(executor)}"
    )


@contextlib.contextmanager
def outside_of_tasks():
    """Who waits for other tasks in a task of Dask's leaves its thread to them: else all threads could wait."""
    worker = sys.modules.get("distributed.worker")
    in_task = worker is not None and hasattr(worker.thread_state, "execution_state")
    if in_task:
        import distributed

        distributed.secede()
    try:
        yield
    finally:
        if in_task:
            distributed.rejoin()


class Workers:
    """What tasks are submitted to.

    Parameters
    ----------
    given : Executor, Client, or callable that returns one
        What a callable has returned is shut down in the end, and made again if it breaks.
    folder : str
        Where tasks look for arrays, and for the file that stops them.

    Attributes
    ----------
    generation : int
        How often arrays were shared: what was submitted before may be lost with them.
    event : str or None
        The name of a `distributed.Event` that stops tasks on other machines.
    """

    def __init__(self, given, folder):
        self._make = given if not callable(getattr(given, "submit", None)) or isinstance(given, type) else None
        self._folder, self.generation, self._scattered = folder, 0, None
        self._begin(given if self._make is None else self._made())

    def _made(self):
        made = self._make()
        if not callable(getattr(made, "submit", None)):
            raise TypeError(f"executor must return an executor, it has returned {validation.shown(made)}")
        return made

    def _begin(self, given):
        is_client, self._given = hasattr(given, "get_executor"), given
        self._executor = given.get_executor(pure=False) if is_client else given
        self._client = given if is_client else getattr(given, "_client", None)
        if not hasattr(self._client, "scatter"):
            self._client = None
        self.event = None if self._client is None else os.path.basename(self._folder)

    @property
    def can_cancel(self):
        """Whether `Future.cancel` says no to what runs; of Dask's it does not."""
        return self._client is None

    @property
    def number(self):
        """How many tasks run at the same time; None if there is no telling, or none."""
        if self._client is not None:
            return sum(self._client.ncores().values()) or None
        known = (getattr(self._executor, name, None) for name in ("_max_workers", "num_workers"))
        return next((n for n in known if isinstance(n, int) and n > 0), None)

    def share(self, shared):
        """Brings arrays to where the workers find them; again, where they have lost them."""
        self.generation += 1
        if isinstance(self._executor, concurrent.futures.ThreadPoolExecutor):  # tasks see what this process has
            shared.hold()
        elif self._client is None:
            shared.write()
        else:
            (self._scattered,) = self._client.scatter([shared.arrays], hash=False)

    def submit(self, order, sent=None):
        """A future of the answer."""
        from fastbp.training.many.tasks import run  # here, as below: few trainings need it

        return self._executor.submit(run, order, self._scattered if sent is None else sent)

    def stop(self):
        """Tells all tasks to stop."""
        from fastbp.training.many.tasks import STOP

        with contextlib.suppress(OSError):
            open(os.path.join(self._folder, STOP), "wb").close()
        if self._client is not None:
            import distributed

            with contextlib.suppress(Exception):  # of a cluster that is gone
                distributed.Event(self.event, client=self._client).set()

    def renew(self):
        """A new executor in place of one that is broken, if they can be made, which has no arrays; whether there is."""
        if self._make is None:
            return False
        broken = self._given
        self.close()
        self._begin(self._made())
        return self._given is not broken

    def close(self):
        """Shuts down what was made here."""
        if self._make is None:
            return
        if self._client is self._given:
            self._client.close()
        elif hasattr(self._executor, "shutdown"):
            self._executor.shutdown(wait=False)
