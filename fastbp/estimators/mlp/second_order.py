"""Levenberg and Marquardt's steps for an estimator: those of `train`, with what an estimator asks of its iterations."""

from types import SimpleNamespace

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastbp import caller
from fastbp.estimators.mlp import parameters
from fastbp.estimators.mlp.early_stopping import EstimatorStopping
from fastbp.estimators.mlp.progress import shown_for
from fastbp.lecture import codes
from fastbp.second_order import refuse_network
from fastbp.threads.cores import trainings
from fastbp.training.history import Diverged
from fastbp.training.least_squares import LeastSquares
from fastbp.training.loop import Loop
from fastbp.training.progress import display


def fit_second_order(estimator, request):
    """Iterations until the rule says that they are enough, or the estimator's rules do."""
    network, rule = estimator._net(), parameters.second_order(estimator)
    data = request.data(network.dtype)
    if data.sparse:
        raise ValueError(f"X must be dense for solver={estimator.solver!r}, got a sparse matrix: X.toarray()")
    settings = parameters.settings(estimator, None, 0)
    refuse_network(rule, network)
    settings[codes.L2] /= data.weight.sum(dtype=np.float64)
    how = SimpleNamespace(
        network=network, optimizer=rule, theta=network.theta, layers=network.layers, rows=np.arange(len(data.D)),
        validation_rows=None, patience=None, min_delta=0.0, seed=0, epochs=estimator.max_iter, settings=settings,
    )  # fmt: skip
    with (
        display(shown_for(estimator.verbose, estimator.max_iter), estimator.max_iter, "iteration") as shown,
        trainings,
    ):
        _Iterations(how, data, estimator, request, shown).run()


class _Iterations(LeastSquares):
    """The iterations of one call of fit."""

    validated_by = "validation_score"

    def __init__(self, how, data, estimator, request, shown):
        super().__init__(how, data.X, data.D, data.weight)
        self.estimator, self.request, self._shown = estimator, request, shown
        self._early = EstimatorStopping(estimator, request.validation is not None)

    def run(self):
        own, request = self.estimator, self.request
        callbacks = [*parameters.callbacks(own), *own._callbacks_of_sklearn(request)]
        loop = Loop(
            self, callbacks, self._shown, own.time_limit, request.should_continue, calling_back=request.calling_back,
            one_of_many=request.one_of_many,
        )  # fmt: skip
        try:
            loop.run()
        except Diverged as problem:
            raise ValueError(str(problem)) from problem
        finally:
            np.copyto(self.how.theta, self.theta, casting="same_kind")
            self._early.restore(self.how.theta)
        if loop.epoch == 0:  # it began where it ends
            own.n_iter_, own.loss_ = 0, self._shown_loss(self.loss)
        request.check(own.n_iter_)
        if loop.outcome == "finished" and self._gradient_length() > self.rule.min_gradient:
            other = "tol" if own.solver == "lm" else "min_gradient"
            caller.warn(
                f"solver={own.solver!r}: all max_iter={own.max_iter} iterations were made, and the gradient is still "
                f"longer than {self.rule.min_gradient:g}. Raise max_iter, or {other}.", ConvergenceWarning
            )  # fmt: skip

    def _shown_loss(self, loss):
        """The loss as scikit-learn has it: the mean over several outputs, with the penalty."""
        return float(self.estimator._shown_error(loss) + self._penalty(self.theta))

    # ---- What the loop asks ------------------------------------------------------------------------------------------

    def validate(self):
        """The validation score, or None."""
        return None if self.request.validation is None else self.estimator._validation_score(*self.request.validation)

    def update(self, epoch, loss, score, seconds):
        own = self.estimator
        own.n_iter_, own.loss_ = epoch, self._shown_loss(loss)
        ends = self._early.update(self.how.theta, own.loss_, score) and own.early_stopping and score is not None
        if ends:
            self._shown.say(f"{self._early.message} Stopping.")
        return True, ends or loss <= self.rule.goal
