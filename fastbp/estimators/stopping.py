"""When a training ends: no improvement for some epochs, no time left, or someone asks for it; and the best weights."""

import time

import numpy as np


def compared(loss, best, tol):
    """Whether a loss counts as no improvement, and whether it is the best: of one training, or of many by elements."""
    return loss > best - tol, loss < best


class Stopping:
    """Counts epochs without improvement, as scikit-learn does, and keeps the parameters of the best one.

    The count and the best go on in the estimator, so that warm starts and `partial_fit` continue them.
    """

    def __init__(self, estimator, validated):
        self._estimator, self._begin = estimator, time.monotonic()
        self._by_score = estimator.early_stopping and validated
        restore = estimator.restore_best_weights
        self.restores = self._by_score if restore is None else restore
        if validated and getattr(estimator, "validation_scores_", None) is None:
            estimator.validation_scores_, estimator.best_validation_score_ = [], -np.inf
        self._by_loss = not self._by_score and estimator.solver != "lbfgs"  # which lowers its loss anyway
        if self._by_loss and estimator.best_loss_ is None:
            estimator.best_loss_ = np.inf

    def epoch(self, theta, loss, score):
        """Takes note of an epoch; score is None without validation data."""
        own = self._estimator
        better = stalled = False
        if self._by_score:
            stalled = score < own.best_validation_score_ + own.tol
        elif self._by_loss:
            stalled, better = compared(loss, own.best_loss_, own.tol)
        own._no_improvement_count = own._no_improvement_count + 1 if stalled else 0
        if better:
            own.best_loss_ = loss
        if score is not None:
            own.validation_scores_.append(score)
            better = score > own.best_validation_score_
            if better:
                own.best_validation_score_ = score
        if better and self.restores:
            own._best = theta.copy()

    @property
    def exhausted(self):
        """Whether there was no improvement for too long."""
        return self._estimator._no_improvement_count > self._estimator.n_iter_no_change

    @property
    def message(self):
        own = self._estimator
        what = "Validation score did not improve" if self._by_score else "Training loss did not improve"
        return f"{what} more than tol={own.tol:f} for {own.n_iter_no_change} consecutive epochs."

    @property
    def out_of_time(self):
        limit = self._estimator.time_limit
        return limit is not None and time.monotonic() - self._begin >= limit

    def restore(self, theta):
        """The best parameters, if they are wanted and there are any."""
        if self.restores and self._estimator._best is not None:
            np.copyto(theta, self._estimator._best)
