"""In which order the rows of X, or those of a block, are visited."""

import numpy as np


class RowSampler:
    """The rows in the order in which each epoch visits them; epochs are asked for one after the other.

    Parameters
    ----------
    rows : ndarray of int64
    shuffle : bool
        Whether each epoch has an order of its own.
    generator : int, numpy.random.Generator or numpy.random.RandomState
        The seed of a new generator, whose permutations are taken; or a generator. A RandomState shuffles the order of
        the epoch before, as scikit-learn does.
    """

    def __init__(self, rows, shuffle, generator):
        self.rows, self.epoch, self._order = rows, 0, rows
        self._rng = None
        if shuffle:
            of_old = isinstance(generator, np.random.RandomState)
            self._rng = generator if of_old else np.random.default_rng(generator)
            if of_old:
                self._order = rows.copy()

    def order(self, epoch):
        """The rows of this epoch, the same array if it is asked for once more."""
        if self._rng is not None and epoch != self.epoch:
            if isinstance(self._rng, np.random.RandomState):
                self._rng.shuffle(self._order)
            else:
                self._order = self.rows[self._rng.permutation(len(self.rows))]
        self.epoch = epoch
        return self._order

    @property
    def state(self):
        """The numbers from which the orders of a Generator go on; none if there is no shuffling."""
        if self._rng is None:
            return {}
        state = self._rng.bit_generator.state
        return {**state["state"], "has_uint32": state["has_uint32"], "uinteger": state["uinteger"]}

    def go_on(self, epoch, state):
        """After this epoch, from the numbers that `state` was then."""
        self.epoch = epoch
        if self._rng is not None:
            places, others = {n: state[n] for n in ("state", "inc")}, {n: state[n] for n in ("has_uint32", "uinteger")}
            self._rng.bit_generator.state = {"bit_generator": "PCG64", "state": places, **others}


class BlockSampler(RowSampler):
    """The rows of blocks, which are asked for one after the other; how many there are is known when they come.

    Parameters
    ----------
    shuffle, seed
        As of RowSampler.

    Attributes
    ----------
    steps : int
        Those made in the epochs before.
    """

    def __init__(self, shuffle, seed):
        super().__init__(np.arange(0), shuffle, seed)
        self.steps = 0

    def order_of(self, rows):
        """The rows of the next block, which has so many."""
        return np.arange(rows) if self._rng is None else self._rng.permutation(rows)

    @property
    def state(self):
        """The numbers from which the next epoch goes on."""
        return {**super().state, "steps": self.steps}

    def go_on(self, epoch, state):
        super().go_on(epoch, state)
        self.steps = state["steps"]
