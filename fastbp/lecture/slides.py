"""The forty slides: the formulas of each with their blanks, and the functions and exercises that are about it."""

from typing import NamedTuple

__all__ = ["SLIDES", "Slide"]


class Slide(NamedTuple):
    """One slide; its title and its words stand in page/texts, a file for each language.

    Attributes
    ----------
    number : int
        1 to 40.
    formulas : tuple of str
        In the notation of page/mathml.py; [...] is what the slide leaves blank.
    functions : tuple of str
        Of `fastbp.lecture.loops` and, as a twin, of `fastbp.lecture.matrix`. Slides 1-4, 10, 11
        and 13-17 have no function of their own and name one that uses what they say.
    exercises : tuple of str
        Of the workbook.
    demo : str
        The small demonstration with numbers on the page.
    """

    number: int
    formulas: tuple[str, ...]
    functions: tuple[str, ...]
    exercises: tuple[str, ...]
    demo: str

    @property
    def anchor(self):
        """Where the slide stands on the page."""
        return f"slide-{self.number}"


# ---- 1-12: the network and its error ---------------------------------------------------------------------------------

_NETWORK = (
    Slide(1, ("x_i -> [u_j] -> [y_j] -> [u_k] -> [y_k]",), ("forward",), ("parameter_shapes",), "shapes"),
    Slide(
        2, ("i = 1, ..., [l]", "j = 1, ..., [m]", "k = 1, ..., [n]"), ("weighted_sum",), ("parameter_shapes",), "shapes"
    ),
    Slide(
        3,
        ("[l, m, n, x_i, d_k]", "[w_ji, b_j, w_kj, b_k]", "[u_j, y_j, u_k, y_k, E]"),
        ("weighted_sum",),
        ("parameter_shapes",),
        "shapes",
    ),
    Slide(
        4,
        ("W^(1) = (w_[ji])", "B^(1) = (b_[j])", "W^(2) = (w_[kj])", "B^(2) = (b_[k])"),
        ("weighted_sum",),
        ("parameter_shapes",),
        "shapes",
    ),
    Slide(
        5,
        ("y_j = [1 / (1 + exp(-u_j))]", "y_k = [u_k]", "y_j = [u_j] if u_j >= 0 else [0]"),
        ("sigmoid", "identity", "relu"),
        ("sigmoid", "relu"),
        "forward",
    ),
    Slide(
        6,
        ("y_k = h([u_1, ..., u_n])", "y_k = [exp(u_k) / sum_r exp(u_r)]", "y_1 + ... + y_n = [1]"),
        ("softmax",),
        ("softmax",),
        "softmax",
    ),
    Slide(
        7,
        (
            "u_j = [w_j1 x_1] + ... + [w_ji x_i] + ... + [w_jl x_l] + [b_j]",
            "u_j = [sum_i w_ji x_i + b_j]",
            "y_j = [h(u_j)]",
        ),
        ("weighted_sum", "forward"),
        ("weighted_sum", "forward", "by_hand"),
        "forward",
    ),
    Slide(
        8,
        (
            "u_k = [w_k1 y_1] + ... + [w_kj y_j] + ... + [w_km y_m] + [b_k]",
            "u_k = [sum_j w_kj y_j + b_k]",
            "y_k = [h(u_k)]",
        ),
        ("weighted_sum", "forward"),
        ("weighted_sum", "forward", "by_hand"),
        "forward",
    ),
    Slide(
        9,
        ("E = f([y, d])", "E = [1/2 sum_r (y_r - d_r)^2]", "E = [-sum_r d_r ln y_r]"),
        ("squared_error", "cross_entropy"),
        ("squared_error", "cross_entropy", "by_hand"),
        "error",
    ),
    Slide(10, ("E([W^(1), B^(1), W^(2), B^(2)]) = f(y, d)",), ("error_of_sample",), ("by_hand",), "error"),
    Slide(
        11,
        (
            "W^(1) = matrix([w_11], ..., [w_1l]; ...; [w_m1], ..., [w_ml])",
            "B^(1) = matrix([b_1]; ...; [b_m])",
            "W^(2) = matrix([w_11], ..., [w_1m]; ...; [w_n1], ..., [w_nm])",
            "B^(2) = matrix([b_1]; ...; [b_n])",
        ),
        ("weighted_sum",),
        ("parameter_shapes",),
        "error",
    ),
    Slide(
        12,
        ("w <- w - [eta ∂E/∂w]", "b <- b - [eta ∂E/∂b]"),
        ("gradient_step", "backward", "epoch"),
        ("gradient_step", "epoch"),
        "cost",
    ),
)

