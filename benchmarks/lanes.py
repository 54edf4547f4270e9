"""python -m benchmarks.lanes: networks that share lanes against the same ones, each by an engine of its own."""

import sys
import time
from statistics import median
from unittest import mock

import numpy as np

from benchmarks import command, machine
from benchmarks.markdown import digits, table
from benchmarks.process import Process, in_turn, say

SIZES = [(4, 8, 3), (10, 32, 1), (30, 32, 1), (64, 16, 10), (8, 32, 32, 1), (64, 32, 10), (64, 64, 10)]
BATCHES, DTYPES = (1, 4, 8, 16, 32, 128), ("float32", "float64")
NETWORKS, SAMPLES, EPOCHS = 32, 512, 4


def ratios(sizes, dtype, rounds):
    """For each mini-batch the time alone over that in lanes, and whether lanes are chosen."""
    from fastbp import Network
    from fastbp.engine import heuristics

    network, found = Network(sizes, output=_output(sizes), dtype=dtype), []
    for batch in BATCHES:
        laps = {True: [], False: []}
        for number, in_lanes in in_turn(laps, rounds + 1):
            laps[in_lanes] += [_lap(sizes, dtype, batch, in_lanes)] * (number > 0)  # the first one compiles
        chosen = heuristics.prefers_lanes(network.layers, batch, network.dtype)
        found.append((median(laps[False]) / median(laps[True]), chosen))
    return found


def _output(sizes):
    return "softmax" if sizes[-1] > 1 else "identity"


def _lap(sizes, dtype, batch, in_lanes):
    """Seconds of a training on one thread."""
    import fastbp

    rng, outputs = np.random.default_rng(0), sizes[-1]
    X = rng.normal(size=(SAMPLES, sizes[0])).astype(dtype)
    D = np.eye(outputs)[rng.integers(0, outputs, SAMPLES)].astype(dtype)
    networks = [fastbp.Network(sizes, output=_output(sizes), dtype=dtype, seed=seed) for seed in range(NETWORKS)]
    how = {"epochs": EPOCHS, "batch_size": batch, "optimizer": fastbp.SGD(0.01), "threads": 1}
    with mock.patch("fastbp.engine.heuristics.prefers_lanes", return_value=in_lanes):
        begin = time.perf_counter()
        fastbp.train_many(networks, X, D, **how)
        return time.perf_counter() - begin


def render(rounds):
    """Markdown of a whole run."""
    body = []
    with Process("benchmarks.lanes", cores=1) as process:
        for sizes in SIZES:
            for dtype in DTYPES:
                say(f"  {sizes}, {dtype}")
                found = [(digits(ratio, 2), lanes) for ratio, lanes in process.ask("ratios", sizes, dtype, rounds)]
                cells = [f"**{ratio}**" if lanes else ratio for ratio, lanes in found]
                body.append(["-".join(map(str, sizes)), dtype, *cells])
    told = f"{machine.line()} SGD, relu, one core. Medians of {rounds} laps, taken in turn."
    heads = ["network", "dtype", *(f"batch {batch}" for batch in BATCHES)]
    return f"{told}\n\n{table(heads, body, left=(0, 1))}"


def main(arguments=None):
    about = "Train the same networks in lanes and one by one. About half a minute."
    options = command.parse(command.parser("lanes", about, rounds=3), arguments)
    return command.run("lanes", lambda: render(options.rounds), options.write)


if __name__ == "__main__":
    sys.exit(main())
