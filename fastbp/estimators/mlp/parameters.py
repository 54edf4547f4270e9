"""What the constructor's parameters may be, and what they mean to the training."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from fastbp import validation
from fastbp.estimators import n_jobs
from fastbp.learning_rate import Schedule
from fastbp.lecture import codes
from fastbp.lecture.layout import rated
from fastbp.network import DTYPES
from fastbp.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop, Rprop, settings_of
from fastbp.second_order import LBFGS, GaussNewton, LevenbergMarquardt, SecondOrder
from fastbp.training import rates

SCIPYS_FTOL = 1e7 * np.finfo(float).eps
ACTIVATIONS = ("logistic", *codes.HIDDEN)
SOLVERS = ("lbfgs", "lm", "sgd", "adam", "adamw", "rmsprop", "rprop")
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
BELOW_ONE = Interval(Real, 0, 1, closed="left")
INSIDE_ONE = Interval(Real, 0, 1, closed="neither")
BALANCED = StrOptions({"balanced"})
FROM_ONE = Interval(Integral, 1, None, closed="left")
EXECUTOR = [None, HasMethods("submit"), callable]

CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", FROM_ONE],
    "activation": [StrOptions(set(ACTIVATIONS)), "array-like"],
    "solver": [StrOptions(set(SOLVERS)), Optimizer],
    "alpha": [NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), FROM_ONE],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), Schedule],
    "learning_rate_init": [POSITIVE],
    "power_t": [NOT_NEGATIVE],
    "max_iter": [FROM_ONE],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [BELOW_ONE],
    "beta_1": [BELOW_ONE],
    "beta_2": [BELOW_ONE],
    "epsilon": [POSITIVE],
    "n_iter_no_change": [FROM_ONE, Options(Real, {np.inf})],
    "max_fun": [FROM_ONE],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "dropout": [BELOW_ONE],
    "max_norm": [None, POSITIVE],
    "clip_norm": [None, POSITIVE],
    "rate_factors": [None, "array-like"],
    "diagonal": [None, NOT_NEGATIVE],
    "dtype": [None, StrOptions(set(DTYPES)), type, np.dtype],
    "n_jobs": [None, Integral],
    "time_limit": [None, POSITIVE],
    "callbacks": [None, callable, "array-like"],
    "restore_best_weights": ["boolean", None],
}


def hidden_sizes(estimator):
    """The units of the hidden layers, a list."""
    sizes = estimator.hidden_layer_sizes
    sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if any(isinstance(size, Real) and size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return validation.hidden_units(sizes)


def activations(estimator, layers):
    """The name of each hidden layer's activation, as a `Network` has it."""
    given = estimator.activation
    names = [given] * layers if isinstance(given, str) else list(given)
    if len(names) != layers:
        raise ValueError(
            f"activation must be one name, or one for each of the {layers} hidden layers, got {validation.shown(given)}"
        )
    names = [validation.choice(f"activation[{i}]", name, ACTIVATIONS) for i, name in enumerate(names)]
    return ["sigmoid" if name == "logistic" else name for name in names]


def checked(estimator):
    """The units of the hidden layers, after the checks of what no range of values tells."""
    hidden = hidden_sizes(estimator)
    activations(estimator, len(hidden))
    rates_of_their_own(estimator, hidden)
    callbacks(estimator)
    n_jobs.checked(estimator.n_jobs)
    return hidden


def rates_of_their_own(estimator, hidden):
    """rate_factors and diagonal, checked, of a network with these hidden layers."""
    of = f" with hidden_layer_sizes={validation.shown(estimator.hidden_layer_sizes)}"
    factors = rates.checked_factors(estimator.rate_factors, len(hidden) + 1, of)
    return factors, rates.checked_diagonal(estimator.diagonal)


def rated_layers(estimator, network):
    """The table of the layers for a training: that of the network itself where no rate is another one."""
    return rated(network.layers, *rates_of_their_own(estimator, network.sizes[1:-1]))


def callbacks(estimator):
    """The plain callables, a tuple."""
    return validation.callables("callbacks", estimator.callbacks)


def dtype_of(estimator):
    """The dtypes that X may keep: the one asked for, or double and single precision."""
    return [np.float64, np.float32] if estimator.dtype is None else [validation.dtype(estimator.dtype, DTYPES)]


def optimizer(estimator, dtype):
    """The update rule of a stochastic solver. Adam takes its epsilon as scikit-learn does."""
    solver, schedule = estimator.solver, estimator.learning_rate
    if isinstance(solver, Optimizer):
        return solver
    rate = schedule if isinstance(schedule, Schedule) else estimator.learning_rate_init
    if rate is not schedule:
        validation.positive_number("learning_rate_init", rate, dtype)
    if solver == "sgd":
        return SGD(rate, estimator.momentum, bool(estimator.nesterovs_momentum and estimator.momentum > 0))
    if solver == "adam":
        return Adam(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon, epsilon_hat=True)
    if solver == "adamw":
        return AdamW(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon)
    if solver == "rprop":
        return Rprop(rate)
    return RMSprop(rate, epsilon=estimator.epsilon)


def settings(estimator, rule, seed):
    """The vector that kernels read: the rule, and the penalties, which a mini-batch's weight divides."""
    l1, l2 = estimator.alpha * estimator.l1_ratio, estimator.alpha * (1 - estimator.l1_ratio)
    return settings_of(
        rule, l1=l1, l2=l2, max_norm=estimator.max_norm, clip_norm=estimator.clip_norm, dropout=estimator.dropout,
        seed=seed, per_sample=True,
    )  # fmt: skip


def is_stochastic(estimator):
    """Whether the solver makes steps of mini-batches."""
    return estimator.solver not in ("lbfgs", "lm") and not isinstance(estimator.solver, SecondOrder)


def second_order(estimator):
    """The rule of a solver that solves equations, or "lm"; None for all others."""
    if isinstance(estimator.solver, GaussNewton):
        return estimator.solver
    return LevenbergMarquardt(min_gradient=estimator.tol) if estimator.solver == "lm" else None


def lbfgs(estimator):
    """The rule of a solver that is L-BFGS; "lbfgs" is scikit-learn's, which leaves ftol to SciPy."""
    if isinstance(estimator.solver, LBFGS):
        return estimator.solver
    return LBFGS(gtol=estimator.tol, ftol=SCIPYS_FTOL, max_fun=estimator.max_fun)


def refuse_what_is_stochastic(estimator):
    """What takes all samples in each step needs one smooth function of all of them."""
    solver = repr(estimator.solver)
    for name in ("dropout", "l1_ratio"):
        if getattr(estimator, name) != 0:
            raise ValueError(f"{name} must be 0 for solver={solver}, got {getattr(estimator, name)!r}")
    for name in ("max_norm", "clip_norm", "rate_factors", "diagonal"):
        if getattr(estimator, name) is not None:
            given = validation.shown(getattr(estimator, name))
            raise ValueError(f"{name} must be None for solver={solver}, got {given}")
    if isinstance(estimator.learning_rate, Schedule):
        raise ValueError(f"learning_rate must be no schedule for solver={solver}, got {estimator.learning_rate!r}")
    if second_order(estimator) and getattr(estimator, "loss", None) != "squared_error":
        came = f"loss={estimator.loss!r}" if hasattr(estimator, "loss") else "a classifier, whose errors are others"
        raise ValueError(
            f"solver={solver} minimises squared errors, which are those of MLPRegressor(loss='squared_error'), got "
            f"{came}: take 'lbfgs'"
        )
