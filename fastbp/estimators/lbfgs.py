"""SciPy's L-BFGS over the loss and gradient of all samples."""

import warnings

import numpy as np
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from fastbp.epochs import Epochs
from fastbp.estimators import parameters
from fastbp.estimators.progress import reporter
from fastbp.estimators.rows import CHUNK_BYTES
from fastbp.estimators.stopping import Stopping
from fastbp.lecture import codes
from fastbp.lecture.layout import weights


class _Stop(Exception):
    """Something else than SciPy ends the iterations. (Not StopIteration, which SciPy knows since 1.11 only.)"""


def fit_lbfgs(estimator, job):
    """Iterations until SciPy says that they are enough, or the estimator's rules do."""
    network = estimator._net()
    data, batch_size = job.data(network.dtype), len(job.D)
    if data.sparse:
        batch_size = min(batch_size, max(1, CHUNK_BYTES // (job.X.shape[1] * network.dtype.itemsize)))
    settings, threads = parameters.settings(estimator, None, 0), estimator.threads
    settings[codes.L2] = 0  # added once, to the sum of all parts
    moments = np.empty((0, network.theta.size), network.dtype)
    with Epochs(network.theta, network.layers, batch_size, settings, moments, threads=threads) as epochs:
        _Iterations(estimator, job, network, data, batch_size, epochs).run()


class _Iterations:
    """The iterations of one call of fit."""

    def __init__(self, estimator, job, network, data, batch_size, epochs):
        self.own, self.job, self.network, self.data = estimator, job, network, data
        self.batch_size, self.epochs, self.iteration = batch_size, epochs, 0
        self.stopping = Stopping(estimator, job.validation is not None)
        self.progress = reporter(estimator.verbose, estimator.max_iter)
        self.constant = estimator._constant_error(data)
        self.last = network.theta.astype(np.float64)

    def run(self):
        own, theta = self.own, self.network.theta
        options = {"maxfun": own.max_fun, "maxiter": own.max_iter, "gtol": own.tol}
        try:
            result = scipy.optimize.minimize(
                self.error, self.last, method="L-BFGS-B", jac=True, options=options, callback=self.iteration_ends
            )
            self.last = result.x
            self.iteration = _check_optimize_result("lbfgs", result, own.max_iter)
            own.loss_ = self.shown_loss(result.x)
        except _Stop:
            pass
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        finally:
            self.progress.close()
            np.copyto(theta, self.last, casting="same_kind")
            self.stopping.restore(theta)
        own.n_iter_ = self.iteration
        if not np.isfinite(theta).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to "
                "be preprocessed: scale X (and a regressor's y) to about -1..1, by "
                "sklearn.preprocessing.StandardScaler for example."
            )

    def error(self, x):
        """The error of all samples with its penalty, and its derivatives with respect to the parameters x."""
        self.job.check()
        own, network, data = self.own, self.network, self.data
        np.copyto(network.theta, x, casting="same_kind")
        dtheta, errors, whole = np.zeros(len(x)), 0.0, data.weight.sum(dtype=np.float64)
        report, rate = np.empty((1, codes.REPORTED)), np.zeros(1)
        for start in range(0, len(data.D), self.batch_size):
            rows = np.arange(start, min(start + self.batch_size, len(data.D)))
            data.run(self.epochs, rows, self.batch_size, rate, 0, report, self.job.check)
            share = data.weight[rows].sum(dtype=np.float64) / whole
            errors += share * report[0, 0]
            dtheta += share * self.epochs.gradient.astype(np.float64)
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
        own, theta = self.own, self.network.theta
        self.iteration += 1
        loss = self.shown_loss(x)
        self.last, own.n_iter_, own.loss_ = x.copy(), self.iteration, loss
        np.copyto(theta, x, casting="same_kind")
        score = None if self.job.validation is None else own._validation_score(*self.job.validation)
        self.stopping.epoch(theta, loss, score)
        self.progress.epoch(self.iteration, loss, score)
        stop = own._epoch_is_over(self.job)
        if own.early_stopping and score is not None and self.stopping.exhausted:
            self.progress.say(f"{self.stopping.message} Stopping.")
            stop = True
        if self.stopping.out_of_time:
            self.progress.say(f"The time limit of {own.time_limit} seconds is over. Stopping.")
            stop = True
        if stop:
            raise _Stop
