"""Exercises 23-25: one sample all the way back, one mini-batch, one epoch (slides 12, 30, 37-40)."""

# ruff: noqa: E741 - l is the lecture's letter for the number of inputs

import numpy as np

from fastbp.lecture.workbook.exercise import Exercise, case, one_hot, short, slope, softmax_of
from fastbp.lecture.workbook.forward import SIZES, networks_and_inputs, parameters, relu_of, up

NETWORK = ("w1", "b1", "w2", "b2")
GRADIENTS = ("dw1", "db1", "dw2", "db2")

# ---- 23: one sample --------------------------------------------------------------------------------------------------


def samples_after_forward(rng):
    """What `forward` has left of a sample, and the target."""
    cases = []
    for before in networks_and_inputs(rng):
        given = before.inputs
        u1, y1, _, y2 = up(**given)
        inputs = {"x": given["x"], "d": one_hot(rng, y2.size), "w2": given["w2"], "u1": u1, "y1": y1, "y2": y2}
        shapes = {f"d{name}": given[name].shape for name in NETWORK}
        cases.append(case(before.label, shapes, **inputs))
    return cases


def down(x, d, w2, u1, y1, y2, delta2=None, dy=None, dh=None):
    """dw1, db1, dw2, db2 of a sample, or of the rows of matrices; parts of the way back may be given."""
    delta2 = y2 - d if delta2 is None else delta2
    dy = delta2 @ w2 if dy is None else dy
    delta1 = dy * (u1 >= 0 if dh is None else dh)
    return np.outer(delta1, x), delta1, np.outer(delta2, y1), delta2


def _differences(x, d, w2, u1, y1, y2):
    """By differences of E; None at the kink of ReLU, where a quotient is neither slope."""
    if (u1 == 0).any():
        return None
    u2 = np.log(y2)  # up to a number that softmax does not see

    shapes = {"dw1": (u1.size, x.size), "db1": u1.shape, "dw2": w2.shape, "db2": y2.shape}
    none = {name: np.zeros(shape) for name, shape in shapes.items()}

    def error(**changed):
        """E when the parameters have changed by these."""
        dw1, db1, dw2, db2 = (none | changed).values()
        hidden = relu_of(u1 + dw1 @ x + db1)
        return -d @ np.log(softmax_of(u2 + w2 @ (hidden - y1) + dw2 @ hidden + db2))

    return tuple(slope(lambda change, name=name: error(**{name: change}), none[name]) for name in GRADIENTS)


def _way_back(change):
    """The wrong answer that takes the keywords of `down` from `change(the inputs)`."""
    return lambda *given: down(*given, **change(*given))


def _exchanged(change):
    """The wrong answer that makes other results of the right ones, and of delta_j and delta_k."""
    return lambda *given: change(*given, *down(*given))


def _padded(values, like):
    """As many values as `like` has; those that a loop would read past the end are NaN."""
    return np.append(values, np.full(like.size, np.nan))[: like.size]


def _outer(delta, sent, like):
    """delta_j times what the units of another layer send, in the shape of `like`."""
    return np.outer(delta, _padded(sent, like[0]))


