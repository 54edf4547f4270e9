"""Trainings that survive their process: what an epoch leaves behind goes into a file, from which the next one begins.

The file holds the parameters, the memory of the rule, the state of the shuffling and of the watch over the error, the
best parameters and the history: a training that goes on from there ends with the bits of one that never stopped.
It is a model file, too: `fastbp.load` reads the network that the training would have returned.
"""

import time

import numpy as np

from fastbp import atomic, caller
from fastbp.files.digest import digest
from fastbp.files.safetensors import ModelFile, number, write
from fastbp.learning_rate import LARGEST_STEP, Schedule, evaluated
from fastbp.lecture import codes

RULES = {code: name for name, code in codes.RULES.items()}
LIMITS = {
    "l1": codes.L1, "l2": codes.L2, "max_norm": codes.MAX_NORM, "clip_norm": codes.CLIP_NORM, "dropout": codes.DROPOUT
}  # fmt: skip
STEPS = 1 << 16  # whose rates are looked at together
SOME_STEPS = np.unique(np.geomspace(1, 2.0**40, 4096).astype(np.int64)) - 1  # of blocks, whose steps nobody has counted
NOTED = ("loss", "seconds", "validation_loss", "effective_parameters")  # of a History, in each epoch
HASHED = ("X", "D", "sample_weight", "rows", "validation_rows")
OUTCOMES = ("going on", "finished", "stopped")
# Below these are the numbers of a generator, and of the steps over blocks.
SHUFFLE = {"state": 2**128, "inc": 2**128, "has_uint32": 2, "uinteger": 2**32, "steps": LARGEST_STEP}


class CheckpointError(OSError):
    """A training has ended, but its last checkpoint could not be written. The network is trained; nothing is lost.

    Parameters
    ----------
    problem : OSError
        What was in the way.
    history : History
        What `train` would have returned; an attribute too.

    Examples
    --------
    >>> import fastbp
    >>> issubclass(fastbp.CheckpointError, OSError)
    True
    """

    def __init__(self, problem, history):
        super().__init__(problem.errno, problem.strerror, problem.filename)
        self.history = history

    def __reduce__(self):
        return type(self), (OSError(*self.args, self.filename), self.history)

    def __str__(self):
        return (
            f"the last checkpoint of the training could not be written: {super().__str__()}. The network has its "
            "parameters, and this error its `history`."
        )


def dependencies(how, data, version):
    """All that the bits of a training depend on, as strings, but for its epochs and its network.

    Parameters
    ----------
    how : TrainingConfiguration
    data : dict of str to str
        What tells the data apart, by the names of HASHED.
    version : str
    """
    named = {codes.RULE, codes.SEED, *LIMITS.values()}
    constants = [how.settings[column] for column in range(codes.SETTINGS) if column not in named]
    rule = RULES.get(int(how.settings[codes.RULE]))
    own = ("batch_size", "shuffle", "seed", "patience", "min_delta", "label_smoothing", "rate_factors", "diagonal")
    return {
        **{name: data[name] for name in HASHED},
        "number of the loss": str(how.network._level),
        "optimizer": " ".join(map(str, [rule or how.optimizer, *constants])),
        "learning_rate": _rate(how),
        **{name: str(how.settings[column]) for name, column in LIMITS.items()},
        **{name: str(getattr(how, name)) for name in own}, "version": version,
    }  # fmt: skip


def _rate(how):
    """The learning rate, or what tells a schedule from others."""
    rate = how.optimizer.learning_rate
    if not isinstance(rate, Schedule):
        return str(rate)
    if how.steps is None:
        constants = repr(rate)
        named = "" if " at 0x" in constants else f"{constants} "  # an address is another one in the next process
        return f"schedule {named}{digest([evaluated('learning_rate', rate, SOME_STEPS, LARGEST_STEP)])}"
    total = how.epochs * how.steps
    starts = range(0, total, STEPS)
    return f"schedule {digest(how.optimizer.rates(at, min(STEPS, total - at), total) for at in starts)}"


