"""Networks and inputs for the tests of exports."""

import numpy as np

import fastbp
from fastbp.lecture.codes import HIDDEN, OUTPUT

SIZES = ((4, 3), (1, 1, 1), (5, 17, 2), (33, 31, 15, 7))
COMBINATIONS = [(hidden, output) for hidden in HIDDEN for output in OUTPUT]
LARGEST = {"float32": np.finfo(np.float32).max, "float64": np.finfo(np.float64).max}


def sizes_for(output):
    """SIZES, but for softmax, which has at least two outputs."""
    return [(*sizes[:-1], max(sizes[-1], 2 if output == "softmax" else 1)) for sizes in SIZES]


def network_of(sizes, hidden, output, dtype, seed=0):
    """A network that sees inputs up to 100 on both sides of its kinks, and whose outputs are far from saturation."""
    network = fastbp.Network(sizes, hidden, output, dtype)
    rng = np.random.default_rng(seed)
    for layer, (w, b) in enumerate(zip(network.W, network.B, strict=True)):
        last = layer == len(network.W) - 1
        w[...] = rng.normal(0, (0.02 if last else 1.0) / np.sqrt(w.shape[1]), w.shape)
        b[...] = rng.normal(0, 0.5, b.shape)
    return network


def samples(rows, columns, dtype, seed=1):
    return np.random.default_rng(seed).uniform(-100, 100, (rows, columns)).astype(dtype)


def activation_alone(name, dtype):
    """A network whose output is an activation of its input."""
    if name in OUTPUT:
        units = 3 if name == "softmax" else 1
        network = fastbp.Network((units, units), output=name, dtype=dtype)
        network.W[0][...] = np.eye(units)
        return network
    network = fastbp.Network((1, 1, 1), activation=name, output="identity", dtype=dtype)
    network.W[0][...] = network.W[1][...] = 1
    return network


def extremes(name, dtype):
    """Inputs for it: on all branches, tiny, around the ends of the exponential, as large as there are."""
    largest = LARGEST[dtype] / 4  # within the reach of a rounded sum
    magnitudes = np.concatenate([np.geomspace(1e-30, 1e3, 200), np.geomspace(1e3, largest, 20), [LARGEST[dtype]]])
    u = np.concatenate([[0.0], magnitudes, -magnitudes]).astype(dtype)
    if name == "exponential":
        u = u[u < 80]  # beyond, it is infinite
    if name == "selu":
        u = u[u < LARGEST[dtype] / 2]  # lambda times the largest number is infinite
    if name == "softmax":
        furthest = np.array([[LARGEST[dtype], -LARGEST[dtype], 0]], dtype)  # their difference is no number
        return np.concatenate([np.stack([u, u[::-1], np.roll(u, 7)], axis=1), furthest])
    return u[:, None]


def assert_extremes(actual, network, name, x):
    """As the library's to 4 roundings: of the number, and for GELU, whose tanh form cancels below 0, of its input."""
    with np.errstate(over="ignore"):
        expected = network.predict(x)
    assert np.isfinite(actual).all()
    info = np.finfo(network.dtype)
    error = np.abs(actual.astype(np.longdouble) - expected)
    unit = np.abs(expected.astype(np.longdouble))
    if name == "gelu":
        unit = np.maximum(unit, np.where(np.abs(x) < 20, np.abs(x), 0))
    worst = int((error - 4 * info.eps * unit).argmax())
    assert (error <= 4 * info.eps * unit + info.tiny).all(), (x.ravel()[worst], actual.ravel()[worst])


def fitted(estimator, X, y):
    """The estimator after a fit that may end for want of epochs."""
    from tests import estimator_cases  # here, because it needs scikit-learn

    return estimator_cases.fitted(estimator, X, y)
