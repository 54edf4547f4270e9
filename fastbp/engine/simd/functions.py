"""exp, log, tanh and the activations on vectors of numbers.

Numba calls the scalar exp for each number of a loop; a polynomial on vectors is four to seven times as fast, for tanh
twelve times and more (benchmarks/test_functions.py), and as exact: at most 2 units in the last place in float32, 4 in
float64 (tests/test_functions.py). Every finite u has a finite y and h'(u) (but exp), NaN stays NaN.

A vector waits for its own steps more than for its neighbours', so polynomials are cut into short ones (Estrin).
"""

from fastbp.compiler.jit import jit
from fastbp.engine.simd.dispatch import (
    double,
    exponent_of,
    fma,
    magnitude,
    mantissa_of,
    times_two_to,
    two_to,
    where_less,
    with_sign_of,
)
from fastbp.lecture.codes import ELU, GELU, LEAKY_RELU, MISH, RELU, SELU, SIGMOID, SILU, SOFTPLUS, TANH
from fastbp.lecture.loops.activations import SELU_FLOOR, SELU_SCALE

INFINITY, NAN = float("inf"), float("nan")
LOG2_E = 1.4426950408889634
# ln 2 in two parts. The first has so few digits that n times it is exact (Cephes' expf; Sun's fdlibm, e_exp.c).
LN2_HIGH_SINGLE, LN2_LOW_SINGLE = 0.693359375, -2.12194440e-4
LN2_HIGH_DOUBLE, LN2_LOW_DOUBLE = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Beside these, numbers have no digits behind the point, and a whole number n stands in the lowest bits as an integer:
# n and the bias of the exponents, as `two_to` takes it.
BIASED_SINGLE, BIASED_DOUBLE = 1.5 * 2.0**23 + 127, 1.5 * 2.0**52 + 1023

# ---- exp, log and what follows from them -----------------------------------------------------------------------------


@jit
def reduced(x, high, low, lift):
    """t and e^r - 1 with x + high + low = n ln 2 + r, |r| <= ln(2) / 2; n + lift stands in t as `two_to` takes it.

    The polynomials of degree 6 (single) and 11 (double) are off by 7e-9 and 1.3e-17 at most, in relation to e^r and,
    near 0, to e^r - 1: the best ones (minimax) that begin with r + r^2 / 2.
    """
    beside = (BIASED_DOUBLE if double(x) else BIASED_SINGLE) + lift
    t = fma(x + high, LOG2_E, beside)
    n = t - beside
    r = fma(n, -LN2_HIGH_DOUBLE if double(x) else -LN2_HIGH_SINGLE, x) + high
    r = fma(n, -LN2_LOW_DOUBLE if double(x) else -LN2_LOW_SINGLE, r) + low
    z = r * r
    p = fma(r, 0.1666666666666660061 if double(x) else 0.1666654773091084428, 0.5)
    q = fma(
        r,
        0.008333333333389248257 if double(x) else 0.008366172805996793745,
        0.04166666666661927846 if double(x) else 0.04166685308470933897,
    )
    if double(x):
        far = fma(
            fma(r, 2.504586427897622365e-8, 2.762246940041113122e-7),
            z,
            fma(r, 2.75574259243524594e-6, 0.00002480151581724843258),
        )
        far = fma(far, z, fma(r, 0.000198412697077846001, 0.00138888889208645148))
        p = fma(far, z * z, fma(q, z, p))
    else:
        p = fma(fma(z, 0.001389849841182218544, q), z, p)
    return t, fma(p, z, r)


@jit
def exp(x):
    """e^x: 0 below the smallest number, infinity above the largest."""
    lowest, highest = (-746.0, 710.0) if double(x) else (-104.0, 89.0)
    x = where_less(-x, -highest, highest, x)
    x = where_less(x, lowest, lowest, x)
    t, p = reduced(x, 0.0, 0.0, 1023.0 if double(x) else 127.0)
    return times_two_to(p + 1.0, t)


@jit
def exp_minus_one(x):
    """e^x - 1 for x <= 0, exact to its own size."""
    x = where_less(x, -44.0, -44.0, x)  # 2^-63 or less beside 1
    return exp_minus_one_of(x)


