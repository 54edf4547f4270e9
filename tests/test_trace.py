"""fastbp.trace: its numbers, the check of gradients, the table that is printed, what is refused."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import fastbp
from fastbp.lecture import loops
from fastbp.lecture.codes import ERRORS_OF, HIDDEN
from fastbp.network import blank
from tests.cases import UNCOMPILED, assert_close
from tests.test_by_hand import AT_ZERO, EXAMPLES, RELU, SIGMOID

LOSSES = [(output, loss) for output, losses in ERRORS_OF.items() for loss in losses]
SIZES = [(3, 2), (3, 4, 2), (2, 3, 1), (4, 3, 2, 3), (2, 1, 1, 2)]


def drawn(sizes, hidden="relu", output="softmax", loss=None, seed=0, dtype="float64"):
    """A network with biases, a sample, and its teacher signal."""
    rng = np.random.default_rng(seed)
    if output == "softmax" and sizes[-1] == 1:
        sizes = (*sizes[:-1], 2)
    network = fastbp.Network(sizes, hidden, output, dtype, loss=loss)
    network.theta[:] = rng.normal(0, 0.7, network.theta.size)
    d = rng.random(sizes[-1])
    return network, rng.normal(size=sizes[0]), d / d.sum() if output == "softmax" else d


def traced(*arguments, **options):
    return fastbp.trace(*drawn(*arguments, **options))


# ---- Numbers ---------------------------------------------------------------------------------------------------------


@EXAMPLES
def test_the_numbers_are_those_worked_out_on_paper(network, x, d, by_hand):
    trace = fastbp.trace(network, x, d)
    for letter in ("u", "y", "delta"):
        together = np.concatenate([getattr(layer, letter) for layer in trace.layers])
        np.testing.assert_allclose(together, by_hand[letter], rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(trace.E, by_hand["E"], rtol=1e-15)
    for layer, dw, db in zip(trace.layers, by_hand["dW"], by_hand["dB"], strict=True):
        np.testing.assert_allclose(layer.dW, dw, rtol=1e-15, atol=1e-15)
        np.testing.assert_allclose(layer.dB, db, rtol=1e-15, atol=1e-15)
        np.testing.assert_allclose(layer.W_after, layer.W - 0.1 * np.array(dw), rtol=1e-15, atol=1e-15)
        np.testing.assert_allclose(layer.B_after, layer.B - 0.1 * np.array(db), rtol=1e-15, atol=1e-15)


def test_the_letters_of_a_small_network():
    """x = (1, 2, -1) and the sigmoid network of test_by_hand."""
    hidden, output = fastbp.trace(*SIGMOID[:3], learning_rate=0.5).layers
    np.testing.assert_allclose(hidden.dh, [3 / 16, 3 / 16], rtol=1e-15)
    np.testing.assert_allclose(hidden.dy, [-8, 8], rtol=1e-15)
    assert hidden.x.tolist() == [1, 2, -1]
    assert output.x is hidden.y
    assert (hidden.jacobian, hidden.delta_general) == (None, None)
    assert (output.dy.tolist(), output.dh.tolist(), output.jacobian.tolist()) == ([-2], [1], [[1]])
    np.testing.assert_allclose(output.W_after, [[4.75, -3.75]], rtol=1e-15)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("output", "loss"), LOSSES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradients_are_those_of_the_network(hidden, output, loss, sizes):
    network, x, d = drawn(sizes, hidden, output, loss)
    E, dW, dB = network.gradient([x], [d])
    trace = fastbp.trace(network, x, d)
    assert_close(trace.E, E, "float64")
    assert [layer.activation for layer in trace.layers] == network.activations
    for layer, dw, db in zip(trace.layers, dW, dB, strict=True):
        assert_close(layer.dW, dw, "float64")
        assert_close(layer.dB, db, "float64")
    assert_close(trace.layers[-1].y, network.predict([x])[0], "float64")
    assert_close(trace.layers[-1].delta_general, trace.layers[-1].delta, "float64", times=10)


@pytest.mark.parametrize("sizes", [(3, 2), (4, 3, 2, 3)])
def test_each_letter_follows_from_those_before_it(sizes):
    trace = traced(sizes, "tanh")
    below = trace.x
    for number, layer in enumerate(trace.layers):
        np.testing.assert_array_equal(layer.x, below)
        assert_close(layer.u, layer.W @ below + layer.B, "float64")
        assert_close(layer.dW, np.outer(layer.delta, below), "float64")
        if number < len(trace.layers) - 1:
            above = trace.layers[number + 1]
            assert_close(layer.dh, 1 - np.tanh(layer.u) ** 2, "float64")
            assert_close(layer.dy, above.W.T @ above.delta, "float64")
            assert_close(layer.delta, layer.dy * layer.dh, "float64")
        below = layer.y
    y = trace.layers[-1].y
    assert_close(trace.layers[-1].jacobian, np.diag(y) - np.outer(y, y), "float64")
    assert_close(trace.layers[-1].dy, -trace.d / y, "float64")


@pytest.mark.parametrize(
    ("output", "loss", "dy", "jacobian"),
    [
        ("identity", "squared_error", lambda y, d: y - d, lambda y: 1 + 0 * y),
        ("sigmoid", "binary_cross_entropy", lambda y, d: -d / y + (1 - d) / (1 - y), lambda y: y * (1 - y)),
        ("exponential", "poisson", lambda y, d: 1 - d / y, lambda y: y),
        ("identity", "huber", lambda y, d: np.clip(y - d, -1, 1), lambda y: 1 + 0 * y),
        ("identity", "quantile", lambda y, d: np.where(y < d, -0.5, 0.5), lambda y: 1 + 0 * y),
    ],
)
def test_the_two_factors_of_the_output_delta(output, loss, dy, jacobian):
    trace = traced((3, 3), output=output, loss=loss)
    last = trace.layers[-1]
    assert_close(last.dy, dy(last.y, trace.d), "float64")
    assert_close(last.jacobian, np.diag(jacobian(last.y)), "float64")


def test_a_float32_network_is_traced_in_float64_and_not_changed():
    network, x, d = drawn((3, 4, 2), dtype="float32")
    before = network.theta.copy()
    trace = fastbp.trace(network, x, d)
    trace.check()
    list(trace.steps())
    assert network.theta.tobytes() == before.tobytes()
    network.theta[:] = 0
    double = fastbp.Network((3, 4, 2), dtype="float64")
    double.theta[:] = before
    assert trace.E == fastbp.trace(double, x, d).E
    for layer in trace.layers:
        arrays = [value for value in vars(layer).values() if isinstance(value, np.ndarray)]
        assert len(arrays) >= 11
        assert {array.dtype.name for array in arrays} == {"float64"}
        assert not any(array.flags.writeable for array in arrays)


def test_a_trace_keeps_copies():
    network, x, d = drawn((3, 4, 2))
    trace = fastbp.trace(network, x, d)
    before = str(trace)
    for array in (network.theta, x, d):
        array[:] = 7
    assert str(trace) == before
    assert trace.layers[0].x is trace.x


def test_labels_numbers_and_rows_are_teacher_signals():
    network, x, _ = drawn((3, 4, 3))
    assert fastbp.trace(network, x, 2).d.tolist() == fastbp.trace(network, x, [0, 0, 1]).d.tolist() == [0, 0, 1]
    network, x, _ = drawn((3, 1), output="identity")
    assert fastbp.trace(network, x, 0.5).d.tolist() == fastbp.trace(network, tuple(x), [0.5]).d.tolist() == [0.5]


def test_what_is_not_finite_is_seen_and_nothing_fails():
    """Outputs so sure that y is rounded to 0 and 1: the sum of slide 31 has no number, the short form has."""
    network = fastbp.Network((1, 2), dtype="float64")
    network.theta[:] = 1000, -1000, 0, 0
    trace = fastbp.trace(network, [1.0], 1)
    last = trace.layers[-1]
    assert (trace.E, last.y.tolist(), last.delta.tolist()) == (2000, [1, 0], [1, -1])
    assert not np.isfinite(last.delta_general).all()
    texts = [str(step) for step in trace.steps()]
    assert "E = -(d_1 ln y_1^(1) + d_2 ln y_2^(1)) = -(0 x 0 + 1 x (-2000)) = 2000" in texts
    assert any(text.endswith("exp(1000 - 1000) / (exp(1000 - 1000) + exp(-1000 - 1000)) = 1") for text in texts)
    assert "inf" in str(trace)
    network.theta[0] = np.nan
    trace = fastbp.trace(network, [1.0], 1)
    assert "nan" in str(trace)
    assert len(list(trace.steps())) == len(texts)
    assert not trace.check().ok


def test_a_trace_can_be_pickled():
    trace = traced((3, 4, 2))
    assert str(pickle.loads(pickle.dumps(trace))) == str(trace)


def test_importing_it_does_not_import_numba_and_leaves_the_function():
    script = (
        "import sys, fastbp.lecture.tracing.trace, fastbp\n"
        "assert 'numba' not in sys.modules\n"
        "print(fastbp.trace.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "trace\n"


# ---- The check -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(3, 2), (2, 3, 1), (4, 3, 2, 3)])
@pytest.mark.parametrize(("output", "loss"), LOSSES)
def test_three_witnesses_agree(output, loss, sizes):
    trace = traced(sizes, "silu", output, loss)
    check = trace.check()
    assert check.ok
    assert check.largest_difference < 1e-8
    assert not any(row.note for row in check.rows)
    flat = np.concatenate([part.ravel() for layer in trace.layers for part in (layer.dW, layer.dB)])
    assert [row.analytic for row in check.rows] == flat.tolist()
    np.testing.assert_allclose([row.matrix for row in check.rows], flat, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose([row.difference for row in check.rows], flat, rtol=1e-5, atol=1e-8)
    steps = {step.quantity: step for step in trace.steps()}
    assert [(row.quantity, row.slides, row.analytic) for row in check.rows] == [
        (row.quantity, steps[row.quantity].slide, steps[row.quantity].result) for row in check.rows
    ]


def test_a_unit_at_its_kink_is_noted_and_does_not_fail():
    """ReLU with u = 0 (test_by_hand): on one side of it the error has a slope, on the other none."""
    check = fastbp.trace(*AT_ZERO[:3]).check()
    noted = {row.quantity: row for row in check.rows if row.note}
    assert noted.keys() == {"dE/dw_11^(1)", "dE/dw_12^(1)", "dE/dw_13^(1)", "dE/db_1^(1)"}
    for row in noted.values():
        assert (row.analytic, row.matrix) == (-0.5, -0.5)
        assert row.difference == pytest.approx(-0.25, rel=1e-4)
    assert check.ok
    assert check.largest_difference < 1e-8
    assert "the mean of the slopes" in str(check)


def test_a_quantile_that_is_met_has_a_kink_too():
    network = fastbp.Network((1, 1), output="identity", dtype="float64", loss="quantile", quantile=0.9)
    network.theta[:] = 0, 2
    check = fastbp.trace(network, [1.0], 2.0).check()
    assert [(row.analytic, round(row.difference, 9), bool(row.note)) for row in check.rows] == [(0, -0.4, True)] * 2
    assert check.ok


def test_the_limit_of_a_loaded_network_cuts_the_error_and_no_derivative():
    """Networks that are read from files may have one; y = (1/4, 3/4), and -ln 1/4 is above it."""
    network = blank((1, 2), "relu", "softmax", "float64", "cross_entropy", 1.0)
    network.theta[:] = 0, np.log(3), 0, 0
    trace = fastbp.trace(network, [1.0], 0)
    assert (trace.E, trace.level) == (1, 1)
    assert any(
        str(step).endswith("else level) = 1, because -(1 x ln 0.25 + 0 x ln 0.75) > 1") for step in trace.steps()
    )
    assert trace.check().ok
    np.testing.assert_allclose(fastbp.trace(network, [1.0], 1).E, np.log(4 / 3), rtol=1e-15)


@pytest.mark.parametrize("wrong", ["loops", "matrix"])
def test_a_wrong_gradient_is_found(wrong, monkeypatch):
    network, x, d = drawn((3, 4, 2), "tanh")
    trace = fastbp.trace(network, x, d)
    if wrong == "loops":
        layer = trace.layers[0]
        object.__setattr__(layer, "dW", layer.dW * [1, 1.001, 1])
    else:
        from fastbp.lecture import matrix

        right = matrix.gradient
        monkeypatch.setattr(matrix, "gradient", lambda *arrays: (right(*arrays), arrays[-1].__imul__(1.001)))
    check = trace.check()
    assert not check.ok
    assert "NOT all agree" in str(check)


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
def test_large_networks_are_checked_and_printed_in_short():
    check = traced((64, 128, 10)).check()
    assert check.ok
    lines = str(check).splitlines()
    assert len(lines) < 40
    assert "... and 8,308 more of this layer" in [line.strip() for line in lines]
    assert lines[-1].startswith("9,610 derivatives: all agree, largest difference ")


# ---- The table -------------------------------------------------------------------------------------------------------


def test_the_table_of_the_network_worked_out_by_hand():
    trace = fastbp.trace(*RELU[:3])
    lines = str(trace).splitlines()
    assert lines[:4] == [
        "Trace of one sample through 3-2-1, loss squared_error", "x = 1, 2, -1  (slides 1, 3)", "d = -0.25  (slide 37)",
        "E = 0.5  (slides 9, 32)",
    ]  # fmt: skip
    rows = [line.split() for line in lines]
    hidden = rows.index(["unit", "u", "y", "h'(u)", "dE/dy", "delta", "b", "dE/db"])
    assert rows[hidden + 1] == ["slides", "7", "5,", "36", "36", "25", "34,", "36", "4,", "11", "28,", "29"]
    assert rows[hidden + 2] == ["1", "-2", "0", "0", "-2", "0", "0.5", "0"]
    assert rows[hidden + 3] == ["2", "1.5", "1.5", "1", "1", "1", "-1", "1"]
    assert " ".join(rows[hidden + 5]) == "w (slides 4, 11) dE/dw (slides 26, 27)"
    assert rows[hidden + 8] == ["2", "1", "0.5", "-0.5", "2", "1", "2", "-1"]
    assert repr(trace) == "<Trace of 3-2-1: E = 0.5, print() shows all numbers>"
    assert trace._repr_html_().startswith("<pre>Trace of one")
    assert "-&gt;" in trace._repr_html_()


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(("output", "loss"), LOSSES)
def test_large_tables_are_short(output, loss, hidden):
    network, x, d = drawn((64, 128, 10), hidden, output, loss)
    text = str(fastbp.trace(network, x, d))
    assert "... and 122 more units" in text
    lines = text.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if line != line.rstrip()] == []


# ---- What is refused -------------------------------------------------------------------------------------------------

NETWORK, X, D = drawn((3, 2))


@pytest.mark.parametrize(
    ("network", "x", "d", "error", "message"),
    [
        (3, X, 0, TypeError, r"^network must be a fastbp\.Network, got 3$"),
        (NETWORK, [1.0, 2.0], 0, ValueError, r"^x must have shape \(3,\), the inputs of one sample, got \(2,\)$"),
        (NETWORK, [[1.0, 2, 3]] * 2, 0, ValueError, r"^x must have .*, got \(2, 3\) \(a trace is of one sample"),
        (NETWORK, 1.0, 0, ValueError, r"^x must have shape \(3,\), the inputs of one sample, got \(\)$"),
        (NETWORK, [1.0, np.nan, 2], 0, ValueError, r"^x must be finite, got NaN or infinity: nan in row 0, column 1$"),
        (NETWORK, ["a", "b", "c"], 0, TypeError, r"^x must hold real numbers, got an array of dtype <U1$"),
        (NETWORK, X, 2, ValueError, r"integers from 0 to 1 for the 2 outputs, got 2 in place 0$"),
        (NETWORK, X, [1.0], ValueError, r"^d must have shape \(2,\), .* one sample, or be a class label, got \(1,\)$"),
        (NETWORK, X, [[1.0, 0]], ValueError, r"^d must have .*, got \(1, 2\) \(a trace .*: give one row\)$"),
        (NETWORK, X, [0.5, 0.4], ValueError, r"must sum to 1 for output='softmax', got 0\.9 in row 0$"),
        (NETWORK, X, [np.inf, 0], ValueError, r"must be finite, got NaN or infinity: inf in row 0, column 0$"),
        (NETWORK, X, None, TypeError, r"^d must hold real numbers, got an array of dtype object$"),
    ],
)  # fmt: skip
def test_what_is_no_sample_is_refused(network, x, d, error, message):
    with pytest.raises(error, match=message):
        fastbp.trace(network, x, d)


def test_other_outputs_say_what_their_targets_are():
    network = fastbp.Network((3, 2), output="identity")
    with pytest.raises(ValueError, match=r"^d must have shape \(2,\), the teacher signal of one sample, got \(\)$"):
        fastbp.trace(network, X, 1)
    with pytest.raises(ValueError, match=r"sample, or be a number, got \(2,\)$"):
        fastbp.trace(fastbp.Network((3, 1), output="identity"), X, [1, 2])
    with pytest.raises(ValueError, match=r"must be at least 0 for loss='poisson', got -1"):
        fastbp.trace(fastbp.Network((3, 1), output="exponential"), X, -1)


@pytest.mark.parametrize(("rate", "error"), [(0, ValueError), (np.inf, ValueError), ("fast", TypeError)])
def test_learning_rates_that_are_none_are_refused(rate, error):
    with pytest.raises(error, match=r"^learning_rate must be "):
        fastbp.trace(NETWORK, X, D, learning_rate=rate)


def test_the_learning_rate_is_that_of_the_update():
    trace = fastbp.trace(NETWORK, X, D, learning_rate=0.5)
    layer = trace.layers[0]
    after = layer.W.copy()
    loops.gradient_step(after.ravel(), layer.dW.ravel().copy(), 0.5)
    np.testing.assert_allclose(layer.W_after, layer.W - 0.5 * layer.dW, rtol=1e-15, atol=1e-17)
    np.testing.assert_array_equal(layer.W_after, after)
    assert trace.learning_rate == 0.5
