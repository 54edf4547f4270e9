"""Exercises 17-22: the deltas of the output and the hidden layer, and what they need (slides 31-36)."""

import numpy as np

from fastbp.lecture.workbook.exercise import (
    Exercise,
    branches_of_u,
    case,
    one_hot,
    short,
    signs_of_u,
    slope,
    softmax_of,
)

# ---- 17: the output delta in general ---------------------------------------------------------------------------------


def derivatives_and_jacobians(rng):
    """Any dE/dy and Jacobians that are not symmetric, so that transposing shows."""
    return [
        case(f"n = {n}", {"delta": (n,)}, dy=short(rng, n), jacobian=short(rng, n, n) * rng.integers(1, 4, (n, n)))
        for n in (2, 1, 3, 6)
    ]


OUTPUT_DELTA_GENERAL = Exercise(
    "output_delta_general", "31", ("dy", "jacobian", "delta"), "delta_k = dE/du_k = sum_r ____ ____",
    "dy holds dE/dy_r, and jacobian all dy_r/du_k: `jacobian[r, k]` is dy_r/du_k, n rows and n columns. With softmax "
    "each y_r depends on every u_k, so u_k acts on E through all of the y_r. Write delta_k for every k.",
    (
        "It is the chain rule of slide 20 for each k: intermediate variables are y_1..y_n.",
        "The sum goes over the first index of the Jacobian, r: `total += dy[r] * jacobian[r, k]`.",
    ),
    derivatives_and_jacobians,
    lambda dy, jacobian: dy @ jacobian,
    (
        ("jacobian[k, r] where the lecture has dy_r/du_k, jacobian[r, k]: transposed",
         lambda dy, jacobian: jacobian @ dy),
        ("only the term r = k: delta_k has the others as well, sum_{r != k} dE/dy_r dy_r/du_k",
         lambda dy, jacobian: dy * np.diag(jacobian)),
        ("the term r = k is missing: the sum goes over all r",
         lambda dy, jacobian: dy @ jacobian - dy * np.diag(jacobian)),
        ("delta_k must sum over r = 1..n; yours has only the last r (= in the inner loop where += belongs?)",
         lambda dy, jacobian: dy[-1] * jacobian[-1]),
        ("delta_k must sum over r = 1..n; yours has only the first r", lambda dy, jacobian: dy[0] * jacobian[0]),
        ("the sum leaves out the last r", lambda dy, jacobian: dy[:-1] @ jacobian[:-1]),
        ("the sum leaves out the first r: indices begin at 0", lambda dy, jacobian: dy[1:] @ jacobian[1:]),
        ("dE/dy_r is missing: delta_k = sum_r dE/dy_r dy_r/du_k", lambda dy, jacobian: jacobian.sum(axis=0)),
        ("dE/dy_k where the lecture has dE/dy_r: it stands under the sum over r",
         lambda dy, jacobian: dy * jacobian.sum(axis=0)),
        ("the sign: delta_k = sum_r dE/dy_r dy_r/du_k", lambda dy, jacobian: -(dy @ jacobian)),
        ("that is the mean over r: the lecture has the sum", lambda dy, jacobian: dy @ jacobian / dy.size),
        ("total is not set anew for each k: each delta_k holds those before it, too",
         lambda dy, jacobian: np.cumsum(dy @ jacobian)),
    ),
    outputs=("delta",),
    difference=lambda dy, jacobian: slope(lambda u: dy @ np.sin(jacobian @ u), np.zeros_like(dy)),
)  # fmt: skip

# ---- 18: the derivatives of softmax ----------------------------------------------------------------------------------


def inputs_and_shares(rng):
    """u and y = softmax(u)."""
    cases = []
    for u in (np.array([0.5, -0.5]), np.array([-1.0]), short(rng, 3), short(rng, 7), np.array([150.0, -150.0, 149.0])):
        cases.append(case(f"n = {u.size}", {"jacobian": (u.size, u.size)}, u=u, y=softmax_of(u)))
    return cases


