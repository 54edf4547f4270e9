"""fastbp itself, and its matrix version, which is how one writes backpropagation in NumPy."""

import fastbp
from benchmarks.peers.problem import Trainer


def prepare_fastbp(problem, cores):
    """On all cores the engine chooses by itself how many it uses: that is what a user gets, so that is judged."""
    return prepare_threads(problem, 1) if cores == 1 else _prepare(problem, version="engine")


def prepare_threads(problem, cores):
    """As many threads as there are cores, worth it or not."""
    return _prepare(problem, version="engine", threads=cores)


def prepare_numpy(problem, cores):
    """How many threads BLAS has was said in the environment of this process."""
    return _prepare(problem, version="matrix")


def _prepare(problem, **options):
    row, network = problem.row, problem.network()
    start = network.theta.copy()
    rule = {"SGD": fastbp.SGD, "Adam": fastbp.Adam}[row.rule](row.rate)

    def reset():
        network.theta[...] = start

    def run(epochs):
        fastbp.train(
            network, problem.X, problem.D, epochs=epochs, batch_size=row.batch, optimizer=rule, shuffle=False, **options
        )

    def parameters():
        return [array.copy() for pair in zip(network.W, network.B, strict=True) for array in pair]

    return Trainer(reset, run, parameters)
