"""Wrong answers to the last exercises of the workbook: a sample all the way back, a mini-batch, an epoch."""

import numpy as np

from tests.workbook_wrong import wrong

# ---- backward --------------------------------------------------------------------------------------------------------


def _back(x, w2, y1, delta2, dh, written):
    delta1 = (w2.T @ delta2) * dh
    for array, values in zip(written, (np.outer(delta1, x), delta1, np.outer(delta2, y1), delta2), strict=True):
        array[:] = values


@wrong("backward", "all four gradients have the wrong sign")
def _(x, d, w2, u1, y1, y2, dw1, db1, dw2, db2):
    _back(x, w2, y1, d - y2, np.where(u1 >= 0, 1, 0), (dw1, db1, dw2, db2))


@wrong("backward", "in STEP 2 h'(u_j) is missing")
def _(x, d, w2, u1, y1, y2, dw1, db1, dw2, db2):
    _back(x, w2, y1, y2 - d, 1, (dw1, db1, dw2, db2))


@wrong("backward", "at u_j = 0 the lecture has h' = 1")
def _(x, d, w2, u1, y1, y2, dw1, db1, dw2, db2):
    _back(x, w2, y1, y2 - d, np.where(y1 > 0, 1, 0), (dw1, db1, dw2, db2))


@wrong("backward", "h' is that of the sigmoid")
def _(x, d, w2, u1, y1, y2, dw1, db1, dw2, db2):
    _back(x, w2, y1, y2 - d, y1 * (1 - y1), (dw1, db1, dw2, db2))


@wrong("backward", "yours has u1 there")
def _(x, d, w2, u1, y1, y2, dw1, db1, dw2, db2):
    _back(x, w2, y1, y2 - d, u1 >= 0, (dw1, db1, dw2, db2))
    dw2[:] = np.outer(y2 - d, u1)


@wrong("backward", "dw1 and db1 have delta of the output layer")
def _(x, d, w2, u1, y1, y2, dw1, db1, dw2, db2):
    for k in range(y2.size):
        db2[k] = y2[k] - d[k]
        for j in range(y1.size):
            dw2[k, j] = db2[k] * y1[j]
    for j in range(y1.size):
        db1[j] = db2[j]
        for i in range(x.size):
            dw1[j, i] = db2[j] * x[i]


# ---- gradient --------------------------------------------------------------------------------------------------------


def _parts(x, d, w1, b1, w2, b2):
    u1 = w1 @ x + b1
    y1 = np.maximum(u1, 0)
    e = np.exp(w2 @ y1 + b2)
    y2 = e / e.sum()
    delta2 = y2 - d
    delta1 = (w2.T @ delta2) * (u1 >= 0)
    return np.outer(delta1, x), delta1, np.outer(delta2, y1), delta2, -(d * np.log(y2)).sum()


def _total(X, D, theta, written, rows):
    total = 0.0
    for array in written:
        array[:] = 0
    for s in rows:
        *parts, E = _parts(X[s], D[s], *theta)
        total += E
        for array, part in zip(written, parts, strict=True):
            array += part
    return total


@wrong("gradient", "the sum where the lecture has the mean")
def _(X, D, w1, b1, w2, b2, dw1, db1, dw2, db2):
    return _total(X, D, (w1, b1, w2, b2), (dw1, db1, dw2, db2), range(len(X)))


@wrong("gradient", "the gradients are right; the error is the sum over the samples")
def _(X, D, w1, b1, w2, b2, dw1, db1, dw2, db2):
    total = _total(X, D, (w1, b1, w2, b2), (dw1, db1, dw2, db2), range(len(X)))
    for array in (dw1, db1, dw2, db2):
        array /= len(X)
    return total


@wrong("gradient", "the error is right; the gradients are the sum over the samples")
def _(X, D, w1, b1, w2, b2, dw1, db1, dw2, db2):
    return _total(X, D, (w1, b1, w2, b2), (dw1, db1, dw2, db2), range(len(X))) / X.shape[0]


@wrong("gradient", "of the gradients only the last sample counts")
def _(X, D, w1, b1, w2, b2, dw1, db1, dw2, db2):
    total = 0.0
    for s in range(X.shape[0]):
        dw1[:], db1[:], dw2[:], db2[:], E = _parts(X[s], D[s], w1, b1, w2, b2)
        total += E
    return total / X.shape[0]


@wrong("gradient", "what stood in dw1 before is still in it")
def _(X, D, w1, b1, w2, b2, dw1, db1, dw2, db2):
    total = 0.0
    for s in range(X.shape[0]):
        *parts, E = _parts(X[s], D[s], w1, b1, w2, b2)
        total += E / X.shape[0]
        for array, part in zip((dw1, db1, dw2, db2), parts, strict=True):
            array += part / X.shape[0]
    return total


@wrong("gradient", "returns nothing: its last line must be `return ...`")
def _(X, D, w1, b1, w2, b2, dw1, db1, dw2, db2):
    _total(X, D, (w1, b1, w2, b2), (dw1, db1, dw2, db2), range(len(X)))


# ---- epoch -----------------------------------------------------------------------------------------------------------


def _step(X, D, rows, eta, divisor, theta):
    written = [np.empty_like(array) for array in theta]
    _total(X, D, theta, written, rows)
    for array, change in zip(theta, written, strict=True):
        array -= eta * change / divisor


@wrong("epoch", "those that `order` names")
def _(X, D, order, batch_size, eta, w1, b1, w2, b2):
    for start in range(0, len(order), batch_size):
        rows = range(start, min(start + batch_size, len(order)))
        _step(X, D, rows, eta, len(rows), (w1, b1, w2, b2))


@wrong("epoch", "the last mini-batch is left out")
def _(X, D, order, batch_size, eta, w1, b1, w2, b2):
    for b in range(len(order) // batch_size):
        rows = order[b * batch_size : (b + 1) * batch_size]
        _step(X, D, rows, eta, len(rows), (w1, b1, w2, b2))


@wrong("epoch", "divides by their number, not by batch_size")
def _(X, D, order, batch_size, eta, w1, b1, w2, b2):
    for start in range(0, len(order), batch_size):
        _step(X, D, order[start : start + batch_size], eta, batch_size, (w1, b1, w2, b2))


@wrong("epoch", "one step for the mean over all samples")
def _(X, D, order, batch_size, eta, w1, b1, w2, b2):
    _step(X, D, order, eta, len(order), (w1, b1, w2, b2))


@wrong("epoch", "a step for each single sample")
def _(X, D, order, batch_size, eta, w1, b1, w2, b2):
    for s in order:
        _step(X, D, [s], eta, 1, (w1, b1, w2, b2))


@wrong("epoch", "uphill")
def _(X, D, order, batch_size, eta, w1, b1, w2, b2):
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        _step(X, D, rows, -eta, len(rows), (w1, b1, w2, b2))


@wrong("epoch", "makes a new array of that name")
def _(X, D, order, batch_size, eta, w1, b1, w2, b2):
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        written = [np.empty_like(array) for array in (w1, b1, w2, b2)]
        _total(X, D, (w1, b1, w2, b2), written, rows)
        w1 = w1 - eta * written[0] / len(rows)
        b1 = b1 - eta * written[1] / len(rows)
        w2 = w2 - eta * written[2] / len(rows)
        b2 = b2 - eta * written[3] / len(rows)
