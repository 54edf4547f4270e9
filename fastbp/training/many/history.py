"""What `train_many` returns."""

from dataclasses import dataclass

import numpy as np

from fastbp import validation
from fastbp.training.history import History


@dataclass(frozen=True, repr=False)
class ManyHistory:
    """What happened in the trainings of `train_many`: a row for each network.

    Attributes
    ----------
    loss : ndarray of shape (networks, epochs)
        Mean loss of a sample in each epoch, as `History.loss`; NaN for epochs that were not trained.
    validation_loss : ndarray of shape (networks, epochs)
        Mean loss of the validation rows after each epoch; NaN where there is none.
    epochs : ndarray of int, shape (networks,)
        Epochs trained.
    best_epoch : ndarray of int, shape (networks,)
        With `patience`: the epoch whose parameters the network has, the first one is 1; else 0.
    outcome : ndarray of str, shape (networks,)
        "finished", "stopped" (by patience or a callback), "diverged", "interrupted" (by Ctrl-C or the time limit, after
        some epochs) or "waiting" (not begun).
    seconds : float
        Wall-clock time of all.
    validated : ndarray of bool, shape (networks,)
        Whether a network had validation rows, whose mean loss may be NaN, too.

    Examples
    --------
    >>> import fastbp
    >>> networks = [fastbp.Network((1, 2, 1), output="identity", seed=i) for i in range(3)]
    >>> done = fastbp.train_many(networks, [[0.0], [1.0]], [[0.0], [1.0]], epochs=[1, 2, 3])
    >>> done.loss.shape, done.epochs.tolist(), done.outcome.tolist()
    ((3, 3), [1, 2, 3], ['finished', 'finished', 'finished'])
    >>> len(done.history(2).loss)
    3
    """

    loss: np.ndarray
    validation_loss: np.ndarray
    epochs: np.ndarray
    best_epoch: np.ndarray
    outcome: np.ndarray
    seconds: float
    validated: np.ndarray

    def __repr__(self):
        outcomes, counts = np.unique(self.outcome, return_counts=True)
        ended = ", ".join(f"{count:,} {outcome}" for outcome, count in zip(outcomes, counts, strict=True))
        last = [loss[n - 1] for loss, n in zip(self.loss, self.epochs, strict=True) if n]
        losses = f", median loss {np.median(last):.4g} (best {np.min(last):.4g})" if last else ""
        networks = validation.counted(len(self.epochs), "network")
        return f"<ManyHistory: {networks}, {ended}{losses}, {self.seconds:.3g} s>"

    def history(self, index):
        """What `train` returns for one network.

        Parameters
        ----------
        index : int
            Its place in the list.

        Returns
        -------
        History
            Without seconds, because networks are trained together.

        Examples
        --------
        >>> import fastbp
        >>> done = fastbp.train_many([fastbp.Network((1, 1), output="identity")], [[1.0]], [[1.0]], epochs=2)
        >>> done.history(0).best_epoch is None
        True
        """
        n = int(self.epochs[index])
        watched = self.validation_loss[index, :n].tolist() if self.validated[index] else []
        best, outcome = int(self.best_epoch[index]) or None, str(self.outcome[index])
        return History(self.loss[index, :n].tolist(), [], watched, best, outcome)


def history_of(jobs, seconds):
    """That of jobs which have ended."""
    longest = max(len(job.loss) for job in jobs)
    loss, validation_loss = (np.full((len(jobs), longest), np.nan) for _ in range(2))
    for row, job in enumerate(jobs):
        loss[row, : len(job.loss)] = job.loss
        validation_loss[row, : len(job.validation_loss)] = job.validation_loss
    return ManyHistory(
        loss, validation_loss, np.array([len(job.loss) for job in jobs]),
        np.array([job.best_epoch or 0 for job in jobs]), np.array([job.outcome for job in jobs]), seconds,
        np.array([job.how.validation_rows is not None for job in jobs]),
    )  # fmt: skip
