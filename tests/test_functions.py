"""exp, log, tanh and the activations on vectors, against a higher precision, over their whole range."""

import numpy as np
import pytest

from fastbp.compiler.jit import jit
from fastbp.engine.simd import functions
from fastbp.engine.simd.dispatch import address, lanes, load, store
from fastbp.lecture import loops, matrix
from fastbp.lecture.codes import HIDDEN
from fastbp.lecture.matrix.activations import GELU_CUBIC, GELU_SCALE
from tests.cases import DTYPES, FUSED, UNCOMPILED

HIGHER = {"float32": np.float64, "float64": np.longdouble}
LIMIT = {"float32": 2 if FUSED else 3, "float64": 4}  # units in the last place
POINTS = 4000 if UNCOMPILED else 200_000
BITS = {"float32": np.uint32, "float64": np.uint64}

exact_enough = pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        pytest.param(
            "float64",
            marks=pytest.mark.skipif(
                np.finfo(np.longdouble).eps >= np.finfo(np.float64).eps, reason="nothing wider than float64 here"
            ),
        ),
    ],
)


# name: the same in a higher precision, and the x that it is meant for
FUNCTIONS = {
    "exp": (np.exp, -np.inf, np.inf),
    "log": (np.log, -np.inf, np.inf),
    "tanh": (np.tanh, -np.inf, np.inf),
    "sigmoid": (lambda x: np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x))), -np.inf, np.inf),
    "log_one_plus": (np.log1p, 0, 1),
    "exp_minus_one": (np.expm1, -np.inf, 0),
}


def on_vectors(function):
    """A kernel y = function(x) for whole vectors."""

    @jit
    def apply(x, y):
        for at in range(0, x.size, lanes(address(x, 0))):
            store(address(y, at), function(load(address(x, at))))

    return apply


KERNELS = {name: on_vectors(getattr(functions, name)) for name in FUNCTIONS}


def in_vectors(kernel, x, outputs=1, arguments=()):
    """What the kernel makes of x, which is filled up to whole vectors."""
    whole = np.append(x, np.zeros(-x.size % 16, x.dtype))
    y = np.full((outputs, whole.size), -7, x.dtype)
    with np.errstate(all="ignore"):
        kernel(*arguments, whole, *y)
    return y[:, : x.size]


def special(dtype):
    """Both zeros, the ends of the range, subnormal numbers, infinities, and all that lies near a threshold."""
    info = np.finfo(dtype)
    tiny = info.smallest_subnormal
    numbers = [0, tiny, 3 * tiny, info.tiny - tiny, info.tiny, 2 * info.tiny, info.eps, info.max, np.inf]
    thresholds = [
        *(np.log(2) * np.array([0.5, 1, 1.5, 2, 10.5, 24, 25, 53, 54])),
        *(44, 22, 88.72284, 88.376, 87.33655, 103.27893, 103.97208, 104, 89),
        *(709.782712893384, 708.3964185322641, 744.4400719213812, 745.1332191019411, 746, 710),
        *(1, np.sqrt(2), np.sqrt(0.5), 2, 0.5, np.e, 10),
    ]
    near = [np.asarray(thresholds, dtype)]
    for _ in range(3):
        near += [np.nextafter(near[-1], dtype(np.inf))]
    near += [np.nextafter(near[0], dtype(0))]
    numbers = np.concatenate([np.asarray(numbers, dtype), *near])
    return np.concatenate([numbers, -numbers])


