"""Update rules by name."""

from fastbp import validation
from fastbp.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop, Rprop
from fastbp.second_order import LBFGS

RULES = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "rprop": Rprop, "lbfgs": LBFGS}


def as_optimizer(name, value):
    """An update rule, which may be given by its name: those of RULES, with its defaults."""
    if isinstance(value, str):
        return RULES[validation.choice(name, value, RULES)]()
    if isinstance(value, type) and issubclass(value, Optimizer):
        raise TypeError(f"{name} must be a fastbp.Optimizer, got the class {value.__name__}: give {value.__name__}()")
    if not isinstance(value, Optimizer):
        names = ", ".join(map(repr, RULES))
        raise TypeError(f"{name} must be a fastbp.Optimizer or one of {names}, got {validation.shown(value)}")
    return value
