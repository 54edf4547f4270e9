"""python -m benchmarks.spread: train 10,000 networks on the handwritten digits, and show how far they disagree.

Each network has its own start, its own bootstrap sample of the training images and its own order. Where the networks
disagree, their mean is wrong more often: that is what the spread of an ensemble is good for.
"""

import argparse
import sys
import time

import numpy as np

import fastbp
from benchmarks.tables import table

TRAINED, HIDDEN, EPOCHS, PARTS = 1198, 8, 10, 5


def trained(n, epochs):
    """The networks, the images and labels that none of them has seen, and the seconds of the training."""
    X, labels = fastbp.load_digits()
    rng = np.random.default_rng(0)
    networks = [fastbp.Network((64, HIDDEN, 10), seed=seed) for seed in range(n)]
    rows = [rng.integers(0, TRAINED, TRAINED) for _ in networks]
    begin = time.perf_counter()
    fastbp.train_many(
        networks, X[:TRAINED], np.eye(10)[labels[:TRAINED]], epochs=epochs, optimizer=fastbp.SGD(0.2), rows=rows,
        seed=range(n), progress=sys.stderr.isatty(),
    )  # fmt: skip
    return networks, X[TRAINED:], labels[TRAINED:], time.perf_counter() - begin


def report(networks, X, labels):
    """Lines about single networks, their mean, and the images from those on which they agree most."""
    Y = np.array([network.predict(X) for network in networks])
    single = (Y.argmax(axis=2) == labels).mean(axis=1)
    mean = Y.mean(axis=0)
    chosen = mean.argmax(axis=1)
    spread = Y[:, np.arange(len(X)), chosen].std(axis=0)
    least, most, middle = single.min(), single.max(), np.median(single)
    yield f"right on {len(X)} images: one network {least:.1%} to {most:.1%}, median {middle:.1%}"
    yield f"the mean of {len(networks):,} networks: {(chosen == labels).mean():.1%}\n"
    parts = np.array_split(np.argsort(spread), PARTS)
    body = [
        [f"{i + 1}", f"{spread[part].min():.3f} to {spread[part].max():.3f}", f"{(chosen != labels)[part].mean():.1%}"]
        for i, part in enumerate(parts)
    ]
    yield table(["fifth of the images", "standard deviation of the probability", "mean is wrong"], body, left=(0,))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--networks", type=int, default=10_000, metavar="N", help="default: 10000")
    parser.add_argument("--epochs", type=int, default=EPOCHS, metavar="N", help=f"default: {EPOCHS}")
    options = parser.parse_args(arguments)
    if options.networks < 1 or options.epochs < 0:
        parser.error("--networks must be at least 1 and --epochs at least 0")
    networks, X, labels, seconds = trained(options.networks, options.epochs)
    print(f"{len(networks):,} networks of 64-{HIDDEN}-10, {options.epochs} epochs of {TRAINED} images: {seconds:.1f} s")
    for line in report(networks, X, labels):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
