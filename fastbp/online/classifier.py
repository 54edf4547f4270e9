"""OnlineClassifier."""

from fastbp import validation
from fastbp.online.base import OnlineLearner, known_to_river
from fastbp.online.documentation import documented
from fastbp.online.frames import beside, rows_of
from fastbp.optimizers import Adam


@known_to_river
@documented("")
class OnlineClassifier(OnlineLearner):
    """A network that learns to tell classes apart, a sample at a time, with River's protocol.

    Features and classes may appear at any time. A new feature gets an input whose weights begin at 0, a new class an
    output whose weights begin at 0 and whose bias is the least of the others; so what the network says of other samples
    stays. A feature that a sample does not have counts as its mean (without `standardize` as 0). A step costs some
    microseconds, Python included; a learner is for one thread at a
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
    classes : list
        As well.

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
    >>> model = fastbp.OnlineClassifier(seed=1)
    >>> for i in range(1000):
    ...     a, b = i % 7 - 3, i % 5 - 2
    ...     model.learn_one({"a": a, "b": b}, "like" if a * b > 0 else "unlike")
    >>> model.predict_one({"a": 2, "b": 2}), model.predict_one({"a": 3, "b": -2})
    ('like', 'unlike')
    """

    _file_kind = "online classifier"
    _river, _output, _first_outputs, _label = "MiniBatchClassifier", "softmax", 2, 0

    def __init__(
        self, hidden_layer_sizes=(20,), activation="relu", optimizer=Adam(0.01), standardize=True, l2=0.0,
        dtype="float32", seed=0,
    ):  # fmt: skip
        super().__init__(hidden_layer_sizes, activation, optimizer, standardize, l2, dtype, seed)
        self._classes = {}

    @property
    def classes(self):
        """The labels in the order in which they were first seen, a list."""
        return [*self._classes]

    def learn_one(self, x, y, w=1.0):
        """Learn one sample.

        Parameters
        ----------
        x : dict
            Finite real numbers by the names of their features.
        y : hashable
            The label of its class.
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
        >>> model = fastbp.OnlineClassifier()
        >>> model.learn_one({"length": 2.5}, "short")
        >>> model.classes
        ['short']
        """
        try:
            label = self._classes.get(y)
        except TypeError:
            raise TypeError(f"y must be a label that can be a key of a dict, got {validation.shown(y)}") from None
        if label is not None:
            self._learn(x, 0.0, label, w)
            return
        if y is None or y != y:
            raise ValueError(f"y must be a label, got {y!r}")
        label = len(self._classes)
        if self._network is not None and label >= self._network.sizes[-1]:
            self._would_learn(x, w)
            self._grow([], 1)
        self._learn(x, 0.0, label, w)
        self._classes[y] = label

    def predict_proba_one(self, x):
        """The probability of each class that has been seen.

        Parameters
        ----------
        x : dict
            Features that have not been learnt are passed over.

        Returns
        -------
        dict
            Of label to float; empty before the first sample.

        Raises
        ------
        TypeError, ValueError
            If a value is no finite real number.

        Examples
        --------
        >>> import fastbp
        >>> model = fastbp.OnlineClassifier()
        >>> model.learn_one({"length": 2.5}, "short")
        >>> model.predict_proba_one({"length": 2.0})
        {'short': 1.0}
        """
        if self._network is None:
            return {}
        found = self._outputs(x).tolist()
        if len(self._classes) == 1:  # the second of two outputs has no class yet
            found = [1.0]
        return dict(zip(self._classes, found, strict=True))

    def predict_one(self, x):
        """The most probable class.

        Parameters
        ----------
        x : dict
            Features that have not been learnt are passed over.

        Returns
        -------
        label, or None before the first sample

        Raises
        ------
        TypeError, ValueError
            If a value is no finite real number.

        Examples
        --------
        >>> import fastbp
        >>> fastbp.OnlineClassifier().predict_one({"length": 2.0}) is None
        True
        """
        found = self.predict_proba_one(x)
        return max(found, key=found.get) if found else None

    def predict_proba_many(self, X):
        """The probabilities of the classes for each row of a data frame.

        Parameters
        ----------
        X : pandas.DataFrame

        Returns
        -------
        pandas.DataFrame
            A column for each class; without any before the first sample.

        Raises
        ------
        TypeError, ValueError
            If a value is no finite real number.

        Examples
        --------
        >>> import fastbp, pandas
        >>> X = pandas.DataFrame({"a": [0.0, 1.0]})
        >>> fastbp.OnlineClassifier().predict_proba_many(X).shape
        (2, 0)
        """
        return beside(X, [[*self.predict_proba_one(x).values()] for x in rows_of(X)], columns=self.classes)

    def predict_many(self, X):
        """The most probable class of each row of a data frame.

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
        >>> fastbp.OnlineClassifier().predict_many(pandas.DataFrame({"a": [0.0, 1.0]})).tolist()
        [None, None]
        """
        return beside(X, [self.predict_one(x) for x in rows_of(X)], dtype=object if not self._classes else None)

    def _take_over(self, other):
        super()._take_over(other)
        self._classes = dict(other._classes)

    def __getstate__(self):
        return super().__getstate__() | {"_classes": self._classes}

    def __setstate__(self, state):
        classes = state.pop("_classes")
        super().__setstate__(state)
        self._classes = classes