@jit
def exp_minus_one_of(x):
    """The same where 2^n is a normal number."""
    t, p = reduced(x, 0.0, 0.0, 0.0)
    power = two_to(t)
    return fma(p, power, power - 1.0)


@jit
def tanh(x):
    """(e^2x - 1) / (e^2x + 1)."""
    most = 20.0 if double(x) else 10.0  # tanh is 1 there
    size = magnitude(x)
    size = where_less(-size, -most, most, size)
    if double(x):
        e = exp_minus_one_of(size + size)
        y = e / (e + 2.0)
    else:
        y = tanh_single(size)
    return with_sign_of(y, x)


@jit
def tanh_single(x):
    """For x >= 0: an odd polynomial up to 0.65, then 1 - 2 / (e^2x + 1); the quotient above is off by 2.4 units."""
    t = fma(x, 2 * LOG2_E, BIASED_SINGLE)
    f = fma(x, 2 * LOG2_E, BIASED_SINGLE - t)
    z = f * f
    p = fma(fma(f, 0.0013276352784, 0.00967565547247), z, fma(f, 0.0555071449815, 0.240221176189))
    p = fma(p, z, fma(f, 0.693146965776, 1.00000007208))  # 2^f to 8e-8, which counts half as much in tanh
    far = 1.0 - 2.0 / fma(p, two_to(t), 1.0)
    z = x * x
    p = fma(z, -0.00551515467749, 0.0204694101038)
    p = fma(p, z, -0.0536880194787)
    p = fma(p, z, 0.133308302913)
    p = fma(p, z, -0.333332598455)
    return where_less(x, 0.65, fma(p * z, x, x), far)


@jit
def sigmoid(x):
    """1 / (1 + e^-x), both times c, so that e^-x may be larger than the largest number."""
    lowest, highest, lift = (-746.0, 40.0, -100.0) if double(x) else (-104.0, 20.0, -32.0)
    x = where_less(-x, -highest, highest, x)
    x = where_less(x, lowest, lowest, x)
    t, p = reduced(-x, 0.0, 0.0, lift)
    power, c = two_to(t), 2.0**-100 if double(x) else 2.0**-32
    most = power + c
    return c / (fma(p, power, c - (most - power)) + most)  # with what is rounded off the first sum


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
def selu(u):
    e = exp_minus_one(where_less(u, 0.0, u, 0.0))
    return (
        where_less(u, 0.0, e * SELU_FLOOR, u * SELU_SCALE),
        where_less(u, 0.0, fma(e, SELU_FLOOR, SELU_FLOOR), SELU_SCALE),
    )


@jit
def softplus(u):
    e = exp(-magnitude(u))
    return where_less(u, 0.0, 0.0, u) + log_one_plus(e), where_less(u, 0.0, e, 1.0) / (e + 1.0)


# h of SiLU and GELU is u g with g = 1 / (1 + e^-v), and h'(u) = g (1 + q (1 - g)), q = u dv/du. That has a zero, at
# u = z, where 1 and q (1 - g) cancel. With a = e^v(z) and E = e^(v(z) - v), g is a / (a + E), 1 + a + q(z) is 0, and
#     h'(u) = g^2 (s E - (E - 1)), s = (q - q(z)) / a;
# s and 1 - E have the sign of u - z, so nothing cancels. Here are z in two parts, and a.
SILU_AT, SILU_A = -1.2784645427610737, 0.2784645427610738
SILU_HIGH_SINGLE, SILU_LOW_SINGLE = -1.2784645557403564, 1.29792826502e-8
SILU_LOW_DOUBLE = -1.0946994183093437e-16
GELU_AT, GELU_A = -0.7524614220710162, 0.29195521191476713
GELU_HIGH_SINGLE, GELU_LOW_SINGLE = -0.7524614334106445, 1.13396283127e-8
GELU_LOW_DOUBLE = -3.4736916813081852e-17
GELU_SLOPE = 2 * 0.7978845608028654  # 2 sqrt(2 / pi)
GELU_CUBIC = 0.044715 * GELU_SLOPE


