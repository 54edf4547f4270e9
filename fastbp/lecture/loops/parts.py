"""The parts of the flat vectors that belong to one layer, as views that cost nothing (compiler/views.py)."""

from fastbp.compiler.jit import jit
from fastbp.compiler.views import matrix_at, vector_at


@jit
def weights_of(theta, layers, layer):
    """w (j, i) of a weight layer."""
    row = layers[layer]
    return matrix_at(theta, row["weights_at"], row["receiving"], row["sending"])


@jit
def biases_of(theta, layers, layer):
    """b (j) of a weight layer."""
    return vector_at(theta, layers[layer]["biases_at"], layers[layer]["receiving"])


@jit
def units_of(values, layers, layer):
    """The values (j) of the units above a weight layer."""
    return vector_at(values, layers[layer]["units_at"], layers[layer]["receiving"])