BACKWARD = Exercise(
    "backward", "37-40", ("x", "d", "w2", "u1", "y1", "y2", *GRADIENTS),
    "dE/dW2 = ____ y1^T, dE/dB2 = ____; dE/dW1 = (____) x^T, dE/dB1 = ____",
    "forward has gone before: x (l entries), u1 and y1 (m; ReLU), y2 (n; softmax) are given, and so are the target d "
    "(n) and w2 (n rows, m columns). Write the gradients of all parameters: dw1 (m rows, l columns), db1 (m), dw2 (n "
    "rows, m columns), db2 (n).\n\n"
    "Call your own functions from above, in the order STEP 1 (output_delta, weight_gradient, bias_gradient), STEP 1.5 "
    "(backward_sum), STEP 2 (relu_derivative, hidden_delta, weight_gradient, bias_gradient). A vector for what lies "
    "between, delta2 say, comes from `delta2 = np.empty(y2.size)`: so many entries, with nothing sensible in them yet.",
    (
        "STEP 1: `output_delta(y2, d, delta2)`, then weight_gradient with delta2 and what was sent to the output "
        "layer, y1, and bias_gradient with delta2.",
        "STEP 1.5: `backward_sum(delta2, w2, dy)`, dy with m entries.",
        "STEP 2: `relu_derivative(u1, y1, dh)`, `hidden_delta(dy, dh, delta1)`, and both gradients with delta1 and x.",
    ),
    samples_after_forward,
    down,
    (
        ("d - y where the lecture has y - d: delta_k = y_k - d_k; all four gradients have the wrong sign",
         _way_back(lambda x, d, w2, u1, y1, y2: {"delta2": d - y2})),
        ("dw2 and db2 are right; in STEP 2 h'(u_j) is missing: delta_j = dE/dy_j h'(u_j)",
         _way_back(lambda x, d, w2, u1, y1, y2: {"dh": np.ones_like(u1)})),
        ("dw2 and db2 are right, and so is the rest at u_j != 0; at u_j = 0 the lecture has h' = 1 (slide 36)",
         _way_back(lambda x, d, w2, u1, y1, y2: {"dh": u1 > 0})),
        ("dw2 and db2 are right; h' is that of the sigmoid, y_j (1 - y_j): with ReLU it is 1 or 0",
         _way_back(lambda x, d, w2, u1, y1, y2: {"dh": y1 * (1 - y1)})),
        ("dw2 and db2 are right; y_j in the place of h'(u_j)",
         _way_back(lambda x, d, w2, u1, y1, y2: {"dh": y1})),
        ("y_k (1 - y_k) is too much in delta_k: with softmax and cross-entropy it is y_k - d_k",
         _way_back(lambda x, d, w2, u1, y1, y2: {"delta2": (y2 - d) * y2 * (1 - y2)})),
        ("the factor 2 has gone with the 1/2 of E: delta_k = y_k - d_k",
         _way_back(lambda x, d, w2, u1, y1, y2: {"delta2": 2 * (y2 - d)})),
        ("dw2 and db2 are right; dE/dy_j must sum over k = 1..n, yours has only the last k",
         _way_back(lambda x, d, w2, u1, y1, y2: {"dy": (y2 - d)[-1] * w2[-1]})),
        ("dw2 and db2 are right; W[j, k] where the lecture has W[k, j] in STEP 1.5: transposed",
         _way_back(lambda x, d, w2, u1, y1, y2: {"dy": w2 @ (y2 - d)})),
        ("dw2 and db2 are right; delta_k is missing in STEP 1.5: dE/dy_j = sum_k delta_k w_kj",
         _way_back(lambda x, d, w2, u1, y1, y2: {"dy": w2.sum(axis=0)})),
        ("dw2 and db2 are right; w_kj is missing in STEP 1.5: dE/dy_j = sum_k delta_k w_kj",
         _way_back(lambda x, d, w2, u1, y1, y2: {"dy": np.full(u1.size, (y2 - d).sum())})),
        ("dE/dw_kj = delta_k y_j: the output layer got y1, yours has u1 there",
         _exchanged(lambda x, d, w2, u1, y1, y2, dw1, db1, dw2, db2: (dw1, db1, np.outer(db2, u1), db2))),
        ("dE/dw_kj = delta_k y_j: the output layer got y1, yours has x there",
         _exchanged(lambda x, d, w2, u1, y1, y2, dw1, db1, dw2, db2:
                    (dw1, db1, _outer(db2, x, dw2), db2))),
        ("dE/dw_ji = delta_j x_i: the hidden layer got x, yours has y1 there",
         _exchanged(lambda x, d, w2, u1, y1, y2, dw1, db1, dw2, db2:
                    (_outer(db1, y1, dw1), db1, dw2, db2))),
        ("dw1 and db1 have delta of the output layer: STEP 2 needs delta_j of the hidden layer",
         _exchanged(lambda x, d, w2, u1, y1, y2, dw1, db1, dw2, db2:
                    (_outer(_padded(db2, db1), x, dw1), _padded(db2, db1), dw2, db2))),
        ("dw2 and dw1 are right; a bias gradient is delta alone: dE/db_k = delta_k, dE/db_j = delta_j; yours are 1",
         _exchanged(lambda x, d, w2, u1, y1, y2, dw1, db1, dw2, db2:
                    (dw1, np.ones_like(db1), dw2, np.ones_like(db2)))),
        ("right, but db1 and db2 are never written: dE/db_k = delta_k, dE/db_j = delta_j",
         _exchanged(lambda x, d, w2, u1, y1, y2, dw1, db1, dw2, db2: (dw1, db1 * np.nan, dw2, db2 * np.nan))),
        ("right, but db1 is dE/dy_j in yours: dE/db_j = delta_j, with h'(u_j)",
         _exchanged(lambda x, d, w2, u1, y1, y2, dw1, db1, dw2, db2: (dw1, db2 @ w2, dw2, db2))),
    ),
    outputs=GRADIENTS, difference=_differences,
)  # fmt: skip

