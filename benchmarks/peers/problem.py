"""The numbers that every rival gets: the samples, the teacher signal and the start, from seeds."""

import math
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import fastbp
from benchmarks.peers.rows import Row

CHECK_STEPS = 5
LONG = 0.1  # seconds: laps that take so long together need no repetition to tell which way is faster


class Trainer(NamedTuple):
    """What a rival can do, as three functions."""

    reset: object  # () -> None: back to the start, the state of the update rule too
    run: object  # (epochs) -> None: trains; returns when it is done, not when it is queued
    parameters: object  # () -> [W[0], B[0], W[1], B[1], ...], weights as receiving x sending


@dataclass(frozen=True)
class Problem:
    """A row with its numbers, all of `dtype`."""

    row: Row
    dtype: str
    X: np.ndarray
    D: np.ndarray
    labels: np.ndarray  # softmax only: the class of each sample, for those who want no one-hot rows
    check: bool  # trained to compare parameters, not to be timed

    @property
    def steps(self):
        return len(self.X) // self.row.batch

    def network(self):
        """Biases are not 0: behind a layer that is, u would be, where others have another derivative of ReLU."""
        row, rng = self.row, np.random.default_rng(2)
        network = fastbp.Network(row.sizes, activation=row.activation, output=row.output, dtype=self.dtype, seed=0)
        for b in network.B:
            b[...] = rng.uniform(-0.1, 0.1, b.shape)
        return network

    def start(self):
        """[(W[0], B[0]), ...], in arrays of their own."""
        network = self.network()
        return [(w.copy(), b.copy()) for w, b in zip(network.W, network.B, strict=True)]


def problem(row, dtype, samples, check=False):
    """The first `samples` of the row's data: a rival that needs fewer to fill a lap has no other ones."""
    rng = np.random.default_rng(1)
    total = max(row.samples, CHECK_STEPS * row.batch)
    X = rng.uniform(-1, 1, (total, row.sizes[0]))
    labels = rng.integers(row.sizes[-1], size=total)
    D = np.eye(row.sizes[-1])[labels] if row.output == "softmax" else rng.normal(size=(total, row.sizes[-1]))
    X, D = (np.ascontiguousarray(values[:samples], dtype) for values in (X, D))
    return Problem(row, dtype, X, D, labels[:samples], check)


def check_problem(row, dtype):
    """Data and number of epochs for CHECK_STEPS steps; where an epoch is one step, the epochs count."""
    if row.samples == row.batch:
        return problem(row, dtype, row.batch, check=True), CHECK_STEPS
    return problem(row, dtype, CHECK_STEPS * row.batch, check=True), 1


def seconds_of(trainer, epochs=1):
    trainer.reset()
    begin = time.perf_counter()
    trainer.run(epochs)
    return time.perf_counter() - begin


def fastest(trainers):
    """The fastest of several ways to do the same: each rival is written as its experts would, measured, not guessed."""
    trainers, best, least = list(trainers), None, math.inf
    for trainer in trainers:
        if len(trainers) > 1:
            trainer.run(1)  # compiles
            laps = [seconds_of(trainer)]
            while len(laps) < 4 and sum(laps) < LONG:
                laps.append(seconds_of(trainer))
            seconds = min(laps)
        else:
            seconds = 0
        if seconds < least:
            best, least = trainer, seconds
    return best
