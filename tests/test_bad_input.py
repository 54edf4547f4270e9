"""Bad input: an error that names the argument, what came and what was expected, and a network that is as it was."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

import fastbp

HIDDEN = "'identity', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'elu', 'selu', 'softplus', 'silu', 'gelu', 'mish'"
OUTPUT = "'identity', 'sigmoid', 'softmax', 'exponential'"
HUBER, QUANTILE = ({"output": "identity", "loss": loss} for loss in ("huber", "quantile"))
LOSS = "'squared_error', 'cross_entropy', 'binary_cross_entropy', 'huber', 'poisson', 'quantile'"
X, D = np.ones((4, 2)), np.eye(3)[[0, 1, 2, 0]]


def with_value(array, value, dtype=float):
    changed = array.astype(dtype)
    changed[1, 0] = value
    return changed


class Stubborn:
    """An array of another library that does not give its numbers away."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("on the graphics card")

    def __repr__(self):
        return "<a stubborn array>"


BAD_X = [
    (np.ones((4, 3)), ValueError, r"X must have shape \(samples, 2\), got \(4, 3\)"),
    (np.ones(4), ValueError, r"X must have shape \(samples, 2\), got \(4,\)"),
    (np.ones(2), ValueError, r"X must have shape \(samples, 2\), got \(2,\) \(for one sample give X\[None, :\]\)"),
    (np.ones((4, 2, 1)), ValueError, r"got \(4, 2, 1\)"),
    (3.0, ValueError, r"X must have shape \(samples, 2\), got \(\)"),
    (np.ones((0, 2)), ValueError, r"X must have at least one sample, got an array of shape \(0, 2\)"),
    ([], ValueError, r"X must have shape \(samples, 2\), got \(0,\)"),
    (with_value(X, np.nan), ValueError, "X must be finite, got NaN or infinity: nan in row 1, column 0"),
    (with_value(X, -np.inf), ValueError, "X must be finite, got NaN or infinity: -inf in row 1, column 0"),
    (with_value(X, 1e39), ValueError, r"X must be finite, got values too large for float32: 1e\+39 in row 1, column 0"),
    (X.astype(complex), TypeError, "X must hold real numbers, got an array of dtype complex128"),
    (
        X.astype(object),
        TypeError,
        r"X must hold real numbers, got an array of dtype object; .* give X\.astype\(float\)",
    ),
    (X.astype(str), TypeError, "X must hold real numbers, got an array of dtype <U"),
    (np.zeros((4, 2), "datetime64[s]"), TypeError, r"X must hold real numbers, got an array of dtype datetime64\[s\]"),
    (None, TypeError, "X must (hold real numbers, got an array of dtype object|be an array, got None)"),
    ([[1, 2], [3]], ValueError, "X must be a matrix of numbers, got rows that do not fit together"),
    (scipy.sparse.csr_array(X), TypeError, r"X must be a dense array, got the sparse csr_array; give X\.toarray\(\)"),
    (np.ma.array(X, mask=X > 0), ValueError, "X must have no masked values, got 8 of them"),
    (Stubborn(), TypeError, "X must be an array of real numbers, got <a stubborn array>: on the graphics card"),
]
BAD_D = [
    (np.ones((4, 2)) / 2, ValueError, r"D must have shape \(samples, 3\), got \(4, 2\)"),
    (D[:3], ValueError, "D must have a row for each of the 4 samples of X, got 3"),
    (
        np.full((4, 3), 1.00005 / 3),
        ValueError,
        "each row of D must sum to 1 for output='softmax', got 1.00005 in row 0",
    ),
    (D * 0.9995, ValueError, "each row of D must sum to 1 for output='softmax', got 0.9995 in row 0"),
    (D * 0.5, ValueError, "each row of D must sum to 1 for output='softmax', got 0.5 in row 0"),
    (
        D + np.array([1, -1, 0]),
        ValueError,
        r"D must lie between 0 and 1 for output='softmax', got 2.0 in row 0, column 0",
    ),
    (with_value(D, np.nan), ValueError, "D must be finite, got NaN or infinity: nan in row 1, column 0"),
    (D.astype(complex), TypeError, "D must hold real numbers, got an array of dtype complex128"),
    (D.astype(object), TypeError, "D must hold real numbers, got an array of dtype object"),
    (D.astype(str), TypeError, "D must hold real numbers, got an array of dtype <U"),
    (["a", "b", "c", "a"], TypeError, "D must hold real numbers, got an array of dtype <U1"),
]
BAD_LABELS = [
    ([0, 1, 3, 0], ValueError, "D must hold class labels, integers from 0 to 2 for the 3 outputs, got 3 in place 2"),
    ([0, -1, 2, 0], ValueError, "D must hold class labels, integers from 0 to 2 for the 3 outputs, got -1 in place 1"),
    ([0.0, 1.0, 2.0, 3.0], ValueError, "D must hold class labels, integers from 0 to 2 .* got 3.0 in place 3"),
    ([0, 1, 2], ValueError, "D must have a target for each of the 4 samples of X, got 3"),
    ([[0], [1], [2], [0]], ValueError, r"got \(4, 1\) \(if these are class labels, give D\[:, 0\]\)"),
    (list("abca"), TypeError, r"D must hold real numbers, .*; np\.unique\(D, return_inverse=True\)\[1\] makes class"),
    ([0.5, 1, 2, 0], ValueError, "D must hold class labels, integers from 0 to 2 .* got 0.5 in place 0"),
    ([0, np.nan, 2, 0], ValueError, "D must hold class labels, integers from 0 to 2 .* got nan in place 1"),
    ([0, 1e30, 2, 0], ValueError, r"D must hold class labels, integers from 0 to 2 .* got 1e\+30 in place 1"),
    (np.array([0, 1, 2, 0], object), TypeError, r"D must hold real numbers, got an array of dtype object"),
    (np.array([0, 1, 2, 0], complex), TypeError, "D must hold real numbers, got an array of dtype complex128"),
]
BAD_HOW = [
    ({"epochs": -1}, ValueError, "epochs must be at least 0, got -1"),
    ({"epochs": 1.5}, TypeError, "epochs must be an integer, got 1.5"),
    ({"epochs": "3"}, TypeError, "epochs must be an integer, got '3'"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
    ({"batch_size": -8}, ValueError, "batch_size must be at least 1, got -8"),
    ({"batch_size": 8.0}, TypeError, "batch_size must be an integer, got 8.0"),
    ({"batch_size": True}, TypeError, "batch_size must be an integer, got True"),
    ({"batch_size": None}, TypeError, "batch_size must be an integer, got None"),
    ({"optimizer": 0.1}, TypeError, "optimizer must be a fastbp.Optimizer or one of 'sgd', .*'lbfgs', got 0.1"),
    ({"optimizer": fastbp.SGD}, TypeError, r"optimizer must be a fastbp.Optimizer, got the class SGD: give SGD\(\)"),
    (
        {"optimizer": "adm"},
        ValueError,
        "optimizer must be one of 'sgd', 'adam', 'adamw', 'rmsprop', 'rprop', 'lbfgs', got 'adm'; did you mean 'adam'",
    ),
    ({"version": "tile"}, ValueError, "version must be one of .*, got 'tile'; did you mean 'tiles'\\?"),
    ({"shuffle": "no"}, TypeError, "shuffle must be True or False, got 'no'"),
    ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ({"seed": None}, TypeError, "seed must be an integer, got None"),
]


def refused(call, error, message):
    network = fastbp.Network((2, 4, 3))
    before = network.theta.tobytes()
    with pytest.raises(error, match=message):
        call(network)
    assert network.theta.tobytes() == before


@pytest.mark.parametrize(("bad", "error", "message"), BAD_X)
def test_x(bad, error, message):
    refused(lambda n: fastbp.train(n, bad, D), error, message)
    refused(lambda n: n.gradient(bad, D), error, message)
    refused(lambda n: n.evaluate(bad, D), error, message)
    refused(lambda n: n.predict(bad), error, message)


@pytest.mark.parametrize(("bad", "error", "message"), BAD_D + BAD_LABELS)
def test_d(bad, error, message):
    refused(lambda n: fastbp.train(n, X, bad), error, message)
    refused(lambda n: n.gradient(X, bad), error, message)
    refused(lambda n: n.evaluate(X, bad), error, message)


@pytest.mark.parametrize(("bad", "error", "message"), BAD_HOW)
def test_how_to_train(bad, error, message):
    refused(lambda n: fastbp.train(n, X, D, **bad), error, message)


def test_targets_outside_0_to_1_for_sigmoid():
    network = fastbp.Network((2, 1), output="sigmoid")
    with pytest.raises(
        ValueError, match=r"D must lie between 0 and 1 for output='sigmoid', got 2.0 in row 2, column 0"
    ):
        fastbp.train(network, X, [[1], [0], [2], [1]])
    with pytest.raises(
        ValueError, match=r"D must lie between 0 and 1 for output='sigmoid', got -1.0 in row 1, column 0"
    ):
        fastbp.train(network, X, [[1], [-1], [1], [-1]])


def test_targets_below_0_for_poisson():
    network = fastbp.Network((2, 1), output="exponential")
    with pytest.raises(ValueError, match=r"D must be at least 0 for loss='poisson', got -1.0 in row 1, column 0"):
        network.gradient(X, [[0], [-1], [1000], [0.5]])
    network.gradient(X, [[0], [1], [1000], [0.5]])


BAD_WEIGHTS = [
    (np.ones(3), ValueError, r"sample_weight must have shape \(4,\), a weight for each sample of X, got \(3,\)"),
    (np.ones((4, 1)), ValueError, r"sample_weight must have shape \(4,\), a weight for each sample of X, got \(4, 1\)"),
    (2.0, ValueError, r"sample_weight must have shape \(4,\), a weight for each sample of X, got \(\)"),
    ([1, 1, -1, 1], ValueError, "sample_weight must be at least 0 and finite, got -1 in place 2"),
    ([1, np.nan, 1, 1], ValueError, "sample_weight must be at least 0 and finite, got nan in place 1"),
    ([1, np.inf, 1, 1], ValueError, "sample_weight must be at least 0 and finite, got inf in place 1"),
    ([1e39, 1, 1, 1], ValueError, r"sample_weight must be at least 0 and finite in float32, got 1e\+39 in place 0"),
    (np.zeros(4), ValueError, r"sample_weight must have a sum that is positive and finite, got the sum 0\.0"),
    (list("abcd"), TypeError, "sample_weight must hold real numbers, got an array of dtype <U1"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_WEIGHTS)
def test_sample_weights(bad, error, message):
    refused(lambda n: n.gradient(X, D, bad), error, message)
    refused(lambda n: n.evaluate(X, D, bad), error, message)


def test_sample_weights_whose_sum_no_float_holds():
    network = fastbp.Network((2, 3), dtype="float64")
    with pytest.raises(ValueError, match="sample_weight must have a sum that is positive and finite, got the sum inf"):
        network.gradient(X, D, np.full(4, 1e308))


@pytest.mark.parametrize("output", ["identity", "sigmoid", "exponential"])
def test_a_vector_of_targets_is_for_one_output_or_softmax(output):
    with pytest.raises(ValueError, match=r"D must have shape \(samples, 3\), .*, got \(4,\) \(np\.eye\(3\)\[D\] makes"):
        fastbp.train(fastbp.Network((2, 3), output=output), X, [1, 0, 1, 0])
    with pytest.raises(ValueError, match="D must have a target for each of the 4 samples of X, got 3"):
        fastbp.train(fastbp.Network((2, 1), output=output), X, [1, 0, 1])


def test_a_network_with_broken_parameters_is_not_trained():
    network = fastbp.Network((2, 3))
    network.theta[0] = np.nan
    with pytest.raises(ValueError, match=r"network must have finite parameters, got NaN or infinity in network\.theta"):
        fastbp.train(network, X, D)


def test_a_network_that_cannot_be_changed_is_not_trained():
    network = fastbp.Network((2, 3))
    network.theta.flags.writeable = False
    with pytest.raises(ValueError, match=r"network must have parameters that can be changed, got a read-only"):
        fastbp.train(network, X, D)


@pytest.mark.parametrize("rate", [1e-46, 1e39])
def test_a_learning_rate_that_the_dtype_of_the_network_does_not_hold(rate):
    message = rf"learning_rate must be positive and finite in float32, got {rate}".replace("+", r"\+")
    refused(lambda n: fastbp.train(n, X, D, optimizer=fastbp.SGD(rate)), ValueError, message)


def test_messages_stay_short_and_are_made_of_any_value():
    with pytest.raises(TypeError, match="network must be") as caught:
        fastbp.train(np.zeros((500, 500)).tolist(), X, D)
    assert len(str(caught.value)) < 200
    with pytest.raises(ValueError, match="epochs must be at least 0, got <int object at"):
        fastbp.train(fastbp.Network((2, 3)), X, D, epochs=-(10**5000))


def test_rounding_of_targets_is_forgiven():
    network = fastbp.Network((2, 3))
    for row in ([0.9, 0.1, 1 - 0.9 - 0.1], [1.0000000000000002, 0, 0], np.float32([1, 1, 1]) / 3):
        network.gradient([[0, 1]], [row])
    network.gradient([[0, 1]], [np.float16([0.3, 0.3, 0.4])])


def test_no_floating_point_warning_leaves_the_validation():
    network = fastbp.Network((2, 3))
    with np.errstate(all="raise"):
        network.predict([[1e-310, 1e300 * 0]])
        with pytest.raises(ValueError, match="X must be finite"):
            network.predict(np.array([[0x7FF0000000000001, 0]], np.uint64).view(np.float64))


def test_train_wants_a_network():
    with pytest.raises(TypeError, match=r"network must be a fastbp\.Network, got 'net'"):
        fastbp.train("net", X, D)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sizes": (2,)}, ValueError, r"sizes must have at least two layers, inputs and outputs, got \(2,\)"),
        ({"sizes": ()}, ValueError, "sizes must have at least two layers"),
        ({"sizes": 5}, TypeError, "sizes must be a sequence of integers, got 5"),
        ({"sizes": (2, 0, 3)}, ValueError, r"sizes\[1\] must be at least 1, got 0"),
        ({"sizes": (2, -4)}, ValueError, r"sizes\[1\] must be at least 1, got -4"),
        ({"sizes": (2, 3.0)}, TypeError, r"sizes\[1\] must be an integer, got 3.0"),
        ({"sizes": "23"}, TypeError, "sizes must be a sequence of integers, got '23'"),
        ({"sizes": b"23"}, TypeError, "sizes must be a sequence of integers, got b'23'"),
        ({"sizes": {64, 128}}, TypeError, "sizes must be a sequence of integers, got {"),  # a set has no order
        ({"sizes": {2: 3}}, TypeError, "sizes must be a sequence of integers, got {2: 3}"),
        ({"sizes": (10**6, 10**8)}, MemoryError, "sizes ask for more memory than there is: 100000100000000 parameters"),
        ({"sizes": (2, 10**30, 3)}, MemoryError, "sizes ask for more memory than there is: 6"),
        (
            {"sizes": (2**63 - 1, 1), "output": "identity"},
            MemoryError,
            "sizes ask for more memory than there is: 9223372036854775808 par",
        ),
        (
            {"sizes": (2, 4, 1)},
            ValueError,
            r"sizes must end with at least two outputs for output='softmax', .* got \(2, 4, 1\): output='sigmoid' is",
        ),
        ({"sizes": (1, 2**62)}, MemoryError, "sizes ask for more memory than there is: 9223372036854775808 par"),
        ({"dtype": None}, TypeError, "dtype must be one of 'float32', 'float64', got None"),
        ({"sizes": (2, True)}, TypeError, r"sizes\[1\] must be an integer, got True"),
        ({"activation": "tanhh"}, ValueError, f"activation must be one of {HIDDEN}, got 'tanhh'"),
        ({"activation": "tain"}, ValueError, f"activation must be one of {HIDDEN}, got 'tain'; did you mean 'tanh'\\?"),
        ({"activation": "softmax"}, ValueError, f"activation must be one of {HIDDEN}, got 'softmax'"),
        ({"activation": None}, TypeError, f"activation must be one of {HIDDEN}, got None"),
        (
            {"activation": (), "sizes": (2, 3, 4)},
            ValueError,
            r"activation must have a name for each of the 1 hidden layers, got \(\)",
        ),
        (
            {"activation": ["relu"] * 2},
            ValueError,
            r"activation must have a name for each of the 0 .*, got \('relu",
        ),
        ({"activation": {"relu"}}, TypeError, f"activation must be one of {HIDDEN}, got {{'relu'}}"),
        ({"activation": ("relu", 3), "sizes": (1, 1, 1, 2)}, TypeError, r"activation\[1\] must be one of .*, got 3"),
        (
            {"activation": ("eluu",), "sizes": (1, 1, 2)},
            ValueError,
            r"activation\[0\] must .*, got 'eluu'; did .* 'elu'",
        ),
        ({"loss": "hubert"}, ValueError, f"loss must be one of {LOSS}, got 'hubert'; did you mean 'huber'\\?"),
        ({"loss": 1}, TypeError, f"loss must be one of {LOSS}, got 1"),
        (
            {"loss": "squared"},
            ValueError,
            f"loss must be one of {LOSS}, got 'squared'; did .* 'squared_error'\\?",
        ),
        ({"loss": "huber"}, ValueError, "loss must be 'cross_entropy' for output='softmax', got 'huber'"),
        (
            {"loss": "poisson", "output": "identity"},
            ValueError,
            "loss must be 'squared_error' or 'huber' or 'quantile' for output='identity', got 'poisson'",
        ),
        ({"huber_delta": 1, "output": "exponential"}, ValueError, "huber_delta must be None for loss='poisson', got 1"),
        ({"huber_delta": 1} | QUANTILE, ValueError, "huber_delta must be None for loss='quantile', got 1"),
        ({"quantile": 0.5}, ValueError, "quantile must be None for loss='cross_entropy', got 0.5"),
        ({"quantile": 0.5} | HUBER, ValueError, "quantile must be None for loss='huber', got 0.5"),
        *(
            ({"huber_delta": delta} | HUBER, ValueError, rf"huber_delta must be between 2\^-32 and 2\^30, got {delta}")
            for delta in (0, np.nan, 1e-12, 1e10)
        ),
        ({"huber_delta": "1"} | HUBER, TypeError, "huber_delta must be a number, got '1'"),
        *(
            ({"quantile": quantile} | QUANTILE, ValueError, rf"quantile must be between 2\^-32 .*, got {quantile}")
            for quantile in (1, 1e-12, -0.5, np.nan)
        ),
        ({"quantile": "0.5"} | QUANTILE, TypeError, "quantile must be a number, got '0.5'"),
        ({"output": "relu"}, ValueError, f"output must be one of {OUTPUT}, got 'relu'"),
        ({"dtype": "float16"}, ValueError, "dtype must be one of 'float32', 'float64', got 'float16'$"),
        ({"dtype": "int"}, ValueError, "dtype must be one of 'float32', 'float64', got 'int64'"),
        ({"dtype": "fast"}, ValueError, "dtype must be one of 'float32', 'float64', got 'fast'"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 0.5}, TypeError, "seed must be an integer, got 0.5"),
    ],
)
def test_network_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        fastbp.Network(**{"sizes": (2, 3)} | arguments)


@pytest.mark.parametrize(
    ("rate", "error", "message"),
    [
        (0, ValueError, "learning_rate must be positive and finite, got 0"),
        (-0.1, ValueError, "learning_rate must be positive and finite, got -0.1"),
        (np.nan, ValueError, "learning_rate must be positive and finite, got nan"),
        (np.inf, ValueError, "learning_rate must be positive and finite, got inf"),
        ("0.1", TypeError, "learning_rate must be a number or a fastbp.Schedule, got '0.1'"),
        (None, TypeError, "learning_rate must be a number or a fastbp.Schedule, got None"),
        (1j, TypeError, "learning_rate must be a number or a fastbp.Schedule, got 1j"),
        (True, TypeError, "learning_rate must be a number or a fastbp.Schedule, got True"),
        (10**400, ValueError, r"learning_rate must be positive and finite, got 10+\.\.\."),
        (Fraction(1, 10**400), ValueError, r"learning_rate must be positive and finite, got Fraction\(1, 10+\.\.\."),
    ],
)
def test_learning_rate(rate, error, message):
    with pytest.raises(error, match=message):
        fastbp.SGD(rate)


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="module 'fastbp' has no attribute 'MLP'"):
        fastbp.MLP  # noqa: B018
