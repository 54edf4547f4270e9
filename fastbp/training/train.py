"""`train`: one network, until its epochs are over or something ends them before."""

import time

import numpy as np

from fastbp import caller, validation
from fastbp.lecture import codes
from fastbp.network import Network
from fastbp.optimizers import SGD
from fastbp.second_order import LBFGS, GaussNewton
from fastbp.threads.cores import trainings
from fastbp.training import progress as display
from fastbp.training.configuration import TrainingConfiguration, warn_of_rows_in_both
from fastbp.training.diagnosis import advice
from fastbp.training.label_smoothing import smoothed
from fastbp.training.lbfgs import Minimiser
from fastbp.training.loop import Ended, Loop
from fastbp.training.row_sampler import RowSampler
from fastbp.training.runner import VERSIONS
from fastbp.training.task import NetworkTraining
from fastbp.validation import NOT_NEGATIVE, real_number

SILENT = type(None), display.Silent  # to whom nothing is shown


def train(
    network, X=None, D=None, *, blocks=None, epochs=10, batch_size=32, optimizer=SGD(0.1), l1=0.0, l2=0.0,
    max_norm=None, clip_norm=None, dropout=0.0, label_smoothing=0.0, rate_factors=None, diagonal=None,
    sample_weight=None, shuffle=True, seed=0, rows=None, validation_rows=None, validation_data=None, patience=None,
    min_delta=0.0, threads=None, version="engine", time_limit=None, callbacks=None, progress=False, checkpoint=None,
    checkpoint_every=30.0, resume=False,
):  # fmt: skip
    """Train a network in place.

    Parameters
    ----------
    network : Network
    X : array-like of real numbers, shape (N, network.sizes[0])
        Samples. A matrix of the network's dtype in C order is used where it lies (a memory map too), any other is
        copied once.
    D : array-like of real numbers, shape (N, network.sizes[-1]) or (N,)
        Teacher signal. For softmax each row sums to 1, or D is a vector of class labels 0, 1, ...; for softmax and
        sigmoid it lies in 0..1; for the Poisson loss it is at least 0. For a single output it may be a vector.
    blocks : callable or None
        In place of X and D, for samples that do not fit into memory: a function without arguments, called once an
        epoch, which returns an iterable of tuples (X, D) or (X, D, sample_weight): arrays as above, with any number of
        rows, best with thousands; from `pyarrow.parquet.ParquetFile(path).iter_batches()`, for example. A thread calls
        it, and makes and checks the next block while this one is trained with, if there is a second core. So a block
        must not change any more (no buffer that the next one is written into), and three are in memory at most, besides
        what the function itself holds.

        Mini-batches go on from one block into the next: with `shuffle=False` it does not matter where rows are cut into
        blocks, and the parameters have the bits of a training on the same rows as X and D. With `shuffle=True` the rows
        of each block are shuffled; the order of the blocks is that of the function. Rates of schedules must not depend
        on the number of all steps, so `CosineDecay`, `LogCosine` and `OneCycle` need their own `steps`.
    epochs : int
        Passes over all samples, at least 0; at most 2**53 steps in all.
    batch_size : int
        Samples a step, at least 1. The last batch of an epoch may be smaller.
    optimizer : Optimizer or str
        The update rule with its learning rate, a number or a schedule; or "sgd", "adam", "adamw", "rmsprop", "rprop" or
        "lbfgs" for one with its defaults. Its memory starts at 0 with each call. `Rprop`, `LBFGS`,
        `LevenbergMarquardt` and `BayesianRegularization` take all samples in each step, whatever `batch_size` and
        `shuffle` say; one thread sets up the equations of the last two.
    l1, l2 : float
        Penalties l1 sum |w| + l2/2 sum w^2 on the weights (not the biases) of each step. `History.loss` is without.
    max_norm : float or None
        After each step the weights that lead to a unit are scaled down to this norm, if theirs is larger.
    clip_norm : float or None
        The gradient of a step is scaled down to this norm, if its own is larger.
    dropout : float
        Probability, 0 or more and below 1, that a hidden unit is left out of a step; what stays is scaled up.
    label_smoothing : float
        How much of each target is shared by all K classes, 0 or more and below 1: the training takes
        (1 - s) d + s / K for d. For softmax outputs, and for a single sigmoid, where K is 2. `History.loss` is that of
        such targets; the validation loss is that of D as it is.
    rate_factors : array-like of shape (len(network.sizes) - 1, 2), or None
        How many times the learning rate the weights and the biases of each layer learn with; 0: they stay, but for
        `max_norm`. None: 1.
    diagonal : float or None
        Train a factor f_i of each input, too, u_j = sum_i w_ji f_i x_i + b_j, which begins at 1 and learns with so many
        times the learning rate [1]_. Afterwards the network's weights are w_ji f_i, and each call begins anew.
    sample_weight : array-like of shape (N,), or None
        Weights of the samples, at least 0: weight k gives the gradient of k copies, weight 0 that of none. Those of
        blocks stand in them.
    shuffle : bool
        Draw a new order of the samples for each epoch.
    seed : int
        Seed of these orders and of dropout. The same seed gives the same bits, whatever the number of threads.
    rows : array-like of int, or None
        Rows of X to train with, for folds and bootstrap samples: a row may come several times. None: all.
    validation_rows : array-like of int, or None
        Rows of X whose mean loss is taken after each epoch. They are trained with, too, unless `rows` leaves
        them out; then there is a warning.
    validation_data : tuple (X, D) or (X, D, sample_weight), or None
        With blocks, in place of `validation_rows`: arrays as above, whose mean loss is taken after each epoch.
    patience : int or None
        Stop when the mean loss of the validation (without one: that of the training) has not fallen below its
        best by more than `min_delta` for so many epochs, 1 to 2**53; the network gets the parameters of the best epoch.
    min_delta : float
        At least 0.
    threads : int or None
        The most threads that share an epoch, which takes as many as are cheapest at the moment; None: as many as pay.
        Never more than the cores it may use: by affinity, CPU quota, OMP_NUM_THREADS, NUMBA_NUM_THREADS, joblib, Dask.
    version : {"engine", "tiles", "loops", "matrix"}
        "engine" takes the fastest way: "tiles" (register tiles over a mini-batch), "loops" (the lecture's index loops,
        a sample at a time), or tiles of units for mini-batches of few samples; "matrix" is the lecture as matrix
        products by NumPy, which serves as their check.
    time_limit : float or None
        Seconds, positive, after which the training ends with its last whole epoch, or its best. The first epoch is
        always completed.
    callbacks : callable, sequence of callable, or None
        Called with a `TrainingState` after each epoch; what returns something true ends the training.
    progress : bool or callable
        True: a bar by tqdm, or lines where it is not installed. A callable is called as `progress(done, total,
        seconds)` after each epoch.
    checkpoint : str, path-like or None
        A file from which the training can go on if its process is killed: with the same bits as if nothing had been.
        `fastbp.load` reads the network from it. The file of a training that is not done is not overwritten. Not for
        `LBFGS`.
    checkpoint_every : float
        Seconds between two checkpoints, which are written after an epoch; 0: after each. The last epoch has one, too.
    resume : bool
        Go on from the checkpoint, if there is one; all other arguments must be the same, but `epochs` may be more where
        the learning rate is a number, and `threads`, `checkpoint_every`, `time_limit`, `callbacks`, `progress` and the
        network's parameters do not matter. What blocks hold is not compared: for the same bits it must be the same.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected. The network is as it was. What is wrong with a block is
        told with its number when it comes, and what the function raises is raised: the network then has the parameters
        of the last whole epoch (or the best, with patience).
    Diverged
        If the loss or a parameter is no longer finite. The network has the parameters of the last finite epoch.
    ModelFileError, OSError
        If the checkpoint is damaged, or cannot be written before the training. The network is as it was.
    CheckpointError
        If the training is done, but its last checkpoint could not be written. (If one on the way cannot be written,
        there is a RuntimeWarning.)
    KeyboardInterrupt
        By Ctrl-C in the first epoch. The network is as it was.

    Warns
    -----
    RuntimeWarning
        By Ctrl-C later: the training ends there, and what has been learnt is returned. If rows are trained and
        validated with. If the network has learnt nothing, and X is so far from -1..1 that this is why.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart: Better by default: strong pre-tuned MLPs and boosted trees on
       tabular data. NeurIPS 2024, section 3.

    Examples
    --------
    >>> import fastbp
    >>> xor = fastbp.Network((2, 8, 2), seed=1)
    >>> X, labels = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> history = fastbp.train(xor, X, labels, epochs=500, batch_size=4, optimizer=fastbp.SGD(0.5))
    >>> xor.predict(X).argmax(axis=1)
    array([0, 1, 1, 0])

    In blocks, here of rows that a generator makes:

    >>> import numpy as np
    >>> def blocks():
    ...     rng = np.random.default_rng(0)
    ...     for _ in range(10):
    ...         X = rng.uniform(-1, 1, (1000, 2))
    ...         yield X, X[:, 0] * X[:, 1]
    >>> product = fastbp.Network((2, 16, 1), "tanh", "identity", seed=1)
    >>> history = fastbp.train(product, blocks=blocks, epochs=20, optimizer="adam")
    >>> product.predict([[0.8, 0.5], [-0.8, 0.5]]).round(1)
    array([[ 0.4],
           [-0.4]], dtype=float32)
    """
    validation.trainable("network", validation.instance("network", network, Network))
    given = {"X": X, "D": D, "sample_weight": sample_weight, "rows": rows, "validation_rows": validation_rows}
    data = _data(network, blocks, validation_data, given)
    options = {
        "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, "l1": l1, "l2": l2, "max_norm": max_norm,
        "clip_norm": clip_norm, "dropout": dropout, "label_smoothing": label_smoothing, "rate_factors": rate_factors,
        "diagonal": diagonal, "shuffle": shuffle, "seed": seed, "rows": rows, "validation_rows": validation_rows,
        "patience": patience, "min_delta": min_delta, "callbacks": callbacks,
    }  # fmt: skip
    how = data.configuration(options)
    version = validation.choice("version", version, VERSIONS)
    if how.settings[codes.DROPOUT] and version in ("loops", "matrix"):
        raise ValueError(f"dropout must be 0 for version={version!r}, got {dropout}: only the engine's tiles have it")
    threads, time_limit = validation.threads(threads), validation.time_limit(time_limit)
    progress = display.checked(progress)
    checkpointer = None
    if checkpoint is not None and isinstance(how.optimizer, LBFGS):
        raise ValueError(
            "checkpoint must be None for optimizer LBFGS, because SciPy keeps to itself what the iterations remember, "
            f"got {validation.shown(checkpoint)}"
        )
    if checkpoint is not None:
        from fastbp.training.checkpoints import Checkpointer, dependencies  # here: few trainings need them

        every = real_number("checkpoint_every", checkpoint_every, *NOT_NEGATIVE)
        depends_on = dependencies(how, data.told_apart_by(how), version)
        resume, path = validation.flag("resume", resume), validation.path("checkpoint", checkpoint)
        checkpointer = Checkpointer(path, every, resume, how, depends_on)
    elif validation.flag("resume", resume):
        raise ValueError("resume needs a checkpoint, got checkpoint=None")
    warn_of_rows_in_both(how)
    task = data.task(how, version)
    with display.display(progress, how.epochs, "epoch") as shown:
        if isinstance(how.optimizer, GaussNewton):
            from fastbp.training.least_squares import cost

            shown.say(cost(network, len(how.rows)))
        history = train_alone(task, threads, version, checkpointer, shown=shown, time_limit=time_limit)
    told = data.advice(history, how)
    if told:
        caller.warn(told)
    return history


