"""How a network for a table is made and trained: everything that a recipe decides, in one place."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from fastbp import validation
from fastbp.lecture.layout import rated
from fastbp.network import Network
from fastbp.optimizers import Adam
from fastbp.schedules import LogCosine
from fastbp.tables.refit import FEW, held_out
from fastbp.tables.target import CLASSES, NUMBER

STANDARD, ROBUST = SCALINGS = ("standard", "robust")


@dataclass(frozen=True)
class Recipe:
    """What is decided for a kind of target.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    activation : str or tuple of str
    epochs, batch_size, patience : int
        `patience` is None where all epochs are made, and the best is taken.
    stops_from : int
        Rows to train with from which on some are held out to find that; with fewer it is the last.
    once_more : bool
        Whether with few rows all are trained with at last, as refit.py does.
    learning_rate : float
        Of Adam; that at the tops of the cosines, if there are `cycles` of them.
    beta2 : float
        Of Adam.
    cycles : int
        Of the schedule `LogCosine`; 0: the rate stays.
    label_smoothing : float
    scaling : {"standard", "robust"}
        Of numbers.
    clamp_output : bool
        Whether predictions stay between the smallest and the largest target.
    ntk : bool
        Whether weights begin and learn as in the neural tangent parametrisation.
    bias_rate : float
        Times the learning rate.
    diagonal : float or None
        As in `train`.
    """

    hidden_layer_sizes: tuple = (64, 32)
    activation: str | tuple = "relu"
    epochs: int = 1000
    batch_size: int = 32
    patience: int | None = 20
    stops_from: int = 0
    once_more: bool = True
    learning_rate: float = 0.001
    beta2: float = 0.999
    cycles: int = 0
    label_smoothing: float = 0.0
    scaling: str = STANDARD
    clamp_output: bool = False
    ntk: bool = False
    bias_rate: float = 1.0
    diagonal: float | None = None

    def but(self, **given):
        """The same with what is given, where that is not None."""
        return dataclasses.replace(self, **{name: value for name, value in given.items() if value is not None})

    @property
    def optimizer(self):
        """The update rule."""
        rate = LogCosine(self.learning_rate, self.cycles) if self.cycles else self.learning_rate
        return Adam(rate, beta2=self.beta2)

    def held_out(self, rows):
        """The part of so many rows that is held out to see when to end."""
        return held_out(rows) if rows >= self.stops_from else 0.0

    def patience_with(self, validated):
        """Epochs without improvement after which it ends; None: all are made, since no rows tell which is best."""
        if self.patience is None:
            return max(1, self.epochs) if validated else None
        return self.patience

    def network(self, inputs, outputs, kind, dtype, seed):
        """A network for so many numbers, with its first weights."""
        output = "softmax" if kind == CLASSES else "identity"
        network = Network((inputs, *self.hidden_layer_sizes, outputs), self.activation, output, dtype, seed)
        if self.ntk:
            draw_ntk(network, np.random.default_rng(seed))
        return network

    def rate_factors(self, network):
        """Those of the weights and the biases of each layer; None for 1."""
        if not self.ntk and self.bias_rate == 1:
            return None
        return [(1 / math.sqrt(w.shape[1]) if self.ntk else 1.0, self.bias_rate) for w in network.W]

    def layers(self, network):
        """The table of the network with these rates."""
        return rated(network.layers, self.rate_factors(network), self.diagonal)


def draw_ntk(network, rng):
    """Weights of variance 1 / n_in and biases of variance 1; those of the last layer are 0 (Holzmüller et al. 2024).

    That is u = W x / sqrt(n_in) + b with numbers of variance 1, to whose rate that of W here is 1 / sqrt(n_in).
    """
    for w, b in zip(network.W[:-1], network.B[:-1], strict=True):
        w[...] = rng.normal(0, 1 / math.sqrt(w.shape[1]), w.shape)
        b[...] = rng.normal(size=b.shape)
    network.W[-1][...] = network.B[-1][...] = 0


# RealMLP-TD-S, the simplified tabular defaults of D. Holzmüller, L. Grinsztajn, I. Steinwart: Better by default: strong
# pre-tuned MLPs and boosted trees on tabular data. NeurIPS 2024, arXiv 2407.04491.
REALMLP = {
    "hidden_layer_sizes": (256, 256, 256), "epochs": 256, "batch_size": 256, "patience": None,
    "once_more": False, "beta2": 0.95, "cycles": 4, "scaling": ROBUST, "ntk": True, "bias_rate": 0.1, "diagonal": 6.0,
}  # fmt: skip
RECIPES = {
    "default": {CLASSES: Recipe(), NUMBER: Recipe()},
    "realmlp": {
        # The paper holds out a fifth and takes the epoch with the fewest errors. With few rows that is no better than
        # the last epoch with all of them (wine 96.6 and 97.4 % right, breast cancer 97.0 and 97.2, iris 94.7 and 94.7).
        # With many it may have learnt their noise by then: 75 % of customers, and 80 with rows held out.
        CLASSES: Recipe(activation="selu", learning_rate=0.04, label_smoothing=0.1, stops_from=FEW, **REALMLP),
        NUMBER: Recipe(activation="mish", learning_rate=0.07, clamp_output=True, **REALMLP),
    },
}


def chosen(recipe, dtype, **given):
    """A Recipe for each kind of target, with the options of `train_table` that are not None, checked."""
    recipe = validation.choice("recipe", recipe, RECIPES)
    checks = {
        "hidden_layer_sizes": lambda name, value: tuple(validation.hidden_units(value)),
        "epochs": lambda name, value: validation.whole_number(name, value, 0),
        "batch_size": lambda name, value: validation.whole_number(name, value, 1),
        "learning_rate": lambda name, value: validation.positive_number(name, value, dtype),
        "patience": lambda name, value: validation.whole_number(name, value, 1),
        "scaling": lambda name, value: validation.choice(name, value, SCALINGS),
        "clamp_output": validation.flag,
    }
    for name, check in checks.items():
        if given[name] is not None:
            given[name] = check(name, given[name])
    stops_from = None if given["patience"] is None else 0
    recipes = {kind: each.but(stops_from=stops_from, **given) for kind, each in RECIPES[recipe].items()}
    for each in recipes.values():  # what is wrong with these shows before the file is read
        Network((1, *each.hidden_layer_sizes, 1), each.activation, "identity")
    return recipes
