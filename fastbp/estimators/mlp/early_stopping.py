"""scikit-learn's early stopping, by the rule of `training.early_stopping`, and the best weights."""

import numpy as np

from fastbp.estimators.mlp import parameters
from fastbp.training.early_stopping import EarlyStopping


class EstimatorStopping:
    """Counts epochs without improvement, and keeps the parameters of the best one.

    The count and the best go on in the estimator, so that warm starts and `partial_fit` continue them.
    """

    def __init__(self, estimator, validated):
        self._estimator, self._by_score = estimator, estimator.early_stopping and validated
        restore = estimator.restore_best_weights
        self.restores = self._by_score if restore is None else restore
        if validated and getattr(estimator, "validation_scores_", None) is None:
            estimator.validation_scores_, estimator.best_validation_score_ = [], -np.inf
        self._by_loss = not self._by_score and parameters.is_stochastic(estimator)  # others lower their loss anyway
        if self._by_loss and estimator.best_loss_ is None:
            estimator.best_loss_ = np.inf
        self._rule = EarlyStopping(estimator.n_iter_no_change + 1, estimator.tol, like_sklearn=True)

    def update(self, theta, loss, score):
        """Takes note of an epoch (score is None without validation data); whether there was no improvement for too
        long."""
        own, best, exhausted = self._estimator, False, False
        if self._by_score or self._by_loss:
            self._rule.best = -own.best_validation_score_ if self._by_score else own.best_loss_
            self._rule.waited = own._no_improvement_count
            best, exhausted = self._rule.update(-score if self._by_score else loss)
            own._no_improvement_count = self._rule.waited
        if self._by_loss and best:
            own.best_loss_ = loss
        if score is not None:
            own.validation_scores_.append(score)
            best = score > own.best_validation_score_
            if best:
                own.best_validation_score_ = score
        if best and self.restores:
            own._best = theta.copy()
        return bool(exhausted)

    @property
    def message(self):
        """Why the training ends."""
        own = self._estimator
        what = "Validation score did not improve" if self._by_score else "Training loss did not improve"
        return f"{what} more than tol={own.tol:f} for {own.n_iter_no_change} consecutive epochs."

    @property
    def has_best(self):
        """Whether the best parameters are wanted, and there are any."""
        return self.restores and self._estimator._best is not None

    def restore(self, theta):
        """The best parameters, if they are wanted and there are any."""
        if self.has_best:
            np.copyto(theta, self._estimator._best)