# ---- 24: one mini-batch ----------------------------------------------------------------------------------------------


def mini_batches(rng):
    """Samples and parameters; several samples, and a single one."""
    cases = []
    for (l, m, n), s in zip(SIZES, (4, 1, 3, 7, 2), strict=True):
        theta = parameters(rng, l, m, n)
        shapes = {f"d{name}": array.shape for name, array in theta.items()}
        label = f"{s} sample{'s' * (s > 1)}, l = {l}, m = {m}, n = {n}"
        cases.append(case(label, shapes, X=short(rng, s, l), D=one_hot(rng, s, n), **theta))
    return cases


def each_sample(X, D, w1, b1, w2, b2):
    """The gradients of each sample, along a first axis, and its error."""
    u1, y1, _, y2 = up(X, w1, b1, w2, b2)
    found = [down(*row) for row in zip(X, D, [w2] * len(X), u1, y1, y2, strict=True)]
    return (*map(np.array, zip(*found, strict=True)), -(D * np.log(y2)).sum(axis=1))


def mean_of_samples(*given):
    """dw1, db1, dw2, db2 and E of a mini-batch: the means over its samples."""
    return tuple(part.mean(axis=0) for part in each_sample(*given))


def _of_samples(*how):
    """The wrong answer that takes other things than means, of the gradients and of the errors."""
    return lambda *given: tuple(f(part) for f, part in zip((how[0],) * 4 + (how[1],), each_sample(*given), strict=True))


def _mean(part):
    return part.mean(axis=0)


def _sum(part):
    return part.sum(axis=0)


def _last(part):
    return part[-1]


def _divided_each_time(part):
    total = np.zeros_like(part[0])
    for one in part:
        total = (total + one) / len(part)
    return total


def _squared_errors(X, D, *theta):
    return 0.5 * ((up(X, *theta)[3] - D) ** 2).sum(axis=1)


def _batch_differences(X, D, *theta):
    u1 = X @ theta[0].T + theta[1]
    if np.abs(u1).min() < 1e-3:
        return None

    def error(place, value):
        """E when one of the arrays of parameters has another value."""
        y2 = up(X, *theta[:place], value, *theta[place + 1 :])[3]
        return -(D * np.log(y2)).sum(axis=1).mean()

    slopes = [slope(lambda value, at=at: error(at, value), theta[at]) for at in range(4)]
    return (*slopes, error(0, theta[0]))


