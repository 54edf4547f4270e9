"""Whole passes through any number of layers, as matrix products over a mini-batch (slides 7, 8, 12, 21-40).

A view costs NumPy as much as a small product, so an epoch makes those of all layers once, as lists, and its passes are
the functions `..._of_views`.
"""

import numpy as np

from fastbp.lecture.codes import MEAN_ERROR, PENALTY, WEIGHT
from fastbp.lecture.layout import as_rows, biases, weights
from fastbp.lecture.matrix.activations import activate
from fastbp.lecture.matrix.derivatives import activation_derivative
from fastbp.lecture.matrix.errors import error_delta, output_error
from fastbp.lecture.matrix.layers import (
    add_bias_gradient,
    add_weight_gradient,
    backward_sum,
    bias_gradient,
    hidden_delta,
    weight_gradient,
    weighted_sum,
)
from fastbp.lecture.matrix.updates import update

__all__ = ["backward", "epoch", "error_of_sample", "forward", "gradient", "mean_error", "mean_of_batches", "predict"]

# ---- Views, layer by layer -------------------------------------------------------------------------------------------


def parts_of(theta, layers):
    """The matrices W and the rows B."""
    return weights(theta, layers), biases(theta, layers)


def unit_matrices(values, layers, samples):
    """Of each vector of all units, its matrices (s, j) in C order."""
    places = zip(layers["units_at"].tolist(), layers["receiving"].tolist(), strict=True)
    places = [(slice(samples * at, samples * (at + n)), (samples, n)) for at, n in places]
    return [[row[place].reshape(shape) for place, shape in places] for row in values]


def codes_of(layers):
    """The codes of the activations, and the code and the level of the error."""
    return layers["activation"].tolist(), *layers[["error", "level"]][-1].item()


# ---- Passes ----------------------------------------------------------------------------------------------------------


def forward(theta, layers, x, u, y):
    """U = X W^T + B, Y = h(U), from the first hidden layer to the output (slides 7, 8).

    theta (p), x (s?, i) -> u (s units), y (s units)
    """
    (x,) = as_rows(x)
    forward_of_views(parts_of(theta, layers), codes_of(layers), x, unit_matrices((u, y), layers, len(x)))


def forward_of_views(theta, codes, x, values):
    for w, b, activation, u, y in zip(*theta, codes[0], *values[:2], strict=True):
        weighted_sum(x, w, b, u)
        activate(activation, u, y)
        x = y


def error_of_sample(layers, u, y, d):
    """E, the error at the output of each sample that has passed `forward` (slide 9).

    u (s units), y (s units), d (s?, k)
    """
    rows = as_rows(d)[0]
    return errors_of_views(codes_of(layers), rows, unit_matrices((u, y), layers, len(rows))).reshape(d.shape[:-1])


def errors_of_views(codes, d, values):
    _, error, level = codes
    return output_error(error, level, values[0][-1], values[1][-1], d)


def backward(theta, layers, x, d, weight, values, add, dtheta):
    """STEP 1 at the output, then STEP 1.5 and STEP 2 for each hidden layer downwards (slides 12, 21-40).

    theta (p), x (s?, i), d (s?, k), weight (s or a number)
    -> values (u (s units), y (s units), dy (s units), dh (s units), delta (s units)), dtheta (p)
    """
    (x, d), weight = as_rows(x, d), np.reshape(weight, (-1, 1))
    values = unit_matrices(values, layers, len(x))
    backward_of_views(parts_of(theta, layers), codes_of(layers), x, d, weight, values, add, parts_of(dtheta, layers))


def backward_of_views(theta, codes, x, d, weight, values, add, dtheta):
    """Every gradient is linear in the output delta, so the `weight`, (s, 1) or a number, is put on that."""
    (W, _), (dW, dB), (U, Y, dY, dH, Delta) = theta, dtheta, values
    (activations, error, level), last = codes, len(W) - 1
    error_delta(error, level, Y[last], d, Delta[last])
    if not isinstance(weight, float) or weight != 1:
        Delta[last] *= weight
    for layer in range(last, -1, -1):
        if layer < last:
            backward_sum(Delta[layer + 1], W[layer + 1], dY[layer])
            activation_derivative(activations[layer], U[layer], Y[layer], dH[layer])
            hidden_delta(dY[layer], dH[layer], Delta[layer])
        sending = Y[layer - 1] if layer > 0 else x
        if add:
            add_weight_gradient(Delta[layer], sending, dW[layer])
            add_bias_gradient(Delta[layer], dB[layer])
        else:
            weight_gradient(Delta[layer], sending, dW[layer])
            bias_gradient(Delta[layer], dB[layer])


