"""The lecture, formula by formula, as index loops over one sample.

Read it beside the slides. The letters are the lecture's: x inputs, u inputs to the activation, y outputs, d teacher
signal, w weights, b biases, h activation, E error, delta = dE/du, eta learning rate; i counts sending units, j
receiving units, k units of the layer after, r all units of a layer, s samples, p parameters. dy, dw, db and dtheta are
derivatives of E, dh is h'(u).

Inputs come first, outputs last and are overwritten, but by functions named `add_...`; `gradient_step` and `epoch`
change theta. The first comment gives shapes. Errors are summed in double precision, all else in the dtype of the arrays
(hence `dtype.type(1)`: a bare 1 would lift float32 to float64). `matrix.py` has the same names and arguments.
"""

import numpy as np

from fastbp.jit import jit
from fastbp.lecture.codes import IDENTITY, RELU, SIGMOID, SOFTMAX
from fastbp.lecture.layout import ACTIVATION, BIASES_AT, RECEIVING, SENDING, UNITS_AT, WEIGHTS_AT
from fastbp.views import matrix_at, vector_at

LARGEST = float(np.finfo(np.float64).max)

# ---- Forward: weighted sums, activations and their derivatives, errors -----------------------------------------------


@jit
def weighted_sum(x, w, b, u):
    """u_j = sum_i w_ji x_i + b_j (slides 7, 8, 26)."""
    # x (i), w (j, i), b (j), u (j)
    for j in range(w.shape[0]):
        total = b[j]
        for i in range(w.shape[1]):
            total += w[j, i] * x[i]
        u[j] = total


@jit
def identity(u, y):
    """y_j = u_j (slides 5, 32)."""
    # u (j), y (j)
    for j in range(u.size):
        y[j] = u[j]


@jit
def sigmoid(u, y):
    """y_j = 1 / (1 + exp(-u_j)) (slides 5, 35)."""
    # u (j), y (j)
    one = u.dtype.type(1)
    for j in range(u.size):
        e = np.exp(-abs(u[j]))  # at most 1, so it cannot overflow; for u < 0 the fraction is expanded by exp(u)
        y[j] = (one if u[j] >= 0 else e) / (one + e)


@jit
def relu(u, y):
    """y_j = u_j if u_j >= 0 else 0 (slides 5, 36)."""
    # u (j), y (j)
    zero = u.dtype.type(0)
    for j in range(u.size):
        y[j] = zero if u[j] < 0 else u[j]  # NaN stays NaN: what diverges must be seen


@jit
def softmax(u, y):
    """y_k = exp(u_k) / sum_r exp(u_r) (slides 6, 33)."""
    # u (k), y (k); the fraction is reduced by exp(max u), so no exponential exceeds 1
    zero = total = u.dtype.type(0)
    top = _largest(u)
    for k in range(u.size):
        # exp(-1000) is 0 in every dtype, and u_k - top can be twice the largest float
        y[k] = zero if u[k] < top - 1000 else np.exp(u[k] - top)
        total += y[k]
    for k in range(u.size):
        y[k] /= total


@jit
def _largest(u):
    """max_r u_r."""
    top = u[0]
    for r in range(u.size):
        top = max(top, u[r])
    return top


@jit
def activate(code, u, y):
    """y = h(u), for the activation h with this code (slides 5, 6)."""
    if code == IDENTITY:
        identity(u, y)
    elif code == SIGMOID:
        sigmoid(u, y)
    elif code == RELU:
        relu(u, y)
    elif code == SOFTMAX:
        softmax(u, y)


@jit
def identity_derivative(u, y, dh):
    """h'(u_j) = 1 (slide 32)."""
    # u (j), y (j), dh (j)
    for j in range(u.size):
        dh[j] = 1


@jit
def sigmoid_derivative(u, y, dh):
    """h'(u_j) = y_j (1 - y_j) (slide 35)."""
    # u (j), y (j), dh (j)
    one = u.dtype.type(1)
    for j in range(u.size):
        dh[j] = y[j] * (one - y[j])


