"""What `benchmarks.load` trains, in the process that trains."""

import threading
import time

import numpy as np

from benchmarks.process import all_cores

DEFAULT, ONE, ALL = "default", "one thread", "all cores"
LAP = 0.6  # seconds of a lap by one thread on a quiet machine
SHAPES = {"64-64-10": 1024, "300-400-10": 200, "784-128-10": 128, "784-1024-10": 256}  # and their mini-batches
MANY, OUTPUTS = "train_many, 2,000 x 10-32-1", "predict, 100,000 x 64-100-10"


class Random:
    """Slices of some mini-batches, with random numbers of threads."""

    def __init__(self, rng, most):
        self.rng, self.best = rng, most

    def of(self, batches):
        done = 0
        while done < batches:
            part = slice(done, min(batches, done + int(self.rng.integers(1, 5))))
            yield part, int(self.rng.integers(1, self.best + 1))
            done = part.stop


class Trainer:
    """The work of one row: `lap` does it once with a choice of threads."""

    def __init__(self, row):
        import fastbp
        from fastbp.engine import evaluation
        from fastbp.threads import slices
        from fastbp.training import runner as epochs

        self.fastbp, self.modules, self.slices, self.row = fastbp, (epochs, evaluation), slices, row
        rng = np.random.default_rng(0)
        if row == OUTPUTS:
            self.network, self.X = fastbp.Network((64, 100, 10)), rng.standard_normal((100_000, 64), np.float32)
        elif row == MANY:
            self.X = rng.standard_normal((512, 10), np.float32)
            self.D = np.sin(self.X.sum(axis=1, keepdims=True))
        else:
            self.sizes, self.batch = tuple(map(int, row.split("-"))), SHAPES[row]
            samples = self.batch * max(1, 6400 // self.batch)
            self.X = rng.standard_normal((samples, self.sizes[0]), np.float32)
            self.D = np.eye(10, dtype=np.float32)[rng.integers(0, 10, samples)]
        self.times = 1
        self.lap(ONE), self.lap(ALL), self.lap(DEFAULT)  # compiles
        self.times = max(1, round(LAP / min(self.lap(ONE)[0] for _ in range(3))))

    def lap(self, how):
        """Seconds, and a digest of what came of it."""
        cores = {ONE: 1, ALL: len(all_cores()), DEFAULT: None}[how]
        for module in self.modules:
            module.Slices = self.slices.Slices if cores is None else lambda *about: self.slices.Whole(cores)
        networks = self.networks()
        begin = time.perf_counter()
        result = self.work(networks, cores)
        return time.perf_counter() - begin, hash(result)

    def networks(self):
        """Fresh ones."""
        if self.row == MANY:
            return [self.fastbp.Network((10, 32, 1), "tanh", "identity", seed=i) for i in range(2000)]
        return [self.network if self.row == OUTPUTS else self.fastbp.Network(self.sizes)]

    def work(self, networks, cores):
        """What is timed; the bits that come of it."""
        if self.row == OUTPUTS:
            return [self.network.predict(self.X) for _ in range(self.times)][-1].tobytes()
        how = {"epochs": self.times, "threads": cores}
        if self.row == MANY:
            self.fastbp.train_many(networks, self.X, self.D, optimizer=self.fastbp.Adam(0.001), **how)
        else:
            how |= {"batch_size": self.batch, "optimizer": self.fastbp.SGD(0.01)}
            self.fastbp.train(*networks, self.X, self.D, **how)
        return b"".join(network.theta.tobytes() for network in networks)

    def at_once(self, number):
        """Seconds of so many trainings, each in a Python thread of its own."""
        for module in self.modules:
            module.Slices = self.slices.Slices
        threads = [threading.Thread(target=self.work, args=(self.networks(), None)) for _ in range(number)]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begin


class Lot:
    """Trainings of random networks with random limits of threads, on a machine that seems to have eight cores."""

    def __init__(self, seed):
        from fastbp.engine import heuristics
        from fastbp.threads.cores import trainings
        from fastbp.training import runner as epochs

        heuristics.usable_cores = trainings.cores_of_each = lambda: 8
        self.seed, self.epochs, self.slices = seed, epochs, epochs.Slices

    def training(self, number):
        """Whether a training with many threads comes to the bits of one with one thread."""
        import fastbp

        rng = np.random.default_rng([self.seed, number])
        sizes = [int(n) for n in np.exp(rng.uniform(0, np.log(200), rng.integers(2, 5)))]
        samples, batch = int(rng.integers(1, 400)), int(np.exp(rng.uniform(0, np.log(400))))
        X, D = rng.standard_normal((samples, sizes[0])), rng.standard_normal((samples, sizes[-1]))
        rule = [fastbp.SGD(0.001), fastbp.SGD(0.001, 0.9), fastbp.Adam(0.001)][number % 3]
        how = {"batch_size": batch, "epochs": int(rng.integers(1, 6)), "optimizer": rule, "version": "tiles"}
        found, most = set(), int(rng.integers(2, 9))
        ways = (1, self.slices), (most, self.slices), (most, lambda most, flops: Random(rng, most))
        for threads, self.epochs.Slices in ways:
            network, ended = fastbp.Network(sizes, output="identity", seed=number), None
            try:
                fastbp.train(network, X, D, threads=threads, **how)
            except fastbp.Diverged as problem:
                ended = problem.epoch
            found.add((network.theta.tobytes(), ended))
        return len(found) == 1
