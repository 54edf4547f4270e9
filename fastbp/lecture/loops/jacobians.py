"""Other derivatives by the lecture's way back, as index loops over samples.

Nothing in STEP 1, 1.5 and 2 asks what is derived: they carry the delta of whatever the output layer begins with. With
that of an output in place of the error, they give the derivatives of the outputs; led to the inputs, those by x; and
derived once more, along a direction, the product of the second derivatives with it (Pearlmutter 1994).
"""

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import double, where
from fastbp.compiler.views import borrowed, vector_at
from fastbp.lecture.codes import EXPONENTIAL, HUBER, IDENTITY, QUANTILE, SIGMOID
from fastbp.lecture.loops.derivatives import activation_derivative, second_derivative
from fastbp.lecture.loops.errors import error_delta
from fastbp.lecture.loops.layers import (
    add_backward_sum,
    add_bias_gradient,
    add_weight_gradient,
    add_weighted_sum,
    backward_sum,
    bias_gradient,
    hidden_delta,
    weight_gradient,
    weighted_sum,
)
from fastbp.lecture.loops.parts import biases_of, units_of, weights_of
from fastbp.lecture.loops.passes import forward, weight_sum

__all__ = [
    "delta_along", "delta_of_outputs", "forward_along", "hessian_product", "input_gradient", "input_jacobian",
    "normal_equations", "parameter_jacobian",
]  # fmt: skip


@jit
def delta_of_outputs(code, y, dy, delta):
    """delta_k = sum_r dy_r dy_r/du_k, of the output activation with this code (slides 18-20, 31-33).

    y (k), dy (k) -> delta (k)
    """
    one, total = y.dtype.type(1), y.dtype.type(0)
    if code == IDENTITY:
        for k in range(y.size):
            delta[k] = dy[k]
    elif code == SIGMOID:
        for k in range(y.size):
            delta[k] = dy[k] * (y[k] * (one - y[k]))
    elif code == EXPONENTIAL:
        for k in range(y.size):
            delta[k] = dy[k] * y[k]
    else:  # softmax: dy_r/du_k is y_k - y_k y_k for r = k, else -y_r y_k
        for r in range(y.size):
            total += dy[r] * y[r]
        for k in range(y.size):
            delta[k] = y[k] * (dy[k] - total)


@jit
def _hidden_deltas(theta, layers, values):
    """STEP 1.5 and STEP 2 for each hidden layer downwards, from the delta of the output layer."""
    u, y, dy, dh, delta = values
    for layer in range(layers.size - 2, -1, -1):
        dy_layer, dh_layer = units_of(dy, layers, layer), units_of(dh, layers, layer)
        backward_sum(units_of(delta, layers, layer + 1), weights_of(theta, layers, layer + 1), dy_layer)
        u_layer, y_layer = units_of(u, layers, layer), units_of(y, layers, layer)
        activation_derivative(layers[layer]["activation"], u_layer, y_layer, dh_layer)
        hidden_delta(dy_layer, dh_layer, units_of(delta, layers, layer))


@jit
def _begin_with_output(r, layers, values):
    """The delta of y_r: dy is 1 for that output and 0 for all others."""
    _, y, dy, _, delta = values
    last = layers.size - 1
    dy_layer = units_of(dy, layers, last)
    for k in range(dy_layer.size):
        dy_layer[k] = 1 if k == r else 0
    y_layer, delta_layer = units_of(y, layers, last), units_of(delta, layers, last)
    delta_of_outputs(layers[last]["activation"], y_layer, dy_layer, delta_layer)


@jit
def jacobian_of_inputs(theta, layers, x, values, rows, at):
    """dy_r/dx_i of one sample, row after row: they begin at rows[at]."""
    forward(theta, layers, x, values[0], values[1])
    for r in range(layers[layers.size - 1]["receiving"]):
        _begin_with_output(r, layers, values)
        _hidden_deltas(theta, layers, values)
        dx = vector_at(rows, at + r * x.size, x.size)
        backward_sum(units_of(values[4], layers, 0), weights_of(theta, layers, 0), dx)


@jit
def input_jacobian(theta, layers, X, scratch, jacobian):
    """dy_r/dx_i = sum_j delta_j w_ji, delta that of y_r: STEP 1.5 once more, down to the inputs (slides 20, 25).

    theta (p), X (s, i) -> scratch (5, units or more), jacobian (s, k, i)
    """
    theta, layers, X, scratch, jacobian = borrowed((theta, layers, X, scratch, jacobian))
    values = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    for s in range(X.shape[0]):
        jacobian_of_inputs(theta, layers, X[s], values, jacobian, s * jacobian.shape[1] * X.shape[1])


