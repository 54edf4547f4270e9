"""Update rules, penalties and limits, as index loops over the parameters (slide 12 and its successors).

A step takes whole vectors, so that a view of a part of them makes a step of that part. Coefficients are computed in
double precision, then rounded once to the dtype of theta.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import double, larger, smaller, where
from fastbp.compiler.views import vector_at
from fastbp.lecture.codes import (
    ADAMW,
    CLIP_NORM,
    EPSILON,
    EPSILON_HAT,
    FIRST_DECAY,
    GROWING,
    L1,
    L2,
    LARGEST_SIZE,
    LEAST_SIZE,
    MAX_NORM,
    MOMENTUM,
    NESTEROV,
    NO_STEP,
    PER_SAMPLE,
    RMSPROP,
    RPROP,
    RULE,
    SECOND_DECAY,
    SGD,
    SHRINKING,
    WEIGHT_DECAY,
)
from fastbp.lecture.loops.parts import (
    diagonal_of,
    has_diagonal,
    has_own_rates,
    rated_part,
    trained_count,
    trained_weights_of,
    weights_of,
)

__all__ = [
    "adam_step", "adamw_step", "add_l1", "add_l2", "add_penalties", "add_split_gradient", "clip_gradient",
    "gradient_step", "l1_penalty", "l2_penalty", "limit_norms", "momentum_step", "nesterov_step", "rated_step",
    "rmsprop_step", "rprop_step", "rule_step", "scale_inputs", "split_gradient", "square_sum", "update",
]  # fmt: skip

# ---- Rules -----------------------------------------------------------------------------------------------------------


@jit
def gradient_step(theta, dtheta, eta):
    """w <- w - eta dE/dw, b <- b - eta dE/db (slide 12).

    dtheta (p) -> theta (p)
    """
    rate = theta.dtype.type(eta)
    for p in range(theta.size):
        theta[p] -= rate * dtheta[p]


@jit
def momentum_step(theta, dtheta, eta, momentum, velocity):
    """v <- momentum v - eta dE/dtheta; theta <- theta + v (Polyak 1964).

    dtheta (p) -> theta (p), velocity (p)
    """
    rate, kept = theta.dtype.type(eta), theta.dtype.type(momentum)
    for p in range(theta.size):
        v = kept * velocity[p] - rate * dtheta[p]
        velocity[p] = v
        theta[p] += v


@jit
def nesterov_step(theta, dtheta, eta, momentum, velocity):
    """v <- momentum v - eta dE/dtheta; theta <- theta + momentum v - eta dE/dtheta (Sutskever et al. 2013).

    dtheta (p) -> theta (p), velocity (p)
    """
    rate, kept = theta.dtype.type(eta), theta.dtype.type(momentum)
    for p in range(theta.size):
        step = rate * dtheta[p]
        v = kept * velocity[p] - step
        velocity[p] = v
        theta[p] += kept * v - step


@jit
def adam_step(theta, dtheta, eta, betas, epsilon, step, m, v):
    """theta <- theta - eta m^ / (sqrt(v^) + epsilon) (Kingma and Ba 2015, algorithm 1).

    m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2; m^ = m / (1 - beta1^step); v^ = v / (1 - beta2^step);
    g = dE/dtheta; step is 1 for the first.

    dtheta (p), betas (2 numbers) -> theta (p), m (p), v (p)
    """
    adamw_step(theta, dtheta, eta, betas, epsilon, 0.0, step, m, v)


@jit
def adamw_step(theta, dtheta, eta, betas, epsilon, weight_decay, step, m, v):
    """theta <- theta - eta (m^/(sqrt(v^) + epsilon) + weight_decay theta) (Loshchilov and Hutter 2019, algorithm 2).

    m, v, m^ and v^ as in `adam_step`.

    dtheta (p), betas (2 numbers) -> theta (p), m (p), v (p)
    """
    real, (beta1, beta2) = theta.dtype.type, betas
    kept1, kept2, new1, new2 = real(beta1), real(beta2), real(1.0 - beta1), real(1.0 - beta2)
    rate = real(eta / (1.0 - beta1**step))  # of m: eta m^ = eta / (1 - b1^step) m
    unbias = real(1.0 / (1.0 - beta2**step))
    shrunk, small = real(1.0 - eta * weight_decay), real(epsilon)
    for p in range(theta.size):
        m[p] = kept1 * m[p] + new1 * dtheta[p]
        v[p] = kept2 * v[p] + new2 * dtheta[p] * dtheta[p]
        theta[p] = shrunk * theta[p] - rate * m[p] / (np.sqrt(unbias * v[p]) + small)


@jit
def rmsprop_step(theta, dtheta, eta, decay, epsilon, v):
    """v <- decay v + (1 - decay) g^2; theta <- theta - eta g / (sqrt(v) + epsilon) (Tieleman and Hinton 2012).

    dtheta (p) -> theta (p), v (p)
    """
    # g = dE/dtheta
    rate, kept, small = theta.dtype.type(eta), theta.dtype.type(decay), theta.dtype.type(epsilon)
    new = theta.dtype.type(1.0 - decay)
    for p in range(theta.size):
        v[p] = kept * v[p] + new * dtheta[p] * dtheta[p]
        theta[p] -= rate * dtheta[p] / (np.sqrt(v[p]) + small)


@jit
def rprop_step(theta, dtheta, eta, etas, sizes, sign, size):
    """s <- etas s; theta <- theta - eta s sign(g): s grows while g keeps its sign (Igel and Hüsken 2003).

    This is iRprop-: s shrinks where the sign is another than before; g counts as 0 there, and so it does as the one
    before the next. `etas` are what s shrinks and grows by, `sizes` its least and its largest value; it and they are
    multiples of eta. A size of 0 has not begun: s is 1.

    dtheta (p), etas (2 numbers), sizes (2 numbers) -> theta (p), sign (p), size (p)
    """
    # g = dE/dtheta
    real, (shrinking, growing), (least, largest) = theta.dtype.type, etas, sizes
    rate, one, none, back = real(eta), real(1), real(0), real(-1)
    shrunk, grown, least, largest = real(shrinking), real(growing), real(least), real(largest)
    for p in range(theta.size):
        g = dtheta[p]
        now = where(g > 0, one, where(g < 0, back, g))  # g: 0 or NaN
        kept = now * sign[p]
        s = where(size[p] > 0, size[p], one) * where(kept > 0, grown, where(kept < 0, shrunk, one))
        s = smaller(larger(s, least), largest)
        now = where(kept < 0, none, now)
        size[p], sign[p] = s, now
        theta[p] -= rate * s * now


# ---- Penalties and limits --------------------------------------------------------------------------------------------


@jit
def add_l2(w, l2, dw):
    """dE/dw_p += l2 w_p, the derivative of l2/2 sum w^2 (Krogh and Hertz 1992).

    w (p) -> dw (p)
    """
    strength = w.dtype.type(l2)
    for p in range(w.size):
        dw[p] += strength * w[p]


@jit
def add_l1(w, l1, dw):
    """dE/dw_p += l1 sign(w_p), the derivative of l1 sum |w| (Tibshirani 1996).

    w (p) -> dw (p)
    """
    zero, above, below = w.dtype.type(0), w.dtype.type(l1), w.dtype.type(-l1)
    for p in range(w.size):
        dw[p] += where(w[p] > 0, above, where(w[p] < 0, below, zero))


@jit
def l2_penalty(w, l2):
    """l2/2 sum_p w_p^2 (Krogh and Hertz 1992).

    w (p)
    """
    return 0.5 * l2 * square_sum(w)


@jit
def l1_penalty(w, l1):
    """l1 sum_p |w_p| (Tibshirani 1996).

    w (p)
    """
    total = 0.0
    for p in range(w.size):
        total += double(abs(w[p]))
    return l1 * total


@jit
def square_sum(dtheta):
    """|dE/dtheta|^2 = sum_p (dE/dtheta_p)^2 (Pascanu et al. 2013).

    dtheta (p)
    """
    total = 0.0
    for p in range(dtheta.size):
        total += double(dtheta[p]) * double(dtheta[p])
    return total


@jit
def clip_gradient(clip_norm, square, dtheta):
    """g <- g clip_norm / |g| if |g| > clip_norm, g = dE/dtheta, |g|^2 = square (Pascanu et al. 2013, algorithm 1).

    -> dtheta (p)
    """
    norm = np.sqrt(square)
    if norm > clip_norm:
        factor = dtheta.dtype.type(clip_norm / larger(norm, clip_norm))
        for p in range(dtheta.size):
            dtheta[p] *= factor


@jit
def limit_norms(max_norm, w):
    """w_ji <- w_ji max_norm / |w_j| if |w_j| > max_norm, |w_j|^2 = sum_i w_ji^2 (Hinton et al. 2012).

    -> w (j, i)
    """
    for j in range(w.shape[0]):
        total = 0.0
        for i in range(w.shape[1]):
            total += double(w[j, i]) * double(w[j, i])
        norm = np.sqrt(total)
        if norm > max_norm:
            factor = w.dtype.type(max_norm / larger(norm, max_norm))
            for i in range(w.shape[1]):
                w[j, i] *= factor


# ---- A factor for each input -----------------------------------------------------------------------------------------


@jit
def scale_inputs(w, f, v):
    """v_ji = w_ji f_i, so that sum_i v_ji x_i = sum_i w_ji (f_i x_i) (Holzmüller et al. 2024, section 3).

    w (j, i), f (i) -> v (j, i)
    """
    for j in range(w.shape[0]):
        for i in range(w.shape[1]):
            v[j, i] = w[j, i] * f[i]


@jit
def split_gradient(dv, w, f, dw, df):
    """dE/dw_ji = dE/dv_ji f_i, dE/df_i = sum_j dE/dv_ji w_ji, where v_ji = w_ji f_i (Holzmüller et al. 2024).

    dv (j, i), w (j, i), f (i) -> dw (j, i), df (i)
    """
    for i in range(w.shape[1]):
        df[i] = 0
    add_split_gradient(dv, w, f, dw, df)


@jit
def add_split_gradient(dv, w, f, dw, df):
    """`split_gradient` of some of the rows j, whose part of the sum is added to df (Holzmüller et al. 2024).

    dv (j, i), w (j, i), f (i) -> dw (j, i), df (i)
    """
    for j in range(w.shape[0]):
        for i in range(w.shape[1]):
            df[i] += dv[j, i] * w[j, i]
            dw[j, i] = dv[j, i] * f[i]


# ---- All that a mini-batch does to the parameters --------------------------------------------------------------------


@jit
def rule_step(settings, eta, step, theta, dtheta, m, v):
    """theta <- theta + the step of the rule that `settings` names (slide 12); a rule with one memory keeps it in m.

    With EPSILON_HAT Adam's epsilon is that of its short form (Kingma and Ba 2015, end of section 2).

    settings (13), dtheta (p) -> theta (p), m (p), v (p)
    """
    rule = settings[RULE]
    if rule == SGD:
        gradient_step(theta, dtheta, eta)
    elif rule == MOMENTUM:
        momentum_step(theta, dtheta, eta, settings[FIRST_DECAY], m)
    elif rule == NESTEROV:
        nesterov_step(theta, dtheta, eta, settings[FIRST_DECAY], m)
    elif rule == RMSPROP:
        rmsprop_step(theta, dtheta, eta, settings[SECOND_DECAY], settings[EPSILON], m)
    elif rule == RPROP:
        etas, sizes = (settings[SHRINKING], settings[GROWING]), (settings[LEAST_SIZE], settings[LARGEST_SIZE])
        rprop_step(theta, dtheta, eta, etas, sizes, m, v)
    elif rule != NO_STEP:  # ADAM is ADAMW without weight decay
        betas, epsilon = (settings[FIRST_DECAY], settings[SECOND_DECAY]), settings[EPSILON]
        decay = settings[WEIGHT_DECAY] if rule == ADAMW else 0.0
        if settings[EPSILON_HAT] != 0:  # of the short form: eta' m / (sqrt(v) + epsilon)
            epsilon /= np.sqrt(1.0 - betas[1] ** step)
        adamw_step(theta, dtheta, eta, betas, epsilon, decay, step, m, v)


@jit
def add_penalties(settings, whole, w, dw):
    """l1 sum |w| + l2/2 sum w^2 of some weights, which is added to E (slide 12); its derivatives are added to dw.

    With PER_SAMPLE both are divided by `whole`, what the samples of the mini-batch weigh together.

    settings (13), w (p) -> dw (p)
    """
    share, total = 1.0 / whole if settings[PER_SAMPLE] != 0 else 1.0, 0.0
    l2, l1 = settings[L2] * share, settings[L1] * share
    if l2 != 0:
        total += l2_penalty(w, l2)
        add_l2(w, l2, dw)
    if l1 != 0:
        total += l1_penalty(w, l1)
        add_l1(w, l1, dw)
    return total


@jit
def rated_step(settings, layers, eta, step, theta, dtheta, moments, start, end):
    """`rule_step` of theta from `start` to `end`, where each part learns with its own multiple of eta (slide 12).

    settings (13), dtheta (p) -> theta (p), moments (rows, p)
    """
    own = has_own_rates(layers)
    for part in range(2 * layers.size + 1 if own else 1):
        first, last, rate = start, end, 1.0
        if own:
            at, n, rate = rated_part(layers, part)
            first, last = max(start, at), min(end, at + n)
        n = last - first  # a rule with fewer memories does not read what is not there
        if n > 0:
            m, v = vector_at(moments, first, n), vector_at(moments, moments.shape[1] + first, n)
            rule_step(settings, eta * rate, step, vector_at(theta, first, n), vector_at(dtheta, first, n), m, v)


@jit
def update(settings, layers, eta, step, whole, theta, dtheta, moments):
    """w <- w - eta dE/dw, by the rule, penalties and limits of `settings`; 0 is none (slide 12).

    Penalties on the weights come first, then the clipping, the rule, and the largest norm of a row of weights. `whole`
    is what the samples of the mini-batch weigh together. Returns the penalty.

    settings (13) -> theta (p), dtheta (p), moments (rows, p)
    """
    penalty, n = 0.0, trained_count(theta, layers)
    if has_diagonal(layers):
        dw, df = trained_weights_of(dtheta, layers, 0), diagonal_of(dtheta, layers)
        w, f = trained_weights_of(theta, layers, 0), diagonal_of(theta, layers)
        split_gradient(weights_of(dtheta, layers, 0), w, f, dw, df)
    if settings[L1] != 0 or settings[L2] != 0:
        for layer in range(layers.size):
            w, dw = trained_weights_of(theta, layers, layer), trained_weights_of(dtheta, layers, layer)
            penalty += add_penalties(settings, whole, vector_at(w, 0, w.size), vector_at(dw, 0, w.size))
    if settings[CLIP_NORM] != 0:
        clip_gradient(settings[CLIP_NORM], square_sum(vector_at(dtheta, 0, n)), vector_at(dtheta, 0, n))
    rated_step(settings, layers, eta, step, theta, dtheta, moments, 0, n)
    if settings[MAX_NORM] != 0:
        for layer in range(layers.size):
            limit_norms(settings[MAX_NORM], trained_weights_of(theta, layers, layer))
    if has_diagonal(layers):
        scale_inputs(trained_weights_of(theta, layers, 0), diagonal_of(theta, layers), weights_of(theta, layers, 0))
    return penalty
