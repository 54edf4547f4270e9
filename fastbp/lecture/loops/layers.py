"""One layer: its weighted sums, its gradients and the way back through it, as index loops (slides 7, 8, 21-30, 34)."""

from fastbp.compiler.jit import jit

__all__ = [
    "add_backward_sum", "add_bias_gradient", "add_stored", "add_weight_gradient", "add_weighted_sum", "backward_sum",
    "bias_gradient", "hidden_delta", "weight_gradient", "weighted_sum",
]  # fmt: skip


@jit
def weighted_sum(x, w, b, u):
    """u_j = sum_i w_ji x_i + b_j (slides 7, 8, 26).

    x (i), w (j, i), b (j) -> u (j)
    """
    for j in range(w.shape[0]):
        total = b[j]
        for i in range(w.shape[1]):
            total += w[j, i] * x[i]
        u[j] = total


@jit
def add_weighted_sum(x, w, u):
    """u_j += sum_i w_ji x_i (slides 7, 8, 26).

    x (i), w (j, i) -> u (j)
    """
    for j in range(w.shape[0]):
        total = u[j]
        for i in range(w.shape[1]):
            total += w[j, i] * x[i]
        u[j] = total


@jit
def weight_gradient(delta, x, dw):
    """dE/dw_ji = delta_j x_i: STEP 1 (slides 21, 22) and STEP 2 (slides 26, 27).

    delta (j), x (i) -> dw (j, i)
    """
    for j in range(dw.shape[0]):
        delta_j = delta[j]  # read once: the compiler cannot know that dw lies elsewhere
        for i in range(dw.shape[1]):
            dw[j, i] = delta_j * x[i]


@jit
def add_weight_gradient(delta, x, dw):
    """dE/dw_ji += delta_j x_i: the sum over a mini-batch of slides 21, 22, 26 and 27.

    delta (j), x (i) -> dw (j, i)
    """
    for j in range(dw.shape[0]):
        delta_j = delta[j]
        for i in range(dw.shape[1]):
            dw[j, i] += delta_j * x[i]


@jit
def bias_gradient(delta, db):
    """dE/db_j = delta_j: STEP 1 (slides 23, 24) and STEP 2 (slides 28, 29).

    delta (j) -> db (j)
    """
    for j in range(delta.size):
        db[j] = delta[j]


@jit
def add_bias_gradient(delta, db):
    """dE/db_j += delta_j: the sum over a mini-batch of slides 23, 24, 28 and 29.

    delta (j) -> db (j)
    """
    for j in range(delta.size):
        db[j] += delta[j]


@jit
def backward_sum(delta, w, dy):
    """dE/dy_j = sum_k delta_k w_kj: STEP 1.5 (slide 25).

    delta (k), w (k, j) -> dy (j)
    """
    # k is the outer loop, because w_kj and w_k,j+1 are neighbours in memory
    for j in range(w.shape[1]):
        dy[j] = 0
    for k in range(w.shape[0]):
        delta_k = delta[k]
        for j in range(w.shape[1]):
            dy[j] += delta_k * w[k, j]


@jit
def add_backward_sum(delta, w, dy):
    """dE/dy_j += sum_k delta_k w_kj (slide 25).

    delta (k), w (k, j) -> dy (j)
    """
    for k in range(w.shape[0]):
        delta_k = delta[k]
        for j in range(w.shape[1]):
            dy[j] += delta_k * w[k, j]


@jit
def hidden_delta(dy, dh, delta):
    """delta_j = dE/dy_j h'(u_j) (slides 34, 35, 36).

    dy (j), dh (j) -> delta (j)
    """
    for j in range(dy.size):
        delta[j] = dy[j] * dh[j]


@jit
def add_stored(x, rows, w, u):
    """u_j += sum_n x_n w_nj, w_n = row rows_n of w: the terms that are not 0 (slides 7, 8, 21, 26).

    Where only the x_i that are not 0 are stored, with their i, this adds sum_i w_ji x_i to u_j, w lying (i, j). With
    the samples s that store x_si, and delta (s, j) in place of w, it adds sum_s delta_sj x_si to dE/dw_ji.

    x (n), rows (n), w (N, j) -> u (j)
    """
    for n in range(x.size):
        row, x_n = rows[n], x[n]
        for j in range(u.size):
            u[j] += x_n * w[row, j]
