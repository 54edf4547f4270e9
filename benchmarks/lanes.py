"""The crossover of `benchmarks.many`: networks that share lanes against the same ones, each by an engine of its own."""

import time
from statistics import median
from unittest import mock

import numpy as np

SIZES = [(4, 8, 3), (10, 32, 1), (30, 32, 1), (64, 16, 10), (8, 32, 32, 1), (64, 32, 10), (64, 64, 10)]
BATCHES, DTYPES = (1, 4, 8, 16, 32, 128), ("float32", "float64")
NETWORKS, SAMPLES, EPOCHS = 32, 512, 4


def crossover(name, rounds):
    """For each shape and dtype: for each mini-batch the time alone over that in lanes, and whether lanes are chosen.

    Returns
    -------
    list of tuple (sizes, dtype, list of tuple (ratio, chosen))
    """
    return [(sizes, dtype, _ratios(sizes, dtype, rounds)) for sizes in SIZES for dtype in DTYPES]


def _ratios(sizes, dtype, rounds):
    from fastbp import Network
    from fastbp.engine import heuristics

    network, found = Network(sizes, dtype=dtype), []
    for batch in BATCHES:
        lanes, alone = [], []
        for number in range(rounds + 1):  # the first one compiles
            for laps, in_lanes in (lanes, True), (alone, False):
                laps += [_lap(sizes, dtype, batch, in_lanes)] * (number > 0)
        chosen = heuristics.prefers_lanes(network.layers, batch, network.dtype)
        found.append((median(alone) / median(lanes), chosen))
    return found


def _lap(sizes, dtype, batch, in_lanes):
    """Seconds of a training on one thread."""
    import fastbp

    rng, outputs = np.random.default_rng(0), sizes[-1]
    X = rng.normal(size=(SAMPLES, sizes[0])).astype(dtype)
    D = np.eye(outputs)[rng.integers(0, outputs, SAMPLES)].astype(dtype)
    output = "softmax" if outputs > 1 else "identity"
    networks = [fastbp.Network(sizes, output=output, dtype=dtype, seed=seed) for seed in range(NETWORKS)]
    how = {"epochs": EPOCHS, "batch_size": batch, "optimizer": fastbp.SGD(0.01), "threads": 1}
    with mock.patch("fastbp.engine.heuristics.prefers_lanes", return_value=in_lanes):
        begin = time.perf_counter()
        fastbp.train_many(networks, X, D, **how)
        return time.perf_counter() - begin
