"""Exercises 14-16: STEP 1 and STEP 2, the gradients of a layer, and STEP 1.5 (slides 21-30)."""

import numpy as np

from fastbp.lecture.workbook.exercise import Exercise, case, short, slope

SIZES = ((2, 3), (3, 2), (1, 1), (3, 3), (1, 5), (6, 1), (4, 7))  # receiving, sending


# ---- 14: weights -----------------------------------------------------------------------------------------------------


def deltas_and_inputs(rng):
    """delta and x of layers that are wide, high and square, and of one unit."""
    return [case(f"{j} receiving, {i} sending", {"dw": (j, i)}, delta=short(rng, j), x=short(rng, i)) for j, i in SIZES]


WEIGHT_GRADIENT = Exercise(
    "weight_gradient", "21, 22, 26, 27, 30", ("delta", "x", "dw"), "dE/dw_ji = ____ ____",
    "delta holds delta_j = dE/du_j of the units that receive, x what the units send (in STEP 1 that is y of the hidden "
    "layer, in STEP 2 x of the input layer). dw has the shape of the weights: a row for each j, a column for each i. "
    "Write dE/dw_ji into dw[j, i] for every j and i.\n\n"
    "w_ji acts on E only through u_j = sum_i w_ji x_i + b_j: dE/dw_ji = dE/du_j du_j/dw_ji.",
    (
        "What is du_j/dw_ji? In the sum w_ji stands in one term, w_ji x_i.",
        "Two loops, over `range(dw.shape[0])` for j and `range(dw.shape[1])` for i; no sum.",
    ),
    deltas_and_inputs,
    np.outer,
    (
        ("dw[i, j] where the lecture has dE/dw_ji: transposed. Row j is the receiving unit, with delta_j",
         lambda delta, x: np.outer(x, delta)),
        ("x_i is missing: dE/dw_ji = delta_j x_i", lambda delta, x: np.outer(delta, np.ones_like(x))),
        ("delta_j is missing: dE/dw_ji = delta_j x_i", lambda delta, x: np.outer(np.ones_like(delta), x)),
        ("the sign: dE/dw_ji = delta_j x_i; the minus of slide 12 comes with the step",
         lambda delta, x: -np.outer(delta, x)),
        ("delta_j + x_i where the lecture has their product", np.add.outer),
        ("there is no sum here: dE/dw_ji = delta_j x_i, yours sums over i",
         lambda delta, x: np.outer(delta, np.ones_like(x)) * x.sum()),
        ("there is no sum here: dE/dw_ji = delta_j x_i, yours sums over j",
         lambda delta, x: np.outer(np.ones_like(delta), x) * delta.sum()),
        ("there is no sum here: dE/dw_ji = delta_j x_i, yours adds up from i to i",
         lambda delta, x: np.outer(delta, np.cumsum(x))),
        ("every row has x_i of the first unit: x needs the index i, x[i]",
         lambda delta, x: np.outer(delta, np.full_like(x, x[0]))),
        ("every row has the first delta: delta needs the index j, delta[j]",
         lambda delta, x: np.outer(np.full_like(delta, delta[0]), x)),
        ("there is no mean here: dE/dw_ji = delta_j x_i", lambda delta, x: np.outer(delta, x) / x.size),
        ("the first row is never written: indices begin at 0", lambda delta, x: _without(delta, x, (0,))),
        ("the last row is never written: range(dw.shape[0]) has all j", lambda delta, x: _without(delta, x, (-1,))),
        ("the first column is never written: indices begin at 0",
         lambda delta, x: _without(delta, x, (slice(None), 0))),
        ("the last column is never written: range(dw.shape[1]) has all i",
         lambda delta, x: _without(delta, x, (slice(None), -1))),
    ),
    outputs=("dw",),
    difference=lambda delta, x: slope(lambda w: delta @ np.sin(w @ x), np.zeros((delta.size, x.size))),
)  # fmt: skip


def _without(delta, x, place):
    dw = np.outer(delta, x)
    dw[place] = np.nan
    return dw


# ---- 15: biases ------------------------------------------------------------------------------------------------------

