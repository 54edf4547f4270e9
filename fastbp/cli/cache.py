"""fastbp cache: what is kept of compiled kernels, to see it, to remove it, and to make it before it is needed."""

import os

import numpy as np

import fastbp
from fastbp.cli import demo, options
from fastbp.compiler import cache, folders, processor, shipped, targets


def add(commands):
    """The command and its options."""
    parser = options.command(
        commands,
        "cache",
        "show, remove or make the compiled kernels that are kept",
        "Shows the compiled kernels that came with fastbp, and those in the user's folder. What\n"
        "did not come with it for this processor is compiled when it is first used, which takes\n"
        "some seconds, and kept in that folder for all later processes. With --build all that\n"
        "trainings use is compiled at once, some minutes: for an image of a container, say.\n"
        "The folder is that of the user's cache, or fastbp-kernels in $NUMBA_CACHE_DIR.",
        "fastbp cache",
        "fastbp cache --build",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--build", action="store_true", help="compile all kernels that are not there, for float32 and float64"
    )
    what.add_argument("--clear", action="store_true", help="remove all that is kept, of all versions of fastbp")
    parser.set_defaults(run=run)


def run(given):
    """Carries it out."""
    if given.clear:
        before = _size_of_all()
        folders.forget(folders.generations())
        left = _size_of_all()
        print(f"{folders.root()}: removed {before - left:,} bytes" + (f", {left:,} are left" if left else ""))
        return
    if given.build:
        for dtype in ("float32", "float64"):
            compile_all(dtype, lambda what, dtype=dtype: options.say(f"compiling for {dtype}: {what}"))
    print("\n".join([*_lines_of_shipped(), *_lines_of_kept()]))


def _size_of_all():
    return sum(size for folder in folders.generations() for _, size in folders.kernels(folder))


def _lines_of_shipped():
    """What came with the package, and whether this process takes it."""
    target = targets.fitting()
    for name, (number, size) in shipped.counts().items():
        here = ", which this process uses" if target and target.name == name else ""
        yield f"with fastbp: {number} kernels for {name}, {size:,} bytes{here}"


def _lines_of_kept():
    """The folder, how much is in it, and the kernels that this process would take from it."""
    every = [file for folder in folders.generations() for file in folders.kernels(folder)]
    mine = folders.kernels(os.path.join(folders.root(), cache.content_key()))
    name, _ = processor.name_and_features()
    found = [header for file, _ in mine if (header := cache.header_for_this_machine(file))]
    yield f"{folders.root()}: {len(every)} kernels, {sum(size for _, size in every):,} bytes"
    yield f"{len(found)} of them for this version on this processor ({name})"
    counts = {}
    for header in found:
        short = header["kernel"].removeprefix("fastbp.")
        counts[short] = counts.get(short, 0) + 1
    for short, count in sorted(counts.items()):
        yield f"  {short}" + (f", for {count} kinds of arrays" if count > 1 else "")


