"""Wrong answers to the first exercises of the workbook, as students write them, and what the judge must say."""

import math

import numpy as np

WRONG = []  # (exercise, function, a part of the sentence)


def wrong(name, sentence):
    """Notes a wrong answer."""

    def noted(function):
        WRONG.append((name, function, sentence))
        return function

    return noted


# ---- parameter_shapes ------------------------------------------------------------------------------------------------


@wrong("parameter_shapes", "W1 and W2 are transposed")
def _(inputs, hidden, outputs):
    return (inputs, hidden), (hidden,), (hidden, outputs), (outputs,)


@wrong("parameter_shapes", "B1 and B2 belong to the receiving units")
def _(inputs, hidden, outputs):
    return [[hidden, inputs], [inputs], [outputs, hidden], [hidden]]


@wrong("parameter_shapes", "B1 is a row in yours")
def _(inputs, hidden, outputs):
    return (hidden, inputs), (1, hidden), (outputs, hidden), (1, outputs)


@wrong("parameter_shapes", "returns 2 shapes: four")
def _(inputs, hidden, outputs):
    return (hidden, inputs), (outputs, hidden)


@wrong("parameter_shapes", "four shapes are asked for")
def _(inputs, hidden, outputs):
    return inputs * hidden + hidden


# ---- sigmoid ---------------------------------------------------------------------------------------------------------


@wrong("sigmoid", "the sign in the exponential")
def _(u, y):
    for j in range(u.size):
        y[j] = 1 / (1 + math.exp(u[j]))


@wrong("sigmoid", "with brackets")
def _(u, y):
    for j in range(u.size):
        y[j] = 1 / 1 + np.exp(-u[j])


@wrong("sigmoid", "the derivative of slide 35")
def _(u, y):
    for j in range(u.size):
        s = 1 / (1 + np.exp(-u[j]))
        y[j] = s * (1 - s)


@wrong("sigmoid", "tanh")
def _(u, y):
    y[:] = np.tanh(u)


# ---- relu ------------------------------------------------------------------------------------------------------------


@wrong("relu", "the identity")
def _(u, y):
    for j in range(u.size):
        y[j] = u[j]


@wrong("relu", "the cases are exchanged")
def _(u, y):
    for j in range(u.size):
        if u[j] >= 0:
            y[j] = 0
        else:
            y[j] = u[j]


@wrong("relu", "where u_j < 0 nothing is written")
def _(u, y):
    for j in range(u.size):
        if u[j] >= 0:
            y[j] = u[j]


@wrong("relu", "derivative of slide 36")
def _(u, y):
    for j in range(u.size):
        y[j] = 1.0 if u[j] >= 0 else 0.0


# ---- softmax ---------------------------------------------------------------------------------------------------------


@wrong("softmax", "exp(u_k) overflows")
def _(u, y):
    total = 0.0
    for r in range(u.size):
        total += np.exp(u[r])
    for k in range(u.size):
        y[k] = np.exp(u[k]) / total


@wrong("softmax", "exp(u_k) overflows")
def _(u, y):
    total = 0.0
    for r in range(u.size):
        total += math.exp(u[r])  # raises OverflowError
    for k in range(u.size):
        y[k] = math.exp(u[k]) / total


@wrong("softmax", "the division by the sum is missing")
def _(u, y):
    for k in range(u.size):
        y[k] = np.exp(u[k] - u.max())


@wrong("softmax", "beginning at 0")
def _(u, y):
    top, total = 0.0, 0.0
    for r in range(u.size):
        if u[r] > top:
            top = u[r]
    for r in range(u.size):
        total += math.exp(u[r] - top)
    for k in range(u.size):
        y[k] = math.exp(u[k] - top) / total  # raises ZeroDivisionError


@wrong("softmax", "the sum must be complete")
def _(u, y):
    total, top = 0.0, u.max()
    for k in range(u.size):
        total += np.exp(u[k] - top)
        y[k] = np.exp(u[k] - top) / total


@wrong("softmax", "subtracts u_0")
def _(u, y):
    e = np.exp(u - u[0])
    y[:] = e / e.sum()


# ---- weighted_sum ----------------------------------------------------------------------------------------------------


@wrong("weighted_sum", "W[i, j] where the lecture has W[j, i]")
def _(x, w, b, u):
    for j in range(u.size):
        total = b[j]
        for i in range(x.size):
            total += w[i, j] * x[i]
        u[j] = total


@wrong("weighted_sum", "W[i, j] where the lecture has W[j, i]: transposed. The")
def _(x, w, b, u):
    u[:] = w.T @ x + b


@wrong("weighted_sum", "the bias b_j is missing: u_j")
def _(x, w, b, u):
    for j in range(u.size):
        u[j] = 0
        for i in range(x.size):
            u[j] += w[j, i] * x[i]


@wrong("weighted_sum", "in every term")
def _(x, w, b, u):
    for j in range(u.size):
        total = 0.0
        for i in range(x.size):
            total += w[j, i] * x[i] + b[j]
        u[j] = total


@wrong("weighted_sum", "only the last i (=")
def _(x, w, b, u):
    for j in range(u.size):
        for i in range(x.size):
            u[j] = w[j, i] * x[i] + b[j]


