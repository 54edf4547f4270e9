"""Exercises 11-13: difference quotients, the total differential and the chain rule (slides 13-20)."""

import numpy as np

from fastbp.lecture.workbook.exercise import Exercise, case, short, slope

# ---- 11: difference quotients ----------------------------------------------------------------------------------------


def cubes(x):
    """sum_p (p + 1) x_p^3 + x_0 x_P: a function to differentiate."""
    total = x[0] * x[x.size - 1]
    for p in range(x.size):
        total += (p + 1) * x[p] * x[p] * x[p]
    return total


def waves(x):
    """prod_p (2 + sin x_p): another."""
    total = 1.0
    for p in range(x.size):
        total *= 2.0 + np.sin(x[p])
    return total


def functions_and_places(rng):
    """Both functions at places of several sizes."""
    return [
        case(f"{f.__name__} of {p} variable{'s' * (p > 1)}", {"df": (p,)}, f=f, x=short(rng, p), dx=dx)
        for f, p, dx in ((cubes, 2, 0.5), (cubes, 1, 0.25), (waves, 3, 0.125), (cubes, 5, 2.0**-10), (waves, 6, 0.0625))
    ]


def _quotients(above, below, divisor, after=0.0):
    """(f(x + above dx e_p) - f(x + below dx e_p)) / (divisor dx); x_p is left at `after` dx from where it was."""

    def differences(f, x, dx):
        x, df = x.copy(), np.empty_like(x)
        for p in range(x.size):
            start = x[p]
            x[p] = start + above * dx
            high = f(x)
            x[p] = start + below * dx
            df[p] = (high - f(x)) / (divisor * dx)
            x[p] = start + after * dx
        return df

    return differences


CENTRAL = _quotients(1, -1, 2)


def _all_at_once(f, x, dx):
    return np.full_like(x, (f(x + dx) - f(x - dx)) / (2 * dx))


DIFFERENCES = Exercise(
    "differences", "13-17", ("f", "x", "dx", "df"), "df/dx_p is nearly (f(____) - f(____)) / ____",
    "f is a function of a vector: `f(x)` is a number. dx is a small number. Write the partial derivative of f with "
    "respect to each x_p into df[p], as the central difference: one step dx forward, one step dx backward, of x_p "
    "alone, while all other entries of x stay.\n\n"
    "f reads the array x, so change x[p], call f(x), and put x[p] back: afterwards x must be as it was.",
    (
        "In the loop over p: keep the old value, `old = x[p]`. Then `x[p] = old + dx` and `above = f(x)`.",
        "Then `x[p] = old - dx` and `below = f(x)`, and at last `x[p] = old`.",
        "The two places lie 2 dx apart: divide by (2 * dx), with brackets.",
    ),
    functions_and_places,
    CENTRAL,
    (
        ("that is the forward difference, (f(x + dx) - f(x)) / dx: the central one, from x - dx to x + dx, is nearer "
         "to the derivative", _quotients(1, 0, 1)),
        ("that is the backward difference, (f(x) - f(x - dx)) / dx: take f(x + dx) - f(x - dx) over 2 dx",
         _quotients(0, -1, 1)),
        ("x + dx and x - dx lie 2 dx apart: divide by 2 dx, not by dx", _quotients(1, -1, 1)),
        ("from x to x + dx it is only dx: the central difference goes from x - dx to x + dx", _quotients(1, 0, 2)),
        ("the sign: f(x + dx) - f(x - dx), yours is the other way round", _quotients(-1, 1, 2)),
        ("brackets: / 2 * dx divides by 2 and multiplies by dx; write / (2 * dx)",
         lambda f, x, dx: CENTRAL(f, x, dx) * dx * dx),
        ("0 everywhere: f(x + dx) and f(x - dx) are the same in yours. After `a = x` both names are one array, which "
         "every change changes; `x.copy()` is another one", _quotients(0, 0, 2)),
        ("the division by 2 dx is missing", lambda f, x, dx: CENTRAL(f, x, dx) * 2 * dx),
        ("all entries of x move at once: df/dx_p moves x_p alone", _all_at_once),
        ("x_p is not put back: it stays at x_p - dx when the next one moves", _quotients(1, -1, 2, -1)),
        ("x_p is not put back: it stays at x_p + dx when the next one moves", _quotients(1, -1, 2, 1)),
    ),
    outputs=("df",),
    changed_input="x is not put back: before the next p, and at the end, x[p] must be what it was (`old = x[p]` before "
    "the step, `x[p] = old` after it)",
)  # fmt: skip

