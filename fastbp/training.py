"""Training: epochs over samples. Checks its input, allocates, and keeps the history; an epoch is one compiled call."""

import time
from dataclasses import dataclass, field

import numpy as np

from fastbp import door
from fastbp.checkpoints import EVERY, Checkpoint, dependencies
from fastbp.epochs import VERSIONS, Epochs
from fastbp.lecture import codes
from fastbp.network import Network
from fastbp.optimizers import SGD, Optimizer
from fastbp.rates import real_number
from fastbp.schedules import LARGEST_STEP, number_of_steps


@dataclass
class History:
    """What happened in a training: one entry an epoch.

    Attributes
    ----------
    loss : list of float
        Mean error of a sample, each taken just before the step that its mini-batch makes.
    seconds : list of float
        Wall-clock time of each epoch; the first one holds the compilation, if there was one.
    validation_loss : list of float
        Mean error of the validation rows after each epoch; empty without.
    best_epoch : int or None
        With `patience`: the epoch whose parameters the network has; the first one is 1.

    Examples
    --------
    >>> import fastbp
    >>> history = fastbp.train(fastbp.Network((1, 1), output="identity"), [[1.0]], [[1.0]], epochs=3)
    >>> len(history.loss), history.loss[0] > history.loss[2]
    (3, True)
    """

    loss: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    best_epoch: int | None = None

    def plot(self, ax=None):
        """Draw the loss of each epoch, and that of the validation rows: `plots.loss`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default pyplot's current one.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            Without matplotlib.

        Examples
        --------
        >>> import fastbp
        >>> from matplotlib.figure import Figure
        >>> history = fastbp.train(fastbp.Network((1, 1), output="identity"), [[1.0]], [[0.0]], epochs=5)
        >>> history.plot(Figure().subplots()).get_ylabel()
        'loss'
        """
        from fastbp import plots  # here, because most trainings are not drawn

        return plots.loss(self, ax)


class Diverged(FloatingPointError):
    """The error or a parameter is no longer finite. The network has the parameters of the last finite epoch.

    Attributes
    ----------
    epoch : int
        The epoch that failed; the first one is 1.
    history : History
        The epochs before it.

    Examples
    --------
    >>> import fastbp
    >>> network = fastbp.Network((1, 1), output="identity")
    >>> try:
    ...     fastbp.train(network, [[100.0]], [[1.0]], epochs=100, optimizer=fastbp.SGD(10.0))
    ... except fastbp.Diverged as problem:
    ...     print(problem.epoch == len(problem.history.loss) + 1)
    True
    """

    def __init__(self, epoch, optimizer, history):
        super().__init__(epoch, optimizer, history)
        self.epoch, self.optimizer, self.history = epoch, optimizer, history

    def __str__(self):
        kept = f"those of epoch {self.epoch - 1}" if self.epoch > 1 else "those from before the training"
        return (
            f"training diverged in epoch {self.epoch} with {self.optimizer}: the error or a parameter is no longer "
            f"finite. Lower the learning rate, or scale X (and D, for output='identity') to about -1..1. "
            f"The network's parameters are {kept}."
        )


