"""Executors for tests, and what is trained by them; processes that are spawned import this, too."""

import concurrent.futures
import multiprocessing
import os

import numpy as np

import fastbp

RNG = np.random.default_rng(3)
X, LABELS = RNG.normal(size=(1200, 4)), RNG.integers(0, 3, 1200)
ROWS = [np.arange(0, 1200, 2), None, np.arange(600)]


def pool(workers=2):
    """Processes that begin with nothing, as those on other machines do."""
    return concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def networks(n=60):
    """Of several kinds: in lanes, alone, and of both dtypes."""
    kinds = [{}, {"activation": "tanh"}, {"dtype": "float64"}]
    return [fastbp.Network((4, 5 + i % 3, 3), seed=i, **kinds[i % 7 % 3]) for i in range(n)]


def options(n=60):
    """One of each, for the networks."""
    rules = [fastbp.SGD(0.1), fastbp.Adam(0.01), fastbp.SGD(fastbp.StepDecay(0.1, 20, 0.5))]
    return {
        "epochs": [2 + i % 3 for i in range(n)], "seed": range(n), "optimizer": [rules[i % 3] for i in range(n)],
        "rows": [ROWS[i % 3] for i in range(n)], "validation_rows": [ROWS[2] if i % 2 else None for i in range(n)],
        "patience": [1 if i % 2 else None for i in range(n)], "dropout": [0.2 if i % 5 == 0 else 0.0 for i in range(n)],
        "rate_factors": [np.full((2, 2), 0.5) if i % 11 == 0 else None for i in range(n)],
        "sample_weight": [np.linspace(0.5, 1.5, 1200) if i % 4 == 0 else None for i in range(n)],
    }  # fmt: skip


def trained(n=60, **more):
    """The networks and their history."""
    made = networks(n)
    return made, fastbp.train_many(made, X, LABELS, **options(n) | more)


def assert_same(one, other):
    """The same bits in all that comes back."""
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a.theta, b.theta)
    for name in ("loss", "validation_loss", "epochs", "best_epoch", "outcome", "validated"):
        np.testing.assert_array_equal(getattr(one[1], name), getattr(other[1], name), err_msg=name)


class Kills:
    """A process of the pool dies when the first networks are done; `progress` of a training.

    It dies between two tasks: one that is killed while it sends an answer leaves half of it in the pipe, and Python's
    own pool then waits for the other half for ever.
    """

    def __init__(self, executor):
        self.executor, self.killed = executor, False

    def __call__(self, done, total, seconds):
        if done and not self.killed:
            self.killed = True
            self.executor.submit(os._exit, 1)


class Strikes:
    """Ctrl-C, when the first networks are done; `progress` of a training."""

    def __init__(self):
        self.struck = False

    def __call__(self, done, total, seconds):
        if done and not self.struck:
            self.struck = True
            raise KeyboardInterrupt


class Changes(concurrent.futures.Executor):
    """Runs tasks at once, in this process; `change` gets what is submitted, and returns it or raises."""

    def __init__(self, change):
        self.change, self.orders, self._max_workers = change, [], 2

    def submit(self, function, order, sent):
        future = concurrent.futures.Future()
        try:
            order, sent = self.change(order, sent)
            self.orders.append((order, sent))
            future.set_result(function(order, sent))
        except Exception as problem:
            future.set_exception(problem)
        return future
