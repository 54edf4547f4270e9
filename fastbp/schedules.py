"""Learning-rate schedules: the rate of each step of a training, as a function of the step's number.

Steps are counted from 0 over the whole training, not over an epoch; a step is one mini-batch. A schedule holds no
state: the same step has the same rate however often and in whatever order it is asked for.
"""

from dataclasses import dataclass

import numpy as np

from fastbp import validation
from fastbp.learning_rate import Schedule, evaluated, number_of_steps, rate_or_schedule
from fastbp.validation import real_number, store

MOST_CYCLES = 52  # of a schedule, the first of which would be shorter than what a float64 tells from 1


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate at every step: eta_t = rate. A plain number as `learning_rate` means the same.

    Parameters
    ----------
    rate : float
        Positive.

    Raises
    ------
    TypeError, ValueError
        If `rate` is no positive finite number.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.Constant(0.5).rates(range(3), total=100)
    array([0.5, 0.5, 0.5])
    """

    rate: float

    def __post_init__(self):
        store(self, rate=validation.positive_number("rate", self.rate))

    def rates(self, steps, total):
        t, _ = _checked(steps, total)
        return np.full(t.shape, self.rate)


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Every so many steps the rate is multiplied by a factor: eta_t = rate factor^floor(t / every).

    Parameters
    ----------
    rate : float
        Of the first `every` steps, positive.
    every : int
        Steps from one decay to the next, at least 1. An epoch has ceil(samples / batch_size) steps.
    factor : float
        Above 0 and at most 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    He, Zhang, Ren & Sun, "Deep residual learning for image recognition" (CVPR 2016), divide by 10 in this manner;
    PyTorch calls it StepLR.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.StepDecay(0.5, every=2).rates(range(6), total=6)
    array([0.5  , 0.5  , 0.05 , 0.05 , 0.005, 0.005])
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self):
        store(
            self,
            rate=validation.positive_number("rate", self.rate),
            every=number_of_steps("every", self.every, 1),
            factor=real_number("factor", self.factor, lambda x: 0 < x <= 1, "above 0 and at most 1"),
        )

    def rates(self, steps, total):
        t, _ = _checked(steps, total)
        with np.errstate(under="ignore"):  # after many decays the rate is 0
            return self.rate * np.power(self.factor, t // self.every)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Half a cosine from `rate` down to `end`: eta_t = end + (rate - end) (1 + cos(pi t / T)) / 2, T = steps.

    Parameters
    ----------
    rate : float
        Of step 0, positive.
    end : float
        From step T on, from 0 up to `rate`. The last step of a training is T - 1, its rate just above `end`.
    steps : int, optional
        T, at least 1; by default the steps of the whole training.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts" (ICLR 2017, arXiv:1608.03983),
    equation 5, without the restarts.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.CosineDecay(1.0, end=0.5).rates([0, 2, 4, 5], total=4)
    array([1.  , 0.75, 0.5 , 0.5 ])
    """

    rate: float
    end: float = 0.0
    steps: int | None = None

    def __post_init__(self):
        rate = validation.positive_number("rate", self.rate)
        end = real_number("end", self.end, lambda x: 0 <= x <= rate, f"at least 0 and at most the rate, {rate}")
        store(self, rate=rate, end=end, steps=_optional_steps(self.steps))

    def rates(self, steps, total):
        t, total = _checked(steps, total)
        length = self.steps or max(total, 1)
        return _cosine(self.rate, self.end, np.minimum(t / length, 1.0))


