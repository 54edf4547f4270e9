"""How good predictions are, and how good it would be to predict always the same."""

import numpy as np

from fastbp.tables.mean_outputs import mean_outputs
from fastbp.tables.target import CLASSES
from fastbp.tables.trained_rows import Familiar
from fastbp.validation import counted

RANKED = 1 << 20  # rows, at most, for the area under the curve


class Scores:
    """Sums over rows, of which the scores follow.

    Parameters
    ----------
    target : Target
    trained_rows : TrainedRows or None
        In which the rows are looked up.

    Attributes
    ----------
    rows, left_out : int
        Rows with a target, and those without.
    confusion : ndarray of int, shape (classes, classes)
        How often each class (row) was predicted as each (column).
    familiar : Familiar
        Which of the rows were trained with.
    """

    def __init__(self, target, trained_rows=None):
        self.target, self.rows, self.left_out = target, 0, 0
        self.confusion = np.zeros((target.outputs, target.outputs), np.int64)
        self._sums = np.zeros(4)  # of d, d^2, (y - d)^2, |y - d|: standardised values
        self._log_loss, self._ranked, self.familiar = 0.0, [], Familiar(trained_rows)

    def __repr__(self):
        return f"<Scores: {'; '.join(self.lines())}>"

    def add(self, Y, d):
        """The outputs Y (rows, outputs) for rows whose encoded targets are d (rows,); NaN is left out."""
        known = ~np.isnan(d)
        Y, d = Y[known], d[known].astype(np.float64)
        self.rows += len(d)
        self.left_out += len(known) - len(d)
        if self.target.kind == CLASSES:
            d = d.astype(int)
            np.add.at(self.confusion, (d, Y.argmax(axis=1)), 1)
            self._log_loss -= np.log(np.maximum(Y[np.arange(len(d)), d], np.finfo(Y.dtype).eps)).sum(dtype=np.float64)
            if Y.shape[1] == 2 and self.rows <= RANKED:
                self._ranked.append((d == 1, Y[:, 1]))
        else:
            with np.errstate(over="ignore"):
                d, y = (
                    (x - self.target.mean) / self.target.deviation
                    for x in (self.target.restored(d), self.target.decode(Y))
                )
                self._sums += d.sum(), np.square(d).sum(), np.square(y - d).sum(), np.abs(y - d).sum()

    @property
    def trained(self):
        """How many of the rows are the same as rows of the training, an int; where the model knows some of these only,
        an estimate. None if it knows none."""
        return self.familiar.trained

    @property
    def accuracy(self):
        """The part of the rows whose class is right."""
        return float(self.confusion.trace() / self.rows)

    @property
    def usual_accuracy(self):
        """That of predicting always the class that was most frequent in training."""
        return float(self.confusion[self.target.usual].sum() / self.rows)

    @property
    def balanced_accuracy(self):
        """The mean over the classes of these rows of the part of their rows that is found (recall)."""
        found, rows = np.diagonal(self.confusion), self.confusion.sum(axis=1)
        return float((found[rows > 0] / rows[rows > 0]).mean())

    @property
    def f1(self):
        """The mean over the classes that are here or were predicted of 2 right / (rows + predictions)."""
        both = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return float((2 * np.diagonal(self.confusion)[both > 0] / both[both > 0]).mean())

    @property
    def log_loss(self):
        """The mean of -log of the probability of the class that was right."""
        return float(self._log_loss / self.rows)

    @property
    def roc_auc(self):
        """Of two classes: how probable it is that a row of the second has the higher probability of it, ties counting
        half. NaN if a class has no row, or there are too many rows to be ranked."""
        if not self._ranked or self.rows > RANKED:
            return float("nan")
        is_second, p = map(np.concatenate, zip(*self._ranked, strict=True))
        _, place, often = np.unique(p, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(often) - (often - 1) / 2)[place]
        second = int(is_second.sum())
        pairs = second * (len(p) - second)
        return float((ranks[is_second].sum() - second * (second + 1) / 2) / pairs) if pairs else float("nan")

    @property
    def rmse(self):
        """The root of the mean squared error, in units of the target."""
        return float(np.sqrt(self._sums[2] / self.rows) * self.target.deviation)

    @property
    def usual_rmse(self):
        """That of predicting always the mean of the training."""
        return float(np.sqrt(self._sums[1] / self.rows) * self.target.deviation)

    @property
    def mae(self):
        """The mean distance, in units of the target."""
        return float(self._sums[3] / self.rows * self.target.deviation)

    @property
    def r2(self):
        """1 - squared error / squared deviation of these rows from their mean; NaN if they are all alike."""
        total, squares, error, _ = self._sums
        spread = squares - total**2 / self.rows
        return float(1 - error / spread) if spread > 0 else float("nan")

    def lines(self, what=""):
        """What to print; `what` stands before the score."""
        if self.rows == 0:
            yield f"{what}rows: none, so there is no score"
        elif self.target.kind == CLASSES:
            yield f"{what}accuracy: {self.accuracy:.1%} of {counted(self.rows, 'row')}"
            usual = self.target.texts[self.target.usual]
            yield f"baseline: {self.usual_accuracy:.1%}, if it were always {usual!r}, the most frequent class"
            auc = "" if np.isnan(self.roc_auc) else f", AUC {self.roc_auc:.3f}"
            share, f1 = f"balanced accuracy {self.balanced_accuracy:.1%}", f"macro F1 {self.f1:.3f}"
            yield f"{share}, {f1}, log loss {self.log_loss:.4g}{auc}"
        else:
            rows = counted(self.rows, "row")
            yield f"{what}RMSE: {self.rmse:.4g} on {rows} (mean error {self.mae:.4g}, R^2 {self.r2:.3f})"
            yield f"baseline: {self.usual_rmse:.4g}, if it were always the mean in training, {self.target.mean:.4g}"
        if self.left_out:
            yield f"left out: {counted(self.left_out, 'row')} without a target"
        yield from self.familiar.lines()


def scores_of_rows(networks, target, place):
    """The Scores of the mean of networks for the rows in some Blocks."""
    scores = Scores(target)
    for block in place.numbers():
        X, d = place.read(block)
        scores.add(mean_outputs(networks, X), d)
    return scores
