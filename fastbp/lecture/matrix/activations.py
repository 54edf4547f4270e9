"""Activations, as NumPy expressions over a layer or a mini-batch of it (slides 5, 6, 32-36)."""

import numpy as np

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
GELU_SCALE = float(np.sqrt(2 / np.pi))
GELU_CUBIC = 0.044715
GELU_END = 22.0  # from here on the sigmoid is 1 or 0 in every dtype, and the cube of u could overflow


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


def selu(u, y):
    """Y = lambda (max(U, 0) + alpha (exp(min(U, 0)) - 1)) (Klambauer et al. 2017).

    u (s?, j) -> y (s?, j)
    """
    np.minimum(u, 0, out=y)
    np.expm1(y, out=y)
    y *= SELU_FLOOR
    with np.errstate(over="ignore"):  # infinity is right
        y += SELU_SCALE * np.maximum(u, 0)


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


def mish(u, y):
    """Y = U * tanh(ln(1 + exp(U))) (Misra 2020).

    u (s?, j) -> y (s?, j)
    """
    softplus(u, y)
    np.tanh(y, out=y)
    y *= u


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
    SELU: selu,
    MISH: mish,
}
