"""Activations and their derivatives, as NumPy expressions over a layer or a mini-batch of it (slides 5, 6, 32-36)."""

import numpy as np

from fastbp.lecture.codes import (
    ELU,
    EXPONENTIAL,
    GELU,
    IDENTITY,
    LEAKY_RELU,
    RELU,
    SIGMOID,
    SILU,
    SOFTMAX,
    SOFTPLUS,
    TANH,
)

__all__ = [
    "activate", "activation_derivative", "elu", "elu_derivative", "exponential", "gelu", "gelu_derivative",
    "identity", "identity_derivative", "leaky_relu", "leaky_relu_derivative", "relu", "relu_derivative", "sigmoid",
    "sigmoid_derivative", "silu", "silu_derivative", "softmax", "softmax_derivative", "softplus",
    "softplus_derivative", "tanh", "tanh_derivative",
]  # fmt: skip

SLOPE = 0.01  # of the leaky ReLU below 0
GELU_SCALE = float(np.sqrt(2 / np.pi))
GELU_CUBIC = 0.044715
GELU_END = 22.0  # from here on the sigmoid is 1 or 0 in every dtype, and the cube of u could overflow

# ---- Activations -----------------------------------------------------------------------------------------------------


def identity(u, y):
    """Y = U (slides 5, 32).

    u (s?, j) -> y (s?, j)
    """
    np.copyto(y, u)


def sigmoid(u, y):
    """Y = 1 / (1 + exp(-U)) (slides 5, 35).

    u (s?, j) -> y (s?, j)
    """
    np.negative(u, out=y)
    with np.errstate(over="ignore"):  # 1 / (1 + infinity) is 0, which is right
        np.exp(y, out=y)
    y += 1
    np.reciprocal(y, out=y)


def tanh(u, y):
    """Y = tanh(U) (LeCun et al. 1998).

    u (s?, j) -> y (s?, j)
    """
    np.tanh(u, out=y)


def relu(u, y):
    """Y = max(U, 0) (slides 5, 36).

    u (s?, j) -> y (s?, j)
    """
    np.maximum(u, 0, out=y)


def leaky_relu(u, y):
    """Y = max(U, 0.01 U) (Maas et al. 2013).

    u (s?, j) -> y (s?, j)
    """
    np.multiply(u, SLOPE, out=y)
    np.maximum(u, y, out=y)


def elu(u, y):
    """Y = max(U, 0) + exp(min(U, 0)) - 1 (Clevert et al. 2016).

    u (s?, j) -> y (s?, j)
    """
    np.minimum(u, 0, out=y)
    np.expm1(y, out=y)
    y += np.maximum(u, 0)


def softplus(u, y):
    """Y = ln(1 + exp(U)) = max(U, 0) + ln(1 + exp(-|U|)) (Dugas et al. 2001).

    u (s?, j) -> y (s?, j)
    """
    np.abs(u, out=y)
    np.negative(y, out=y)
    np.exp(y, out=y)
    np.log1p(y, out=y)
    y += np.maximum(u, 0)


def silu(u, y):
    """Y = U / (1 + exp(-U)) (Elfwing et al. 2018).

    u (s?, j) -> y (s?, j)
    """
    sigmoid(u, y)
    y *= u


def gelu(u, y):
    """Y = 1/2 U (1 + tanh(sqrt(2 / pi) (U + 0.044715 U^3))) (Hendrycks and Gimpel 2016).

    u (s?, j) -> y (s?, j)
    """
    _gelu_argument(np.clip(u, -GELU_END, GELU_END), y)
    sigmoid(y, y)  # of 2 A, which is 1/2 (1 + tanh A), and keeps its digits where it is nearly 0
    y *= u


def _gelu_argument(u, v):
    np.multiply(u, u, out=v)
    v *= GELU_CUBIC
    v += 1
    v *= u
    v *= 2 * GELU_SCALE


def exponential(u, y):
    """Y = exp(U) (Nelder and Wedderburn 1972).

    u (s?, j) -> y (s?, j)
    """
    with np.errstate(over="ignore"):  # infinity is right
        np.exp(u, out=y)


def softmax(u, y):
    """Y = exp(U) / sum exp(U) (slides 6, 33).

    u (s?, k) -> y (s?, k)
    """
    with np.errstate(over="ignore"):  # u - max u can be twice the largest float; the exponential of -inf is right too
        np.subtract(u, u.max(axis=-1, keepdims=True), out=y)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)


def activate(code, u, y):
    """Y = h(U), for the activation h with this code (slides 5, 6).

    u (s?, j) -> y (s?, j)
    """
    _ACTIVATIONS[code](u, y)


_ACTIVATIONS = {
    IDENTITY: identity,
    SIGMOID: sigmoid,
    RELU: relu,
    SOFTMAX: softmax,
    TANH: tanh,
    LEAKY_RELU: leaky_relu,
    ELU: elu,
    SOFTPLUS: softplus,
    SILU: silu,
    GELU: gelu,
    EXPONENTIAL: exponential,
}

# ---- Their derivatives -----------------------------------------------------------------------------------------------


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
}
