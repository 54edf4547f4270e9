"""Whole passes through any number of layers, as index loops over samples; layout.py tells what `layers` holds.

What Python calls begins with `borrowed`, because the loops make rows and views of all arrays: with a count of the
references to each they take more than twice the time.
"""

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import double, where
from fastbp.compiler.views import borrowed, vector_at
from fastbp.lecture.codes import MEAN_ERROR, PENALTY, WEIGHT
from fastbp.lecture.loops.activations import activate, identity
from fastbp.lecture.loops.derivatives import activation_derivative
from fastbp.lecture.loops.errors import error_delta, output_error
from fastbp.lecture.loops.layers import (
    add_bias_gradient,
    add_weight_gradient,
    backward_sum,
    bias_gradient,
    hidden_delta,
    weight_gradient,
    weighted_sum,
)
from fastbp.lecture.loops.parts import biases_of, units_of, weights_of
from fastbp.lecture.loops.updates import update

__all__ = ["backward", "epoch", "error_of_sample", "forward", "gradient", "mean_error", "mean_of_batches", "predict"]


@jit
def forward(theta, layers, x, u, y):
    """u^(l) = W^(l) y^(l-1) + B^(l), y^(l) = h(u^(l)), from the first hidden layer to the output (slides 7, 8).

    theta (p), x (i) -> u (units), y (units)
    """
    sending = vector_at(x, 0, x.size)
    for layer in range(layers.size):
        u_layer, y_layer = units_of(u, layers, layer), units_of(y, layers, layer)
        weighted_sum(sending, weights_of(theta, layers, layer), biases_of(theta, layers, layer), u_layer)
        activate(layers[layer]["activation"], u_layer, y_layer)
        sending = y_layer


@jit
def error_of_sample(layers, u, y, d):
    """E, the error at the output of a sample that has passed `forward` (slide 9).

    u (units), y (units), d (k)
    """
    last = layers.size - 1
    error, level = layers[last]["error"], layers[last]["level"]
    return output_error(error, level, units_of(u, layers, last), units_of(y, layers, last), d)


@jit
def backward(theta, layers, x, d, weight, values, add, dtheta):
    """STEP 1 at the output, then STEP 1.5 and STEP 2 for each hidden layer downwards (slides 12, 21-36).

    Every gradient is linear in the output delta, so the `weight` of the sample is put on that. With `add` the
    gradients are added to those in dtheta (the later samples of a mini-batch), else they replace them.

    theta (p), x (i), d (k) -> values (u (units), y (units), dy (units), dh (units), delta (units)), dtheta (p)
    """
    u, y, dy, dh, delta = values
    last, factor, zero = layers.size - 1, delta.dtype.type(weight), delta.dtype.type(0)
    delta_layer = units_of(delta, layers, last)
    error_delta(layers[last]["error"], layers[last]["level"], units_of(y, layers, last), d, delta_layer)
    for k in range(delta_layer.size):
        delta_layer[k] = where(factor > zero, delta_layer[k] * factor, zero)  # 0 even if delta is infinite
    for layer in range(last, -1, -1):
        delta_layer = units_of(delta, layers, layer)
        if layer < last:
            dy_layer, dh_layer = units_of(dy, layers, layer), units_of(dh, layers, layer)
            backward_sum(units_of(delta, layers, layer + 1), weights_of(theta, layers, layer + 1), dy_layer)
            u_layer, y_layer = units_of(u, layers, layer), units_of(y, layers, layer)
            activation_derivative(layers[layer]["activation"], u_layer, y_layer, dh_layer)
            hidden_delta(dy_layer, dh_layer, delta_layer)
        sending = units_of(y, layers, layer - 1) if layer > 0 else vector_at(x, 0, x.size)
        dw, db = weights_of(dtheta, layers, layer), biases_of(dtheta, layers, layer)
        if add:
            add_weight_gradient(delta_layer, sending, dw)
            add_bias_gradient(delta_layer, db)
        else:
            weight_gradient(delta_layer, sending, dw)
            bias_gradient(delta_layer, db)


