"""The end of the workbook: a student's own functions learn handwritten digits, beside the same as NumPy products."""

import time
from dataclasses import asdict, dataclass

import numpy as np

from fastbp import validation
from fastbp.datasets import digits_in_two
from fastbp.lecture.workbook.comparing import apart
from fastbp.lecture.workbook.exercise import softmax_of
from fastbp.lecture.workbook.explained import explained
from fastbp.lecture.workbook.running import run
from fastbp.lecture.workbook.student import compiled

SIZES, BATCH, RATE = (64, 32, 10), 16, 0.1
EQUAL = 1e-8  # how far the parameters of both may be apart at the end
PATIENCE = 10.0  # seconds that an epoch in plain Python may take


@dataclass(frozen=True)
class Training:
    """What came of it: `print` tells it in sentences.

    Parameters
    ----------
    epochs, samples : int
    accuracy : float or None
        Of the student's network on images it has not seen, 0..1; None if it was not trained.
    loops, matrix, plain : float or None
        Seconds of an epoch: the student's functions compiled, NumPy products, the student's functions uncompiled (from
        one mini-batch).
    apart : float or None
        The largest difference of a parameter from that of the matrix version.
    compiled : bool
        Whether Numba has compiled the student's functions.
    problem : str
        Why it was not trained, "" if it was.
    """

    epochs: int
    samples: int
    accuracy: float | None = None
    loops: float | None = None
    matrix: float | None = None
    plain: float | None = None
    apart: float | None = None
    compiled: bool = False
    problem: str = ""

    def as_dict(self):
        """All of it as a dictionary, as JSON needs it."""
        return asdict(self)

    def __str__(self):
        if self.problem:
            return f"The digits were not learned: {self.problem}"
        ratio = self.matrix / self.loops
        faster = f"{ratio:.2g} times as fast" if ratio >= 1 else f"{1 / ratio:.2g} times as slow"
        what = "Your loops, compiled by Numba" if self.compiled else "Your functions, not compiled"
        lines = [
            f"Your own functions have learned handwritten digits: {self.epochs} epochs of {self.samples} images, and "
            f"{self.accuracy:.1%} of the others are recognised.",
            f"{what}: {_seconds(self.loops)} an epoch; the same as NumPy products: {_seconds(self.matrix)}: {faster}.",
            f"The parameters of both are at most {self.apart:.0e} apart.",
        ]
        if self.compiled:
            lines.insert(
                2,
                f"In plain Python your loops would take {_seconds(self.plain)} an epoch: "
                f"{self.plain / self.loops:.0f} times as long.",
            )
        return "\n".join(lines)

    __repr__ = __str__  # what a notebook shows


def _seconds(seconds):
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def matrix_epoch(X, D, order, batch_size, eta, w1, b1, w2, b2):
    """The same as the exercise `epoch`, as NumPy products over each mini-batch (slides 38, 40)."""
    for start in range(0, order.size, batch_size):
        x, d = X[order[start : start + batch_size]], D[order[start : start + batch_size]]
        u1 = x @ w1.T + b1
        y1 = np.maximum(u1, 0)
        delta2 = (softmax_of(y1 @ w2.T + b2) - d) / len(x)
        delta1 = delta2 @ w2 * (u1 >= 0)
        w2 -= eta * (delta2.T @ y1)
        b2 -= eta * delta2.sum(axis=0)
        w1 -= eta * (delta1.T @ x)
        b1 -= eta * delta1.sum(axis=0)


