"""Wrong answers to the later exercises of the workbook, as students write them, and what the judge must say."""

import numpy as np

from tests.workbook_wrong import wrong

# ---- differences, total differential, chain rule ---------------------------------------------------------------------


@wrong("differences", "the forward difference")
def _(f, x, dx, df):
    for p in range(x.size):
        before = f(x)
        old = x[p]
        x[p] += dx
        df[p] = (f(x) - before) / dx
        x[p] = old


@wrong("differences", "divide by 2 dx, not by dx")
def _(f, x, dx, df):
    for p in range(x.size):
        above, below = x.copy(), x.copy()
        above[p] += dx
        below[p] -= dx
        df[p] = (f(above) - f(below)) / dx


@wrong("differences", "brackets: / 2 * dx")
def _(f, x, dx, df):
    for p in range(x.size):
        above, below = x.copy(), x.copy()
        above[p] += dx
        below[p] -= dx
        df[p] = (f(above) - f(below)) / 2 * dx


@wrong("differences", "x is not put back")
def _(f, x, dx, df):
    for p in range(x.size):
        x[p] += dx
        above = f(x)
        x[p] -= 2 * dx
        df[p] = (above - f(x)) / (2 * dx)


@wrong("differences", "x_p is not put back: it stays at x_p - dx")
def _(f, x, dx, df):
    z = x.copy()
    for p in range(x.size):
        z[p] += dx
        above = f(z)
        z[p] -= 2 * dx
        df[p] = (above - f(z)) / (2 * dx)


@wrong("differences", "all entries of x move at once")
def _(f, x, dx, df):
    for p in range(x.size):
        df[p] = (f(x + dx) - f(x - dx)) / (2 * dx)


@wrong("total_differential", "only the last r")
def _(dE_dy, dy):
    total = 0.0
    for r in range(dy.size):
        total = dE_dy[r] * dy[r]
    return total


@wrong("total_differential", "the product of two sums")
def _(dE_dy, dy):
    return sum(dE_dy) * sum(dy)


@wrong("total_differential", "dE/dy_r is missing")
def _(dE_dy, dy):
    total = 0.0
    for r in range(dy.size):
        total += dy[r]
    return total


@wrong("chain_rule", "only the first r (is `return`")
def _(dE_dy, dy_dx):
    return dE_dy[0] * dy_dx[0]


@wrong("chain_rule", "the product of all terms")
def _(dE_dy, dy_dx):
    total = 1.0
    for r in range(dE_dy.size):
        total *= dE_dy[r] * dy_dx[r]
    return total


@wrong("chain_rule", "leaves out the last r")
def _(dE_dy, dy_dx):
    total = 0.0
    for r in range(dE_dy.size - 1):
        total += dE_dy[r] * dy_dx[r]
    return total


# ---- gradients -------------------------------------------------------------------------------------------------------


@wrong("weight_gradient", "transposed")
def _(delta, x, dw):
    for j in range(delta.size):
        for i in range(x.size):
            dw[i, j] = delta[j] * x[i]


@wrong("weight_gradient", "transposed")
def _(delta, x, dw):
    for i in range(dw.shape[0]):
        for j in range(dw.shape[1]):
            dw[i, j] = delta[j] * x[i]


@wrong("weight_gradient", "x_i is missing")
def _(delta, x, dw):
    for j in range(delta.size):
        for i in range(x.size):
            dw[j, i] = delta[j]


@wrong("weight_gradient", "the sign")
def _(delta, x, dw):
    dw[:] = -np.outer(delta, x)


@wrong("weight_gradient", "the last column is never written")
def _(delta, x, dw):
    for j in range(delta.size):
        for i in range(x.size - 1):
            dw[j, i] = delta[j] * x[i]


@wrong("weight_gradient", "what stood in dw before is still in it")
def _(delta, x, dw):
    for j in range(delta.size):
        for i in range(x.size):
            dw[j, i] += delta[j] * x[i]


@wrong("bias_gradient", "the sum of all")
def _(delta, db):
    for j in range(db.size):
        db[j] = delta.sum()


@wrong("bias_gradient", "1 is du_j/db_j")
def _(delta, db):
    for j in range(db.size):
        db[j] = 1


@wrong("bias_gradient", "the sign")
def _(delta, db):
    db[:] = -delta


@wrong("backward_sum", "dE/dy_j must sum over k = 1..n; yours has only the last k")
def _(delta, w, dy):
    for j in range(dy.size):
        for k in range(delta.size):
            dy[j] = delta[k] * w[k, j]


