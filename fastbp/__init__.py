"""The backpropagation lecture as explicit index loops, compiled by Numba: train multilayer perceptrons fast on a CPU.

The names are loaded when they are first used, so `import fastbp` does not wait for Numba.
"""

import importlib

_HOMES = {
    "Network": "network",
    "train": "training",
    "History": "training",
    "Diverged": "training",
    "Optimizer": "optimizers",
    "SGD": "optimizers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "RMSprop": "optimizers",
    "Schedule": "rates",
    "Constant": "schedules",
    "StepDecay": "schedules",
    "CosineDecay": "schedules",
    "InverseScaling": "schedules",
    "OneCycle": "schedules",
    "WarmUp": "schedules",
    "load_digits": "digits",
}
__all__ = [*_HOMES]
__version__ = "0.1.0"


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'fastbp' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"fastbp.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
