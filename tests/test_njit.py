"""Networks inside functions that a user compiles: the numbers, the bits of training, errors, threads, Numba's cache."""

import os
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest

import fastbp
from fastbp.lecture.codes import ERRORS_OF, HIDDEN
from fastbp.njit import MOST_UNITS, compiled, jacobian, learn, predict
from tests.cases import DTYPES, UNCOMPILED, assert_close, teacher

compiled_only = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")


@numba.njit(nogil=True)
def predict_all(net, X, Y):
    for s in range(X.shape[0]):
        predict(net, X[s], Y[s])


@numba.njit
def learn_all(net, X, D, eta):
    total = 0.0
    for s in range(X.shape[0]):
        total += learn(net, X[s], D[s], eta)
    return total / X.shape[0]


@numba.njit
def jacobian_of_all(net, X, J):
    for s in range(X.shape[0]):
        jacobian(net, X[s], J[s])


def samples(network, n=20):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, network.sizes[0])).astype(network.dtype)
    return X, teacher(rng, n, network.sizes[-1], network.output, network.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ERRORS_OF)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_they_give_what_the_network_gives(hidden, output, dtype):
    network = fastbp.Network((3, 5, 4, 2), hidden, output, dtype, seed=1)
    (X, _), net = samples(network), compiled(network)
    Y, J = np.full((20, 2), np.nan, dtype), np.full((20, 2, 3), np.nan, dtype)
    predict_all(net, X, Y)
    jacobian_of_all(net, X, J)
    assert_close(Y, network.predict(X), dtype, times=10)
    assert_close(J, network.jacobian(X), dtype, times=10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(4, 2), (4, 8, 3), (5, 7, 6, 2)])
def test_learning_has_the_bits_of_a_training_a_sample_at_a_time(sizes, dtype):
    ours, theirs = (fastbp.Network(sizes, "tanh", dtype=dtype, seed=2) for _ in range(2))
    X, D = samples(ours)
    net = compiled(ours)
    for _ in range(3):
        loss = learn_all(net, X, D, 0.1)
        history = fastbp.train(theirs, X, D, epochs=1, batch_size=1, shuffle=False, optimizer="sgd", version="loops")
        assert loss == pytest.approx(history.loss[0], rel=1e-6)
    assert ours.theta.tobytes() == theirs.theta.tobytes()


def test_the_network_and_what_is_compiled_share_their_parameters():
    network = fastbp.Network((2, 3), dtype="float64")
    net, y = compiled(network), np.empty(3)
    network.theta[:] = 0
    predict(net, np.ones(2), y)
    np.testing.assert_allclose(y, 1 / 3)
    learn(net, np.ones(2), np.array([1.0, 0.0, 0.0]), 1.0)
    assert network.theta.any()


