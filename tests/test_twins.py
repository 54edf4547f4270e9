"""The first witness: every formula as loops over samples equals the same formula as a matrix product."""

import numpy as np
import pytest

from fastbp.lecture import codes, loops, matrix
from tests.cases import DTYPES, assert_close, inputs_to_activation, kernels, teacher

# Name; arguments with their axes (s is the sample; those after ">" are outputs); activation that makes y of u.
FORMULAS = [
    ("weighted_sum", "x:si w:ji b:j > u:sj", None),
    ("add_weighted_sum", "x:si w:ji > u:sj", None),
    ("identity", "u:sj > y:sj", None),
    ("sigmoid", "u:sj > y:sj", None),
    ("relu", "u:sj > y:sj", None),
    ("softmax", "u:sj > y:sj", None),
    ("tanh", "u:sj > y:sj", None),
    ("leaky_relu", "u:sj > y:sj", None),
    ("elu", "u:sj > y:sj", None),
    ("selu", "u:sj > y:sj", None),
    ("softplus", "u:sj > y:sj", None),
    ("silu", "u:sj > y:sj", None),
    ("gelu", "u:sj > y:sj", None),
    ("mish", "u:sj > y:sj", None),
    ("exponential", "u:sj > y:sj", "exponential"),
    ("identity_derivative", "u:sj y:sj > dh:sj", "identity"),
    ("sigmoid_derivative", "u:sj y:sj > dh:sj", "sigmoid"),
    ("relu_derivative", "u:sj y:sj > dh:sj", "relu"),
    ("tanh_derivative", "u:sj y:sj > dh:sj", "tanh"),
    ("leaky_relu_derivative", "u:sj y:sj > dh:sj", "leaky_relu"),
    ("elu_derivative", "u:sj y:sj > dh:sj", "elu"),
    ("selu_derivative", "u:sj y:sj > dh:sj", "selu"),
    ("softplus_derivative", "u:sj y:sj > dh:sj", "softplus"),
    ("silu_derivative", "u:sj y:sj > dh:sj", "silu"),
    ("gelu_derivative", "u:sj y:sj > dh:sj", "gelu"),
    ("mish_derivative", "u:sj y:sj > dh:sj", "mish"),
    ("straight_second_derivative", "u:sj y:sj > ddh:sj", "identity"),
    ("sigmoid_second_derivative", "u:sj y:sj > ddh:sj", "sigmoid"),
    ("tanh_second_derivative", "u:sj y:sj > ddh:sj", "tanh"),
    ("elu_second_derivative", "u:sj y:sj > ddh:sj", "elu"),
    ("selu_second_derivative", "u:sj y:sj > ddh:sj", "selu"),
    ("softplus_second_derivative", "u:sj y:sj > ddh:sj", "softplus"),
    ("silu_second_derivative", "u:sj y:sj > ddh:sj", "silu"),
    ("gelu_second_derivative", "u:sj y:sj > ddh:sj", "gelu"),
    ("mish_second_derivative", "u:sj y:sj > ddh:sj", "mish"),
    ("softmax_derivative", "u:sj y:sj > jacobian:sjj", "softmax"),
    ("smooth_labels", "smoothing: classes: d:sj > t:sj", "softmax"),
    ("squared_error", "u:sj y:sj d:sj", "identity"),
    ("cross_entropy", "u:sj y:sj d:sj", "softmax"),
    ("binary_cross_entropy", "u:sj y:sj d:sj", "sigmoid"),
    ("huber_error", "level: u:sj y:sj d:sj", "identity"),
    ("poisson_error", "u:sj y:sj d:sj", "exponential"),
    ("quantile_error", "level: u:sj y:sj d:sj", "identity"),
    ("squared_error_derivative", "y:sj d:sj > dy:sj", "identity"),
    ("cross_entropy_derivative", "y:sj d:sj > dy:sj", "softmax"),
    ("binary_cross_entropy_derivative", "y:sj d:sj > dy:sj", "sigmoid"),
    ("poisson_error_derivative", "y:sj d:sj > dy:sj", "exponential"),
    ("output_delta_general", "dy:sj jacobian:sjj > delta:sj", None),
    ("output_delta", "y:sj d:sj > delta:sj", "softmax"),
    ("huber_delta", "level: y:sj d:sj > delta:sj", "identity"),
    ("quantile_delta", "level: y:sj d:sj > delta:sj", "identity"),
    ("binary_cross_entropy_of_outputs", "level: y:sj d:sj", "sigmoid"),
    ("weight_gradient", "delta:sj x:si > dw:ji", None),
    ("add_weight_gradient", "delta:sj x:si > dw:ji", None),
    ("bias_gradient", "delta:sj > db:j", None),
    ("add_bias_gradient", "delta:sj > db:j", None),
    ("backward_sum", "delta:sk w:kj > dy:sj", None),
    ("add_backward_sum", "delta:sk w:kj > dy:sj", None),
    ("hidden_delta", "dy:sj dh:sj > delta:sj", None),
    ("gradient_step", "theta:j dtheta:j eta: ", None),
]
BY_CODE = [
    ("activate", "code: u:sj > y:sj", codes.OUTPUT | codes.HIDDEN),
    ("activation_derivative", "code: u:sj y:sj > dh:sj", codes.HIDDEN),
    ("second_derivative", "code: u:sj y:sj > ddh:sj", codes.HIDDEN),
    ("delta_of_outputs", "code: y:sj dy:sj > delta:sj", codes.OUTPUT),
    ("delta_along", "code: level: y:sj d:sj ry:sj > rdelta:sj", codes.ERROR),
    ("output_error", "code: level: u:sj y:sj d:sj", codes.ERROR),
    ("error_delta", "code: level: y:sj d:sj > delta:sj", codes.ERROR),
]
PASSES = [  # tests/test_passes.py and test_report.py
    "forward", "backward", "error_of_sample", "predict", "mean_error", "gradient", "epoch", "mean_of_batches",
]  # fmt: skip
UPDATES = [  # tests/test_updates.py and test_report.py
    "momentum_step", "nesterov_step", "adam_step", "adamw_step", "rmsprop_step", "rprop_step", "add_l1", "add_l2",
    "square_sum", "clip_gradient", "limit_norms", "rule_step", "update", "l1_penalty", "l2_penalty", "add_penalties",
    "rated_step",
]  # fmt: skip
SPARSE = ["add_stored"]  # tests/test_sparse.py
JACOBIANS = [  # tests/test_jacobians.py
    "forward_along", "hessian_product", "input_gradient", "input_jacobian", "parameter_jacobian", "normal_equations",
]  # fmt: skip
EQUATIONS = ["cholesky", "cholesky_solve", "trace_of_inverse"]  # tests/test_equations.py
STREAMS = ["running_moments", "standard_scores"]  # tests/test_online.py
RATES = ["scale_inputs", "split_gradient", "add_split_gradient"]  # tests/test_rates.py
NUMBERS = {"eta": 0.1, "level": 0.3, "smoothing": 0.2, "classes": 3}
OUTPUT_OF = {error: output for output, errors in codes.ERRORS_OF.items() for error in errors}
CASES = [pytest.param(name, spec, None, activation, id=name) for name, spec, activation in FORMULAS] + [
    pytest.param(name, spec, table[choice], OUTPUT_OF.get(choice, choice), id=f"{name}-{choice}")
    for name, spec, table in BY_CODE
    for choice in table
]