@jit
def relu_derivative(u, y, dh):
    """h'(u_j) = 1 if u_j >= 0 else 0 (slide 36)."""
    # u (j), y (j), dh (j)
    for j in range(u.size):
        dh[j] = 1 if u[j] >= 0 else 0


@jit
def softmax_derivative(u, y, jacobian):
    """dy_k/du_k = y_k (1 - y_k); dy_r/du_k = -y_r y_k for r != k (slide 33)."""
    # u (k), y (k), jacobian (r, k)
    one = u.dtype.type(1)
    for r in range(y.size):
        for k in range(y.size):
            jacobian[r, k] = y[k] * (one - y[k]) if r == k else -y[r] * y[k]


@jit
def activation_derivative(code, u, y, dh):
    """dh = h'(u), for the hidden activation h with this code (slides 32, 35, 36)."""
    if code == IDENTITY:
        identity_derivative(u, y, dh)
    elif code == SIGMOID:
        sigmoid_derivative(u, y, dh)
    elif code == RELU:
        relu_derivative(u, y, dh)


@jit
def _double(x):
    """x in double precision. (float alone keeps float32 in Numba; np.float64 alone warns of overflow uncompiled.)"""
    return float(np.float64(x))


@jit
def squared_error(u, y, d):
    """E = 1/2 sum_r (y_r - d_r)^2 (slides 9, 32)."""
    # u (r), y (r), d (r)
    total = 0.0
    for r in range(y.size):
        total += _double(y[r] - d[r]) * _double(y[r] - d[r])
    return 0.5 * total


@jit
def cross_entropy(u, y, d):
    """E = -sum_r d_r ln y_r, y = softmax(u) (slides 9, 33)."""
    # u (r), y (r), d (r); ln y_r = u_r - max u - ln sum exp(u - max u), and that sum is 1 / max y
    top, ln_sum = _double(_largest(u)), -_double(np.log(_double(_largest(y))))
    total = 0.0
    for r in range(u.size):
        total -= _double(d[r]) * (max(_double(u[r]) - top, -LARGEST) - ln_sum)
    return min(total, LARGEST)


@jit
def binary_cross_entropy(u, y, d):
    """E = -sum_r (d_r ln y_r + (1 - d_r) ln(1 - y_r)), y = sigmoid(u): slide 33 for two classes, in each unit."""
    # u (r), y (r), d (r); ln y = u - ln(1 + exp u), ln(1 - y) = -ln(1 + exp u), ln(1 + exp u) = max(u, 0) + ln(1 + e)
    total = 0.0
    for r in range(u.size):
        a = _double(u[r])
        total += _double(max(a, 0.0) - _double(d[r]) * a + np.log1p(np.exp(-abs(a))))
    return min(total, LARGEST)


@jit
def output_error(code, u, y, d):
    """E of one sample: the error that belongs to the output activation with this code (slides 9, 32, 33)."""
    if code == SOFTMAX:
        return cross_entropy(u, y, d)
    if code == SIGMOID:
        return binary_cross_entropy(u, y, d)
    return squared_error(u, y, d)


@jit
def squared_error_derivative(y, d, dy):
    """dE/dy_r = y_r - d_r (slides 31, 32)."""
    # y (r), d (r), dy (r)
    for r in range(y.size):
        dy[r] = y[r] - d[r]


@jit
def cross_entropy_derivative(y, d, dy):
    """dE/dy_r = -d_r / y_r (slides 31, 33). Not finite where y_r = 0: the short form of delta has no such hole."""
    # y (r), d (r), dy (r)
    for r in range(y.size):
        dy[r] = -d[r] / y[r]


# ---- Backward: deltas and gradients ----------------------------------------------------------------------------------


