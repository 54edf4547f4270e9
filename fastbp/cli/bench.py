"""fastbp bench: how fast the engine is on this machine, against the same formulas as NumPy matrix products."""

import statistics

import numpy as np

from fastbp.cli import options
from fastbp.network import DTYPES, Network
from fastbp.optimizers import SGD
from fastbp.training.train import train

ROWS = [((4, 8, 3), 1), ((10, 32, 1), 32), ((64, 64, 10), 32), ((784, 100, 10), 32), ((784, 128, 10), 128)]
SAMPLES, LAPS, SAME = 1024, 5, 1e-3


def add(commands):
    """The command and its options."""
    parser = options.command(
        commands,
        "bench",
        "time the engine on this machine",
        "Times an epoch of some networks by the engine, and by the same formulas as NumPy\n"
        "matrix products, in turn, and compares what they have learnt. In a checkout,\n"
        "`python -m benchmarks.peers` has JAX, PyTorch and scikit-learn, too.",
        "fastbp bench",
        "fastbp bench --dtype float64 --threads 1",
    )
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of all computation (default: float32)")
    parser.add_argument(
        "--threads", type=options.of(int, 1), metavar="N", help="of the engine; default: as many as pay"
    )
    parser.set_defaults(run=run)


def run(given):
    """Carries it out."""
    print("network      batch   engine, us a step   NumPy matrix   ratio")
    for sizes, batch in ROWS:
        seconds = _measured(sizes, batch, given.dtype, given.threads)
        engine, matrix = (seconds[version] * 1e6 for version in ("engine", "matrix"))
        name = "-".join(map(str, sizes))
        print(f"{name:12s} {batch:5d}   {engine:17.2f}   {matrix:12.1f}   {matrix / engine:5.1f}", flush=True)


def _measured(sizes, batch, dtype, threads):
    """Seconds of a step by each version, the median of laps in turn."""
    rng, outputs = np.random.default_rng(0), sizes[-1]
    X = rng.normal(size=(SAMPLES, sizes[0])).astype(dtype)
    D = np.eye(outputs)[rng.integers(0, outputs, SAMPLES)] if outputs > 1 else np.sin(X.sum(axis=1, keepdims=True))
    output, versions = "softmax" if outputs > 1 else "identity", ("engine", "matrix")
    laps, networks = {version: [] for version in versions}, {}
    for lap in range(LAPS + 1):
        for version in versions:
            network = networks[version] = Network(sizes, output=output, dtype=dtype)
            how = {"batch_size": batch, "optimizer": SGD(0.01), "threads": threads, "version": version}
            history = train(network, X, D, epochs=1, **how)
            if lap:  # the first one compiles
                laps[version].append(history.seconds[0] / (SAMPLES // batch))
    apart = np.abs(networks["engine"].theta - networks["matrix"].theta).max()
    if not apart <= SAME:
        raise ValueError(f"the two versions of {sizes} must learn the same, their parameters are {apart:.1e} apart")
    return {version: statistics.median(found) for version, found in laps.items()}
