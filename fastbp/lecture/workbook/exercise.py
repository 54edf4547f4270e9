"""What an exercise is made of: its text, its hidden inputs, its right answer and the wrong ones that are known."""

import re
import textwrap
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

WIDTH = 100  # of a line of text


class Case(NamedTuple):
    """Hidden inputs: the values of the arguments that are read, by name, and the shapes of those that are written."""

    label: str
    inputs: dict
    shapes: dict


class Exercise(NamedTuple):
    """A function to write, with all that is told and known about it.

    `outputs` are the arguments that are written from nothing, `changes` those that are read and changed, `returns` is
    the letter of what is returned. `reference` and each mistake take the inputs and give the results in this order:
    outputs, changes, what is returned. `difference` gives the same by difference quotients, None for what has none.
    """

    name: str
    slides: str
    arguments: tuple
    formula: str
    task: str
    hints: tuple
    cases: Callable
    reference: Callable
    mistakes: tuple
    outputs: tuple = ()
    changes: tuple = ()
    returns: str = ""
    difference: Callable | None = None
    branches: Callable | None = None  # of the inputs: {"u < 0": mask of the entries of the first result, ...}
    read: Callable | None = None  # what is returned -> numbers; raises ValueError with a sentence
    told: Callable | None = None  # (those numbers, the right ones) -> what is wrong, where `read` is given
    judge: Callable | None = None  # (returned, seed) -> a sentence, "" if right: in the place of hidden inputs
    changed_input: str = ""  # the sentence for a function that changes an input, where there is a better one
    number: int = 0

    @property
    def results(self):
        """The letters of the results, in their order."""
        return self.outputs + self.changes + ((self.returns,) if self.returns else ())

    @property
    def inputs(self):
        """The arguments that are read."""
        return tuple(name for name in self.arguments if name not in self.outputs)

    @property
    def signature(self):
        """As it is written: "relu(u, y)"."""
        return f"{self.name}({', '.join(self.arguments)})"

    @property
    def text(self):
        """The formula with its blanks, and the task; lines of code in it, which are indented, stay as they are."""
        lines = [line if line.startswith(" ") else _wrapped(line) for line in self.task.split("\n")]
        return "\n".join([f"{self.formula} ({self.where})", "", *lines])

    @property
    def blank(self):
        """The function to fill in, as text."""
        return f'def {self.signature}:\n    """{textwrap.indent(self.text, "    ").lstrip()}\n    """\n    ...\n'

    @property
    def where(self):
        """ "slide 12" or "slides 7, 8"."""
        return f"slide{'s' * (not self.slides.isdigit())} {self.slides}"


def _wrapped(line):
    """In lines of WIDTH, which end in no `piece of code`."""
    line = re.sub("`[^`]*`", lambda code: code[0].replace(" ", "\0"), line)
    return textwrap.fill(line, WIDTH, break_on_hyphens=False).replace("\0", " ")


def case(label, shapes=None, **inputs):
    """A case; arrays are float64, or int64 if they hold integers."""
    return Case(label, inputs, shapes or {})


def short(rng, *shape):
    """Multiples of 1/4 between -2 and 2 without 0: short to read, exact in floats, and none is like its neighbour."""
    return rng.integers(1, 9, shape) * rng.choice([-0.25, 0.25], shape)


def branches_of_u(rng, size):
    """u on every branch: below 0, both zeros, above 0, large ones; `size` at least 6."""
    u = rng.normal(0, 2, size)
    special = [0.0, -0.0, -150.0, 150.0, -0.75, 1.25]
    u[rng.permutation(size)[: len(special)]] = special
    return u


def softmax_of(u):
    """softmax(u) along the last axis."""
    e = np.exp(u - np.max(u, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def one_hot(rng, *shape):
    """Teacher signals: a 1 in each row, 0 elsewhere."""
    return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]


def signs_of_u(u, *others):
    """The branches of a function of u alone."""
    return {"u < 0": u < 0, "u = 0": u == 0, "u > 0": u > 0}


def slope(f, x, dx=1e-5):
    """The central differences of f at x, entry by entry of x (slides 13-17); f may give an array."""
    x, rows = np.array(x, dtype=float), []
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + dx
        above = f(x)
        x[place] = kept - dx
        rows.append((above - f(x)) / (2 * dx))
        x[place] = kept
    return np.reshape(rows, x.shape + np.shape(rows[0]))
