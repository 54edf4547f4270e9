"""The column to be predicted: from its cells to what the network learns, and back."""

from dataclasses import dataclass, field, replace

import numpy as np

from fastbp.tables.cells import NEW, NOWHERE, numbers, places_of, texts

NUMBER, CLASSES = "number", "classes"


@dataclass
class Logarithm:
    """What is learnt in place of a positive number y: (ln y - mean) / deviation.

    Attributes
    ----------
    mean, deviation : float
        Of ln y.
    smearing : float
        By which exp of a prediction of ln y is multiplied to be one of the mean of y: the mean of exp(residual) over
        the rows to train with (Duan 1983, Smearing estimate, JASA 78).
    """

    mean: float
    deviation: float
    smearing: float = 1.0


@dataclass
class Target:
    """The column to be predicted.

    Attributes
    ----------
    name : str
    kind : {"classes", "number"}
    texts : list of str
        The classes, as they stand in the table.
    mean, deviation : float
        Of a number.
    usual : int
        The place of the most frequent class.
    unit : str
        As of an Input.
    lowest, highest : float or None
        What predictions of a number are clamped to.
    log : Logarithm or None
        If not None, the logarithm is learnt.
    """

    name: str
    kind: str
    texts: list = field(default_factory=list)
    mean: float = 0.0
    deviation: float = 1.0
    usual: int = 0
    unit: str = ""
    lowest: float | None = None
    highest: float | None = None
    log: Logarithm | None = None

    @property
    def outputs(self):
        """Units of the output layer."""
        return len(self.texts) if self.kind == CLASSES else 1

    def encode(self, block):
        """A number for each row: that of its class, or the standardised value; NaN where it is missing."""
        if self.kind == NUMBER:
            values = numbers(block, self.name, self.unit)
            low = values < 0
            if self.log is not None and low.any():
                row = int(low.argmax())
                raise block.refuse(row, self.name, f"{values[row]:g} must not be negative: its logarithm was learnt")
            return self.learnt(values)
        found = texts(block, self.name)
        places = places_of(found, self.texts)
        if (places == NEW).any():
            row = int((places == NEW).argmax())
            word = found.words[found.codes[row]]
            raise block.refuse(row, self.name, f"{word!r} is none of the {len(self.texts)} classes")
        return np.where(places == NOWHERE, np.nan, places)

    def for_digests(self, block, d):
        """What `encode` has made of a block, d, as it is without a logarithm: digests must not depend on that."""
        return d if self.log is None else replace(self, log=None).encode(block)

    def learnt(self, values):
        """What the network learns of numbers (rows,); of 0 the logarithm is -inf."""
        if self.log is None:
            return (values - self.mean) / self.deviation
        with np.errstate(divide="ignore"):
            return (np.log(values) - self.log.mean) / self.log.deviation

    def restored(self, d):
        """The numbers (rows,) of which `learnt` made d."""
        d = np.asarray(d, np.float64)
        if self.log is None:
            return d * self.deviation + self.mean
        with np.errstate(over="ignore"):
            return np.exp(d * self.log.deviation + self.log.mean)

    def decode(self, Y):
        """What the outputs Y (rows, outputs) mean: an array of texts, or of float64."""
        if self.kind == CLASSES:
            return np.array(self.texts, object)[Y.argmax(axis=1)]
        y = self.restored(Y[:, 0])
        if self.log is not None:
            y = y * self.log.smearing
        return y if self.lowest is None else np.clip(y, self.lowest, self.highest)

    # ---- Files -------------------------------------------------------------------------------------------------------

    def record(self):
        """Arrays of a model file: limits and logarithm, if there are any."""
        arrays = {}
        if self.lowest is not None:
            arrays["target limits"] = np.array([self.lowest, self.highest])
        if self.log is not None:
            arrays["target logarithm"] = np.array([self.log.mean, self.log.deviation, self.log.smearing])
        return arrays

    def restore(self, file):
        """The other way round, from a `ModelFile`. Raises what its `refusing` expects."""
        if "target limits" in file.arrays:
            self.lowest, self.highest = file.array("target limits", np.float64, (2,)).tolist()
            if not -np.inf < self.lowest <= self.highest < np.inf:
                raise ValueError("the limits of its target must be finite, the lower one first")
        if "target logarithm" in file.arrays:
            found = file.array("target logarithm", np.float64, (3,))
            if not np.isfinite(found).all() or not (found[1:] > 0).all():
                raise ValueError("mean, deviation and smearing of the logarithm must be finite, the last two positive")
            self.log = Logarithm(*found.tolist())
        if self.kind == CLASSES and (self.lowest is not None or self.log is not None):
            raise ValueError("its target has classes, and so neither limits nor a logarithm")
