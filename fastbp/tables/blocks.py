"""Encoded rows on their way to the training: shuffled into blocks, in memory while they are few, else on the disk."""

import contextlib
import tempfile

import numpy as np

BLOCK_BYTES, MOST_BLOCKS = 1 << 25, 400  # a block is in memory at once; each is an open file
IN_MEMORY = 1 << 26


class Spooled(tempfile.SpooledTemporaryFile):
    """Bytes in memory while they are few, else on the disk; Ctrl-C may come while it is made."""

    def __del__(self):
        with contextlib.suppress(AttributeError):  # there is no file in it yet
            super().__del__()


class Blocks:
    """Rows of x and a target, spread over blocks at random: each block is a sample of all.

    Parameters
    ----------
    width, outputs : int
        Numbers of a row of x, and those that its target becomes.
    dtype : numpy.dtype
    rows : int
        How many there will be, about.
    seed : int
    """

    def __init__(self, width, outputs, dtype, rows, seed):
        self.inputs, self._width, self._dtype, self.rows = width, width + 1, dtype, 0
        self._rng = np.random.default_rng(seed)
        size = rows * (self._width + outputs) * dtype.itemsize
        blocks = 1 if size <= IN_MEMORY else min(MOST_BLOCKS, -(-size // BLOCK_BYTES))
        self._files = [Spooled(IN_MEMORY // blocks) for _ in range(blocks)]
        self.counts, self._held = [0] * blocks, (None, None)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for file in self._files:
            file.close()

    def add(self, X, d):
        """Some rows: X (n, width), and their targets d (n,)."""
        rows = np.column_stack([X, d]).astype(self._dtype, copy=False)
        places = self._rng.integers(len(self._files), size=len(rows))
        for block in np.unique(places).tolist():
            here = rows[places == block]
            try:
                self._files[block].write(here.tobytes())
            except OSError as problem:
                raise OSError(problem.errno, problem.strerror, tempfile.gettempdir()) from problem
            self.counts[block] += len(here)
        self.rows += len(rows)

    @property
    def bytes(self):
        """What all rows take."""
        return self.rows * self._width * self._dtype.itemsize

    def numbers(self, rng=None):
        """The numbers of the blocks that have rows, in a new order if there is a generator."""
        order = range(len(self._files)) if rng is None else rng.permutation(len(self._files)).tolist()
        return [block for block in order if self.counts[block]]

    def read(self, block):
        """X (n, width), C-contiguous, and d (n,) of a block; the last one is kept."""
        if self._held[0] != block:
            self._held = None, None  # its memory first
            file = self._files[block]
            file.seek(0)
            rows = np.frombuffer(file.read(), self._dtype).reshape(-1, self._width)
            self._held = block, (np.ascontiguousarray(rows[:, :-1]), rows[:, -1].copy())
        return self._held[1]

    def sample(self, rows, seed):
        """X and d of so many rows at most, drawn from the first block."""
        X, d = self.read(self.numbers()[0])
        order = np.random.default_rng(seed).permutation(len(d))[:rows]
        return X[order], d[order]


def all_of(places):
    """X (n, width) and d (n,) of all rows in some Blocks, in memory."""
    found = [place.read(block) for place in places for block in place.numbers()]
    X, d = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return X, d
