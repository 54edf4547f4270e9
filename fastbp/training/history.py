"""What became of a training: its losses, how it ended, and what a callback is told on the way."""

from dataclasses import dataclass, field

from fastbp.validation import counted, shown

INTERRUPTED = "the training was interrupted; what is there is returned"


def was_interrupted(history):
    """Whether the time limit or Ctrl-C ended a training, or one of the many of a `ManyHistory`."""
    outcomes = [history.outcome] if isinstance(history.outcome, str) else history.outcome.tolist()
    return not {"interrupted", "waiting"}.isdisjoint(outcomes)


@dataclass(repr=False)
class History:
    """What happened in a training: one entry an epoch.

    Attributes
    ----------
    loss : list of float
        Mean loss of a sample, each taken just before the step that its mini-batch makes; without penalties. With
        label smoothing that of the smoothed targets.
    seconds : list of float
        Wall-clock time of each epoch; the first one holds the compilation, if there was one.
    validation_loss : list of float
        Mean loss of the validation rows after each epoch, whose targets are not smoothed; empty without.
    best_epoch : int or None
        With `patience`: the epoch whose parameters the network has; the first one is 1.
    outcome : {"finished", "stopped", "interrupted", "diverged"}
        All epochs were trained; `patience`, a callback or a goal of the rule ended it; the time limit or Ctrl-C did; or
        its loss was no longer finite.
    effective_parameters : list of float
        With `BayesianRegularization`: how many parameters the data determine, after each epoch; else empty.

    Examples
    --------
    >>> import fastbp
    >>> history = fastbp.train(fastbp.Network((1, 1), output="identity"), [[1.0]], [1.0], epochs=3)
    >>> len(history.loss), history.loss[0] > history.loss[2], history.outcome
    (3, True, 'finished')
    """

    loss: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    best_epoch: int | None = None
    outcome: str = "finished"
    effective_parameters: list = field(default_factory=list)

    def _note(self, loss, validation_loss, seconds):
        """What an epoch has come to; validation_loss is None without validation rows."""
        self.loss.append(loss)
        if validation_loss is not None:
            self.validation_loss.append(validation_loss)
        self.seconds.append(seconds)

    def __repr__(self):
        parts = [counted(len(self.loss), "epoch")]
        for name, values in (("loss", self.loss), ("validation loss", self.validation_loss)):
            if values:
                before = f" (first {values[0]:.4g})" if len(values) > 1 else ""
                parts.append(f"{name} {values[-1]:.4g}{before}")
        if self.best_epoch is not None:
            parts.append(f"best in epoch {self.best_epoch}")
        if self.seconds:
            parts.append(f"{sum(self.seconds):.3g} s")
        return f"<History: {', '.join([*parts, self.outcome])}>"

    def _repr_html_(self):
        from fastbp import notebook  # for those who have one

        return notebook.history_html(self)

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
        >>> history = fastbp.train(fastbp.Network((1, 1), output="identity"), [[1.0]], [0.0], epochs=5)
        >>> history.plot(Figure().subplots()).get_ylabel()
        'loss'
        """
        from fastbp import plots  # here, because most trainings are not drawn

        return plots.loss(self, ax)


class Diverged(FloatingPointError):
    """The loss or a parameter is no longer finite. The network has the parameters of the last finite epoch.

    Parameters
    ----------
    epoch : int
        The epoch that failed; the first one is 1.
    optimizer : Optimizer
    history : History
        The epochs before it.

    Examples
    --------
    >>> import fastbp
    >>> network = fastbp.Network((1, 1), output="identity")
    >>> try:
    ...     fastbp.train(network, [[100.0]], [1.0], epochs=100, optimizer=fastbp.SGD(10.0))
    ... except fastbp.Diverged as problem:
    ...     print(problem.epoch == len(problem.history.loss) + 1)
    True
    """

    def __init__(self, epoch, optimizer, history):
        super().__init__(epoch, optimizer, history)
        self.epoch, self.optimizer, self.history = epoch, optimizer, history
        history.outcome = "diverged"

    def __str__(self):
        slower = "" if self.optimizer.learning_rate is None else "Lower the learning rate, or s"
        kept = f"those of epoch {self.epoch - 1}" if self.epoch > 1 else "those from before the training"
        return (
            f"training diverged in epoch {self.epoch} with {self.optimizer}: the loss or a parameter is no longer "
            f"finite. {slower or 'S'}cale X (and D, for output='identity') to about -1..1. "
            f"The network's parameters are {kept}."
        )


@dataclass(frozen=True, repr=False)
class TrainingState:
    """How far a training has come: what callbacks are called with, after each epoch.

    A callback that returns something true ends the training of that network.

    Attributes
    ----------
    epoch : int
        Epochs (or iterations of "lbfgs") done; the first one is 1.
    epochs : int
        Those that there are to be, at most.
    loss : float
        Of this epoch.
    seconds : float
        Since the training began.
    network : Network
        With its present parameters. It may be looked at, and predict; changing it changes the training.
    validation_loss : float or None
        Of the validation rows after it.
    validation_score : float or None
        Of the validation data after it, where an estimator has some: the accuracy, or R2.
    estimator : object or None
        The MLPClassifier or MLPRegressor whose `fit` it is.
    index : int
        Place of the network in the list that `train_many` trains; else 0.

    Examples
    --------
    >>> import fastbp
    >>> def enough(state):
    ...     return state.loss < 0.01
    >>> network = fastbp.Network((1, 1), output="identity")
    >>> history = fastbp.train(network, [[1.0]], [3.0], epochs=1000, callbacks=enough)
    >>> history.outcome, history.loss[-1] < 0.01 < history.loss[-2]
    ('stopped', True)
    """

    epoch: int
    epochs: int
    loss: float
    seconds: float
    network: object
    validation_loss: float | None = None
    validation_score: float | None = None
    estimator: object = None
    index: int = 0

    def __repr__(self):
        parts = [f"epoch {self.epoch:,} of {self.epochs:,}", f"loss {self.loss:.4g}"]
        for name in ("validation_loss", "validation_score"):
            if getattr(self, name) is not None:
                parts.append(f"{name.replace('_', ' ')} {getattr(self, name):.4g}")
        sizes = "-".join(map(str, self.network.sizes))
        return f"<TrainingState: {', '.join(parts)}, {self.seconds:.3g} s, network {self.index}: {sizes}>"


def asked_to_end(callbacks, state):
    """Whether one of the callbacks, which are all called, returns something true.

    Raises
    ------
    ValueError
        If what one returns is neither true nor false, as an array of several numbers is.
    """
    answers = [_is_true(callback, callback(state)) for callback in callbacks]  # all of them are called
    return any(answers)


def _is_true(callback, answer):
    try:
        return bool(answer)
    except (TypeError, ValueError) as problem:
        name = getattr(callback, "__qualname__", repr(callback))
        raise ValueError(
            f"callbacks: {name} must return None or something that is true or false, got {shown(answer)}"
        ) from problem
