"""Threads that share an epoch: how they meet, and how they take turns at pieces of work.

Each is a Python thread inside the same compiled epoch, without the GIL. They meet at a counter, which takes a tenth of
a microsecond (benchmarks/test_team.py); Numba's own threads abort the process when two Python threads use them at once,
or after a fork. `meeting` is an int64 array; its three numbers lie in cache lines of their own.
"""

import contextlib
import functools
import queue
import weakref
from dataclasses import dataclass, field

import numpy as np

from fastbp.engine.registers import address, atomic_add, atomic_load, let_others_run
from fastbp.jit import jit
from fastbp.workers import Workers

ARRIVED, TICKET, ABANDONED, MEETING_SIZE = 0, 16, 32, 48
SPINS = 2000  # rounds of waiting before the processor is offered to others: more threads than cores must not stall


@jit(inline=False)
def meet(meeting, threads):
    """Wait until all threads have come here; whether the epoch was abandoned meanwhile."""
    if threads == 1:
        return False
    arrived, abandoned = address(meeting, ARRIVED), address(meeting, ABANDONED)
    everybody = (atomic_add(arrived, 1) // threads + 1) * threads
    spins = 0
    while atomic_load(arrived) < everybody:
        spins += 1
        if spins > SPINS:
            let_others_run()
            if atomic_load(abandoned) != 0:
                return True
    return atomic_load(abandoned) != 0


@jit
def take_ticket(meeting):
    """0, 1, 2, ...: no two threads get the same one."""
    return atomic_add(address(meeting, TICKET), 1)


class Team:
    """Python threads that live as long as a training; each epoch they all run the same kernel, this thread with them.

    Threads that are started for each epoch share a core for the first milliseconds. Use it in a `with` block. Ctrl-C
    may strike between any two lines of this thread. So the threads tell each other by numbers, which stay; queues only
    wake who sleeps, and lose or double nothing by that. The others hold the state, but not the team: wherever that is
    dropped, they end.
    """

    def __init__(self, threads):
        others = range(1, threads)
        self.threads, self.meeting = threads, np.zeros(MEETING_SIZE, np.int64)
        self._state = _State([queue.SimpleQueue() for _ in others], [0 for _ in others])
        self._dropped = weakref.finalize(self, _close, self._state)
        self._workers = Workers(functools.partial(_work, self._state), len(others))
        self._workers.start()

    def run(self, kernel, *args):
        """kernel(*args, meeting, thread, threads) in all threads; what it returns in this one."""
        state, finished = self._state, False
        self.meeting[:] = 0
        if self.threads == 1:
            return kernel(*args, self.meeting, 0, 1)
        state.task, state.problem = (kernel, args, self.meeting, self.threads), None
        state.number += 1
        try:
            for wake in state.wake:
                wake.put(None)
            result = kernel(*args, self.meeting, 0, self.threads)
            finished = True
        finally:
            if not finished:  # the others may wait for a thread that never comes
                self.meeting[ABANDONED] = 1
            self._wait()
        return result

    def _wait(self):
        """The others write into arrays that the caller is about to use: not even a second Ctrl-C leaves them behind."""
        state, interruption = self._state, None
        while any(number != state.number for number in state.finished):
            try:
                for wake in state.wake:
                    wake.put(None)
                with contextlib.suppress(queue.Empty):
                    state.done.get(timeout=0.1)
            except KeyboardInterrupt as came:
                interruption = came
        try:
            if interruption or state.problem:
                raise interruption or state.problem
        finally:
            del interruption  # it refers to this frame, which holds the team

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._workers.leave(functools.partial(_close, self._state))
        self._dropped.detach()  # Ctrl-C in there would be lost


@dataclass
class _State:
    """What the threads of a team share: the task and its number, and the number of the last that each has finished."""

    wake: list
    finished: list
    done: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    task: tuple = ()
    number: int = 0
    closed: bool = False
    problem: BaseException | None = None


def _close(state):
    state.closed = True
    for wake in state.wake:
        wake.put(None)


def _work(state, other):
    """The life of the others: wait for a task, do it once, say so."""
    number = 0
    while not state.closed:
        state.wake[other].get()
        if state.closed or number == state.number:
            continue
        number, (kernel, args, meeting, threads) = state.number, state.task
        try:
            with np.errstate(all="ignore"):  # which holds for a thread alone
                kernel(*args, meeting, other + 1, threads)
        except BaseException as problem:
            state.problem, meeting[ABANDONED] = problem, 1
        kernel = args = None  # the arrays may be large
        state.finished[other] = number
        state.done.put(None)
