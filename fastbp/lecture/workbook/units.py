"""Exercises 1-4: the shapes of the parameters and the activations (slides 1-6, 11, 33, 35, 36)."""

# ruff: noqa: E741 - l is the lecture's letter for the number of inputs

import numpy as np

from fastbp import validation
from fastbp.lecture.workbook.exercise import Exercise, branches_of_u, case, short, signs_of_u, softmax_of

# ---- 1: the shapes of the parameters ---------------------------------------------------------------------------------

SHAPES = "((rows, columns), (entries,), (rows, columns), (entries,))"


def shapes_as_numbers(returned):
    """The four shapes as six numbers; a column (m, 1) is as good as (m,)."""
    if isinstance(returned, list | tuple) and any(isinstance(one, np.ndarray) and one.ndim > 1 for one in returned):
        raise ValueError("returns arrays: their shapes are asked for, as (3, 2), or `W1.shape` of an array W1")
    try:
        found = [tuple(int(size) for size in shape) for shape in returned]
    except (TypeError, ValueError):
        raise ValueError(
            f"returns {validation.shown(returned)}: four shapes are asked for, {SHAPES}; brackets around a single "
            "number need a comma, (3,)"
        ) from None
    if len(found) != 4:
        raise ValueError(f"returns {len(found)} shapes: four are asked for, those of W1, B1, W2 and B2")
    if [len(shape) for shape in found] == [2, 2, 1, 1]:
        raise ValueError("the order is W1, B1, W2, B2: yours has both matrices first")
    for letter, shape in zip(("B1", "B2"), found[1::2], strict=True):
        if len(shape) == 2 and shape[0] == 1 and shape[1] != 1:
            raise ValueError(f"{letter} is a row in yours, {shape}: a column on slide 11, so (m, 1) or just (m,)")
    found = [shape[:1] if at % 2 and shape[1:] == (1,) else shape for at, shape in enumerate(found)]
    for letter, shape, axes in zip(("W1", "B1", "W2", "B2"), found, (2, 1, 2, 1), strict=True):
        if len(shape) != axes:
            raise ValueError(f"{letter} has the shape {shape} in yours: it has {axes} size{'s' * (axes > 1)}")
    return np.array([size for shape in found for size in shape], dtype=float)


def _told_shapes(came, expected):
    """The first shape that is not right."""
    for letter, part in (("W1", slice(0, 2)), ("B1", slice(2, 3)), ("W2", slice(3, 5)), ("B2", slice(5, 6))):
        mine, right = (tuple(map(int, numbers[part])) for numbers in (came, expected))
        if mine != right:
            return f"{letter} has the shape {mine} in yours, it should be {right}"
    raise AssertionError("both are the same")


def sizes_of_layers(rng):
    """Sizes that all differ, in every order; some are 1."""
    return [
        case(f"l = {l}, m = {m}, n = {n}", l=l, m=m, n=n) for l, m, n in ((3, 2, 1), (1, 4, 2), (5, 7, 3), (64, 32, 10))
    ]


