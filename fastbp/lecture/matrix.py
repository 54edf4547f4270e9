"""The lecture as NumPy matrix products (slides 30, 38-40): the oracle of the loops, and their rival in every benchmark.

Same names and arguments as `loops.py`, where a letter stands for a row of samples: x is (s, i), u and y are (s, j),
and one sample, x (i), is allowed too. An error has shape (s,). Outputs go into the arrays given; gradients of a
mini-batch are sums, as matrix products are. The passes make their views of `theta` once for an epoch.
"""

import numpy as np

from fastbp.lecture.codes import IDENTITY, RELU, SIGMOID, SOFTMAX
from fastbp.lecture.layout import ACTIVATION, RECEIVING, UNITS_AT, biases, weights

LARGEST = np.finfo(np.float64).max

# ---- Forward: activations and weighted sums --------------------------------------------------------------------------


def weighted_sum(x, w, b, u):
    """U = X W^T + B (slides 7, 8, 26, 38)."""
    np.matmul(x, w.T, out=u)
    u += b


def identity(u, y):
    """Y = U (slides 5, 32)."""
    np.copyto(y, u)


def sigmoid(u, y):
    """Y = 1 / (1 + exp(-U)) (slides 5, 35)."""
    np.negative(u, out=y)
    with np.errstate(over="ignore"):  # 1 / (1 + infinity) is 0, which is right
        np.exp(y, out=y)
    y += 1
    np.reciprocal(y, out=y)


def relu(u, y):
    """Y = max(U, 0) (slides 5, 36)."""
    np.maximum(u, 0, out=y)


def softmax(u, y):
    """Y = exp(U) / sum exp(U) (slides 6, 33)."""
    with np.errstate(over="ignore"):  # u - max u can be twice the largest float; the exponential of -inf is right too
        np.subtract(u, u.max(axis=-1, keepdims=True), out=y)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)


def activate(code, u, y):
    """Y = h(U), for the activation h with this code (slides 5, 6)."""
    _ACTIVATIONS[code](u, y)


_ACTIVATIONS = {IDENTITY: identity, SIGMOID: sigmoid, RELU: relu, SOFTMAX: softmax}

# ---- Derivatives of the activations ----------------------------------------------------------------------------------


def identity_derivative(u, y, dh):
    """H' = 1 (slide 32)."""
    dh.fill(1)


def sigmoid_derivative(u, y, dh):
    """H' = Y * (1 - Y) (slide 35, 39)."""
    np.subtract(1, y, out=dh)
    dh *= y


def relu_derivative(u, y, dh):
    """H' = [U >= 0] (slides 36, 40)."""
    np.greater_equal(u, 0, out=dh)


def softmax_derivative(u, y, jacobian):
    """J = diag(y) - y y^T for each sample (slide 33)."""
    np.multiply(-y[..., :, None], y[..., None, :], out=jacobian)
    np.einsum("...kk->...k", jacobian)[...] += y


def activation_derivative(code, u, y, dh):
    """H' = h'(U), for the hidden activation h with this code (slides 32, 35, 36)."""
    _DERIVATIVES[code](u, y, dh)


_DERIVATIVES = {IDENTITY: identity_derivative, SIGMOID: sigmoid_derivative, RELU: relu_derivative}

# ---- Errors ----------------------------------------------------------------------------------------------------------


def squared_error(u, y, d):
    """E = 1/2 |y - d|^2 (slides 9, 32)."""
    difference = y - d
    return 0.5 * np.einsum("...r,...r->...", difference, difference, dtype=np.float64)


def cross_entropy(u, y, d):
    """E = -d . ln y, y = softmax(u) (slides 9, 33); ln y = u - max u + ln max y, as in the loops."""
    quarter = u * 0.25  # u - max u can be twice the largest float, and their sum more; a quarter of it cannot
    quarter -= quarter.max(axis=-1, keepdims=True)
    quarter += 0.25 * np.log(y.max(axis=-1, keepdims=True))
    quarter *= d
    return 4 * np.minimum(-quarter.sum(axis=-1, dtype=np.float64), LARGEST / 4)


def binary_cross_entropy(u, y, d):
    """E = -(d . ln y + (1 - d) . ln(1 - y)), y = sigmoid(u), which is sum ln(1 + exp u) - d u."""
    with np.errstate(over="ignore"):  # of the sum of several units at the largest float
        return np.minimum((np.logaddexp(0, u) - d * u).sum(axis=-1, dtype=np.float64), LARGEST)


def output_error(code, u, y, d):
    """E of each sample: the error that belongs to the output activation with this code (slides 9, 32, 33)."""
    return _ERRORS[code](u, y, d)


_ERRORS = {IDENTITY: squared_error, SIGMOID: binary_cross_entropy, SOFTMAX: cross_entropy}


def squared_error_derivative(y, d, dy):
    """dE/dY = Y - D (slides 31, 32)."""
    np.subtract(y, d, out=dy)


def cross_entropy_derivative(y, d, dy):
    """dE/dY = -D / Y (slides 31, 33)."""
    np.divide(d, y, out=dy)
    np.negative(dy, out=dy)


# ---- Backward: deltas and gradients ----------------------------------------------------------------------------------


