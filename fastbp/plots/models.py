"""What models answer: numbers or classes."""

import warnings

import numpy as np

NUMBERS = "identity", "exponential"  # outputs that are no probabilities


def answers(predict, X):
    """predict(X), without scikit-learn's warning that X has no column names: a picture needs none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        return np.asarray(predict(X))


def outputs(network, X):
    """What a Network or a fitted MLP says of each sample: a number, or a row with a probability for each class.

    Several outputs of a Network that are no probabilities are a row, too.
    """
    if not hasattr(network, "sizes"):
        return answers(network.predict_proba if hasattr(network, "classes_") else network.predict, X)
    Y = network.predict(X)
    if Y.shape[1] > 1 or network.output == "softmax":
        return Y
    return Y[:, 0] if network.output in NUMBERS else np.hstack([1 - Y, Y])
