"""Derivatives of the activations, as index loops over the units of one layer (slides 32-36); then their derivatives.

The derivative of a kink, at u = 0, is that of u >= 0, as on slide 36.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import larger, smaller, where
from fastbp.lecture.codes import (
    ELU,
    GELU,
    IDENTITY,
    LEAKY_RELU,
    MISH,
    RELU,
    SELU,
    SIGMOID,
    SILU,
    SOFTPLUS,
    TANH,
)
from fastbp.lecture.loops.activations import (
    GELU_CUBIC,
    GELU_END,
    GELU_SCALE,
    SELU_FLOOR,
    SELU_SCALE,
    SLOPE,
    _gelu_argument,
    _sigmoid_of,
)

__all__ = [
    "activation_derivative", "elu_derivative", "elu_second_derivative", "gelu_derivative", "gelu_second_derivative",
    "identity_derivative", "leaky_relu_derivative", "mish_derivative", "mish_second_derivative", "relu_derivative",
    "second_derivative", "selu_derivative", "selu_second_derivative", "sigmoid_derivative",
    "sigmoid_second_derivative", "silu_derivative", "silu_second_derivative", "softmax_derivative",
    "softplus_derivative", "softplus_second_derivative", "straight_second_derivative", "tanh_derivative",
    "tanh_second_derivative",
]  # fmt: skip


@jit
def identity_derivative(u, y, dh):
    """h'(u_j) = 1 (slide 32).

    u (j), y (j) -> dh (j)
    """
    for j in range(u.size):
        dh[j] = 1


@jit
def sigmoid_derivative(u, y, dh):
    """h'(u_j) = y_j (1 - y_j) (slide 35).

    u (j), y (j) -> dh (j)
    """
    one = u.dtype.type(1)
    for j in range(u.size):
        dh[j] = y[j] * (one - y[j])


@jit
def tanh_derivative(u, y, dh):
    """h'(u_j) = 1 - y_j^2 (LeCun et al. 1998).

    u (j), y (j) -> dh (j)
    """
    # as a product, because near 1 the square has lost what 1 - y_j still holds
    one = u.dtype.type(1)
    for j in range(u.size):
        dh[j] = (one - y[j]) * (one + y[j])


@jit
def relu_derivative(u, y, dh):
    """h'(u_j) = 1 if u_j >= 0 else 0 (slide 36).

    u (j), y (j) -> dh (j)
    """
    zero, one = u.dtype.type(0), u.dtype.type(1)
    for j in range(u.size):
        dh[j] = where(u[j] >= 0, one, zero)


@jit
def leaky_relu_derivative(u, y, dh):
    """h'(u_j) = 1 if u_j >= 0 else 0.01 (Maas et al. 2013).

    u (j), y (j) -> dh (j)
    """
    one, slope = u.dtype.type(1), u.dtype.type(SLOPE)
    for j in range(u.size):
        dh[j] = where(u[j] >= 0, one, slope)


@jit
def elu_derivative(u, y, dh):
    """h'(u_j) = 1 if u_j >= 0 else y_j + 1, which is exp(u_j) (Clevert et al. 2016).

    u (j), y (j) -> dh (j)
    """
    one = u.dtype.type(1)
    for j in range(u.size):
        dh[j] = where(u[j] >= 0, one, y[j] + one)


@jit
def selu_derivative(u, y, dh):
    """h'(u_j) = lambda if u_j >= 0 else y_j + lambda alpha, which is lambda alpha exp(u_j) (Klambauer et al. 2017).

    u (j), y (j) -> dh (j)
    """
    scale, floor = u.dtype.type(SELU_SCALE), u.dtype.type(SELU_FLOOR)
    for j in range(u.size):
        dh[j] = where(u[j] >= 0, scale, y[j] + floor)


@jit
def softplus_derivative(u, y, dh):
    """h'(u_j) = 1 / (1 + exp(-u_j)) = 1 - exp(-y_j) (Dugas et al. 2001).

    u (j), y (j) -> dh (j)
    """
    for j in range(u.size):
        dh[j] = -np.expm1(-y[j])


@jit
def silu_derivative(u, y, dh):
    """h'(u_j) = g_j + y_j (1 - g_j), g_j = 1 / (1 + exp(-u_j)) (Elfwing et al. 2018).

    u (j), y (j) -> dh (j)
    """
    # 1 - g_j is the sigmoid of -u_j; as a difference it has lost its digits where g_j is nearly 1
    one = u.dtype.type(1)
    for j in range(u.size):
        dh[j] = _sigmoid_of(u[j], one) + y[j] * _sigmoid_of(-u[j], one)


@jit
def gelu_derivative(u, y, dh):
    """h'(u_j) = 1/2 (1 + t) + 1/2 u_j (1 - t^2) sqrt(2 / pi) (1 + 0.134145 u_j^2) (Hendrycks and Gimpel 2016).

    u (j), y (j) -> dh (j)
    """
    # with the sigmoid g of v = 2 artanh(t), as in `gelu`: g + u_j g (1 - g) dv/du_j, and 1 - g is the sigmoid of -v
    one, end, real = u.dtype.type(1), u.dtype.type(GELU_END), u.dtype.type
    scale, cubic = u.dtype.type(2 * GELU_SCALE), u.dtype.type(3 * GELU_CUBIC)
    for j in range(u.size):
        v, a = _gelu_argument(u[j], real), smaller(larger(u[j], -end), end)
        g = _sigmoid_of(v, one)
        dh[j] = g + a * g * _sigmoid_of(-v, one) * (scale * (one + cubic * a * a))


@jit
def mish_derivative(u, y, dh):
    """h'(u_j) = t_j + u_j (1 - t_j^2) g_j, t_j = tanh(ln(1 + exp(u_j))), g_j = 1 / (1 + exp(-u_j)) (Misra 2020).

    u (j), y (j) -> dh (j)
    """
    # with e and n as in `mish` 1 - t_j^2 is 4 (1 + e)^2 / (n + 2)^2, and g_j is e / (1 + e), reduced as there
    one, two, end = u.dtype.type(1), u.dtype.type(2), u.dtype.type(1000)  # exp(-1000) is 0 in every dtype
    for j in range(u.size):
        e, a = np.exp(-abs(u[j])), smaller(larger(u[j], -end), end)
        n = where(u[j] < 0, e * (e + two), one + two * e)
        whole = n + where(u[j] < 0, two, two * e * e)
        dh[j] = n / whole + a * (two * where(u[j] < 0, e, e * e) / whole) * (two * (one + e) / whole)


@jit
def softmax_derivative(u, y, jacobian):
    """dy_k/du_k = y_k (1 - y_k); dy_r/du_k = -y_r y_k for r != k (slide 33).

    u (k), y (k) -> jacobian (r, k)
    """
    one = u.dtype.type(1)
    for r in range(y.size):
        for k in range(y.size):
            jacobian[r, k] = y[k] * (one - y[k]) if r == k else -y[r] * y[k]


@jit
def activation_derivative(code, u, y, dh):
    """dh = h'(u), for the hidden activation h with this code (slides 32, 35, 36).

    u (j), y (j) -> dh (j)
    """
    if code == IDENTITY:
        identity_derivative(u, y, dh)
    elif code == SIGMOID:
        sigmoid_derivative(u, y, dh)
    elif code == RELU:
        relu_derivative(u, y, dh)
    elif code == TANH:
        tanh_derivative(u, y, dh)
    elif code == LEAKY_RELU:
        leaky_relu_derivative(u, y, dh)
    elif code == ELU:
        elu_derivative(u, y, dh)
    elif code == SOFTPLUS:
        softplus_derivative(u, y, dh)
    elif code == SILU:
        silu_derivative(u, y, dh)
    elif code == GELU:
        gelu_derivative(u, y, dh)
    elif code == SELU:
        selu_derivative(u, y, dh)
    elif code == MISH:
        mish_derivative(u, y, dh)


# ---- Second derivatives ----------------------------------------------------------------------------------------------


@jit
def straight_second_derivative(u, y, ddh):
    """h''(u_j) = 0, of the identity and of what is made of straight pieces (slides 32, 36).

    u (j), y (j) -> ddh (j)
    """
    for j in range(u.size):
        ddh[j] = 0


@jit
def sigmoid_second_derivative(u, y, ddh):
    """h''(u_j) = y_j (1 - y_j) (1 - 2 y_j) (slide 35).

    u (j), y (j) -> ddh (j)
    """
    one = u.dtype.type(1)
    for j in range(u.size):
        ddh[j] = y[j] * (one - y[j]) * ((one - y[j]) - y[j])


@jit
def tanh_second_derivative(u, y, ddh):
    """h''(u_j) = -2 y_j (1 - y_j^2) (LeCun et al. 1998).

    u (j), y (j) -> ddh (j)
    """
    one, two = u.dtype.type(1), u.dtype.type(2)
    for j in range(u.size):
        ddh[j] = -two * y[j] * ((one - y[j]) * (one + y[j]))


@jit
def elu_second_derivative(u, y, ddh):
    """h''(u_j) = 0 if u_j >= 0 else y_j + 1, which is exp(u_j) (Clevert et al. 2016).

    u (j), y (j) -> ddh (j)
    """
    zero, one = u.dtype.type(0), u.dtype.type(1)
    for j in range(u.size):
        ddh[j] = where(u[j] >= 0, zero, y[j] + one)


@jit
def selu_second_derivative(u, y, ddh):
    """h''(u_j) = 0 if u_j >= 0 else y_j + lambda alpha, which is lambda alpha exp(u_j) (Klambauer et al. 2017).

    u (j), y (j) -> ddh (j)
    """
    zero, floor = u.dtype.type(0), u.dtype.type(SELU_FLOOR)
    for j in range(u.size):
        ddh[j] = where(u[j] >= 0, zero, y[j] + floor)


@jit
def softplus_second_derivative(u, y, ddh):
    """h''(u_j) = g_j (1 - g_j), g_j = 1 / (1 + exp(-u_j)) (Dugas et al. 2001).

    u (j), y (j) -> ddh (j)
    """
    one = u.dtype.type(1)
    for j in range(u.size):
        ddh[j] = _sigmoid_of(u[j], one) * _sigmoid_of(-u[j], one)


@jit
def silu_second_derivative(u, y, ddh):
    """h''(u_j) = g_j (1 - g_j) (2 + u_j (1 - 2 g_j)), g_j = 1 / (1 + exp(-u_j)) (Elfwing et al. 2018).

    u (j), y (j) -> ddh (j)
    """
    one, two = u.dtype.type(1), u.dtype.type(2)
    for j in range(u.size):
        g, rest = _sigmoid_of(u[j], one), _sigmoid_of(-u[j], one)
        ddh[j] = g * rest * (two + u[j] * (rest - g))


@jit
def gelu_second_derivative(u, y, ddh):
    """h''(u_j) = g (1 - g) (2 v' + u_j ((1 - 2 g) v'^2 + v'')), y_j = u_j g(v(u_j)) (Hendrycks and Gimpel 2016).

    u (j), y (j) -> ddh (j)
    """
    # g the sigmoid of v = 2 sqrt(2 / pi) (u + 0.044715 u^3), as in `gelu`; beyond `end` g (1 - g) is 0
    one, two, end, real = u.dtype.type(1), u.dtype.type(2), u.dtype.type(GELU_END), u.dtype.type
    scale, cubic = u.dtype.type(2 * GELU_SCALE), u.dtype.type(3 * GELU_CUBIC)
    for j in range(u.size):
        v, a = _gelu_argument(u[j], real), smaller(larger(u[j], -end), end)
        g, rest = _sigmoid_of(v, one), _sigmoid_of(-v, one)
        dv, ddv = scale * (one + cubic * a * a), scale * (two * cubic * a)
        ddh[j] = g * rest * (two * dv + a * ((rest - g) * dv * dv + ddv))


@jit
def mish_second_derivative(u, y, ddh):
    """h''(u_j) = (1 - t^2) g (2 + u_j (1 - g - 2 t g)), t = tanh(ln(1 + exp(u_j))), g the sigmoid (Misra 2020).

    u (j), y (j) -> ddh (j)
    """
    # t and (1 - t^2) g as in `mish_derivative`
    one, two, end = u.dtype.type(1), u.dtype.type(2), u.dtype.type(1000)
    for j in range(u.size):
        e, a = np.exp(-abs(u[j])), smaller(larger(u[j], -end), end)
        n = where(u[j] < 0, e * (e + two), one + two * e)
        whole = n + where(u[j] < 0, two, two * e * e)
        product = (two * where(u[j] < 0, e, e * e) / whole) * (two * (one + e) / whole)
        g = _sigmoid_of(a, one)
        ddh[j] = product * (two + a * (_sigmoid_of(-a, one) - two * (n / whole) * g))


@jit
def second_derivative(code, u, y, ddh):
    """ddh = h''(u), for the hidden activation h with this code (slides 32, 35, 36).

    u (j), y (j) -> ddh (j)
    """
    if code == SIGMOID:
        sigmoid_second_derivative(u, y, ddh)
    elif code == TANH:
        tanh_second_derivative(u, y, ddh)
    elif code == ELU:
        elu_second_derivative(u, y, ddh)
    elif code == SELU:
        selu_second_derivative(u, y, ddh)
    elif code == SOFTPLUS:
        softplus_second_derivative(u, y, ddh)
    elif code == SILU:
        silu_second_derivative(u, y, ddh)
    elif code == GELU:
        gelu_second_derivative(u, y, ddh)
    elif code == MISH:
        mish_second_derivative(u, y, ddh)
    else:
        straight_second_derivative(u, y, ddh)