def numbers(dtype):
    """Every exponent, by random bits; then even spreads near 0, near 1 and where exp is finite; special ones."""
    rng, dtype = np.random.default_rng(0), np.dtype(dtype).type
    x = rng.integers(0, np.iinfo(BITS[dtype.__name__]).max, POINTS, BITS[dtype.__name__], endpoint=True).view(dtype)
    even = [rng.uniform(-1, 1, POINTS // 4) * scale for scale in (0.01, 1, 20, 105, 750)]
    return np.concatenate([x[~np.isnan(x)], *(part.astype(dtype) for part in (*even, 1 + even[0])), special(dtype)])


def units_in_the_last_place(y, exact):
    """How far y lies beside the exact value, in steps of its dtype; a step above the largest number is infinity."""
    info, wide = np.finfo(y.dtype), exact.dtype.type
    beyond = wide(2) ** info.maxexp
    with np.errstate(all="ignore"):
        step = np.spacing(np.clip(np.abs(exact), 0, info.max).astype(y.dtype)).astype(wide)
    y, exact = (np.clip(v, -beyond, beyond) for v in (y.astype(wide), exact))
    return np.abs(y - exact) / step


@exact_enough
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_exact_to_a_few_units_in_the_last_place(name, dtype):
    function, lowest, highest = FUNCTIONS[name]
    x = numbers(dtype)
    x = x[(lowest <= x) & (x <= highest)]
    y = in_vectors(KERNELS[name], x)[0]
    with np.errstate(all="ignore"):
        exact = function(x.astype(HIGHER[dtype]))
    np.testing.assert_array_equal(np.isnan(y), np.isnan(exact))
    x, y, exact = (v[~np.isnan(exact)] for v in (x, y, exact))
    distance = units_in_the_last_place(y, exact)
    worst = distance.argmax()
    assert distance[worst] <= LIMIT[dtype], f"{distance[worst]:.2f} units at x = {x[worst]!r}: {y[worst]!r}"


SPECIAL = {
    "exp": ([0, -0.0, np.inf, -np.inf, 1e4, -1e4], [1, 1, np.inf, 0, np.inf, 0]),
    "log": ([1, 0, -0.0, np.inf, -1, -np.inf, -1e-310], [0, -np.inf, -np.inf, np.inf, np.nan, np.nan, np.nan]),
    "tanh": ([0, -0.0, np.inf, -np.inf, 1e4, -1e4], [0, -0.0, 1, -1, 1, -1]),
    "sigmoid": ([0, -0.0, np.inf, -np.inf, 1e4, -1e4], [0.5, 0.5, 1, 0, 1, 0]),
    "log_one_plus": ([0, -0.0], [0, 0]),
    "exp_minus_one": ([0, -0.0, -np.inf, -1e4], [0, 0, -1, -1]),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_numbers_have_their_exact_values(name, dtype):
    x, expected = SPECIAL[name]
    if dtype == "float32":  # where the last of log is a negative number too small for it
        x = [number if number != -1e-310 else -1e-40 for number in x]
    y = in_vectors(KERNELS[name], np.array(x, dtype))[0]
    np.testing.assert_array_equal(y, np.array(expected, dtype))
    if name == "tanh":
        np.testing.assert_array_equal(np.signbit(y), np.signbit(expected))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan(name, dtype):
    x = np.array([np.nan, -np.nan] * 20, dtype)
    x[::3] = 0.5 if name == "log_one_plus" else -0.5
    y = in_vectors(KERNELS[name], x)[0]
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x) | (name == "log") * (x < 0))


# ---- Activations -----------------------------------------------------------------------------------------------------


@jit
def activate(code, u, y, dh):
    for at in range(0, u.size, lanes(address(u, 0))):
        h, slope = functions.activation(code, load(address(u, at)))
        store(address(y, at), h)
        store(address(dh, at), slope)


def activated(name, u):
    return in_vectors(activate, u, 2, (HIDDEN[name],))


def by_the_lecture(name, u):
    """y and h'(u) in the precision of u."""
    y, dh = np.empty_like(u), np.empty_like(u)
    with np.errstate(all="ignore"):
        matrix.activate.unchecked(HIDDEN[name], u, y)  # in a dtype that no loop has
        matrix.activation_derivative.unchecked(HIDDEN[name], u, y, dh)
    return y, dh


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDDEN)
def test_activations_are_those_of_the_lecture(name, dtype):
    """The errors of h' are those of a difference of numbers of size 1, so they are measured by 1; those of gelu are
    multiplied by the exponent in it (see below)."""
    u = numbers(dtype)
    u = u[np.isfinite(u)]
    y, dh = activated(name, u)
    expected_y, expected_dh = (v.astype(HIGHER[dtype]) for v in by_the_lecture(name, u.astype(HIGHER[dtype])))
    if name == "selu":  # its y is infinite where lambda u is
        u, y, dh, expected_y, expected_dh = (
            v[u < 0.95 * np.finfo(dtype).max] for v in (u, y, dh, expected_y, expected_dh)
        )
    assert np.isfinite(y).all()
    assert np.isfinite(dh).all()
    eps, smallest = np.finfo(dtype).eps, np.finfo(dtype).tiny
    least = 1 if name == "gelu" else smallest / eps
    off = np.abs(y - expected_y) / np.maximum(np.abs(expected_y), least)
    assert off.max() <= 4 * eps, f"y({u[off.argmax()]!r}) = {y[off.argmax()]!r}"
    off = np.abs(dh - expected_dh) / np.maximum(np.abs(expected_dh), 1)
    assert off.max() <= 4 * eps, f"h'({u[off.argmax()]!r}) = {dh[off.argmax()]!r}"


# ---- h' of SiLU, GELU and Mish, which has a zero: h = u g, and 1 - g of a sigmoid or a tanh g is multiplied by u -----

