"""Steps of Levenberg and Marquardt: one network, all samples, double precision (second_order.py has the rules)."""

import numpy as np

from fastbp.engine.tiles.notes import FIRST, GAMMA, LEAST, LIMIT, MEMORY, MU, NU, SLOW, STRENGTH, TINY
from fastbp.lecture import codes
from fastbp.lecture.layout import parameters_of, scratch_for, weights
from fastbp.second_order import BayesianRegularization
from fastbp.training.compiled_steps import CompiledSteps
from fastbp.training.early_stopping import EarlyStopping
from fastbp.training.history import Diverged, History
from fastbp.training.loop import Ended
from fastbp.training.row_sampler import RowSampler

BLOCK, LONGEST = 1 << 17, 256  # numbers of J in a block, which the caches hold; its rows at most
HUGE = 1e300
COMPILED = 100  # parameters, at most, for which the lecture's factor and no Python beside it beat LAPACK's


class Losses:
    """The loss of a network on some samples, at parameters that change from call to call.

    Parameters
    ----------
    layers : ndarray
        The table of the layers.
    X, D, weight : ndarray of float64
    version : str
        As of `train`.
    """

    def __init__(self, layers, X, D, weight, version):
        self.layers, self.samples, self.rows = layers, (X, D, weight), np.flatnonzero(weight > 0)
        if version == "matrix":
            from fastbp.lecture import matrix

            self._error, memory = matrix.mean_error.unchecked, (scratch_for(layers, len(X), np.float64),)
        elif version == "loops":
            from fastbp.lecture import entries

            self._error, memory = entries.mean_error, (scratch_for(layers, 1, np.float64),)
        else:
            from fastbp.engine import entries, team, workspace

            places, scratch = workspace.plan(layers, max(1, len(self.rows)), np.dtype(np.float64), 1)
            self.errors = np.zeros(-(-len(self.rows) // int(places[workspace.CHUNK])))
            self._error, memory = entries.mean_error, ((scratch, places), self.errors, (team.ALONE, 0, 0, 1))
        self.memory = memory

    def at(self, theta):
        """The mean loss."""
        with np.errstate(all="ignore"):
            error = self._error(theta, self.layers, self.samples, self.rows, *self.memory)
        return sum(self.errors.tolist()) if error is None else float(error)  # the engine's: of each chunk its part


class Equations(Losses):
    """Its gradient g and A = J^T J, too."""

    def __init__(self, layers, X, D, weight, version):
        super().__init__(layers, X, D, weight, version)
        parameters, outputs = parameters_of(layers), D.shape[1]
        self.A, self.g = np.zeros((parameters, parameters)), np.zeros(parameters)
        if version in ("matrix", "loops"):
            from fastbp.lecture import entries, matrix

            self._make = matrix.normal_equations.unchecked if version == "matrix" else entries.normal_equations
            self.to_add, rows = self.memory[0], outputs * (len(X) if version == "matrix" else 1)
            self.jacobian = np.zeros((rows, parameters))
        else:
            from fastbp.engine import entries, workspace

            lanes = workspace.lanes_of_dtype(np.dtype(np.float64))
            row, inputs = (workspace.whole_vectors(n, lanes) for n in (parameters, X.shape[1]))
            block = min(LONGEST, max(lanes, BLOCK // row // lanes * lanes))
            panel = workspace.aligned((row + inputs) * lanes, np.dtype(np.float64))
            self._make, self.to_add = entries.normal_equations, (*self.memory[0], panel)
            self.jacobian = workspace.aligned(block * row, np.dtype(np.float64)).reshape(block, row)

    def set_up(self, theta):
        """A and g at theta; returns the loss."""
        arguments = theta, self.layers, self.samples, self.rows
        with np.errstate(all="ignore"):
            return float(self._make(*arguments, self.to_add, self.jacobian, self.A, self.g))


class LeastSquares:
    """What the loop asks of a training by such a rule.

    Parameters
    ----------
    how : TrainingConfiguration
    X, D, weight : ndarray
        Samples, as `validation` hands them out; `how.rows` of them are trained with.
    index : int
        The network's place among many.
    version : str
        As of `train`.
    """

    estimator, validated_by, all_epochs = None, "validation_loss", None

    def __init__(self, how, X, D, weight, index=0, version="engine"):
        self.how, self.network, self.index, self.epochs = how, how.network, index, how.epochs
        self.theta = how.theta.astype(np.float64, copy=False)
        self.rule, self.estimates = how.optimizer, isinstance(how.optimizer, BayesianRegularization)
        samples = [array.astype(np.float64, copy=False) for array in (X, D, weight)]
        trained = samples if np.array_equal(how.rows, np.arange(len(X))) else [array[how.rows] for array in samples]
        self.equations, self._validated = Equations(how.layers, *trained, version), None
        if how.validation_rows is not None:
            self._validated = Losses(how.layers, *(array[how.validation_rows] for array in samples), version)
        weight = trained[2]
        self.counted = float(weight.sum() ** 2 / np.square(weight).sum())  # as many of equal weight tell as much
        self.numbers = self.counted * D.shape[1]
        self.penalised = np.full(self.theta.size, self.estimates)
        for w in weights(self.penalised, how.layers):
            w[:] = True
        self.history, self.epoch, self.loss, self._left = History(), 0, None, how.theta.copy()
        self.sampler = RowSampler(how.rows, False, how.seed)
        self.stopping = EarlyStopping(np.inf if how.patience is None else how.patience, how.min_delta)
        self.moments = np.zeros((1, MEMORY))
        self.moments[0, STRENGTH] = how.settings[codes.L2]
        compiled = version in ("engine", "tiles") and self.theta.size <= COMPILED
        self.steps = CompiledSteps(self) if compiled else None

    # ---- A step ------------------------------------------------------------------------------------------------------

    def train(self, between):
        """One step that lowers the loss, with its penalty; the loss after it."""
        self.begin()
        if self.steps:
            self.steps.one(between)
        else:
            self._step(between)
        rounded = self.theta.astype(self._left.dtype)
        np.copyto(self.how.theta, rounded)
        np.copyto(self._left, rounded)
        return self.loss

    def _step(self, between):
        if self.loss <= self.rule.goal or not self._gradient_length() > self.rule.min_gradient:
            raise Ended
        with np.errstate(all="ignore"):
            before = self.loss + self._penalty(self.theta)
            trial, loss, part = self._better(before, between)
            if not np.isfinite(trial.astype(self._left.dtype)).all():
                raise self.diverged()
            memory = self.moments[0]
            memory[MU], memory[NU] = max(memory[MU] * max(LEAST, 1 - (2 * part - 1) ** 3), TINY), 2
            self.theta[:] = trial
            self._set_up(loss)
            if self.estimates and loss + self._penalty(trial) >= SLOW * before:
                self._estimate()

    def _better(self, before, between):
        """Parameters with a lower loss, that, and what part the gain is of what the linear model has promised."""
        memory, gradient = self.moments[0], self._gradient()
        while True:
            between()
            step = solved(self._damped(memory[MU]), -gradient)
            if step is not None:
                trial = self.theta + step
                loss = self.equations.at(trial)
                gained = before - loss - self._penalty(trial)
                promised = 0.5 * (step @ (memory[MU] * step - gradient))
                if gained > 0 and promised > 0:
                    return trial, loss, gained / promised
            memory[MU], memory[NU] = memory[MU] * memory[NU], 2 * memory[NU]
            if not memory[MU] <= memory[LIMIT]:
                raise Ended

    def _set_up(self, loss):
        """A and g at these parameters, whose loss is known."""
        same = self.equations.set_up(self.theta)
        self.loss = loss  # by the function that judges steps, too: the other one may round differently
        found = self.equations.A.diagonal()
        if not (np.isfinite([loss, same]).all() and np.isfinite(found).all() and np.isfinite(self.equations.g).all()):
            raise self.diverged()

    def _gradient(self):
        """That of the loss with its penalty."""
        return self.equations.g + self.moments[0, STRENGTH] * (self.theta * self.penalised)

    def _gradient_length(self):
        with np.errstate(all="ignore"):
            return float(np.linalg.norm(self._gradient()))

    def begin(self):
        """What the next step needs; the memory of a training that goes on is there already."""
        if self.loss is not None:
            if not np.array_equal(self.how.theta, self._left):  # a callback has changed the network
                self.theta[:] = self.how.theta
                self._set_up(self.equations.at(self.theta))
            return
        memory = self.moments[0]
        self._set_up(self.equations.at(self.theta))
        if memory[NU] == 0:
            largest = self.equations.A.diagonal().max()
            largest = largest if largest > 0 else 1.0
            memory[MU], memory[NU] = self.rule.damping * largest, 2
            memory[LIMIT] = min(largest, HUGE / self.rule.max_damping) * self.rule.max_damping
            if self.estimates:
                self._set_strength(self.theta.size)
                memory[STRENGTH] *= FIRST

    def diverged(self):
        """What to raise: the step after the last one has led to what is not finite."""
        return Diverged(self.epoch + 1, self.rule, self.history)

    def _damped(self, mu):
        """A + mu I and the penalty, a copy."""
        damped = self.equations.A.copy()
        damped.reshape(-1)[:: len(damped) + 1] += mu + self.moments[0, STRENGTH] * self.penalised
        return damped

    def _penalty(self, theta):
        return 0.5 * self.moments[0, STRENGTH] * np.square(theta[self.penalised]).sum()

    def _estimate(self):
        """gamma = P - 2 alpha tr(H^-1), and the strength that follows; both stay where H is too near to singular."""
        trace = trace_of_inverse(self._damped(0.0))
        if trace is not None:
            self._set_strength(self.theta.size - self.moments[0, STRENGTH] * trace)

    def _set_strength(self, gamma):
        """alpha = gamma / (2 sum theta^2), beta = (n - gamma) / (2 S) (Foresee and Hagan 1997).

        What they minimise, beta S + alpha sum theta^2, divided by 2 beta and the number of samples, is the mean loss
        with an L2 penalty of the strength alpha / (beta samples). Of samples whose weights differ as many are counted
        as would tell as much with equal weights, (sum w)^2 / sum w^2 (Kish 1965).
        """
        memory, numbers = self.moments[0], self.numbers
        memory[GAMMA] = gamma = min(max(gamma, 0.0), self.theta.size)
        squares, size = 2 * self.loss * self.counted, np.square(self.theta).sum()
        if squares > 0 and size > 0:
            beta = (numbers - gamma) / (2 * squares) if numbers > gamma else 1.0
            memory[STRENGTH] = gamma / (2 * size) / (beta * self.counted)

    # ---- What the loop asks ------------------------------------------------------------------------------------------

    def validate(self):
        return None if self._validated is None else self._validated.at(self.theta)

    def update(self, epoch, loss, validation_loss, seconds):
        history, self.epoch = self.history, epoch
        history._note(loss, validation_loss, seconds)
        if self.estimates:
            history.effective_parameters.append(float(self.moments[0, GAMMA]))
        reached = loss <= self.rule.goal
        if self.how.patience is None:
            return True, reached
        best, ends = self.stopping.update(loss if validation_loss is None else validation_loss)
        if best:
            history.best_epoch = epoch
        return best, bool(ends) or reached

    def note(self, losses, gammas, seconds):
        """Several steps have been made at once, with these losses; whether the goal is reached."""
        for loss in losses:
            self.history._note(loss, None, seconds / len(losses))
        if self.estimates:
            self.history.effective_parameters += gammas
        self.epoch, self.loss = self.epoch + len(losses), losses[-1] if losses else self.loss
        return bool(losses) and self.loss <= self.rule.goal


def cost(network, rows):
    """What a step takes, as a sentence."""
    parameters, outputs = network.theta.size, network.sizes[-1]
    operations = rows * outputs * parameters**2 / 2 + parameters**3 / 6
    return (
        f"{parameters:,} parameters: {16e-6 * parameters**2:,.1f} MB and {operations / 1e9:,.3f} billion "
        "multiplications a step"
    )


# ---- LAPACK ----------------------------------------------------------------------------------------------------------


def solved(A, b):
    """x of A x = b; None if A, of which the lower half is read, is not positive definite. A is overwritten."""
    try:
        from scipy.linalg import lapack
    except ImportError:
        try:
            factor = np.linalg.cholesky(A)
        except np.linalg.LinAlgError:
            return None
        x = np.linalg.solve(factor.T, np.linalg.solve(factor, b))
    else:
        _, x, problem = lapack.dposv(A.T, b, lower=0, overwrite_a=1)
        if problem:
            return None
    return x if np.isfinite(x).all() else None


def trace_of_inverse(A):
    """The sum of the diagonal of A^-1, that of the squares in the inverse of its factor; None as in `solved`."""
    try:
        from scipy.linalg import lapack
    except ImportError:
        try:
            inverse = np.linalg.inv(np.linalg.cholesky(A))
        except np.linalg.LinAlgError:
            return None
    else:
        factor, problem = lapack.dpotrf(A.T, lower=0, clean=1, overwrite_a=1)
        inverse, singular = lapack.dtrtri(factor, lower=0, overwrite_c=1) if not problem else (factor, 1)
        if problem or singular:
            return None
    trace = float(np.vdot(inverse.ravel("K"), inverse.ravel("K")))
    return trace if np.isfinite(trace) else None