def _data(network, blocks, validation_data, given):
    """What the network is trained with, checked: one of two."""
    if blocks is not None:
        from fastbp.training.block_training import BlockData  # here: few trainings need it

        return BlockData(network, blocks, validation_data, given)
    for name in ("X", "D"):
        if given[name] is None:
            raise TypeError(f"{name} must be an array, got None: train needs X and D, or blocks in place of both")
    if validation_data is not None:
        raise ValueError("validation_data is for blocks: append it to X and D, and give its rows as validation_rows")
    return ArrayData(network, given["X"], given["D"], given["sample_weight"])


class ArrayData:
    """What `train` asks of its data, for arrays."""

    def __init__(self, network, X, D, sample_weight):
        self._network = network
        self._X = validation.real_matrix("X", X, network.sizes[0], network.dtype)
        self._D = validation.targets(D, len(self._X), network.output, network.loss, network.sizes[-1], network.dtype)
        self._weight = validation.sample_weights(sample_weight, len(self._X), network.dtype)

    def configuration(self, options):
        return TrainingConfiguration(self._network, options, self._weight, len(self._X))

    def told_apart_by(self, how):
        """Digests of all arrays, by their names, for a checkpoint."""
        from fastbp.files.digest import digest  # here: few trainings need it

        arrays = {"X": self._X, "D": self._D, "sample_weight": self._weight, "rows": how.rows}
        validated = "none" if how.validation_rows is None else digest([how.validation_rows])
        return {name: digest([array]) for name, array in arrays.items()} | {"validation_rows": validated}

    def task(self, how, version):
        self._targets = smoothed(self._D, how.label_smoothing)
        return task_of(how, self._X, self._targets, self._weight, version, unsmoothed=self._D)

    def advice(self, history, how):
        """What to tell the user of the training, or None."""
        return advice(history, self._network, self._X, self._targets, self._weight, how.rows)