@jit
def output_delta_general(dy, jacobian, delta):
    """delta_k = sum_r dE/dy_r dy_r/du_k: the chain rule with all intermediate variables (slides 18-20, 31)."""
    # dy (r), jacobian (r, k), delta (k)
    for k in range(delta.size):
        total = dy.dtype.type(0)
        for r in range(dy.size):
            total += dy[r] * jacobian[r, k]
        delta[k] = total


@jit
def output_delta(y, d, delta):
    """delta_k = y_k - d_k, in regression and in classification (slides 32, 33)."""
    # y (k), d (k), delta (k)
    for k in range(y.size):
        delta[k] = y[k] - d[k]


@jit
def weight_gradient(delta, x, dw):
    """dE/dw_ji = delta_j x_i: STEP 1 (slides 21, 22) and STEP 2 (slides 26, 27)."""
    # delta (j), x (i), dw (j, i)
    for j in range(dw.shape[0]):
        for i in range(dw.shape[1]):
            dw[j, i] = delta[j] * x[i]


@jit
def add_weight_gradient(delta, x, dw):
    """dE/dw_ji += delta_j x_i: the sum over a mini-batch of slides 21, 22, 26 and 27."""
    # delta (j), x (i), dw (j, i)
    for j in range(dw.shape[0]):
        for i in range(dw.shape[1]):
            dw[j, i] += delta[j] * x[i]


@jit
def bias_gradient(delta, db):
    """dE/db_j = delta_j: STEP 1 (slides 23, 24) and STEP 2 (slides 28, 29)."""
    # delta (j), db (j)
    for j in range(delta.size):
        db[j] = delta[j]


@jit
def add_bias_gradient(delta, db):
    """dE/db_j += delta_j: the sum over a mini-batch of slides 23, 24, 28 and 29."""
    # delta (j), db (j)
    for j in range(delta.size):
        db[j] += delta[j]


@jit
def backward_sum(delta, w, dy):
    """dE/dy_j = sum_k delta_k w_kj: STEP 1.5 (slide 25)."""
    # delta (k), w (k, j), dy (j); k is the outer loop, because w_kj and w_k,j+1 are neighbours in memory
    for j in range(w.shape[1]):
        dy[j] = 0
    for k in range(w.shape[0]):
        for j in range(w.shape[1]):
            dy[j] += delta[k] * w[k, j]


@jit
def hidden_delta(dy, dh, delta):
    """delta_j = dE/dy_j h'(u_j) (slides 34, 35, 36)."""
    # dy (j), dh (j), delta (j)
    for j in range(dy.size):
        delta[j] = dy[j] * dh[j]


@jit
def gradient_step(theta, dtheta, eta):
    """w <- w - eta dE/dw, b <- b - eta dE/db (slide 12)."""
    # theta (p), dtheta (p)
    for p in range(theta.size):
        theta[p] -= theta.dtype.type(eta) * dtheta[p]


# ---- Whole passes, for any number of layers (layout.py tells what `layers` holds) ------------------------------------


@jit
def _weights(theta, layers, layer):
    return matrix_at(theta, layers[layer, WEIGHTS_AT], layers[layer, RECEIVING], layers[layer, SENDING])


@jit
def _biases(theta, layers, layer):
    return vector_at(theta, layers[layer, BIASES_AT], layers[layer, RECEIVING])


@jit
def _units(values, layers, layer):
    return vector_at(values, layers[layer, UNITS_AT], layers[layer, RECEIVING])


@jit
def forward(theta, layers, x, u, y):
    """u^(l) = W^(l) y^(l-1) + B^(l), y^(l) = h(u^(l)), from the first hidden layer to the output (slides 7, 8)."""
    # theta (p), x (i), u (units), y (units)
    sending = vector_at(x, 0, x.size)
    for layer in range(layers.shape[0]):
        u_layer, y_layer = _units(u, layers, layer), _units(y, layers, layer)
        weighted_sum(sending, _weights(theta, layers, layer), _biases(theta, layers, layer), u_layer)
        activate(layers[layer, ACTIVATION], u_layer, y_layer)
        sending = y_layer


