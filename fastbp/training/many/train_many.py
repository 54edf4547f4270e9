"""Thousands of networks in one call: `train_many`. Checks its input; the networks are trained in lane_batch.py."""

import re

import numpy as np

from fastbp import caller, validation
from fastbp.network import Network
from fastbp.optimizers import SGD
from fastbp.threads.cores import usable_cores
from fastbp.training import progress as display
from fastbp.training.configuration import TrainingConfiguration, warn_of_rows_in_both
from fastbp.training.diagnosis import advice
from fastbp.training.history import INTERRUPTED
from fastbp.training.label_smoothing import smoothed
from fastbp.training.many import executors
from fastbp.training.many.history import history_of

TOLD = 5  # networks that diverged, by name, in a warning
LOOKED_AT = 20  # networks of which it is asked whether they have learnt something


def train_many(
    networks, X, D, *, epochs=10, batch_size=32, optimizer=SGD(0.1), l1=0.0, l2=0.0, max_norm=None, clip_norm=None,
    dropout=0.0, label_smoothing=0.0, rate_factors=None, diagonal=None, sample_weight=None, shuffle=True, seed=0,
    rows=None, validation_rows=None, patience=None, min_delta=0.0, threads=None, time_limit=None, callbacks=None,
    progress=False, executor=None, checkpoint=None, checkpoint_every=30.0, resume=False,
):  # fmt: skip
    """Train many networks in place, each as `train` would alone.

    Small networks of one kind share the lanes of a vector, which takes a fraction of the time of one after the other;
    large ones are trained one by one, on a thread each. The networks may differ in sizes, activations, loss, dtype
    and in each option; what becomes of one does not depend on the others, nor on their order, nor on `threads`.

    Parameters
    ----------
    networks : sequence of Network
        Each once.
    X, D : array-like of real numbers, shape (N, inputs), (N, outputs) or (N,)
        Samples and teacher signal, or class labels, for all. They are not copied for each network.
    epochs, batch_size, optimizer, l1, l2, max_norm, clip_norm, dropout, label_smoothing : as in `train`
        One for all (an array of shape () is one, too), or a list with one for each network.
    rate_factors : array-like of shape (layers, 2), or a list of such or None
        As in `train`, one for all, or one for each network. Such networks are trained one by one.
    diagonal : as in `train`
        One for all, or a list with one for each network. Such networks are trained one by one.
    sample_weight : array-like of shape (N,), or a list of such or None
        One for all, or one for each network.
    shuffle, seed : as in `train`
        One for all, or a list with one for each network.
    rows, validation_rows : array-like of int, or a list of such or None
        Rows of X to train with (folds, bootstrap samples) and to validate with: one for all, or one for each network.
        As in `train`, rows=None is all rows, those to validate with, too; then there is a warning.
    patience, min_delta : as in `train`
        One for all, or a list with one for each network.
    threads : int or None
        At most so many threads, each with networks of its own; None: one for each core that the process may use, as in
        `train`.
    time_limit : float or None
        Seconds, after which each network that is being trained ends with its last whole epoch, at least the first, and
        has the parameters of that, or of its best.
    callbacks : callable, sequence of callable, or None
        Called with a `TrainingState` after each epoch of each network, from the threads that train, one at a time; what
        returns something true ends the training of that network.
    progress : bool or callable
        True: a bar by tqdm, or lines where it is not installed. A callable is called as `progress(done, total,
        seconds)` about ten times a second.
    executor : concurrent.futures.Executor, distributed.Client, callable that returns one of these, or None
        Where the networks are trained: by the processes of a pool, on a cluster by Dask, Ray or mpi4py. A task is some
        networks, and has `threads` threads, 1 by default. X and D are written once to a temporary file, which the
        workers map, or are sent once to a worker that does not see it. What is lost with a worker is trained again, if
        need be in this process; a callable is called again if what it has returned breaks. There are no callbacks then.
    checkpoint : str, path-like or None
        A file with the networks whose training has ended, from which `resume` goes on if the process is killed. The
        file of a call that is not done is not overwritten.
    checkpoint_every : float
        Seconds between two writings of it.
    resume : bool
        Take over what the checkpoint holds, if there is one, and train the rest; all other arguments and the networks
        must be the same, but `threads`, `executor`, `checkpoint_every`, `time_limit`, `callbacks` and `progress` do not
        matter.

    Returns
    -------
    ManyHistory

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected. The networks are as they were.
    ModelFileError, OSError
        If the checkpoint is damaged, or cannot be written before the training. The networks are as they were.
    RuntimeError
        If a worker of the executor has another version of the package, or the same networks are lost again and again.

    Warns
    -----
    RuntimeWarning
        If networks diverged, which then have the parameters of their last finite epoch; if the training was
        interrupted; if the executor broke; if a checkpoint could not be written; if rows are trained and validated
        with; or if networks have learnt nothing because X is far from -1..1.

    Notes
    -----
    Ctrl-C ends the training as the time limit does: what is there is returned. The results of `train` differ in
    rounding, as those of its versions do. An executor changes no bit, if its machines have processors of one kind.

    Examples
    --------
    >>> import fastbp
    >>> X, labels = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> networks = [fastbp.Network((2, 8, 2), seed=seed) for seed in range(20)]
    >>> rates = [fastbp.SGD(0.05 * (1 + i)) for i in range(20)]
    >>> done = fastbp.train_many(networks, X, labels, epochs=500, batch_size=4, optimizer=rates)
    >>> networks[9].predict(X).argmax(axis=1)
    array([0, 1, 1, 0])
    """
    networks = _checked_networks(networks)
    given = {
        "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, "l1": l1, "l2": l2, "max_norm": max_norm,
        "clip_norm": clip_norm, "dropout": dropout, "label_smoothing": label_smoothing, "rate_factors": rate_factors,
        "diagonal": diagonal, "sample_weight": sample_weight, "shuffle": shuffle, "seed": seed, "rows": rows,
        "validation_rows": validation_rows, "patience": patience, "min_delta": min_delta,
    }  # fmt: skip
    callbacks = validation.callables("callbacks", callbacks)
    from fastbp.training.many.checkpoint import kept_jobs  # here: whoever does not train need not wait for it
    from fastbp.training.many.groups import Job

    executor = executors.checked(executor, callbacks)
    options = Options(given, len(networks), callbacks)
    jobs = [Job(i, *job) for i, job in enumerate(_configurations(networks, options, X, D))]
    threads = validation.threads(threads)
    time_limit, progress = validation.time_limit(time_limit), display.checked(progress)
    kept = kept_jobs(jobs, checkpoint, checkpoint_every, resume)
    in_both = next((job for job in jobs if job.how.both), None)
    if in_both:
        warn_of_rows_in_both(in_both.how, f"networks[{in_both.index}]: ")
    with display.display(progress, len(jobs), "network") as shown, kept:
        scheduler = _scheduler(kept.left, threads, executor)
        seconds = scheduler.train(time_limit, shown, kept.look)
    if scheduler.interrupted:
        caller.warn(INTERRUPTED)
    _warn_of_diverged(jobs)
    _warn_of_those_that_learnt_nothing(jobs)
    return history_of(jobs, seconds)


