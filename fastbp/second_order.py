"""Rules that take the curvature into account: Gauss and Newton's, for small networks and the squared error; L-BFGS."""

from dataclasses import dataclass

import numpy as np

from fastbp import validation
from fastbp.lecture import codes
from fastbp.optimizers import Optimizer
from fastbp.validation import NOT_NEGATIVE, real_number, store

MOST = 16_384  # parameters: A and its factor are 4 GB then
USUAL = {  # options of `train` that must be as they are by default
    "l1": 0, "dropout": 0, "label_smoothing": 0, "max_norm": None, "clip_norm": None, "rate_factors": None,
    "diagonal": None,
}  # fmt: skip


class SecondOrder(Optimizer):
    """What those rules have in common. Each step sees all samples, so there are no mini-batches and no rate."""

    learning_rate, _takes_all = None, True

    @property
    def moments(self):
        """Rows of memory in the kernels: none."""
        return 0

    def _columns(self):
        return {codes.RULE: codes.NO_STEP}

    def rates(self, first_step, count, total):
        """The learning rates of `count` steps: there are none.

        Parameters
        ----------
        first_step, count, total : int
            As of other rules.

        Returns
        -------
        ndarray of float64, shape (count,)
            Zeros.

        Examples
        --------
        >>> import fastbp
        >>> fastbp.LevenbergMarquardt().rates(0, 2, 100)
        array([0., 0.])
        """
        return np.zeros(count)


class GaussNewton(SecondOrder):
    """What those have in common that solve an equation in all parameters, for the squared error."""

    def _check(self):
        store(
            self,
            damping=validation.positive_number("damping", self.damping),
            goal=real_number("goal", self.goal, *NOT_NEGATIVE),
            min_gradient=real_number("min_gradient", self.min_gradient, *NOT_NEGATIVE),
            max_damping=validation.positive_number("max_damping", self.max_damping),
        )
        if self.max_damping < self.damping:
            raise ValueError(f"max_damping must be at least damping, {self.damping}, got {self.max_damping}")


@dataclass(frozen=True, repr=False)
class LevenbergMarquardt(GaussNewton):
    """Levenberg and Marquardt's steps h from all samples, for the squared error: (A + mu I) h = -g.

    A is the mean of J^T J, J the derivatives of the outputs with respect to the parameters, and g the gradient [1]_.
    mu falls where a step gains what the linear model says, and grows where it gains nothing, by the gain ratio [2]_. An
    epoch is one step that has lowered the loss. All is computed in double precision.

    Parameters
    ----------
    damping : float
        mu of the first step, as a part of the largest entry on the diagonal of A.
    goal : float
        Stop when the loss is not above it.
    min_gradient : float
        Stop when the gradient is not longer than that.
    max_damping : float
        Stop when mu, as such a part, is above it: no step lowers the loss any more.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    With P parameters a step of N samples and K outputs takes N K P^2 / 2 + P^3 / 6 multiplications, and 16 P^2 bytes.
    With `train(progress=True)` that is told before the first step. Up to 100 parameters many steps are one call of
    a compiled loop, if nothing looks at each. The equations of larger networks are solved by LAPACK: SciPy's, or
    NumPy's where there is no SciPy; the two, and other numbers of their threads, may round differently.
    `train(l2=)` is added to the loss that is minimised. `train(patience=, validation_rows=)` stops as usual; with
    patience 6 and `damping` apart, it stops where MATLAB's `trainlm` does.

    References
    ----------
    .. [1] M. T. Hagan, M. B. Menhaj: Training feedforward networks with the Marquardt algorithm. IEEE Transactions on
       Neural Networks 5, 1994.
    .. [2] H. B. Nielsen: Damping parameter in Marquardt's method. Report IMM-REP-1999-05, Technical University of
       Denmark.

    Examples
    --------
    >>> import fastbp, numpy as np
    >>> X = np.linspace(0, 3, 50)[:, None]
    >>> network = fastbp.Network((1, 6, 1), "tanh", "identity", "float64", seed=1)
    >>> history = fastbp.train(network, X, np.sin(X), epochs=100, optimizer=fastbp.LevenbergMarquardt(goal=1e-8))
    >>> history.outcome, history.loss[-1] <= 1e-8
    ('stopped', True)
    """

    damping: float = 1e-3
    goal: float = 0.0
    min_gradient: float = 1e-7
    max_damping: float = 1e10

    def __post_init__(self):
        self._check()