# ---- 13-20: differentiation ------------------------------------------------------------------------------------------

_DIFFERENTIATION = (
    Slide(13, ("[f(x + dx) - f(x)] / [dx]",), ("error_of_sample",), ("differences",), "quotient"),
    Slide(14, ("df/dx = [lim_{dx -> 0} (f(x + dx) - f(x)) / dx]",), ("error_of_sample",), ("differences",), "limit"),
    Slide(15, ("f'(x) = [df/dx]", "df = [f'(x)] dx"), ("error_of_sample",), ("differences",), "slope"),
    Slide(
        16,
        ("∂f/∂x = [lim_{dx -> 0} (f(x + dx, y) - f(x, y)) / dx]",),
        ("error_of_sample",),
        ("differences",),
        "partial_x",
    ),
    Slide(
        17,
        ("∂f/∂y = [lim_{dy -> 0} (f(x, y + dy) - f(x, y)) / dy]",),
        ("error_of_sample",),
        ("differences",),
        "partial_y",
    ),
    Slide(
        18,
        (
            "df = [∂f/∂x dx] + [∂f/∂y dy]",
            "dE = [dE/dy_1 dy_1] + ... + [dE/dy_r dy_r] + ... + [dE/dy_n dy_n]",
            "dE = [sum_r dE/dy_r dy_r]",
        ),
        ("output_delta_general",),
        ("total_differential",),
        "total",
    ),
    Slide(19, ("dE/dx = [dE/dy dy/dx]",), ("output_delta_general",), ("chain_rule",), "chain_one"),
    Slide(
        20,
        (
            "dE/dx = [dE/dy_1 dy_1/dx] + [dE/dy_2 dy_2/dx]",
            "dE/dx = [dE/dy_1 dy_1/dx] + ... + [dE/dy_r dy_r/dx] + ... + [dE/dy_n dy_n/dx]",
            "dE/dx = [sum_r dE/dy_r dy_r/dx]",
        ),
        ("output_delta_general",),
        ("chain_rule",),
        "chain_many",
    ),
)

# ---- 21-30: the gradients of the parameters --------------------------------------------------------------------------

