"""fastbp demo: the lecture at work on real handwritten digits."""

import argparse
import statistics
import time

import numpy as np

from fastbp import validation
from fastbp.cli import options
from fastbp.datasets import load_digits
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
        "train a network on handwritten digits twice, with index loops and with matrix products",
        "Trains a network on handwritten digits twice from the same start, with the engine's index loops and with its "
        "matrix products, and compares the two.",
        "fastbp demo --epochs 10",
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
        "--seed", type=options.of(int, 0), default=0, help="of the first weights and the orders (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(given):
    """Carries it out."""
    try:
        optimizer = SGD(validation.positive_number("--learning-rate", given.learning_rate, given.dtype))
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    demonstrate(digits(given.dtype), given.epochs, optimizer, given.dtype, given.seed)


def demonstrate(data, epochs, optimizer, dtype, seed):
    """Train both versions side by side and print what they do. (Predictions are made by the engine for both.)"""
    X, D, X_test, labels_test = data
    loops, matrix = (Network(SIZES, dtype=dtype, seed=seed) for _ in range(2))
    print(
        f"Handwritten digits: {len(X)} images to learn from, {len(X_test)} others to test on.\n"
        f"Network {'-'.join(map(str, SIZES))}, {loops.activation} and {loops.output}, {loops.theta.size} parameters in "
        f"{dtype}; {optimizer}, batches of {BATCH}.\n"
    )
    compile_engine(dtype)
    seconds = {"engine": 0.0, "matrix": 0.0}
    print("        index loops (Numba)             matrix products (NumPy)")
    print("epoch     loss   test right  seconds      loss   test right  seconds")
    for epoch in range(1, epochs + 1):
        line = f"{epoch:5d}"
        for version, network in (("engine", loops), ("matrix", matrix)):
            how = {"batch_size": BATCH, "optimizer": optimizer, "seed": seed + epoch, "version": version}
            try:
                history = train(network, X, D, epochs=1, **how)
            except Diverged as problem:  # in the only epoch of this call, which is not the first of the demonstration
                raise Diverged(epoch, optimizer, problem.history) from None
            right = (network.predict(X_test).argmax(axis=1) == labels_test).mean()
            seconds[version] += history.seconds[0]
            line += f"  {history.loss[0]:7.4f}     {right:6.1%}  {history.seconds[0]:8.5f}  "
        print(line.rstrip(), flush=True)
    apart, largest = np.abs(loops.theta - matrix.theta).max(), np.abs(matrix.theta).max()
    print(
        f"\nParameters of the two versions: at most {apart:.1e} apart (the largest is {largest:.2f}).\n"
        f"Time of {epochs} epochs: loops {seconds['engine'] * 1e3:.2f} ms, matrix {seconds['matrix'] * 1e3:.2f} ms, "
        f"ratio {seconds['matrix'] / seconds['engine']:.2f}."
    )
    compare_with_differences(X, D, seed)


def digits(dtype):
    """Every third image is held out; pixels lie about 0, between -2 and 2."""
    X, labels = load_digits()
    held_out = np.arange(len(X)) % 3 == 2
    X = (2 * (X - X[~held_out].mean(axis=0, dtype="float64"))).astype(dtype)
    return X[~held_out], np.eye(10, dtype=dtype)[labels[~held_out]], X[held_out], labels[held_out]


def compile_engine(dtype):
    """Let Numba compile, or load from its cache, what the table below times."""
    begin = time.perf_counter()
    network, X, D = Network(SIZES, dtype=dtype), np.zeros((BATCH, SIZES[0])), np.eye(SIZES[-1])[np.zeros(BATCH, int)]
    train(network, X, D, epochs=1)
    network.predict(X)
    print(f"Compiled the engine, or found it compiled before, in {time.perf_counter() - begin:.1f} s.\n", flush=True)


def compare_with_differences(X, D, seed):
    """Slide 12: the gradient is found analytically, and not by differences, to save time. How much? (In float64.)"""
    from fastbp.lecture import differences, loops  # here, because they import Numba

    network, rows = Network(SIZES, dtype="float64", seed=seed), np.arange(BATCH)
    X, D = (
        validation.real_matrix(name, array[:BATCH], array.shape[1], "float64") for name, array in (("X", X), ("D", D))
    )
    found, seconds = {}, {}
    for name, kernel, repeats in (("analytic", loops.gradient, 50), ("differences", differences.gradient, 1)):
        found[name], scratch = np.empty_like(network.theta), scratch_for(network.layers, 1, network.dtype)
        small = Network((1, 1), output="sigmoid", dtype="float64")  # to compile the kernel: 2P errors take a while
        one = validation.real_matrix("X", [[1.0]], 1, "float64")
        weight = validation.sample_weights(None, BATCH, "float64")
        kernel(small.theta, small.layers, (one, one, weight), rows[:1], scratch, np.empty(2))
        laps = []
        for _ in range(repeats):
            begin = time.perf_counter()
            kernel(network.theta, network.layers, (X, D, weight), rows, scratch, found[name])
            laps.append(time.perf_counter() - begin)
        seconds[name] = statistics.median(laps)
    apart = np.abs(found["analytic"] - found["differences"]).max()
    print(
        f"Slide 12: one gradient of {BATCH} samples takes {seconds['analytic'] * 1e6:.0f} us analytically and "
        f"{seconds['differences'] * 1e3:.0f} ms by differences,\n"
        f"{seconds['differences'] / seconds['analytic']:.0f} times as long for {network.theta.size} parameters; "
        f"the two are at most {apart:.1e} apart."
    )