@dataclass(frozen=True, repr=False)
class BayesianRegularization(GaussNewton):
    """Levenberg and Marquardt's steps for the squared error with a penalty whose strength is estimated, too.

    The penalty on all parameters is that under which the data are most probable [1]_, estimated anew after each step
    from the effective number of parameters gamma [2]_. It needs no validation rows, and few samples.

    Parameters
    ----------
    damping : float
        mu of the first step, as a part of the largest entry on the diagonal of A.
    goal : float
        Stop when the loss is not above it.
    min_gradient : float
        Stop when the gradient, with that of the penalty, is not longer than that.
    max_damping : float
        Stop when mu, as such a part, is above it: no step lowers the penalised loss any more.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    With S the sum of the squared errors, of n numbers, and P parameters: gamma = P - 2 alpha tr(H^-1), alpha = gamma /
    (2 sum theta^2), beta = (n - gamma) / (2 S), H the second derivatives of beta S + alpha sum theta^2 as Gauss and
    Newton have them. Of samples with weights w, n counts (sum w)^2 / sum w^2, however large they are.
    `History.effective_parameters` holds gamma, `History.loss` is without the penalty. The rest is as with
    `LevenbergMarquardt`; `train(l2=)` must be 0.

    References
    ----------
    .. [1] D. J. C. MacKay: Bayesian interpolation. Neural Computation 4, 1992.
    .. [2] F. D. Foresee, M. T. Hagan: Gauss-Newton approximation to Bayesian learning. International Conference on
       Neural Networks 1997.

    Examples
    --------
    >>> import fastbp, numpy as np
    >>> X = np.linspace(-3, 3, 50)[:, None]
    >>> D = np.sin(X) + 0.1 * np.random.default_rng(0).normal(size=X.shape)
    >>> network = fastbp.Network((1, 20, 1), "tanh", "identity", "float64", seed=1)
    >>> history = fastbp.train(network, X, D, epochs=100, optimizer=fastbp.BayesianRegularization())
    >>> network.theta.size, history.effective_parameters[-1] < 15
    (61, True)
    """

    damping: float = 5e-3
    goal: float = 0.0
    min_gradient: float = 1e-7
    max_damping: float = 1e10

    def __post_init__(self):
        self._check()


@dataclass(frozen=True, repr=False)
class LBFGS(SecondOrder):
    """Quasi-Newton steps from all samples, for any loss: SciPy's L-BFGS-B, which an extra install brings.

    It learns the curvature from the gradients of the last iterations [1]_ and takes memory for few vectors of
    parameters, so networks may be larger than with `LevenbergMarquardt`. An epoch is one iteration, which has lowered
    the loss with its penalty; `History.loss` is that after it, without.

    Parameters
    ----------
    history_size : int
        Iterations whose gradients it remembers, at least 1.
    gtol : float
        Stop when no derivative of the loss is larger than that, in absolute value.
    ftol : float
        Stop when an iteration lowers the loss by no more than this times the loss, or this where that is below 1.
    max_fun : int or None
        Stop when the loss was computed more often than so many times. None: no limit. Often it is once an iteration.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    `train` ends with the outcome "stopped" at these limits, and where no step lowers the loss any more, as near to a
    minimum in float32. Losses and gradients are computed in the dtype of the network, all else in double precision.
    Changes that a callback makes to the parameters are overwritten. There are no checkpoints, because SciPy keeps to
    itself what it remembers. Between two losses SciPy calls its BLAS, whose threads may cost small networks more than
    they gain (OPENBLAS_NUM_THREADS=1 spares that), and other numbers of them may round differently.

    References
    ----------
    .. [1] R. H. Byrd, P. Lu, J. Nocedal, C. Zhu: A limited memory algorithm for bound constrained optimization. SIAM
       Journal on Scientific Computing 16, 1995.

    Examples
    --------
    >>> import fastbp, numpy as np
    >>> X = np.linspace(0, 3, 50)[:, None]
    >>> network = fastbp.Network((1, 6, 1), "tanh", "identity", "float64", seed=1)
    >>> history = fastbp.train(network, X, np.sin(X), epochs=200, optimizer=fastbp.LBFGS())
    >>> history.loss[-1] < 1e-4
    True
    """

    history_size: int = 10
    gtol: float = 1e-7
    ftol: float = 1e-12
    max_fun: int | None = None

    def __post_init__(self):
        store(
            self,
            history_size=validation.whole_number("history_size", self.history_size, 1),
            gtol=real_number("gtol", self.gtol, *NOT_NEGATIVE),
            ftol=real_number("ftol", self.ftol, *NOT_NEGATIVE),
            max_fun=None if self.max_fun is None else validation.whole_number("max_fun", self.max_fun, 1),
        )


def refuse_network(rule, network):
    """Raises a ValueError for a network that the rule does not suit."""
    if isinstance(rule, LBFGS):
        return
    name = type(rule).__name__
    if network.loss != "squared_error":
        raise ValueError(
            f"optimizer {name} minimises squared errors of real outputs: the network must have output='identity' and "
            f"loss='squared_error', got output={network.output!r}, loss={network.loss!r}"
        )
    if network.theta.size > MOST:
        raise ValueError(
            f"optimizer {name} solves an equation for each parameter: the network must have at most {MOST:,} of them, "
            f"got {network.theta.size:,}: take fastbp.LBFGS(), or Adam"
        )


def refuse(rule, network, options):
    """Raises a ValueError for networks and options of `train` that the rule does not suit."""
    refuse_network(rule, network)
    usual = USUAL | ({"l2": 0} if isinstance(rule, BayesianRegularization) else {})
    if isinstance(rule, LBFGS):  # which minimises what it is given
        del usual["label_smoothing"]
    for option, value in usual.items():
        given = options[option]
        if not (given is None if value is None else np.ndim(given) == 0 and given == value):
            why = ", which estimates it" if option == "l2" else ""
            name, given = type(rule).__name__, validation.shown(given)
            raise ValueError(f"{option} must be {value} for optimizer {name}{why}, got {given}")


RULES = {"levenberg-marquardt": LevenbergMarquardt, "bayesian regularization": BayesianRegularization}  # in files
