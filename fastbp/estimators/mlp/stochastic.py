"""The stochastic solvers: what an epoch is to them, in the order in which scikit-learn draws it, and its loss."""

import copy
import functools
from types import SimpleNamespace

import numpy as np
import scipy.sparse
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from fastbp import caller
from fastbp.estimators.mlp import checks, parameters
from fastbp.estimators.mlp.blocks import blocks_of
from fastbp.estimators.mlp.early_stopping import EstimatorStopping
from fastbp.estimators.mlp.fit_request import HeldOut
from fastbp.estimators.mlp.progress import shown_for
from fastbp.estimators.n_jobs import threads_of
from fastbp.learning_rate import Schedule
from fastbp.lecture.codes import REPORTED, WEIGHT
from fastbp.lecture.layout import goes_on, has_diagonal, rated_parts
from fastbp.optimizers import SGD, Optimizer
from fastbp.training.diagnosis import advice
from fastbp.training.loop import Ended, Loop
from fastbp.training.progress import display
from fastbp.training.row_sampler import RowSampler
from fastbp.training.runner import shape_of_moments
from fastbp.training.sparse_runner import arrange

SMALLEST_RATE = 1e-6  # where the adaptive learning rate ends
SCALE = "scale X (and a regressor's y) to about -1..1, by sklearn.preprocessing.StandardScaler for example"


def fit_stochastic(estimator, request):
    """Epochs until the estimator's rules say stop; one if the request is incremental."""
    fit = begin(estimator, request)
    if fit is not None:
        fit.run(threads_of(estimator.n_jobs))


def begin(estimator, request):
    """A fit that is about to begin; None if `partial_fit` has nothing left to do."""
    if request.incremental and estimator.stopped_ and estimator.early_stopping:
        return None
    estimator.stopped_ = False
    if not hasattr(estimator, "loss_curve_"):  # after a fit by "lbfgs"
        estimator._begin_history()
    network = estimator._net()
    rule, layers = parameters.optimizer(estimator, network.dtype), parameters.rated_layers(estimator, network)
    shape, rows = shape_of_moments(rule.moments, network.theta, layers), request.rows
    if estimator.early_stopping and request.validation is None:
        rows, request.validation = _split(estimator, request)
    memory = estimator._memory
    if memory is None or not request.incremental or memory.moments.shape != shape:
        memory = estimator._memory = _fresh_memory(estimator, np.zeros(shape, network.dtype))
        memory.by_inputs = scipy.sparse.issparse(request.X)  # zeros lie in both orders
    memory.moments = np.require(memory.moments, network.dtype, ["C", "W"])  # a memory map is read-only
    if has_diagonal(layers) and not goes_on(network.theta, layers, memory.moments[-1]):
        memory.moments.fill(0)  # a diagonal that begins anew would not fit to what the rule has learnt
    if isinstance(rule, SGD):
        for at, n, rate in rated_parts(layers):
            if rate == 0:
                memory.moments[: rule.moments, at : at + n] = 0  # a velocity would move on
    if memory.by_inputs != scipy.sparse.issparse(request.X):
        memory.by_inputs = not memory.by_inputs
        arrange(memory.moments, network.layers, memory.by_inputs)
    batch_size = _batch_size(estimator, rule, len(request.D) if rows is None else len(rows))
    return StochasticFit(estimator, request, rows, batch_size, rule, layers)


def _fresh_memory(estimator, moments):
    """What the rule and the learning rate remember from one step to the next."""
    seed = copy.deepcopy(estimator._random_state).randint(2**31) if estimator.dropout else 0  # which draws nothing
    rate = estimator.learning_rate_init
    return SimpleNamespace(moments=moments, by_inputs=False, steps=0, rate=rate, seed=int(seed))


def _split(estimator, request):
    """The rows to train with, and the validation data: those that scikit-learn takes."""
    from sklearn.model_selection import train_test_split  # here: most fits have no validation data

    rows = np.arange(len(request.D)) if request.rows is None else request.rows
    one_label = is_classifier(estimator) and request.D.shape[1] == 1  # not for several labels
    train, held_out = train_test_split(
        rows,
        random_state=estimator._random_state,
        test_size=estimator.validation_fraction,
        stratify=request.D[rows] if one_label else None,
    )
    if len(held_out) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    checks.refuse_vanished_weights(request.weight, train, "that early stopping leaves to train with")
    checks.refuse_vanished_weights(request.weight, held_out, "that early stopping holds out")
    return train, HeldOut(request, held_out, estimator._decode(request.D[held_out]))


@functools.lru_cache(maxsize=8)
def all_rows(samples):
    """0, 1, ... as one array for all who train with all samples."""
    rows = np.arange(samples)
    rows.flags.writeable = False
    return rows


def _batch_size(estimator, rule, samples):
    if rule._takes_all:
        return samples
    if estimator.batch_size == "auto":
        return min(200, samples)
    if estimator.batch_size > samples:
        caller.warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)
    return int(np.clip(estimator.batch_size, 1, samples))