def _jacobian(y, diagonal, beside):
    return np.where(np.eye(y.size, dtype=bool), diagonal[None, :], beside)


SOFTMAX_DERIVATIVE = Exercise(
    "softmax_derivative", "33", ("u", "y", "jacobian"), "dy_k/du_k = ____ ; dy_r/du_k = ____ for r != k",
    "y = softmax(u) is given, n entries, and so is u, which is not needed. Write dy_r/du_k into jacobian[r, k] for all "
    "r and k: on the diagonal, `r == k`, stands another formula than beside it. Both are short in y.",
    (
        "y_k = e_k / s with e_k = exp(u_k) and s = sum_r e_r: differentiate the fraction by u_k, where both e_k and s "
        "depend on u_k.",
        "For r != k only s depends on u_k: dy_r/du_k = -e_r e_k / s^2, which is a product of two y.",
        "dy_k/du_k = y_k (1 - y_k); dy_r/du_k = -y_r y_k.",
    ),
    inputs_and_shares,
    lambda u, y: np.diag(y) - np.outer(y, y),
    (
        ("right for r = k; dy_r/du_k for r != k is -y_r y_k, not 0: softmax of one unit depends on all u",
         lambda u, y: np.diag(y * (1 - y))),
        ("right for r = k; for r != k nothing is written: there dy_r/du_k = -y_r y_k",
         lambda u, y: _jacobian(y, y * (1 - y), np.full((y.size, y.size), np.nan))),
        ("right for r = k; for r != k the sign: dy_r/du_k = -y_r y_k",
         lambda u, y: _jacobian(y, y * (1 - y), np.outer(y, y))),
        ("right for r != k; for r = k it is y_k (1 - y_k), yours is -y_k y_k", lambda u, y: -np.outer(y, y)),
        ("y_r y_k everywhere: for r = k it is y_k (1 - y_k), for r != k -y_r y_k", lambda u, y: np.outer(y, y)),
        ("right for r != k; for r = k the sign: y_k (1 - y_k)",
         lambda u, y: _jacobian(y, -y * (1 - y), -np.outer(y, y))),
        ("right for r != k; for r = k nothing is written: there dy_k/du_k = y_k (1 - y_k)",
         lambda u, y: _jacobian(y, np.full(y.size, np.nan), -np.outer(y, y))),
        ("right for r != k; for r = k yours is y_k: y_k (1 - y_k) has a second factor",
         lambda u, y: _jacobian(y, y, -np.outer(y, y))),
        ("u in place of y: dy_k/du_k = y_k (1 - y_k), dy_r/du_k = -y_r y_k", lambda u, y: np.diag(u) - np.outer(u, u)),
        ("u in place of y for r = k: dy_k/du_k = y_k (1 - y_k)",
         lambda u, y: _jacobian(y, u * (1 - u), -np.outer(y, y))),
        ("y_k (1 - y_k) everywhere: for r != k it is -y_r y_k", lambda u, y: np.tile(y * (1 - y), (y.size, 1))),
        ("y_r (1 - y_k) everywhere: for r != k it is -y_r y_k", lambda u, y: np.outer(y, 1 - y)),
        ("y_k (1 - y_r) everywhere: for r != k it is -y_r y_k", lambda u, y: np.outer(1 - y, y)),
        ("the sign: yours is -dy_r/du_k everywhere", lambda u, y: np.outer(y, y) - np.diag(y)),
    ),
    outputs=("jacobian",),
    difference=lambda u, y: slope(softmax_of, u).T,
)  # fmt: skip

# ---- 19: the output delta --------------------------------------------------------------------------------------------


def shares_and_targets(rng):
    """y = softmax(u), and targets whose sum is 1, as slide 33 needs it."""
    soft = rng.dirichlet(np.ones(5))
    pairs = [(np.array([0.5, 0.5]), np.array([0.0, 1.0])), (np.ones(1), np.ones(1))]
    pairs += [(softmax_of(short(rng, n)), one_hot(rng, n)) for n in (3, 7)] + [(softmax_of(short(rng, 5)), soft)]
    return [case(f"n = {y.size}", {"delta": (y.size,)}, y=y, d=d) for y, d in pairs]


