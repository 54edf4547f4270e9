"""Update rules, penalties and limits, as NumPy expressions over the parameters (slide 12 and its successors)."""

import numpy as np

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
from fastbp.lecture.layout import has_diagonal, parameters_of, rated_parts, trained_count, trained_weights, weights

__all__ = [
    "adam_step", "adamw_step", "add_l1", "add_l2", "add_penalties", "add_split_gradient", "clip_gradient",
    "gradient_step", "l1_penalty", "l2_penalty", "limit_norms", "momentum_step", "nesterov_step", "rated_step",
    "rmsprop_step", "rprop_step", "rule_step", "scale_inputs", "split_gradient", "square_sum", "update",
]  # fmt: skip

# ---- Rules -----------------------------------------------------------------------------------------------------------


def gradient_step(theta, dtheta, eta):
    """theta <- theta - eta dE/dtheta (slide 12).

    dtheta (...) -> theta (...)
    """
    theta -= theta.dtype.type(eta) * dtheta


def momentum_step(theta, dtheta, eta, momentum, velocity):
    """v <- momentum v - eta dE/dtheta; theta <- theta + v (Polyak 1964).

    dtheta (...) -> theta (...), velocity (...)
    """
    velocity *= momentum
    velocity -= theta.dtype.type(eta) * dtheta
    theta += velocity


def nesterov_step(theta, dtheta, eta, momentum, velocity):
    """v <- momentum v - eta dE/dtheta; theta <- theta + momentum v - eta dE/dtheta (Sutskever et al. 2013).

    dtheta (...) -> theta (...), velocity (...)
    """
    step = theta.dtype.type(eta) * dtheta
    velocity *= momentum
    velocity -= step
    theta -= step
    theta += np.multiply(velocity, momentum, out=step)


def adam_step(theta, dtheta, eta, betas, epsilon, step, m, v):
    """theta <- theta - eta m^ / (sqrt(v^) + epsilon) (Kingma and Ba 2015, algorithm 1).

    dtheta (...), betas (2 numbers) -> theta (...), m (...), v (...)
    """
    adamw_step(theta, dtheta, eta, betas, epsilon, 0.0, step, m, v)


def adamw_step(theta, dtheta, eta, betas, epsilon, weight_decay, step, m, v):
    """theta <- theta - eta (m^ / (sqrt(v^) + epsilon) + weight_decay theta) (Loshchilov and Hutter 2019).

    dtheta (...), betas (2 numbers) -> theta (...), m (...), v (...)
    """
    beta1, beta2 = betas
    m *= beta1
    new = dtheta * theta.dtype.type(1 - beta1)
    m += new
    np.multiply(dtheta, dtheta, out=new)
    new *= 1 - beta2
    v *= beta2
    v += new
    np.multiply(v, 1 / (1 - beta2**step), out=new)
    np.sqrt(new, out=new)
    new += epsilon
    np.divide(m, new, out=new)
    new *= eta / (1 - beta1**step)
    if weight_decay != 0:
        theta *= 1 - eta * weight_decay
    theta -= new


def rmsprop_step(theta, dtheta, eta, decay, epsilon, v):
    """v <- decay v + (1 - decay) g^2; theta <- theta - eta g / (sqrt(v) + epsilon) (Tieleman and Hinton 2012).

    dtheta (...) -> theta (...), v (...)
    """
    new = dtheta * dtheta
    new *= 1 - decay
    v *= decay
    v += new
    np.sqrt(v, out=new)
    new += epsilon
    np.divide(dtheta, new, out=new)
    new *= eta
    theta -= new


def rprop_step(theta, dtheta, eta, etas, sizes, sign, size):
    """s <- etas s; theta <- theta - eta s sign(g): s grows while g keeps its sign (Igel and Hüsken 2003).

    dtheta (...), etas (2 numbers), sizes (2 numbers) -> theta (...), sign (...), size (...)
    """
    new = np.sign(dtheta)
    kept = new * sign
    size[size == 0] = 1
    size[kept > 0] *= etas[1]
    size[kept < 0] *= etas[0]
    np.clip(size, *sizes, out=size)
    new[kept < 0] = 0
    sign[...] = new
    new *= size
    new *= eta
    theta -= new


# ---- Penalties and limits --------------------------------------------------------------------------------------------


def add_l2(w, l2, dw):
    """dE/dW += l2 W (Krogh and Hertz 1992).

    w (...) -> dw (...)
    """
    dw += w.dtype.type(l2) * w


def add_l1(w, l1, dw):
    """dE/dW += l1 sign(W) (Tibshirani 1996).

    w (...) -> dw (...)
    """
    dw += w.dtype.type(l1) * np.sign(w)


def l2_penalty(w, l2):
    """l2/2 sum W^2 (Krogh and Hertz 1992).

    w (...)
    """
    return 0.5 * l2 * square_sum(w)


def l1_penalty(w, l1):
    """l1 sum |W| (Tibshirani 1996).

    w (...)
    """
    return l1 * float(np.abs(w).sum(dtype=np.float64))


def square_sum(dtheta):
    """|dE/dtheta|^2 (Pascanu et al. 2013).

    dtheta (...)
    """
    flat = dtheta.reshape(-1)
    return float(np.einsum("p,p->", flat, flat, dtype=np.float64))


def clip_gradient(clip_norm, square, dtheta):
    """g <- g clip_norm / |g| if |g| > clip_norm, |g|^2 = square (Pascanu et al. 2013, algorithm 1).

    -> dtheta (...)
    """
    norm = float(np.sqrt(square))
    if norm > clip_norm:
        dtheta *= clip_norm / norm


