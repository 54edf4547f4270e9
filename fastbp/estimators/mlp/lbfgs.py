"""SciPy's L-BFGS over the loss and gradient of all samples: its iterations, with what an estimator asks of them."""

import time

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from fastbp import caller
from fastbp.estimators.mlp import parameters
from fastbp.estimators.mlp.early_stopping import EstimatorStopping
from fastbp.estimators.mlp.progress import shown_for
from fastbp.estimators.mlp.stochastic import SCALE, all_rows
from fastbp.estimators.n_jobs import threads_of
from fastbp.lecture import codes
from fastbp.training.lbfgs import Minimiser
from fastbp.training.loop import Loop
from fastbp.training.progress import display

PART_BYTES = 1 << 24  # of values of the first layer, of which sparse samples have a row each


def fit_lbfgs(estimator, request):
    """Iterations until SciPy says that they are enough, or the estimator's rules do."""
    network = estimator._net()
    data, batch_size = request.data(network.dtype), len(request.D)
    if data.sparse:
        batch_size = min(
            batch_size, max(1, PART_BYTES // (network.layers["receiving"].item(0) * network.dtype.itemsize))
        )
    settings = parameters.settings(estimator, None, 0)
    settings[codes.L2] = 0  # added once, to the sum of all parts
    moments, threads = np.empty((0, network.theta.size), network.dtype), threads_of(estimator.n_jobs)
    with (
        display(shown_for(estimator.verbose, estimator.max_iter), estimator.max_iter, "iteration") as shown,
        data.runner(network.theta, network.layers, batch_size, settings, moments, threads, False) as runner,
    ):
        minimiser = Minimiser(
            parameters.lbfgs(estimator), network.theta, network.layers, (data.X, data.D, data.weight),
            all_rows(len(data.D)), batch_size, runner, estimator.alpha / data.weight.sum(dtype=np.float64),
        )  # fmt: skip
        _Iterations(estimator, request, network, data, minimiser, shown).run()


class _Iterations:
    """The iterations of one call of fit. SciPy makes the loop; what follows from an iteration is the Loop's."""

    index, validated_by = 0, "validation_score"

    def __init__(self, estimator, request, network, data, minimiser, shown):
        self.estimator, self.request, self.network, self.data = estimator, request, network, data
        self.theta, self.epochs, self._shown = network.theta, estimator.max_iter, shown
        self.minimiser, self.found = minimiser, None
        self.stopping = EstimatorStopping(estimator, request.validation is not None)
        self.constant = estimator._constant_error(data)

    def run(self):
        own, request = self.estimator, self.request
        callbacks = [*parameters.callbacks(own), *own._callbacks_of_sklearn(request)]
        loop = Loop(
            self, callbacks, self._shown, own.time_limit, request.should_continue, calling_back=request.calling_back,
            one_of_many=request.one_of_many, all_epochs=self.iterate,
        )  # fmt: skip
        try:
            loop.run()
            own.n_iter_, finite = loop.epoch, True
            if loop.outcome == "finished":
                finite = self._take_result()
        finally:
            self.stopping.restore(self.theta)
        if loop.outcome == "interrupted":
            request.check(loop.epoch)
        if not finite:
            self._tell_of_divergence()

    def iterate(self, between, after):
        """The loop, which is SciPy's."""
        begin = time.perf_counter()

        def ends(error, penalty):
            nonlocal begin
            ended = after(self.shown_loss(error, penalty), begin)
            begin = time.perf_counter()
            return ended and self.estimator.n_iter_ < self.epochs  # SciPy itself ends after the last, and says why

        self.found = self.minimiser.run(self.epochs, between, ends)

    def _take_result(self):
        """What SciPy has come to; whether that is finite."""
        own, found = self.estimator, self.found
        own.n_iter_ = _check_optimize_result("lbfgs", found, own.max_iter)
        with np.errstate(all="ignore"):
            np.copyto(self.theta, found.x, casting="same_kind")
        finite = bool(np.isfinite(self.theta).all())
        if finite:
            own.loss_ = self.shown_loss(*self.minimiser.at(found.x))
        return finite

    def _tell_of_divergence(self):
        told = (
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed: {SCALE}."
        )
        if not self.stopping.has_best:
            raise ValueError(told)
        caller.warn(f"{told} The model has the best parameters before that.", ConvergenceWarning)

    def shown_loss(self, error, penalty):
        """The loss as scikit-learn has it: the mean over several outputs, and the whole Poisson deviance."""
        loss = self.estimator._shown_error(error) + penalty
        if self.constant is not None:
            loss += np.average(self.constant, weights=self.data.weight)
        return float(loss)

    # ---- What the loop asks ------------------------------------------------------------------------------------------

    def validate(self):
        """The validation score, or None."""
        return None if self.request.validation is None else self.estimator._validation_score(*self.request.validation)

    def update(self, epoch, loss, score, seconds):
        """Takes note of an iteration, whose parameters are kept; whether it is the last."""
        own = self.estimator
        own.n_iter_, own.loss_ = epoch, loss
        ends = self.stopping.update(self.theta, loss, score) and own.early_stopping and score is not None
        if ends:
            self._shown.say(f"{self.stopping.message} Stopping.")
        return True, ends