class StochasticFit:
    """One call of fit or partial_fit: what the loop asks of it (see `training.loop`).

    `run` is all of it. Networks that share lanes take from it `rates` before each epoch, `loss_of`, `validate` and
    `update` after it, and `close` at last.
    """

    index, validated_by = 0, "validation_score"

    def __init__(self, estimator, request, rows, batch_size, rule, layers):
        self.estimator, self.request, self.batch_size = estimator, request, batch_size
        self.rule, self.layers = rule, layers
        self.network, self.memory = estimator._net(), estimator._memory
        self.theta, self.epochs = self.network.theta, 1 if request.incremental else estimator.max_iter
        self.data = request.data(self.network.dtype)
        self.rows = all_rows(len(request.D)) if rows is None else rows
        samples = len(self.rows)
        self.steps = -(-samples // batch_size)
        self.sizes = np.minimum(batch_size, samples - np.arange(0.0, samples, batch_size))
        self.settings = parameters.settings(estimator, rule, self.memory.seed)
        self.stopping = EstimatorStopping(estimator, request.validation is not None)
        self.constant = estimator._constant_error(self.data)
        self._told, self._within = (lambda message: None), False
        self._rates, self.error = np.full(self.steps, np.nan), np.nan
        estimator.n_iter_ = 0

    @functools.cached_property
    def sampler(self):
        """The orders of the epochs; networks that share lanes have theirs elsewhere."""
        return RowSampler(self.rows, self.estimator.shuffle, self.estimator._random_state)

    def run(self, threads):
        """All epochs, by an engine of their own."""
        own, request = self.estimator, self.request
        theta, settings, moments = self.theta, self.settings, self.memory.moments
        self.report = np.empty((self.steps, REPORTED))
        callbacks = [*parameters.callbacks(own), *own._callbacks_of_sklearn(request)]
        with (
            display(shown_for(own.verbose, self.epochs), self.epochs, "epoch") as shown,
            self.data.runner(
                theta, self.layers, self.batch_size, settings, moments, threads, theta_stays=not callbacks
            ) as self._runner,
        ):
            self._told = shown.say
            limit = None if request.incremental else own.time_limit
            blocks = blocks_of(self, self._runner, bool(callbacks or own.verbose) or limit is not None)
            loop = Loop(
                self, callbacks, shown, limit, request.should_continue, calling_back=request.calling_back,
                blocks=blocks, one_of_many=request.one_of_many,
            )  # fmt: skip
            try:
                loop.run()
            finally:
                if blocks:
                    blocks.close()
                self.close(theta)
        if loop.outcome == "interrupted":
            request.check(loop.epoch)
        if not request.incremental:
            if loop.outcome == "finished":
                self.warn_of_last_epoch()
            self._warn_if_nothing_is_learnt()

    def _warn_if_nothing_is_learnt(self):
        done = SimpleNamespace(loss=[self.error] * self.estimator.n_iter_)
        if not self.data.sparse:
            told = advice(done, self.network, self.data.X, self.data.D, self.data.weight, self.rows)
            if told:
                caller.warn(told, ConvergenceWarning)

    # ---- What the loop asks ------------------------------------------------------------------------------------------

    def train(self, between):
        """A step for each mini-batch; the loss."""
        between()
        self._within = True
        order = self.sampler.order(self.estimator.n_iter_ + 1)
        rates, steps = self.rates(), self.memory.steps
        data = self.data
        self._runner.run(data.X, data.D, data.weight, order, rates, steps, self.report, between)
        with np.errstate(all="ignore"):  # a training that diverges is told of once
            sums = np.cumsum(self.sizes[:, None] * self.report[:, :WEIGHT], axis=0)  # one after the other
        error, penalty = sums[-1].tolist()
        self.error = error / len(self.rows)
        loss, self._within = self.loss_of(error, penalty, self.theta, order), False
        return loss

    def validate(self):
        """The validation score, or None."""
        return None if self.request.validation is None else self.estimator._validation_score(*self.request.validation)

    def update(self, epoch, loss, score, seconds):
        """Takes note of an epoch; all parameters are kept; whether the training ends."""
        own = self.estimator
        self._count([loss])
        exhausted = self.stopping.update(self.theta, loss, score)
        if own.solver == "sgd" and own.learning_rate == "invscaling":
            self.memory.rate = own.learning_rate_init / (own.t_ + 1) ** own.power_t
        return True, exhausted and self.no_more_improvement()

    def _count(self, losses):
        own = self.estimator
        own.n_iter_ += len(losses)
        own.t_ += len(losses) * len(self.rows)
        own.loss_ = losses[-1]
        own.loss_curve_ += losses

    def note(self, losses, best, waited):
        """Takes note of epochs of a block (see blocks.py), which were told apart by their losses alone."""
        if losses:
            self._count(losses)
        self.memory.steps += len(losses) * self.steps
        self.estimator.best_loss_, self.estimator._no_improvement_count = best, waited

    # ---- The parts of it ---------------------------------------------------------------------------------------------

    def close(self, theta):
        """The end, whatever its reason: theta gets the best parameters, if they are wanted."""
        if self._within and self.estimator._memory is not None:  # an epoch is dropped, with what the rule learnt in it
            self.memory.moments.fill(0)
        if not self.request.incremental or self.estimator.stopped_:
            self.stopping.restore(theta)

    def rates(self):
        """The learning rates of the next epoch's steps."""
        if self.scheduled:
            return self.rule.rates(self.memory.steps, self.steps, self.estimator.max_iter * self.steps)
        if self._rates[0] != self.memory.rate:
            self._rates.fill(self.memory.rate)
        return self._rates

    @property
    def scheduled(self):
        """Whether an optimizer or a schedule makes the rates, and not the estimator's learning_rate_init."""
        return isinstance(self.estimator.solver, Optimizer) or isinstance(self.estimator.learning_rate, Schedule)

    def loss_of(self, error, penalty, theta, order):
        """The mean over samples of the mean error of their mini-batch, as scikit-learn has it, penalties included.

        Parameters
        ----------
        error, penalty : float
            The sums over mini-batches of the mean error and of the penalty, times their samples.
        theta : ndarray
            The parameters after the epoch.
        order : ndarray of int64
            Its rows, in their order.

        Raises
        ------
        ValueError, Ended
            If the loss or a parameter is no longer finite: see `has_diverged`.
        """
        total = self.estimator._shown_error(error) + penalty
        if self.constant is not None:
            with np.errstate(all="ignore"):
                total += self.sizes @ self._mean_of_batches(self.constant, order)
        if np.isnan(total) or not np.isfinite(theta).all():
            self.has_diverged()
        self.memory.steps += self.steps
        return float(total / len(self.rows))

    def has_diverged(self):
        """The loss or a parameter is no longer finite, and the memory of the rule neither.

        Raises
        ------
        Ended
            After a warning, if early stopping has kept the parameters of an epoch before, which the model gets.
        ValueError
            If there is nothing to return.
        """
        own = self.estimator
        own._memory = None
        if own.early_stopping and self.stopping.has_best:
            caller.warn(_diverged_after_best(own, self.rule), ConvergenceWarning)
            own.stopped_ = self.request.incremental
            raise Ended
        raise ValueError(_diverged(own, self.rule, self.stopping.has_best and not self.request.incremental))

    def _mean_of_batches(self, values, order):
        """The weighted mean of `values` over each mini-batch; 0 where nothing counts."""
        starts, weight = np.arange(0, len(order), self.batch_size), self.data.weight[order]
        whole = np.add.reduceat(weight, starts, dtype=np.float64)
        return np.add.reduceat(values[order] * weight, starts) / np.where(whole > 0, whole, 1)

    def no_more_improvement(self):
        """Whether the training ends; or the adaptive learning rate is lowered."""
        own, message = self.estimator, self.stopping.message
        if own.solver == "sgd" and own.learning_rate == "adaptive":
            if self.memory.rate > SMALLEST_RATE:
                self.memory.rate /= 5.0
                own._no_improvement_count = 0
                self._told(f"{message} Setting learning rate to {self.memory.rate:f}")
                return False
            message = f"{message} Learning rate too small."
        self._told(f"{message} Stopping.")
        own.stopped_ = self.request.incremental and own.early_stopping
        return True

    def warn_of_last_epoch(self):
        """These were all epochs that there may be."""
        caller.warn(
            f"Stochastic Optimizer: Maximum iterations ({self.estimator.max_iter}) reached and the optimization "
            "hasn't converged yet.",
            ConvergenceWarning,
        )


def _diverged(estimator, rule, restored):
    kept = "of its best epoch" if restored else "from before that epoch"
    return (
        "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
        f"preprocessed. Epoch {_epoch(estimator)} did it, with {_rate(estimator, rule)}: lower that, or {SCALE}. "
        f"The model has the parameters {kept}."
    )


def _diverged_after_best(estimator, rule):
    return (
        f"The training diverged: in epoch {_epoch(estimator)}, with {_rate(estimator, rule)}, the loss or a parameter "
        "was no longer finite. The model has the best parameters before that, with the validation score "
        f"{estimator.best_validation_score_:.6g}. Lower the learning rate, or {SCALE}."
    )


def _epoch(estimator):
    return f"{estimator.n_iter_ + 1} of solver={estimator.solver!r}"


def _rate(estimator, rule):
    if isinstance(estimator.solver, Optimizer) or isinstance(estimator.learning_rate, Schedule):
        return f"the learning rate {rule.learning_rate!r}"
    return f"learning_rate_init={estimator.learning_rate_init!r}"
