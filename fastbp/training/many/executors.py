"""Executors, as their users have them: how many workers they have, and how a task comes to one."""

import concurrent.futures

from fastbp import validation

SEVERAL = 64  # workers of an executor that does not tell how many it has
GRACE = 5.0  # seconds that a task which is to stop has left


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


class Workers:
    """What tasks are submitted to.

    Parameters
    ----------
    given : Executor, Client, or callable that returns one
        What a callable has returned is shut down in the end, and made again if it breaks.

    Attributes
    ----------
    generation : int
        How often arrays were shared: what was submitted before may be lost with them.
    """

    def __init__(self, given):
        self._make = given if not callable(getattr(given, "submit", None)) or isinstance(given, type) else None
        self.generation, self._executor, self._client, self._scattered = 0, None, None, None
        self._begin(given if self._make is None else self._made())

    def _made(self):
        made = self._make()
        if not callable(getattr(made, "submit", None)):
            raise TypeError(f"executor must return an executor, it has returned {validation.shown(made)}")
        return made

    def _begin(self, executor):
        self._client = executor if hasattr(executor, "get_executor") else getattr(executor, "_client", None)
        self._executor = executor.get_executor(pure=False) if hasattr(executor, "get_executor") else executor

    @property
    def in_this_process(self):
        """Whether tasks see what this process has."""
        return isinstance(self._executor, concurrent.futures.ThreadPoolExecutor)

    @property
    def number(self):
        """How many tasks run at the same time; None if there is no telling."""
        if self._client is not None and hasattr(self._client, "ncores"):
            return sum(self._client.ncores().values()) or None
        known = (getattr(self._executor, name, None) for name in ("_max_workers", "num_workers"))
        return next((n for n in known if isinstance(n, int) and n > 0), None)

    def share(self, shared):
        """Brings arrays to where the workers find them; again, where they have lost them."""
        self.generation += 1
        if self.in_this_process:
            shared.hold()
        elif self._client is not None and hasattr(self._client, "scatter"):
            (self._scattered,) = self._client.scatter([shared.arrays], hash=False)
        else:
            shared.write()

    def submit(self, order, sent=None):
        """A future of the answer."""
        from fastbp.training.many.tasks import run  # here: few trainings need it

        return self._executor.submit(run, order, self._scattered if sent is None else sent)

    def renew(self):
        """A new executor in place of one that is broken, if they can be made, which has no arrays; whether there is."""
        if self._make is None:
            return False
        self.close()
        self._begin(self._made())
        return True

    def close(self):
        """Shuts down what was made here."""
        if self._make is not None and hasattr(self._executor, "shutdown"):
            self._executor.shutdown(wait=False, cancel_futures=True)
