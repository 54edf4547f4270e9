"""Threads that an interruption cannot spoil.

`threading` takes locks of Python's own where it starts a thread, waits for it and waits for an event. Ctrl-C that
strikes there leaves a lock taken, so that the thread waits for ever, or releases one that is free, which raises another
error. Here threads begin by one call that nothing interrupts, and tell each other by numbers, which stay; a queue only
wakes who sleeps.
"""

import _thread
import contextlib
import queue


class ThreadPool:
    """Threads, each of which calls a function once.

    Parameters
    ----------
    work : callable
        Called as `work(number)` in each thread, 0 being the first. It must end soon once `closing` is true.
    threads : int
    """

    def __init__(self, work, threads):
        self._work, self.closing = work, False
        self._begun, self._left, self._told = [False] * threads, [False] * threads, queue.SimpleQueue()

    def start(self):
        """Each thread begins."""
        for number in range(len(self._begun)):
            _thread.start_new_thread(self._live, (number,))

    def _live(self, number):
        self._begun[number] = True
        try:
            if not self.closing:  # what begins after `leave` does nothing
                self._work(number)
        finally:
            self._left[number] = True
            self._told.put(None)

    def all_left(self, seconds):
        """Wait so long, or until a thread leaves; whether all have left."""
        if not all(self._left):
            with contextlib.suppress(queue.Empty):
                self._told.get(timeout=seconds)
        return all(self._left)

    def leave(self, wake=lambda: None):
        """Wait until no thread works any more: not even a second Ctrl-C leaves one behind.

        Parameters
        ----------
        wake : callable
            Wakes those that sleep; called again and again.
        """
        self.closing, interruption = True, None
        while any(begun and not left for begun, left in zip(self._begun, self._left, strict=True)):
            try:
                wake()
                with contextlib.suppress(queue.Empty):
                    self._told.get(timeout=0.1)
            except KeyboardInterrupt as came:
                interruption = came
        try:
            if interruption:
                raise interruption
        finally:
            del interruption  # it refers to this frame, and that to all that is to be freed