@wrong("weighted_sum", "only the last i, and no bias")
def _(x, w, b, u):
    for j in range(u.size):
        total = b[j]
        for i in range(x.size):
            total = w[j, i] * x[i]
        u[j] = total


@wrong("weighted_sum", "leaves out the first i")
def _(x, w, b, u):
    for j in range(u.size):
        u[j] = b[j]
        for i in range(1, x.size):
            u[j] += w[j, i] * x[i]


@wrong("weighted_sum", "leaves out the last i")
def _(x, w, b, u):
    for j in range(u.size):
        u[j] = b[j]
        for i in range(x.size - 1):
            u[j] += w[j, i] * x[i]


@wrong("weighted_sum", "total is not set anew")
def _(x, w, b, u):
    total = 0.0
    for j in range(u.size):
        for i in range(x.size):
            total += w[j, i] * x[i]
        u[j] = total + b[j]


# ---- forward ---------------------------------------------------------------------------------------------------------


def _layer(x, w, b):
    return w @ x + b


def _softmax(u):
    e = np.exp(u - u.max())
    return e / e.sum()


@wrong("forward", "yours gets u1, without ReLU")
def _(x, w1, b1, w2, b2, u1, y1, u2, y2):
    u1[:] = _layer(x, w1, b1)
    for j in range(u1.size):
        y1[j] = max(u1[j], 0)
    u2[:] = _layer(u1, w2, b2)
    y2[:] = _softmax(u2)


@wrong("forward", "the softmax of the output layer is missing")
def _(x, w1, b1, w2, b2, u1, y1, u2, y2):
    u1[:] = _layer(x, w1, b1)
    y1[:] = np.maximum(u1, 0)
    u2[:] = _layer(y1, w2, b2)
    y2[:] = u2


@wrong("forward", "the biases are missing in both layers")
def _(x, w1, b1, w2, b2, u1, y1, u2, y2):
    u1[:] = w1 @ x
    y1[:] = np.where(u1 > 0, u1, 0)
    u2[:] = w2 @ y1
    y2[:] = _softmax(u2)


@wrong("forward", "the hidden layer has ReLU here, yours has the sigmoid")
def _(x, w1, b1, w2, b2, u1, y1, u2, y2):
    u1[:] = _layer(x, w1, b1)
    y1[:] = 1 / (1 + np.exp(-u1))
    u2[:] = _layer(y1, w2, b2)
    y2[:] = _softmax(u2)


@wrong("forward", "w2 is transposed")
def _(x, w1, b1, w2, b2, u1, y1, u2, y2):
    u1[:] = _layer(x, w1, b1)
    y1[:] = np.maximum(u1, 0)
    for k in range(b2.size):
        u2[k] = b2[k]
        for j in range(b1.size):
            u2[k] += w2[j, k] * y1[j]
    y2[:] = _softmax(u2)


# ---- errors and the step ---------------------------------------------------------------------------------------------


@wrong("squared_error", "1/2 is missing")
def _(u, y, d):
    total = 0
    for r in range(y.size):
        total += (y[r] - d[r]) ** 2
    return total


@wrong("squared_error", "only the first r (is `return` inside the loop?)")
def _(u, y, d):
    total = 0
    for r in range(y.size):
        total += 0.5 * (y[r] - d[r]) ** 2
        return total
    return total


@wrong("squared_error", "the mean over r")
def _(u, y, d):
    return np.mean((y - d) ** 2)


@wrong("squared_error", "yours takes u")
def _(u, y, d):
    return 0.5 * sum((u[r] - d[r]) ** 2 for r in range(d.size))


@wrong("squared_error", "the square of the sum")
def _(u, y, d):
    total = 0
    for r in range(y.size):
        total += y[r] - d[r]
    return total**2 / 2


@wrong("cross_entropy", "the sign: E")
def _(u, y, d):
    total = 0.0
    for r in range(y.size):
        total += d[r] * np.log(y[r])
    return total


@wrong("cross_entropy", "ln is missing")
def _(u, y, d):
    total = 0.0
    for r in range(y.size):
        total -= d[r] * y[r]
    return total


@wrong("cross_entropy", "y and d are exchanged")
def _(u, y, d):
    return -np.sum(y * np.log(d))


@wrong("cross_entropy", "y and d are exchanged")
def _(u, y, d):
    total = 0.0
    for r in range(y.size):
        total -= y[r] * math.log(d[r])  # raises ValueError where d_r = 0
    return total


@wrong("cross_entropy", "the base 10")
def _(u, y, d):
    return -float(np.sum(d * np.log10(y)))


@wrong("gradient_step", "uphill: w")
def _(theta, dtheta, eta):
    for p in range(theta.size):
        theta[p] += eta * dtheta[p]


@wrong("gradient_step", "the learning rate is missing")
def _(theta, dtheta, eta):
    for p in range(theta.size):
        theta[p] -= dtheta[p]


@wrong("gradient_step", "the old w is missing: w")
def _(theta, dtheta, eta):
    for p in range(theta.size):
        theta[p] = -eta * dtheta[p]


@wrong("gradient_step", "the last parameter is left")
def _(theta, dtheta, eta):
    for p in range(theta.size - 1):
        theta[p] -= eta * dtheta[p]
