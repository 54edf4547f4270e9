"""Pictures of trainings and models with matplotlib: each function draws into one Axes and returns it.

No function opens a window or changes a style. Without `ax` the picture goes into pyplot's current Axes.
"""

from fastbp.plots.classes import confusion, decision_regions
from fastbp.plots.ensembles import ensemble_spread
from fastbp.plots.losses import loss
from fastbp.plots.networks import network
from fastbp.plots.units import weights

__all__ = ["confusion", "decision_regions", "ensemble_spread", "loss", "network", "weights"]
