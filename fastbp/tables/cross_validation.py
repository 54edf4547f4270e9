"""Cross-validation of a table: a network for each fold, all trained in one call of `train_many`."""

import numpy as np

from fastbp.tables.blocks import all_of
from fastbp.tables.mean_outputs import mean_outputs
from fastbp.tables.roles import TEST
from fastbp.tables.scores import Scores
from fastbp.tables.target import CLASSES
from fastbp.training.history import was_interrupted

MOST_BYTES = 1 << 30  # of the rows as numbers, which are in memory all at once
MEASURES = {
    True: {"accuracy": "accuracy {:.1%}", "balanced_accuracy": "balanced accuracy {:.1%}", "f1": "macro F1 {:.3f}",
           "log_loss": "log loss {:.4g}", "roc_auc": "AUC {:.3f}"},
    False: {"rmse": "RMSE {:.4g}", "mae": "mean error {:.4g}", "r2": "R^2 {:.3f}"},
}  # fmt: skip


class CrossValidation:
    """The scores of networks, each for the rows of a fold that it was not trained with.

    Parameters
    ----------
    folds : list of Scores
    interrupted : bool
        Whether not all was trained to its end.
    diverged : int
        Networks that have diverged, and have the parameters of their last finite epoch.

    Attributes
    ----------
    folds, interrupted, diverged : list of Scores, bool, int
        As given.
    mean, deviation : dict of str to float
        Of each score over the folds: "accuracy", "balanced_accuracy", "f1", "log_loss" and, of two classes, "roc_auc";
        or "rmse", "mae" and "r2". The standard deviation is that of a sample (n - 1).
    """

    def __init__(self, folds, interrupted=False, diverged=0):
        self.folds, self.interrupted, self.diverged, self.mean, self.deviation = folds, interrupted, diverged, {}, {}
        for name in self._measures if folds else ():
            values = np.array([getattr(scores, name) for scores in folds])
            values = values[~np.isnan(values)]  # a fold whose targets are all alike has no R^2
            if len(values):
                self.mean[name], self.deviation[name] = float(values.mean()), float(_deviation(values))

    def __repr__(self):
        return f"<CrossValidation: {'; '.join(self.lines())}>"

    @property
    def _measures(self):
        return MEASURES[self.folds[0].target.kind == CLASSES]

    def lines(self):
        """What to print."""
        if not self.folds:
            yield "cross-validation: interrupted before there was a score"
            return
        found = [
            f"{how.format(self.mean[name])} +- {how.format(self.deviation[name]).split()[-1]}"
            for name, how in self._measures.items() if name in self.mean
        ]  # fmt: skip
        early = ", interrupted: networks were trained less than others would be" * self.interrupted
        early += f", {self.diverged} networks diverged: lower the learning rate" * (self.diverged > 0)
        yield f"{len(self.folds)}-fold cross-validation: {', '.join(found)}{early}"


def _deviation(values):
    return values.std(ddof=1) if len(values) > 1 else np.nan


def check_folds(cv, column, encoding, dtype):
    """Refuses folds that a table cannot have.

    Parameters
    ----------
    cv : int
    column : Column
        The target.
    encoding : Encoding
    dtype : numpy.dtype
    """
    classes = encoding.target.kind == CLASSES
    least = min(n for n in column.trained_texts.values() if n) if classes else column.trained
    if cv > least:
        what = "rows of the smallest class" if classes else "rows"
        raise ValueError(
            f"cv must be at most the number of {what} that are not held out for the test, {least:,}, got {cv}"
        )
    size = column.trained * (encoding.width + encoding.target.outputs) * dtype.itemsize
    if size > MOST_BYTES:
        raise ValueError(
            f"cv must be None for a table that takes more than {MOST_BYTES / 2**30:g} GiB of memory as numbers, got "
            f"{cv} for {size / 2**30:.2g} GiB: the score of so many rows that are held out (test_size) says enough"
        )


def cross_validated(cv, fitting, target, places, part, time_limit):
    """The scores of networks like those of a model, each trained as those are, but without the rows of a fold.

    Parameters
    ----------
    cv : int
        Folds; of classes each has the same part.
    fitting : Fitting
        Of which all is taken but the callbacks.
    target : Target
    places : sequence of Blocks
        Those for training and validation are used.
    part : float
        Of the rows to train a network with that are held out for early stopping.
    time_limit : float or None
        As of `train_many`.

    Returns
    -------
    CrossValidation
    """
    X, d = all_of(places[:TEST])
    seed, strata, members = fitting.seed, d if target.kind == CLASSES else None, fitting.ensemble
    folds = spread_evenly(np.arange(len(d)), strata, seed) % cv
    rows = [np.flatnonzero(folds != fold) for fold in range(cv)]
    is_held_out = [_is_held_out(spread_evenly(of, strata, [seed, fold]), part) for fold, of in enumerate(rows)]
    stopping = [of[here] for of, here in zip(rows, is_held_out, strict=True)] * members
    training = [of[~here] for of, here in zip(rows, is_held_out, strict=True)] * members
    seeds = [*range(seed, seed + cv * members)]
    networks, history = fitting.fit_together(target, X, d, seeds, training, stopping, time_limit)
    scores, begun = [], {id(network) for network in fitting.begun(networks, history)}
    for fold in range(cv):
        of_fold = [network for network in networks[fold::cv] if id(network) in begun]
        if of_fold:
            scores.append(Scores(target))
            scores[-1].add(mean_outputs(of_fold, X[folds == fold]), d[folds == fold])
    return CrossValidation(scores, was_interrupted(history), int((history.outcome == "diverged").sum()))


def _is_held_out(place, part):
    """Which of the rows with these places are held out: the same part all along."""
    return np.floor((place + 1) * part) > np.floor(place * part)


def spread_evenly(rows, strata, seed):
    """A place for each of some rows, drawn at random; rows of a class have places one behind the other."""
    order = np.random.default_rng(seed).permutation(len(rows))
    if strata is not None:
        order = order[np.argsort(strata[rows[order]], kind="stable")]
    place = np.empty(len(rows), int)
    place[order] = np.arange(len(rows))
    return place
