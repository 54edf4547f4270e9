"""The parts of the flat vectors that belong to one layer, as views that cost nothing (compiler/views.py)."""

from fastbp.compiler.jit import jit
from fastbp.compiler.views import matrix_at, vector_at


@jit
def weights_of(theta, layers, layer):
    """w (j, i) of a weight layer."""
    row = layers[layer]
    return matrix_at(theta, row["weights_at"], row["receiving"], row["sending"])


@jit
def trained_weights_of(theta, layers, layer):
    """w (j, i) that the rule changes: `weights_of`, but for the first layer behind a diagonal (layout.py)."""
    row = layers[layer]
    return matrix_at(theta, row["trained_at"], row["receiving"], row["sending"])


@jit
def has_diagonal(layers):
    """Whether the inputs have factors f_i that are trained."""
    return layers[0]["weights_at"] != layers[0]["trained_at"]


@jit
def diagonal_of(theta, layers):
    """f (i), the factors of the inputs."""
    sending = layers[0]["sending"]
    return vector_at(theta, layers[0]["weights_at"] - sending, sending)


@jit
def trained_count(theta, layers):
    """How many parameters the rule changes, from the first on."""
    return layers[0]["weights_at"] if has_diagonal(layers) else theta.size


@jit
def biases_of(theta, layers, layer):
    """b (j) of a weight layer."""
    return vector_at(theta, layers[layer]["biases_at"], layers[layer]["receiving"])


@jit
def units_of(values, layers, layer):
    """The values (j) of the units above a weight layer."""
    return vector_at(values, layers[layer]["units_at"], layers[layer]["receiving"])


@jit
def has_own_rates(layers):
    """Whether some parameters learn at a rate of their own."""
    for layer in range(layers.size):
        row = layers[layer]
        if row["weights_rate"] != 1 or row["biases_rate"] != 1 or row["diagonal_rate"] != 1:
            return True
    return False


@jit
def rated_part(layers, part):
    """Where parameters begin that learn together, how many they are, and with how many times the learning rate.

    Weights and biases of each layer in turn; at last the diagonal, of which there may be none.
    """
    row = layers[min(part // 2, layers.size - 1)]
    if part == 2 * layers.size:
        n = layers[0]["sending"] if has_diagonal(layers) else 0
        return layers[0]["weights_at"] - n, n, layers[0]["diagonal_rate"]
    if part % 2 == 0:
        return row["trained_at"], row["sending"] * row["receiving"], row["weights_rate"]
    return row["biases_at"], row["receiving"], row["biases_rate"]