@jit
def gated(u, x, high, low, a, s):
    """u g and g^2 (s E - (E - 1)), g = a / (a + E), E = e^(x + high + low); E times c, so that it is no infinity."""
    lift, c = (-100.0, 2.0**-100) if double(x) else (-40.0, 2.0**-40)
    t, p = reduced(x, high, low, lift)
    power = two_to(t)
    E = fma(p, power, power)
    by_c = a / (E + a * c)
    g = by_c * c
    return u * g, g * (by_c * fma(s, E, -fma(p, power, power - c)))


@jit
def silu(u):
    """v = q = u."""
    lowest, high = (-746.0, SILU_AT) if double(u) else (-105.0, SILU_HIGH_SINGLE)
    low = SILU_LOW_DOUBLE if double(u) else SILU_LOW_SINGLE
    near = where_less(-u, -50.0, 50.0, u)  # beyond, g is 1 or 0
    near = where_less(near, lowest, lowest, near)
    return gated(u, -near, high, low, SILU_A, ((near - high) - low) * (1 / SILU_A))


@jit
def gelu(u):
    """v = b u + c u^3, q = b u + 3 c u^3: their differences from v(z), q(z) are (u - z) (b + (u^2 + u z + z^2) ...)."""
    lowest, high = (-21.6, GELU_AT) if double(u) else (-10.8, GELU_HIGH_SINGLE)
    low = GELU_LOW_DOUBLE if double(u) else GELU_LOW_SINGLE
    near = where_less(-u, -8.0, 8.0, u)  # beyond, g is 1 or 0
    near = where_less(near, lowest, lowest, near)
    d = (near - high) - low
    squares = fma(near + GELU_AT, near, GELU_AT * GELU_AT)
    x = d * fma(squares, -GELU_CUBIC, -GELU_SLOPE)
    s = d * fma(squares, 3 * GELU_CUBIC / GELU_A, GELU_SLOPE / GELU_A)
    return gated(u, x, 0.0, 0.0, GELU_A, s)


# Mish's h is u n / (n + 2) with n = E (E + 2), E = e^u, and h'(u) = E w / (n + 2)^2 with
#     w = E^3 + 4 E^2 + 6 E + 4 + 4 u (1 + E) = (E - a) (E (E + a + 4) + c) + 4 (u - z) (1 + E),
# z the zero of h', a = e^z, c = a^2 + 4 a + 6 + 4 z: all factors are positive but E - a and u - z, which have the same
# sign. Here are z in two parts, a, and c.
MISH_AT, MISH_A, MISH_C = -1.1924312145154952, 0.3034825352815289, 2.536306932285039
MISH_HIGH_SINGLE, MISH_LOW_SINGLE = -1.1924312114715576, -3.043937594950088e-9
MISH_LOW_DOUBLE = -4.8484829848031044e-17


@jit
def mish(u):
    """E is a e^(u - z), and E - a is a (e^(u - z) - 1)."""
    lowest, high = (-746.0, MISH_AT) if double(u) else (-105.0, MISH_HIGH_SINGLE)
    low = MISH_LOW_DOUBLE if double(u) else MISH_LOW_SINGLE
    lift, lifted, a = (60.0, 2.0**60, 2.0**-60 * MISH_A) if double(u) else (30.0, 2.0**30, 2.0**-30 * MISH_A)
    near = where_less(-u, -22.0, 22.0, u)  # beyond, the tanh is 1 or 0
    near = where_less(near, lowest, lowest, near)
    t, p = reduced(near, -high, -low, lift)
    power = two_to(t)
    E, above = fma(p, power, power) * a, fma(p, power, power - lifted) * a
    n = E * (E + 2.0)
    whole = n + 2.0
    w = fma(above, fma(E, E + (MISH_A + 4.0), MISH_C), ((near - high) - low) * 4.0 * (E + 1.0))
    return u * (n / whole), (E / whole) * (w / whole)


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
        dh = fma(-y, y, 1.0)
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
    elif code == SELU:
        y, dh = selu(u)
    elif code == MISH:
        y, dh = mish(u)
    return y, dh
