"""The backpropagation lecture as explicit index loops, compiled by Numba: train multilayer perceptrons fast on a CPU.

The names are loaded when they are first used, so `import fastbp` does not wait for Numba.
"""

import importlib

_HOMES = {
    "Network": "network",
    "train": "training.train",
    "History": "training.history",
    "Diverged": "training.history",
    "TrainingState": "training.history",
    "CheckpointError": "training.checkpoints",
    "load": "loading",
    "ModelFileError": "files.safetensors",
    "to_onnx": "export.onnx.convert",
    "to_c": "export.c.convert",
    "to_torch": "export.torch",
    "from_torch": "export.torch",
    "to_sklearn": "export.sklearn",
    "from_sklearn": "export.sklearn",
    "train_table": "tables.train_table",
    "TableResult": "tables.train_table",
    "TableModel": "tables.model",
    "TableError": "tables.sources",
    "train_many": "training.many.train_many",
    "ManyHistory": "training.many.train_many",
    "Optimizer": "optimizers",
    "SGD": "optimizers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "RMSprop": "optimizers",
    "Schedule": "schedules",
    "Constant": "schedules",
    "StepDecay": "schedules",
    "CosineDecay": "schedules",
    "InverseScaling": "schedules",
    "OneCycle": "schedules",
    "WarmUp": "schedules",
    "load_digits": "datasets",
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
