"""Derivatives of the activations, as NumPy expressions over a layer or a mini-batch (slides 32-36); then theirs."""

import numpy as np

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
from fastbp.lecture.matrix.activations import (
    GELU_CUBIC,
    GELU_END,
    GELU_SCALE,
    SELU_FLOOR,
    SELU_SCALE,
    SLOPE,
    _gelu_argument,
    sigmoid,
    softplus,
)

__all__ = [
    "activation_derivative", "elu_derivative", "elu_second_derivative", "gelu_derivative", "gelu_second_derivative",
    "identity_derivative", "leaky_relu_derivative", "mish_derivative", "mish_second_derivative", "relu_derivative",
    "second_derivative", "selu_derivative", "selu_second_derivative", "sigmoid_derivative",
    "sigmoid_second_derivative", "silu_derivative", "silu_second_derivative", "softmax_derivative",
    "softplus_derivative", "softplus_second_derivative", "straight_second_derivative", "tanh_derivative",
    "tanh_second_derivative",
]  # fmt: skip


def identity_derivative(u, y, dh):
    """H' = 1 (slide 32).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    dh.fill(1)


def sigmoid_derivative(u, y, dh):
    """H' = Y * (1 - Y) (slide 35, 39).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    np.subtract(1, y, out=dh)
    dh *= y


def tanh_derivative(u, y, dh):
    """H' = 1 - Y^2 = (1 - Y) (1 + Y) (LeCun et al. 1998).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    np.subtract(1, y, out=dh)
    dh *= 1 + y


def relu_derivative(u, y, dh):
    """H' = [U >= 0] (slides 36, 40).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    np.greater_equal(u, 0, out=dh)


def leaky_relu_derivative(u, y, dh):
    """H' = 1 where U >= 0, else 0.01 (Maas et al. 2013).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    dh.fill(SLOPE)
    np.copyto(dh, 1, where=u >= 0)


def elu_derivative(u, y, dh):
    """H' = min(Y, 0) + 1, because Y + 1 = exp(U) below 0 (Clevert et al. 2016).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    np.minimum(y, 0, out=dh)
    dh += 1


def selu_derivative(u, y, dh):
    """H' = lambda where U >= 0, else Y + lambda alpha (Klambauer et al. 2017).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    np.add(y, SELU_FLOOR, out=dh)
    np.copyto(dh, SELU_SCALE, where=u >= 0)


def softplus_derivative(u, y, dh):
    """H' = 1 - exp(-Y) (Dugas et al. 2001).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    np.negative(y, out=dh)
    np.expm1(dh, out=dh)
    np.negative(dh, out=dh)


def silu_derivative(u, y, dh):
    """H' = G + Y * (1 - G), G = 1 / (1 + exp(-U)) (Elfwing et al. 2018).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    sigmoid(-u, dh)  # 1 - G; as a difference it has lost its digits where G is nearly 1
    dh *= y
    g = np.empty_like(dh)
    sigmoid(u, g)
    dh += g


def gelu_derivative(u, y, dh):
    """H' = 1/2 (1 + T) + 1/2 U * (1 - T^2) sqrt(2 / pi) (1 + 0.134145 U^2) (Hendrycks and Gimpel 2016).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    u = np.clip(u, -GELU_END, GELU_END)  # beyond, T is 1 or -1 and the second term is 0
    v, g = np.empty_like(dh), np.empty_like(dh)
    _gelu_argument(u, v)
    sigmoid(v, g)  # G = 1/2 (1 + T), as in `gelu`; 1/2 U (1 - T^2) is 2 Y (1 - G), and 1 - G the sigmoid of -V
    sigmoid(-v, dh)
    dh *= y
    dh *= 2 * GELU_SCALE * (1 + 3 * GELU_CUBIC * (u * u))
    dh += g


def mish_derivative(u, y, dh):
    """H' = T + U * (1 - T^2) * G, T = tanh(ln(1 + exp(U))), G = 1 / (1 + exp(-U)) (Misra 2020).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    g, rest, t = (np.empty_like(dh) for _ in range(3))
    sigmoid(u, g)
    sigmoid(-u, rest)  # R = 1 - G = exp(-ln(1 + exp(U))), and 1 - T^2 = (2 R / (1 + R^2))^2, which no difference is
    softplus(u, t)
    np.tanh(t, out=t)
    np.square(2 * rest / (1 + rest * rest), out=dh)
    dh *= u
    dh *= g
    dh += t


def softmax_derivative(u, y, jacobian):
    """J = diag(y) - y y^T for each sample (slide 33).

    u (s?, k), y (s?, k) -> jacobian (s?, r, k)
    """
    np.multiply(-y[..., :, None], y[..., None, :], out=jacobian)
    np.einsum("...kk->...k", jacobian)[...] += y


def activation_derivative(code, u, y, dh):
    """H' = h'(U), for the hidden activation h with this code (slides 32, 35, 36).

    u (s?, j), y (s?, j) -> dh (s?, j)
    """
    _DERIVATIVES[code](u, y, dh)


# ---- Second derivatives ----------------------------------------------------------------------------------------------


def straight_second_derivative(u, y, ddh):
    """H'' = 0 (slides 32, 36).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    ddh.fill(0)


