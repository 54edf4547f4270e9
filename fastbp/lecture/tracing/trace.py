"""One sample through a network, with every number of the slides by its letter: `fastbp.trace`.

Numbers come from the lecture's loops, in float64. What is made of them stands beside: the table that is printed
(table.py), the steps with their formulas (steps.py), the check of all gradients (check.py).
"""

import html
from dataclasses import dataclass

import numpy as np

from fastbp import validation
from fastbp.lecture import codes, layout
from fastbp.lecture.tracing import check, sources, steps, table


@dataclass(frozen=True, eq=False)
class TracedLayer:
    """What one weight layer did to one sample: a vector has a number for each of its units."""

    activation: str
    W: np.ndarray  # (receiving, sending)
    B: np.ndarray
    x: np.ndarray  # what it receives: the inputs, or y of the layer below
    u: np.ndarray
    y: np.ndarray
    dh: np.ndarray  # h'(u); of softmax dy_k/du_k
    dy: np.ndarray  # dE/dy
    delta: np.ndarray
    dW: np.ndarray
    dB: np.ndarray
    W_after: np.ndarray  # after a step of gradient descent
    B_after: np.ndarray
    jacobian: np.ndarray | None  # dy_r/du_k in row r and column k, and slide 31's sum: at the output only
    delta_general: np.ndarray | None
    slides: dict  # of each letter: "21, 22", or who wrote of it where the lecture does not


@dataclass(frozen=True, eq=False)
class Trace:
    """Every number of the lecture for one sample and one network, and where it comes from: made by `trace`.

    `print` shows a table of them. All arrays are read-only copies in float64; changing the network later changes no
    trace.

    Attributes
    ----------
    sizes : tuple of int
        Units of each layer, the inputs first.
    loss : str
        The name of the error.
    level : float
        The `huber_delta` or the `quantile` of the loss; 0 if it has none.
    learning_rate : float
        eta of the update.
    x : ndarray of shape (sizes[0],)
        The inputs.
    d : ndarray of shape (sizes[-1],)
        The teacher signal.
    E : float
        The error.
    layers : tuple
        A record for each weight layer, the output's last, with the letters `W`, `B`, `x` (what the layer receives),
        `u`, `y`, `dh` (h'(u); of softmax dy_k/du_k), `dy` (dE/dy), `delta`, `dW`, `dB`, `W_after` and `B_after` (after
        w <- w - eta dE/dw); `activation`, its name; and `slides`, a dict of these letters with the slides of each. Only
        the output has `jacobian`, dy_r/du_k in row r and column k, and `delta_general`, delta by the sum of slide 31.
        They are None elsewhere.
    slides : dict
        Slides of `x`, `d` and `E`.

    Examples
    --------
    >>> import fastbp
    >>> network = fastbp.Network((2, 2, 1), output="identity", dtype="float64")
    >>> network.W[0][:], network.W[1][:] = [[1, -1], [0.5, 0.5]], [[2, -2]]
    >>> trace = fastbp.trace(network, [2.0, 1.0], 0.0)
    >>> trace.E, trace.layers[1].delta, trace.layers[0].delta
    (0.5, array([-1.]), array([-2.,  2.]))
    >>> trace.layers[0].slides["dW"]
    '26, 27'
    """

    sizes: tuple
    loss: str
    level: float
    learning_rate: float
    x: np.ndarray
    d: np.ndarray
    E: float
    layers: tuple
    slides: dict

    def __repr__(self):
        return f"<Trace of {'-'.join(map(str, self.sizes))}: E = {self.E:.6g}, print() shows all numbers>"

    def __str__(self):
        return table.table(self)

    def _repr_html_(self):
        return f"<pre>{html.escape(str(self))}</pre>"

    def steps(self):
        """The computation step by step, in the lecture's order, each formula with letters and with numbers.

        Returns
        -------
        iterator of NamedTuple
            A step has `part` ("forward", "error", "STEP 1", "STEP 1.5", "STEP 2", "update"), `slide` ("21, 22", or who
            wrote of it), `quantity` ("dE/dw_11^(2)", the layer in the superscript), `formula`, `numbers` (the formula
            with these) and `result`, a float; as a str one line of all. Operands have as many digits as it takes for
            the result that is shown. Sums of more than five terms have two and the last of them.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.Network((2, 1), output="identity", dtype="float64")
        >>> network.W[0][:] = 0.5, -1
        >>> for step in fastbp.trace(network, [1.0, 2.0], 0.5).steps():
        ...     if "w" in step.quantity or step.part == "forward":
        ...         print(step)
        u_1^(1) = w_11^(1) x_1 + w_12^(1) x_2 + b_1^(1) = 0.5 x 1 - 1 x 2 + 0 = -1.5
        y_1^(1) = u_1^(1) = -1.5
        dE/dw_11^(1) = delta_1^(1) x_1 = -2 x 1 = -2
        dE/dw_12^(1) = delta_1^(1) x_2 = -2 x 2 = -4
        w_11^(1) <- w_11^(1) - eta dE/dw_11^(1) = 0.5 - 0.1 x (-2) = 0.7
        w_12^(1) <- w_12^(1) - eta dE/dw_12^(1) = -1 - 0.1 x (-4) = -0.6
        """
        return steps.steps(self)

    def check(self):
        """Each dE/dw and dE/db beside its difference quotient (slides 13-17) and the matrix version.

        Returns
        -------
        check : object
            `rows`, a tuple of NamedTuples with `quantity`, `slides`, `analytic`, `matrix`, `difference` and `note`;
            `largest_difference`, between an analytic derivative and its quotient; and `ok`, whether all agree. `print`
            shows a table. Where the error has a kink, ReLU at u = 0 for example, the quotient is the mean of the slopes
            on both sides: the note says so, and the row counts for neither of the two.

        Examples
        --------
        >>> import fastbp
        >>> check = fastbp.trace(fastbp.Network((3, 4, 2)), [1.0, 2.0, -1.0], 1).check()
        >>> check.ok, len(check.rows), check.largest_difference < 1e-8
        (True, 26, True)
        """
        return check.check(self)


