"""`train`: one network, until its epochs are over or something ends them before."""

import contextlib

import numpy as np

from fastbp import caller, validation
from fastbp.lecture import codes
from fastbp.network import Network
from fastbp.optimizers import SGD
from fastbp.second_order import SecondOrder
from fastbp.threads.cores import trainings
from fastbp.training import progress as display
from fastbp.training.configuration import TrainingConfiguration, warn_of_rows_in_both
from fastbp.training.diagnosis import advice
from fastbp.training.early_stopping import EarlyStopping
from fastbp.training.history import Diverged, History
from fastbp.training.label_smoothing import smoothed
from fastbp.training.loop import Loop
from fastbp.training.row_sampler import RowSampler
from fastbp.training.runner import VERSIONS, EpochRunner, shape_of_moments
from fastbp.validation import NOT_NEGATIVE, real_number

SILENT = type(None), display.Silent  # to whom nothing is shown


def train(
    network, X, D, *, epochs=10, batch_size=32, optimizer=SGD(0.1), l1=0.0, l2=0.0, max_norm=None, clip_norm=None,
    dropout=0.0, label_smoothing=0.0, rate_factors=None, diagonal=None, sample_weight=None, shuffle=True, seed=0,
    rows=None, validation_rows=None, patience=None, min_delta=0.0, threads=None, version="engine", time_limit=None,
    callbacks=None, progress=False, checkpoint=None, checkpoint_every=30.0, resume=False,
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
    epochs : int
        Passes over all samples, at least 0; at most 2**53 steps in all.
    batch_size : int
        Samples a step, at least 1. The last batch of an epoch may be smaller.
    optimizer : Optimizer or str
        The update rule with its learning rate, a number or a schedule; or "sgd", "adam", "adamw" or "rmsprop" for one
        with its defaults. Its memory starts at 0 with each call. `LevenbergMarquardt` and `BayesianRegularization`
        take all samples in each step, whatever `batch_size` and `shuffle` say; one thread sets up their equations.
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
        Weights of the samples, at least 0: weight k gives the gradient of k copies, weight 0 that of none.
    shuffle : bool
        Draw a new order of the samples for each epoch.
    seed : int
        Seed of these orders and of dropout. The same seed gives the same bits, whatever the number of threads.
    rows : array-like of int, or None
        Rows of X to train with, for folds and bootstrap samples: a row may come several times. None: all.
    validation_rows : array-like of int, or None
        Rows of X whose mean loss is taken after each epoch. They are trained with, too, unless `rows` leaves
        them out; then there is a warning.
    patience : int or None
        Stop when the mean loss of the validation rows (without them: that of the training) has not fallen below its
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
        `fastbp.load` reads the network from it. The file of a training that is not done is not overwritten.
    checkpoint_every : float
        Seconds between two checkpoints, which are written after an epoch; 0: after each. The last epoch has one, too.
    resume : bool
        Go on from the checkpoint, if there is one; all other arguments must be the same, but `epochs` may be more where
        the learning rate is a number, and `threads`, `checkpoint_every`, `time_limit`, `callbacks`, `progress` and the
        network's parameters do not matter.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected. The network is as it was.
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
    """
    validation.trainable("network", validation.instance("network", network, Network))
    X = validation.real_matrix("X", X, network.sizes[0], network.dtype)
    D = validation.targets(D, len(X), network.output, network.loss, network.sizes[-1], network.dtype)
    weight = validation.sample_weights(sample_weight, len(X), network.dtype)
    options = {
        "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, "l1": l1, "l2": l2, "max_norm": max_norm,
        "clip_norm": clip_norm, "dropout": dropout, "label_smoothing": label_smoothing, "rate_factors": rate_factors,
        "diagonal": diagonal, "shuffle": shuffle, "seed": seed, "rows": rows, "validation_rows": validation_rows,
        "patience": patience, "min_delta": min_delta, "callbacks": callbacks,
    }  # fmt: skip
    how = TrainingConfiguration(network, options, weight, len(X))
    version = validation.choice("version", version, VERSIONS)
    if how.settings[codes.DROPOUT] and version in ("loops", "matrix"):
        raise ValueError(f"dropout must be 0 for version={version!r}, got {dropout}: only the engine's tiles have it")
    threads, time_limit = validation.threads(threads), validation.time_limit(time_limit)
    progress = display.checked(progress)
    checkpointer = None
    if checkpoint is not None:
        from fastbp.training.checkpoints import Checkpointer, dependencies  # here: few trainings need them

        every = real_number("checkpoint_every", checkpoint_every, *NOT_NEGATIVE)
        depends_on = dependencies(how, X, D, weight, version)
        resume, path = validation.flag("resume", resume), validation.path("checkpoint", checkpoint)
        checkpointer = Checkpointer(path, every, resume, how, depends_on)
    elif validation.flag("resume", resume):
        raise ValueError("resume needs a checkpoint, got checkpoint=None")
    warn_of_rows_in_both(how)
    targets = smoothed(D, how.label_smoothing)
    with display.display(progress, how.epochs, "epoch") as shown:
        if isinstance(how.optimizer, SecondOrder):
            from fastbp.training.least_squares import cost

            shown.say(cost(network, len(how.rows)))
        history = train_alone(
            how, X, targets, weight, threads, version, checkpointer=checkpointer, unsmoothed=D, shown=shown,
            time_limit=time_limit,
        )  # fmt: skip
    told = advice(history, network, X, targets, weight, how.rows)
    if told:
        caller.warn(told)
    return history


class Training:
    """What the loop asks of the training of one network on arrays."""

    estimator, validated_by, estimates = None, "validation_loss", False

    def __init__(self, how, X, D, weight, index=0, unsmoothed=None):
        self.how, self.theta, self.epochs = how, how.theta, how.epochs
        self.network, self.index = how.network, index
        self.history, self.sampler = History(), RowSampler(how.rows, how.shuffle, how.seed)
        self.stopping = EarlyStopping(np.inf if how.patience is None else how.patience, how.min_delta)
        self.moments = np.zeros(shape_of_moments(how.moments, how.theta, how.layers), how.theta.dtype)
        self.epoch, self._data, self.runner = 0, (X, D, weight), None
        self._validated = X, D if unsmoothed is None else unsmoothed, weight
        self._report = np.empty((how.steps, codes.REPORTED))

    def train(self, between):
        epoch = self.epoch + 1
        order, rates = self.sampler.order(epoch), self.how.rates(epoch)
        loss = self.runner.run(*self._data, order, rates, self.epoch * self.how.steps, self._report, between)
        if not (np.isfinite(loss) and np.isfinite(self.theta).all()):
            raise Diverged(epoch, self.how.optimizer, self.history)
        return loss

    def validate(self):
        rows = self.how.validation_rows
        return None if rows is None else self.runner.mean_error(*self._validated, rows)

    def update(self, epoch, loss, validation_loss, seconds):
        history, self.epoch = self.history, epoch
        history._note(loss, validation_loss, seconds)
        if self.how.patience is None:
            return True, False
        best, ends = self.stopping.update(loss if validation_loss is None else validation_loss)
        if best:
            history.best_epoch = epoch
        return best, bool(ends)


def train_alone(
    how, X, D, weight, threads=None, version="engine", checkpointer=None, index=0, unsmoothed=None, **of_loop
):  # fmt: skip
    """Train one network, number `index` of many; its history. What remains are options of the Loop.

    Rows are validated with the targets `unsmoothed`, which are D by default.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(how.optimizer, SecondOrder):
            from fastbp.training.least_squares import LeastSquares  # here: few trainings need them

            stack.enter_context(trainings)
            task = LeastSquares(how, X, D, weight, index, version)
            is_seen = bool(how.callbacks or checkpointer or of_loop.get("time_limit")) or how.patience is not None
            if not is_seen and how.validation_rows is None and type(of_loop.get("shown")) in SILENT:
                of_loop["blocks"] = task.steps
        else:
            task = Training(how, X, D, weight, index, unsmoothed)
            arguments = how.theta, how.layers, how.batch_size, how.settings, task.moments, version, threads
            task.runner = stack.enter_context(EpochRunner(*arguments))
        loop = Loop(task, how.callbacks, checkpointer=checkpointer, **of_loop)
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
