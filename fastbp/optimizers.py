"""Update rules, as their users name them, and what the kernels read of them.

In the formulas w is any parameter, g = dE/dw of the mini-batch, eta the learning rate of the step; all operations on
vectors are element by element, and the memory (v, m) starts at 0.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

import numpy as np

from fastbp import validation
from fastbp.learning_rate import Schedule, evaluated, rate_or_schedule
from fastbp.lecture import codes
from fastbp.validation import real_number, store

# Values that each rule remembers for every parameter.
MOMENTS = {
    codes.SGD: 0, codes.MOMENTUM: 1, codes.NESTEROV: 1, codes.ADAM: 2, codes.ADAMW: 2, codes.RMSPROP: 1, codes.RPROP: 2
}  # fmt: skip


class Optimizer(ABC):
    """What the update rules have in common; `train` takes any of them: SGD, Adam, AdamW, RMSprop, Rprop.

    Rules run in compiled kernels, so this class is for `isinstance` and not for rules of your own.

    Examples
    --------
    >>> import fastbp
    >>> isinstance(fastbp.Adam(), fastbp.Optimizer)
    True
    """

    _takes_all = False  # whether each step takes all samples, whatever the size of a mini-batch

    @abstractmethod
    def _columns(self):
        """The columns of `settings` that are not 0, by their codes."""

    @property
    def moments(self):
        """Rows of memory that the rule needs, each as long as the vector of parameters: 0, 1 or 2."""
        return MOMENTS[self._columns()[codes.RULE]]

    def settings(self):
        """The vector from which kernels read the rule and its constants.

        Returns
        -------
        ndarray of float64, shape (codes.SETTINGS,)
            The columns RULE, FIRST_DECAY, SECOND_DECAY, EPSILON and WEIGHT_DECAY as far as the rule has them; all
            others are 0.

        Examples
        --------
        >>> import fastbp
        >>> fastbp.RMSprop().settings()[:5]
        array([5.0e+00, 0.0e+00, 9.9e-01, 1.0e-08, 0.0e+00])
        """
        settings = np.zeros(codes.SETTINGS)
        for column, value in self._columns().items():
            settings[column] = value
        return settings

    def rates(self, first_step, count, total):
        """The learning rates of `count` steps from step `first_step` on; those of a schedule are checked.

        Parameters
        ----------
        first_step : int
            Counted from 0 over the whole training.
        count : int
            Steps whose rates are asked for.
        total : int
            Steps of the whole training.

        Returns
        -------
        ndarray of float64, shape (count,)
            Finite and not negative.

        Raises
        ------
        TypeError, ValueError
            If a schedule returns no real numbers, not one for each step, or any that is negative, infinite or NaN.

        Examples
        --------
        >>> import fastbp
        >>> fastbp.SGD(0.5).rates(0, 2, 100)
        array([0.5, 0.5])
        >>> fastbp.SGD(fastbp.StepDecay(0.5, every=11)).rates(10, 2, 100)
        array([0.5 , 0.05])
        """
        return evaluated("learning_rate", self.learning_rate, np.arange(first_step, first_step + count), total)

    def __repr__(self):
        """The learning rate, and whatever differs from its default."""
        values = [(field, getattr(self, field.name)) for field in fields(self)]
        shown = [f"{f.name}={value!r}" for f, value in values if f.name == "learning_rate" or value != f.default]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Gradient descent on mini-batches: w <- w - eta g (slide 12 of the lecture), on request with momentum mu.

    - With momentum: v <- mu v - eta g, w <- w + v.
    - With Nesterov's momentum: v <- mu v - eta g, w <- w + mu v - eta g.

    Parameters
    ----------
    learning_rate : float or Schedule
        eta, positive; or a schedule that gives the eta of each step.
    momentum : float
        mu, from 0 to 1; often 0.9. With 1 the steps add up.
    nesterov : bool
        Nesterov's momentum instead of the classical one; needs a momentum above 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Momentum: Polyak (1964). Nesterov's: Sutskever, Martens, Dahl & Hinton, "On the importance of initialization and
    momentum in deep learning" (ICML 2013), written for the parameters at which the gradient is taken. Both are the
    formulas of scikit-learn's SGD.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.SGD(0.05)
    SGD(learning_rate=0.05)
    >>> fastbp.SGD(fastbp.CosineDecay(0.5), momentum=0.9)
    SGD(learning_rate=CosineDecay(rate=0.5, end=0.0, steps=None), momentum=0.9)
    """

    learning_rate: float | Schedule = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self):
        store(
            self,
            learning_rate=rate_or_schedule("learning_rate", self.learning_rate),
            momentum=real_number("momentum", self.momentum, lambda x: 0 <= x <= 1, "at least 0 and at most 1"),
            nesterov=validation.flag("nesterov", self.nesterov),
        )
        if self.nesterov and self.momentum == 0:
            raise ValueError(f"momentum must be above 0 for nesterov=True, got {self.momentum}")

    def _columns(self):
        with_momentum = codes.NESTEROV if self.nesterov else codes.MOMENTUM
        return {codes.RULE: with_momentum if self.momentum else codes.SGD, codes.FIRST_DECAY: self.momentum}