@jit
def jacobian_of_sample(theta, layers, x, values, rows, at, row):
    """dy_r/dtheta of the outputs of one sample, row after row: they begin at rows[at + r * row]."""
    forward(theta, layers, x, values[0], values[1])
    for r in range(layers[layers.size - 1]["receiving"]):
        _begin_with_output(r, layers, values)
        _hidden_deltas(theta, layers, values)
        dy = vector_at(rows, at + r * row, theta.size)
        for layer in range(layers.size):
            delta = units_of(values[4], layers, layer)
            sending = units_of(values[1], layers, layer - 1) if layer > 0 else vector_at(x, 0, x.size)
            weight_gradient(delta, sending, weights_of(dy, layers, layer))
            bias_gradient(delta, biases_of(dy, layers, layer))


@jit
def parameter_jacobian(theta, layers, X, scratch, jacobian):
    """dy_r/dw_ji = delta_j x_i, dy_r/db_j = delta_j, delta that of y_r: STEP 1 and STEP 2 (slides 21-29).

    theta (p), X (s, i) -> scratch (5, units or more), jacobian (s, k, p)
    """
    theta, layers, X, scratch, jacobian = borrowed((theta, layers, X, scratch, jacobian))
    values = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    numbers = jacobian.shape[1] * theta.size
    for s in range(X.shape[0]):
        jacobian_of_sample(theta, layers, X[s], values, jacobian, s * numbers, theta.size)


@jit
def normal_equations(theta, layers, samples, rows, scratch, jacobian, A, g):
    """A_pq = sum_r dy_r/dtheta_p dy_r/dtheta_q, g_p = sum_r dy_r/dtheta_p (y_r - d_r) (Hagan and Menhaj 1994).

    Both are means over the samples `rows`, and so is what is returned, E = 1/2 sum_r (y_r - d_r)^2. Of A, which is
    symmetric, only q <= p is written. All are 0 if nothing counts.

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s)
    -> scratch (5, units or more), jacobian (k, p), A (p, p), g (p)
    """
    theta, layers, (X, D, weight), rows = borrowed((theta, layers, samples, rows))
    scratch, jacobian, A, g = borrowed((scratch, jacobian, A, g))
    values = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    y, whole, total = units_of(values[1], layers, layers.size - 1), weight_sum(weight, rows), 0.0
    for p in range(theta.size):
        g[p] = 0
        for q in range(p + 1):
            A[p, q] = 0
    for s in range(rows.size):
        if weight[rows[s]] > 0:
            share, d = theta.dtype.type(double(weight[rows[s]]) / whole), D[rows[s]]
            jacobian_of_sample(theta, layers, X[rows[s]], values, jacobian, 0, theta.size)
            for r in range(y.size):
                apart = y[r] - d[r]
                total += 0.5 * double(share) * double(apart) * double(apart)
                for p in range(theta.size):
                    scaled = share * jacobian[r, p]
                    g[p] += scaled * apart
                    for q in range(p + 1):
                        A[p, q] += scaled * jacobian[r, q]
    return total


@jit
def input_gradient(theta, layers, X, D, scratch, dX):
    """dE/dx_i = sum_j delta_j w_ji, delta that of E: STEP 1.5 once more, down to the inputs (slides 20, 25).

    theta (p), X (s, i), D (s, k) -> scratch (5, units or more), dX (s, i)
    """
    theta, layers, X, D, scratch, dX = borrowed((theta, layers, X, D, scratch, dX))
    values, last = (scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]), layers.size - 1
    error, level = layers[last]["error"], layers[last]["level"]
    for s in range(X.shape[0]):
        forward(theta, layers, X[s], values[0], values[1])
        error_delta(error, level, units_of(values[1], layers, last), D[s], units_of(values[4], layers, last))
        _hidden_deltas(theta, layers, values)
        backward_sum(units_of(values[4], layers, 0), weights_of(theta, layers, 0), dX[s])


# ---- Along a direction -----------------------------------------------------------------------------------------------
# R f is the derivative of f along a direction v of the parameters: how f changes when theta moves on by v.


@jit
def forward_along(theta, layers, v, x, y, dh, ru, ry):
    """R u_j = sum_i v_ji y_i + v_j + sum_i w_ji R y_i, R y_j = h'(u_j) R u_j (Pearlmutter 1994, section 4).

    theta (p), v (p), x (i), y (units), dh (units) -> ru (units), ry (units)
    """
    for layer in range(layers.size):
        sending = units_of(y, layers, layer - 1) if layer > 0 else vector_at(x, 0, x.size)
        ru_layer, ry_layer = units_of(ru, layers, layer), units_of(ry, layers, layer)
        weighted_sum(sending, weights_of(v, layers, layer), biases_of(v, layers, layer), ru_layer)
        if layer > 0:
            add_weighted_sum(units_of(ry, layers, layer - 1), weights_of(theta, layers, layer), ru_layer)
        if layer < layers.size - 1:
            hidden_delta(ru_layer, units_of(dh, layers, layer), ry_layer)
        else:  # the matrix of dy_r/du_k is symmetric
            delta_of_outputs(layers[layer]["activation"], units_of(y, layers, layer), ru_layer, ry_layer)