def trace(network, x, d, learning_rate=0.1):
    """Follow one sample through a network: every number of the lecture, with its letter and its slide.

    Forward (slides 7, 8), the error (9), STEP 1, 1.5 and 2 (21-36), and a step of gradient descent (12), which the
    network itself does not make. All is computed in float64 by the loops of the lecture.

    Parameters
    ----------
    network : Network
        Of any number of layers, with any activations and any loss. It is not changed.
    x : array-like of real numbers, shape (sizes[0],)
        The inputs of one sample.
    d : array-like of real numbers, shape (sizes[-1],), or a number
        Its teacher signal; for softmax a class label, too, and for a single output a number.
    learning_rate : float
        eta of the update.

    Returns
    -------
    Trace

    Raises
    ------
    TypeError, ValueError
        If network is none, x or d are not one sample of finite numbers that suits it, or the learning rate is not
        positive.

    Examples
    --------
    >>> import fastbp
    >>> network = fastbp.Network((3, 4, 2))
    >>> network.theta[:] = 0  # each class is as probable as the other
    >>> trace = fastbp.trace(network, [1.0, 2.0, -1.0], 1)
    >>> trace
    <Trace of 3-4-2: E = 0.693147, print() shows all numbers>
    >>> trace.layers[-1].delta, trace.layers[-1].slides["delta"]
    (array([ 0.5, -0.5]), '33')
    """
    if not all(hasattr(network, name) for name in ("theta", "layers", "loss", "output")):
        raise TypeError(f"network must be a fastbp.Network, got {validation.shown(network)}")
    eta = validation.positive_number("learning_rate", learning_rate)
    x = _inputs(x, network.sizes[0])
    d = _teacher_signal(d, network)
    E, values, gradients, after = _computed(network, x, d, eta)
    output = _at_the_output(network, values, d)
    layers, sending, last = [], x, len(network.layers) - 1
    for layer, activation in enumerate(network.activations):
        of_units = {letter: rows[layer] for letter, rows in values.items()}
        of_units |= output if layer == last else {"jacobian": None, "delta_general": None}
        matrices = {name: parts[layer] for name, parts in gradients.items()}
        matrices |= {f"{name}_after": parts[layer] for name, parts in after.items()}
        slides = sources.of_layer(activation, network.loss if layer == last else None)
        layers.append(_read_only(TracedLayer(activation=activation, x=sending, slides=slides, **of_units, **matrices)))
        sending = of_units["y"]
    level = network.layers["level"].item(-1)
    return _read_only(
        Trace(network.sizes, network.loss, level, eta, x, d, E, tuple(layers), sources.of_sample(network.loss))
    )