class Training(NetworkTraining):
    """What the loop asks of the training of one network on arrays."""

    def __init__(self, how, X, D, weight, index=0, unsmoothed=None):
        validated = X, D if unsmoothed is None else unsmoothed, weight
        super().__init__(how, RowSampler(how.rows, how.shuffle, how.seed), validated, index)
        self._data, self._report = (X, D, weight), np.empty((how.steps, codes.REPORTED))

    def train(self, between):
        epoch = self.epoch + 1
        order, rates = self.sampler.order(epoch), self.how.rates(epoch)
        return self.finite(
            self.runner.run(*self._data, order, rates, self.epoch * self.how.steps, self._report, between)
        )


class Iterations(Training):
    """The same by L-BFGS, of which an epoch is an iteration: SciPy makes the loop."""

    def __init__(self, how, *more):
        super().__init__(how, *more)
        self.settings = how.settings.copy()
        self.settings[codes.L2] = 0  # which the minimiser adds

    def all_epochs(self, between, after):
        """All iterations."""
        how, begin = self.how, time.perf_counter()
        arguments = self.theta, how.layers, self._data, how.rows, len(how.rows), self.runner, how.settings[codes.L2]
        minimiser = Minimiser(how.optimizer, *arguments)

        def ends(error, penalty):
            nonlocal begin
            self.finite(error + penalty)
            ended = after(float(error), begin)
            begin = time.perf_counter()
            return ended

        found = minimiser.run(self.epochs, between, ends)
        if found is not None:
            self.finite(found.fun)
            raise Ended  # by one of the rule's limits


