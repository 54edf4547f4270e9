"""Exercises 5 and 6: the weighted sums of a layer, and a sample through the whole network (slides 7, 8)."""

# ruff: noqa: E741 - l is the lecture's letter for the number of inputs

import numpy as np

from fastbp.lecture.workbook.exercise import Exercise, case, short, softmax_of

# ---- 5: the weighted sum ---------------------------------------------------------------------------------------------


def layers_and_inputs(rng):
    """Layers that are wide, high and square, and of one unit."""
    return [
        case(label, {"u": (m,)}, x=short(rng, l), w=short(rng, m, l), b=short(rng, m))
        for label, l, m in (
            ("l = 2, m = 3", 2, 3),
            ("l = 3, m = 2", 3, 2),
            ("l = 1, m = 1", 1, 1),
            ("l = 3, m = 3", 3, 3),
            ("l = 1, m = 4", 1, 4),
            ("l = 7, m = 1", 7, 1),
            ("l = 9, m = 5", 9, 5),
        )
    ]


WEIGHTED_SUM = Exercise(
    "weighted_sum", "7, 8", ("x", "w", "b", "u"), "u_j = sum_i ____ + ____",
    "x has l entries (units i that send), b and u have m (units j that receive), w is a matrix with m rows and l "
    "columns: `w[j, i]` is w_ji, `w.shape[0]` is m and `w.shape[1]` is l. Write u_j for every j; x, w and b stay.\n\n"
    "A sum is a loop in the loop: begin with a number (`total = ...`), add each term (`total += ...`), and write it "
    "when the inner loop is over (`u[j] = total`).",
    (
        "The outer loop is `for j in range(w.shape[0]):`, the inner one `for i in range(w.shape[1]):`.",
        "The bias is added once for each j, not in every term: `total = b[j]` before the inner loop does it.",
        "The term is w[j, i] * x[i].",
    ),
    layers_and_inputs,
    lambda x, w, b: w @ x + b,
    (
        ("W[i, j] where the lecture has W[j, i]: transposed. The first index is the receiving unit j, a row",
         lambda x, w, b: w.T @ x + b),
        ("W[i, j] where the lecture has W[j, i]: transposed; and the bias b_j is missing", lambda x, w, b: w.T @ x),
        ("the bias b_j is missing: u_j = sum_i w_ji x_i + b_j", lambda x, w, b: w @ x),
        ("the bias is added in every term: u_j = sum_i w_ji x_i + b_j has it once, outside of the sum",
         lambda x, w, b: w @ x + w.shape[1] * b),
        ("u_j must sum over i = 1..l; yours has only the last i (= in the inner loop where += belongs?)",
         lambda x, w, b: w[:, -1] * x[-1] + b),
        ("u_j must sum over i = 1..l; yours has only the last i, and no bias",
         lambda x, w, b: w[:, -1] * x[-1]),
        ("u_j must sum over i = 1..l; yours has only the first i", lambda x, w, b: w[:, 0] * x[0] + b),
        ("the sum leaves out the last i: range(w.shape[1]) has all", lambda x, w, b: w[:, :-1] @ x[:-1] + b),
        ("the sum leaves out the first i: indices begin at 0", lambda x, w, b: w[:, 1:] @ x[1:] + b),
        ("the bias is added twice: u_j = sum_i w_ji x_i + b_j has it once", lambda x, w, b: w @ x + 2 * b),
        ("the sign of the bias: u_j = sum_i w_ji x_i + b_j, with a plus", lambda x, w, b: w @ x - b),
        ("the sign: u_j = + sum_i w_ji x_i + b_j", lambda x, w, b: b - w @ x),
        ("x_i is missing: each term is w_ji x_i", lambda x, w, b: w.sum(axis=1) + b),
        ("w_ji is missing: each term is w_ji x_i", lambda x, w, b: x.sum() + b),
        ("w_ji + x_i where the lecture has the product w_ji x_i",
         lambda x, w, b: w.sum(axis=1) + x.sum() + b),
        ("the sum itself is missing: yours has only the bias", lambda x, w, b: b),
        ("that is the mean over i: the lecture has the sum", lambda x, w, b: w @ x / x.size + b),
        ("total is not set anew for each j: each u_j holds those before it, too; `total = b[j]` belongs into the loop",
         lambda x, w, b: np.cumsum(w @ x) + b),
        ("total is not set anew for each j: `total = 0.0` belongs into the loop over j",
         lambda x, w, b: np.cumsum(w @ x + b)),
    ),
    outputs=("u",),
)  # fmt: skip

# ---- 6: the whole network --------------------------------------------------------------------------------------------

SIZES = ((2, 3, 2), (1, 1, 1), (3, 3, 3), (5, 4, 2), (3, 1, 6))  # l, m, n


def parameters(rng, l, m, n):
    """W1, B1, W2, B2 in short numbers."""
    return {"w1": short(rng, m, l), "b1": short(rng, m), "w2": short(rng, n, m), "b2": short(rng, n)}