def _inputs(x, inputs):
    """The inputs of one sample as a vector of float64."""
    given = validation.real_array("x", x)
    if given.shape != (inputs,):
        hint = " (a trace is of one sample: give one row)" if given.ndim == 2 and given.shape[1] == inputs else ""
        raise ValueError(f"x must have shape ({inputs},), the inputs of one sample, got {given.shape}{hint}")
    return validation.real_matrix("x", given[None], inputs, np.float64)[0].copy()


def _teacher_signal(d, network):
    """The teacher signal of one sample as a vector of float64; a label of softmax becomes 1 at its place."""
    outputs, given = network.sizes[-1], validation.real_array("d", d)
    label = network.output == "softmax"
    if given.shape != (outputs,) and not (given.ndim == 0 and (label or outputs == 1)):
        way = ", or be a class label" if label else ", or be a number" if outputs == 1 else ""
        hint = " (a trace is of one sample: give one row)" if given.ndim == 2 and given.shape[1] == outputs else ""
        raise ValueError(
            f"d must have shape ({outputs},), the teacher signal of one sample{way}, got {given.shape}{hint}"
        )
    return validation.targets(given[None], 1, network.output, network.loss, outputs, np.float64, "d")[0].copy()


def _computed(network, x, d, eta):
    """E; lists with u, y, dh, dy, delta of each layer; W, B, dW, dB; and W, B after the update."""
    from fastbp.lecture import loops  # here, because it imports Numba

    table, theta = network.layers, network.theta.astype(np.float64)
    u, y, dy, dh, delta = np.zeros((layout.SCRATCH_ROWS, layout.unit_count(table)))
    dtheta, after = np.empty_like(theta), theta.copy()
    with np.errstate(all="ignore"):  # as compiled; what is not finite is seen in the trace
        loops.forward(theta, table, x, u, y)
        E = float(loops.error_of_sample(table, u, y, d))
        loops.backward(theta, table, x, d, 1.0, (u, y, dy, dh, delta), False, dtheta)
        loops.gradient_step(after, dtheta, eta)
    ends = [(row["units_at"].item(), (row["units_at"] + row["receiving"]).item()) for row in table]
    flat = {"u": u, "y": y, "dh": dh, "dy": dy, "delta": delta}
    values = {letter: [vector[start:end] for start, end in ends] for letter, vector in flat.items()}
    parts = {"W": layout.weights(theta, table), "B": layout.biases(theta, table)}
    gradients = {"dW": layout.weights(dtheta, table), "dB": layout.biases(dtheta, table)}
    return E, values, parts | gradients, {"W": layout.weights(after, table), "B": layout.biases(after, table)}


def _at_the_output(network, values, d):
    """dE/dy, dy_r/du_k, their diagonal and the sum of slide 31, which `backward` does without."""
    from fastbp.lecture import loops

    u, y, delta = (values[letter][-1] for letter in ("u", "y", "delta"))
    dy, dh, general, jacobian = np.empty_like(y), np.empty_like(y), np.empty_like(y), np.zeros((y.size, y.size))
    by_y = {
        "squared_error": loops.squared_error_derivative,
        "cross_entropy": loops.cross_entropy_derivative,
        "binary_cross_entropy": loops.binary_cross_entropy_derivative,
        "poisson": loops.poisson_error_derivative,
    }
    with np.errstate(all="ignore"):
        if network.loss in by_y:
            by_y[network.loss](y, d, dy)
        else:
            dy[:] = delta  # the errors of Huber and of quantiles: y = u
        if network.output == "softmax":
            loops.softmax_derivative(u, y, jacobian)
        elif network.output == "exponential":
            np.fill_diagonal(jacobian, y)
        else:
            loops.activation_derivative(codes.OUTPUT[network.output], u, y, dh)
            np.fill_diagonal(jacobian, dh)
        loops.output_delta_general(dy, jacobian, general)
    return {"dy": dy, "dh": jacobian.diagonal().copy(), "jacobian": jacobian, "delta_general": general}


def _read_only(record):
    for value in vars(record).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return record