def task_of(how, X, D, weight, version="engine", index=0, unsmoothed=None):
    """The training of one network, number `index` of many, on arrays.

    Rows are validated with the targets `unsmoothed`, which are D by default.
    """
    if isinstance(how.optimizer, GaussNewton):
        from fastbp.training.least_squares import LeastSquares  # here: few trainings need them

        return LeastSquares(how, X, D, weight, index, version)
    kind = Iterations if isinstance(how.optimizer, LBFGS) else Training
    return kind(how, X, D, weight, index, unsmoothed)


def _nobody_looks(how, checkpointer, time_limit=None, shown=None, **_):
    """Whether it is the same for all if several steps of second order are made at once."""
    looks = how.callbacks or checkpointer or time_limit or how.patience is not None or how.validation_rows is not None
    return not looks and type(shown) in SILENT


def train_alone(task, threads=None, version="engine", checkpointer=None, **of_loop):
    """Train; the history. What remains are options of the Loop."""
    how = task.how
    is_second_order = isinstance(how.optimizer, GaussNewton)
    if is_second_order and _nobody_looks(how, checkpointer, **of_loop):
        of_loop["blocks"] = task.steps
    with trainings if is_second_order else task.make_runner(version, threads):
        loop = Loop(task, how.callbacks, checkpointer=checkpointer, all_epochs=task.all_epochs, **of_loop)
        if checkpointer:
            checkpointer.begin(loop)
        try:
            loop.run()
        finally:
            np.copyto(how.theta, task.theta, casting="same_kind")  # which may be more precise
    task.history.outcome = loop.outcome
    if checkpointer:
        checkpointer.close(loop)
    return task.history