@jit
def predict(theta, layers, X, scratch, Y):
    """The outputs y of each sample x (slides 7, 8).

    theta (p), X (s, i) -> scratch (5, units or more), Y (s, k)
    """
    theta, layers, X, scratch, Y = borrowed((theta, layers, X, scratch, Y))
    u, y, last = scratch[0], scratch[1], layers.size - 1
    for s in range(X.shape[0]):
        forward(theta, layers, X[s], u, y)
        identity(units_of(y, layers, last), Y[s])


@jit
def weight_sum(weight, rows):
    total = 0.0
    for s in range(rows.size):
        total += double(weight[rows[s]])
    return total


@jit
def mean_error(theta, layers, samples, rows, scratch):
    """sum_s weight_s E_s / sum_s weight_s over a mini-batch, the samples `rows` (slide 9); 0 if nothing counts.

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s) -> scratch (5, units or more)
    """
    theta, layers, (X, D, weight), rows, scratch = borrowed((theta, layers, samples, rows, scratch))
    u, y = scratch[0], scratch[1]
    whole, total = weight_sum(weight, rows), 0.0
    for s in range(rows.size):
        if weight[rows[s]] > 0:  # a sample that counts nothing may have an infinite error
            forward(theta, layers, X[rows[s]], u, y)
            total += double(weight[rows[s]]) / whole * error_of_sample(layers, u, y, D[rows[s]])
    return total


@jit
def gradient(theta, layers, samples, rows, scratch, dtheta):
    """dE/dtheta = sum_s weight_s dE_s/dtheta / sum_s weight_s over a mini-batch (slide 30); returns the mean of E.

    The mini-batch are the samples `rows`; both are 0 if nothing counts.

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s) -> scratch (5, units or more), dtheta (p)
    """
    theta, layers, samples, rows, scratch, dtheta = borrowed((theta, layers, samples, rows, scratch, dtheta))
    X, D, weight = samples
    u, y, dy, dh, delta = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    whole, total, add = weight_sum(weight, rows), 0.0, False
    for s in range(rows.size):
        if weight[rows[s]] > 0:  # a sample that counts nothing may have an infinite delta
            x, d, share = X[rows[s]], D[rows[s]], double(weight[rows[s]]) / whole
            forward(theta, layers, x, u, y)
            total += share * error_of_sample(layers, u, y, d)
            backward(theta, layers, x, d, share, (u, y, dy, dh, delta), add, dtheta)
            add = True
    if not add:
        for p in range(dtheta.size):
            dtheta[p] = 0
    return total


@jit
def epoch(theta, layers, samples, order, batch_size, steps, memory, report):
    """w <- w - eta dE/dw for each mini-batch of `order` (slide 12).

    Mini-batch b takes the learning rate rates_b, and `settings` tells how `update` makes a step of the gradient. One
    whose weights sum to 0 makes none. `report` gets the mean error of each, the penalty on the weights before it, and
    what its samples weigh.

    samples (X (N, i), D (N, k), weight (N)), order (n),
    steps (rates (b), first_step, settings (13), moments (rows, p))
    -> theta (p), memory (scratch (5, units or more), dtheta (p)), report (b, 3)
    """
    theta, layers, samples, order = borrowed((theta, layers, samples, order))
    (rates, first_step, settings, moments), (scratch, dtheta), report = borrowed((steps, memory, report))
    for start in range(0, order.size, batch_size):
        rows, b = vector_at(order, start, min(batch_size, order.size - start)), start // batch_size
        whole = weight_sum(samples[2], rows)
        report[b, MEAN_ERROR], report[b, PENALTY], report[b, WEIGHT] = 0, 0, whole
        if whole > 0:
            report[b, MEAN_ERROR] = gradient(theta, layers, samples, rows, scratch, dtheta)
            report[b, PENALTY] = update(settings, layers, rates[b], first_step + b + 1, whole, theta, dtheta, moments)


@jit
def mean_of_batches(report):
    """sum_b weight_b E_b / sum_b weight_b over the mini-batches of an epoch (slide 9); 0 if nothing counts.

    report (b, 3)
    """
    whole, total = 0.0, 0.0
    for b in range(report.shape[0]):
        whole += report[b, WEIGHT]
    for b in range(report.shape[0] if whole > 0 else 0):
        total += report[b, WEIGHT] / whole * report[b, MEAN_ERROR]
    return total