GRADIENT = Exercise(
    "gradient", "30, 37-40", ("X", "D", *NETWORK, *GRADIENTS), "dE/dw = 1/S sum_s ____, and the same for b",
    "X holds S samples, one in each row (`X[s]` is a sample, `X.shape[0]` is S), D their targets. Write the mean over "
    "the samples of the gradients into dw1, db1, dw2, db2, and return the mean of the errors (cross-entropy). w1, b1, "
    "w2, b2 stay as they are.\n\n"
    "For each sample call forward, cross_entropy and backward; backward overwrites what it writes to, so give it "
    "arrays of your own (`np.empty(w1.shape)` has the shape of w1) and add them up. `dw1[:] = 0` sets all entries of "
    "dw1 to 0, `dw1 += a` adds an array entry by entry, `dw1 /= 3` divides every entry.",
    (
        "Before the loop over s: all four gradients and the total of E are set to 0.",
        "In the loop: forward of X[s], `total += cross_entropy(u2, y2, D[s])`, backward into arrays of your own, and "
        "those are added to dw1, db1, dw2, db2.",
        "After the loop everything is divided by X.shape[0].",
    ),
    mini_batches,
    mean_of_samples,
    (
        ("the sum where the lecture has the mean: divide gradients and error by the number of samples",
         _of_samples(_sum, _sum)),
        ("the gradients are right; the error is the sum over the samples: divide it by their number",
         _of_samples(_mean, _sum)),
        ("the error is right; the gradients are the sum over the samples: divide them by their number",
         _of_samples(_sum, _mean)),
        ("only the last sample counts in yours: add the gradients up (backward overwrites), and divide by their number",
         _of_samples(_last, _last)),
        ("the error is right; of the gradients only the last sample counts: backward overwrites, so add up elsewhere",
         _of_samples(_last, _mean)),
        ("the gradients are right; the error is that of the last sample alone: return the mean",
         _of_samples(_mean, _last)),
        ("the error is right; the gradients are those of the last sample, divided by the number of samples: backward "
         "overwrites, so add up elsewhere", _of_samples(lambda part: part[-1] / len(part), _mean)),
        ("the last sample is left out: range(X.shape[0]) has all",
         _of_samples(lambda part: part[:-1].sum(axis=0) / len(part), lambda part: part[:-1].sum(axis=0) / len(part))),
        ("the first sample is left out: indices begin at 0",
         _of_samples(lambda part: part[1:].sum(axis=0) / len(part), lambda part: part[1:].sum(axis=0) / len(part))),
        ("the gradients are right; the error is the squared one of regression: after softmax it is cross_entropy",
         lambda *given: (*mean_of_samples(*given)[:4], _squared_errors(*given).mean())),
        ("divided in the loop over s: the division by the number of samples comes once, after the loop",
         _of_samples(_divided_each_time, _mean)),
        ("the gradients are right; the sign of the error: E = - sum_r d_r ln y_r",
         _of_samples(_mean, lambda part: -part.mean(axis=0))),
        ("the error is right; the sign of the gradients: the minus of slide 12 comes with the step",
         lambda *given: (*(-part for part in mean_of_samples(*given)[:4]), mean_of_samples(*given)[4])),
        ("the gradients are divided by the number of inputs where the lecture has the number of samples",
         lambda X, *rest: _scaled(X.shape[0] / X.shape[1], X, *rest)),
    ),
    outputs=GRADIENTS, returns="E", difference=_batch_differences,
)  # fmt: skip


def _scaled(factor, *given):
    return tuple(factor * part for part in mean_of_samples(*given))


# ---- 25: one epoch ---------------------------------------------------------------------------------------------------


def epochs(rng):
    """Orders that are no mere counting; batches that come out even and such that do not; samples that are not used."""
    cases = []
    for (l, m, n), samples, used, batch_size in zip(
        SIZES, (5, 3, 6, 7, 4), (5, 3, 6, 5, 4), (2, 1, 3, 4, 3), strict=True
    ):
        order = np.append(rng.permutation(np.arange(1, samples))[: used - 1], 0)  # 0 comes last: never the plain order
        label = f"{used} of {samples} samples in mini-batches of {batch_size}"
        data = {"X": short(rng, samples, l), "D": one_hot(rng, samples, n), "order": order, "batch_size": batch_size}
        cases.append(case(label, **data, eta=0.25, **parameters(rng, l, m, n)))
    return cases


def descend(X, D, order, batch_size, eta, *theta, parts=None, take=mean_of_samples):
    """The parameters after a step for each mini-batch; `parts` are its row numbers, those of `order` in slices."""
    parts = batches(order, batch_size) if parts is None else parts
    for rows in parts:
        gradients = take(X[rows], D[rows], *theta)[:4]
        theta = tuple(part - eta * step for part, step in zip(theta, gradients, strict=True))
    return theta