def predict(theta, layers, X, scratch, Y):
    """The outputs Y of the samples X (slides 7, 8).

    theta (p), X (s, i) -> scratch (5, s units or more), Y (s, k)
    """
    values = unit_matrices(scratch, layers, len(X))
    forward_of_views(parts_of(theta, layers), codes_of(layers), X, values)
    np.copyto(Y, values[1][-1])


def _shares(weight):
    """The weights of samples as parts of their sum, or one number where all are equal: that is quicker."""
    if (weight == weight[0]).all():
        return 1 / len(weight)
    return weight / weight.sum(dtype=np.float64)


def mean_error(theta, layers, samples, rows, scratch):
    """The mean of E, weighted, over a mini-batch, the samples `rows` (slide 9); 0 if nothing counts.

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s) -> scratch (5, s units or more)
    """
    X, D, weight = samples
    rows = rows[weight[rows] > 0]  # a sample that counts nothing may have an infinite error
    if len(rows) == 0:
        return 0.0
    codes, values = codes_of(layers), unit_matrices(scratch, layers, len(rows))
    forward_of_views(parts_of(theta, layers), codes, X[rows], values)
    return float((errors_of_views(codes, D[rows], values) * _shares(weight[rows])).sum())


def gradient(theta, layers, samples, rows, scratch, dtheta):
    """The mean of dE/dtheta, weighted, over a mini-batch, the samples `rows` (slide 30); returns the mean of E.

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s) -> scratch (5, s units or more), dtheta (p)
    """
    X, D, weight = samples
    rows = rows[weight[rows] > 0]  # a sample that counts nothing may have an infinite delta
    if len(rows) == 0:
        dtheta.fill(0)
        return 0.0
    share, codes, values = _shares(weight[rows]), codes_of(layers), unit_matrices(scratch, layers, len(rows))
    network, gradients = parts_of(theta, layers), parts_of(dtheta, layers)
    E = gradient_of_views(network, codes, X[rows], D[rows], share, values, gradients)
    return float((E * share).sum())


def gradient_of_views(theta, codes, x, d, share, values, dtheta):
    """The error of each sample; dtheta is then the sum of their gradients, each times its share."""
    forward_of_views(theta, codes, x, values)
    backward_of_views(theta, codes, x, d, share if isinstance(share, float) else share[:, None], values, False, dtheta)
    return errors_of_views(codes, d, values)


def epoch(theta, layers, samples, order, batch_size, steps, memory, report):
    """theta <- theta - eta dE/dtheta for each mini-batch of `order` (slide 12).

    `report` gets the mean error of each, the penalty on the weights before it, and what its samples weigh.

    samples (X (N, i), D (N, k), weight (N)), order (n),
    steps (rates (b), first_step, settings (13), moments (rows, p))
    -> theta (p), memory (scratch (5, batch units or more), dtheta (p)), report (b, 3)
    """
    (rates, first_step, settings, moments), (scratch, dtheta) = steps, memory
    X, D, weight = (array[order] for array in samples)  # once: slices are cheaper than a gather for each mini-batch
    report.fill(0)
    equal = bool((weight == weight[0]).all())
    if equal and weight[0] == 0:
        return
    codes, parts, gradients, values_of = codes_of(layers), parts_of(theta, layers), parts_of(dtheta, layers), {}
    for b, (start, eta) in enumerate(zip(range(0, len(X), batch_size), rates.tolist(), strict=True)):
        at = slice(start, start + batch_size)
        if not equal and not weight[at].all():  # samples that count nothing may have infinite errors and deltas
            at = start + np.flatnonzero(weight[at])
            if len(at) == 0:
                continue
        x, d, w = X[at], D[at], weight[at]
        share = 1 / len(x) if equal else _shares(w)
        if len(x) not in values_of:
            values_of[len(x)] = unit_matrices(scratch, layers, len(x))
        E = gradient_of_views(parts, codes, x, d, share, values_of[len(x)], gradients)
        E *= share  # before they are summed, because the sum may be beyond the largest float
        whole = float(len(x) * weight[0] if equal else w.sum(dtype=np.float64))
        penalty = update(settings, layers, eta, first_step + b + 1, whole, theta, dtheta, moments)
        report[b, MEAN_ERROR], report[b, PENALTY], report[b, WEIGHT] = E.sum(dtype=np.float64), penalty, whole


def mean_of_batches(report):
    """The mean of E over the mini-batches of an epoch, weighted (slide 9); 0 if nothing counts.

    report (b, 3)
    """
    weight = report[:, WEIGHT]
    whole = weight.sum()
    return float((report[:, MEAN_ERROR] * (weight / whole)).sum()) if whole > 0 else 0.0