def sigmoid_second_derivative(u, y, ddh):
    """H'' = Y * (1 - Y) * (1 - 2 Y) (slide 35).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    sigmoid_derivative(u, y, ddh)
    ddh *= 1 - 2 * y


def tanh_second_derivative(u, y, ddh):
    """H'' = -2 Y * (1 - Y^2) (LeCun et al. 1998).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    tanh_derivative(u, y, ddh)
    ddh *= -2 * y


def elu_second_derivative(u, y, ddh):
    """H'' = 0 where U >= 0, else Y + 1 (Clevert et al. 2016).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    np.add(y, 1, out=ddh)
    np.copyto(ddh, 0, where=u >= 0)


def selu_second_derivative(u, y, ddh):
    """H'' = 0 where U >= 0, else Y + lambda alpha (Klambauer et al. 2017).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    np.add(y, SELU_FLOOR, out=ddh)
    np.copyto(ddh, 0, where=u >= 0)


def _slope_of_sigmoid(u):
    """G, 1 - G and their product, G = 1 / (1 + exp(-U))."""
    g, rest = np.empty_like(u), np.empty_like(u)
    sigmoid(u, g)
    sigmoid(-u, rest)
    return g, rest, g * rest


def softplus_second_derivative(u, y, ddh):
    """H'' = G * (1 - G), G = 1 / (1 + exp(-U)) (Dugas et al. 2001).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    np.copyto(ddh, _slope_of_sigmoid(u)[2])


def silu_second_derivative(u, y, ddh):
    """H'' = G * (1 - G) * (2 + U * (1 - 2 G)), G = 1 / (1 + exp(-U)) (Elfwing et al. 2018).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    g, rest, slope = _slope_of_sigmoid(u)
    np.multiply(slope, 2 + u * (rest - g), out=ddh)


def gelu_second_derivative(u, y, ddh):
    """H'' = G * (1 - G) * (2 V' + U * ((1 - 2 G) * V'^2 + V'')), Y = U * G(V(U)) (Hendrycks and Gimpel 2016).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    u, v = np.clip(u, -GELU_END, GELU_END), np.empty_like(u)
    _gelu_argument(u, v)
    g, rest, slope = _slope_of_sigmoid(v)
    dv, ddv = 2 * GELU_SCALE * (1 + 3 * GELU_CUBIC * (u * u)), 12 * GELU_SCALE * GELU_CUBIC * u
    np.multiply(slope, 2 * dv + u * ((rest - g) * (dv * dv) + ddv), out=ddh)


def mish_second_derivative(u, y, ddh):
    """H'' = (1 - T^2) * G * (2 + U * (1 - G - 2 T * G)), T = tanh(ln(1 + exp(U))), G the sigmoid (Misra 2020).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    u = np.clip(u, -1000, 1000)  # beyond, 1 - T^2 or G is 0
    (g, rest, _), t = _slope_of_sigmoid(u), np.empty_like(u)
    softplus(u, t)
    np.tanh(t, out=t)
    np.square(2 * rest / (1 + rest * rest), out=ddh)  # 1 - T^2, as in `mish_derivative`
    ddh *= g
    ddh *= 2 + u * (rest - 2 * t * g)


def second_derivative(code, u, y, ddh):
    """H'' = h''(U), for the hidden activation h with this code (slides 32, 35, 36).

    u (s?, j), y (s?, j) -> ddh (s?, j)
    """
    _SECOND_DERIVATIVES.get(code, straight_second_derivative)(u, y, ddh)


_DERIVATIVES = {
    IDENTITY: identity_derivative,
    SIGMOID: sigmoid_derivative,
    RELU: relu_derivative,
    TANH: tanh_derivative,
    LEAKY_RELU: leaky_relu_derivative,
    ELU: elu_derivative,
    SOFTPLUS: softplus_derivative,
    SILU: silu_derivative,
    GELU: gelu_derivative,
    SELU: selu_derivative,
    MISH: mish_derivative,
}
_SECOND_DERIVATIVES = {
    SIGMOID: sigmoid_second_derivative,
    TANH: tanh_second_derivative,
    ELU: elu_second_derivative,
    SOFTPLUS: softplus_second_derivative,
    SILU: silu_second_derivative,
    GELU: gelu_second_derivative,
    SELU: selu_second_derivative,
    MISH: mish_second_derivative,
}