def batches(order, batch_size):
    """The slices of `order`, the last one with what is left."""
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _as_if_full(batch_size):
    return lambda X, *rest: _scaled(len(X) / batch_size, X, *rest)


def _without_last(X, D, order, batch_size, eta, *theta):
    parts = [rows for rows in batches(order, batch_size) if len(rows) == batch_size]
    return descend(X, D, order, batch_size, eta, *theta, parts=parts)


def _at_the_start(X, D, order, batch_size, eta, *theta):
    found = [mean_of_samples(X[rows], D[rows], *theta)[:4] for rows in batches(order, batch_size)]
    return tuple(part - eta * sum(steps) for part, *steps in zip(theta, *found, strict=True))


EPOCH = Exercise(
    "epoch", "12, 37-40", ("X", "D", "order", "batch_size", "eta", *NETWORK),
    "for each mini-batch of `order`: w <- w ____, b <- b ____",
    "order holds numbers of rows of X and D, in the order in which they are to be used. The first batch_size of them "
    "are the first mini-batch, the next ones the second, and so on; the last one has what is left. For each "
    "mini-batch: find the mean gradients (your gradient), and change w1, b1, w2, b2 by a step with the learning rate "
    "eta. Nothing is returned.\n\n"
    "`for start in range(0, order.size, batch_size):` goes to the beginning of each mini-batch, `rows = order[start : "
    "start + batch_size]` are its row numbers (the last time fewer), and `X[rows]` are those rows. `w1 -= eta * dw1` "
    "changes every entry of w1.",
    (
        "Arrays for the gradients once, before the loop: `dw1 = np.empty(w1.shape)` and so on.",
        "In the loop: `gradient(X[rows], D[rows], w1, b1, w2, b2, dw1, db1, dw2, db2)`, then the four steps.",
        "Write `w1 -= ...` or `w1[:] = ...`: `w1 = w1 - ...` would make a new array, and the given one would stay.",
    ),
    epochs,
    descend,
    (
        ("uphill: w <- w - eta dE/dw, with a minus", lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, -eta, *theta)),
        ("the learning rate is missing: w <- w - eta dE/dw", lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, 1.0, *theta)),
        ("the rows are taken as they lie in X: a mini-batch has those that `order` names",
         lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, parts=batches(np.arange(len(order)), batch_size))),
        ("all rows of X are taken as they lie there: a mini-batch has those that `order` names",
         lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, parts=batches(np.arange(len(X)), batch_size))),
        ("the last mini-batch is left out where it has fewer samples than the others", _without_last),
        ("the last mini-batch has fewer samples: the mean divides by their number, not by batch_size",
         lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, take=_as_if_full(batch_size))),
        ("the sum over a mini-batch where the lecture has the mean: divide by the number of its samples",
         lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, take=_of_samples(_sum, _sum))),
        ("one step for the mean over all samples: the lecture makes a step for each mini-batch",
         lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, parts=[order])),
        ("a step for each single sample: the lecture makes one for each mini-batch, with the mean of its gradients",
         lambda X, D, order, batch_size, eta, *theta: descend(X, D, order, 1, eta, *theta)),
        ("only the first mini-batch makes a step: is the loop left too early?",
         lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, parts=batches(order, batch_size)[:1])),
        ("only the last mini-batch makes a step: the steps belong into the loop",
         lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, parts=batches(order, batch_size)[-1:])),
        ("every gradient is taken at the first parameters: a step changes them before the next mini-batch",
         _at_the_start),
        ("only the weights make a step: the biases do so, too", lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, take=lambda *given:
                 tuple(part * (at % 2 == 0) for at, part in enumerate(mean_of_samples(*given))))),
        ("only the output layer makes a step: the hidden layer does so, too",
         lambda X, D, order, batch_size, eta, *theta:
         descend(X, D, order, batch_size, eta, *theta, take=lambda *given:
                 tuple(part * (at >= 2) for at, part in enumerate(mean_of_samples(*given))))),
    ),
    changes=NETWORK,
)  # fmt: skip

EXERCISES = (BACKWARD, GRADIENT, EPOCH)
