"""The backpropagation lecture as explicit index loops, compiled by Numba: train multilayer perceptrons fast on a CPU.

The names are loaded when they are first used, so `import fastbp` does not wait for Numba.
"""

import importlib

_HOMES = {
    "Network": "network",
    "train": "training",
    "History": "training",
    "Diverged": "training",
    "CheckpointError": "checkpoints",
    "load": "files.models",
    "ModelFileError": "files.safetensors",
    "to_onnx": "export.onnx",
    "to_c": "export.c",
    "to_torch": "export.torch",
    "from_torch": "export.torch",
    "to_sklearn": "export.sklearn",
    "from_sklearn": "export.sklearn",
    "train_table": "tables.fitting",
    "TableResult": "tables.fitting",
    "TableModel": "tables.model",
    "TableError": "tables.sources",
    "train_many": "sweep",
    "ManyHistory": "sweep",
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
_EXTRAS = dict.fromkeys(  # not for a star, which must not need them
    ["MLPClassifier", "MLPRegressor", "GridSearch", "RandomSearch", "EnsembleClassifier", "EnsembleRegressor"],
    "estimators",
)
__all__ = [*_HOMES]
__version__ = "0.1.0"


def __getattr__(name):
    if name == "plots":
        return importlib.import_module("fastbp.plots")
    home = _HOMES.get(name) or _EXTRAS.get(name)
    if home is None:
        raise AttributeError(f"module 'fastbp' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"fastbp.{home}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOMES, *_EXTRAS, "plots"})
