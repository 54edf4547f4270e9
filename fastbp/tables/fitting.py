"""How networks for a table are trained, whatever their rows: one on blocks of them, or several at once in memory."""

import dataclasses
import time
import warnings

import numpy as np

from fastbp.tables.blocks import all_of
from fastbp.tables.cells import TableError
from fastbp.tables.recipes import Recipe
from fastbp.tables.refit import time_left, trained, trains_again
from fastbp.tables.roles import TEST, TRAINING
from fastbp.tables.table_training import TableTraining
from fastbp.tables.target import CLASSES
from fastbp.training.history import Diverged, was_interrupted
from fastbp.training.many.train_many import train_many

MOST_BYTES = 4 << 30  # of the rows of an ensemble as numbers, which are in memory all at once


@dataclasses.dataclass
class Fitting:
    """What the trainings on a table have in common.

    Attributes
    ----------
    recipe : Recipe
    ensemble : int
        Networks whose mean outputs are the predictions.
    dtype : numpy.dtype
    seed, min_delta, threads, callbacks
        As of `train_table`; `seed` is that of the first network.
    weights : ndarray or None
        Of the classes.
    shown : Display
    """

    recipe: Recipe
    ensemble: int
    dtype: np.dtype
    seed: int
    min_delta: float
    threads: int | None
    callbacks: tuple
    weights: np.ndarray | None
    shown: object

    def fit(self, target, places, judged=None, time_limit=None):
        """Trains on the rows in some Blocks; `judged` as in `refit.trained`.

        Returns
        -------
        networks : list of Network
            Of an ensemble those whose training has begun.
        history : History or ManyHistory
            Of an ensemble the latter.

        Raises
        ------
        Diverged
        KeyboardInterrupt
            If it comes before any network has an epoch behind it.
        """
        if self.ensemble > 1:
            return self._fit_all(target, places, time_limit, judged)
        network = self.recipe.network(places[TRAINING].inputs, target.outputs, target.kind, self.dtype, self.seed)
        training = TableTraining(network, target, places, self.recipe, self.min_delta, self.seed)
        training.weights = self.weights
        of_loop = self.threads, self.callbacks, self.shown, time_limit
        return [network], trained(training, places, *of_loop, judged)

    def _fit_all(self, target, places, time_limit, judged):
        rows = sum(place.rows for place in places[:TEST])
        size = sum(place.bytes for place in places[:TEST]) + rows * target.outputs * self.dtype.itemsize
        if size > MOST_BYTES:
            raise TableError(
                f"an ensemble is trained on rows in memory, at most {MOST_BYTES >> 30} GiB of numbers, and there are "
                f"{size / 2**30:.1f}: train one network (ensemble=1)"
            )
        X, d = all_of(places[:TEST])
        rows, trained_rows = np.arange(len(d)), places[TRAINING].rows
        seeds, stopping = [*range(self.seed, self.seed + self.ensemble)], rows[trained_rows:]
        networks, history = self.fit_together(
            target, X, d, seeds, [rows[:trained_rows]] * self.ensemble, [stopping] * self.ensemble, time_limit,
            self.callbacks, judged,
        )  # fmt: skip
        (diverged,) = np.nonzero(history.outcome == "diverged")
        if diverged.size:
            of_first = history.history(int(diverged[0]))
            raise Diverged(len(of_first.loss) + 1, self.recipe.optimizer, of_first)
        networks = self.begun(networks, history)
        if not networks:
            raise KeyboardInterrupt
        return networks, history

    def begun(self, networks, history):
        """Those networks that have an epoch behind them, or were to have none."""
        least = min(1, self.recipe.epochs)
        return [network for network, epochs in zip(networks, history.epochs, strict=True) if epochs >= least]

    def fit_together(self, target, X, d, seeds, training, stopping, time_limit, callbacks=(), judged=None):
        """Networks of these seeds in one call of `train_many`; of few rows once more with all, as in `refit.trained`.

        Parameters
        ----------
        target : Target
        X, d : ndarray of shape (rows, width), (rows,)
            What is in Blocks.
        seeds : list of int
        training, stopping : list of ndarray of int
            For each network its rows to train with and to stop by, which may be none.
        time_limit, callbacks
            As of `train_many`.
        judged : callable, optional
            As in `refit.trained`.

        Returns
        -------
        networks : list of Network
        history : ManyHistory
            Of the first training.
        """
        of_classes, recipe = target.kind == CLASSES, self.recipe

        def fresh():
            return [recipe.network(X.shape[1], target.outputs, target.kind, self.dtype, seed) for seed in seeds]

        networks, begin = fresh(), time.monotonic()
        weights = None if self.weights is None else self.weights[d.astype(int)]
        how = {
            "D": d.astype(int) if of_classes else d[:, None], "epochs": recipe.epochs, "batch_size": recipe.batch_size,
            "optimizer": recipe.optimizer, "rate_factors": recipe.rate_factors(networks[0]),
            "diagonal": recipe.diagonal, "label_smoothing": recipe.label_smoothing if of_classes else 0.0,
            "sample_weight": weights, "seed": seeds,
            "threads": self.threads, "min_delta": self.min_delta,
            "progress": lambda done, total, seconds: self.shown.status(f"{done} of {total} networks trained"),
        }  # fmt: skip
        validated = [rows if len(rows) and (weights is None or weights[rows].any()) else None for rows in stopping]
        patience = recipe.patience_with(all(map(len, stopping)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".* networks diverged: ")  # the caller looks for them
            history = train_many(
                networks, X, rows=training, validation_rows=validated, patience=patience, callbacks=callbacks,
                time_limit=time_limit, **how,
            )  # fmt: skip
            if judged and self.begun(networks, history):
                judged(self.begun(networks, history))
            rows = [np.sort(np.concatenate(both)) for both in zip(training, stopping, strict=True)]
            ends, ended = history.best_epoch, np.isin(history.outcome, ["finished", "stopped"])
            few, left = trains_again(recipe, max(map(len, rows)), min(map(len, stopping))), time_left(time_limit, begin)
            if few and ended.all() and (ends > 0).all() and (left is None or left > 0):
                again = fresh()
                at_their_ends = [lambda state: state.epoch >= ends[state.index]]
                done = train_many(again, X, rows=rows, callbacks=at_their_ends, time_limit=left, **how)
                if np.isin(done.outcome, ["finished", "stopped"]).all():
                    networks = again
                elif was_interrupted(done):
                    history = dataclasses.replace(history, outcome=np.full(len(networks), "interrupted"))
        return networks, history
