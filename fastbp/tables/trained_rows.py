"""Which rows a model was trained with: digests of them, so that a table that is scored can be looked up.

A digest is 64 bits of an encoded row and its target. Of many rows those are kept whose digest is small, so the same
rows are chosen whatever order they come in, and of another table the same part can be looked up.
"""

import numpy as np

from fastbp.validation import counted

MOST = 1 << 15  # digests in a model file, which are 256 kB
AT_ONCE = 64  # columns of which digests are made at once
ARRAY, HALVINGS = "digests of rows", "halvings of digests"


class TrainedRows:
    """Digests of rows, at most MOST different ones: those below 2^64, halved as often as it takes.

    Parameters
    ----------
    digests : ndarray of uint64, shape (n,)
        Ascending, each once.
    halvings : int
        How often what they must be below was halved.
    """

    def __init__(self, digests=(), halvings=0):
        self._digests, self._halvings = np.array(digests, np.uint64), halvings

    def add(self, X, d):
        """Takes note of the rows X (n, width) with targets d (n,)."""
        found = self._small(digests_of(X, d))
        self._digests = np.union1d(self._digests, found)
        while len(self._digests) > MOST:
            self._halvings += 1
            self._digests = self._small(self._digests)

    def look_up(self, X, d):
        """How many of the rows are looked up, and how many of those are among the rows here."""
        found = self._small(digests_of(X, d))
        return len(found), int(np.isin(found, self._digests).sum())

    @property
    def is_sample(self):
        """Whether these are some of the rows only."""
        return self._halvings > 0

    def _small(self, digests):
        return digests[digests >> np.uint64(64 - self._halvings) == 0] if self._halvings else digests

    # ---- Files -------------------------------------------------------------------------------------------------------

    def record(self):
        """The strings and arrays of a model file."""
        return {HALVINGS: str(self._halvings)}, {ARRAY: self._digests.view(np.int64)}

    @classmethod
    def of_record(cls, file):
        """Those in a `ModelFile`; None if it has none, as older ones. Raises what its `refusing` expects."""
        if ARRAY not in file.arrays:
            return None
        digests = file.array(ARRAY, np.int64, (None,)).view(np.uint64)
        if len(digests) > MOST or (digests[1:] <= digests[:-1]).any():
            raise ValueError(f"its digests of rows must be at most {MOST:,}, ascending and each once")
        rows = cls(digests, file.integer(HALVINGS, most=63))
        if len(rows._small(digests)) < len(digests):
            raise ValueError("its digests of rows must be below what they say")
        return rows


class Familiar:
    """Counts the rows of a table that were trained with.

    Parameters
    ----------
    trained : TrainedRows or None
        None: it is not known.
    """

    def __init__(self, trained):
        self._trained, self.rows, self._looked_up, self._found = trained, 0, 0, 0

    def add(self, X, d):
        """Looks up rows X (n, width) with targets d (n,)."""
        if self._trained is not None:
            looked_up, found = self._trained.look_up(X, d)
            self.rows += len(d)
            self._looked_up += looked_up
            self._found += found

    @property
    def trained(self):
        """As of Scores."""
        return round(self.rows * self._found / self._looked_up) if self._looked_up else None

    def lines(self):
        """What to print: nothing, if no row was found."""
        if not self._found:
            return
        about, judged = "", ""
        if self._trained.is_sample:
            about, judged = "about ", f", judged by {counted(self._looked_up, 'row')}"
        are = "is the same as one" if self.trained == 1 else "are the same as rows"
        yield (
            f"{about}{self.trained:,} of {counted(self.rows, 'row')} {are} it was trained with{judged}: the score of "
            "new rows will be lower"
        )


def digests_of(X, d):
    """64 bits of each row of X (n, width) and of its target d (n,): a sum of odd multiples of its words, mixed."""
    digests, at = np.zeros(len(X), np.uint64), 0
    for part in (*(X[:, i : i + AT_ONCE] for i in range(0, X.shape[1], AT_ONCE)), d.astype(X.dtype)[:, None]):
        words = np.ascontiguousarray(part + part.dtype.type(0), part.dtype.newbyteorder("<"))  # -0 becomes 0
        words = words.view("<u4").astype(np.uint64)
        words ^= words >> np.uint64(15)  # few floats that stand for whole numbers have low bits
        factors = _mixed(np.arange(at, at + words.shape[1], dtype=np.uint64)) | np.uint64(1)
        digests += words @ factors
        at += words.shape[1]
    return _mixed(digests)


def _mixed(words):
    """Each of 64 bits depends on all (SplitMix64: Steele, Lea and Flood 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