class Checkpointer:
    """The file of one training.

    Parameters
    ----------
    path : str
    every : float
        Seconds between two writings; 0: after each epoch.
    resume : bool
        Whether to go on from what the file holds, if there is one.
    how : TrainingConfiguration
    depends_on : dict of str to str
        What `dependencies` tells. A file that was told something else is refused.

    Raises
    ------
    ValueError, OSError
        If there is a file that must not be overwritten, or one from which this training cannot go on.
    """

    def __init__(self, path, every, resume, how, depends_on):
        self._path, self._every, self._how, self._depends_on = path, every, how, depends_on
        self._file = self._found(resume)
        atomic.remove_leftovers(path)
        self._told, self._written, self._held = False, time.monotonic(), None

    def _found(self, resume):
        """What an earlier process has left, checked; or None."""
        try:
            file = ModelFile(self._path)
        except FileNotFoundError:
            return None
        with file.refusing():
            if file.kind != "checkpoint":
                raise ValueError(f"it holds a {file.kind} and no checkpoint: give another path, or delete it")
            epochs, epoch = file.integer("epochs"), file.integer("epoch")
            file.outcome = file.string("outcome", OUTCOMES)
        if not resume and file.outcome == "going on":
            raise FileExistsError(
                f"checkpoint {self._path!r} holds a training that has come to epoch {epoch} of {epochs}: give "
                "resume=True to go on with it, or delete the file"
            )
        if not resume:
            return None
        self._compare(file, epochs)
        file.epoch = epoch
        return file

    def _compare(self, file, epochs):
        """A training that differs in anything would end with other bits."""
        now, extendable = self._how.epochs, not isinstance(self._how.optimizer.learning_rate, Schedule)
        if epochs != now and not (extendable and epochs < now):
            more = " or more" if extendable else " (the schedule depends on it)"
            raise ValueError(f"epochs must be those of checkpoint {self._path!r}, {epochs}{more}, got {now}")
        with file.refusing():
            file.network = type(self._how.network)._of_record(file)
            before = {name: file.string(f"depends on {name}") for name in self._depends_on}
        before_it, now_it = file.network._description, self._how.network._description
        if before_it != now_it:
            raise ValueError(f"network must be that of checkpoint {self._path!r}, {before_it}, got {now_it}")
        for name, value in self._depends_on.items():
            if before[name] != value:
                shown = "" if name in HASHED else f", {before[name]}, got {value}"
                raise ValueError(f"{name} must be that of checkpoint {self._path!r}{shown}")

    def begin(self, loop):
        """The training goes on where the file has left it; or there is a first file, to see whether that works."""
        if self._file is None:
            self._note(loop)
            self._write(loop)
            return
        file, self._file = self._file, None
        with file.refusing():
            theta = file.array("theta", loop.task.theta.dtype, loop.task.theta.shape)
            if not (np.isfinite(theta).all() and np.isfinite(file.network.theta).all()):
                raise ValueError("its parameters must be finite")
            _restore(loop, file, self._how.validation_rows is not None)
            file.done()
        np.copyto(loop.kept, file.network.theta)
        np.copyto(loop.task.theta, theta)
        self._note(loop, file.outcome == "stopped")
        self._held = file.epoch

    def after(self, loop, ended):
        """An epoch is over. What cannot be written now is told, once, and tried again later.

        Parameters
        ----------
        loop : Loop
        ended : bool
            Whether it is the last epoch by `patience`, so that there is nothing to go on with.
        """
        self._note(loop, ended)
        last = ended or loop.epoch >= self._how.epochs  # which `close` writes
        if not last and time.monotonic() - self._written >= self._every:
            try:
                self._write(loop)
            except OSError as problem:
                if not self._told:
                    self._told = True
                    caller.warn(f"a checkpoint could not be written: {problem}")
            self._written = time.monotonic()

    def ended(self):
        """There is nothing to go on with: the epoch that was tried last ends the training."""
        self._ended, self._held = True, None

    def close(self, loop):
        """The training has ended. Raises a CheckpointError if its last epoch cannot be written."""
        if self._held != loop.epoch:
            try:
                self._write(loop)
            except OSError as problem:
                raise CheckpointError(problem, loop.task.history) from problem

    def _note(self, loop, ended=False):
        """Copies of what the next epoch changes on its way: it may be dropped."""
        task = loop.task
        self._whole = {"theta": task.theta.copy(), "moments": task.moments.copy()}
        self._shuffle, self._ended = task.sampler.state, ended

    def _write(self, loop):
        outcome = "stopped" if self._ended else "finished" if loop.epoch >= self._how.epochs else "going on"
        strings, arrays = self._how.network._record(loop.kept.astype(self._how.network.dtype, copy=False))
        strings |= {f"depends on {name}": value for name, value in self._depends_on.items()}
        strings |= {"epochs": str(self._how.epochs), "epoch": str(loop.epoch), "outcome": outcome}
        more, numbers = _recorded(loop.task)
        more |= {f"shuffle {name}": str(value) for name, value in self._shuffle.items()}
        write(self._path, "checkpoint", strings | more, arrays | numbers | self._whole)
        self._held = loop.epoch


def _recorded(task):
    """What a training has noted after its last whole epoch, as strings and arrays."""
    history, stopping = task.history, task.stopping
    strings = {"best epoch": str(history.best_epoch or 0), "best loss": number(stopping.best)}
    strings["epochs without improvement"] = number(stopping.waited)
    return strings, {f"history.{name}": np.array(getattr(history, name), float) for name in NOTED}


def _restore(loop, file, validated):
    """The other way round, but for theta, with every number checked."""
    task = loop.task
    history, stopping = task.history, task.stopping
    loop.epoch = task.epoch = file.epoch
    loop.outcome = "stopped" if file.outcome == "stopped" else "finished"
    absent = {"validation_loss": not validated, "effective_parameters": not task.estimates}
    for name in NOTED:
        values = file.array(f"history.{name}", np.float64, (None,))
        if len(values) != (0 if absent.get(name) else file.epoch):
            raise ValueError(f"its history has {len(values)} entries of {name} after epoch {file.epoch}")
        setattr(history, name, values.tolist())
    history.best_epoch = file.integer("best epoch", most=file.epoch) or None
    best, waited = (file.number(name) for name in ("best loss", "epochs without improvement"))
    if np.isnan(best) or not 0 <= waited <= file.epoch:
        raise ValueError(f"it must have a best loss, and wait for some of its epochs, it has {best}, {waited}")
    stopping.best, stopping.waited = best, waited
    shuffle = {name: file.integer(f"shuffle {name}", most=SHUFFLE[name] - 1) for name in task.sampler.state}
    task.sampler.go_on(file.epoch, shuffle)
    np.copyto(task.moments, file.array("moments", task.moments.dtype, task.moments.shape))
