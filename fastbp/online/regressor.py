"""OnlineRegressor."""

from fastbp.online.base import OnlineLearner, known_to_river
from fastbp.online.documentation import documented
from fastbp.online.frames import beside, rows_of
from fastbp.optimizers import Adam


@known_to_river
@documented(" (and the target)")
class OnlineRegressor(OnlineLearner):
    """A network that learns to predict a number, a sample at a time, with River's protocol; by the squared error.

    Features may appear at any time: a new one gets an input whose weights begin at 0, so that what the network says of
    other samples stays. A feature that a sample does not have counts as its mean (without `standardize` as 0). A step
    costs some microseconds, Python included; a learner is for one thread at a
    time; detectors of drift are River's.

    Parameters
    ----------
    <PARAMETERS>

    Attributes
    ----------
    network : Network or None
        What has been learnt; None before the first sample. Its inputs are those of `feature_names`.
    feature_names : list
        In the order in which they were first seen.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind; or by a sample with a value that is no finite real number, which then
        changes nothing.

    References
    ----------
    .. [1] B. P. Welford: Note on a method for calculating corrected sums of squares and products.
       Technometrics 4, 1962.

    Examples
    --------
    >>> import fastbp
    >>> model = fastbp.OnlineRegressor(seed=1)
    >>> for i in range(2000):
    ...     a, b = i % 7 - 3, i % 5 - 2
    ...     model.learn_one({"a": a, "b": b}, 100 + 10 * a - 5 * b)
    >>> abs(model.predict_one({"a": 2, "b": 1}) - 115) < 2
    True
    """

    _file_kind, _river = "online regressor", "MiniBatchRegressor"

    def __init__(
        self, hidden_layer_sizes=(20,), activation="relu", optimizer=Adam(0.01), standardize=True, l2=0.0,
        dtype="float32", seed=0,
    ):  # fmt: skip
        super().__init__(hidden_layer_sizes, activation, optimizer, standardize, l2, dtype, seed)

    def learn_one(self, x, y, w=1.0):
        """Learn one sample.

        Parameters
        ----------
        x : dict
            Finite real numbers by the names of their features.
        y : float
            The number to be predicted.
        w : float
            Times the gradient of this sample; at least 0.

        Raises
        ------
        TypeError, ValueError
            If a value is no finite real number. Nothing is learnt then.
        FloatingPointError
            If the network has diverged.

        Examples
        --------
        >>> import fastbp
        >>> model = fastbp.OnlineRegressor()
        >>> model.learn_one({"length": 2.5}, 7.0)
        >>> model.feature_names
        ['length']
        """
        self._learn(x, y, -1, w)

    def predict_one(self, x):
        """What the network expects.

        Parameters
        ----------
        x : dict
            Features that have not been learnt are passed over.

        Returns
        -------
        float
            0.0 before the first sample.

        Raises
        ------
        TypeError, ValueError
            If a value is no finite real number.

        Examples
        --------
        >>> import fastbp
        >>> fastbp.OnlineRegressor().predict_one({"length": 2.0})
        0.0
        """
        return 0.0 if self._network is None else float(self._outputs(x)[0])

    def predict_many(self, X):
        """What the network expects for each row of a data frame.

        Parameters
        ----------
        X : pandas.DataFrame

        Returns
        -------
        pandas.Series

        Raises
        ------
        TypeError, ValueError
            If a value is no finite real number.

        Examples
        --------
        >>> import fastbp, pandas
        >>> fastbp.OnlineRegressor().predict_many(pandas.DataFrame({"a": [0.0, 1.0]})).tolist()
        [0.0, 0.0]
        """
        return beside(X, [self.predict_one(x) for x in rows_of(X)], dtype=float)