ZERO = {"silu": -1.278464542761074, "gelu": -0.7524614220710162, "mish": -1.1924312145154952}


def around(name, dtype):
    """Even spreads over all of u, over -12 to 12 and around the zero of h'."""
    rng = np.random.default_rng(1)
    spreads = [rng.uniform(low, high, POINTS) for low, high in ((-100, 100), (-12, 12), (-3, 3))]
    close = [ZERO[name] + scale * rng.uniform(-1, 1, POINTS // 10) for scale in (0.01, 1e-5)]
    u = np.concatenate([*spreads, *close]).astype(dtype)
    return np.append(u, [np.nextafter(dtype(ZERO[name]), dtype(end)) for end in (-2, 0)])


def gated(name, u):
    """h'(u) = g + q g (1 - g) with 1 - g = 1 / (1 + e^v); g; and how often the rounding of v counts.

    Mish has g = n / (n + 2), n = e^u (e^u + 2), and h'(u) = g + 4 u e^u (1 + e^u) / (n + 2)^2.
    """
    if name == "mish":
        e = np.exp(np.minimum(u, 40))
        n = e * (e + 2)
        return n / (n + 2) + np.minimum(u, 40) * 4 * e * (1 + e) / (n + 2) ** 2, n / (n + 2), 1
    b, c = (2 * u.dtype.type(number) for number in (GELU_SCALE, GELU_SCALE * GELU_CUBIC))
    near = np.clip(u, -22, 22)
    v, q = (u, u) if name == "silu" else (near * (b + c * near**2), near * (b + 3 * c * near**2))
    e = np.exp(-np.abs(v))
    g, rest = np.where(v < 0, e, 1) / (1 + e), np.where(v < 0, 1, e) / (1 + e)
    return g * (1 + q * rest), g, np.maximum(-v if name == "gelu" else 1, 1)


@exact_enough
@pytest.mark.parametrize("name", ZERO)
def test_slopes_of_gated_activations_are_exact_in_relation_to_themselves(name, dtype):
    """Also at the numbers beside the zero of h', as far as the higher precision can tell. SiLU's v is u, GELU's is
    rounded, which counts |v| times in e^v: where v < 0 nothing else is added to that."""
    u = around(name, np.dtype(dtype).type)
    dh = activated(name, u)[1]
    exact, _, times = gated(name, u.astype(HIGHER[dtype]))
    info = np.finfo(dtype)
    unit = times * np.maximum(np.abs(exact), info.tiny / info.eps) * info.eps
    off = np.maximum(np.abs(dh - exact) - 4 * np.finfo(HIGHER[dtype]).eps, 0) / unit
    worst = off.argmax()
    assert off[worst] <= (5 if FUSED else 7), f"{off[worst]:.2f} units, h'({u[worst]!r}) = {dh[worst]!r}"


@exact_enough
@pytest.mark.parametrize("version", [loops, matrix], ids=["loops", "matrix"])
@pytest.mark.parametrize("name", ZERO)
def test_slopes_of_gated_activations_of_the_lecture(name, version, dtype):
    """In relation to the larger of h' and its first term g: at the zero they differ. Mish takes more roundings."""
    u = around(name, np.dtype(dtype).type)
    u = u[u > -85]  # beyond, the sigmoid of the matrix version is 0 in float32
    y, dh = np.empty_like(u), np.empty_like(u)
    with np.errstate(all="ignore"):
        getattr(version, name)(u, y)
        getattr(version, f"{name}_derivative")(u, y, dh)
    exact, g, times = gated(name, u.astype(HIGHER[dtype]))
    info = np.finfo(dtype)
    unit = times * np.maximum(np.maximum(np.abs(exact), g), info.tiny / info.eps) * info.eps
    off = np.abs(dh - exact) / unit
    worst = off.argmax()
    assert off[worst] <= (6 if name == "mish" else 4), f"{off[worst]:.2f} units, h'({u[worst]!r}) = {dh[worst]!r}"


# ---- The ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDDEN)
def test_activations_of_the_largest_numbers(name, dtype):
    largest = np.finfo(dtype).max
    u = np.array([largest, -largest, largest / 3, -largest / 3, 1e30, -1e30, 400, -400, 0, -0.0], dtype)
    (y, dh), expected = activated(name, u), by_the_lecture(name, u)
    np.testing.assert_allclose(y, expected[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(dh, expected[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDDEN)
def test_activations_hand_nan_on(name, dtype):
    u = np.array([np.nan, 0.5, -np.nan, -3], dtype)
    np.testing.assert_array_equal(np.isnan(activated(name, u)[0]), np.isnan(u))