def _scheduler(jobs, threads, executor):
    """What trains them: threads of this process, or an executor."""
    from fastbp.training.many.groups import grouped
    from fastbp.training.many.scheduler import Scheduler

    if executor is not None and jobs:
        from fastbp.training.many.executor_scheduler import ExecutorScheduler
        from fastbp.training.many.shards import NetworkShards

        return ExecutorScheduler(jobs, executor, NetworkShards(threads or 1))
    return Scheduler(grouped(jobs), min(usable_cores(), threads or np.inf, len(jobs)))


def _checked_networks(networks):
    if isinstance(networks, Network) or not hasattr(networks, "__iter__"):
        raise TypeError(f"networks must be a sequence of fastbp.Network, got {validation.shown(networks)}")
    networks = list(networks)
    if not networks:
        raise ValueError("networks must be at least one, got none")
    places = {}
    for i, network in enumerate(networks):
        validation.instance(f"networks[{i}]", network, Network)
        if places.setdefault(id(network.theta), i) != i:
            raise ValueError(
                f"networks must be different ones, got the same in places {places[id(network.theta)]} and {i}"
            )
        for what in (0, -1):
            if network.sizes[what] != networks[0].sizes[what]:
                raise ValueError(
                    f"networks must have as many inputs and outputs as the first, {networks[0].sizes[0]} and "
                    f"{networks[0].sizes[-1]}, got {network.sizes} in place {i}"
                )
        validation.trainable(f"networks[{i}]", network)
    return networks


class Options:
    """The options of `train`, for all networks or one for each."""

    ROWS = ("rows", "validation_rows")
    VECTORS = (*ROWS, "sample_weight")  # of which a list of numbers is one for all

    def __init__(self, given, networks, callbacks=()):
        self._given, self._lists = given | {"callbacks": callbacks}, {}
        for name, value in given.items():
            if self._is_list(name, value):
                values = list(value)
                if len(values) != networks:
                    raise ValueError(
                        f"{name} must be one for all or one for each of the {networks} networks, got {len(values)}"
                    )
                self._lists[name] = values

    def _is_list(self, name, value):
        if name == "rate_factors" and isinstance(value, list | tuple):  # a matrix is one for all
            return any(map(_is_one_of_matrices, value))
        if name == "rate_factors" and isinstance(value, np.ndarray) and value.dtype != object:
            return value.ndim > 2
        if isinstance(value, np.ndarray) and (value.ndim == 0 or value.dtype != object):
            return value.ndim > (name in self.VECTORS)
        if not isinstance(value, list | tuple | range | np.ndarray):
            return False
        return name not in self.VECTORS or any(map(_is_one_of_vectors, value))

    def of(self, index):
        """Those of one network."""
        return self._given | {name: values[index] for name, values in self._lists.items()}

    def value(self, name, index):
        """One of them."""
        return self._lists[name][index] if name in self._lists else self._given[name]

    def key(self, index):
        """What two networks have in common whose options are the same but for the seed."""
        return tuple(id(values[index]) for name, values in self._lists.items() if name != "seed")

    def named(self, message, index):
        """An error whose options, at its head or of which it is a matter of rows, have their place in the list."""
        return re.sub(r"^\w+|(?<= some of the )\w+", lambda name: self._place(name[0], index), message)

    def _place(self, name, index):
        if name == "learning_rate" and "optimizer" in self._lists:
            return f"optimizer[{index}].{name}"
        return f"{name}[{index}]" if name in self._lists else name