BIAS_GRADIENT = Exercise(
    "bias_gradient", "23, 24, 28, 29, 30", ("delta", "db"), "dE/db_j = ____",
    "delta holds delta_j = dE/du_j, db has as many entries. Write dE/db_j into db[j] for every j.\n\n"
    "b_j acts on E only through u_j = sum_i w_ji x_i + b_j: dE/db_j = dE/du_j du_j/db_j.",
    (
        "What is du_j/db_j? When b_j grows by 1, so does u_j.",
        "dE/db_j = delta_j 1.",
    ),
    lambda rng: [case(f"{j} unit{'s' * (j > 1)}", {"db": (j,)}, delta=short(rng, j)) for j in (2, 1, 3, 7)],
    lambda delta: delta,
    (
        ("the sign: dE/db_j = delta_j", lambda delta: -delta),
        ("dE/db_j = delta_j, one for each unit: yours has the sum of all in each",
         lambda delta: np.full_like(delta, delta.sum())),
        ("dE/db_j = delta_j, one for each unit: yours has the mean of all in each",
         lambda delta: np.full_like(delta, delta.mean())),
        ("1 is du_j/db_j: dE/db_j = delta_j times that", np.ones_like),
        ("dE/db_j = delta_j: yours is 0, as if b_j did not act on E", np.zeros_like),
        ("dE/db_j = delta_j, not its square", lambda delta: delta**2),
        ("every entry has the first delta: delta needs the index j, delta[j]",
         lambda delta: np.full_like(delta, delta[0])),
        ("every entry has the last delta: is `db[j] = ...` in the loop?", lambda delta: np.full_like(delta, delta[-1])),
        ("each entry holds those before it, too: dE/db_j = delta_j has no sum", np.cumsum),
        ("divided by the number of units: dE/db_j = delta_j has no mean", lambda delta: delta / delta.size),
        ("the order is turned round: db[j] = delta[j] with the same j", lambda delta: delta[::-1]),
    ),
    outputs=("db",),
    difference=lambda delta: slope(lambda b: delta @ np.sin(b), np.zeros_like(delta)),
)  # fmt: skip

# ---- 16: the way back ------------------------------------------------------------------------------------------------


def deltas_and_weights(rng):
    """delta of the layer after and the weights that lead there."""
    return [case(f"n = {k}, m = {j}", {"dy": (j,)}, delta=short(rng, k), w=short(rng, k, j)) for k, j in SIZES]


BACKWARD_SUM = Exercise(
    "backward_sum", "25", ("delta", "w", "dy"), "dE/dy_j = sum_k ____ ____",
    "STEP 1.5. delta holds delta_k = dE/du_k of the n output units, w is the matrix that leads to them: n rows, m "
    "columns, w[k, j] is w_kj. Write dE/dy_j into dy[j] for each of the m hidden units.\n\n"
    "y_j acts on every u_k = sum_j w_kj y_j + b_k, and through all of them on E: the chain rule with n intermediate "
    "variables of slide 20.",
    (
        "dE/dy_j = sum_k dE/du_k du_k/dy_j. What is du_k/dy_j?",
        "The outer loop goes over j in `range(w.shape[1])`, the inner one sums over k in `range(w.shape[0])`.",
        "The term is delta[k] * w[k, j].",
    ),
    deltas_and_weights,
    lambda delta, w: delta @ w,
    (
        ("W[j, k] where the lecture has W[k, j]: transposed. dE/dy_j sums over the rows k of the column j",
         lambda delta, w: w @ delta),
        ("dE/dy_j must sum over k = 1..n; yours has only the last k (= in the inner loop where += belongs?)",
         lambda delta, w: delta[-1] * w[-1]),
        ("dE/dy_j must sum over k = 1..n; yours has only the first k", lambda delta, w: delta[0] * w[0]),
        ("the sum leaves out the last k: range(w.shape[0]) has all", lambda delta, w: delta[:-1] @ w[:-1]),
        ("the sum leaves out the first k: indices begin at 0", lambda delta, w: delta[1:] @ w[1:]),
        ("delta_k is missing: dE/dy_j = sum_k delta_k w_kj", lambda delta, w: w.sum(axis=0)),
        ("w_kj is missing: dE/dy_j = sum_k delta_k w_kj",
         lambda delta, w: np.full(w.shape[1], delta.sum())),
        ("the sign: dE/dy_j = sum_k delta_k w_kj", lambda delta, w: -(delta @ w)),
        ("that is the mean over k: the lecture has the sum", lambda delta, w: delta @ w / delta.size),
        ("the mean of w_kj over k times the sum of delta_k: the product stands under the sum, delta_k w_kj",
         lambda delta, w: delta.sum() * w.mean(axis=0)),
        ("the product of two sums where the lecture has the sum of the products delta_k w_kj",
         lambda delta, w: delta.sum() * w.sum(axis=0)),
        ("delta_k + w_kj where the lecture has their product", lambda delta, w: (delta[:, None] + w).sum(axis=0)),
        ("total is not set anew for each j: each dE/dy_j holds those before it, too",
         lambda delta, w: np.cumsum(delta @ w)),
        ("the sum goes over j in yours: dE/dy_j = sum_k delta_k w_kj has one number for each j",
         lambda delta, w: np.full(w.shape[1], (delta @ w).sum())),
    ),
    outputs=("dy",),
    difference=lambda delta, w: slope(lambda y: delta @ np.sin(w @ y), np.zeros(w.shape[1])),
)  # fmt: skip

EXERCISES = (WEIGHT_GRADIENT, BIAS_GRADIENT, BACKWARD_SUM)
