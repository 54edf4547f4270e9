"""The types of the pictures."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from fastbp import (
    EnsembleClassifier,
    EnsembleRegressor,
    History,
    ManyHistory,
    MLPClassifier,
    MLPRegressor,
    Network,
    Trace,
)

__all__ = ["confusion", "decision_regions", "ensemble_spread", "loss", "network", "weights"]

def confusion(
    labels: ArrayLike,
    predicted: ArrayLike,
    ax: Any = None,
    *,
    names: Sequence[str] | None = None,
    normalize: bool = False,
) -> Any: ...
def decision_regions(
    model: Network | MLPClassifier | MLPRegressor | EnsembleClassifier | EnsembleRegressor,
    X: ArrayLike,
    y: ArrayLike | None = None,
    ax: Any = None,
    *,
    resolution: int = 200,
) -> Any: ...
def ensemble_spread(
    model_or_networks: EnsembleClassifier | EnsembleRegressor | Sequence[Network],
    X: ArrayLike,
    ax: Any = None,
    *,
    y: ArrayLike | None = None,
) -> Any: ...
def loss(
    history: History | ManyHistory | MLPClassifier | MLPRegressor | Sequence[float],
    ax: Any = None,
    *,
    log: bool = False,
) -> Any: ...
def network(network: Network, ax: Any = None, *, trace: Trace | None = None) -> Any: ...
def weights(
    model: Network | MLPClassifier | MLPRegressor,
    ax: Any = None,
    *,
    shape: tuple[int, int] | None = None,
    units: Sequence[int] | None = None,
) -> Any: ...
