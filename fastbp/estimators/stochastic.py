"""The stochastic solvers: epochs in the order in which scikit-learn draws them, and its loss."""

import functools
import warnings
from types import SimpleNamespace

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from fastbp.epochs import Epochs
from fastbp.estimators import parameters
from fastbp.estimators.job import HeldOut
from fastbp.estimators.progress import reporter
from fastbp.estimators.stopping import Stopping
from fastbp.lecture.codes import REPORTED, WEIGHT
from fastbp.optimizers import Optimizer
from fastbp.rates import Schedule

SMALLEST_RATE = 1e-6  # where the adaptive learning rate ends


def fit_stochastic(estimator, job):
    """Epochs until the estimator's rules say stop; one if the job is incremental."""
    course = begin(estimator, job)
    if course is not None:
        course.run(estimator.threads)


def begin(estimator, job):
    """The course of a fit that is about to begin; None if `partial_fit` has nothing left to do."""
    if job.incremental and estimator.stopped_ and estimator.early_stopping:
        return None
    estimator.stopped_ = False
    if not hasattr(estimator, "loss_curve_"):  # after a fit by "lbfgs"
        estimator._begin_history()
    network = estimator._net()
    rule = parameters.optimizer(estimator, network.dtype)
    rows = job.rows
    if estimator.early_stopping and job.validation is None:
        rows, job.validation = _split(estimator, job)
    memory = estimator._memory
    if memory is None or not job.incremental or len(memory.moments) != rule.moments:
        memory = estimator._memory = _fresh_memory(estimator, rule, network)
    memory.moments = np.require(memory.moments, network.dtype, ["C", "W"])  # a memory map is read-only
    return Course(estimator, job, rows, _batch_size(estimator, len(job.D) if rows is None else len(rows)), rule)


def _fresh_memory(estimator, rule, network):
    """What the rule and the learning rate remember from one step to the next."""
    seed = estimator._random_state.get_state()[1][0] if estimator.dropout else 0
    moments = np.zeros((rule.moments, network.theta.size), network.dtype)
    return SimpleNamespace(moments=moments, steps=0, rate=estimator.learning_rate_init, seed=int(seed))


def _split(estimator, job):
    """The rows to train with, and the validation data: those that scikit-learn takes."""
    rows = np.arange(len(job.D)) if job.rows is None else job.rows
    stratify = job.D[rows] if is_classifier(estimator) and job.D.shape[1] == 1 else None  # not for several labels
    train, held_out = train_test_split(
        rows,
        random_state=estimator._random_state,
        test_size=estimator.validation_fraction,
        stratify=stratify,
    )
    if len(held_out) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return train, HeldOut(job, held_out, estimator._decode(job.D[held_out]))


@functools.lru_cache(maxsize=8)
def all_rows(samples):
    """0, 1, ... as one array for all who train with all samples."""
    rows = np.arange(samples)
    rows.flags.writeable = False
    return rows


def _batch_size(estimator, samples):
    if estimator.batch_size == "auto":
        return min(200, samples)
    if estimator.batch_size > samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=2
        )
    return int(np.clip(estimator.batch_size, 1, samples))