_GRADIENTS = (
    Slide(
        21,
        (
            "dE/dw_kj = [dE/du_1 du_1/dw_kj] + ... + [dE/du_k du_k/dw_kj] + ... + [dE/du_n du_n/dw_kj]",
            "dE/dw_kj = [sum_r dE/du_r du_r/dw_kj]",
        ),
        ("weight_gradient",),
        ("weight_gradient",),
        "step1",
    ),
    Slide(
        22,
        (
            "u_k = sum_j w_kj y_j + b_k",
            "du_k/dw_kj = [y_j]",
            "du_r/dw_kj = [0] for r != k",
            "delta_k = dE/du_k",
            "dE/dw_kj = dE/du_k du_k/dw_kj = [delta_k y_j]",
        ),
        ("weight_gradient",),
        ("weight_gradient", "by_hand"),
        "step1",
    ),
    Slide(
        23,
        (
            "dE/db_k = [dE/du_1 du_1/db_k] + ... + [dE/du_k du_k/db_k] + ... + [dE/du_n du_n/db_k]",
            "dE/db_k = [sum_r dE/du_r du_r/db_k]",
        ),
        ("bias_gradient",),
        ("bias_gradient",),
        "step1",
    ),
    Slide(
        24,
        ("du_k/db_k = [1]", "du_r/db_k = [0] for r != k", "dE/db_k = dE/du_k du_k/db_k = [delta_k]"),
        ("bias_gradient",),
        ("bias_gradient", "by_hand"),
        "step1",
    ),
    Slide(
        25,
        (
            "dE/dy_j = [dE/du_1 du_1/dy_j] + ... + [dE/du_k du_k/dy_j] + ... + [dE/du_n du_n/dy_j]",
            "dE/dy_j = [sum_k dE/du_k du_k/dy_j] = [sum_k delta_k w_kj]",
        ),
        ("backward_sum",),
        ("backward_sum", "by_hand"),
        "step15",
    ),
    Slide(
        26,
        (
            "u_j = sum_i w_ji x_i + b_j",
            "dE/dw_ji = [dE/du_1 du_1/dw_ji] + ... + [dE/du_j du_j/dw_ji] + ... + [dE/du_m du_m/dw_ji]",
            "dE/dw_ji = [sum_r dE/du_r du_r/dw_ji]",
        ),
        ("weight_gradient",),
        ("weight_gradient",),
        "step2",
    ),
    Slide(
        27,
        (
            "du_j/dw_ji = [x_i]",
            "du_r/dw_ji = [0] for r != j",
            "delta_j = dE/du_j",
            "dE/dw_ji = dE/du_j du_j/dw_ji = [delta_j x_i]",
        ),
        ("weight_gradient",),
        ("weight_gradient", "by_hand"),
        "step2",
    ),
    Slide(
        28,
        (
            "dE/db_j = [dE/du_1 du_1/db_j] + ... + [dE/du_j du_j/db_j] + ... + [dE/du_m du_m/db_j]",
            "dE/db_j = [sum_r dE/du_r du_r/db_j]",
        ),
        ("bias_gradient",),
        ("bias_gradient",),
        "step2",
    ),
    Slide(
        29,
        ("du_j/db_j = [1]", "du_r/db_j = [0] for r != j", "dE/db_j = dE/du_j du_j/db_j = [delta_j]"),
        ("bias_gradient",),
        ("bias_gradient", "by_hand"),
        "step2",
    ),
    Slide(
        30,
        (
            "dE/dW^(2) = matrix(dE/dw_11, ..., dE/dw_1m; ...; dE/dw_n1, ..., dE/dw_nm), [n times m]",
            "dE/dB^(2) = matrix(dE/db_1; ...; dE/db_n), [n times 1]",
            "dE/dW^(1) = matrix(dE/dw_11, ..., dE/dw_1l; ...; dE/dw_m1, ..., dE/dw_ml), [m times l]",
            "dE/dB^(1) = matrix(dE/db_1; ...; dE/db_m), [m times 1]",
        ),
        ("gradient",),
        ("weight_gradient", "bias_gradient", "gradient"),
        "step2",
    ),
)

# ---- 31-36: the deltas -----------------------------------------------------------------------------------------------

