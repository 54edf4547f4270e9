"""MLPClassifier and MLPRegressor of scikit-learn on this package's engine, and what is made of them.

The names are loaded when they are first used: ensembles and searches need more of scikit-learn than a fit does.
"""

import importlib
import sys

NEEDED = (1, 6)
WHO = "MLPClassifier, MLPRegressor, their ensembles and searches of fastbp need scikit-learn 1.6 or later"

try:
    import sklearn
except ImportError as missing:
    raise ImportError(f"{WHO}: pip install 'fastbp[sklearn]'") from missing

if tuple(int(number) for number in sklearn.__version__.split(".")[:2]) < NEEDED:
    raise ImportError(f"{WHO}, found {sklearn.__version__}: pip install --upgrade 'fastbp[sklearn]'")

_HOMES = {
    "EnsembleClassifier": "ensemble.ensembles",
    "EnsembleRegressor": "ensemble.ensembles",
    "GridSearch": "search.searches",
    "MLPClassifier": "mlp.classifier",
    "MLPRegressor": "mlp.regressor",
    "RandomSearch": "search.searches",
}
__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
