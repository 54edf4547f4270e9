"""What inlining (jit.py) and borrowed views (views.py) are worth: forward passes of one small network.

The same formulas three times: with slices and calls as Numba makes them; with every call inlined; with borrowed views
as well, which is `loops.forward`. The arrays of a small network fit into registers and the first cache, so what is left
is what a call and a slice cost.
"""

import numba
import numpy as np
import pytest

from benchmarks.cases import LONG_CALLS, Case, assert_same, rounds_for, start
from fastbp.compiler.jit import FASTMATH, jit
from fastbp.lecture import loops
from fastbp.lecture.codes import RELU
from fastbp.lecture.layout import unit_count

SAMPLES = 1024
CASE = Case((4, 8, 3), "relu", "softmax", 1, "float32")


def with_slices(decorate, weighted_sum, activate):
    """`loops.forward` with slices and `reshape` in the place of borrowed views, over many samples."""

    @decorate
    def forward(theta, layers, x, u, y):
        sending = x
        for layer in range(layers.size):
            n_in, n_out = layers[layer]["sending"], layers[layer]["receiving"]
            w = theta[layers[layer]["weights_at"] : layers[layer]["biases_at"]].reshape((n_out, n_in))
            b = theta[layers[layer]["biases_at"] : layers[layer]["biases_at"] + n_out]
            u_layer = u[layers[layer]["units_at"] : layers[layer]["units_at"] + n_out]
            y_layer = y[layers[layer]["units_at"] : layers[layer]["units_at"] + n_out]
            weighted_sum(sending, w, b, u_layer)
            activate(layers[layer]["activation"], u_layer, y_layer)
            sending = y_layer

    return over_samples(decorate, forward)


def over_samples(decorate, forward):
    @decorate
    def run(theta, layers, X, u, y):
        for s in range(X.shape[0]):
            forward(theta, layers, X[s], u, y)

    return run


def plain(function):
    """Compiled as Numba does by itself: calls are left to LLVM's judgement."""
    return numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH)(getattr(function, "py_func", function))


def plain_activate():
    """`activate` refers to the activations by name, so the two that are needed are compiled anew beside it."""
    relu, softmax = plain(loops.relu), plain(loops.softmax)

    @plain
    def activate(code, u, y):
        if code == RELU:
            relu(u, y)
        else:
            softmax(u, y)

    return activate


VARIANTS = {
    "slices, calls": lambda: with_slices(plain, plain(loops.weighted_sum), plain_activate()),
    "slices, inlined": lambda: with_slices(jit, loops.weighted_sum, loops.activate),
    "borrowed views, inlined (`loops.forward`)": lambda: over_samples(jit, loops.forward),
}


@LONG_CALLS
@pytest.mark.parametrize("variant", VARIANTS)
def test_views(benchmark, variant):
    found, calls = [], {}
    for name in dict.fromkeys([variant, *VARIANTS]):
        theta, layers, X, *_ = start(CASE, SAMPLES)
        u, y = (np.full(unit_count(layers), np.nan, theta.dtype) for _ in range(2))
        calls[name] = VARIANTS[name](), (theta, layers, X, u, y)
        calls[name][0](*calls[name][1])
        found.append(y)
    for y in found[1:]:
        assert_same(CASE.dtype, [found[0]], [y])

    benchmark.group = "views"
    benchmark.extra_info.update(what="views", variant=variant, samples=SAMPLES)
    function, arguments = calls[variant]
    benchmark.pedantic(function, arguments, rounds=rounds_for(lambda: function(*arguments)))