_DELTAS = (
    Slide(
        31,
        (
            "delta_k = dE/du_k = [sum_r dE/dy_r dy_r/du_k]",
            "delta_k = [dE/dy_k dy_k/du_k] + [sum_{r != k} dE/dy_r dy_r/du_k]",
        ),
        ("output_delta_general",),
        ("output_delta_general",),
        "output_delta",
    ),
    Slide(
        32,
        (
            "E = 1/2 sum_r (y_r - d_r)^2",
            "y_k = u_k",
            "dE/dy_k = [y_k - d_k]",
            "dy_k/du_k = [1]",
            "dy_r/du_k = [0] for r != k",
            "delta_k = [y_k - d_k]",
        ),
        ("squared_error", "squared_error_derivative", "identity_derivative", "output_delta"),
        ("squared_error", "output_delta", "by_hand"),
        "output_delta",
    ),
    Slide(
        33,
        (
            "E = -sum_r d_r ln y_r",
            "y_k = exp(u_k) / sum_r exp(u_r)",
            "dE/dy_r = [-d_r / y_r]",
            "dy_k/du_k = [y_k (1 - y_k)]",
            "dy_r/du_k = [-y_r y_k] for r != k",
            "delta_k = [-d_k (1 - y_k)] + [sum_{r != k} d_r y_k] = [y_k sum_r d_r] - [d_k]",
            "sum_r d_r = [1]",
            "delta_k = [y_k - d_k]",
        ),
        ("cross_entropy", "cross_entropy_derivative", "softmax_derivative", "output_delta"),
        ("softmax", "cross_entropy", "softmax_derivative", "output_delta"),
        "output_delta",
    ),
    Slide(
        34,
        (
            "delta_j = dE/du_j = [dE/dy_j dy_j/du_j] + [sum_{s != j} dE/dy_s dy_s/du_j]",
            "dy_s/du_j = [0] for s != j",
            "delta_j = [dE/dy_j h'(u_j)] = [(sum_k delta_k w_kj) h'(u_j)]",
        ),
        ("hidden_delta",),
        ("hidden_delta", "by_hand"),
        "hidden_delta",
    ),
    Slide(
        35,
        (
            "y_j = h(u_j) = [1 / (1 + exp(-u_j))]",
            "h'(u_j) = [y_j (1 - y_j)]",
            "delta_j = [(sum_k delta_k w_kj) y_j (1 - y_j)]",
        ),
        ("sigmoid", "sigmoid_derivative", "hidden_delta"),
        ("sigmoid", "sigmoid_derivative"),
        "hidden_delta",
    ),
    Slide(
        36,
        (
            "y_j = h(u_j) = [u_j] if u_j >= 0 else [0]",
            "h'(u_j) = [1] if u_j >= 0 else [0]",
            "delta_j = [sum_k delta_k w_kj] if u_j >= 0 else [0]",
        ),
        ("relu", "relu_derivative", "hidden_delta"),
        ("relu", "relu_derivative", "by_hand"),
        "hidden_delta",
    ),
)

# ---- 37-40: summary --------------------------------------------------------------------------------------------------

_TOGETHER = ("backward", "gradient", "epoch")

_SUMMARY = (
    Slide(37, ("D = matrix([d_1], ..., [d_n])^T",), ("output_delta",), _TOGETHER, "epoch"),
    Slide(
        38,
        ("dE/dW^(2) = [(Y^(2) - D) Y^(1)^T]", "dE/dB^(2) = [Y^(2) - D]"),
        ("backward", "output_delta"),
        _TOGETHER,
        "epoch",
    ),
    Slide(
        39,
        (
            "dE/dW^(1) = [(W^(2)^T (Y^(2) - D) * Y^(1) * (1 - Y^(1))) X^T]",
            "dE/dB^(1) = [W^(2)^T (Y^(2) - D) * Y^(1) * (1 - Y^(1))]",
        ),
        ("backward", "sigmoid_derivative"),
        _TOGETHER,
        "epoch",
    ),
    Slide(
        40,
        (
            "dE/dW^(1) = [(W^(2)^T (Y^(2) - D) * h'(U^(1))) X^T]",
            "dE/dB^(1) = [W^(2)^T (Y^(2) - D) * h'(U^(1))]",
            "h'(u_j) = [1] if u_j >= 0 else [0]",
        ),
        ("backward", "relu_derivative"),
        _TOGETHER,
        "epoch",
    ),
)

SLIDES = _NETWORK + _DIFFERENTIATION + _GRADIENTS + _DELTAS + _SUMMARY