WRONG = [
    (lambda net: predict(net, np.ones(4), np.empty(3)), "x must have a number for each input"),
    (lambda net: predict(net, np.ones(2), np.empty(2)), "y for each output"),
    (lambda net: learn(net, np.ones(1), np.empty(3), 0.1), "x must have a number for each input"),
    (lambda net: learn(net, np.ones(2), np.empty(4), 0.1), "and d for each output"),
    (lambda net: jacobian(net, np.ones(3), np.empty((3, 2))), "x must have a number for each input"),
    (lambda net: jacobian(net, np.ones(2), np.empty((2, 2))), "J a row for each output"),
    (lambda net: jacobian(net, np.ones(2), np.empty((3, 3))), "J a row for each output"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_another_size_is_an_error_and_changes_nothing(call, message):
    network = fastbp.Network((2, 3), dtype="float64")
    before = network.theta.copy()
    with pytest.raises(ValueError, match=message):
        call(compiled(network))
    np.testing.assert_array_equal(network.theta, before)


SHAPES = [
    lambda net: predict(net, np.ones(2), np.empty((1, 3))),
    lambda net: predict(net, np.ones((2, 1)), np.empty(3)),
    lambda net: learn(net, np.ones(2), np.empty((3, 1)), 0.1),
    lambda net: jacobian(net, np.ones(2), np.empty((3, 2, 1))),
    lambda net: jacobian(net, np.ones(2), np.empty(6)),
]


@pytest.mark.parametrize("call", SHAPES)
def test_another_number_of_axes_is_refused(call):
    with pytest.raises((TypeError, numba.TypingError), match=r"an array with [12] axes is needed, of the network's"):
        call(compiled(fastbp.Network((2, 3), dtype="float64")))


@pytest.mark.parametrize("size", [1, 8, 10])
def test_parameters_that_are_not_those_of_the_network_are_refused(size):
    net, x, y = compiled(fastbp.Network((2, 3), dtype="float64")), np.ones(2), np.ones(3)
    wrong = net._replace(theta=np.zeros(size))
    for call, arguments in ((predict, (x, y)), (learn, (x, y, 0.1)), (jacobian, (x, np.empty((3, 2))))):
        with pytest.raises(ValueError, match="all parameters"):
            call(wrong, *arguments)
    with pytest.raises(ValueError, match="theta and gradient must have all parameters"):
        learn(net._replace(gradient=np.zeros(size)), x, y, 0.1)


@compiled_only
def test_a_function_of_ones_own_raises_it_too():
    network = fastbp.Network((2, 3), dtype="float64")
    with pytest.raises(ValueError, match="x must have a number for each input"):
        predict_all(compiled(network), np.ones((2, 4)), np.ones((2, 3)))


@pytest.mark.parametrize("x", [np.ones(2, np.float32), np.ones((2, 2))[:, 0], np.ones(2, int)])
def test_another_dtype_or_order_is_refused(x):
    net = compiled(fastbp.Network((2, 3), dtype="float64"))
    with pytest.raises((TypeError, numba.TypingError), match="of the network's dtype, float64, and in C order, got"):
        predict(net, x, np.empty(3))


def test_what_is_no_network_or_too_large_is_refused():
    with pytest.raises(TypeError, match=r"network must be a fastbp.Network, got array"):
        compiled(np.ones(3))
    with pytest.raises(ValueError, match=r"at most 6,000 units for compiled code, got 6,001"):
        compiled(fastbp.Network((1, MOST_UNITS, 1), output="identity"))


def test_the_largest_that_is_allowed_fits_into_the_stack_of_a_thread():
    network = fastbp.Network((1, MOST_UNITS - 2, 1, 1), "tanh", "identity", "float64")
    net, found = compiled(network), []
    x, J = np.ones(1), np.empty((1, 1))

    def work():
        jacobian(net, x, J)
        found.append(learn(net, x, x, 1e-9))

    before = threading.stack_size(512 * 1024)  # what macOS gives
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert np.isfinite(found).all()
    assert len(found) == 1


def test_threads_predict_with_one_network():
    network = fastbp.Network((8, 40, 30, 3), "gelu", dtype="float64", seed=1)
    X, net = np.random.default_rng(0).normal(size=(2000, 8)), compiled(network)
    expected, found = np.empty((2000, 3)), [np.empty((2000, 3)) for _ in range(4)]
    predict_all(net, X, expected)
    threads = [threading.Thread(target=predict_all, args=(net, X, Y)) for Y in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for Y in found:
        np.testing.assert_array_equal(Y, expected)


MODULE = """
import numba, numpy as np, fastbp
from fastbp.njit import learn, predict

@numba.njit(cache=True)
def both(net, x, y):
    for _ in range(10):
        learn(net, x, np.ones(1), 0.01)
        predict(net, x, y)
    return y[0]

net = fastbp.compiled(fastbp.Network((2, 3, 1), "tanh", "identity", "float64", seed=1))
print(both(net, np.array([0.5, -1.0]), np.empty(1)), sum(both.stats.cache_hits.values()))
"""


@compiled_only
def test_numba_caches_a_function_that_calls_them(tmp_path):
    (tmp_path / "own.py").write_text(MODULE)
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    lines = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "own.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        lines.append(done.stdout.split())
    assert lines[0][0] == lines[1][0]
    assert [line[1] for line in lines] == ["0", "1"]