def _entropy_of_inputs(y, d):
    return slope(lambda u: -d @ np.log(softmax_of(u)), np.log(y))


OUTPUT_DELTA = Exercise(
    "output_delta", "32, 33", ("y", "d", "delta"), "delta_k = ____",
    "y holds the outputs, d what they should be. Write delta_k = dE/du_k for every k. The formula is the same for "
    "regression (identity and squared error) and for classification (softmax and cross-entropy), and it is short.",
    (
        "Regression: y_k = u_k, E = 1/2 sum_r (y_r - d_r)^2. Differentiate E by u_k; the sum loses all terms but one.",
        "Classification: put dE/dy_r = -d_r / y_r and the derivatives of softmax into the general formula; nearly "
        "everything cancels, because sum_r d_r = 1.",
    ),
    shares_and_targets,
    lambda y, d: y - d,
    (
        ("d_k - y_k where the lecture has y_k - d_k: the sign", lambda y, d: d - y),
        ("y_k (1 - y_k) is too much: with softmax and cross-entropy it has cancelled, delta_k = y_k - d_k",
         lambda y, d: (y - d) * y * (1 - y)),
        ("y_k + d_k where the lecture has y_k - d_k", lambda y, d: y + d),
        ("d_k is missing: delta_k = y_k - d_k", lambda y, d: y),
        ("that is dE/dy_k of the cross-entropy; delta_k is dE/du_k = y_k - d_k", lambda y, d: -d / y),
        ("the factor 2 has gone with the 1/2 of E: delta_k = y_k - d_k", lambda y, d: 2 * (y - d)),
        ("the factor 1/2 belongs to E: delta_k = y_k - d_k", lambda y, d: 0.5 * (y - d)),
        ("that is the square; its derivative is delta_k = y_k - d_k", lambda y, d: (y - d) ** 2),
        ("that is the term of E, 1/2 (y_k - d_k)^2; its derivative is delta_k = y_k - d_k",
         lambda y, d: 0.5 * (y - d) ** 2),
        ("divided by the number of outputs: delta_k = y_k - d_k has no mean", lambda y, d: (y - d) / y.size),
        ("that is |y_k - d_k|: the sign belongs to delta_k", lambda y, d: np.abs(y - d)),
        ("each delta_k holds those before it, too: delta_k = y_k - d_k has no sum", lambda y, d: np.cumsum(y - d)),
    ),
    outputs=("delta",), difference=_entropy_of_inputs,
)  # fmt: skip

# ---- 20: the hidden delta --------------------------------------------------------------------------------------------


def derivatives_of_units(rng):
    """dE/dy_j and h'(u_j); 0 and 1, as of ReLU, among the latter."""
    return [
        case(f"m = {m}", {"delta": (m,)}, dy=short(rng, m), dh=dh)
        for m, dh in (
            (2, np.array([0.25, 0.5])), (1, np.array([0.75])), (4, np.array([0.0, 1.0, 1.0, 0.0])), (7, rng.random(7))
        )
    ]  # fmt: skip


