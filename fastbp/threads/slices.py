"""How an epoch is cut into slices, and how many threads share each: as many as are cheapest now.

The bits do not depend on the threads, so their number may change at any moment. A slice is some milliseconds of
mini-batches. What one costs with each number of threads is remembered, recent slices more than old ones, and the
cheapest number is taken; the numbers beside it are tried now and then, so seldom that what that costs stays a small
part of the time. So a training follows the load of the machine: where another process takes a core, two threads can be
many times slower than one.

Between slices Python runs: for Ctrl-C, for time limits, for whoever wants to look.
"""

import math
import time

from fastbp.threads.cores import trainings

SECONDS, ALONE = 0.01, 0.05  # of a slice; of one where there is nothing to be chosen
SHORT = 0.01  # seconds, as guessed, of an epoch that is not measured where there is nothing to be chosen
FIRST, GUESS = 0.002, 2e10  # seconds of the first, and floating-point operations a second, as nothing is known yet
HALF_LIFE = 1.0  # seconds after which a slice counts half
CHANGED = 2.0  # where the last slices cost so many times more or less than was known, the old ones are forgotten
OUTLIER = 8  # so many times what was known: one such slice does not count, the whole process may have been stopped
SHARE = 0.03  # of the time, for trying numbers of threads that turn out to be slower
TRIAL, PAUSE = 0.06, 0.1  # seconds of a trial: several time slices of the system; and from one to the next, at least
CLEAR = 1.5  # between two numbers of threads: needs no whole trial
BETTER = 0.97  # a number of threads is taken if it costs less than so much of the present one
REMEMBERED = 2.0  # seconds for which a new training begins with the number of threads of the last one


class Costs:
    """Seconds of a mini-batch with one number of threads: a mean that forgets."""

    def __init__(self):
        self.seconds, self._recent, self._batches, self._at, self._doubtful = None, 0.0, 0.0, 0.0, False

    def add(self, batches, seconds, now):
        """Takes note of a slice; whether it counts."""
        if self.seconds is None:
            self.seconds = self._recent = seconds / batches
        self._doubtful = not self._doubtful and seconds > OUTLIER * self.seconds * batches
        if self._doubtful:
            return False
        self._batches *= 0.5 ** ((now - self._at) / HALF_LIFE)
        self._batches, self._at = self._batches + batches, now
        self.seconds += (seconds - self.seconds * batches) / self._batches
        self._recent += 0.3 * (seconds / batches - self._recent)
        if not 1 / CHANGED < self._recent / self.seconds < CHANGED:
            self.seconds, self._batches = self._recent, batches
        return True


class Slices:
    """The slices of a training.

    Parameters
    ----------
    most : int
        The most threads that may share one.
    flops : float
        Floating-point operations of a mini-batch, about.
    clock : callable
        The time in seconds.
    """

    _last = (-math.inf, 1)  # when a slice ended, and how many threads were best: of all trainings of the process

    def __init__(self, most, flops, clock=time.perf_counter):
        self._counts = [2**i for i in range(most.bit_length()) if 2**i < most] + [most]
        self._costs, self._clock = {count: Costs() for count in self._counts}, clock
        self._guess, self._length, self._begun = flops / GUESS, FIRST, False
        self._trial, self._spent, self._lost, self._up, self._limited = None, 0.0, 0.0, False, False
        at, last = Slices._last
        if clock() - at < REMEMBERED:
            self._best, self._next_trial = max(count for count in self._counts if count <= last), clock() + PAUSE
        else:
            self._best, self._next_trial = most, -math.inf

    def of(self, batches):
        """The slices of an epoch, one after the other: which mini-batches it has, and how many threads share it.

        Parameters
        ----------
        batches : int
            Mini-batches of the epoch.

        Yields
        ------
        part : slice
        threads : int
        """
        if self.takes_whole(batches):
            yield slice(0, batches), self._counts[0]
            return
        done = 0
        while done < batches:
            number, threads = self.next(batches - done)
            begin = self._clock()
            yield slice(done, done + number), threads
            self.took(number, threads, self._clock() - begin)
            done += number

    def takes_whole(self, batches):
        """Whether an epoch of so many mini-batches is one slice, with nothing to be chosen."""
        return len(self._counts) == 1 and batches * self._guess < SHORT

    @property
    def best(self):
        """The cheapest number of threads, as far as is known."""
        return self._best

    def next(self, batches):
        """How many of so many mini-batches are the next slice, and how many threads share it."""
        threads = self._choice()
        of_batch = self._costs[threads].seconds or self._costs[self._best].seconds or self._guess
        most = max(1, int(self._length / max(of_batch, 1e-9)))
        return (batches if batches < 1.5 * most else most), threads

    def took(self, batches, threads, seconds):
        """Takes note of what a slice of so many mini-batches took."""
        self._length = SECONDS if len(self._counts) > 1 else ALONE
        if threads > 1 and not self._begun:  # the others were started in it
            self._begun, self._guess = True, seconds / batches
            return
        now = self._clock()
        if self._costs[threads].add(batches, seconds, now) and threads == self._trial:
            self._spent += seconds
            self._lost += seconds - self._costs[self._best].seconds * batches
            if self._spent >= TRIAL or (self._spent >= TRIAL / 5 and self._is_clear()):
                self._judge(now)
        if not self._limited:
            Slices._last = now, self._best

    def _is_clear(self):
        """Whether the numbers of threads differ by more than a few time slices of the system can make them differ."""
        ratio = self._costs[self._trial].seconds / self._costs[self._best].seconds
        return not 1 / CLEAR < ratio < CLEAR

    def _judge(self, now):
        """The end of a trial: the better one is taken, and the next trial is put off by what this one has cost."""
        if self._costs[self._trial].seconds < BETTER * self._costs[self._best].seconds:
            self._best, self._lost = self._trial, 0.0
        self._trial, self._next_trial = None, now + max(PAUSE, self._lost / SHARE)

    def _choice(self):
        allowed = [count for count in self._counts if count <= trainings.cores_of_each()] or self._counts[:1]
        self._limited = len(allowed) < len(self._counts)  # which may be over when the next training begins
        if max(self._best, self._trial or 0) > allowed[-1]:
            self._best, self._trial = min(self._best, allowed[-1]), None
        known = self._costs[self._best].seconds is not None
        if self._trial is None and len(allowed) > 1 and known and self._clock() >= self._next_trial:
            self._trial, self._spent, self._lost = self._neighbour(allowed), 0.0, 0.0
        return self._trial or self._best

    def _neighbour(self, allowed):
        """The number of threads to be tried: of those beside the best one in turn."""
        place = allowed.index(self._best)
        self._up = place + 1 < len(allowed) and (place == 0 or not self._up)
        return allowed[place + 1 if self._up else place - 1]


class Whole:
    """Slices of a training that is not cut: each epoch is one, of so many threads."""

    def __init__(self, threads=1):
        self.best = threads

    def of(self, batches):
        yield slice(0, batches), self.best

    def takes_whole(self, batches):
        """As `Slices` has it."""
        return self.best == 1
