"""One layer: its weighted sums, its gradients and the way back through it, as products (slides 7, 8, 21-30, 34, 38)."""

import numpy as np

from fastbp.lecture.layout import as_rows

__all__ = [
    "add_backward_sum", "add_bias_gradient", "add_stored", "add_weight_gradient", "add_weighted_sum", "backward_sum",
    "bias_gradient", "hidden_delta", "weight_gradient", "weighted_sum",
]  # fmt: skip


def weighted_sum(x, w, b, u):
    """U = X W^T + B (slides 7, 8, 26, 38).

    x (s?, i), w (j, i), b (j) -> u (s?, j)
    """
    np.matmul(x, w.T, out=u)
    u += b


def add_weighted_sum(x, w, u):
    """U += X W^T (slides 7, 8, 26).

    x (s?, i), w (j, i) -> u (s?, j)
    """
    u += x @ w.T


def weight_gradient(delta, x, dw):
    """dE/dW = Delta^T X, the sum over the samples (slides 21, 22, 26, 27, 30, 38-40).

    delta (s?, j), x (s?, i) -> dw (j, i)
    """
    delta, x = as_rows(delta, x)
    np.matmul(delta.T, x, out=dw)


def add_weight_gradient(delta, x, dw):
    """dE/dW += Delta^T X (slides 21, 22, 26, 27, 30).

    delta (s?, j), x (s?, i) -> dw (j, i)
    """
    delta, x = as_rows(delta, x)
    dw += delta.T @ x


def bias_gradient(delta, db):
    """dE/dB = sum of the rows of Delta (slides 23, 24, 28-30, 38-40).

    delta (s?, j) -> db (j)
    """
    (delta,) = as_rows(delta)
    delta.sum(axis=0, out=db)


def add_bias_gradient(delta, db):
    """dE/dB += sum of the rows of Delta (slides 23, 24, 28-30).

    delta (s?, j) -> db (j)
    """
    (delta,) = as_rows(delta)
    db += delta.sum(axis=0)


def backward_sum(delta, w, dy):
    """dE/dY = Delta W: STEP 1.5 (slides 25, 39, 40).

    delta (s?, k), w (k, j) -> dy (s?, j)
    """
    np.matmul(delta, w, out=dy)


def add_backward_sum(delta, w, dy):
    """dE/dY += Delta W (slide 25).

    delta (s?, k), w (k, j) -> dy (s?, j)
    """
    dy += delta @ w


def hidden_delta(dy, dh, delta):
    """Delta = dE/dY * H' (slides 34-36, 39, 40).

    dy (s?, j), dh (s?, j) -> delta (s?, j)
    """
    np.multiply(dy, dh, out=delta)


def add_stored(x, rows, w, u):
    """U += X W of the X that are stored, with the rows of W that go with them (slides 7, 8, 21, 26).

    x (n), rows (n), w (N, j) -> u (j)
    """
    u += x @ w[rows]