def compile_all(dtype, say=lambda what: None):
    """Have everything compiled, or taken from the cache, that trainings and predictions in this dtype use.

    `say` is called with what comes next.
    """
    from fastbp.engine import entries, team, workspace  # here: to look and to clear take none

    rows = 40
    X = np.linspace(-1, 1, rows * 5, dtype=dtype).reshape(rows, 5)
    D = np.eye(3, dtype=dtype)[np.arange(rows) % 3]
    for version, batch_size, what in (("loops", 32, "loops"), ("tiles", 32, "tiles"), ("engine", 3, "few samples")):
        say(what)
        network = fastbp.Network((5, 4, 3), dtype=dtype)
        how = {"epochs": 1, "batch_size": batch_size, "version": version}
        fastbp.train(network, X, D, rows=range(30), validation_rows=range(30, rows), **how)
    theta, layers = network.theta.copy(), network.layers
    places, spare = workspace.plan(layers, rows, theta.dtype, 1, rows_of_x=True)
    entries.set_order(theta, layers, np.zeros((1, theta.size), theta.dtype), places, spare, np.zeros(1, np.int64), 0)
    say("predictions and gradients")
    for n in (1, rows):  # loops, tiles
        network.predict(X[:n])
        network.evaluate(X[:n], D[:n])
    network.gradient(X, D)
    demo.compile_gradients()
    say("sparse samples")
    _compile_sparse(dtype, X, D)
    for batch_size in (1, 8):
        say(f"many networks, mini-batches of {batch_size}")
        networks = [fastbp.Network((5, 4, 3), dtype=dtype, seed=seed) for seed in range(2)]
        fastbp.train_many(
            networks, X, D, epochs=1, batch_size=batch_size, rows=range(30), validation_rows=range(30, rows), patience=1
        )
    say("derivatives and steps of second order")
    _compile_derivatives(dtype, X)
    say("a sample at a time")
    for learner, target in ((fastbp.OnlineClassifier(dtype=dtype), "a"), (fastbp.OnlineRegressor(dtype=dtype), 1.0)):
        learner.learn_one({"a": 1.0}, target)
        learner.predict_one({"a": 1.0})
    say("epochs of estimators")
    _compile_several(fastbp.Network((5, 4, 3), dtype=dtype), X, D)
    team.patience()
    keys, one = np.zeros((1, 624), np.uint32), np.zeros(1, np.int64)
    orders, rows = np.zeros((1, 2), np.int64), np.zeros((1, 2, 1), np.int64)
    entries.draw_orders(keys, one, np.zeros(1, bool), orders, one, rows)


def _compile_derivatives(dtype, X):
    """What a network is asked for besides its training."""
    import fastbp

    network, D = fastbp.Network((X.shape[1], 4, 1), "tanh", "identity", dtype), X[:, :1]
    network.jacobian(X), network.parameter_jacobian(X), network.input_gradient(X, D)
    network.hessian_product(X, D, network.theta)
    for version in ("engine", "loops") if dtype == "float64" else ():  # in which they are computed
        fastbp.train(network, X, D, epochs=1, optimizer=fastbp.LevenbergMarquardt(), version=version)


def _compile_sparse(dtype, X, D):
    """What the estimators take for sparse X."""
    from fastbp.engine import evaluation
    from fastbp.lecture import codes
    from fastbp.training.sparse_runner import SparseRunner

    network, (rows, inputs) = fastbp.Network((X.shape[1], 4, 3), dtype=dtype), X.shape
    stored = np.arange(0, X.size + 1, inputs), np.tile(np.arange(inputs, dtype=np.int32), rows), X.ravel()
    settings, moments = np.zeros(codes.SETTINGS), np.empty((0, network.theta.size), dtype)
    with SparseRunner(network.theta, network.layers, rows, settings, moments, 1, X.size, True) as runner:
        report = np.empty((1, codes.REPORTED))
        runner.run(stored, D, np.ones(rows, dtype), np.arange(rows), np.zeros(1), 0, report)
    evaluation.sparse_outputs(network.theta, network.layers, stored)


def _compile_several(network, X, D):
    """Several epochs in one call, as scikit-learn's classes have them; without scikit-learn."""
    from fastbp.engine.tiles import notes
    from fastbp.lecture.codes import REPORTED
    from fastbp.optimizers import SGD, settings_of
    from fastbp.training.runner import EpochRunner

    X, D, weight = (np.array(array) for array in (X, D, np.ones(len(X), X.dtype)))
    rates, report, key = np.zeros(1), np.empty((1, REPORTED)), np.zeros(624, np.uint32)
    rule, counts, kept = np.zeros(notes.RULE), np.zeros(notes.COUNTS, np.int64), np.empty_like(network.theta)
    moments = np.empty((0, network.theta.size), network.dtype)
    with EpochRunner(network.theta, network.layers, len(X), settings_of(SGD(0.1)), moments, "tiles", 1) as runner:
        order = np.arange(len(X))
        runner.run_several(
            X, D, weight, order, rates, 0, report, (key, False), rule, counts, kept, np.empty(1)
        )  # fmt: skip
