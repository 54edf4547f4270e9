"""What each row of a table is for: to train with, to stop by, or to test with."""

import numpy as np

from fastbp.tables.cells import places_of, texts

TRAINING, VALIDATION, TEST = range(3)
WINDOW, WINDOWS = 20, 64  # of so many rows in a row, the same part is held out; windows drawn at once


class Roles:
    """What each row of a table is for, drawn without knowing how many there are, and the same for the same seed.

    Parameters
    ----------
    seed : int
    test, validation : float
        The part of all rows, and of the others, that is held out.
    """

    def __init__(self, seed, test, validation):
        self._rng, self._parts, self._left = (
            np.random.default_rng(seed),
            (test, (1 - test) * validation),
            np.empty(0, int),
        )

    def of(self, block, target):
        """The roles of the rows of a block; the name of the target says nothing."""
        return self.take(len(block))

    def take(self, n):
        """The roles of the next n rows."""
        while len(self._left) < n:
            ranks = self._rng.permuted(np.tile(np.arange(WINDOW), (WINDOWS, 1)), axis=1)
            test, validation = (np.floor(WINDOW * part + self._rng.random((WINDOWS, 1))) for part in self._parts)
            roles = np.where(ranks < test, TEST, np.where(ranks < test + validation, VALIDATION, TRAINING))
            self._left = np.concatenate([self._left, roles.ravel()])
        taken, self._left = self._left[:n], self._left[n:]
        return taken


class Strata:
    """The same for a table of classes: of each class the same part is held out.

    Parameters
    ----------
    seed, test, validation
        As of Roles.
    classes : list of str
    """

    def __init__(self, seed, test, validation, classes):
        self._classes = classes
        self._roles = [Roles([seed, number], test, validation) for number, _ in enumerate(classes, 1)]

    def of(self, block, target):
        """The roles of the rows of a block; rows without a class are there to train with, which nobody does."""
        places = places_of(texts(block, target), self._classes)
        roles = np.full(len(block), TRAINING)
        for number, of_class in enumerate(self._roles):
            here = places == number
            roles[here] = of_class.take(int(here.sum()))
        return roles