def limit_norms(max_norm, w):
    """Each row of W is scaled to |w_j| = max_norm where |w_j| > max_norm (Hinton et al. 2012).

    -> w (j, i)
    """
    norms = np.sqrt(np.einsum("ji,ji->j", w, w, dtype=np.float64))
    too_long = norms > max_norm
    if too_long.any():
        w[too_long] *= (max_norm / norms[too_long]).astype(w.dtype)[:, None]


# ---- A factor for each input -----------------------------------------------------------------------------------------


def scale_inputs(w, f, v):
    """V = W diag(f), so that V x = W (f * x) (Holzmüller et al. 2024, section 3).

    w (j, i), f (i) -> v (j, i)
    """
    np.multiply(w, f, out=v)


def split_gradient(dv, w, f, dw, df):
    """dW = dV diag(f), df = diag(W^T dV), where V = W diag(f) (Holzmüller et al. 2024).

    dv (j, i), w (j, i), f (i) -> dw (j, i), df (i)
    """
    df[...] = 0
    add_split_gradient(dv, w, f, dw, df)


def add_split_gradient(dv, w, f, dw, df):
    """`split_gradient` of some of the rows, whose part of the sum is added to df (Holzmüller et al. 2024).

    dv (j, i), w (j, i), f (i) -> dw (j, i), df (i)
    """
    df += np.einsum("ji,ji->i", dv, w)
    np.multiply(dv, f, out=dw)


# ---- All that a mini-batch does to the parameters --------------------------------------------------------------------


def rule_step(settings, eta, step, theta, dtheta, m, v):
    """theta <- theta + the step of the rule that `settings` names (slide 12); a rule with one memory keeps it in m.

    settings (13), dtheta (...) -> theta (...), m (...), v (...)
    """
    rule = settings[RULE]
    if rule == SGD:
        gradient_step(theta, dtheta, eta)
        return
    # numbers of Python, because those of NumPy would lift float32 to float64
    first, second, epsilon = float(settings[FIRST_DECAY]), float(settings[SECOND_DECAY]), float(settings[EPSILON])
    if rule == NO_STEP:
        return
    if rule == MOMENTUM:
        momentum_step(theta, dtheta, eta, first, m)
    elif rule == NESTEROV:
        nesterov_step(theta, dtheta, eta, first, m)
    elif rule == RMSPROP:
        rmsprop_step(theta, dtheta, eta, second, epsilon, m)
    elif rule == RPROP:
        etas, sizes = (settings[SHRINKING], settings[GROWING]), (settings[LEAST_SIZE], settings[LARGEST_SIZE])
        rprop_step(theta, dtheta, eta, etas, sizes, m, v)
    else:  # ADAM is ADAMW without weight decay
        decay = float(settings[WEIGHT_DECAY]) if rule == ADAMW else 0.0
        if settings[EPSILON_HAT] != 0:
            epsilon /= float(np.sqrt(1 - second**step))
        adamw_step(theta, dtheta, eta, (first, second), epsilon, decay, step, m, v)


def add_penalties(settings, whole, w, dw):
    """l1 sum |W| + l2/2 sum W^2, divided by `whole` with PER_SAMPLE; its derivatives are added to dW.

    settings (13), w (...) -> dw (...)
    """
    share, total = 1 / whole if settings[PER_SAMPLE] != 0 else 1.0, 0.0
    l2, l1 = float(settings[L2]) * share, float(settings[L1]) * share
    if l2 != 0:
        total += l2_penalty(w, l2)
        add_l2(w, l2, dw)
    if l1 != 0:
        total += l1_penalty(w, l1)
        add_l1(w, l1, dw)
    return total


def rated_step(settings, layers, eta, step, theta, dtheta, moments, start, end):
    """`rule_step` of theta from `start` to `end`, where each part learns with its own multiple of eta (slide 12).

    settings (13), dtheta (p) -> theta (p), moments (rows, p)
    """
    for at, n, rate in rated_parts(layers) or [(start, end - start, 1.0)]:
        part = slice(max(start, at), max(start, at, min(end, at + n)))
        memories = (*(row[part] for row in moments), None, None)[:2]
        rule_step(settings, rate * eta, step, theta[part], dtheta[part], *memories)


def update(settings, layers, eta, step, whole, theta, dtheta, moments):
    """theta <- theta - eta dE/dtheta, by the rule, penalties and limits of `settings`; 0 is none (slide 12).

    settings (13) -> theta (p), dtheta (p), moments (rows, p)
    """
    settings, penalty, n = settings.tolist(), 0.0, trained_count(layers)
    if has_diagonal(layers):
        f, df = theta[parameters_of(layers) : n], dtheta[parameters_of(layers) : n]
        v, w = weights(theta, layers)[0], trained_weights(theta, layers)[0]
        split_gradient(weights(dtheta, layers)[0], w, f, trained_weights(dtheta, layers)[0], df)
    if settings[L1] != 0 or settings[L2] != 0:
        for w_l, dw in zip(trained_weights(theta, layers), trained_weights(dtheta, layers), strict=True):
            penalty += add_penalties(settings, whole, w_l, dw)
    if settings[CLIP_NORM] != 0:
        clip_gradient(settings[CLIP_NORM], square_sum(dtheta[:n]), dtheta[:n])
    rated_step(settings, layers, eta, step, theta, dtheta, moments, 0, n)
    if settings[MAX_NORM] != 0:
        for w_l in trained_weights(theta, layers):
            limit_norms(settings[MAX_NORM], w_l)
    if has_diagonal(layers):
        scale_inputs(w, f, v)
    return penalty