# ---- 12, 13: total differential and chain rule -----------------------------------------------------------------------


def pairs(first, second):
    """Cases of two vectors of one size."""

    def cases(rng):
        return [
            case(f"{n} variable{'s' * (n > 1)}", **{first: short(rng, n), second: short(rng, n)}) for n in (2, 1, 3, 8)
        ]

    return cases


def wrong_sums(letter, a, b):
    """What is known to go wrong with letter = sum_r a_r b_r."""
    right = f"{letter} = sum_r {a} {b}"
    return (
        (f"{letter} must sum over r = 1..n; yours has only the last r (= in the loop where += belongs?)",
         lambda p, q: p[-1] * q[-1]),
        (f"{letter} must sum over r = 1..n; yours has only the first r (is `return` inside the loop?)",
         lambda p, q: p[0] * q[0]),
        (f"the sum leaves out the last r: {right} over all of them", lambda p, q: (p * q)[:-1].sum()),
        (f"the sum leaves out the first r: {right} over all of them, indices begin at 0",
         lambda p, q: (p * q)[1:].sum()),
        (f"the sign: {right}", lambda p, q: -(p * q).sum()),
        (f"that is the mean over r: {right} is not divided by n", lambda p, q: (p * q).mean()),
        (f"{b} is missing: {right}", lambda p, q: p.sum()),
        (f"{a} is missing: {right}", lambda p, q: q.sum()),
        (f"{a} + {b} where the lecture has their product: {right}", lambda p, q: (p + q).sum()),
        (f"{a} / {b} where the lecture has their product: {right}", lambda p, q: (p / q).sum()),
        (f"the product of two sums where the lecture has the sum of the products: {right}",
         lambda p, q: p.sum() * q.sum()),
        (f"the product of all terms where the lecture has their sum: {right}", lambda p, q: (p * q).prod()),
        (f"the terms without their signs: {right}", lambda p, q: np.abs(p * q).sum()),
    )  # fmt: skip


TOTAL_DIFFERENTIAL = Exercise(
    "total_differential", "18", ("dE_dy", "dy"), "dE = sum_r ____ ____",
    "E is a function of y_1..y_n. dE_dy holds its partial derivatives dE/dy_r, dy a small change dy_r of each "
    "variable, n entries each. Return dE, by how much E changes when all of them change together: one number.",
    (
        "When y_r alone changes by dy_r, E changes by dE/dy_r dy_r.",
        "All changes together: the sum of those, `total += dE_dy[r] * dy[r]`.",
    ),
    pairs("dE_dy", "dy"),
    lambda dE_dy, dy: dE_dy @ dy,
    wrong_sums("dE", "dE/dy_r", "dy_r"),
    returns="dE",
    # E(y) = sum_r dE/dy_r y_r along the line y = t dy: its slope is the change for t from 0 to 1
    difference=lambda dE_dy, dy: slope(lambda t: dE_dy @ (t * dy), 0.5),
)  # fmt: skip

CHAIN_RULE = Exercise(
    "chain_rule", "19, 20", ("dE_dy", "dy_dx"), "dE/dx = sum_r ____ ____",
    "E is a function of y_1..y_n, and each y_r is a function of x, a single number. dE_dy holds dE/dy_r, dy_dx holds "
    "dy_r/dx, n entries each. Return dE/dx, one number: x acts on E through every one of the y_r.",
    (
        "For n = 1 it is the chain rule that you know: dE/dx = dE/dy dy/dx.",
        "For n intermediate variables it is the sum of such products: `total += dE_dy[r] * dy_dx[r]`.",
    ),
    pairs("dE_dy", "dy_dx"),
    lambda dE_dy, dy_dx: dE_dy @ dy_dx,
    wrong_sums("dE/dx", "dE/dy_r", "dy_r/dx"),
    returns="dE/dx",
    # E(y) = sum_r dE/dy_r sin y_r, y_r(x) = dy_r/dx x, at x = 0, where the cosine is 1
    difference=lambda dE_dy, dy_dx: slope(lambda x: dE_dy @ np.sin(dy_dx * x), 0.0),
)  # fmt: skip

EXERCISES = (DIFFERENCES, TOTAL_DIFFERENTIAL, CHAIN_RULE)