class Course:
    """The epochs of one call of fit or partial_fit: what each needs, and what follows from it.

    `run` is all of it. Who makes the passes himself asks `draw` and `rates` before each, then `loss_of` and `ends`, and
    `close` at last.
    """

    def __init__(self, estimator, job, rows, batch_size, rule):
        self.own, self.job, self.batch_size, self.rule = estimator, job, batch_size, rule
        self.network, self.memory = estimator._net(), estimator._memory
        self.data = job.data(self.network.dtype)
        self.rows = all_rows(len(job.D)) if rows is None else rows
        samples = len(self.rows)
        self.steps = -(-samples // batch_size)
        self.sizes = np.minimum(batch_size, samples - np.arange(0.0, samples, batch_size))
        self.settings = parameters.settings(estimator, rule, self.memory.seed)
        self.stopping = Stopping(estimator, job.validation is not None)
        self.progress = reporter(estimator.verbose, 1 if job.incremental else estimator.max_iter)
        self.constant = estimator._constant_error(self.data)
        estimator.n_iter_ = 0

    @functools.cached_property
    def order(self):
        """The rows in the order of the epoch: those that share lanes have theirs elsewhere."""
        return self.rows.copy()

    def run(self, threads):
        """All epochs, by an engine of their own."""
        network, memory = self.network, self.memory
        theta, report = network.theta, np.empty((self.steps, REPORTED))
        with Epochs(theta, network.layers, self.batch_size, self.settings, memory.moments, threads=threads) as epochs:
            try:
                for _ in range(self.own.max_iter):
                    if self.ends(theta, self._pass(epochs, theta, report)):
                        break
            except KeyboardInterrupt:
                warnings.warn("Training interrupted by user.", stacklevel=2)
            finally:
                self.close(theta)

    def _pass(self, epochs, theta, report):
        """A step for each mini-batch; the loss. A pass that does not end leaves theta as it was."""
        self.job.check()
        before = theta.copy()
        try:
            self.draw()
            rates, between = self.rates(), self.job.check
            self.data.run(epochs, self.order, self.batch_size, rates, self.memory.steps, report, between)
            with np.errstate(all="ignore"):  # a training that diverges is told of once, below
                error, penalty = (self.sizes @ report[:, :WEIGHT]).tolist()
            return self.loss_of(error, penalty, theta)
        except BaseException:
            np.copyto(theta, before)
            raise

    def close(self, theta):
        """The end, whatever its reason: theta gets the best parameters, if they are wanted."""
        self.progress.close()
        if not self.job.incremental or self.own.stopped_:
            self.stopping.restore(theta)

    def draw(self):
        """The rows in the order of the next epoch."""
        if self.own.shuffle:
            self.own._random_state.shuffle(self.order)

    def rates(self):
        """The learning rates of the next epoch's steps."""
        if self.scheduled:
            return self.rule.rates(self.memory.steps, self.steps, self.own.max_iter * self.steps)
        return np.full(self.steps, float(self.memory.rate))

    @property
    def scheduled(self):
        """Whether an optimizer or a schedule makes the rates, and not the estimator's learning_rate_init."""
        return isinstance(self.own.solver, Optimizer) or isinstance(self.own.learning_rate, Schedule)

    def loss_of(self, error, penalty, theta):
        """The mean over samples of the mean error of their mini-batch, as scikit-learn has it, penalties included.

        Parameters
        ----------
        error, penalty : float
            The sums over mini-batches of the mean error and of the penalty, times their samples.
        theta : ndarray
            The parameters after the pass.

        Raises
        ------
        ValueError
            If the loss or a parameter is no longer finite.
        """
        with np.errstate(all="ignore"):
            total = self.own._shown_error(error) + penalty
            if self.constant is not None:
                total += self.sizes @ self._mean_of_batches(self.constant)
        if np.isnan(total) or not np.isfinite(theta).all():
            self.own._memory = None  # the rule's is no longer finite
            raise ValueError(_diverged(self.own, self.rule))
        self.memory.steps += self.steps
        return float(total / len(self.rows))

    def _mean_of_batches(self, values):
        """The weighted mean of `values` over each mini-batch; 0 where nothing counts."""
        starts, weight = np.arange(0, len(self.order), self.batch_size), self.data.weight[self.order]
        whole = np.add.reduceat(weight, starts, dtype=np.float64)
        return np.add.reduceat(values[self.order] * weight, starts) / np.where(whole > 0, whole, 1)

    def ends(self, theta, loss):
        """Takes note of an epoch; whether the training ends with it."""
        own = self.own
        own.n_iter_ += 1
        own.loss_ = loss
        own.t_ += len(self.rows)
        own.loss_curve_.append(loss)
        score = None if self.job.validation is None else own._validation_score(*self.job.validation)
        self.stopping.epoch(theta, loss, score)
        self.progress.epoch(own.n_iter_, loss, score)
        if own.solver == "sgd" and own.learning_rate == "invscaling":
            self.memory.rate = own.learning_rate_init / (own.t_ + 1) ** own.power_t
        stop = own._epoch_is_over(self.job)
        if self.stopping.exhausted:
            stop |= self._no_more_improvement()
        if self.stopping.out_of_time and not self.job.incremental:
            stop = self._stop(f"The time limit of {own.time_limit} seconds is over. Stopping.")
        return stop or self.job.incremental or self.spent()

    def spent(self):
        """Whether these were all epochs that there may be."""
        if self.own.n_iter_ < self.own.max_iter:
            return False
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({self.own.max_iter}) reached and the optimization "
            "hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=2,
        )
        return True

    def _no_more_improvement(self):
        """Stops, or lowers the adaptive learning rate."""
        own, message = self.own, self.stopping.message
        if own.solver != "sgd" or own.learning_rate != "adaptive":
            return self._stop(f"{message} Stopping.")
        if self.memory.rate <= SMALLEST_RATE:
            return self._stop(f"{message} Learning rate too small. Stopping.")
        self.memory.rate /= 5.0
        own._no_improvement_count = 0
        self.progress.say(f"{message} Setting learning rate to {self.memory.rate:f}")
        return False

    def _stop(self, message):
        self.progress.say(message)
        self.own.stopped_ = self.job.incremental and self.own.early_stopping
        return True


def _diverged(estimator, rule):
    if isinstance(estimator.solver, Optimizer) or isinstance(estimator.learning_rate, Schedule):
        rate = f"the learning rate {rule.learning_rate!r}"
    else:
        rate = f"learning_rate_init={estimator.learning_rate_init!r}"
    return (
        "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
        f"preprocessed. Epoch {estimator.n_iter_ + 1} of solver={estimator.solver!r} did it, with {rate}: lower that, "
        "or scale X (and a regressor's y) to about -1..1, by sklearn.preprocessing.StandardScaler for example. "
        "The model has the parameters from before that epoch."
    )