@wrong("backward_sum", "W[j, k] where the lecture has W[k, j]")
def _(delta, w, dy):
    for j in range(dy.size):
        dy[j] = 0
        for k in range(delta.size):
            dy[j] += delta[k] * w[j, k]


@wrong("backward_sum", "what stood in dy before")
def _(delta, w, dy):
    for j in range(dy.size):
        for k in range(delta.size):
            dy[j] += delta[k] * w[k, j]


@wrong("backward_sum", "delta_k is missing")
def _(delta, w, dy):
    for j in range(dy.size):
        total = 0.0
        for k in range(delta.size):
            total += w[k, j]
        dy[j] = total


@wrong("backward_sum", "the mean over k")
def _(delta, w, dy):
    dy[:] = np.mean(delta[:, None] * w, axis=0)


# ---- deltas ----------------------------------------------------------------------------------------------------------


@wrong("output_delta_general", "only the term r = k")
def _(dy, jacobian, delta):
    for k in range(delta.size):
        delta[k] = dy[k] * jacobian[k, k]


@wrong("output_delta_general", "transposed")
def _(dy, jacobian, delta):
    for k in range(delta.size):
        delta[k] = 0
        for r in range(dy.size):
            delta[k] += dy[r] * jacobian[k, r]


@wrong("output_delta_general", "only the last r")
def _(dy, jacobian, delta):
    for k in range(delta.size):
        for r in range(dy.size):
            delta[k] = dy[r] * jacobian[r, k]


@wrong("softmax_derivative", "not 0: softmax of one unit depends on all u")
def _(u, y, jacobian):
    for r in range(y.size):
        for k in range(y.size):
            jacobian[r, k] = y[k] * (1 - y[k]) if r == k else 0


@wrong("softmax_derivative", "for r != k the sign")
def _(u, y, jacobian):
    for r in range(y.size):
        for k in range(y.size):
            jacobian[r, k] = y[k] * (1 - y[k]) if r == k else y[r] * y[k]


@wrong("softmax_derivative", "for r != k nothing is written")
def _(u, y, jacobian):
    for k in range(y.size):
        jacobian[k, k] = y[k] * (1 - y[k])


@wrong("output_delta", "d_k - y_k where the lecture has y_k - d_k")
def _(y, d, delta):
    for k in range(y.size):
        delta[k] = d[k] - y[k]


@wrong("output_delta", "y_k (1 - y_k) is too much")
def _(y, d, delta):
    for k in range(y.size):
        delta[k] = (y[k] - d[k]) * y[k] * (1 - y[k])


@wrong("output_delta", "the factor 2")
def _(y, d, delta):
    for k in range(y.size):
        delta[k] = 2 * (y[k] - d[k])


@wrong("hidden_delta", "h'(u_j) is missing")
def _(dy, dh, delta):
    for j in range(dy.size):
        delta[j] = dy[j]


@wrong("hidden_delta", "there is no sum here: y_s")
def _(dy, dh, delta):
    total = 0.0
    for j in range(dy.size):
        total += dy[j] * dh[j]
    for j in range(dy.size):
        delta[j] = total


@wrong("hidden_delta", "h' of h'")
def _(dy, dh, delta):
    for j in range(dy.size):
        delta[j] = dy[j] * dh[j] * (1 - dh[j])


@wrong("sigmoid_derivative", "u_j in place of y_j")
def _(u, y, dh):
    for j in range(u.size):
        dh[j] = u[j] * (1 - u[j])


@wrong("sigmoid_derivative", "the factor 1 - y_j is missing")
def _(u, y, dh):
    for j in range(u.size):
        dh[j] = y[j]


@wrong("sigmoid_derivative", "the sigmoid of y_j once more")
def _(u, y, dh):
    s = 1 / (1 + np.exp(-y))
    dh[:] = s * (1 - s)


@wrong("relu_derivative", "right at u != 0; at u = 0 the lecture has h' = 1")
def _(u, y, dh):
    for j in range(u.size):
        if u[j] > 0:
            dh[j] = 1
        else:
            dh[j] = 0


@wrong("relu_derivative", "right at u != 0; at u = 0 the lecture has h' = 1")
def _(u, y, dh):
    dh[:] = y > 0


@wrong("relu_derivative", "1 everywhere")
def _(u, y, dh):
    for j in range(u.size):
        dh[j] = 1 if y[j] >= 0 else 0


@wrong("relu_derivative", "ReLU itself")
def _(u, y, dh):
    dh[:] = np.where(u >= 0, u, 0)