PARAMETER_SHAPES = Exercise(
    "parameter_shapes", "1-4, 11", ("l", "m", "n"),
    "W1 has the shape (__, __), B1 (__,), W2 (__, __), B2 (__,)",
    "The network has l inputs, m hidden units and n outputs (whole numbers). w_ji leads from unit i to unit j: a "
    "matrix of weights has a row for each receiving unit and a column for each sending one.\n\n"
    "Return the shapes of the four arrays as pairs in brackets, in the order W1, B1, W2, B2. A vector of three numbers "
    "has the shape (3,). So this returns something, if not the right thing: `return (1, 2), (3,), (4, 5), (6,)`.",
    (
        "How many units receive in the hidden layer? So many rows has W1. How many send? So many columns.",
        "Each receiving unit has one bias: as many as W has rows.",
        "W1 is (m, l). W2 leads from the m hidden units to the n outputs.",
    ),
    sizes_of_layers,
    lambda l, m, n: [m, l, m, n, m, n],
    (
        ("W1 and W2 are transposed: a row for each receiving unit, a column for each sending one, so W1 is (m, l)",
         lambda l, m, n: [l, m, m, m, n, n]),
        ("W1 is transposed: its rows are the m receiving units, its columns the l sending ones",
         lambda l, m, n: [l, m, m, n, m, n]),
        ("W2 is transposed: its rows are the n receiving units, its columns the m sending ones",
         lambda l, m, n: [m, l, m, m, n, n]),
        ("B1 and B2 belong to the receiving units: m, and n; yours have an entry for each sending unit",
         lambda l, m, n: [m, l, l, n, m, m]),
        ("transposed, and the biases belong to the receiving units: W1 is (m, l), B1 (m,)",
         lambda l, m, n: [l, m, l, m, n, m]),
        ("the layers are exchanged: W1 and B1 lead into the hidden layer, W2 and B2 into the output layer",
         lambda l, m, n: [n, m, n, m, l, m]),
    ),
    returns="the shapes", read=shapes_as_numbers, told=_told_shapes,
)  # fmt: skip

# ---- 2, 3: activations of single units -------------------------------------------------------------------------------


def inputs_to_activation(rng):
    """u on every branch, one unit and many."""
    return [
        case("two units", {"y": (2,)}, u=np.array([-1.5, 0.5])),
        case("one unit", {"y": (1,)}, u=np.array([0.75])),
        case("u = 0", {"y": (2,)}, u=np.array([0.0, -0.0])),
        case("large u", {"y": (4,)}, u=np.array([-400.0, 400.0, -101.0, 101.0])),
        case("nine units", {"y": (9,)}, u=branches_of_u(rng, 9)),
    ]


LOOP = (
    "A loop over the units j = 0, 1, ... is `for j in range(u.size):` (u.size is the number of entries of u; range(3) "
    "is 0, 1, 2)."
)

