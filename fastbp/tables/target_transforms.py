"""What is learnt of a number: itself, or its logarithm; and what predictions are clamped to."""

import dataclasses

import numpy as np

from fastbp import validation
from fastbp.tables.cells import TableError
from fastbp.tables.mean_outputs import mean_outputs
from fastbp.tables.roles import TRAINING, VALIDATION
from fastbp.tables.target import CLASSES, Logarithm
from fastbp.training.history import Diverged, History, was_interrupted

# Neither is the default: on 12 tables of 83 to 4,000 rows "auto" was no better than none, in twice the time
LOG, AUTO = "log", "auto"
TRANSFORMS = LOG, AUTO
SKEWED = 1.0  # a higher skewness is called high (Bulmer 1979, Principles of statistics, chapter 4)


def checked(transform):
    """The option of `train_table`, before the table is looked at."""
    return None if transform is None else validation.choice("target_transform", transform, TRANSFORMS)


def prepare(target, column, clamp_output, transform):
    """Gives a Target its limits and its logarithm, from the Column in which it was surveyed; whether it has to be found
    out if the logarithm is better.

    Raises
    ------
    TableError
        Naming a value that has no logarithm.
    ValueError
        If the target has classes, of which there is neither.
    """
    for argument, given, otherwise in (
        ("clamp_output", clamp_output, False), ("target_transform", None if transform == AUTO else transform, None)
    ):  # fmt: skip
        if given is not otherwise and target.kind == CLASSES:
            came = f"{validation.shown(given)} for the classes of {target.name!r}"
            raise ValueError(f"{argument} must be {otherwise} where the target has classes, got {came}")
    if clamp_output:
        target.lowest, target.highest = column.lowest, column.highest
    of, problem = column.logarithms, column.not_positive
    if transform == LOG and problem is not None:
        raise problem
    if transform == LOG and not of.deviation > 0:
        raise TableError(f"column {target.name!r}, the target, must have different logarithms to be learnt by them")
    if transform == AUTO and (target.kind == CLASSES or problem is not None or not of.deviation > 0):
        return False
    if transform == LOG or (transform == AUTO and column.sample.skewness > SKEWED):
        target.log = Logarithm(of.mean, of.deviation)
    return transform == AUTO and target.log is not None


def fitted(fit, target, places, compared, limited):
    """A training, or two of which the better one counts: the logarithm's, and that of the numbers as they are.

    Parameters
    ----------
    fit : callable
        Networks and their history, of a Target, the places of its rows, and what is called with the networks as long as
        the rows to stop by are unknown to them.
    target : Target
        Its `log` gets its smearing, or becomes None.
    places : list of Blocks
        Rows by their roles, with what is learnt of the target.
    compared, limited : bool
        Whether the logarithm is to be compared; whether the time is limited.

    Returns
    -------
    networks, history : list of Network, History or ManyHistory
    places : list of Blocks
        With what was learnt of the target.
    notes : list of str
    """
    errors, judge = [], VALIDATION if places[VALIDATION].rows else TRAINING

    def judged(target, places):
        def note_error(networks):
            if target.log is not None:
                target.log.smearing = smearing(networks, target, places[TRAINING])
            errors.append(rmse(networks, target, places[judge]))

        return note_error if compared else None

    def without():
        stored, plain = dataclasses.replace(target), dataclasses.replace(target, log=None)
        others = [Recoded(place, stored, plain) for place in places]
        return *fit(plain, others, judged(plain, others)), others

    try:
        networks, history = fit(target, places, judged(target, places))
    except Diverged:
        if not compared:
            raise
        other, target.log = without(), None
        return *other, ["the logarithm is not learnt, since its training diverged"]
    if target.log is None:
        return networks, history, places, []
    target.log.smearing = smearing(networks, target, places[TRAINING])
    if not compared:
        return networks, history, places, []
    if was_interrupted(history) and not limited:
        note = "the logarithm is learnt; the training was interrupted before it was compared"
        return networks, history, places, [note]
    try:
        other = without()
    except KeyboardInterrupt:  # in its first epoch: there is the other one
        outcome = "interrupted" if isinstance(history, History) else np.full(len(history.outcome), "interrupted")
        note = "the logarithm is learnt; the training without was interrupted before it could be compared"
        return networks, dataclasses.replace(history, outcome=outcome), places, [note]
    except Diverged:
        return networks, history, places, ["the logarithm is learnt, since the training without diverged"]
    of_log, of_plain = errors
    what = f"RMSE {of_log:.4g} with the logarithm of {target.name!r}, {of_plain:.4g} without"
    rows = "the rows to stop by" if judge == VALIDATION else "the rows to train with"
    if of_log < of_plain:
        return networks, history, places, [f"the logarithm is learnt, since it is better on {rows}: {what}"]
    target.log = None
    return *other, [f"the logarithm is not learnt, since it is no better on {rows}: {what}"]


class Recoded:
    """Rows in Blocks, with what another Target of the same column learns of it."""

    def __init__(self, blocks, stored, wanted):
        self._blocks, self._stored, self._wanted = blocks, stored, wanted
        for name in ("inputs", "rows", "counts", "numbers", "bytes"):
            setattr(self, name, getattr(blocks, name))

    def read(self, block):
        """As that of Blocks."""
        X, d = self._blocks.read(block)
        return X, self._wanted.learnt(self._stored.restored(d)).astype(d.dtype)


def smearing(networks, target, blocks):
    """The mean of exp(residual), residual = ln y - its prediction (Duan 1983)."""
    total = 0.0
    with np.errstate(over="ignore"):
        for block in blocks.numbers():
            X, d = blocks.read(block)
            total += np.exp((d.astype(np.float64) - mean_outputs(networks, X)[:, 0]) * target.log.deviation).sum()
    return float(total / blocks.rows) if np.isfinite(total) else 1.0  # of 300 powers of 10 there is no mean


def rmse(networks, target, blocks):
    """The root of the mean squared error of predictions, in units of the target."""
    total = 0.0
    with np.errstate(over="ignore"):
        for block in blocks.numbers():
            X, d = blocks.read(block)
            total += np.square(target.decode(mean_outputs(networks, X)) - target.restored(d)).sum()
        return float(np.sqrt(total / blocks.rows))