def output_delta_general(dy, jacobian, delta):
    """Delta = dE/dy J for each sample (slides 18-20, 31)."""
    np.einsum("...r,...rk->...k", dy, jacobian, out=delta)


def output_delta(y, d, delta):
    """Delta = Y - D (slides 32, 33, 38)."""
    np.subtract(y, d, out=delta)


def weight_gradient(delta, x, dw):
    """dE/dW = Delta^T X, the sum over the samples (slides 21, 22, 26, 27, 30, 38-40)."""
    delta, x = _as_rows(delta, x)
    np.matmul(delta.T, x, out=dw)


def add_weight_gradient(delta, x, dw):
    """dE/dW += Delta^T X (slides 21, 22, 26, 27, 30)."""
    delta, x = _as_rows(delta, x)
    dw += delta.T @ x


def bias_gradient(delta, db):
    """dE/dB = sum of the rows of Delta (slides 23, 24, 28-30, 38-40)."""
    (delta,) = _as_rows(delta)
    delta.sum(axis=0, out=db)


def add_bias_gradient(delta, db):
    """dE/dB += sum of the rows of Delta (slides 23, 24, 28-30)."""
    (delta,) = _as_rows(delta)
    db += delta.sum(axis=0)


def _as_rows(*arrays):
    """One sample is a mini-batch of one."""
    return arrays if arrays[0].ndim == 2 else tuple(array[None] for array in arrays)


def backward_sum(delta, w, dy):
    """dE/dY = Delta W: STEP 1.5 (slides 25, 39, 40)."""
    np.matmul(delta, w, out=dy)


def hidden_delta(dy, dh, delta):
    """Delta = dE/dY * H' (slides 34-36, 39, 40)."""
    np.multiply(dy, dh, out=delta)


def gradient_step(theta, dtheta, eta):
    """theta <- theta - eta dE/dtheta (slide 12)."""
    theta -= theta.dtype.type(eta) * dtheta


# ---- Whole passes, for any number of layers --------------------------------------------------------------------------


class Pass:
    """The views of theta, dtheta and the unit values for one batch size, all in C order; an epoch makes them once."""

    def __init__(self, theta, layers, samples, values, dtheta=None):
        self.samples, self.codes = samples, layers[:, ACTIVATION].tolist()
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
        return output_error(self.codes[-1], U[-1], Y[-1], d)

    def backward(self, x, d, add, weight=1.0):
        """Every gradient is linear in the output delta, so a `weight` for the samples is put on that."""
        U, Y, dY, dH, Delta = self.values
        last = len(self.W) - 1
        output_delta(Y[last], d, Delta[last])
        if weight != 1:
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

    def errors_and_gradient(self, x, d):
        """The error of each sample; dtheta is then their mean gradient."""
        self.forward(x)
        self.backward(x, d, False, 1 / self.samples)
        return self.errors(d)

    def gradient(self, x, d):
        """The mean error; dtheta is then the mean gradient."""
        return _mean(self.errors_and_gradient(x, d))


def _mean(errors):
    """Divided before they are summed, because the sum may be beyond the largest float."""
    return float((errors / len(errors)).sum())


def forward(theta, layers, x, u, y):
    """U = X W^T + B, Y = h(U), from the first hidden layer to the output (slides 7, 8)."""
    (x,) = _as_rows(x)
    Pass(theta, layers, len(x), (u, y)).forward(x)


def backward(theta, layers, x, d, u, y, dy, dh, delta, add, dtheta):
    """STEP 1 at the output, then STEP 1.5 and STEP 2 for each hidden layer downwards (slides 12, 21-40)."""
    x, d = _as_rows(x, d)
    Pass(theta, layers, len(x), (u, y, dy, dh, delta), dtheta).backward(x, d, add)


def predict(theta, layers, X, scratch, Y):
    """The outputs Y of the samples X (slides 7, 8)."""
    batch = Pass(theta, layers, len(X), scratch)
    batch.forward(X)
    np.copyto(Y, batch.values[1][-1])


def mean_error(theta, layers, X, D, rows, scratch):
    """The mean of E over a mini-batch, the samples `rows` of X and D (slide 9)."""
    batch = Pass(theta, layers, len(rows), scratch)
    batch.forward(X[rows])
    return _mean(batch.errors(D[rows]))


def gradient(theta, layers, X, D, rows, scratch, dtheta):
    """The mean of dE/dtheta over a mini-batch, the samples `rows` of X and D (slide 30); returns the mean of E."""
    return Pass(theta, layers, len(rows), scratch, dtheta).gradient(X[rows], D[rows])


def epoch(theta, layers, X, D, order, batch_size, eta, scratch, dtheta):
    """theta <- theta - eta dE/dtheta for each mini-batch of `order` (slide 12); returns the mean of the errors."""
    X, D = X[order], D[order]  # gathered once: slices of these are cheaper than a gather for each batch
    errors = np.empty(len(X))
    batch = Pass(theta, layers, min(batch_size, len(X)), scratch, dtheta)
    for start in range(0, len(X), batch_size):
        x, d = X[start : start + batch_size], D[start : start + batch_size]
        if len(x) < batch.samples:
            batch = Pass(theta, layers, len(x), scratch, dtheta)
        errors[start : start + batch_size] = batch.errors_and_gradient(x, d)
        gradient_step(theta, dtheta, eta)
    return _mean(errors)
