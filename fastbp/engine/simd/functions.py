"""exp, log, tanh and the activations on vectors of numbers.

Numba calls the scalar exp for each number of a loop; a polynomial on vectors is three times as fast, for tanh seven to
thirteen times (benchmarks/test_functions.py), and as exact: at most 2 units in the last place in float32, 4 in float64
(tests/test_functions.py). Every finite u has a finite y and h'(u) (but exp), NaN stays NaN.
"""

from fastbp.compiler.jit import jit
from fastbp.engine.simd.dispatch import (
    double,
    exponent_of,
    fma,
    magnitude,
    mantissa_of,
    two_to,
    where_less,
    with_sign_of,
)
from fastbp.lecture.codes import ELU, GELU, LEAKY_RELU, RELU, SIGMOID, SILU, SOFTPLUS, TANH

INFINITY, NAN = float("inf"), float("nan")
LOG2_E = 1.4426950408889634
# ln 2 in two parts. The first has so few digits that n times it is exact (Cephes' expf; Sun's fdlibm, e_exp.c).
LN2_HIGH_SINGLE, LN2_LOW_SINGLE = 0.693359375, -2.12194440e-4
LN2_HIGH_DOUBLE, LN2_LOW_DOUBLE = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUND_SINGLE, ROUND_DOUBLE = 1.5 * 2.0**23, 1.5 * 2.0**52  # numbers beside these have no digits behind the point

# ---- exp, log and what follows from them -----------------------------------------------------------------------------


@jit
def whole(x):
    """The nearest whole number, for |x| below 2^22."""
    magic = ROUND_DOUBLE if double(x) else ROUND_SINGLE
    return (x + magic) - magic


@jit
def reduced(x):
    """n and e^r - 1 with x = n ln 2 + r, |r| <= ln(2) / 2: the Taylor series of degree 7 (single), 13 (double)."""
    n = whole(x * LOG2_E)
    ln2_low = LN2_LOW_DOUBLE if double(x) else LN2_LOW_SINGLE
    most = fma(n, -LN2_HIGH_DOUBLE if double(x) else -LN2_HIGH_SINGLE, x)
    r = fma(n, -ln2_low, most)
    rounded_off = fma(n, -ln2_low, most - r)
    if double(x):
        p = fma(r, 1 / 6227020800, 1 / 479001600)
        p = fma(p, r, 1 / 39916800)
        p = fma(p, r, 1 / 3628800)
        p = fma(p, r, 1 / 362880)
        p = fma(p, r, 1 / 40320)
        p = fma(p, r, 1 / 5040)
    else:
        p = r * 0.0 + 1 / 5040
    p = fma(p, r, 1 / 720)
    p = fma(p, r, 1 / 120)
    p = fma(p, r, 1 / 24)
    p = fma(p, r, 1 / 6)
    p = fma(p, r, 1 / 2)
    return n, fma(p, r * r, rounded_off) + r


@jit
def exp(x):
    """e^x: 0 below the smallest number, infinity above the largest."""
    lowest, highest = (-746.0, 710.0) if double(x) else (-104.0, 89.0)
    x = where_less(x, lowest, lowest, where_less(-x, -highest, highest, x))
    n, p = reduced(x)
    half = whole(n * 0.5)  # 2^n itself may be below or above all normal numbers
    return (p + 1.0) * two_to(half) * two_to(n - half)


@jit
def exp_minus_one(x):
    """e^x - 1 for x <= 0, exact to its own size."""
    x = where_less(x, -44.0, -44.0, x)  # 2^-63 or less beside 1
    n, p = reduced(x)
    power = two_to(n)
    return fma(p, power, power - 1.0)


@jit
def tanh(x):
    """(e^x - e^-x) / (e^x + e^-x)."""
    e = exp_minus_one(magnitude(x) * -2.0)
    return with_sign_of(quotient_of_sum(-e, e, 2.0), x)


@jit
def quotient_of_sum(x, e, c):
    """x / (c + e) with what is rounded off the sum and the quotient put back; the sum is between 1 and 2."""
    s = e + c
    y = x / s
    rest = fma(-y, e - (s - c), fma(-y, s, x))
    return fma(rest, 0.75, y)  # 0.75 for 1 / s


@jit
def sigmoid(x):
    """1 / (1 + e^-x)."""
    e = exp(-magnitude(x))
    return quotient_of_sum(where_less(x, 0.0, e, 1.0), e, 1.0)


