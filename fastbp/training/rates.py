"""Learning rates of their own: of the weights and biases of each layer, and of factors of the inputs."""

import numpy as np

from fastbp import validation


def checked_factors(given, layers, of=""):
    """How many times the learning rate each layer learns with.

    Parameters
    ----------
    given : array-like or None
        As it was given.
    layers : int
        Weight layers of the network.
    of : str
        What has so many, for the message of another shape.

    Returns
    -------
    tuple of tuple of float, or None
        For each layer, that of the weights and that of the biases.

    Raises
    ------
    TypeError, ValueError
    """
    if given is None:
        return None
    factors = validation.real_array("rate_factors", given).astype(np.float64)
    if factors.shape != (layers, 2):
        raise ValueError(
            f"rate_factors must have shape ({layers}, 2), for the weights and the biases of each layer{of}, got "
            f"{factors.shape}"
        )
    if not (np.isfinite(factors).all() and (factors >= 0).all()):
        raise ValueError(f"rate_factors must be finite and at least 0, got {validation.shown(factors.tolist())}")
    return tuple(map(tuple, factors.tolist()))


def checked_diagonal(given):
    """How many times the learning rate the factors of the inputs learn with, or None for no such factors.

    Raises
    ------
    TypeError, ValueError
    """
    return None if given is None else validation.real_number("diagonal", given, *validation.NOT_NEGATIVE)
