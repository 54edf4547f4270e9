"""Jobs by an executor: shards of them go to its workers, costly ones first, and what is lost is trained again.

What becomes of a network does not depend on its company, so neither the shards nor the workers can be seen in its bits.
"""

import collections
import concurrent.futures
import contextlib
import pickle
import socket
import tempfile
import time
from concurrent.futures import BrokenExecutor, CancelledError

from fastbp import caller
from fastbp.compiler.uninterrupted import without_ctrl_c
from fastbp.training.many.executors import SEVERAL, Workers, outside_of_tasks
from fastbp.training.many.shared_arrays import SharedArrays
from fastbp.training.many.tasks import version_key
from fastbp.validation import counted

TICK = 0.1  # seconds between two looks at the clock
LEAST = 5e7  # multiplications of a task: some 10 milliseconds
AHEAD = 2  # tasks for each worker, so that none waits for its next one
SHARE = 2  # a shard is so small a part of what each worker has left
ATTEMPTS = 3
GRACE = 5.0  # seconds that tasks have to stop after Ctrl-C


class Shard:
    """Jobs that go to a worker together, as an order of `tasks.run`."""

    def __init__(self, jobs):
        self.jobs, self.attempts, self.order = jobs, 0, None

    def __str__(self):
        first, more = min(job.index for job in self.jobs), len(self.jobs) - 1
        return f"networks[{first}]" + (f" and {more} more" if more else "")


class _NoExecutor(Exception):
    """It is broken, and there is no other one."""


