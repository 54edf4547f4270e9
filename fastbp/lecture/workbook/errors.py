"""Exercises 8-10: both errors and the step of gradient descent (slides 9, 12, 32, 33)."""

import numpy as np

from fastbp.lecture.workbook.exercise import Exercise, case, one_hot, short, softmax_of

# ---- 8: the squared error --------------------------------------------------------------------------------------------


def outputs_and_targets(rng):
    """y, d and a u that is not y, so that it shows which of the two a function reads."""
    return [
        case(label, u=short(rng, n), y=y, d=d)
        for label, n, y, d in (
            ("n = 2", 2, np.array([1.5, 0.25]), np.array([0.5, 2.25])),
            ("n = 1", 1, np.array([-1.25]), np.array([-0.5])),
            ("y = d", 3, np.array([0.5, 1.0, -2.0]), np.array([0.5, 1.0, -2.0])),
            ("n = 5", 5, short(rng, 5), short(rng, 5) + 0.125),
            ("large y", 2, np.array([150.0, -200.0]), np.array([1.0, 0.5])),
        )
    ]


SQUARED_ERROR = Exercise(
    "squared_error", "9, 32", ("u", "y", "d"), "E = ____ sum_r (____)^2",
    "y holds the outputs of the network and d what they should be, n entries each. Return E, one number: `return ...` "
    "is the last line. (u, the inputs to the activations, is given to every error; this one does not need it.)\n\n"
    "`for r in range(y.size):` goes over the outputs; a square is `a * a` or `a**2`.",
    (
        "`total = 0.0` before the loop, `total += ...` in it.",
        "Each term is the square of y[r] - d[r].",
        "The factor 1/2 makes the derivative short: dE/dy_r = y_r - d_r. After the loop: `return 0.5 * total`.",
    ),
    outputs_and_targets,
    lambda u, y, d: 0.5 * ((y - d) ** 2).sum(),
    (
        ("the factor 1/2 is missing: E = 1/2 sum_r (y_r - d_r)^2", lambda u, y, d: ((y - d) ** 2).sum()),
        ("that is the mean over r: the lecture has 1/2 of the sum", lambda u, y, d: ((y - d) ** 2).mean()),
        ("that is half the mean over r: the lecture has the sum, it is not divided by n",
         lambda u, y, d: 0.5 * ((y - d) ** 2).mean()),
        ("the square is missing: E = 1/2 sum_r (y_r - d_r)^2", lambda u, y, d: 0.5 * (y - d).sum()),
        ("square and factor 1/2 are missing: E = 1/2 sum_r (y_r - d_r)^2", lambda u, y, d: (y - d).sum()),
        ("the square of the sum where the lecture has the sum of the squares",
         lambda u, y, d: 0.5 * (y - d).sum() ** 2),
        ("that is |y_r - d_r| in place of its square", lambda u, y, d: 0.5 * np.abs(y - d).sum()),
        ("that is sum_r |y_r - d_r|: the lecture has 1/2 sum_r (y_r - d_r)^2", lambda u, y, d: np.abs(y - d).sum()),
        ("that is the root of the sum, a distance: E = 1/2 sum_r (y_r - d_r)^2 has no root",
         lambda u, y, d: np.sqrt(((y - d) ** 2).sum())),
        ("y_r + d_r where the lecture has y_r - d_r", lambda u, y, d: 0.5 * ((y + d) ** 2).sum()),
        ("the sign: E is never negative", lambda u, y, d: -0.5 * ((y - d) ** 2).sum()),
        ("E compares the outputs y with d; yours takes u", lambda u, y, d: 0.5 * ((u - d) ** 2).sum()),
        ("E must sum over r = 1..n; yours has only the last r", lambda u, y, d: 0.5 * (y[-1] - d[-1]) ** 2),
        ("E must sum over r = 1..n; yours has only the first r (is `return` inside the loop?)",
         lambda u, y, d: 0.5 * (y[0] - d[0]) ** 2),
        ("the sum leaves out the last r: range(y.size) has all", lambda u, y, d: 0.5 * ((y - d)[:-1] ** 2).sum()),
        ("the sum leaves out the first r: indices begin at 0", lambda u, y, d: 0.5 * ((y - d)[1:] ** 2).sum()),
        ("the factor 1/2 stands before the square, not in it: yours gives 1/4", lambda u, y, d:
         0.25 * ((y - d) ** 2).sum()),
        ("yours is a whole number: // leaves out what stands behind the point, / divides",
         lambda u, y, d: ((y - d) ** 2).sum() // 2),
        ("the factor is 1/2: yours is 2", lambda u, y, d: 2 * ((y - d) ** 2).sum()),
    ),
    returns="E",
)  # fmt: skip

# ---- 9: the cross-entropy --------------------------------------------------------------------------------------------


def shares_and_targets(rng):
    """y = softmax(u); d is 1 for one class, and shares of several."""
    cases = []
    for label, u, d in (
        ("n = 2", np.array([0.5, -0.5]), np.array([0.0, 1.0])),
        ("n = 3", np.array([1.0, 0.25, -2.0]), np.array([1.0, 0.0, 0.0])),
        ("shares of several classes", short(rng, 4), np.array([0.125, 0.5, 0.25, 0.125])),
        ("n = 6", short(rng, 6), one_hot(rng, 6)),
        ("large u", np.array([101.0, 120.0, 110.0]), np.array([0.75, 0.125, 0.125])),
    ):
        cases.append(case(label, u=u, y=softmax_of(u), d=d))
    return cases


CROSS_ENTROPY = Exercise(
    "cross_entropy", "9, 33", ("u", "y", "d"), "E = ____ sum_r ____ ln ____",
    "y holds the outputs of the softmax, n shares that sum to 1, and d what they should be (1 for the right class, 0 "
    "for the others; or shares). Return E, one number. (u, with y = softmax(u), is not needed.) ln is `np.log(...)`.",
    (
        "ln of a number between 0 and 1 is negative, and E is not: hence the sign before the sum.",
        "Where d_r = 0 the unit r adds nothing to E: d_r is the factor, y_r stands in the logarithm.",
        "`total -= d[r] * np.log(y[r])` in a loop over r.",
    ),
    shares_and_targets,
    lambda u, y, d: -(d * np.log(y)).sum(),
    (
        ("the sign: E = - sum_r d_r ln y_r, yours is negative", lambda u, y, d: (d * np.log(y)).sum()),
        ("ln is missing: E = - sum_r d_r ln y_r", lambda u, y, d: -(d * y).sum()),
        ("ln and sign are missing: E = - sum_r d_r ln y_r", lambda u, y, d: (d * y).sum()),
        ("y and d are exchanged: ln y_r, with the factor d_r", lambda u, y, d: -(y * np.log(d)).sum()),
        ("the factor d_r is missing: E = - sum_r d_r ln y_r", lambda u, y, d: -np.log(y).sum()),
        ("that is the mean over r: the lecture has the sum", lambda u, y, d: -(d * np.log(y)).mean()),
        ("the logarithm is the natural one, np.log; yours has the base 10", lambda u, y, d: -(d * np.log10(y)).sum()),
        ("the logarithm is the natural one, np.log; yours has the base 2", lambda u, y, d: -(d * np.log2(y)).sum()),
        ("ln u_r where the lecture has ln y_r", lambda u, y, d: -(d * np.log(u)).sum()),
        ("u_r where the lecture has ln y_r: u is the input to the softmax", lambda u, y, d: -(d * u).sum()),
        ("the terms (1 - d_r) ln(1 - y_r) belong to single sigmoid units: with softmax E = - sum_r d_r ln y_r",
         lambda u, y, d: -(d * np.log(y) + (1 - d) * np.log(1 - y)).sum()),
        ("that is the squared error of regression: for classification E = - sum_r d_r ln y_r",
         lambda u, y, d: 0.5 * ((y - d) ** 2).sum()),
        ("E must sum over r = 1..n; yours has only the last r", lambda u, y, d: -d[-1] * np.log(y[-1])),
        ("E must sum over r = 1..n; yours has only the first r (is `return` inside the loop?)",
         lambda u, y, d: -d[0] * np.log(y[0])),
        ("the sum leaves out the last r: range(y.size) has all", lambda u, y, d: -(d * np.log(y))[:-1].sum()),
        ("the sum leaves out the first r: indices begin at 0", lambda u, y, d: -(d * np.log(y))[1:].sum()),
        ("the factor 1/2 belongs to the squared error: E = - sum_r d_r ln y_r",
         lambda u, y, d: -0.5 * (d * np.log(y)).sum()),
    ),
    returns="E",
)  # fmt: skip

# ---- 10: gradient descent --------------------------------------------------------------------------------------------


def parameters_and_gradients(rng):
    """Some parameters, their gradients and a learning rate."""
    return [
        case(f"{p} parameter{'s' * (p > 1)}, eta = {eta}", theta=short(rng, p), dtheta=short(rng, p), eta=eta)
        for p, eta in ((2, 0.5), (1, 0.25), (7, 0.125), (4, 3.0))
    ]


def _but(place):
    def step(theta, dtheta, eta):
        new = theta - eta * dtheta
        new[place] = theta[place]
        return new

    return step


GRADIENT_STEP = Exercise(
    "gradient_step", "12", ("theta", "dtheta", "eta"), "theta_p <- theta_p ____",
    "theta holds all weights and biases, dtheta their derivatives dE/dtheta_p, P entries each; eta is the learning "
    "rate, a number. Change theta_p for every p: `theta[p] = ...` with the old theta[p] on the right side, or "
    "`theta[p] -= ...`, which subtracts. E must become smaller. Nothing is returned.",
    (
        "Where dE/dtheta_p > 0, E grows with theta_p: so theta_p must become smaller.",
        "w <- w - eta dE/dw, for every parameter.",
    ),
    parameters_and_gradients,
    lambda theta, dtheta, eta: theta - eta * dtheta,
    (
        ("uphill: w <- w - eta dE/dw, with a minus, for E is to become smaller",
         lambda theta, dtheta, eta: theta + eta * dtheta),
        ("the learning rate is missing: w <- w - eta dE/dw", lambda theta, dtheta, eta: theta - dtheta),
        ("uphill, and without the learning rate: w <- w - eta dE/dw", lambda theta, dtheta, eta: theta + dtheta),
        ("the old w is missing: w <- w - eta dE/dw changes w, yours replaces it",
         lambda theta, dtheta, eta: -eta * dtheta),
        ("the old w is missing, and the sign: w <- w - eta dE/dw", lambda theta, dtheta, eta: eta * dtheta),
        ("the gradient is missing: w <- w - eta dE/dw", lambda theta, dtheta, eta: theta - eta),
        ("divided by eta where the lecture multiplies: w <- w - eta dE/dw",
         lambda theta, dtheta, eta: theta - dtheta / eta),
        ("eta multiplies w, too: w <- w - eta dE/dw", lambda theta, dtheta, eta: eta * (theta - dtheta)),
        ("w is multiplied: w <- w - eta dE/dw has w alone",
         lambda theta, dtheta, eta: theta - eta * dtheta * theta),
        ("theta_p where the lecture has its derivative, dtheta_p: w <- w - eta dE/dw",
         lambda theta, dtheta, eta: theta - eta * theta),
        ("that is only the sign of the gradient: w <- w - eta dE/dw", lambda theta, dtheta, eta:
         theta - eta * np.sign(dtheta)),
        ("divided by the number of parameters: w <- w - eta dE/dw has no mean",
         lambda theta, dtheta, eta: theta - eta * dtheta / theta.size),
        ("the first parameter, theta[0], is left as it was: indices begin at 0", _but(0)),
        ("the last parameter is left as it was: range(theta.size) has all", _but(-1)),
    ),
    changes=("theta",),
)  # fmt: skip

EXERCISES = (SQUARED_ERROR, CROSS_ENTROPY, GRADIENT_STEP)