SIGMOID = Exercise(
    "sigmoid", "5, 35", ("u", "y"), "y_j = 1 / (1 + ____)",
    "u and y are vectors with an entry for each unit j. Write y_j for every j; u stays as it is. "
    f"{LOOP} In it `u[j]` is u_j, and `y[j] = ...` writes the result into y, which is there already: nothing is "
    "returned. The exponential is `np.exp(...)`.\n\n"
    "So y_j = 2 u_j + 1 would be the two lines\n    for j in range(u.size):\n        y[j] = 2 * u[j] + 1",
    (
        "Begin with the line `for j in range(u.size):`; the line in it begins with `y[j] =`.",
        "For u_j very large y_j is nearly 1, so the exponential must be nearly 0 there: what is its sign?",
        "y_j = 1 / (1 + exp(-u_j)).",
    ),
    inputs_to_activation,
    lambda u: 1 / (1 + np.exp(-u)),
    (
        ("the sign in the exponential: y_j = 1 / (1 + exp(-u_j)), yours falls as u grows",
         lambda u: 1 / (1 + np.exp(u))),
        ("a minus in the denominator: y_j = 1 / (1 + exp(-u_j)), with a plus", lambda u: 1 / (1 - np.exp(-u))),
        ("the 1 + in the denominator is missing: y_j = 1 / (1 + exp(-u_j))", lambda u: np.exp(u)),
        ("1 / (1 + exp(-u_j)) with brackets: yours is 1 + exp(-u_j), and 1 / 1 + exp(-u_j) is that, too",
         lambda u: 1 + np.exp(-u)),
        ("that is y_j (1 - y_j), the derivative of slide 35: here y_j itself is asked for",
         lambda u: 1 / (1 + np.exp(-u)) * (1 - 1 / (1 + np.exp(-u)))),
        ("that is tanh(u_j): the sigmoid lies between 0 and 1, and is 1/2 at u = 0", np.tanh),
        ("that is a step; the sigmoid goes smoothly from 0 to 1: y_j = 1 / (1 + exp(-u_j))",
         lambda u: np.where(u >= 0, 1.0, 0.0)),
        ("yours is a whole number: // leaves out what stands behind the point, / divides",
         lambda u: 1 // (1 + np.exp(-u))),
        ("that is ReLU, y_j = max(u_j, 0); the sigmoid is 1 / (1 + exp(-u_j))", lambda u: np.maximum(u, 0)),
    ),
    outputs=("y",), branches=signs_of_u,
)  # fmt: skip

RELU = Exercise(
    "relu", "5, 36", ("u", "y"), "y_j = ____ if u_j >= 0, else ____",
    "u and y are vectors with an entry for each unit j. Write y_j for every j; u stays as it is. Both cases need their "
    "line in the loop:\n    if u[j] >= 0:\n        y[j] = ...\n    else:\n        y[j] = ...",
    (
        f"{LOOP} Inside of it stand the four lines above.",
        "From 0 on ReLU lets u_j through as it is; below 0 it lets nothing through.",
    ),
    inputs_to_activation,
    lambda u: np.maximum(u, 0),
    (
        ("y_j = u_j everywhere is the identity: below 0 ReLU gives 0", lambda u: u),
        ("that is |u_j|: below 0 ReLU gives 0, not -u_j", np.abs),
        ("the cases are exchanged: y_j = u_j where u_j >= 0, and 0 where u_j < 0", lambda u: np.minimum(u, 0)),
        ("1 where u_j >= 0 is the derivative of slide 36; y_j itself is u_j there",
         lambda u: np.where(u >= 0, 1.0, 0.0)),
        ("the sign: y_j = u_j where u_j >= 0, yours is -u_j", lambda u: -np.maximum(u, 0)),
        ("right where u_j >= 0, but where u_j < 0 nothing is written: there y_j = 0",
         lambda u: np.where(u >= 0, u, np.nan)),
        ("right where u_j > 0, but where u_j <= 0 nothing is written: there y_j = 0",
         lambda u: np.where(u > 0, u, np.nan)),
        ("right at u != 0, but at u = 0 nothing is written: one of the two cases must include 0",
         lambda u: np.where(u == 0, np.nan, np.maximum(u, 0))),
        ("right where u_j >= 0; below 0 y_j is 0, not 1", lambda u: np.where(u >= 0, u, 1.0)),
        ("right where u_j >= 0; below 0 y_j is 0, yours is -1", lambda u: np.where(u >= 0, u, -1.0)),
        ("right where u_j >= 0; below 0 y_j is 0, not 0.01 u_j (that is the leaky ReLU)",
         lambda u: np.where(u >= 0, u, 0.01 * u)),
    ),
    outputs=("y",), branches=signs_of_u,
)  # fmt: skip

# ---- 4: softmax ------------------------------------------------------------------------------------------------------


def inputs_to_softmax(rng):
    """Small u, equal ones, and some whose exponentials overflow, all above 0 and all below."""
    return [
        case("two units", {"y": (2,)}, u=np.array([0.5, -1.0])),
        case("one unit", {"y": (1,)}, u=np.array([-2.0])),
        case("equal u", {"y": (3,)}, u=np.zeros(3)),
        case("seven units", {"y": (7,)}, u=rng.permutation(np.r_[0.0, -3.0, 3.0, short(rng, 4)])),
        case("u up to 1000", {"y": (4,)}, u=np.array([999.0, -1000.0, 1000.0, 0.0])),
        case("u down to -1000", {"y": (3,)}, u=np.array([-1000.0, -999.5, -998.0])),
        case("the largest u first", {"y": (3,)}, u=np.array([1000.0, -1000.0, 998.5])),
        case("the smallest u first", {"y": (3,)}, u=np.array([-1000.0, 1000.0, 999.0])),
    ]


def _by(u, top):
    e = np.exp(u - top)
    return e / e.sum()


OVERFLOW = (
    "right for small u, but exp(u_k) overflows: subtract the largest u from every u_k first, which changes nothing in "
    "the fraction: exp(u_k - max u) / sum_r exp(u_r - max u)"
)

SOFTMAX = Exercise(
    "softmax", "6, 33", ("u", "y"), "y_k = exp(____) / sum_r exp(____)",
    "u and y are vectors with an entry for each output unit k. Write y_k for every k. The sum over all units r comes "
    "first: `total = 0.0`, then a loop that does `total += ...` (which adds to total), then a second loop over k.\n\n"
    "It must be right for u from -1000 to 1000, where exp(1000) is too large for a number of the computer: so subtract "
    "the largest u from each before the exponential. `u.max()` is the largest entry of u.",
    (
        "Three things in order: the largest u; the sum of exp(u_r - largest) over all r; then each y_k.",
        "`total += np.exp(u[r] - top)` in a loop over r, and after that loop `y[k] = np.exp(u[k] - top) / total` in "
        "one over k.",
        "The sum must be complete before the first division: two loops one after the other, not one.",
    ),
    inputs_to_softmax,
    softmax_of,
    (
        (OVERFLOW, lambda u: np.exp(u) / np.exp(u).sum()),
        ("exp(u_k) above, exp(u_r - max u) below: subtract the largest u in both",
         lambda u: np.exp(u) / np.exp(u - u.max()).sum()),
        ("exp(u_k - max u) above, exp(u_r) below: subtract the largest u in both",
         lambda u: np.exp(u - u.max()) / np.exp(u).sum()),
        ("the division by the sum is missing: y_k = exp(u_k) / sum_r exp(u_r), so that all y_k sum to 1",
         lambda u: np.exp(u - u.max())),
        ("the division by sum_r exp(u_r) is missing, and exp(u_k) overflows: subtract the largest u first", np.exp),
        ("yours subtracts u_0: it must be the largest u, max_r u_r, for others still overflow", lambda u: _by(u, u[0])),
        ("yours subtracts the smallest u: it must be the largest, max_r u_r", lambda u: _by(u, u.min())),
        ("yours looks for the largest u beginning at 0, which is above all u if these are negative: begin at u[0]",
         lambda u: _by(u, max(u.max(), 0.0))),
        ("the sum must be complete before the division: yours divides by the sum so far; take two loops",
         lambda u: np.exp(u - u.max()) / np.cumsum(np.exp(u - u.max()))),
        ("the sum has only its last term: `total = 0.0` stands before the loop over r, and `total += ...` in it",
         lambda u: np.exp(u - u.max()) / np.exp(u[-1] - u.max())),
        ("the sum leaves out the last unit: r runs over all of them, range(u.size)",
         lambda u: np.exp(u - u.max()) / np.exp(u - u.max())[:-1].sum()),
        ("the sum leaves out the first unit: r runs over all of them, range(u.size)",
         lambda u: np.exp(u - u.max()) / np.exp(u - u.max())[1:].sum()),
        ("the sign in the exponential: exp(u_k - max u), yours is largest where u is smallest",
         lambda u: softmax_of(-u)),
        ("that is the mean of exp(u_r - max u) in place of the sum: y_k then sum to n, not to 1",
         lambda u: softmax_of(u) * u.size),
        ("that is the sigmoid of each u_k alone; the softmax of unit k depends on all u_1..u_n",
         lambda u: 1 / (1 + np.exp(-u))),
        ("the exponential is missing: y_k = exp(u_k) / sum_r exp(u_r), yours is u_k / sum_r u_r",
         lambda u: u / u.sum()),
        ("that is ln y_k: the exponential is missing at the end", lambda u: np.log(softmax_of(u))),
        ("that is 1 for the largest u and 0 for the others; softmax gives each unit its share",
         lambda u: (np.arange(u.size) == u.argmax()).astype(float)),
    ),
    outputs=("y",),
)  # fmt: skip


EXERCISES = (PARAMETER_SHAPES, SIGMOID, RELU, SOFTMAX)
