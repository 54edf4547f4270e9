"""Whole passes through any number of layers, as matrix products over a mini-batch (slides 7, 8, 12, 21-40)."""

import numpy as np

from fastbp.lecture.codes import MEAN_ERROR, PENALTY, WEIGHT
from fastbp.lecture.layout import ACTIVATION, ERROR, LEVEL, LEVEL_UNIT, RECEIVING, UNITS_AT, biases, weights
from fastbp.lecture.matrix.activations import activate, activation_derivative
from fastbp.lecture.matrix.errors import error_delta, output_error
from fastbp.lecture.matrix.layers import (
    _as_rows,
    add_bias_gradient,
    add_weight_gradient,
    backward_sum,
    bias_gradient,
    hidden_delta,
    weight_gradient,
    weighted_sum,
)
from fastbp.lecture.matrix.updates import update


class Pass:
    """The views of theta, dtheta and the unit values for one batch size, all in C order; an epoch makes them once."""

    def __init__(self, theta, layers, samples, values, dtheta=None):
        self.samples, self.codes = samples, layers[:, ACTIVATION].tolist()
        self.error, self.level = int(layers[-1, ERROR]), int(layers[-1, LEVEL]) * LEVEL_UNIT
        self.W, self.B = weights(theta, layers), biases(theta, layers)
        if dtheta is not None:
            self.dW, self.dB = weights(dtheta, layers), biases(dtheta, layers)
        places = [(samples * at, samples * (at + n), n) for at, n in layers[:, [UNITS_AT, RECEIVING]].tolist()]
        self.values = [[row[a:z].reshape(samples, n) for a, z, n in places] for row in values]

    def forward(self, x):
        U, Y = self.values[:2]
        for w, b, code, u, y in zip(self.W, self.B, self.codes, U, Y, strict=True):
            weighted_sum(x, w, b, u)
            activate(code, u, y)
            x = y

    def errors(self, d):
        U, Y = self.values[:2]
        return output_error(self.error, self.level, U[-1], Y[-1], d)

    def backward(self, x, d, add, weight):
        """Every gradient is linear in the output delta, so the `weight`, (s, 1) or a number, is put on that."""
        U, Y, dY, dH, Delta = self.values
        last = len(self.W) - 1
        error_delta(self.error, self.level, Y[last], d, Delta[last])
        if not isinstance(weight, float) or weight != 1:
            Delta[last] *= weight
        for layer in range(last, -1, -1):
            if layer < last:
                backward_sum(Delta[layer + 1], self.W[layer + 1], dY[layer])
                activation_derivative(self.codes[layer], U[layer], Y[layer], dH[layer])
                hidden_delta(dY[layer], dH[layer], Delta[layer])
            sending = Y[layer - 1] if layer > 0 else x
            if add:
                add_weight_gradient(Delta[layer], sending, self.dW[layer])
                add_bias_gradient(Delta[layer], self.dB[layer])
            else:
                weight_gradient(Delta[layer], sending, self.dW[layer])
                bias_gradient(Delta[layer], self.dB[layer])

    def errors_and_gradient(self, x, d, weight):
        """The error of each sample; dtheta is then the sum of their gradients, each times its weight."""
        self.forward(x)
        self.backward(x, d, False, weight)
        return self.errors(d)

    def gradient(self, x, d):
        """The mean error; dtheta is then the mean gradient."""
        return float((self.errors_and_gradient(x, d, 1 / self.samples) / self.samples).sum())


def _shares(weight):
    """The weights of samples as parts of their sum, or one number where all are equal: that is quicker."""
    if (weight == weight[0]).all():
        return 1 / len(weight)
    return weight / weight.sum(dtype=np.float64)


def _as_column(share):
    return share if isinstance(share, float) else share[:, None]


def forward(theta, layers, x, u, y):
    """U = X W^T + B, Y = h(U), from the first hidden layer to the output (slides 7, 8)."""
    (x,) = _as_rows(x)
    Pass(theta, layers, len(x), (u, y)).forward(x)


def backward(theta, layers, x, d, weight, u, y, dy, dh, delta, add, dtheta):
    """STEP 1 at the output, then STEP 1.5 and STEP 2 for each hidden layer downwards (slides 12, 21-40)."""
    x, d = _as_rows(x, d)
    Pass(theta, layers, len(x), (u, y, dy, dh, delta), dtheta).backward(x, d, add, np.reshape(weight, (-1, 1)))


def predict(theta, layers, X, scratch, Y):
    """The outputs Y of the samples X (slides 7, 8)."""
    batch = Pass(theta, layers, len(X), scratch)
    batch.forward(X)
    np.copyto(Y, batch.values[1][-1])


def mean_error(theta, layers, X, D, weight, rows, scratch):
    """The mean of E, weighted, over a mini-batch, the samples `rows` of X and D (slide 9)."""
    rows = rows[weight[rows] > 0]  # a sample that counts nothing may have an infinite error
    if len(rows) == 0:
        return 0.0
    batch = Pass(theta, layers, len(rows), scratch)
    batch.forward(X[rows])
    return float((batch.errors(D[rows]) * _shares(weight[rows])).sum())


def gradient(theta, layers, X, D, weight, rows, scratch, dtheta):
    """The mean of dE/dtheta, weighted, over a mini-batch, the samples `rows` (slide 30); returns the mean of E."""
    rows = rows[weight[rows] > 0]  # a sample that counts nothing may have an infinite delta
    if len(rows) == 0:
        dtheta.fill(0)
        return 0.0
    share = _shares(weight[rows])
    batch = Pass(theta, layers, len(rows), scratch, dtheta)
    return float((batch.errors_and_gradient(X[rows], D[rows], _as_column(share)) * share).sum())


def epoch(
    theta, layers, X, D, weight, order, batch_size, rates, first_step, settings, moments, scratch, dtheta, report
):  # fmt: skip
    """theta <- theta - eta dE/dtheta for each mini-batch of `order` (slide 12).

    `report` gets the mean error of each, the penalty on the weights before it, and what its samples weigh.
    """
    X, D, weight = X[order], D[order], weight[order]  # gathered once: slices are cheaper than a gather for each batch
    report.fill(0)
    equal = bool((weight == weight[0]).all())
    if equal and weight[0] == 0:
        return
    rates = rates.tolist()
    batch = Pass(theta, layers, min(batch_size, len(X)), scratch, dtheta)
    for b, start in enumerate(range(0, len(X), batch_size)):
        at = slice(start, start + batch_size)
        if not equal and not weight[at].all():  # samples that count nothing may have infinite errors and deltas
            at = start + np.flatnonzero(weight[at])
            if len(at) == 0:
                continue
        x, d = X[at], D[at]
        share = 1 / len(x) if equal else _shares(weight[at])
        if len(x) != batch.samples:
            batch = Pass(theta, layers, len(x), scratch, dtheta)
        errors = batch.errors_and_gradient(x, d, _as_column(share))
        whole = float(len(x) * weight[0] if equal else weight[at].sum(dtype=np.float64))
        errors *= share  # before they are summed, because the sum may be beyond the largest float
        penalty = update(settings, layers, rates[b], first_step + b + 1, whole, theta, dtheta, moments)
        report[b, MEAN_ERROR], report[b, PENALTY], report[b, WEIGHT] = errors.sum(dtype=np.float64), penalty, whole


def mean_of_batches(report):
    """The mean of E over the mini-batches of an epoch, weighted (slide 9); 0 if nothing counts."""
    weight = report[:, WEIGHT]
    whole = weight.sum()
    return float((report[:, MEAN_ERROR] * (weight / whole)).sum()) if whole > 0 else 0.0