@jit
def log(x):
    """ln x: -infinity of 0, NaN of what is below. Series of 2 artanh(f / (2 + f)) for x = 2^e (1 + f)."""
    smallest, lift = (2.0**-1022, 54.0) if double(x) else (2.0**-126, 24.0)
    lifted = where_less(x, smallest, x * (2.0**54 if double(x) else 2.0**24), x)  # numbers below the normal ones
    m, e = mantissa_of(lifted), exponent_of(lifted)
    e = where_less(x, smallest, e - lift, e)
    e = where_less(m, 1.4142135623730951, e, e + 1.0)
    f = where_less(m, 1.4142135623730951, m, m * 0.5) - 1.0
    s = f / (f + 2.0)
    z = s * s
    if double(x):
        p = fma(z, 2 / 21, 2 / 19)
        p = fma(p, z, 2 / 17)
        p = fma(p, z, 2 / 15)
        p = fma(p, z, 2 / 13)
        p = fma(p, z, 2 / 11)
    else:
        p = z * 0.0 + 2 / 11
    p = fma(p, z, 2 / 9)
    p = fma(p, z, 2 / 7)
    p = fma(p, z, 2 / 5)
    p = fma(p, z, 2 / 3)
    half = f * f * 0.5
    low = fma(s, fma(p, z, half), e * (LN2_LOW_DOUBLE if double(x) else LN2_LOW_SINGLE))
    y = fma(e, LN2_HIGH_DOUBLE if double(x) else LN2_HIGH_SINGLE, f - (half - low)) + (x - x)
    y = where_less(x, 5e-324 if double(x) else 1.4e-45, -INFINITY, y)
    y = where_less(x, 0.0, NAN, y)
    return where_less(-x, -1.7976931348623157e308 if double(x) else -3.4028234663852886e38, x, y)


@jit
def log_one_plus(x):
    """ln(1 + x) for 0 <= x <= 1, exact to its own size: what 1 + x rounds off is added to the first order."""
    w = x + 1.0
    return log(w) + (x - (w - 1.0)) / w


# ---- Activations: y = h(u) and h'(u) ---------------------------------------------------------------------------------


@jit
def relu(u):
    """The formulas are those of `lecture/loops/activations.py`."""
    return where_less(u, 0.0, 0.0, u), where_less(u, 0.0, 0.0, 1.0)


@jit
def leaky_relu(u):
    return where_less(u, 0.0, u * 0.01, u), where_less(u, 0.0, 0.01, 1.0)


@jit
def elu(u):
    e = exp_minus_one(where_less(u, 0.0, u, 0.0))
    return where_less(u, 0.0, e, u), where_less(u, 0.0, e + 1.0, 1.0)


@jit
def softplus(u):
    e = exp(-magnitude(u))
    return where_less(u, 0.0, 0.0, u) + log_one_plus(e), where_less(u, 0.0, e, 1.0) / (e + 1.0)


@jit
def silu(u):
    y = sigmoid(u)
    return u * y, y * fma(u, 1.0 - y, 1.0)


@jit
def gelu(u):
    c = 0.7978845608028654  # sqrt(2 / pi)
    near = where_less(u, -20.0, -20.0, where_less(-u, -20.0, 20.0, u))  # beyond, tanh is 1 to all digits
    t = tanh(near * fma(near * near, 0.044715 * c, c))
    slope = (1.0 - t * t) * fma(near * near, 3 * 0.044715 * c, c)
    return u * ((t + 1.0) * 0.5), (fma(near, slope, t) + 1.0) * 0.5


@jit
def activation(code, u):
    """y and h'(u) for the hidden activation with this code."""
    y, dh = u, u * 0.0 + 1.0
    if code == RELU:
        y, dh = relu(u)
    elif code == SIGMOID:
        y = sigmoid(u)
        dh = y * (1.0 - y)
    elif code == TANH:
        y = tanh(u)
        dh = 1.0 - y * y
    elif code == LEAKY_RELU:
        y, dh = leaky_relu(u)
    elif code == ELU:
        y, dh = elu(u)
    elif code == SOFTPLUS:
        y, dh = softplus(u)
    elif code == SILU:
        y, dh = silu(u)
    elif code == GELU:
        y, dh = gelu(u)
    return y, dh