def arguments(spec, code, activation, sizes, dtype, rng):
    """Arrays for the arguments of `spec`: {name: (axes, array)}, inputs and outputs."""
    made = {}
    for word in spec.replace(">", "").split():
        name, axes = word.split(":")
        shape = tuple(sizes[axis] for axis in axes)
        if name == "code":
            value = code
        elif name in NUMBERS:
            value = NUMBERS[name]
        elif name == "u":
            exponential = activation == "exponential" or code == codes.EXPONENTIAL  # beyond, see test_extremes.py
            value = inputs_to_activation(rng, shape, dtype, 80.0 if exponential else 400.0)
        elif name == "d":
            value = teacher(rng, *shape, activation, dtype)
        elif name == "y" and activation and "u" in made:
            value = np.empty(shape, dtype)
            matrix.activate((codes.OUTPUT | codes.HIDDEN)[activation], made["u"][1], value)
        elif name == "y" and activation == "softmax":
            value = rng.dirichlet(np.ones(shape[-1]), shape[0]).astype(dtype) + np.dtype(dtype).type(0.01)
        elif name == "y" and activation in ("sigmoid", "exponential"):
            value = rng.uniform(0.1, 0.9, shape).astype(dtype)
        else:
            value = rng.normal(size=shape).astype(dtype)
        made[name] = (axes, value)
    return made


