"""The formulas of all activations and errors, of terms that are letters and numbers at once (terms.py).

Where a formula of the slides overflows, or has lost what a loop still holds, a second form of it follows. A form is a
function of `t`, which makes a term of (letters, number).
"""

import numpy as np

from fastbp.lecture.tracing.terms import Term, added, chosen, function, named

ONE, HALF = named("1", 1.0), named("1/2", 0.5)
GELU_SCALE = named("sqrt(2/pi)", np.sqrt(2 / np.pi))
SELU_LAMBDA = Term("lambda", "1.05070098736", 1.0507009873554805)
SELU_ALPHA = Term("alpha", "1.67326324235", 1.6732632423543772)

# ---- y = h(u) --------------------------------------------------------------------------------------------------------


def _exp(a):
    return function("exp", a)


def _gelu_tanh(u):
    return function("tanh", GELU_SCALE * (u + 0.044715 * u**3))


def _softplus(u):
    exact = np.logaddexp(0.0, u.value)  # exp(u) may overflow, or be lost beside 1
    term = function("ln", 1 + _exp(u))
    return Term(term.letters, term.numbers, exact, term.binds)


ACTIVATIONS = {
    "identity": (lambda u: u,),
    "sigmoid": (lambda u: 1 / (1 + _exp(-u)), lambda u: _exp(u) / (1 + _exp(u))),
    "tanh": (lambda u: function("tanh", u),),
    "relu": (lambda u: chosen(u, ">=", 0, u, 0),),
    "leaky_relu": (lambda u: chosen(u, ">=", 0, u, 0.01 * u),),
    "elu": (lambda u: chosen(u, ">=", 0, u, _exp(u) - 1),),
    "selu": (lambda u: chosen(u, ">=", 0, SELU_LAMBDA * u, SELU_LAMBDA * SELU_ALPHA * (_exp(u) - 1)),),
    "softplus": (_softplus,),
    "silu": (lambda u: u / (1 + _exp(-u)),),
    "gelu": (lambda u: HALF * u * (1 + _gelu_tanh(u)),),
    "mish": (lambda u: u * function("tanh", _softplus(u)),),
    "exponential": (_exp,),
}


def activation_forms(activation, names, u, j, number):
    """The forms of y_j, of the names and the numbers of all u: softmax depends on them all."""
    if activation != "softmax":
        return [lambda t, form=form: form(t(names[j], u[j])) for form in ACTIVATIONS[activation]]

    def plain(t):
        return _exp(t(names[j], u[j])) / added(_exp(t(*unit)) for unit in zip(names, u, strict=True))

    def reduced(t):
        top = t(f"max u^({number})", u.max())
        return _exp(t(names[j], u[j]) - top) / added(_exp(t(*unit) - top) for unit in zip(names, u, strict=True))

    return plain, reduced


# ---- h'(u) -----------------------------------------------------------------------------------------------------------


def _silu_derivative(u, y):
    g = 1 / (1 + _exp(-u))
    return g + y * (1 - g)


def _gelu_derivative(u, y):
    tanh = _gelu_tanh(u)
    return HALF * (1 + tanh) + HALF * u * (1 - tanh**2) * GELU_SCALE * (1 + 0.134145 * u**2)


def _mish_derivative(u, y):
    t = function("tanh", _softplus(u))
    return t + u * (1 - t**2) / (1 + _exp(-u))


DERIVATIVES = {
    "identity": lambda u, y: ONE,
    "sigmoid": lambda u, y: y * (1 - y),
    "tanh": lambda u, y: 1 - y**2,
    "relu": lambda u, y: chosen(u, ">=", 0, 1, 0),
    "leaky_relu": lambda u, y: chosen(u, ">=", 0, 1, 0.01),
    "elu": lambda u, y: chosen(u, ">=", 0, 1, y + 1),
    "selu": lambda u, y: chosen(u, ">=", 0, SELU_LAMBDA, y + SELU_LAMBDA * SELU_ALPHA),
    "softplus": lambda u, y: 1 / (1 + _exp(-u)),
    "silu": _silu_derivative,
    "gelu": _gelu_derivative,
    "mish": _mish_derivative,
}


