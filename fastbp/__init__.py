"""The backpropagation lecture as explicit index loops, compiled by Numba: train multilayer perceptrons fast on a CPU.

The names are loaded when they are first used, so `import fastbp` does not wait for Numba. Those of scikit-learn's kind
are there where scikit-learn is.
"""

import importlib
import importlib.util
import sys

_NAMES = {
    "network": ("Network",),
    "training.train": ("train",),
    "training.history": ("History", "TrainingState", "Diverged"),
    "training.checkpoints": ("CheckpointError",),
    "training.many.train_many": ("train_many",),
    "training.many.history": ("ManyHistory",),
    "lecture.tracing.trace": ("trace", "Trace"),
    "njit": ("compiled", "CompiledNetwork"),
    "online.classifier": ("OnlineClassifier",),
    "online.regressor": ("OnlineRegressor",),
    "optimizers": ("Optimizer", "SGD", "Adam", "AdamW", "RMSprop", "Rprop"),
    "second_order": ("LevenbergMarquardt", "BayesianRegularization", "LBFGS"),
    "learning_rate": ("Schedule",),
    "schedules": ("Constant", "StepDecay", "CosineDecay", "LogCosine", "InverseScaling", "OneCycle", "WarmUp"),
    "tables.train_table": ("train_table",),
    "tables.result": ("TableResult",),
    "tables.model": ("TableModel",),
    "tables.cells": ("TableError",),
    "loading": ("load",),
    "files.safetensors": ("ModelFileError",),
    "export.onnx.convert": ("to_onnx",),
    "export.c.convert": ("to_c",),
    "export.casadi": ("to_casadi",),
    "export.torch": ("to_torch", "from_torch"),
    "export.sklearn": ("to_sklearn", "from_sklearn"),
    "datasets": ("load_digits",),
}
_OF_SKLEARN = {
    "estimators.mlp.classifier": ("MLPClassifier",),
    "estimators.mlp.regressor": ("MLPRegressor",),
    "estimators.ensemble.ensembles": ("EnsembleClassifier", "EnsembleRegressor"),
    "estimators.search.searches": ("GridSearch", "RandomSearch"),
}
_HOMES = {name: module for table in (_NAMES, _OF_SKLEARN) for module, names in table.items() for name in names}
__version__ = "0.1.0"


def __getattr__(name):
    if name == "plots":
        return importlib.import_module("fastbp.plots")
    if name == "__all__":
        return _listed()
    if name not in _HOMES:
        raise AttributeError(f"module 'fastbp' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    try:
        value = getattr(importlib.import_module(f"fastbp.{_HOMES[name]}"), name)
    except ImportError as problem:
        if _HOMES[name] not in _OF_SKLEARN or sys._getframe(1).f_code.co_name == "_handle_fromlist":
            raise  # `from fastbp import MLPClassifier` ends in an ImportError; an attribute that is not there does not
        raise AttributeError(str(problem)) from None
    globals()[name] = value
    return value


def _listed():
    """The public names that there are on this machine."""
    tables = (_NAMES, _OF_SKLEARN) if importlib.util.find_spec("sklearn") else (_NAMES,)
    return [name for table in tables for names in table.values() for name in names] + ["plots"]


def __dir__():
    return sorted({name for name in globals() if name[:2] == "__"} | {*_listed()})
