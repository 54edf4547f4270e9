"""Networks 3-2-1 worked out on paper, in numbers that floats hold exactly (or ln 3, to rounding)."""

import numpy as np
import pytest

import fastbp
from fastbp.lecture import loops, matrix
from fastbp.lecture.example import example
from fastbp.lecture.layout import unit_count

LN3 = np.log(3)


def network_3_2_1(W1, B1, W2, B2, hidden, output):
    network = fastbp.Network((3, 2, 1), activation=hidden, output=output, dtype="float64")
    network.W[0][...], network.B[0][...], network.W[1][...], network.B[1][...] = W1, B1, W2, B2
    return network


# Worked out in fastbp/lecture/example.py: hidden ReLU, output identity, x = (1, 2, -1), d = -0.25.
EXAMPLE = example()
RELU = (
    network_3_2_1(
        *(part for pair in zip(EXAMPLE["W"], EXAMPLE["B"], strict=True) for part in pair),
        EXAMPLE["activation"],
        EXAMPLE["output"],
    ),
    EXAMPLE["x"],
    EXAMPLE["d"],
    {
        "u": [-2, 1.5, -1.25],
        "y": [0, 1.5, -1.25],
        "delta": [0, 1, -1],
        "E": 0.5,
        "dW": [[[0, 0, 0], [1, 2, -1]], [[0, -1.5]]],
        "dB": [[0, 1], [-1]],
    },
)

# Hidden sigmoid, output identity, x = (1, 2, -1), d = 3. sigmoid(ln 3) = 1 / (1 + 1/3) = 3/4, sigmoid(-ln 3) = 1/4.
#
#   u_1 = ln 3 * 1 = ln 3;   y_1 = 3/4        u_2 = ln 3 * (-1) = -ln 3;   y_2 = 1/4
#   u   = 4 * 3/4 - 4 * 1/4 - 1 = 1           y = 1;   E = 1/2 (1 - 3)^2 = 2
# STEP 1     delta_1 = -2;   dE/dw_1j = (-3/2, -1/2);   dE/db_1 = -2
# STEP 1.5   dE/dy_j = (-8, 8)
# STEP 2     h' = y (1 - y) = (3/16, 3/16);   delta_j = (-3/2, 3/2);
#            dE/dw_ji = rows (-3/2, -3, 3/2) and (3/2, 3, -3/2);   dE/db_j = (-3/2, 3/2)
SIGMOID = (
    network_3_2_1([[LN3, 0, 0], [0, 0, LN3]], [0, 0], [[4, -4]], -1, "sigmoid", "identity"),
    [1.0, 2.0, -1.0],
    [3.0],
    {
        "u": [LN3, -LN3, 1],
        "y": [0.75, 0.25, 1],
        "delta": [-1.5, 1.5, -2],
        "E": 2,
        "dW": [[[-1.5, -3, 1.5], [1.5, 3, -1.5]], [[-1.5, -0.5]]],
        "dB": [[-1.5, 1.5], [-2]],
    },
)

# Hidden ReLU with one unit exactly at 0, output sigmoid, x = (1, 1, 1), d = 1.
#
#   u_1 = 1 - 1 + 0 = 0;   y_1 = 0, h' = 1 (slide 36)        u_2 = 1 + 0 + 0 = 1;   y_2 = 1
#   u   = 2 * 0 + ln 3 * 1 = ln 3;   y = 3/4;   E = -ln 3/4
# STEP 1     delta_1 = -1/4;   dE/dw_1j = (0, -1/4);   dE/db_1 = -1/4
# STEP 1.5   dE/dy_j = (-1/2, -ln 3 / 4)
# STEP 2     delta_j = the same;   each row of dE/dw_ji is delta_j three times
AT_ZERO = (
    network_3_2_1([[1, -1, 0], [1, 0, 0]], [0, 0], [[2, LN3]], 0, "relu", "sigmoid"),
    [1.0, 1.0, 1.0],
    [1.0],
    {
        "u": [0, 1, LN3],
        "y": [0, 1, 0.75],
        "delta": [-0.5, -LN3 / 4, -0.25],
        "E": -np.log(0.75),
        "dW": [[[-0.5] * 3, [-LN3 / 4] * 3], [[0, -0.25]]],
        "dB": [[-0.5, -LN3 / 4], [-0.25]],
    },
)

EXAMPLES = pytest.mark.parametrize(
    ("network", "x", "d", "by_hand"), [RELU, SIGMOID, AT_ZERO], ids=["relu", "sigmoid", "relu-at-0"]
)


@EXAMPLES
@pytest.mark.parametrize("version", [loops, matrix])
def test_each_value_of_the_pass(version, network, x, d, by_hand):
    u, y, dy, dh, delta = np.full((5, unit_count(network.layers)), np.nan)
    version.forward(network.theta, network.layers, np.array(x), u, y)
    np.testing.assert_allclose(u, by_hand["u"], rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(y, by_hand["y"], rtol=1e-15, atol=1e-15)
    dtheta = np.full_like(network.theta, np.nan)
    version.backward(network.theta, network.layers, np.array(x), np.array(d), 1.0, (u, y, dy, dh, delta), False, dtheta)
    np.testing.assert_allclose(delta, by_hand["delta"], rtol=1e-15, atol=1e-15)
    flat = [np.ravel(part) for pair in zip(by_hand["dW"], by_hand["dB"], strict=True) for part in pair]
    np.testing.assert_allclose(dtheta, np.concatenate(flat), rtol=1e-15, atol=1e-15)


@EXAMPLES
def test_network_gradient_and_step(network, x, d, by_hand):
    E, dW, dB = network.gradient([x], [d])
    np.testing.assert_allclose(E, by_hand["E"], rtol=1e-15, atol=1e-15)
    for layer in range(2):
        np.testing.assert_allclose(dW[layer], by_hand["dW"][layer], rtol=1e-15, atol=1e-15)
        np.testing.assert_allclose(dB[layer], by_hand["dB"][layer], rtol=1e-15, atol=1e-15)
    stepped = fastbp.Network((3, 2, 1), activation=network.activation, output=network.output, dtype="float64")
    stepped.theta[:] = network.theta
    history = fastbp.train(stepped, [x], [d], epochs=1, optimizer=fastbp.SGD(0.5))
    np.testing.assert_allclose(history.loss, [by_hand["E"]], rtol=1e-15, atol=1e-15)
    for layer in range(2):
        np.testing.assert_allclose(
            stepped.W[layer], network.W[layer] - 0.5 * np.array(by_hand["dW"][layer]), rtol=1e-15, atol=1e-15
        )
        np.testing.assert_allclose(
            stepped.B[layer], network.B[layer] - 0.5 * np.array(by_hand["dB"][layer]), rtol=1e-15, atol=1e-15
        )


def test_softmax_by_hand():
    """u = (0, ln 3): y = (1, 3) / 4; d = (1, 0), so delta = (-3/4, 3/4) and E = -ln 1/4."""
    network = fastbp.Network((1, 2), dtype="float64")
    network.theta[:] = [0, LN3, 0, 0]
    np.testing.assert_allclose(network.predict([[1.0]]), [[0.25, 0.75]], rtol=1e-15, atol=1e-15)
    E, dW, dB = network.gradient([[1.0]], [[1.0, 0.0]])
    np.testing.assert_allclose(E, np.log(4), rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(dB[0], [-0.75, 0.75], rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(dW[0], [[-0.75], [0.75]], rtol=1e-15, atol=1e-15)
