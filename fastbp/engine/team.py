"""Threads that share an epoch: how they meet, and how they take turns at pieces of work.

Each is a Python thread inside the same compiled epoch, without the GIL. They meet at a counter, which takes a tenth of
a microsecond (benchmarks/test_team.py); Numba's own threads abort the process when two Python threads use them at once,
or after a fork. `meeting` is an int64 array; its three numbers lie in cache lines of their own.
"""

import queue
import threading

import numpy as np

from fastbp.engine.registers import address, atomic_add, atomic_load, let_others_run
from fastbp.jit import jit

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

    Threads that are started for each epoch share a core for the first milliseconds. Use it in a `with` block.
    """

    def __init__(self, threads):
        self.threads = threads
        self.meeting = np.zeros(MEETING_SIZE, np.int64)
        self._tasks = [queue.SimpleQueue() for _ in range(1, threads)]
        self._done = queue.SimpleQueue()
        self._workers = [threading.Thread(target=self._work, args=(tasks,), daemon=True) for tasks in self._tasks]
        for worker in self._workers:
            worker.start()

    def run(self, kernel, *args):
        """kernel(*args, meeting, thread, threads) in all threads; what it returns in this one."""
        self.meeting[:] = 0
        finished, handed_out = False, 0
        try:
            for thread, tasks in enumerate(self._tasks, start=1):
                handed_out += 1
                tasks.put((kernel, (*args, self.meeting, thread, self.threads)))
            result = kernel(*args, self.meeting, 0, self.threads)
            finished = True
        finally:
            if not finished:  # Ctrl-C between two lines above: the others wait for a thread that never comes
                self.meeting[ABANDONED] = 1
            self._wait_for(handed_out)
        return result

    def _wait_for(self, workers):
        """They write into arrays that the caller is about to use, so not even a second Ctrl-C may leave them behind."""
        interrupted, problems = None, []
        while workers:
            try:
                problem = self._done.get()
                workers -= 1
                if problem:
                    problems.append(problem)
            except KeyboardInterrupt as interruption:
                interrupted = interruption
        if interrupted or problems:
            raise interrupted or problems[0]

    def _work(self, tasks):
        while task := tasks.get():
            kernel, args = task
            problem = None
            try:
                kernel(*args)
            except BaseException as raised:
                problem = raised
                self.meeting[ABANDONED] = 1
            self._done.put(problem)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for tasks in self._tasks:
            tasks.put(None)
        for worker in self._workers:
            worker.join()
