"""SciPy's L-BFGS over the loss and gradient of all samples."""

import time

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from fastbp import caller
from fastbp.estimators.mlp import parameters
from fastbp.estimators.mlp.early_stopping import EstimatorStopping
from fastbp.estimators.mlp.progress import shown_for
from fastbp.estimators.mlp.stochastic import SCALE
from fastbp.estimators.n_jobs import threads_of
from fastbp.lecture import codes
from fastbp.lecture.layout import weights
from fastbp.training.loop import Loop
from fastbp.training.progress import display

PART_BYTES = 1 << 24  # of values of the first layer, of which sparse samples have a row each


class _Stop(Exception):
    """Something else than SciPy ends the iterations. (Not StopIteration, which SciPy knows since 1.11 only.)"""


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
        _Iterations(estimator, request, network, data, batch_size, runner, shown).run()


class _Iterations:
    """The iterations of one call of fit. SciPy makes the loop; what follows from an iteration is the Loop's."""

    index, validated_by = 0, "validation_score"

    def __init__(self, estimator, request, network, data, batch_size, runner, shown):
        self.estimator, self.request, self.network, self.data = estimator, request, network, data
        self.theta, self.epochs = network.theta, estimator.max_iter
        self.batch_size, self.runner, self._shown, self.iteration = batch_size, runner, shown, 0
        self.stopping = EstimatorStopping(estimator, request.validation is not None)
        self.constant = estimator._constant_error(data)
        self.last, self._began = network.theta.astype(np.float64), time.perf_counter()
        callbacks = [*parameters.callbacks(estimator), *estimator._callbacks_of_sklearn(request)]
        self.loop = Loop(
            self, callbacks, shown, estimator.time_limit, request.should_continue, calling_back=request.calling_back,
            one_of_many=request.one_of_many,
        )  # fmt: skip

    def run(self):
        own, theta = self.estimator, self.theta
        options = {"maxfun": own.max_fun, "maxiter": own.max_iter, "gtol": own.tol}
        try:
            result = scipy.optimize.minimize(
                self.error, self.last, method="L-BFGS-B", jac=True, options=options, callback=self.iteration_ends
            )
            self.last = result.x
            self.iteration = _check_optimize_result("lbfgs", result, own.max_iter)
            own.loss_ = self.shown_loss(result.x)
        except _Stop:
            self.check()
        except KeyboardInterrupt:
            self.loop.interrupt()
        finally:
            self.loop = None  # it refers to this object, which may hold a copy of the samples
            np.copyto(theta, self.last, casting="same_kind")
            finite = np.isfinite(theta).all()
            self.stopping.restore(theta)
        own.n_iter_ = self.iteration
        if not finite:
            self._tell_of_divergence()

    def _tell_of_divergence(self):
        told = (
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed: {SCALE}."
        )
        if not self.stopping.has_best:
            raise ValueError(told)
        caller.warn(f"{told} The model has the best parameters before that.", ConvergenceWarning)

    def check(self):
        """Raises Interrupted if who asked for the fit ends it."""
        self.request.check(self.iteration)

    def error(self, x):
        """The error of all samples with its penalty, and its derivatives with respect to the parameters x."""
        self.check()
        own, network, data = self.estimator, self.network, self.data
        np.copyto(network.theta, x, casting="same_kind")
        dtheta, errors, whole = np.zeros(len(x)), 0.0, data.weight.sum(dtype=np.float64)
        report, rate = np.empty((1, codes.REPORTED)), np.zeros(1)
        for start in range(0, len(data.D), self.batch_size):
            rows = np.arange(start, min(start + self.batch_size, len(data.D)))
            self.runner.run(data.X, data.D, data.weight, rows, rate, 0, report, self.check)
            share = data.weight[rows].sum(dtype=np.float64) / whole
            errors += share * report[0, 0]
            dtheta += share * self.runner.gradient.astype(np.float64)
        penalty, strength = 0.0, own.alpha / whole
        for w, dw in zip(weights(x, network.layers), weights(dtheta, network.layers), strict=True):
            penalty += 0.5 * strength * np.vdot(w, w)
            dw += strength * w
        self.evaluated = x.copy(), own._shown_error(errors) + penalty
        return errors + penalty, dtheta

    def shown_loss(self, x):
        """The loss at x as scikit-learn has it: the mean over several outputs, and the whole Poisson deviance."""
        if not np.array_equal(self.evaluated[0], x):
            self.error(x)
        loss = self.evaluated[1]
        if self.constant is not None:
            loss += np.average(self.constant, weights=self.data.weight)
        return float(loss)

    def iteration_ends(self, x):
        loss = self.shown_loss(x)
        self.last = x.copy()
        np.copyto(self.theta, x, casting="same_kind")
        self.loop.end_epoch(loss, self._began)
        self._began = time.perf_counter()
        if self.loop.outcome != "finished":  # SciPy itself ends after the last iteration, and says why
            raise _Stop

    # ---- What the loop asks ------------------------------------------------------------------------------------------

    def validate(self):
        """The validation score, or None."""
        return None if self.request.validation is None else self.estimator._validation_score(*self.request.validation)

    def update(self, epoch, loss, score, seconds):
        """Takes note of an iteration; whether its parameters are to be kept (SciPy does that), and whether it ends."""
        own = self.estimator
        self.iteration, own.n_iter_, own.loss_ = epoch, epoch, loss
        ends = self.stopping.update(self.theta, loss, score) and own.early_stopping and score is not None
        if ends:
            self._shown.say(f"{self.stopping.message} Stopping.")
        return False, ends
