"""Activations, as index loops over the units of one layer (slides 5, 6, 32-36).

No function overflows for a finite u but the exponential and SELU, where infinity is right; NaN stays NaN: what diverges
must be seen. That is why the functions ask whether u < 0, where the slides ask whether u >= 0: NaN is neither, and has
to pass. `where` chooses without a jump.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import larger, smaller, where
from fastbp.lecture.codes import (
    ELU,
    EXPONENTIAL,
    GELU,
    IDENTITY,
    LEAKY_RELU,
    MISH,
    RELU,
    SELU,
    SIGMOID,
    SILU,
    SOFTMAX,
    SOFTPLUS,
    TANH,
)

__all__ = [
    "activate", "elu", "exponential", "gelu", "identity", "leaky_relu", "mish", "relu", "selu", "sigmoid", "silu",
    "softmax", "softplus", "tanh",
]  # fmt: skip

SLOPE = 0.01  # of the leaky ReLU below 0
SELU_SCALE = 1.0507009873554804934  # lambda
SELU_FLOOR = 1.7580993408473768599  # lambda alpha, alpha = 1.6732632423543772848
GELU_SCALE = (2 / np.pi) ** 0.5
GELU_CUBIC = 0.044715
GELU_END = 22.0  # from here on the sigmoid is 1 or 0 in every dtype, and the cube of u could overflow


@jit
def identity(u, y):
    """y_j = u_j (slides 5, 32).

    u (j) -> y (j)
    """
    for j in range(u.size):
        y[j] = u[j]


@jit
def sigmoid(u, y):
    """y_j = 1 / (1 + exp(-u_j)) (slides 5, 35).

    u (j) -> y (j)
    """
    for j in range(u.size):
        y[j] = _sigmoid_of(u[j], u.dtype.type(1))


@jit
def _sigmoid_of(a, one):
    """1 / (1 + exp(-a)) of one number."""
    e = np.exp(-abs(a))  # at most 1, so it cannot overflow; for a < 0 the fraction is expanded by exp(a)
    return where(a >= 0, one, e) / (one + e)


@jit
def tanh(u, y):
    """y_j = tanh(u_j) (LeCun et al. 1998).

    u (j) -> y (j)
    """
    for j in range(u.size):
        y[j] = np.tanh(u[j])


@jit
def relu(u, y):
    """y_j = u_j if u_j >= 0 else 0 (slides 5, 36).

    u (j) -> y (j)
    """
    zero = u.dtype.type(0)
    for j in range(u.size):
        y[j] = where(u[j] < 0, zero, u[j])  # NaN stays NaN


@jit
def leaky_relu(u, y):
    """y_j = u_j if u_j >= 0 else 0.01 u_j (Maas et al. 2013).

    u (j) -> y (j)
    """
    slope = u.dtype.type(SLOPE)
    for j in range(u.size):
        y[j] = where(u[j] < 0, slope * u[j], u[j])


@jit
def elu(u, y):
    """y_j = u_j if u_j >= 0 else exp(u_j) - 1 (Clevert et al. 2016).

    u (j) -> y (j)
    """
    zero = u.dtype.type(0)
    for j in range(u.size):
        y[j] = where(u[j] < 0, np.expm1(smaller(u[j], zero)), u[j])


@jit
def selu(u, y):
    """y_j = lambda u_j if u_j >= 0 else lambda alpha (exp(u_j) - 1) (Klambauer et al. 2017).

    lambda and alpha are such that means of 0 and variances of 1 stay so from layer to layer.

    u (j) -> y (j)
    """
    zero, scale, floor = u.dtype.type(0), u.dtype.type(SELU_SCALE), u.dtype.type(SELU_FLOOR)
    for j in range(u.size):
        y[j] = where(u[j] < 0, floor * np.expm1(smaller(u[j], zero)), scale * u[j])


@jit
def softplus(u, y):
    """y_j = ln(1 + exp(u_j)) (Dugas et al. 2001).

    u (j) -> y (j)
    """
    # ln(1 + exp u) = max(u, 0) + ln(1 + exp -|u|), and that exponential is at most 1
    zero = u.dtype.type(0)
    for j in range(u.size):
        y[j] = larger(u[j], zero) + np.log1p(np.exp(-abs(u[j])))


@jit
def silu(u, y):
    """y_j = u_j / (1 + exp(-u_j)) (Elfwing et al. 2018).

    u (j) -> y (j)
    """
    for j in range(u.size):
        y[j] = u[j] * _sigmoid_of(u[j], u.dtype.type(1))


@jit
def gelu(u, y):
    """y_j = 1/2 u_j (1 + tanh(sqrt(2 / pi) (u_j + 0.044715 u_j^3))) (Hendrycks and Gimpel 2016).

    u (j) -> y (j)
    """
    # 1/2 (1 + tanh a) is the sigmoid of 2 a, which keeps its digits where it is nearly 0
    one, real = u.dtype.type(1), u.dtype.type
    for j in range(u.size):
        y[j] = u[j] * _sigmoid_of(_gelu_argument(u[j], real), one)


@jit
def _gelu_argument(a, real):
    """2 sqrt(2 / pi) (a + 0.044715 a^3) of one number."""
    one, scale, cubic, end = real(1), real(2 * GELU_SCALE), real(GELU_CUBIC), real(GELU_END)
    b = smaller(larger(a, -end), end)
    return scale * b * (one + cubic * b * b)


@jit
def mish(u, y):
    """y_j = u_j tanh(ln(1 + exp(u_j))) (Misra 2020).

    u (j) -> y (j)
    """
    # that tanh is n / (n + 2) with n = e (e + 2), e = exp(u_j); for u_j >= 0 the fraction is reduced by e^2
    one, two = u.dtype.type(1), u.dtype.type(2)
    for j in range(u.size):
        e = np.exp(-abs(u[j]))
        n = where(u[j] < 0, e * (e + two), one + two * e)
        y[j] = u[j] * (n / (n + where(u[j] < 0, two, two * e * e)))


@jit
def exponential(u, y):
    """y_j = exp(u_j) (Nelder and Wedderburn 1972).

    u (j) -> y (j)
    """
    for j in range(u.size):
        y[j] = np.exp(u[j])


@jit
def softmax(u, y):
    """y_k = exp(u_k) / sum_r exp(u_r) (slides 6, 33).

    u (k) -> y (k)
    """
    # the fraction is reduced by exp(max u), so no exponential exceeds 1
    zero = total = u.dtype.type(0)
    top = _largest(u)
    least = top - u.dtype.type(1000)  # exp(-1000) is 0 in every dtype, and u_k - top can be twice the largest float
    for k in range(u.size):
        y[k] = where(u[k] < least, zero, np.exp(larger(u[k], least) - top))
        total += y[k]
    for k in range(u.size):
        y[k] /= total


@jit
def _largest(u):
    """max_r u_r."""
    top = u[0]
    for r in range(u.size):
        top = larger(top, u[r])
    return top


@jit
def activate(code, u, y):
    """y = h(u), for the activation h with this code (slides 5, 6).

    u (j) -> y (j)
    """
    if code == IDENTITY:
        identity(u, y)
    elif code == SIGMOID:
        sigmoid(u, y)
    elif code == RELU:
        relu(u, y)
    elif code == SOFTMAX:
        softmax(u, y)
    elif code == TANH:
        tanh(u, y)
    elif code == LEAKY_RELU:
        leaky_relu(u, y)
    elif code == ELU:
        elu(u, y)
    elif code == SOFTPLUS:
        softplus(u, y)
    elif code == SILU:
        silu(u, y)
    elif code == GELU:
        gelu(u, y)
    elif code == EXPONENTIAL:
        exponential(u, y)
    elif code == SELU:
        selu(u, y)
    elif code == MISH:
        mish(u, y)