@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Steps of about eta, whatever the size of the gradient: running means of g and of g^2, corrected for their start.

    At step t = 1, 2, ...:

    - m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2,
    - w <- w - eta (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Parameters
    ----------
    learning_rate : float or Schedule
        eta, positive; or a schedule that gives the eta of each step.
    beta1, beta2 : float
        Decay of the two means, at least 0 and below 1.
    epsilon : float
        Positive; keeps the division finite where the gradient vanishes.
    epsilon_hat : bool
        Add epsilon to sqrt(v) before that is corrected, as scikit-learn and the short form at the end of section 2 of
        the paper do, where it is called epsilon hat.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Kingma & Ba, "Adam: a method for stochastic optimization" (ICLR 2015, arXiv:1412.6980), algorithm 1 with its
    defaults.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.Adam()
    Adam(learning_rate=0.001)
    >>> fastbp.Adam(0.01, beta2=0.99)
    Adam(learning_rate=0.01, beta2=0.99)
    """

    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = False

    def __post_init__(self):
        store(
            self,
            learning_rate=rate_or_schedule("learning_rate", self.learning_rate),
            epsilon_hat=validation.flag("epsilon_hat", self.epsilon_hat),
            beta1=_decay("beta1", self.beta1),
            beta2=_decay("beta2", self.beta2),
            epsilon=validation.positive_number("epsilon", self.epsilon),
        )

    def _columns(self):
        return {
            codes.RULE: codes.ADAM,
            codes.FIRST_DECAY: self.beta1,
            codes.SECOND_DECAY: self.beta2,
            codes.EPSILON: self.epsilon,
            codes.EPSILON_HAT: float(self.epsilon_hat),
        }


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay: before its step w <- w - eta weight_decay w, which Adam's means do not see.

    Parameters
    ----------
    learning_rate : float or Schedule
        eta, positive; or a schedule that gives the eta of each step.
    beta1, beta2 : float
        Decay of the two means, at least 0 and below 1.
    epsilon : float
        Positive; keeps the division finite where the gradient vanishes.
    epsilon_hat : bool
        As in Adam.
    weight_decay : float
        At least 0; all parameters decay, the biases too.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Loshchilov & Hutter, "Decoupled weight decay regularization" (ICLR 2019, arXiv:1711.05101), algorithm 2. As in
    PyTorch the decay is multiplied by the whole learning rate eta; the paper multiplies it by the schedule alone.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.AdamW(weight_decay=0.1)
    AdamW(learning_rate=0.001, weight_decay=0.1)
    """

    weight_decay: float = 0.01

    def __post_init__(self):
        super().__post_init__()
        decay = real_number("weight_decay", self.weight_decay, lambda x: 0 <= x < np.inf, "finite and at least 0")
        store(self, weight_decay=decay)

    def _columns(self):
        return super()._columns() | {codes.RULE: codes.ADAMW, codes.WEIGHT_DECAY: self.weight_decay}


@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """The gradient is divided by its running root mean square: a step of about eta in each direction.

    v <- decay v + (1 - decay) g^2, w <- w - eta g / (sqrt(v) + epsilon).

    Parameters
    ----------
    learning_rate : float or Schedule
        eta, positive; or a schedule that gives the eta of each step.
    decay : float
        Of the mean of g^2, at least 0 and below 1.
    epsilon : float
        Positive; keeps the division finite where the gradient vanishes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Tieleman & Hinton, "Neural networks for machine learning", lecture 6e (2012), where the decay is 0.9; formula and
    defaults are PyTorch's, without momentum.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.RMSprop(0.001)
    RMSprop(learning_rate=0.001)
    """

    learning_rate: float | Schedule = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self):
        store(
            self,
            learning_rate=rate_or_schedule("learning_rate", self.learning_rate),
            decay=_decay("decay", self.decay),
            epsilon=validation.positive_number("epsilon", self.epsilon),
        )

    def _columns(self):
        return {codes.RULE: codes.RMSPROP, codes.SECOND_DECAY: self.decay, codes.EPSILON: self.epsilon}


