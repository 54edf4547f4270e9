"""A sweep over sizes, rates and starts by a pool of processes, which a file keeps; and samples that come in blocks.

With `distributed.Client("scheduler:8786")` in place of the pool it runs on a cluster, without another change. If the
program is killed, the next run goes on where it was. The best network then sees all samples, which no array holds.
"""

import itertools
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

import fastbp

SIZES, RATES, STARTS = (4, 8, 16), (0.003, 0.01, 0.03), 4


def curve(X):
    """What is to be learnt."""
    return np.sin(3 * X[:, :1]) * X[:, 1:]


def samples(seed, n):
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 2))
    return X, curve(X)


def blocks():
    """Twenty blocks of a thousand samples, made anew for each epoch; in earnest they would be read from files."""
    return (samples(1 + block, 1000) for block in range(20))


def main(checkpoint=None, workers=2, epochs=100):
    """Sweep, then train on; the mean squared error of the best network before and after that."""
    X, D = samples(0, 600)
    choices = [*itertools.product(SIZES, RATES, range(STARTS))]
    networks = [fastbp.Network((2, size, size, 1), "tanh", "identity", seed=start) for size, _, start in choices]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = fastbp.train_many(
            networks, X, D, epochs=epochs, optimizer=[fastbp.Adam(rate) for _, rate, _ in choices],
            rows=np.arange(400), validation_rows=np.arange(400, 600), patience=20, executor=pool,
            checkpoint=checkpoint, resume=checkpoint is not None,
        )  # fmt: skip
    best = int(np.nanmin(done.validation_loss, axis=1).argmin())
    network, (X, D) = networks[best], samples(99, 1000)
    before = network.evaluate(X, D)
    fastbp.train(network, blocks=blocks, epochs=3, optimizer=fastbp.Adam(0.001))
    return before, network.evaluate(X, D)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        before, after = main(os.path.join(folder, "sweep.safetensors"))
    print(f"mean loss of the best network {before:.1e}, after blocks of new samples {after:.1e}")