@jit
def backward(theta, layers, x, d, u, y, dy, dh, delta, add, dtheta):
    """STEP 1 at the output, then STEP 1.5 and STEP 2 for each hidden layer downwards (slides 12, 21-36).

    With `add` the gradients are added to those in dtheta (the later samples of a mini-batch), else they replace them.
    """
    # theta (p), x (i), d (k), u, y, dy, dh, delta (units), dtheta (p)
    last = layers.shape[0] - 1
    output_delta(_units(y, layers, last), d, _units(delta, layers, last))
    for layer in range(last, -1, -1):
        delta_layer = _units(delta, layers, layer)
        if layer < last:
            dy_layer, dh_layer = _units(dy, layers, layer), _units(dh, layers, layer)
            backward_sum(_units(delta, layers, layer + 1), _weights(theta, layers, layer + 1), dy_layer)
            u_layer, y_layer = _units(u, layers, layer), _units(y, layers, layer)
            activation_derivative(layers[layer, ACTIVATION], u_layer, y_layer, dh_layer)
            hidden_delta(dy_layer, dh_layer, delta_layer)
        sending = _units(y, layers, layer - 1) if layer > 0 else vector_at(x, 0, x.size)
        dw, db = _weights(dtheta, layers, layer), _biases(dtheta, layers, layer)
        if add:
            add_weight_gradient(delta_layer, sending, dw)
            add_bias_gradient(delta_layer, db)
        else:
            weight_gradient(delta_layer, sending, dw)
            bias_gradient(delta_layer, db)


@jit
def _error_of_sample(theta, layers, x, d, u, y):
    forward(theta, layers, x, u, y)
    last = layers.shape[0] - 1
    return output_error(layers[last, ACTIVATION], _units(u, layers, last), _units(y, layers, last), d)


@jit
def predict(theta, layers, X, scratch, Y):
    """The outputs y of each sample x (slides 7, 8)."""
    # theta (p), X (s, i), scratch (5, units), Y (s, k)
    for s in range(X.shape[0]):
        forward(theta, layers, X[s], scratch[0], scratch[1])
        identity(_units(scratch[1], layers, layers.shape[0] - 1), Y[s])


@jit
def mean_error(theta, layers, X, D, rows, scratch):
    """1/S sum_s E_s over a mini-batch, the samples `rows` of X and D (slide 9)."""
    # theta (p), X (N, i), D (N, k), rows (s), scratch (5, units)
    total = 0.0
    for s in range(rows.size):
        total += _error_of_sample(theta, layers, X[rows[s]], D[rows[s]], scratch[0], scratch[1]) / rows.size
    return total


@jit
def gradient(theta, layers, X, D, rows, scratch, dtheta):
    """1/S sum_s dE_s/dtheta over a mini-batch, the samples `rows` of X and D (slide 30); returns 1/S sum_s E_s."""
    # theta (p), X (N, i), D (N, k), rows (s), scratch (5, units), dtheta (p)
    u, y, dy, dh, delta = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    total = 0.0
    for s in range(rows.size):
        x, d = X[rows[s]], D[rows[s]]
        total += _error_of_sample(theta, layers, x, d, u, y) / rows.size
        backward(theta, layers, x, d, u, y, dy, dh, delta, s > 0, dtheta)
    for p in range(dtheta.size):
        dtheta[p] *= theta.dtype.type(1.0 / rows.size)
    return total


@jit
def epoch(theta, layers, X, D, order, batch_size, eta, scratch, dtheta):
    """w <- w - eta dE/dw for each mini-batch of `order` (slide 12); returns the mean of the errors met on the way."""
    # theta (p), X (N, i), D (N, k), order (N), scratch (5, units), dtheta (p)
    total = 0.0
    for start in range(0, order.size, batch_size):
        rows = vector_at(order, start, min(batch_size, order.size - start))
        total += gradient(theta, layers, X, D, rows, scratch, dtheta) * (rows.size / order.size)
        gradient_step(theta, dtheta, eta)
    return total