def jacobian_forms(activation, of_r, of_k, same):
    """The forms of dy_r/du_k, of the letters and numbers of y_r and y_k."""
    if activation == "identity":
        return (lambda t: ONE,)
    if activation == "exponential":
        return (lambda t: t(*of_k),)
    if same:
        return (lambda t: t(*of_k) * (1 - t(*of_k)),)
    return (lambda t: -t(*of_r) * t(*of_k),)


# ---- E ---------------------------------------------------------------------------------------------------------------


def _squared_error(units, level):
    return (lambda t: HALF * added((t(*y) - t(*d)) ** 2 for y, u, d in units),)


def _cross_entropy(units, level):
    """-sum_r d_r ln y_r; in the second form ln y_r has a number of its own, because y_r may be rounded to 0."""
    all_u = np.array([u for _, (_, u), _ in units])
    with np.errstate(all="ignore"):
        top = all_u.max()
        ln_sum = np.log(np.exp(all_u - top).sum())

    def limited(t, E):
        return chosen(E, "<=", t("level", level), E, t("level", level)) if level else E

    def plain(t):
        return limited(t, -added(t(*d) * function("ln", t(*y)) for y, u, d in units))

    def of_logarithms(t):
        logarithms = (t(f"ln {y[0]}", u[1] - top - ln_sum) for y, u, d in units)
        return limited(t, -added(t(*d) * ln_y for (_, _, d), ln_y in zip(units, logarithms, strict=True)))

    return plain, of_logarithms


def _binary_cross_entropy(units, level):
    """-sum_r (d_r ln y_r + (1 - d_r) ln(1 - y_r)), and the same with numbers for the logarithms."""
    least = -level if level else -np.inf

    def plain(t):
        return -added(t(*d) * function("ln", t(*y)) + (1 - t(*d)) * function("ln", 1 - t(*y)) for y, u, d in units)

    def of_logarithms(t):
        return -added(
            t(*d) * t(f"ln {y[0]}", max(-np.logaddexp(0.0, -u), least))
            + (1 - t(*d)) * t(f"ln(1 - {y[0]})", max(-np.logaddexp(0.0, u), least))
            for y, (_, u), d in units
        )

    return plain, of_logarithms


def _huber(units, level):
    def part(e, end):
        return chosen(e, "<=", end, HALF * e**2, end * (e - HALF * end))

    return (lambda t: added(part(abs(t(*y) - t(*d)), t("level", level)) for y, u, d in units),)


def _poisson(units, level):
    return (
        lambda t: added(t(*y) - t(*d) * function("ln", t(*y)) for y, u, d in units),
        lambda t: added(t(*y) - t(*d) * t(*u) for y, u, d in units),  # ln y_r = u_r, where y_r is rounded to 0
    )


def _quantile(units, level):
    def part(y, d, q):
        return chosen(d, ">=", y, q * (d - y), (1 - q) * (y - d))

    return (lambda t: added(part(t(*y), t(*d), t("level", level)) for y, u, d in units),)


ERRORS = {
    "squared_error": _squared_error,
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
    "huber": _huber,
    "poisson": _poisson,
    "quantile": _quantile,
}

# ---- dE/dy and delta -------------------------------------------------------------------------------------------------


def error_derivative(loss, level, y, u, d):
    """The forms of dE/dy_r."""
    if loss in ("squared_error", "huber", "quantile"):
        return short_delta(loss, level, y, u, d)
    if loss == "cross_entropy":
        return (lambda t: -t(*d) / t(*y),)
    if loss == "poisson":
        return (lambda t: 1 - t(*d) / t(*y),)
    return (lambda t: (t(*y) - t(*d)) / (t(*y) * (1 - t(*y))),)


def short_delta(loss, level, y, u, d):
    """The forms of delta_k = dE/du_k without the sum of slide 31."""
    if loss == "huber":

        def limited(t):
            e, end = t(*y) - t(*d), t("level", level)
            return chosen(abs(e), "<=", end, e, end if e.value > 0 else -end)

        return (limited,)
    if loss == "quantile":

        def slope(t):
            q = t("level", level)
            return chosen(t(*y), "<", t(*d), -q, chosen(t(*y), ">", t(*d), 1 - q, 0))

        return (slope,)
    return (lambda t: t(*y) - t(*d),)