def train(
    network, X, D, *, epochs=10, batch_size=32, optimizer=SGD(0.1), l1=0.0, l2=0.0, max_norm=None, clip_norm=None,
    dropout=0.0, sample_weight=None, shuffle=True, seed=0, rows=None, validation=None, patience=None, tol=0.0,
    threads=None, version="engine", checkpoint=None, checkpoint_every=EVERY, resume=False,
):  # fmt: skip
    """Train a network in place.

    Parameters
    ----------
    network : Network
    X : array-like of real numbers, shape (N, network.sizes[0])
        Samples. A matrix of the network's dtype in C order is used where it lies (a memory map too), any other is
        copied once.
    D : array-like of real numbers, shape (N, network.sizes[-1])
        Teacher signal. For softmax each row sums to 1; for softmax and sigmoid it lies in 0..1; for the Poisson error
        it is at least 0.
    epochs : int
        Passes over all samples, at least 0; at most 2**53 steps in all.
    batch_size : int
        Samples a step, at least 1. The last batch of an epoch may be smaller.
    optimizer : Optimizer
        The update rule with its learning rate, a number or a schedule. Its memory starts at 0 with each call.
    l1, l2 : float
        Penalties l1 sum |w| + l2/2 sum w^2 on the weights (not the biases) of each step. `History.loss` is without.
    max_norm : float or None
        After each step the weights that lead to a unit are scaled down to this norm, if theirs is larger.
    clip_norm : float or None
        The gradient of a step is scaled down to this norm, if its own is larger.
    dropout : float
        Probability, 0 or more and below 1, that a hidden unit is left out of a step; what stays is scaled up.
    sample_weight : array-like of shape (N,), or None
        Weights of the samples, at least 0: weight k gives the gradient of k copies, weight 0 that of none.
    shuffle : bool
        Draw a new order of the samples for each epoch.
    seed : int
        Seed of these orders and of dropout. The same seed gives the same bits, whatever the number of threads.
    rows : array-like of int, or None
        Rows of X to train with, for folds and bootstrap samples: a row may come several times. None: all.
    validation : array-like of int, or None
        Rows of X whose mean error is taken after each epoch.
    patience : int or None
        Stop when the mean error of the validation rows (without them: that of the training) has not fallen below its
        best by more than `tol` for so many epochs, 1 to 2**53; the network gets the parameters of the best epoch.
    tol : float
        At least 0.
    threads : int or None
        The most threads that share an epoch, which takes as many as are cheapest at the moment; None: as many as pay.
        Never more than the cores it may use: by affinity, CPU quota, OMP_NUM_THREADS, NUMBA_NUM_THREADS, joblib, Dask.
    version : {"engine", "tiles", "loops", "matrix"}
        "engine" takes the faster of "tiles" (register tiles over a mini-batch) and "loops" (the lecture's index loops,
        a sample at a time); "matrix" is the lecture as matrix products by NumPy, which serves as their check.
    checkpoint : str, path-like or None
        A file from which the training can go on if its process is killed: with the same bits as if nothing had been.
        `fastbp.load` reads the network from it. The file of a training that is not done is not overwritten.
    checkpoint_every : float
        Seconds between two checkpoints, which are written after an epoch; 0: after each. The last epoch has one, too.
    resume : bool
        Go on from the checkpoint, if there is one; all other arguments must be the same, but `epochs` may be more where
        the learning rate is a number, and `threads`, `checkpoint_every` and the network's parameters do not matter.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected. The network is as it was.
    Diverged
        If the error or a parameter is no longer finite. The network has the parameters of the last finite epoch.
    ModelFileError, OSError
        If the checkpoint is damaged, or cannot be written before the training. The network is as it was.
    CheckpointError
        If the training is done, but its last checkpoint could not be written. (If one on the way cannot be written,
        there is a RuntimeWarning.)

    Examples
    --------
    >>> import fastbp
    >>> xor = fastbp.Network((2, 8, 2), seed=1)
    >>> X, labels = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> history = fastbp.train(xor, X, np.eye(2)[labels], epochs=500, batch_size=4, optimizer=fastbp.SGD(0.5))
    >>> xor.predict(X).argmax(axis=1)
    array([0, 1, 1, 0])
    """
    door.trainable("network", door.instance("network", network, Network))
    X = door.real_matrix("X", X, network.sizes[0], network.dtype)
    D = door.targets(D, len(X), network.output, network.error, network.sizes[-1], network.dtype)
    weight = door.sample_weights(sample_weight, len(X), network.dtype)
    options = {
        "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, "l1": l1, "l2": l2, "max_norm": max_norm,
        "clip_norm": clip_norm, "dropout": dropout, "shuffle": shuffle, "seed": seed, "rows": rows,
        "validation": validation, "patience": patience, "tol": tol,
    }  # fmt: skip
    work = Work(network, options, weight, len(X))
    version = door.choice("version", version, VERSIONS)
    if work.settings[codes.DROPOUT] and version in ("loops", "matrix"):
        raise ValueError(f"dropout must be 0 for version={version!r}, got {dropout}: only the engine's tiles have it")
    threads, keeper = None if threads is None else door.whole_number("threads", threads, 1), None
    if checkpoint is not None:
        every = real_number("checkpoint_every", checkpoint_every, lambda x: 0 <= x < np.inf, "at least 0 and finite")
        depends_on = dependencies(work, X, D, weight, version)
        resume, path = door.flag("resume", resume), door.path("checkpoint", checkpoint)
        keeper = Checkpoint(path, every, resume, work, depends_on)
    elif door.flag("resume", resume):
        raise ValueError("resume needs a checkpoint, got checkpoint=None")
    return train_alone(work, X, D, weight, threads, version, keeper=keeper)