HIDDEN_DELTA = Exercise(
    "hidden_delta", "34", ("dy", "dh", "delta"), "delta_j = ____ ____",
    "dy holds dE/dy_j, which STEP 1.5 has found, and dh holds h'(u_j), the derivative of the activation. Write "
    "delta_j = dE/du_j for every j: u_j acts on E through y_j = h(u_j) alone.",
    ("The chain rule with one intermediate variable: dE/du_j = dE/dy_j dy_j/du_j.", "dy_j/du_j is h'(u_j), dh[j]."),
    derivatives_of_units,
    lambda dy, dh: dy * dh,
    (
        ("h'(u_j) is missing: delta_j = dE/dy_j h'(u_j), yours is dE/dy_j", lambda dy, dh: dy),
        ("dE/dy_j is missing: delta_j = dE/dy_j h'(u_j), yours is h'(u_j)", lambda dy, dh: dh),
        ("dE/dy_j + h'(u_j) where the lecture has their product", lambda dy, dh: dy + dh),
        ("the sign: delta_j = dE/dy_j h'(u_j)", lambda dy, dh: -dy * dh),
        ("there is no sum here: y_s, s != j, is no function of u_j; delta_j = dE/dy_j h'(u_j) for each j alone",
         lambda dy, dh: np.full_like(dy, dy @ dh)),
        ("there is no sum here: yours multiplies h'(u_j) by the sum of all dE/dy; it is that of the unit j alone",
         lambda dy, dh: dy.sum() * dh),
        ("total is not set anew for each j, and there is no sum here: delta_j = dE/dy_j h'(u_j)",
         lambda dy, dh: np.cumsum(dy * dh)),
        ("dE/dy_j / h'(u_j) where the lecture has their product", lambda dy, dh: dy / dh),
        ("h' of h': dh holds h'(u_j) already, so delta_j = dE/dy_j dh_j, not times dh_j (1 - dh_j)",
         lambda dy, dh: dy * dh * (1 - dh)),
        ("the factor is h'(u_j), not 1 - h'(u_j)", lambda dy, dh: dy * (1 - dh)),
        ("divided by the number of units: delta_j = dE/dy_j h'(u_j) has no mean", lambda dy, dh: dy * dh / dy.size),
    ),
    outputs=("delta",),
    difference=lambda dy, dh: slope(lambda u: dy @ np.sin(dh * u), np.zeros_like(dy)),
)  # fmt: skip

# ---- 21, 22: the derivatives of the activations ----------------------------------------------------------------------


def _sigmoid(u):
    return 1 / (1 + np.exp(-u))


def _relu(u):
    return np.maximum(u, 0)


def _inputs(h):
    def cases(rng):
        us = {
            "two units": np.array([-1.5, 0.5]), "one unit": np.array([0.75]), "u = 0": np.array([0.0, -0.0]),
            "large u": np.array([-400.0, 400.0, 0.5]), "nine units": branches_of_u(rng, 9),
        }  # fmt: skip
        return [case(label, {"dh": u.shape}, u=u, y=h(u)) for label, u in us.items()]

    return cases


SIGMOID_DERIVATIVE = Exercise(
    "sigmoid_derivative", "35", ("u", "y", "dh"), "h'(u_j) = ____ (1 - ____)",
    "u is given, and y = sigmoid(u). Write h'(u_j), the derivative of the sigmoid at u_j, into dh[j] for every j. The "
    "formula needs no exponential: it is short in what is known already.",
    (
        "Differentiate y = 1 / (1 + e), e = exp(-u): dy/du = e / (1 + e)^2.",
        "e / (1 + e) is 1 - y, and 1 / (1 + e) is y.",
    ),
    _inputs(_sigmoid),
    lambda u, y: y * (1 - y),
    (
        ("u_j in place of y_j: h'(u_j) = y_j (1 - y_j), yours is u_j (1 - u_j)", lambda u, y: u * (1 - u)),
        ("u_j in place of the first y_j: h'(u_j) = y_j (1 - y_j)", lambda u, y: u * (1 - y)),
        ("u_j in place of the second y_j: h'(u_j) = y_j (1 - y_j)", lambda u, y: y * (1 - u)),
        ("the factor 1 - y_j is missing: h'(u_j) = y_j (1 - y_j)", lambda u, y: y),
        ("the factor y_j is missing: h'(u_j) = y_j (1 - y_j)", lambda u, y: 1 - y),
        ("the sign: h'(u_j) = y_j (1 - y_j), for the sigmoid rises", lambda u, y: -y * (1 - y)),
        ("0 everywhere: y_j * 1 - y_j is y_j - y_j; the difference needs brackets, y_j * (1 - y_j)",
         lambda u, y: np.zeros_like(y)),
        ("1 + y_j where the lecture has 1 - y_j", lambda u, y: y * (1 + y)),
        ("y_j is the sigmoid already: yours takes the sigmoid of y_j once more",
         lambda u, y: _sigmoid(y) * (1 - _sigmoid(y))),
        ("that is 1 - y_j^2, the derivative of tanh: for the sigmoid y_j (1 - y_j)", lambda u, y: 1 - y * y),
        ("that is the derivative of ReLU, 1 where u_j >= 0: for the sigmoid y_j (1 - y_j)",
         lambda u, y: np.where(u >= 0, 1.0, 0.0)),
    ),
    outputs=("dh",), branches=signs_of_u,
    difference=lambda u, y: np.diagonal(slope(_sigmoid, u)),
)  # fmt: skip


