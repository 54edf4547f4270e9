"""The other way round: a learner of streams from its file."""

import numpy as np

from fastbp.files import values
from fastbp.network import Network
from fastbp.online.base import NAMES
from fastbp.online.classifier import OnlineClassifier
from fastbp.online.regressor import OnlineRegressor

KINDS = {kind._file_kind: kind for kind in (OnlineClassifier, OnlineRegressor)}


def of_record(file):
    """The learner in a `ModelFile`."""
    network, kind = Network._of_record(file), KINDS[file.kind]
    learner = kind(**{name: values.value_of(file, f"parameter {name}") for name in NAMES})
    expected = (network.sizes[0], *learner.hidden_layer_sizes, network.sizes[-1])
    hidden = network.activations[:-1]
    named = [learner.activation] * len(hidden) if isinstance(learner.activation, str) else [*learner.activation]
    of_network = network.sizes, hidden, network.output, network.dtype.name, network.loss
    usual = "cross_entropy" if kind is OnlineClassifier else "squared_error"
    if of_network != (expected, named, kind._output, learner.dtype, usual):
        raise ValueError("its network must be that of its parameters")
    names = values.texts_of(file, "features")
    if len({*names}) != len(names) or len(names) != network.sizes[0]:
        raise ValueError(f"it must have a name for each of its {network.sizes[0]} inputs")
    moments = file.array("moments", network.dtype, (learner.optimizer.moments, network.theta.size))
    stats = file.array("running", np.float64, (3, network.sizes[0] + 1))
    if not np.isfinite(stats).all() or (stats[::2] < 0).any():
        raise ValueError("its running moments must be finite, and counts and squares at least 0")
    learner._hold(network, moments, stats, dict.fromkeys(names), file.integer("steps", most=2**53))
    if kind is OnlineClassifier:
        labels = values.labels_of(file, "classes").tolist()
        if len({*labels}) != len(labels) or not 0 < len(labels) <= network.sizes[-1]:
            raise ValueError("it must have different classes, at most one for each output")
        learner._classes = {label: place for place, label in enumerate(labels)}
    return learner
