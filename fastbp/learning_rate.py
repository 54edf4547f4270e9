"""What a learning rate may be: a number, or a schedule, whose kinds are in schedules.py."""

from abc import ABC, abstractmethod
from numbers import Real

import numpy as np

from fastbp import validation

LARGEST_STEP = 2**53  # up to here float64 holds every integer


class Schedule(ABC):
    """What `learning_rate` may be besides a number; a class of your own needs the method `rates` alone.

    Examples
    --------
    >>> import fastbp
    >>> import numpy as np
    >>> class Halving(fastbp.Schedule):
    ...     def rates(self, steps, total):
    ...         return 0.1 / 2.0**steps
    >>> Halving().rates(np.arange(3), 3)
    array([0.1  , 0.05 , 0.025])
    >>> optimizer = fastbp.SGD(Halving())
    """

    @abstractmethod
    def rates(self, steps, total):
        """The learning rates of some steps.

        Parameters
        ----------
        steps : array_like of int
            Numbers of the steps, counted from 0 over the whole training. Those beyond the schedule's end have its last
            rate.
        total : int
            Steps of the whole training.

        Returns
        -------
        ndarray of float64
            The rate of each step, in the shape of `steps`, finite and not negative.

        Raises
        ------
        TypeError, ValueError
            If `steps` are no integers from 0 up, or `total` is none.

        Examples
        --------
        >>> import fastbp
        >>> fastbp.CosineDecay(0.5).rates([0, 50, 100], total=100)
        array([0.5 , 0.25, 0.  ])
        """


def rate_or_schedule(name, value):
    """A positive float, or the schedule as it came."""
    if isinstance(value, Schedule):
        return value
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number or a fastbp.Schedule, got {validation.shown(value)}")
    return validation.positive_number(name, value)


def evaluated(name, rate, steps, total):
    """The rates of the integer array `steps`, in an array of their own; what a user's schedule returns is checked."""
    if not isinstance(rate, Schedule):
        return np.full(steps.shape, rate)
    came = rate.rates(steps, total)
    try:
        array = np.asarray(came)
    except Exception as problem:  # an object may raise anything when it is asked for its numbers
        raise TypeError(f"{name}.rates must return real numbers, got {validation.shown(came)}: {problem}") from problem
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name}.rates must return real numbers, got {validation.shown(came)}")
    if array.shape != steps.shape:
        raise ValueError(f"{name}.rates must return rates of shape {steps.shape}, as the steps, got {array.shape}")
    with np.errstate(all="ignore"):
        rates = array.astype(np.float64, order="C")
    wrong = ~(np.isfinite(rates) & (rates >= 0))
    if wrong.any():
        step, came = steps[wrong][0], rates[wrong][0]
        raise ValueError(f"{name}.rates must return finite rates of at least 0, got {came} for step {step}")
    return rates


def number_of_steps(name, value, at_least):
    """An integer that a float holds."""
    number = validation.whole_number(name, value, at_least)
    if number > LARGEST_STEP:
        raise ValueError(f"{name} must be at most 2**53, got {validation.shown(value)}")
    return number
