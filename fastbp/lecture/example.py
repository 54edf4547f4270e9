"""The small networks of the lecture's pages: one worked out by hand, and others in numbers that are as short."""

import numpy as np

SIZES = {"regression": (3, 2, 1), "classification": (3, 2, 2)}
OUTPUT = {"regression": "identity", "classification": "softmax"}
STEP = 4  # numbers are multiples of 1/4, which floats hold exactly

# Hidden ReLU, output identity, x = (1, 2, -1), d = -0.25.
#
#   u_1 = 0.5*1 - 1*2 + 1*(-1) + 0.5   = -2      y_1 = 0     (below 0)
#   u_2 = 1*1 + 0.5*2 - 0.5*(-1) - 1   = 1.5     y_2 = 1.5
#   u   = 2*0 - 1*1.5 + 0.25           = -1.25   y   = -1.25
#   E   = 1/2 (-1.25 + 0.25)^2         = 0.5
# STEP 1     delta_1 = y_1 - d_1 = -1;   dE/dw_1j = delta_1 y_j = (0, -1.5);   dE/db_1 = -1
# STEP 1.5   dE/dy_j = delta_1 w_1j = (-2, 1)
# STEP 2     delta_j = (-2 * 0, 1 * 1) = (0, 1);   dE/dw_ji = rows (0, 0, 0) and (1, 2, -1);   dE/db_j = (0, 1)
BY_HAND = {
    "W": [[[0.5, -1.0, 1.0], [1.0, 0.5, -0.5]], [[2.0, -1.0]]],
    "B": [[0.5, -1.0], [0.25]],
    "x": [1.0, 2.0, -1.0],
    "d": [-0.25],
}


def example(seed=0, problem="regression", activation="relu"):
    """A network with one hidden layer, and a sample, as a dictionary of lists: one for each student.

    Parameters
    ----------
    seed : int
        0 is the network worked out by hand, for regression with ReLU.
    problem : "regression" or "classification"
        Identity and squared error at the output, or softmax and cross-entropy (slides 5, 6, 32, 33).
    activation : "relu" or "sigmoid"
        Of the hidden units.

    Returns
    -------
    dict
        sizes, activation, output; W, B: a list for each layer; x, d. One hidden unit is below 0 and one above, none
        near it, so ReLU shows both its cases and difference quotients meet no kink. No delta and no dE/dy is near 0.
    """
    sizes, chosen = SIZES[problem], None
    if (seed, problem, activation) == (0, "regression", "relu"):
        chosen = BY_HAND
    rng = np.random.default_rng([seed, len(problem), len(activation)])
    while chosen is None:
        chosen = _drawn(rng, sizes, problem)
        u, going_back = _on_the_way(chosen, problem, activation)
        if np.abs(u).min() < 0.5 or np.abs(u).max() > 3 or (u > 0).all() or (u < 0).all() or going_back < 0.1:
            chosen = None
    return {"sizes": sizes, "activation": activation, "output": OUTPUT[problem], **chosen}


def _on_the_way(chosen, problem, activation):
    """u of the hidden layer; the smallest of all output deltas and dE/dy of hidden units, without their signs."""
    W, B = [np.array(w) for w in chosen["W"]], [np.array(b) for b in chosen["B"]]
    u = W[0] @ chosen["x"] + B[0]
    y = np.maximum(u, 0) if activation == "relu" else 1 / (1 + np.exp(-u))
    output = W[1] @ y + B[1]
    if problem == "classification":
        output = np.exp(output) / np.exp(output).sum()
    delta = output - chosen["d"]
    return u, min(np.abs(delta).min(), np.abs(W[1].T @ delta).min())


def _drawn(rng, sizes, problem):
    def numbers(least, most, *shape):
        values = rng.integers(least * STEP, most * STEP, shape, endpoint=True) / STEP
        return np.where(values == 0, 1.0, values).tolist()  # nothing vanishes by chance

    inputs, hidden, outputs = sizes
    d = numbers(-1, 1, outputs) if problem == "regression" else np.eye(outputs)[rng.integers(outputs)].tolist()
    W, B = [numbers(-1, 1, hidden, inputs), numbers(-1, 1, outputs, hidden)], [numbers(-1, 1, n) for n in sizes[1:]]
    return {"W": W, "B": B, "x": numbers(-2, 2, inputs), "d": d}
