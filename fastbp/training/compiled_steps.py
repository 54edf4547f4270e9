"""Steps of second order of small networks, one or several in a call: what the loop asks, and a kernel does.

What slices them changes no bit: a kernel goes on where the last one has ended, with what the task remembers.
"""

import time

import numpy as np

from fastbp.engine.tiles.notes import (
    COUNTS_OF_STEPS,
    DIVERGED,
    DONE,
    ESTIMATES,
    EXHAUSTED,
    GOAL,
    LARGEST,
    LIMITS,
    NOT_BEGUN,
    NUMBERS,
    OUTCOME,
    SAMPLES,
    SHORTEST,
    TRIALS,
    VECTORS,
)
from fastbp.training.loop import BLOCK, MOST, Ended


class CompiledSteps:
    """The steps of a training (see `blocks` in `training.loop`).

    Parameters
    ----------
    task : LeastSquares
    """

    def __init__(self, task):
        from fastbp.engine import entries, team  # here: other trainings need them not

        self._task, self._kernel, equations = task, entries.damped_steps, task.equations
        self._counts, self._losses, self._gammas = np.zeros(COUNTS_OF_STEPS, np.int64), np.empty(0), np.empty(0)
        self._trials, self._seconds, limits, n = 1, 0.0, np.zeros(LIMITS), len(equations.g)
        limits[[GOAL, SHORTEST, ESTIMATES]] = task.rule.goal, task.rule.min_gradient, task.estimates
        limits[[LARGEST, SAMPLES, NUMBERS]] = np.finfo(task.network.dtype).max, task.counted, task.numbers
        self._rule = limits, task.penalised
        self._memory = *equations.to_add, equations.jacobian, equations.errors, team.ALONE
        self._equations = equations.A, equations.g, np.zeros((n, n)), np.zeros((VECTORS, n))

    def one(self, between):
        """A step that lowers the loss, with between() before each trial. Raises Ended if there is none."""
        task = self._task
        while True:
            between()
            self._call(task.theta, 1, 1)
            if self._counts[OUTCOME] == DIVERGED:
                raise task.diverged()
            if self._counts[DONE]:
                task.loss = float(self._losses[1])
                return
            if self._counts[OUTCOME] == EXHAUSTED:
                raise Ended

    def run(self, kept, epochs):
        """Some steps, at most so many; `kept` gets the parameters after the last one."""
        self._counts[OUTCOME] = NOT_BEGUN
        if self._task.loss is None:
            self._task.begin()
        begin = time.perf_counter()
        self._call(kept, min(epochs, MOST), self._trials)
        self._seconds = time.perf_counter() - begin
        tried = max(1, int(self._counts[TRIALS]))
        self._trials = max(1, min(MOST, int(BLOCK * tried / max(self._seconds, 1e-9))))

    def noted(self):
        """The task takes note of the steps that are done: their number, and whether the training ends.

        Raises
        ------
        Diverged
            If the one after them has led to what is not finite.
        """
        task, (done, outcome) = self._task, self._counts[[DONE, OUTCOME]].tolist()
        if outcome == NOT_BEGUN:
            return 0, False
        self._counts[OUTCOME] = NOT_BEGUN
        reached = task.note(self._losses[1 : 1 + done].tolist(), self._gammas[:done].tolist(), self._seconds)
        if outcome == DIVERGED:
            raise task.diverged()
        return done, reached or outcome == EXHAUSTED

    def _call(self, kept, steps, trials):
        task, equations = self._task, self._task.equations
        self._losses, self._gammas = np.empty(1 + steps), np.empty(steps)
        self._losses[0], self._counts[DONE], self._counts[TRIALS] = task.loss, 0, trials
        course = task.moments[0], self._losses, self._gammas, self._counts, kept
        arguments = task.theta, equations.layers, equations.samples, equations.rows
        with np.errstate(all="ignore"):
            self._kernel(*arguments, self._memory, self._equations, self._rule, course)
