"""python -m benchmarks.spread: train 10,000 networks on the handwritten digits, and show how far they disagree.

Each network has its own start, its own bootstrap sample of the training images and its own order. Where the networks
disagree, their mean is wrong more often: that is what the spread of an ensemble is good for.
"""

import sys
import time

import numpy as np

import fastbp
from benchmarks import command, machine
from benchmarks.markdown import table

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


def lines(networks, X, labels):
    """Lines about single networks and their mean, and a table of the images."""
    Y = np.array([network.predict(X) for network in networks])
    single = (Y.argmax(axis=2) == labels).mean(axis=1)
    mean = Y.mean(axis=0)
    chosen = mean.argmax(axis=1)
    spread = Y[:, np.arange(len(X)), chosen].std(axis=0)
    least, most, middle = single.min(), single.max(), np.median(single)
    yield (
        f"Right on {len(X)} images: one network {least:.1%} to {most:.1%}, median {middle:.1%}; the mean of all "
        f"{len(networks):,} networks {(chosen == labels).mean():.1%}."
    )
    parts = np.array_split(np.argsort(spread), PARTS)
    body = [
        [f"{i + 1}", f"{spread[part].min():.3f} to {spread[part].max():.3f}", f"{(chosen != labels)[part].mean():.1%}"]
        for i, part in enumerate(parts)
    ]
    yield table(["fifth of the images", "standard deviation of the probability", "mean is wrong"], body)


def render(number, epochs):
    """Markdown of a whole run."""
    networks, X, labels, seconds = trained(number, epochs)
    told = f"{number:,} networks of 64-{HIDDEN}-10, {epochs} epochs of {TRAINED} images: {seconds:.1f} s"
    return "\n\n".join([f"{machine.line()} {told}.", *lines(networks, X, labels)])


def main(arguments=None):
    about = "Train 10,000 networks on the handwritten digits, and show where they disagree. About a minute."
    parser = command.parser("spread", about)
    parser.add_argument("--networks", type=int, default=10_000, metavar="N", help="default: 10000")
    parser.add_argument("--epochs", type=int, default=EPOCHS, metavar="N", help=f"default: {EPOCHS}")
    options = command.parse(parser, arguments)
    if options.networks < 1 or options.epochs < 0:
        parser.error("--networks must be at least 1 and --epochs at least 0")
    return command.run("spread", lambda: render(options.networks, options.epochs), options.write)


if __name__ == "__main__":
    sys.exit(main())