def _is_one_of_vectors(value):
    sized = hasattr(value, "__len__") and not isinstance(value, str | bytes)
    return value is None or (sized and getattr(value, "ndim", 1) > 0)


def _is_one_of_matrices(value):
    if value is None or hasattr(value, "ndim"):
        return value is None or value.ndim > 1
    return _is_one_of_vectors(value) and any(map(_is_one_of_vectors, value))


def _configurations(networks, options, X, D):
    """The checked configuration of each network with its data, and its targets before they are smoothed."""
    data, found, known = _Data(X, D), [], {}
    for index, network in enumerate(networks):
        try:
            x, d, weight = data.of(network, options.value("sample_weight", index))
            key = network.dtype, id(weight), options.key(index)
            if key in known:  # what is checked once for all networks that have it
                how = known[key].of_other(network, options.value("seed", index))
            else:
                checked = data.with_rows(options.of(index))
                how = known[key] = TrainingConfiguration(network, checked, data.weight(weight, x), len(x))
        except (TypeError, ValueError) as problem:
            problem.args = (options.named(str(problem), index),)
            raise
        found.append((how, (x, data.smoothed(d, how.label_smoothing), weight), d))
    return found


class _Data:
    """X, D, weights and rows, each checked once: networks of one dtype, and one kind of targets, share them."""

    def __init__(self, X, D):
        self._given, self._known = (X, D), {}

    def _once(self, key, make):
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def of(self, network, weight):
        """X, D and the weights of a network; None for weights of 1."""
        key = network.dtype.char, network.output, network.loss, id(weight)  # the hash of a dtype itself takes long
        return self._once(key, lambda: self._of(network, network.dtype, weight))

    def _of(self, network, dtype, weight):
        x = self._once(dtype, lambda: validation.real_matrix("X", self._given[0], network.sizes[0], dtype))
        self._samples = len(x)
        d = self._once((dtype, network.output, network.loss), lambda: self._targets(network))
        if weight is not None:
            weight = self._once((dtype, "weight", id(weight)), lambda: validation.sample_weights(weight, len(x), dtype))
        return x, d, weight

    def _targets(self, network):
        """Targets are the same array where they are the same numbers, whatever the output layer asks of them."""
        dtype = network.dtype
        d = validation.targets(self._given[1], self._samples, network.output, network.loss, network.sizes[-1], dtype)
        first = self._once((dtype, "targets"), lambda: d)
        return first if np.array_equal(first, d) else d

    def smoothed(self, d, smoothing):
        """The targets to train with; networks with the same targets and smoothing share them."""
        return self._once((id(d), "smoothed", smoothing), lambda: smoothed(d, smoothing))

    def weight(self, weight, x):
        """The weights, those of 1 too."""
        if weight is not None:
            return weight
        return self._once((x.dtype, "ones"), lambda: validation.sample_weights(None, len(x), x.dtype))

    def with_rows(self, options):
        """The options with checked rows."""
        for name in Options.ROWS:
            if name == "rows" or options[name] is not None:
                given = options[name]
                options[name] = self._once(
                    (name, id(given)), lambda name=name, given=given: validation.row_numbers(name, given, self._samples)
                )
        return options


def _warn_of_diverged(jobs):
    diverged = [job for job in jobs if job.outcome == "diverged"]
    if diverged:
        told = [f"networks[{job.index}] in epoch {len(job.loss) + 1} with {job.how.optimizer}" for job in diverged]
        caller.warn(
            f"{len(diverged)} of {len(jobs)} networks diverged: {_some(told)}. They have the parameters of their last "
            "finite epoch. Lower their learning rate, or scale X (and D, for output='identity')."
        )


def _warn_of_those_that_learnt_nothing(jobs):
    told = {}
    for job in jobs[:LOOKED_AT]:
        X, D, weight = job.data
        weight = np.ones(len(X)) if weight is None else weight
        found = job.outcome != "diverged" and advice(job, job.how.network, X, D, weight, job.how.rows)
        if found:
            told[job.index] = found
    if told:
        first = next(iter(told))
        more = f" (and {len(told) - 1} more of the first {min(len(jobs), LOOKED_AT)})" if len(told) > 1 else ""
        caller.warn(f"networks[{first}]{more}: {told[first]}")


def _some(names):
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return f"{'; '.join(names[:TOLD])}{more}"
