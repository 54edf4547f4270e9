"""fastbp demo: the lecture at work on real handwritten digits."""

import argparse
import contextlib
import statistics
import time

import numpy as np

from fastbp import validation
from fastbp.cli import options
from fastbp.cli.options import VERSIONS
from fastbp.compiler import notice
from fastbp.datasets import digits_in_two
from fastbp.lecture.layout import scratch_for
from fastbp.network import DTYPES, Network
from fastbp.optimizers import SGD
from fastbp.training.history import Diverged
from fastbp.training.train import train

SIZES, BATCH, LEARNING_RATE = (64, 128, 10), 16, 0.5


def add(commands):
    """The command and its options."""
    parser = options.command(
        commands,
        "demo",
        "train a network on handwritten digits by loops, engine and matrix, and compare them",
        "Trains a network on handwritten digits three times, from the same start with the same\n"
        "mini-batches, and compares what they learn and how long they take:\n\n"
        f"{options.ABOUT_VERSIONS}\n\n"
        "`python -m fastbp` without a command is this one, with the same options.",
        "fastbp demo --epochs 10",
        "fastbp demo --dtype float64 --learning-rate 0.2",
    )
    number = options.of(int, 1)
    parser.add_argument(
        "--epochs", type=number, default=30, metavar="N", help="passes over the samples (default: %(default)s)"
    )
    parser.add_argument(
        "--learning-rate", type=float, default=LEARNING_RATE, metavar="ETA", help="eta of SGD (default: %(default)s)"
    )
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of all computation (default: %(default)s)")
    parser.add_argument(
        "--seed", type=options.of(int, 0), default=0, metavar="N",
        help="of the first weights and the orders (default: %(default)s)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(given):
    """Carries it out."""
    try:
        optimizer = SGD(validation.positive_number("--learning-rate", given.learning_rate, given.dtype))
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    demonstrate(digits_in_two(given.dtype), given.epochs, optimizer, given.dtype, given.seed)


def demonstrate(data, epochs, optimizer, dtype, seed):
    """Train all versions side by side and print what they do. (Predictions are made by the engine for all.)"""
    X, D, X_test, labels_test = data
    networks = {version: Network(SIZES, dtype=dtype, seed=seed) for version in VERSIONS}
    network = networks["matrix"]
    print(
        f"Handwritten digits: {len(X)} images to learn from, {len(X_test)} others to test on.\n"
        f"Network {'-'.join(map(str, SIZES))}, {network.activation} and {network.output}, {network.theta.size} "
        f"parameters in {dtype}; {optimizer}, batches of {BATCH}.\n"
    )
    print(options.ABOUT_VERSIONS)
    compile_versions(dtype)
    seconds = {version: [] for version in VERSIONS}
    print("\n      " + "".join(f"{version:31s}" for version in VERSIONS).rstrip())
    print("epoch" + "    loss   test right        ms  " * 2 + "    loss   test right        ms")
    for epoch in range(1, epochs + 1):
        line = f"{epoch:5d}"
        for version, network in networks.items():
            how = {"batch_size": BATCH, "optimizer": optimizer, "seed": seed + epoch, "version": version}
            try:
                history = train(network, X, D, epochs=1, **how)
            except Diverged as problem:  # in the only epoch of this call, which is not the first of the demonstration
                raise Diverged(epoch, optimizer, problem.history) from None
            right = (network.predict(X_test).argmax(axis=1) == labels_test).mean()
            seconds[version] += history.seconds
            line += f" {history.loss[0]:7.4f}       {right:6.1%}  {history.seconds[0] * 1e3:8.2f}  "
        print(line.rstrip(), flush=True)
    compare(networks, seconds)
    compare_with_differences(X, D, seed)


def compare(networks, seconds):
    """How far the versions have come apart, and how long an epoch took."""
    theta = {version: network.theta for version, network in networks.items()}
    loops, engine = (np.abs(theta[version] - theta["matrix"]).max() for version in ("loops", "engine"))
    median = {version: statistics.median(epochs) for version, epochs in seconds.items()}
    took = ", ".join(f"{version} {median[version] * 1e3:.2f} ms" for version in VERSIONS)
    ratios = [median["matrix"] / median[version] for version in ("loops", "engine")]
    print(
        f"\nParameters: those of loops and matrix are at most {loops:.1e} apart, those of engine and matrix "
        f"{engine:.1e}\n(the largest is {np.abs(theta['matrix']).max():.2f}).\n"
        f"Time of an epoch, the median of {len(seconds['matrix'])}: {took}.\n"
        f"The loops are {ratios[0]:.2f} times as fast as matrix, the engine is {ratios[1]:.2f} times as fast.\n"
        "(One run, beside whatever else runs here; `fastbp bench` measures with more care.)"
    )


def compile_versions(dtype):
    """Let Numba compile, or load from its cache, what is timed in the table."""
    network, X, D = Network(SIZES, dtype=dtype), np.zeros((BATCH, SIZES[0])), np.eye(SIZES[-1])[np.zeros(BATCH, int)]
    print("\nCompiled by the first run on a machine, loaded by later ones:", flush=True)
    with compiled("  loops"):
        train(network, X, D, epochs=1, version="loops")
    with compiled("  engine"):
        train(network, X, D, epochs=1)
        network.predict(X)
    train(network, X, D, epochs=1, version="matrix")  # not compiled, but its first time takes longer, too


@contextlib.contextmanager
def compiled(what):
    """Says what is compiled in the block, before and after."""
    print(f"{what} ...", end="", flush=True)
    begin = time.perf_counter()
    with notice.told_by(lambda message: None):  # it is told here
        yield
    print(f" {time.perf_counter() - begin:.1f} s", flush=True)


def compile_gradients():
    """By a network of a single weight: the differences of 2P errors take a while."""
    from fastbp.lecture import entries

    small = Network((1, 1), output="sigmoid", dtype="float64")
    one, weight = (np.ones(shape) for shape in ((1, 1), 1))
    for array in (one, weight):
        array.flags.writeable = False  # as of all data
    for kernel in (entries.gradient, entries.gradient_by_differences):
        scratch = scratch_for(small.layers, 1, small.dtype)
        kernel(small.theta, small.layers, (one, one, weight), np.arange(1), scratch, np.empty(2))


def compare_with_differences(X, D, seed):
    """Slide 12: the gradient is found analytically, and not by differences, to save time. How much? (In float64.)"""
    from fastbp.lecture import entries

    with compiled("\nSlide 12 in float64, compiled too:\n  gradients"):
        compile_gradients()
    network, rows = Network(SIZES, dtype="float64", seed=seed), np.arange(BATCH)
    X, D = (
        validation.real_matrix(name, array[:BATCH], array.shape[1], "float64") for name, array in (("X", X), ("D", D))
    )
    weight = validation.sample_weights(None, BATCH, "float64")
    found, seconds = {}, {}
    ways = ("analytic", entries.gradient, 50), ("differences", entries.gradient_by_differences, 1)
    for name, kernel, repeats in ways:
        found[name], scratch = np.empty_like(network.theta), scratch_for(network.layers, 1, network.dtype)
        laps = []
        for _ in range(repeats):
            begin = time.perf_counter()
            kernel(network.theta, network.layers, (X, D, weight), rows, scratch, found[name])
            laps.append(time.perf_counter() - begin)
        seconds[name] = statistics.median(laps)
    apart = np.abs(found["analytic"] - found["differences"]).max()
    print(
        f"One gradient of {BATCH} samples takes {seconds['analytic'] * 1e6:.0f} us analytically and "
        f"{seconds['differences'] * 1e3:.0f} ms by differences,\n"
        f"{seconds['differences'] / seconds['analytic']:.0f} times as long for {network.theta.size} parameters; "
        f"the two are at most {apart:.1e} apart."
    )