class ExecutorScheduler:
    """In place of a Scheduler, with workers of an executor in place of threads.

    Parameters
    ----------
    jobs : list of Job
    executor : Executor, Client, or callable that returns one
    kind : NetworkShards or FitShards
        How jobs are sent.

    Attributes
    ----------
    interrupted : bool
        Whether Ctrl-C has ended it: what that means, the caller says.
    """

    def __init__(self, jobs, executor, kind):
        self._jobs, self._executor, self._kind, self.interrupted = jobs, executor, kind, False
        self._waiting, self._running, self._done, self._host = collections.deque(), {}, 0, socket.gethostname()

    def train(self, time_limit, shown, each_tick=lambda: None):
        """As `Scheduler.train`."""
        self._begin = time.monotonic()
        self._end = None if time_limit is None else self._begin + time_limit
        with (
            tempfile.TemporaryDirectory(prefix="fastbp-", ignore_cleanup_errors=True) as self._folder,
            contextlib.closing(Workers(self._executor, self._folder)) as self._workers,
            contextlib.closing(SharedArrays(self._folder)) as self._shared,
            outside_of_tasks(),
        ):
            self._shared.add(self._kind.arrays(self._jobs))
            self._workers.share(self._shared)
            self._number = self._workers.number
            self._waiting.extend(
                Shard(jobs) for jobs in shards(self._kind.in_order(self._jobs), self._number or SEVERAL)
            )
            try:
                self._train(shown, each_tick)
                self._show(shown)
            except KeyboardInterrupt:
                self.interrupted = True
                with contextlib.suppress(KeyboardInterrupt):  # a second one: it is not waited for
                    self._take_late(GRACE)
            finally:
                self._workers.stop()
        return time.monotonic() - self._begin

    # ---- Tasks -------------------------------------------------------------------------------------------------------

    def _train(self, shown, each_tick):
        try:
            while self._waiting or self._running:
                self._step()
                self._show(shown)
                each_tick()
                if self._end is not None and time.monotonic() >= self._end:
                    self._take_late(None)
                    break
        except _NoExecutor:
            self._here(shown, each_tick)

    def _show(self, shown):
        shown.show(self._done, len(self._jobs), time.monotonic() - self._begin)

    def _left(self):
        """Seconds; None without a limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def _step(self):
        """Submits what there is room for, and takes what has come."""
        while self._waiting and (self._number is None or len(self._running) < AHEAD * self._number):
            shard = self._waiting.popleft()
            try:
                self._submit(shard)
            except BrokenExecutor as problem:
                self._lost(shard, problem)
                self._renew(problem)
        done, _ = concurrent.futures.wait(self._running, TICK, concurrent.futures.FIRST_COMPLETED)
        for future in done:
            self._take(future, *self._running.pop(future))

    def _submit(self, shard, sent=None):
        if shard.order is None:
            try:
                pickled = self._shared.dumps(self._kind.pack(shard.jobs))
            except (pickle.PicklingError, TypeError, AttributeError) as problem:
                raise TypeError(f"executor: {shard} cannot be sent to another process: {problem}") from problem
            task = self._kind.task
            shard.order = {
                "key": version_key(task), "task": task, "pickled": pickled, "folder": self._folder,
                "event": self._workers.event,
            }  # fmt: skip
        now = {"attempt": shard.attempts, "host": self._host, "seconds": self._left()}
        future = self._workers.submit(shard.order | now, sent)
        self._running[future] = shard, self._workers.generation

    def _take(self, future, shard, generation):
        """What has become of a task."""
        try:
            how, answer = future.result()
        except (ImportError, AttributeError) as problem:  # of what a worker was to run
            raise _other_version("a worker") from problem
        except (Exception, CancelledError, KeyboardInterrupt) as problem:
            self._lost(shard, problem)
            if generation == self._workers.generation:  # else it is not broken any more
                self._renew(problem)
            return
        if how == "done":
            self._absorb(shard, answer)
        elif how in ("missing", "late"):
            if how == "late":  # though it is not over: a machine with the name of this one, which has another folder
                self._host = None
            self._submit(shard, self._shared.arrays)
        elif how == "interrupted":  # the worker alone: this process is not
            self._lost(shard, KeyboardInterrupt("it was interrupted"))
        elif how == "version":
            raise _other_version(answer)
        elif how == "raised":
            raise answer

    def _lost(self, shard, problem):
        """It has to be trained again, if that has not been tried often."""
        self._waiting.appendleft(shard)
        shard.attempts += 1
        if shard.attempts >= ATTEMPTS and not isinstance(problem, KeyboardInterrupt):
            what = f"{type(problem).__name__}: {problem}"
            raise RuntimeError(f"executor: {shard} was lost {ATTEMPTS} times, the last time by {what}") from problem

    def _absorb(self, shard, answer):
        results = pickle.loads(answer)
        with without_ctrl_c():  # which would leave half of it
            self._kind.absorb(shard.jobs, results)
        self._done += sum(job.outcome not in ("waiting", "interrupted") for job in shard.jobs)

    def _renew(self, problem):
        """Another executor for a broken one, or else this process does what is left; lost arrays are shared again."""
        if isinstance(problem, CancelledError):  # by Dask, if they were on the lost worker alone
            self._workers.share(self._shared)
        if not isinstance(problem, BrokenExecutor):
            return
        left = sum(len(shard.jobs) for shard in self._waiting) + sum(len(s.jobs) for s, _ in self._running.values())
        if self._workers.renew():
            self._workers.share(self._shared)
            caller.warn(f"executor: it broke ({problem}); a new one trains {counted(left, 'network')} that were lost")
            return
        caller.warn(
            f"executor: it broke ({problem}), so this process trains {counted(left, 'network')} that were lost; give a "
            "function that returns a new executor, which is called again then"
        )
        raise _NoExecutor

    def _here(self, shown, each_tick):
        """This process trains the rest."""
        for future, (shard, _) in [*self._running.items()]:
            if not future.cancel():
                concurrent.futures.wait([future], GRACE)
            del self._running[future]
            self._waiting.append(shard)
        jobs = [job for shard in self._waiting for job in shard.jobs]
        self._waiting.clear()
        self.interrupted = self._kind.train_here(jobs, self._left(), shown, each_tick)
        self._done += sum(job.outcome not in ("waiting", "interrupted") for job in jobs)

    def _take_late(self, patience):
        """Stops what still runs, and takes what has come of it, for so many seconds; None: until all has ended."""
        self._workers.stop()
        for future in [*self._running] if self._workers.can_cancel else ():
            if future.cancel():
                del self._running[future]
        begin = time.monotonic()
        while self._running and (patience is None or time.monotonic() - begin < patience):
            done, _ = concurrent.futures.wait(self._running, GRACE, concurrent.futures.FIRST_COMPLETED)
            for future in done:
                shard, _ = self._running.pop(future)
                if future.cancelled() or future.exception():  # of the worker: its Ctrl-C is not this process's
                    continue
                how, answer = future.result()
                if how in ("done", "interrupted"):
                    with contextlib.suppress(Exception):
                        self._absorb(shard, answer)
            if not done and self._workers.number is None:  # nobody is there any more
                break


def _other_version(where):
    return RuntimeError(
        f"executor: {where} has other sources of fastbp, or another Python, NumPy, SciPy, Numba, llvmlite or "
        "scikit-learn, than this process, so that its results could be others: install the same everywhere, and start "
        "the workers again"
    )


def shards(ordered, workers):
    """Parts of jobs, the first ones large, so that few are sent, the last ones small, so that all workers end together.

    A part is a share of what each worker would have left, in whole vectors where networks share them.

    Parameters
    ----------
    ordered : iterable of (list of Job, list of float, int)
        Jobs that belong together, their costs, and how many fill a vector.
    workers : int

    Yields
    ------
    list of Job
    """
    units = [
        (jobs[begin : begin + lanes], sum(costs[begin : begin + lanes]))
        for jobs, costs, lanes in ordered
        for begin in range(0, len(jobs), lanes)
    ]
    left, part, of_part = sum(cost for _, cost in units), [], 0.0
    for jobs, cost in units:
        if part and of_part + cost > max(LEAST, left / (SHARE * workers)):
            yield part
            left, part, of_part = left - of_part, [], 0.0
        part, of_part = part + jobs, of_part + cost
    if part:
        yield part