def _relu_slope(u, y):
    """Difference quotients; from the right at the kink u = 0, where the lecture counts 0 to the upper branch."""
    return np.array([slope(_relu, one) if one != 0 else (_relu(1e-5) - _relu(0.0)) / 1e-5 for one in u])


RELU_DERIVATIVE = Exercise(
    "relu_derivative", "36", ("u", "y", "dh"), "h'(u_j) = ____ if u_j >= 0, else ____",
    "u is given, and y = relu(u). Write h'(u_j), the derivative of ReLU at u_j, into dh[j] for every j: `if u[j] >= "
    "0:` and `else:`. At u_j = 0 the derivative does not exist; slide 36 counts 0 to the upper case, so do that.",
    (
        "ReLU is y = u from 0 on: what is its slope? And below 0, where y = 0?",
        "1 and 0.",
    ),
    _inputs(_relu),
    lambda u, y: np.where(u >= 0, 1.0, 0.0),
    (
        ("right at u != 0; at u = 0 the lecture has h' = 1 (slide 36: u_j >= 0; y_j > 0 will not do either)",
         lambda u, y: np.where(u > 0, 1.0, 0.0)),
        ("right at u != 0; at u = 0 the lecture has h' = 1 (slide 36), yours is 1/2",
         lambda u, y: np.where(u == 0, 0.5, np.where(u > 0, 1.0, 0.0))),
        ("right at u != 0; at u = 0 nothing is written: there the lecture has h' = 1 (slide 36)",
         lambda u, y: np.where(u == 0, np.nan, np.where(u > 0, 1.0, 0.0))),
        ("1 everywhere: below 0 the slope is 0. Ask for u_j: y_j >= 0 is always so", lambda u, y: np.ones_like(u)),
        ("the cases are exchanged: 1 where u_j >= 0, 0 below", lambda u, y: np.where(u >= 0, 0.0, 1.0)),
        ("that is ReLU itself, y_j: its slope is 1 where u_j >= 0, and 0 below", lambda u, y: np.maximum(u, 0)),
        ("that is u_j: the slope of ReLU is 1 where u_j >= 0, and 0 below", lambda u, y: u),
        ("right where u_j >= 0; below 0 the slope is 0, yours is -1", lambda u, y: np.where(u >= 0, 1.0, -1.0)),
        ("right where u_j >= 0; below 0 nothing is written: there h' = 0", lambda u, y: np.where(u >= 0, 1.0, np.nan)),
        ("right where u_j > 0; where u_j <= 0 nothing is written", lambda u, y: np.where(u > 0, 1.0, np.nan)),
        ("that is y_j (1 - y_j), the derivative of the sigmoid: the slope of ReLU is 1 or 0", lambda u, y: y * (1 - y)),
        ("right where u_j >= 0; below 0 the slope is 0, not 0.01 (that is the leaky ReLU)",
         lambda u, y: np.where(u >= 0, 1.0, 0.01)),
    ),
    outputs=("dh",), branches=signs_of_u, difference=_relu_slope,
)  # fmt: skip

EXERCISES = (
    OUTPUT_DELTA_GENERAL,
    SOFTMAX_DERIVATIVE,
    OUTPUT_DELTA,
    HIDDEN_DELTA,
    SIGMOID_DERIVATIVE,
    RELU_DERIVATIVE,
)
