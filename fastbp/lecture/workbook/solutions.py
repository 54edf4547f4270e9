"""Solutions of the exercises that are no single loop of the lecture: each as a student would write it."""

# ruff: noqa: E741 - l is the lecture's letter for the number of inputs

import numpy as np

from fastbp.lecture.loops import (
    backward_sum,
    bias_gradient,
    cross_entropy,
    hidden_delta,
    output_delta,
    relu,
    relu_derivative,
    softmax,
    weight_gradient,
    weighted_sum,
)


def parameter_shapes(l, m, n):
    """W1 is (m, l), B1 (m,), W2 (n, m), B2 (n,) (slides 4, 11)."""
    return (m, l), (m,), (n, m), (n,)


def forward(x, w1, b1, w2, b2, u1, y1, u2, y2):
    """u1 = W1 x + B1, y1 = relu(u1); u2 = W2 y1 + B2, y2 = softmax(u2) (slides 7, 8)."""
    weighted_sum(x, w1, b1, u1)
    relu(u1, y1)
    weighted_sum(y1, w2, b2, u2)
    softmax(u2, y2)


def differences(f, x, dx, df):
    """df/dx_p is nearly (f(x + dx e_p) - f(x - dx e_p)) / (2 dx) (slides 13-17)."""
    for p in range(x.size):
        old = x[p]
        x[p] = old + dx
        above = f(x)
        x[p] = old - dx
        below = f(x)
        x[p] = old
        df[p] = (above - below) / (2 * dx)


def total_differential(dE_dy, dy):
    """dE = sum_r dE/dy_r dy_r (slide 18)."""
    total = 0.0
    for r in range(dy.size):
        total += dE_dy[r] * dy[r]
    return total


def chain_rule(dE_dy, dy_dx):
    """dE/dx = sum_r dE/dy_r dy_r/dx (slides 19, 20)."""
    total = 0.0
    for r in range(dE_dy.size):
        total += dE_dy[r] * dy_dx[r]
    return total


def backward(x, d, w2, u1, y1, y2, dw1, db1, dw2, db2):
    """dE/dW2 = (y2 - d) y1^T, dE/dW1 = (W2^T (y2 - d) * [u1 >= 0]) x^T, dE/dB without y1, x (slides 37-40)."""
    delta2, delta1 = np.empty(y2.size), np.empty(y1.size)
    dy, dh = np.empty(y1.size), np.empty(y1.size)
    output_delta(y2, d, delta2)  # STEP 1
    weight_gradient(delta2, y1, dw2)
    bias_gradient(delta2, db2)
    backward_sum(delta2, w2, dy)  # STEP 1.5
    relu_derivative(u1, y1, dh)  # STEP 2
    hidden_delta(dy, dh, delta1)
    weight_gradient(delta1, x, dw1)
    bias_gradient(delta1, db1)


def gradient(X, D, w1, b1, w2, b2, dw1, db1, dw2, db2):
    """dE/dw = 1/S sum_s dE_s/dw, and the same for b; returns the mean of E_s (slides 30, 37-40)."""
    u1, y1, u2, y2 = np.empty(b1.size), np.empty(b1.size), np.empty(b2.size), np.empty(b2.size)
    of_w1, of_b1, of_w2, of_b2 = np.empty(w1.shape), np.empty(b1.size), np.empty(w2.shape), np.empty(b2.size)
    samples, total = X.shape[0], 0.0
    dw1[:] = 0
    db1[:] = 0
    dw2[:] = 0
    db2[:] = 0
    for s in range(samples):
        forward(X[s], w1, b1, w2, b2, u1, y1, u2, y2)
        total += cross_entropy(u2, y2, D[s])
        backward(X[s], D[s], w2, u1, y1, y2, of_w1, of_b1, of_w2, of_b2)
        dw1 += of_w1
        db1 += of_b1
        dw2 += of_w2
        db2 += of_b2
    dw1 /= samples
    db1 /= samples
    dw2 /= samples
    db2 /= samples
    return total / samples


def epoch(X, D, order, batch_size, eta, w1, b1, w2, b2):
    """w <- w - eta dE/dw, b <- b - eta dE/db for each mini-batch of `order` (slides 12, 37-40)."""
    dw1, db1, dw2, db2 = np.empty(w1.shape), np.empty(b1.size), np.empty(w2.shape), np.empty(b2.size)
    for start in range(0, order.size, batch_size):
        rows = order[start : start + batch_size]
        gradient(X[rows], D[rows], w1, b1, w2, b2, dw1, db1, dw2, db2)
        w1 -= eta * dw1
        b1 -= eta * db1
        w2 -= eta * dw2
        b2 -= eta * db2