def networks_and_inputs(rng):
    """Small networks; one unit has u = 0, because its weights and its bias cancel each other."""
    cases = []
    for l, m, n in (*SIZES, (2, 2, 2), (4, 4, 4)):  # square ones show what is transposed
        x, theta = short(rng, l), parameters(rng, l, m, n)
        if m > 2:
            theta["b1"][m - 1] = -theta["w1"][m - 1] @ x
        theta["b1"][0] = 0.75 - theta["w1"][0] @ x  # one unit is above 0, whatever comes
        if m > 1:
            theta["b1"][1] = -1.5 - theta["w1"][1] @ x  # and one below
        cases.append(case(f"l = {l}, m = {m}, n = {n}", {"u1": (m,), "y1": (m,), "u2": (n,), "y2": (n,)}, x=x, **theta))
    return cases


def relu_of(u):
    """ReLU of an array."""
    return np.maximum(u, 0)


def up(x, w1, b1, w2, b2, hidden=relu_of, output=softmax_of):
    """u1, y1, u2, y2 of a sample x, or of the rows of a matrix."""
    u1 = x @ w1.T + b1
    y1 = hidden(u1)
    u2 = y1 @ w2.T + b2
    return u1, y1, u2, output(u2)


def _zero(b):
    return 0 * b


def _hidden_left_out(x, w1, b1, w2, b2):
    u1, y1, _, _ = up(x, w1, b1, w2, b2)
    u2 = w2 @ u1 + b2
    return u1, y1, u2, softmax_of(u2)


def _of_inputs(x, w1, b1, w2, b2):
    """A loop over j reads no more of x than there are hidden units."""
    u1, y1, _, _ = up(x, w1, b1, w2, b2)
    u2 = w2 @ x[: y1.size] + b2
    return u1, y1, u2, softmax_of(u2)


def _softmax_of_hidden(x, w1, b1, w2, b2):
    u1, y1, u2, _ = up(x, w1, b1, w2, b2)
    return u1, y1, u2, softmax_of(y1) if y1.size == u2.size else np.full(u2.size, np.nan)


def _sigmoid(u):
    return 1 / (1 + np.exp(-u))


FORWARD = Exercise(
    "forward", "7, 8", ("x", "w1", "b1", "w2", "b2", "u1", "y1", "u2", "y2"),
    "u1 = sum ____ + ____, y1 = relu(____); u2 = sum ____ + ____, y2 = softmax(____)",
    "A sample x with l entries goes through the network: w1 (m rows, l columns) and b1 (m entries) lead into the "
    "hidden layer, w2 (n rows, m columns) and b2 (n entries) into the output layer. Write u1 and y1 (m entries each; "
    "ReLU), u2 and y2 (n entries each; softmax).\n\n"
    "You may call your own functions from above: `weighted_sum(x, w1, b1, u1)` writes u1. Four lines are enough.",
    (
        "weighted_sum, relu, weighted_sum, softmax: in this order.",
        "What the output layer gets as its x is y1, what the hidden units give out.",
    ),
    networks_and_inputs,
    up,
    (
        ("u_k = sum_j w_kj y_j + b_k: the output layer gets y1, yours gets u1, without ReLU", _hidden_left_out),
        ("y_j = u_j in yours: the activation h of the hidden layer, ReLU, is missing",
         lambda *given: up(*given, hidden=lambda u: u)),
        ("the output layer gets y1, yours gets the inputs x", _of_inputs),
        ("softmax goes over u2: yours is over y1", _softmax_of_hidden),
        ("the hidden layer has ReLU here, yours has the sigmoid", lambda *given: up(*given, hidden=_sigmoid)),
        ("the activations are exchanged: ReLU in the hidden layer, softmax at the output",
         lambda *given: up(*given, hidden=softmax_of, output=relu_of)),
        ("softmax belongs to the output layer alone: the hidden layer has ReLU",
         lambda *given: up(*given, hidden=softmax_of)),
        ("y2 = u2 in yours: the softmax of the output layer is missing", lambda *given: up(*given, output=lambda u: u)),
        ("the output layer has softmax, yours has ReLU there, too", lambda *given: up(*given, output=relu_of)),
        ("the output layer has softmax here, yours has the sigmoid", lambda *given: up(*given, output=_sigmoid)),
        ("the softmax at the output is not divided by its sum: sum_k y_k must be 1",
         lambda *given: up(*given, output=lambda u: np.exp(u - u.max()))),
        ("the biases are missing in both layers: + b_j and + b_k",
         lambda x, w1, b1, w2, b2: up(x, w1, _zero(b1), w2, _zero(b2))),
        ("the bias b1 of the hidden layer is missing", lambda x, w1, b1, w2, b2: up(x, w1, _zero(b1), w2, b2)),
        ("the bias b2 of the output layer is missing", lambda x, w1, b1, w2, b2: up(x, w1, b1, w2, _zero(b2))),
        ("W[i, j] where the lecture has W[j, i]: both matrices are transposed",
         lambda x, w1, b1, w2, b2: up(x, w1.T, b1, w2.T, b2)),
        ("W[i, j] where the lecture has W[j, i]: w1 is transposed",
         lambda x, w1, b1, w2, b2: up(x, w1.T, b1, w2, b2)),
        ("W[j, k] where the lecture has W[k, j]: w2 is transposed",
         lambda x, w1, b1, w2, b2: up(x, w1, b1, w2.T, b2)),
    ),
    outputs=("u1", "y1", "u2", "y2"),
)  # fmt: skip

EXERCISES = (WEIGHTED_SUM, FORWARD)