def run_matrix(name, made):
    arrays = {key: np.copy(value) if np.ndim(value) else value for key, (_, value) in made.items()}
    returned = getattr(matrix, name)(**arrays)
    return returned, arrays


def run_loops(name, made, samples):
    """Sample by sample. Outputs without a sample axis are summed over them, as a matrix product does."""
    axes = {key: axes for key, (axes, _) in made.items()}
    arrays = {key: np.copy(value) if np.ndim(value) else value for key, (_, value) in made.items()}
    shared = [key for key in ("dw", "db") if key in arrays and not name.startswith("add_")]
    sums, returned = {key: np.zeros_like(arrays[key]) for key in shared}, []
    for s in range(samples):
        one = {key: value[s] if axes[key][:1] == "s" else value for key, value in arrays.items()}
        returned.append(getattr(loops, name)(*one.values()))
        for key in shared:
            sums[key] += arrays[key]
    return returned, arrays | sums


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "spec", "code", "activation"), CASES)
def test_loops_equal_matrix_products(name, spec, code, activation, dtype):
    for seed, (samples, i, j, k) in enumerate(
        [(1, 1, 1, 1), (1, 15, 2, 3), (3, 16, 17, 5), (2, 31, 33, 16), (17, 4, 15, 1), (1, 33, 1, 31), (50, 2, 31, 17)]
    ):
        sizes = {"s": samples, "i": i, "j": j, "k": k}
        made = arguments(spec, code, activation, sizes, dtype, np.random.default_rng(seed))
        steps = 1 if name == "gradient_step" else samples
        returned, expected = run_matrix(name, made)
        came, arrays = run_loops(name, made, steps)
        for key in made:
            assert_close(arrays[key], expected[key], dtype)
        if returned is not None:
            assert returned.shape == (samples,)
            assert_close(came, returned, dtype)


@pytest.mark.parametrize(("name", "spec", "code", "activation"), CASES)
def test_matrix_products_take_one_sample_too(name, spec, code, activation):
    sizes = {"s": 1, "i": 4, "j": 3, "k": 2}
    made = arguments(spec, code, activation, sizes, "float64", np.random.default_rng(0))
    returned, expected = run_matrix(name, made)
    single = {k: (a.lstrip("s"), v[0] if a.startswith("s") else v) for k, (a, v) in made.items()}
    came, arrays = run_matrix(name, single)
    for key, (axes, _) in made.items():
        assert_close(arrays[key], expected[key][0] if axes.startswith("s") else expected[key], "float64")
    if returned is not None:
        assert_close(came, returned[0], "float64")


def test_every_formula_has_its_row_here():
    elsewhere = PASSES + UPDATES + SPARSE + RATES + JACOBIANS + EQUATIONS + STREAMS
    assert kernels(loops).keys() == {row[0] for row in FORMULAS + BY_CODE} | {*elsewhere}
