"""Epochs in blocks, each one call of a kernel, where nothing in Python has to see every epoch.

Of small tables an epoch takes less time than what Python does around it.
"""

import time

import numpy as np

from fastbp.engine.tiles.notes import (
    BEST,
    COUNTS,
    DIVERGED,
    DONE,
    ERRORS,
    EXHAUSTED,
    NOT_BEGUN,
    OUTCOME,
    OUTPUTS,
    PATIENCE,
    POSITION,
    RULE,
    TOL,
    WAITED,
)
from fastbp.training.loop import BLOCK, MOST

MERSENNE, NO_KEY = "MT19937", np.zeros(1, np.uint32)


def blocks_of(fit, runner, each_is_seen):
    """Blocks for a fit, or None where it has to go epoch by epoch.

    Parameters
    ----------
    fit : StochasticFit
    runner : EpochRunner
    each_is_seen : bool
        Whether a callback, a display or a time limit looks at each epoch.
    """
    own, request, rng = fit.estimator, fit.request, fit.estimator._random_state
    if each_is_seen or request.validation is not None or fit.stopping.restores or fit.data.sparse:
        return None
    if fit.scheduled or (own.solver == "sgd" and own.learning_rate == "invscaling") or fit.constant is not None:
        return None
    if type(rng) is not np.random.RandomState or not runner.takes_several(fit.steps):
        return None
    draws = own.shuffle and not request.incremental
    state = rng.get_state(legacy=False) if draws else {"bit_generator": MERSENNE, "state": {"key": NO_KEY, "pos": 0}}
    return Blocks(fit, runner, draws, state) if state["bit_generator"] == MERSENNE else None


class Blocks:
    """The epochs of a fit, some at a time (see `training.loop`).

    Orders are drawn from a copy of the generator's state, which it gets in the end; where somebody else has drawn from
    the same generator meanwhile, it stays as they have left it. `partial_fit`, whose epoch is one, draws as ever: a
    state takes ten times as long as an order.

    Parameters
    ----------
    fit : StochasticFit
    runner : EpochRunner
    draws : bool
        Whether the kernel makes a new order for each epoch.
    state : dict
        The state of the generator before.
    """

    def __init__(self, fit, runner, draws, state):
        own = fit.estimator
        self._fit, self._runner, self._draws, self._state = fit, runner, draws, state
        self._key, self._position = state["state"]["key"].copy(), state["state"]["pos"]
        self._order = fit.sampler.order(1) if own.shuffle and not draws else fit.rows.copy()
        self._counts, self._rule = np.zeros(COUNTS, np.int64), np.zeros(RULE)
        self._rule[[TOL, PATIENCE, OUTPUTS]] = own.tol, own.n_iter_no_change + 1, round(1 / own._shown_error(1.0))
        self._losses, self._epochs = np.empty(0), 1

    def run(self, kept, epochs):
        """Some epochs, at most so many; `kept` gets the parameters after the last one that is whole."""
        fit, own, counts = self._fit, self._fit.estimator, self._counts
        counts[DONE], counts[OUTCOME], counts[POSITION] = 0, NOT_BEGUN, self._position
        self._rule[[BEST, WAITED]] = own.best_loss_, own._no_improvement_count
        losses = self._losses = np.empty(min(epochs, self._epochs))
        begin, data = time.perf_counter(), fit.data
        self._runner.run_several(
            data.X, data.D, data.weight, self._order, fit.rates(), fit.memory.steps, fit.report,
            (self._key, self._draws), self._rule, counts, kept, losses,
        )  # fmt: skip
        of_epoch = max(1e-9, (time.perf_counter() - begin) / len(losses))
        self._epochs = max(1, min(MOST, int(BLOCK / of_epoch)))

    def noted(self):
        """The fit takes note of the epochs that are done: their number, and whether the training ends.

        Raises
        ------
        ValueError
            If the one after them has diverged.
        """
        done, outcome, self._position = self._counts[[DONE, OUTCOME, POSITION]].tolist()
        if outcome == NOT_BEGUN:
            return 0, False
        self._counts[OUTCOME] = NOT_BEGUN
        self._fit.note(self._losses[:done].tolist(), float(self._rule[BEST]), int(self._rule[WAITED]))
        if outcome == DIVERGED:
            self._fit.has_diverged()
        self._fit.error = self._rule[ERRORS] / len(self._order)
        return done, outcome == EXHAUSTED and self._fit.no_more_improvement()

    def close(self):
        """The generator is where the last order has left it."""
        rng = self._fit.estimator._random_state
        if self._draws and _alike(rng.get_state(legacy=False), self._state):
            place = {"key": self._key, "pos": self._position}
            rng.set_state(self._state | {"state": place})


def _alike(a, b):
    """Whether two states are the same, the second one that of a Mersenne twister."""
    if a["bit_generator"] != b["bit_generator"]:
        return False
    return a["state"]["pos"] == b["state"]["pos"] and (a["state"]["key"] == b["state"]["key"]).all()
