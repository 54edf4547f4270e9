"""A sample of the numbers of a column, from which quartiles and skewness are found however large the table is."""

import numpy as np

MOST = 10_000  # numbers: the error of a quartile is then about half a percent of the rows
SEED = 0


class Sample:
    """Numbers that come in parts: all of them while they are few, else MOST, any of them as likely as another.

    Each number draws a key, and those with the smallest keys stay. So the sample is the same in whatever parts the
    numbers come; in another order it is another one, if there are more than MOST.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        In no order.
    """

    def __init__(self):
        self._rng, self._limit = np.random.default_rng(SEED), np.inf
        self.values, self._keys = np.empty(0), np.empty(0)

    def add(self, values):
        """Takes note of some numbers (n,)."""
        keys = self._rng.random(values.size)
        near = keys < self._limit
        self.values, self._keys = np.append(self.values, values[near]), np.append(self._keys, keys[near])
        if self._keys.size > MOST:
            chosen = np.argpartition(self._keys, MOST - 1)[:MOST]
            self.values, self._keys = self.values[chosen], self._keys[chosen]
            self._limit = self._keys.max()

    @property
    def quartiles(self):
        """A quarter, a half and three quarters of the numbers lie below these."""
        return np.quantile(self.values, (0.25, 0.5, 0.75)).tolist()

    @property
    def skewness(self):
        """The mean of ((x - mean) / deviation)^3: 0 if both sides are alike, positive if the upper one is longer."""
        apart = self.values - self.values.mean()
        deviation = apart.std()
        return float(((apart / deviation) ** 3).mean()) if deviation > 0 else 0.0
