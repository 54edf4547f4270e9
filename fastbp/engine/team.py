"""Threads that share a slice of an epoch: how they take turns at its pieces of work, and wait for those that are done.

A slice is a sequence of phases, and a phase some pieces of work, which may be done in any order and by any thread; the
next phase begins when all pieces are *done*. So nobody ever waits for a thread that has nothing in hand: one that the
system has put aside finds, when it goes on, that its phases are over, and catches up. Nor need it be there at all.

The *board* is an int64 array on which the threads agree; its words lie in cache lines of their own. NEXT holds the
number of the phase and of its next piece, DONE how many of its pieces are done, SLICE the first phase of the slice at
hand, PATIENCE how long a thread waits awake. Phases are counted on from slice to slice, so that a thread that comes
late can take no piece of another slice for one of its own.
"""

import functools
import queue
import time
import weakref
from dataclasses import dataclass

import numpy as np

from fastbp.engine.entries import pause_often
from fastbp.threads.pool import ThreadPool

NEXT, DONE, SLICE, PATIENCE, BOARD_SIZE = 0, 16, 32, 48, 64
PIECE_BITS = 20
NONE, GIVEN_UP = -1, -1
ALONE = np.zeros(BOARD_SIZE, np.int64)  # the board of a thread without a team, which does not look at it
SPIN_SECONDS = 3e-5  # of waiting awake: longer than most pieces take, and far less than a time slice of the system
PIECES_OF_A_THREAD = 4  # in a phase, at most: more of them let others help out sooner, and cost more


@functools.cache
def patience(times=1000):
    """How many pauses take SPIN_SECONDS."""
    pause_often(1)
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        pause_often(times)
        seconds.append(time.perf_counter() - begin)
    return int(SPIN_SECONDS / (min(seconds) / times))


class Team:
    """Python threads that help this one with the slices of a training; between slices they sleep.

    Use it in a `with` block. Helpers begin with the first slice that wants them. They get a slice by its number, and
    queues only wake who sleeps, so Ctrl-C, which may strike between any two lines of this thread, loses and doubles
    nothing. They hold the state, but not the team: wherever that is dropped, they end.

    Parameters
    ----------
    most : int
        The most threads that a slice may have, this one included.
    """

    def __init__(self, most):
        self.most, self.board = most, np.zeros(BOARD_SIZE, np.int64)
        self._state = _State([queue.SimpleQueue() for _ in range(most - 1)], [False] * (most - 1))
        self._dropped, self._helpers = weakref.finalize(self, _close, self._state), None

    def run(self, kernel, *args, threads):
        """kernel(*args, (board, first phase, thread, threads)) in so many threads, of which this one is number 0.

        It returns when all pieces are done: the others may be anywhere then, but they have nothing in hand. Where this
        thread is interrupted it waits until they have left the kernel, whose arrays the caller is about to use.
        """
        board, state = self.board, self._state
        if threads == 1:
            return kernel(*args, (board, 0, 0, 1))
        if self._helpers is None:
            board[PATIENCE] = patience()
            self._helpers = ThreadPool(functools.partial(_help, state), self.most - 1)
            self._helpers.start()
        phase, finished = int(board[NEXT]) >> PIECE_BITS, False
        board[SLICE] = phase
        state.problem, state.call = None, (phase, kernel, args, board, threads)
        try:
            for wake in state.wake[: threads - 1]:
                if wake.empty():  # else it will wake up anyway, and take what is at hand then
                    wake.put(None)
            result = kernel(*args, (board, phase, 0, threads))
            finished = state.problem is None
        finally:
            state.call = None  # the arrays may be large
            if not finished:
                self._give_up()
        return result

    def _give_up(self):
        """The others leave the kernel with their next mini-batch; not even a second Ctrl-C goes on without that."""
        state, board, interruption = self._state, self.board, None
        board[SLICE] = GIVEN_UP
        while any(state.inside):
            try:
                time.sleep(0.001)
            except KeyboardInterrupt as came:
                interruption = came
        board[NEXT] += 1 << PIECE_BITS  # no phase is begun where another was left
        board[NEXT] &= -1 << PIECE_BITS
        board[DONE] = 0
        try:
            if interruption or state.problem:
                raise interruption or state.problem
        finally:
            del interruption  # it refers to this frame, which holds the team

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._dropped()  # the helpers end by themselves: nobody waits for them


@dataclass
class _State:
    """What the threads of a team share: the slice at hand, which its first phase tells from others; who is inside."""

    wake: list
    inside: list
    call: tuple | None = None
    closed: bool = False
    problem: BaseException | None = None


def _close(state):
    state.closed = True
    for wake in state.wake:
        wake.put(None)


def _help(state, other):
    """The life of a helper: wait for a slice, do of it what there is to do."""
    last = None
    while not state.closed:
        state.wake[other].get()
        state.inside[other] = True  # first: whoever finds nobody inside may trust that what comes now is too late
        call = state.call
        if call and call[0] != last:
            last, kernel, args, board, threads = call
            try:
                with np.errstate(all="ignore"):  # which holds for a thread alone
                    kernel(*args, (board, last, other + 1, threads))
            except BaseException as problem:
                state.problem, board[SLICE] = problem, GIVEN_UP
        call = kernel = args = None  # the arrays may be large
        state.inside[other] = False
