"""Other derivatives by the way back, as matrix products over a mini-batch (slides 18-36, Pearlmutter 1994)."""

import numpy as np

from fastbp.lecture.codes import EXPONENTIAL, HUBER, IDENTITY, QUANTILE, SIGMOID
from fastbp.lecture.layout import as_rows
from fastbp.lecture.matrix.derivatives import activation_derivative, second_derivative
from fastbp.lecture.matrix.errors import error_delta
from fastbp.lecture.matrix.layers import (
    add_backward_sum,
    add_weight_gradient,
    add_weighted_sum,
    backward_sum,
    hidden_delta,
    weighted_sum,
)
from fastbp.lecture.matrix.passes import codes_of, forward_of_views, parts_of, unit_matrices

__all__ = [
    "delta_along", "delta_of_outputs", "forward_along", "hessian_product", "input_gradient", "input_jacobian",
    "normal_equations", "parameter_jacobian",
]  # fmt: skip


def delta_of_outputs(code, y, dy, delta):
    """Delta = dY J, J the matrix of dy_r/du_k of the output activation with this code (slides 18-20, 31-33).

    y (s?, k), dy (s?, k) -> delta (s?, k)
    """
    if code == IDENTITY:
        np.copyto(delta, dy)
    elif code == SIGMOID:
        np.multiply(dy, y * (1 - y), out=delta)
    elif code == EXPONENTIAL:
        np.multiply(dy, y, out=delta)
    else:
        np.multiply(y, dy - (dy * y).sum(axis=-1, keepdims=True), out=delta)


def _hidden_deltas(theta, codes, values):
    """STEP 1.5 and STEP 2 for each hidden layer downwards, from the Delta of the output layer."""
    (W, _), (U, Y, dY, dH, Delta) = theta, values
    for layer in range(len(W) - 2, -1, -1):
        backward_sum(Delta[layer + 1], W[layer + 1], dY[layer])
        activation_derivative(codes[0][layer], U[layer], Y[layer], dH[layer])
        hidden_delta(dY[layer], dH[layer], Delta[layer])


def _deltas_of_outputs(theta, layers, X, scratch):
    """For each output r: r, and u, y, ..., delta of all units, delta that of y_r."""
    values, codes = unit_matrices(scratch[:5], layers, len(X)), codes_of(layers)
    _, Y, dY, _, Delta = values
    forward_of_views(theta, codes, X, values)
    for r in range(Y[-1].shape[1]):
        dY[-1].fill(0)
        dY[-1][:, r] = 1
        delta_of_outputs(codes[0][-1], Y[-1], dY[-1], Delta[-1])
        _hidden_deltas(theta, codes, values)
        yield r, Y, Delta


def input_jacobian(theta, layers, X, scratch, jacobian):
    """dY_r/dX = Delta W, Delta that of Y_r: STEP 1.5 once more, down to the inputs (slides 20, 25).

    theta (p), X (s, i) -> scratch (5, s units or more), jacobian (s, k, i)
    """
    theta = parts_of(theta, layers)
    for r, _, Delta in _deltas_of_outputs(theta, layers, X, scratch):
        backward_sum(Delta[0], theta[0][0], jacobian[:, r])


def parameter_jacobian(theta, layers, X, scratch, jacobian):
    """dY_r/dW = Delta x^T, dY_r/dB = Delta of each sample, Delta that of Y_r: STEP 1 and STEP 2 (slides 21-29).

    theta (p), X (s, i) -> scratch (5, s units or more), jacobian (s, k, p)
    """
    for r, Y, Delta in _deltas_of_outputs(parts_of(theta, layers), layers, X, scratch):
        parts = []
        for delta, sending in zip(Delta, [X, *Y[:-1]], strict=True):
            parts += [(delta[:, :, None] * sending[:, None, :]).reshape(len(X), -1), delta]
        np.concatenate(parts, axis=1, out=jacobian[:, r])


def normal_equations(theta, layers, samples, rows, scratch, jacobian, A, g):
    """A = J^T J, g = J^T (Y - D), J the rows of all outputs of all samples (Hagan and Menhaj 1994).

    Both are means over the samples `rows`, and so is what is returned, E = 1/2 |Y - D|^2. Of A, which is symmetric,
    only the lower half is written.

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s)
    -> scratch (5, s units or more), jacobian (s k or more, p), A (p, p), g (p)
    """
    X, D, weight = samples
    rows = rows[weight[rows] > 0]
    lower = np.tril_indices(len(g))
    if len(rows) == 0:
        A[lower] = 0
        g.fill(0)
        return 0.0
    share = weight[rows] / weight[rows].sum(dtype=np.float64)
    outputs = D.shape[1]
    J = jacobian[: len(rows) * outputs].reshape(len(rows), outputs, len(g))
    parameter_jacobian(theta, layers, X[rows], scratch, J)
    apart = unit_matrices(scratch[:5], layers, len(rows))[1][-1] - D[rows]
    scaled = (share[:, None, None] * J).astype(g.dtype).reshape(-1, len(g))
    A[lower] = (scaled.T @ J.reshape(-1, len(g)))[lower]
    np.matmul(apart.reshape(-1), scaled, out=g)
    return float((0.5 * share[:, None] * np.square(apart, dtype=np.float64)).sum())