class Work:
    """One network with the checked options of its training.

    Attributes
    ----------
    network, theta
        The network and its parameters, which the training changes.
    settings : ndarray
        What kernels read of the rule, the penalties and the limits.
    rows, validation : ndarray of int64; None for no validation
    epochs, batch_size, steps, patience, tol, shuffle, seed, optimizer, moments
        `steps`: mini-batches of an epoch; `moments`: rows of memory of the rule.
    """

    def __init__(self, network, options, weight, samples):
        options = {name: door.single(value) for name, value in options.items()}
        self.network, self.optimizer = network, door.instance("optimizer", options["optimizer"], Optimizer)
        self.epochs = door.whole_number("epochs", options["epochs"], 0)
        self.batch_size = door.whole_number("batch_size", options["batch_size"], 1)
        if not hasattr(self.optimizer.learning_rate, "rates"):
            door.positive_number("learning_rate", self.optimizer.learning_rate, network.dtype)
        self.seed = door.whole_number("seed", options["seed"], 0)
        self.shuffle = door.flag("shuffle", options["shuffle"])
        self.rows = door.row_numbers("rows", options["rows"], samples)
        self.validation = None
        if options["validation"] is not None:
            self.validation = door.row_numbers("validation", options["validation"], samples)
        self.patience = None if options["patience"] is None else number_of_steps("patience", options["patience"], 1)
        self.tol = real_number("tol", options["tol"], lambda x: 0 <= x < np.inf, "at least 0 and finite")
        for name, rows in (("rows", self.rows), ("validation", self.validation)):
            if rows is not None and not weight[rows].sum(dtype=np.float64) > 0:
                raise ValueError(f"sample_weight must be above 0 for some of the {name}, got 0 for all of them")
        names = "l1", "l2", "max_norm", "clip_norm", "dropout"
        self.settings = _settings(self.optimizer, *(options[name] for name in names), self.seed)
        self.batch_size = min(self.batch_size, len(self.rows))
        self.steps = -(-len(self.rows) // self.batch_size)
        if self.epochs * self.steps > LARGEST_STEP:
            raise ValueError(
                f"epochs must be at most {LARGEST_STEP // self.steps}, so that there are at most 2**53 steps (an epoch "
                f"has {self.steps}), got {door.shown(options['epochs'])}"
            )
        self.theta, self.moments = network.theta, self.optimizer.moments

    def of_other(self, network, seed):
        """That of another network of this dtype, with the same options but for the seed."""
        work = object.__new__(Work)
        work.__dict__.update(self.__dict__)  # as copy.copy, in a fourth of the time
        work.network, work.theta, work.seed = network, network.theta, door.whole_number("seed", door.single(seed), 0)
        if work.settings[codes.DROPOUT] and work.seed != self.seed:
            work.settings = self.settings.copy()
            work.settings[codes.SEED] = work.seed % 2**53
        return work

    def rates(self, epoch):
        """The learning rates of an epoch's steps; the first epoch is 1."""
        return self.optimizer.rates((epoch - 1) * self.steps, self.steps, self.epochs * self.steps)


class Visits:
    """The rows in the order in which each epoch visits them; epochs are asked for one after the other."""

    def __init__(self, rows, shuffle, seed):
        self.rows, self.epoch, self._order = rows, 0, rows
        self._rng = np.random.default_rng(seed) if shuffle else None

    @property
    def state(self):
        """The numbers from which the orders go on; none if there is no shuffling."""
        if self._rng is None:
            return {}
        state = self._rng.bit_generator.state
        return {**state["state"], "has_uint32": state["has_uint32"], "uinteger": state["uinteger"]}

    def go_on(self, epoch, state):
        """After this epoch, from the numbers that `state` was then."""
        self.epoch = epoch
        if self._rng is not None:
            places, others = {n: state[n] for n in ("state", "inc")}, {n: state[n] for n in ("has_uint32", "uinteger")}
            self._rng.bit_generator.state = {"bit_generator": "PCG64", "state": places, **others}

    def order(self, epoch):
        """The rows of this epoch, the same array if it is asked for once more."""
        if self._rng and epoch != self.epoch:
            self._order = self.rows[self._rng.permutation(len(self.rows))]
        self.epoch = epoch
        return self._order


def _settings(optimizer, l1, l2, max_norm, clip_norm, dropout, seed):
    """The vector that kernels read (columns in codes.py)."""
    settings = optimizer.settings()
    for column, name, value in ((codes.L1, "l1", l1), (codes.L2, "l2", l2)):
        settings[column] = real_number(name, value, lambda x: 0 <= x < np.inf, "at least 0 and finite")
    for column, name, value in ((codes.MAX_NORM, "max_norm", max_norm), (codes.CLIP_NORM, "clip_norm", clip_norm)):
        settings[column] = 0 if value is None else door.positive_number(name, value)
    settings[codes.DROPOUT] = real_number("dropout", dropout, lambda x: 0 <= x < 1, "at least 0 and below 1")
    settings[codes.SEED] = seed % 2**53  # a whole number that a float holds
    return settings


class State:
    """How far the training of one network has come.

    Attributes
    ----------
    theta, kept : ndarray
        The parameters now, and those that the training would return.
    moments, history, visits, watch, epoch, stopped
        The memory of the rule; History, Visits, Watch; epochs done; whether `patience` has ended it.
    """

    def __init__(self, work):
        self.theta, self.kept = work.theta, work.theta.copy()
        self.moments = np.zeros((work.moments, work.theta.size), work.theta.dtype)
        self.history, self.visits = History(), Visits(work.rows, work.shuffle, work.seed)
        self.watch, self.epoch, self.stopped = Watch(work.patience, work.tol), 0, False


class _Unfinished(Exception):
    """An epoch is told to end on its way."""


def train_alone(work, X, D, weight, threads=None, version="engine", goes_on=lambda: True, keeper=None):
    """Train one network; the history. If `goes_on` says so, it ends early, with the last whole epoch."""

    def between():
        if not goes_on():
            raise _Unfinished

    state, report = State(work), np.empty((work.steps, codes.REPORTED))
    if keeper:
        keeper.begin(state)
    with Epochs(
        state.theta, work.network.layers, work.batch_size, work.settings, state.moments, version, threads
    ) as run:
        try:
            while state.epoch < work.epochs and not state.stopped:
                _epoch(work, state, run, (X, D, weight), report, between)
                if keeper:
                    keeper.after(state)
                between()
        except _Unfinished:
            pass
        finally:  # Ctrl-C too leaves the last whole epoch, or the best
            np.copyto(state.theta, state.kept)
    if keeper:
        keeper.close(state.history)
    return state.history


def _epoch(work, state, run, data, report, between):
    """The next epoch, and what follows from it."""
    begin, history, epoch = time.perf_counter(), state.history, state.epoch + 1
    order, rates = state.visits.order(epoch), work.rates(epoch)
    loss = run.run(*data, order, rates, state.epoch * work.steps, report, between)
    if not (np.isfinite(loss) and np.isfinite(state.theta).all()):
        raise Diverged(epoch, work.optimizer, history)
    history.loss.append(loss)
    if work.validation is not None:
        history.validation_loss.append(run.mean_error(*data, work.validation))
    history.seconds.append(time.perf_counter() - begin)
    better, state.stopped = state.watch.sees((history.validation_loss or history.loss)[-1])
    if better:
        np.copyto(state.kept, state.theta)
        history.best_epoch = None if work.patience is None else epoch
    state.epoch = epoch


class Watch:
    """Whether an error still falls: of one network, or element by element of many."""

    def __init__(self, patience, tol, shape=()):
        self.patience = np.asarray(np.inf if patience is None else patience, float)
        self.tol, self.best, self.waited = np.asarray(tol, float), np.full(shape, np.inf), np.zeros(shape)

    def sees(self, error):
        """Whether its parameters are to be kept, and whether the training ends; without patience all are kept."""
        error = np.asarray(error)
        better = error < self.best - self.tol
        self.best = np.where(better, error, self.best)
        self.waited = np.where(better, 0, self.waited + 1)
        return better | np.isinf(self.patience), self.waited >= self.patience