@dataclass(frozen=True)
class LogCosine(Schedule):
    """Cosines from 0 up to `rate` and back, each twice as long as the one before, but for rounding.

    eta_t = rate (1 - cos(2 pi log2(1 + (2^cycles - 1) t / T))) / 2, T = steps.

    Parameters
    ----------
    rate : float
        At the top of each cycle, positive.
    cycles : int
        Of the whole schedule, at least 1.
    steps : int, optional
        T, at least 1; by default the steps of the whole training. From step T on the rate is 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Holzmüller, Grinsztajn & Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data"
    (NeurIPS 2024, arXiv:2407.04491), with 4 cycles: the network may be good long before the end, and again at it.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.LogCosine(1.0, cycles=2).rates(range(7), total=6).round(2)
    array([0.  , 0.93, 0.  , 0.72, 0.93, 0.32, 0.  ])
    """

    rate: float
    cycles: int = 4
    steps: int | None = None

    def __post_init__(self):
        store(
            self,
            rate=validation.positive_number("rate", self.rate),
            cycles=validation.whole_number("cycles", self.cycles, 1),
            steps=_optional_steps(self.steps),
        )
        if self.cycles > MOST_CYCLES:
            raise ValueError(f"cycles must be at most {MOST_CYCLES}, got {self.cycles}")

    def rates(self, steps, total):
        t, total = _checked(steps, total)
        progress = np.minimum(t / (self.steps or max(total, 1)), 1.0)
        angle = 2 * np.pi * (np.log2(1 + (2.0**self.cycles - 1) * progress) % 1.0)  # of 1 exactly 0
        return self.rate * (1 - np.cos(angle)) / 2


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """The rate falls with a power of the step: eta_t = rate / (t + 1)^power.

    Parameters
    ----------
    rate : float
        Of step 0, positive.
    power : float
        Positive.

    Raises
    ------
    TypeError, ValueError
        If `rate` or `power` is no positive finite number.

    Notes
    -----
    Robbins & Monro, "A stochastic approximation method" (Annals of Mathematical Statistics 22, 1951), for power = 1.
    The formula is that of scikit-learn's learning_rate="invscaling", whose t counts samples and moves on only after
    an epoch; here t counts steps.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.InverseScaling(1.0).rates([0, 3, 99], total=100)
    array([1. , 0.5, 0.1])
    """

    rate: float
    power: float = 0.5

    def __post_init__(self):
        rate, power = validation.positive_number("rate", self.rate), validation.positive_number("power", self.power)
        store(self, rate=rate, power=power)

    def rates(self, steps, total):
        t, _ = _checked(steps, total)
        with np.errstate(over="ignore", under="ignore"):  # a power of 1000 leaves a rate of 0
            return self.rate / np.power(t + 1, self.power)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Half a cosine up from start to `peak`, half a cosine down to end: the one-cycle policy.

    With T = steps, start = peak start_factor, end = start end_factor, the peak at step P = rise T - 1, and
    cosine(from, to, p) = to + (from - to) (1 + cos(pi p)) / 2:

    - up: eta_t = cosine(start, peak, t / P) for t < P;
    - down: eta_t = cosine(peak, end, (t - P) / (T - 1 - P)) for P <= t <= T - 1, and end for all later steps.

    Parameters
    ----------
    peak : float
        The highest rate, positive.
    start_factor : float
        The first rate as a fraction of the peak, above 0 and at most 1.
    end_factor : float
        The last rate as a fraction of the first rate, from 0 to 1.
    rise : float
        The rise as a fraction of the steps, from 0 to 1.
    steps : int, optional
        T, at least 1; by default the steps of the whole training.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Smith & Topin, "Super-convergence: very fast training of neural networks using large learning rates"
    (arXiv:1708.07120, 2018). The rates are those of PyTorch's OneCycleLR with anneal_strategy="cos", whose
    div_factor is 1 / start_factor and whose final_div_factor is 1 / end_factor; the momentum is not cycled.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.OneCycle(1.0).rates([0, 2, 9], total=10)
    array([4.e-02, 1.e+00, 4.e-06])
    """

    peak: float
    start_factor: float = 1 / 25
    end_factor: float = 1e-4
    rise: float = 0.3
    steps: int | None = None

    def __post_init__(self):
        store(
            self,
            peak=validation.positive_number("peak", self.peak),
            start_factor=real_number("start_factor", self.start_factor, lambda x: 0 < x <= 1, "above 0 and at most 1"),
            end_factor=real_number("end_factor", self.end_factor, lambda x: 0 <= x <= 1, "between 0 and 1"),
            rise=real_number("rise", self.rise, lambda x: 0 <= x <= 1, "between 0 and 1"),
            steps=_optional_steps(self.steps),
        )

    def rates(self, steps, total):
        t, total = _checked(steps, total)
        length = self.steps or max(total, 1)
        start = self.peak * self.start_factor
        at_peak = self.rise * length - 1  # below 0 where the rise is shorter than a step: then it only falls
        falling = length - 1 - at_peak  # 0 where all steps rise
        tiny = np.finfo(np.float64).tiny  # 0 / tiny: a part of no length is at its beginning
        up = np.minimum(t, max(at_peak, 0.0)) / max(at_peak, tiny)
        down = np.clip(t - at_peak, 0.0, max(falling, 0.0)) / max(falling, tiny)
        rising, sinking = _cosine(start, self.peak, up), _cosine(self.peak, start * self.end_factor, down)
        return np.where(t < at_peak, rising, sinking)


@dataclass(frozen=True)
class WarmUp(Schedule):
    """The first steps rise linearly to another schedule: eta_t = min(1, (t + 1) / steps) then_t.

    The clock of `then` starts with the training, not after the warm-up.

    Parameters
    ----------
    steps : int
        Length of the warm-up, at least 1; step steps - 1 is the first with the full rate.
    then : float or Schedule
        A positive rate, or the schedule whose rates are scaled.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.

    Notes
    -----
    Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour" (arXiv:1706.02677, 2017), section 2.2,
    gradual warmup.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.WarmUp(4, 0.5).rates(range(6), total=6)
    array([0.125, 0.25 , 0.375, 0.5  , 0.5  , 0.5  ])
    >>> fastbp.WarmUp(2, fastbp.CosineDecay(1.0)).rates([0, 2, 4], total=4)
    array([0.5, 0.5, 0. ])
    """

    steps: int
    then: float | Schedule

    def __post_init__(self):
        store(self, steps=number_of_steps("steps", self.steps, 1), then=rate_or_schedule("then", self.then))

    def rates(self, steps, total):
        t, total = _checked(steps, total)
        return np.minimum((t + 1) / self.steps, 1.0) * evaluated("then", self.then, t.astype(np.int64), total)


def _optional_steps(value):
    return None if value is None else number_of_steps("steps", value, 1)


def _checked(steps, total):
    """Step numbers as float64, and the number of steps of the training."""
    array = np.asarray(steps)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"steps must be integers, got {validation.shown(steps)}")
    if array.size and array.min() < 0:
        raise ValueError(f"steps must be at least 0, got {array.min()}")
    return array.astype(np.float64), number_of_steps("total", total, 0)


def _cosine(first, last, progress):
    """Half a cosine from `first` at progress 0 to `last` at progress 1; weighted so that it meets both exactly."""
    share = (1 + np.cos(np.pi * progress)) / 2
    return first * share + last * (1 - share)