def input_gradient(theta, layers, X, D, scratch, dX):
    """dE/dX = Delta W, Delta that of E: STEP 1.5 once more, down to the inputs (slides 20, 25).

    theta (p), X (s, i), D (s, k) -> scratch (5, s units or more), dX (s, i)
    """
    values, codes, theta = unit_matrices(scratch[:5], layers, len(X)), codes_of(layers), parts_of(theta, layers)
    forward_of_views(theta, codes, X, values)
    error_delta(*codes[1:], values[1][-1], D, values[4][-1])
    _hidden_deltas(theta, codes, values)
    backward_sum(values[4][0], theta[0][0], dX)


# ---- Along a direction -----------------------------------------------------------------------------------------------


def forward_along(theta, layers, v, x, y, dh, ru, ry):
    """R U = Y V^T + V_B + R Y W^T, R Y = H' * R U (Pearlmutter 1994, section 4).

    theta (p), v (p), x (s?, i), y (s units), dh (s units) -> ru (s units), ry (s units)
    """
    (x,) = as_rows(x)
    parts = parts_of(theta, layers), parts_of(v, layers)
    _forward_along(*parts, codes_of(layers), x, *unit_matrices((y, dh, ru, ry), layers, len(x)))


def _forward_along(theta, v, codes, x, Y, dH, RU, RY):
    for layer, (w, vw, vb) in enumerate(zip(theta[0], *v, strict=True)):
        weighted_sum(Y[layer - 1] if layer else x, vw, vb, RU[layer])
        if layer:
            add_weighted_sum(RY[layer - 1], w, RU[layer])
        if layer < len(RU) - 1:
            hidden_delta(RU[layer], dH[layer], RY[layer])
    delta_of_outputs(codes[0][-1], Y[-1], RU[-1], RY[-1])


def delta_along(code, level, y, d, ry, rdelta):
    """R Delta = R Y, for the error with this code; 0 where the error is straight (Pearlmutter 1994, section 4).

    y (s?, k), d (s?, k), ry (s?, k) -> rdelta (s?, k)
    """
    np.copyto(rdelta, ry)
    if code == QUANTILE:
        rdelta.fill(0)
    elif code == HUBER:
        np.copyto(rdelta, 0, where=np.abs(y - d) > y.dtype.type(level))


def hessian_product(theta, layers, samples, rows, v, scratch, product):
    """H v = R dE/dtheta, the mean over a mini-batch: R dW = R Delta^T Y + Delta^T R Y (Pearlmutter 1994).

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s), v (p) -> scratch (10, s units or more), product (p)
    """
    X, D, weight = samples
    rows = rows[weight[rows] > 0]  # a sample that counts nothing may have an infinite delta
    product.fill(0)
    if len(rows) == 0:
        return
    theta, v, out, codes = parts_of(theta, layers), parts_of(v, layers), parts_of(product, layers), codes_of(layers)
    share = (weight[rows] / weight[rows].sum(dtype=np.float64)).astype(product.dtype)[:, None]
    x, d = X[rows], D[rows]
    values, along = (unit_matrices(part, layers, len(rows)) for part in (scratch[:5], scratch[5:10]))
    (U, Y, dY, dH, Delta), (RU, RY, RdY, RDelta, ddH) = values, along
    forward_of_views(theta, codes, x, values)
    error_delta(*codes[1:], Y[-1], d, Delta[-1])
    Delta[-1] *= share
    _hidden_deltas(theta, codes, values)
    _forward_along(theta, v, codes, x, Y, dH, RU, RY)
    delta_along(*codes[1:], Y[-1], d, RY[-1], RDelta[-1])
    RDelta[-1] *= share
    for layer in range(len(U) - 1, -1, -1):
        if layer < len(U) - 1:
            backward_sum(RDelta[layer + 1], theta[0][layer + 1], RdY[layer])
            add_backward_sum(Delta[layer + 1], v[0][layer + 1], RdY[layer])
            second_derivative(codes[0][layer], U[layer], Y[layer], ddH[layer])
            hidden_delta(RdY[layer], dH[layer], RDelta[layer])
            RDelta[layer] += dY[layer] * ddH[layer] * RU[layer]
        add_weight_gradient(RDelta[layer], Y[layer - 1] if layer else x, out[0][layer])
        out[1][layer] += RDelta[layer].sum(axis=0)
        if layer:
            add_weight_gradient(Delta[layer], RY[layer - 1], out[0][layer])