def train_digits(functions, seed=0, epochs=5, limit=PATIENCE, phase=None):
    """Let a student's `forward` and `epoch`, with all that they call, learn the digits.

    A 64-32-10 network, ReLU and softmax, in float64; two thirds of the images to learn from, mini-batches of 16. The
    functions are compiled by Numba as it does by itself, without a look at the bounds of arrays: `check` them first.

    Parameters
    ----------
    functions : mapping
        {"forward": function, "epoch": function}; others are not looked at.
    seed : int
        Of the first weights and the orders.
    epochs : int
    limit : float
        Seconds that an epoch of functions that cannot be compiled may take.
    phase : function, optional
        Called with "plain", "compiling" and "training" before each begins.

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        One of the two functions is missing.

    Examples
    --------
    >>> from fastbp.lecture.workbook import train_digits
    >>> train_digits({})
    Traceback (most recent call last):
    ValueError: functions must hold 'forward' and 'epoch', got none
    """
    if not {"forward", "epoch"} <= functions.keys():
        raise ValueError(f"functions must hold 'forward' and 'epoch', got {validation.short_list(functions) or 'none'}")
    tell = phase or (lambda what: None)
    seed, epochs = validation.whole_number("seed", seed, 0), validation.whole_number("epochs", epochs, 1)
    X, D, X_test, labels = digits_in_two(np.float64)
    rng, here = np.random.default_rng(seed), functions["epoch"].__code__.co_filename
    mine, theirs = (first_parameters(seed) for _ in range(2))
    tell("plain")
    begin = time.perf_counter()
    ran = run(functions["epoch"], (X, D, np.arange(BATCH), BATCH, RATE, *first_parameters(seed)), None)
    if ran.problem is not None:
        return Training(epochs, len(X), problem=explained(ran.problem, here, limit))
    plain = (time.perf_counter() - begin) * -(-len(X) // BATCH)
    tell("compiling")
    epoch, forward = _machines(functions, X, D, X_test, mine)
    if epoch is functions["epoch"] and plain > limit:
        why = f"they are not compiled, and an epoch would take {plain:.0f} s in plain Python"
        return Training(epochs, len(X), plain=plain, problem=why)
    tell("training")
    seconds = {"mine": [], "theirs": []}
    for order in [rng.permutation(len(X)) for _ in range(epochs)]:
        for name, one, theta in (("mine", epoch, mine), ("theirs", matrix_epoch, theirs)):
            begin = time.perf_counter()
            ran = run(one, (X, D, order, BATCH, RATE, *theta), None)
            seconds[name].append(time.perf_counter() - begin)
            if ran.problem is not None:
                return Training(epochs, len(X), problem=explained(ran.problem, here, limit))
    difference = apart(mine, theirs)
    if not difference <= EQUAL:
        why = f"they give other parameters than the matrix version, {difference:.0e} apart: check them first"
        return Training(epochs, len(X), problem=why)
    found = []
    for image in X_test:
        units = _units()
        ran = run(forward, (image, *mine, *units), None)
        if ran.problem is not None:
            return Training(epochs, len(X), problem=explained(ran.problem, here, limit))
        found.append(units[3].argmax())
    fastest = {name: min(laps) for name, laps in seconds.items()}
    accuracy = float(np.mean(np.array(found) == labels))
    return Training(
        epochs, len(X), accuracy, fastest["mine"], fastest["theirs"], plain, difference,
        epoch is not functions["epoch"],
    )  # fmt: skip


def _machines(functions, X, D, X_test, theta):
    """`epoch` and `forward` compiled; as they are where they cannot be."""
    made, found = {}, []
    rows = np.arange(BATCH)
    for name, arguments in (
        ("epoch", (X, D, rows, BATCH, RATE, *theta)),
        ("forward", (X_test[0], *theta, *_units())),
    ):
        try:
            found.append(compiled(functions[name], arguments, made, bounds_checked=False) or functions[name])
        except Exception:  # as in `check`, which has said why
            found.append(functions[name])
            made = {}  # what it holds is not compiled to the end
    return found


def _units():
    """u1, y1, u2, y2 to write to."""
    return tuple(np.empty(size) for size in (SIZES[1], SIZES[1], SIZES[2], SIZES[2]))


def first_parameters(seed):
    """w1, b1, w2, b2: small random weights, biases of 0."""
    rng, (inputs, hidden, outputs) = np.random.default_rng(seed), SIZES
    w1 = rng.normal(0, np.sqrt(2 / inputs), (hidden, inputs))
    w2 = rng.normal(0, np.sqrt(1 / hidden), (outputs, hidden))
    return w1, np.zeros(hidden), w2, np.zeros(outputs)