@jit
def delta_along(code, level, y, d, ry, rdelta):
    """R delta_k = R y_k, for the error with this code; 0 where the error is straight (Pearlmutter 1994, section 4).

    y (k), d (k), ry (k) -> rdelta (k)
    """
    zero, end = y.dtype.type(0), y.dtype.type(level)
    for k in range(y.size):
        straight = code == QUANTILE or (code == HUBER and abs(y[k] - d[k]) > end)
        rdelta[k] = where(straight, zero, ry[k])


@jit
def _add_backward_along(theta, layers, v, x, values, along, product):
    """R delta_j = h'(u_j) R dy_j + h''(u_j) R u_j dy_j with R dy_j = sum_k R delta_k w_kj + delta_k v_kj, and with
    those R dw_ji = R delta_j y_i + delta_j R y_i, from the output layer downwards."""
    (u, y, dy, dh, delta), (ru, ry, rdy, rdelta, ddh) = values, along
    last = layers.size - 1
    for layer in range(last, -1, -1):
        delta_layer, rdelta_layer = units_of(delta, layers, layer), units_of(rdelta, layers, layer)
        if layer < last:
            rdy_layer, ddh_layer = units_of(rdy, layers, layer), units_of(ddh, layers, layer)
            backward_sum(units_of(rdelta, layers, layer + 1), weights_of(theta, layers, layer + 1), rdy_layer)
            add_backward_sum(units_of(delta, layers, layer + 1), weights_of(v, layers, layer + 1), rdy_layer)
            u_layer, y_layer = units_of(u, layers, layer), units_of(y, layers, layer)
            second_derivative(layers[layer]["activation"], u_layer, y_layer, ddh_layer)
            hidden_delta(rdy_layer, units_of(dh, layers, layer), rdelta_layer)
            dy_layer, ru_layer = units_of(dy, layers, layer), units_of(ru, layers, layer)
            for j in range(rdelta_layer.size):
                rdelta_layer[j] += dy_layer[j] * ddh_layer[j] * ru_layer[j]
        sending = units_of(y, layers, layer - 1) if layer > 0 else vector_at(x, 0, x.size)
        dw, db = weights_of(product, layers, layer), biases_of(product, layers, layer)
        add_weight_gradient(rdelta_layer, sending, dw)
        add_bias_gradient(rdelta_layer, db)
        if layer > 0:
            add_weight_gradient(delta_layer, units_of(ry, layers, layer - 1), dw)


@jit
def _scale(factor, delta):
    for k in range(delta.size):
        delta[k] *= factor


@jit
def hessian_product(theta, layers, samples, rows, v, scratch, product):
    """(H v)_p = sum_q d^2 E/dtheta_p dtheta_q v_q = R dE/dtheta_p, the mean over a mini-batch (Pearlmutter 1994).

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s), v (p) -> scratch (10, units or more), product (p)
    """
    theta, layers, (X, D, weight), rows, v, scratch, product = borrowed(
        (theta, layers, samples, rows, v, scratch, product)
    )
    values = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    along = scratch[5], scratch[6], scratch[7], scratch[8], scratch[9]
    last, whole = layers.size - 1, weight_sum(weight, rows)
    for p in range(product.size):
        product[p] = 0
    for s in range(rows.size):
        if weight[rows[s]] > 0:  # a sample that counts nothing may have an infinite delta
            x, d, share = X[rows[s]], D[rows[s]], theta.dtype.type(double(weight[rows[s]]) / whole)
            y, delta = units_of(values[1], layers, last), units_of(values[4], layers, last)
            forward(theta, layers, x, values[0], values[1])
            error_delta(layers[last]["error"], layers[last]["level"], y, d, delta)
            _scale(share, delta)
            _hidden_deltas(theta, layers, values)
            forward_along(theta, layers, v, x, values[1], values[3], along[0], along[1])
            ry, rdelta = units_of(along[1], layers, last), units_of(along[3], layers, last)
            delta_along(layers[last]["error"], layers[last]["level"], y, d, ry, rdelta)
            _scale(share, rdelta)
            _add_backward_along(theta, layers, v, x, values, along, product)
