"""MLPClassifier and MLPRegressor of scikit-learn on this package's engine, and what is made of them."""

NEEDED = (1, 6)
WHO = "MLPClassifier, MLPRegressor, their ensembles and searches of fastbp need scikit-learn 1.6 or later"

try:
    import sklearn
except ImportError as missing:
    raise ImportError(f"{WHO}: pip install 'fastbp[sklearn]'") from missing

if tuple(int(number) for number in sklearn.__version__.split(".")[:2]) < NEEDED:
    raise ImportError(f"{WHO}, found {sklearn.__version__}: pip install --upgrade 'fastbp[sklearn]'")

from fastbp.estimators.ensemble.ensembles import EnsembleClassifier, EnsembleRegressor
from fastbp.estimators.mlp.classifier import MLPClassifier
from fastbp.estimators.mlp.regressor import MLPRegressor
from fastbp.estimators.search.searches import GridSearch, RandomSearch

__all__ = ["EnsembleClassifier", "EnsembleRegressor", "GridSearch", "MLPClassifier", "MLPRegressor", "RandomSearch"]