@dataclass(frozen=True, repr=False)
class Rprop(Optimizer):
    """Steps that only the sign of g decides: a size s for each w, which grows while g keeps its sign.

    s <- eta+ s where g has the sign that it had before, eta- s where it has the other one; w <- w - s sign(g). Where
    the sign has changed, g counts as 0 now and at the next step (iRprop-). Each step takes all samples, whatever
    `batch_size` and `shuffle` say: in mini-batches signs change by chance.

    Parameters
    ----------
    learning_rate : float
        s of the first step, positive. There is no schedule: the sizes follow from the signs.
    etas : tuple of two float
        eta-, above 0 and below 1, and eta+, above 1.
    step_sizes : tuple of two float
        The least and the largest s, positive. `rate_factors` and `diagonal` of a training multiply all sizes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Riedmiller & Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm" (IEEE
    International Conference on Neural Networks 1993); Igel & Hüsken, "Empirical evaluation of the improved Rprop
    learning algorithms" (Neurocomputing 50, 2003), iRprop-. Formula and defaults are PyTorch's.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.Rprop(0.05, etas=(0.5, 1.1))
    Rprop(learning_rate=0.05, etas=(0.5, 1.1))
    """

    learning_rate: float = 0.01
    etas: tuple[float, float] = (0.5, 1.2)
    step_sizes: tuple[float, float] = (1e-6, 50.0)

    _takes_all = True

    def __post_init__(self):
        if isinstance(self.learning_rate, Schedule):
            given = repr(self.learning_rate)
            raise TypeError(f"learning_rate must be a number for Rprop, whose steps change by themselves, got {given}")
        rate = validation.positive_number("learning_rate", self.learning_rate)
        store(self, learning_rate=rate, etas=_pair("etas", self.etas), step_sizes=_pair("step_sizes", self.step_sizes))
        if not self.etas[0] < 1 < self.etas[1]:
            raise ValueError(f"etas must be a number below 1 and one above 1, got {self.etas}")
        if self.step_sizes[0] > self.step_sizes[1]:
            raise ValueError(f"step_sizes must be the least and the largest, got {self.step_sizes}")

    def _columns(self):
        columns = codes.RULE, codes.SHRINKING, codes.GROWING, codes.LEAST_SIZE, codes.LARGEST_SIZE
        sizes = (size / self.learning_rate for size in self.step_sizes)
        return dict(zip(columns, (codes.RPROP, *self.etas, *sizes), strict=True))


def settings_of(rule, *, l1=0.0, l2=0.0, max_norm=None, clip_norm=None, dropout=0.0, seed=0, per_sample=False):
    """The vector that kernels read: a rule, or None for no step, with penalties and limits (columns in codes.py).

    With `per_sample` the penalties of a mini-batch are divided by what its samples weigh.
    """
    settings = np.zeros(codes.SETTINGS) if rule is None else rule.settings()
    if rule is None:
        settings[codes.RULE] = codes.NO_STEP
    settings[codes.L1], settings[codes.L2], settings[codes.PER_SAMPLE] = l1, l2, per_sample
    settings[codes.MAX_NORM], settings[codes.CLIP_NORM] = max_norm or 0, clip_norm or 0
    settings[codes.DROPOUT], settings[codes.SEED] = dropout, seed % 2**53  # a whole number that a float holds
    return settings


def _decay(name, value):
    return real_number(name, value, lambda x: 0 <= x < 1, "at least 0 and below 1")


def _pair(name, value):
    """Two positive numbers, a tuple."""
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != 2:
        raise TypeError(f"{name} must be two numbers, got {validation.shown(value)}")
    return tuple(validation.positive_number(f"{name}[{i}]", item) for i, item in enumerate(value))
