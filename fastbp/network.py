"""A multilayer perceptron: its sizes, its activations, and all its parameters in one vector."""

from functools import cache
from operator import attrgetter

import numpy as np

from fastbp import door
from fastbp.files import safetensors
from fastbp.lecture import layout
from fastbp.lecture.codes import ERROR, ERRORS_OF, HIDDEN, OUTPUT

DTYPES = ("float32", "float64")
LIKE_RELU = {"relu", "leaky_relu", "elu", "softplus", "silu", "gelu"}
STATE = ("_sizes", "_hidden", "_output", "_dtype", "_error", "_level", "_theta")


class Network:
    """A fully connected network of any number of layers, with fresh initial weights.

    Layers that end in ReLU or one of its kin (leaky ReLU, ELU, SiLU, GELU, softplus) start from He's normal
    distribution, variance 2 / n_in [1]_; all others from Glorot's uniform distribution, bound
    sqrt(6 / (n_in + n_out)) [2]_. Biases start at 0.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer: inputs, hidden layers, outputs. At least two numbers, each at least 1.
    hidden : str or sequence of str
        Activation of the hidden layers, or one for each: "relu", "leaky_relu" (slope 0.01), "elu", "softplus", "silu",
        "gelu" (the tanh form), "tanh", "sigmoid" or "identity".
    output : {"softmax", "sigmoid", "identity", "exponential"}
        Activation of the output layer, and with it the errors that are possible.
    dtype : {"float32", "float64"}
        Type of the parameters and of all computation.
    seed : int
        Seed of the initial weights. Both dtypes start from the same numbers, to rounding.
    error : str, optional
        E of a sample; the first of those that go with the output is the default.

        - "softmax": "cross_entropy", -sum d ln y.
        - "sigmoid": "binary_cross_entropy", the cross-entropy of each unit.
        - "identity": "squared", 1/2 sum (y - d)^2; "huber", squared up to a distance of `level` and straight from
          there on [3]_; or "quantile", sum max(level (d - y), (level - 1) (d - y)) [4]_.
        - "exponential": "poisson", sum (y - d ln y), for counts d.
    level : float, optional
        For "huber" the distance above, positive, 1 by default; for "quantile" the quantile that the outputs estimate,
        between 0 and 1, 0.5 by default, which is the median; for the cross-entropies a limit of -ln y, None for
        none: the gradient does not know of it. Kept in steps of 2^-32.

    Attributes
    ----------
    theta : ndarray of shape (P,)
        All parameters: W[0] row by row, B[0], W[1], B[1], ... Change its content, or that of its views, in place.
    W : tuple of ndarray
        `W[l]` is a view of theta of shape (receiving, sending); `l = 0` is the first weight layer.
    B : tuple of ndarray
        `B[l]` is a view of theta of shape (receiving,).
    sizes, hidden, output, dtype, error, level
        As given or by default; `sizes` a tuple of int, `hidden` a str or a tuple of str, `dtype` a numpy.dtype.
    layers : ndarray of int64, shape (len(sizes) - 1, 8)
        The table that the kernels read (see `fastbp/lecture/layout.py`).

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected.
    MemoryError
        If there is no memory for so many parameters.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun: Delving deep into rectifiers. ICCV 2015, eq. 10.
    .. [2] X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks.
       AISTATS 2010, eq. 16.
    .. [3] P. J. Huber: Robust estimation of a location parameter. Annals of Mathematical Statistics 35, 1964.
    .. [4] R. Koenker, G. Bassett: Regression quantiles. Econometrica 46, 1978.

    Examples
    --------
    >>> import fastbp
    >>> network = fastbp.Network((4, 8, 3))
    >>> network
    Network((4, 8, 3), hidden='relu', output='softmax', dtype='float32')
    >>> [w.shape for w in network.W], network.theta.size
    ([(8, 4), (3, 8)], 67)
    >>> fastbp.Network((4, 8, 5, 1), hidden=("tanh", "relu"), output="identity", error="huber", level=0.5)
    Network((4, 8, 5, 1), hidden=('tanh', 'relu'), output='identity', dtype='float32', error='huber', level=0.5)
    """

    def __init__(self, sizes, hidden="relu", output="softmax", dtype="float32", seed=0, error=None, level=None):
        self._describe(sizes, hidden, output, dtype, error, level)
        self._draw_weights(np.random.default_rng(door.whole_number("seed", seed, 0)))

    def _describe(self, sizes, hidden, output, dtype, error, level):
        self._sizes = door.layer_sizes(sizes)
        self._hidden = door.hidden_activations(hidden, HIDDEN, len(self.sizes) - 2)
        self._output = door.choice("output", output, OUTPUT)
        self._error = door.error_of_output(error, self.output, ERROR, ERRORS_OF)
        self._level = door.level_of_error(level, self.error)
        self._dtype = door.dtype(dtype, DTYPES)
        parameters = layout.parameter_count(self.sizes)
        try:
            theta = np.zeros(parameters, self.dtype)
        except (MemoryError, ValueError, OverflowError):  # NumPy has a word for each order of magnitude
            raise MemoryError(f"sizes ask for more memory than there is: {parameters} parameters") from None
        self._hold(theta)

    @classmethod
    def blank(cls, sizes, hidden, output, dtype, error, level=None):
        """A network whose parameters are all 0, of arguments as in the constructor. For code that fills them in."""
        network = cls.__new__(cls)
        network._describe(sizes, hidden, output, dtype, error, level)
        return network

    def _hold(self, theta):
        hidden = [HIDDEN[name] for name in self._activations()[:-1]]
        self._layers = layout.layer_table(self.sizes, hidden, OUTPUT[self.output], ERROR[self.error], self.level or 0.0)
        self._theta = theta
        self._W = tuple(layout.weights(theta, self.layers))
        self._B = tuple(layout.biases(theta, self.layers))

    # Read-only: kernels trust the table, the table fits the sizes, and the views look into this vector and no other.
    sizes = property(attrgetter("_sizes"))
    hidden = property(attrgetter("_hidden"))
    output = property(attrgetter("_output"))
    dtype = property(attrgetter("_dtype"))
    error = property(attrgetter("_error"))
    level = property(attrgetter("_level"))
    layers = property(attrgetter("_layers"))
    theta = property(attrgetter("_theta"))
    W = property(attrgetter("_W"))
    B = property(attrgetter("_B"))

    def _activations(self):
        """The name of the activation of each layer."""
        hidden = [self.hidden] * (len(self.sizes) - 2) if isinstance(self.hidden, str) else self.hidden
        return [*hidden, self.output]

    def _draw_weights(self, rng):
        for w, activation in zip(self.W, self._activations(), strict=True):
            receiving, sending = w.shape
            if activation in LIKE_RELU:
                w[...] = rng.normal(0, np.sqrt(2 / sending), w.shape)
            else:
                bound = np.sqrt(6 / (sending + receiving))
                w[...] = rng.uniform(-bound, bound, w.shape)

    def predict(self, X):
        """The outputs y of each sample.

        Parameters
        ----------
        X : array-like of real numbers, shape (N, sizes[0])

        Returns
        -------
        ndarray of shape (N, sizes[-1]), of the network's dtype
            With softmax, row s holds the probabilities of the classes.

        Raises
        ------
        TypeError, ValueError
            If X is no finite real matrix of that shape.

        Examples
        --------
        >>> import fastbp
        >>> fastbp.Network((2, 5, 3)).predict([[0.5, -1.0]]).sum(axis=1).round(6)
        array([1.], dtype=float32)
        """
        return outputs(self, door.real_matrix("X", X, self.sizes[0], self.dtype))

    def gradient(self, X, D, sample_weight=None):
        """The mean error of the samples, and its derivatives with respect to all parameters.

        Parameters
        ----------
        X : array-like of real numbers, shape (N, sizes[0])
        D : array-like of real numbers, shape (N, sizes[-1])
            Teacher signal. For softmax each row sums to 1; for softmax and sigmoid it lies in 0..1; for the Poisson
            error it is at least 0.
        sample_weight : array-like of real numbers, shape (N,), optional
            How much each sample counts, at least 0 and one of them above; 2 is as good as two copies.

        Returns
        -------
        E : float
            Mean error of a sample, weighted.
        dW, dB : tuple of ndarray
            dE/dW and dE/dB in the shapes of `W` and `B`: views of one vector in the order of `theta`.

        Raises
        ------
        TypeError, ValueError
            If X or D is no finite real matrix of that shape, D does not suit the error, or the weights are no weights.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.Network((2, 5, 3))
        >>> E, dW, dB = network.gradient([[0.5, -1.0]], [[0, 1, 0]])
        >>> [dw.shape for dw in dW], [db.shape for db in dB]
        ([(5, 2), (3, 5)], [(5,), (3,)])
        """
        from fastbp.lecture import loops  # here, because it imports Numba

        X = door.real_matrix("X", X, self.sizes[0], self.dtype)
        D = door.targets(D, len(X), self.output, self.error, self.sizes[-1], self.dtype)
        weight = door.sample_weights(sample_weight, len(X), self.dtype)
        dtheta, scratch = np.empty_like(self.theta), layout.scratch_for(self.layers, 1, self.dtype)
        E = loops.gradient(self.theta, self.layers, X, D, weight, np.arange(len(X)), scratch, dtheta)
        return E, tuple(layout.weights(dtheta, self.layers)), tuple(layout.biases(dtheta, self.layers))

    # ---- Files -------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write the network to a file, from which `fastbp.load` reads it; whole, or not at all.

        Parameters
        ----------
        path : str or path-like
            Usually ends in ".safetensors": the file has that format, and other programs can read it.

        Raises
        ------
        OSError
            Naming the path, if it cannot be written; what was there before is still there.

        Examples
        --------
        >>> import fastbp, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "model.safetensors")
        ...     fastbp.Network((4, 8, 3), seed=1).save(path)
        ...     fastbp.load(path)
        Network((4, 8, 3), hidden='relu', output='softmax', dtype='float32')
        """
        safetensors.write(path, "network", *self._record())

    def _record(self, theta=None):
        """The strings and arrays of a file that holds the network, or one with other parameters."""
        theta = self.theta if theta is None else theta
        hidden = self.hidden if isinstance(self.hidden, str) else f"[{', '.join(self.hidden)}]"
        level = safetensors.number(self.level)
        arrays = {}
        parts = layout.weights(theta, self.layers), layout.biases(theta, self.layers)
        for layer, (w, b) in enumerate(zip(*parts, strict=True)):
            arrays[f"layers.{layer}.weight"], arrays[f"layers.{layer}.bias"] = w, b
        return {"hidden": hidden, "output": self.output, "error": self.error, "level": level}, arrays

    @classmethod
    def _of_record(cls, file):
        """The network in a `ModelFile`, from which its strings and arrays are taken. Raises what `refusing` expects."""
        layers = -(-sum(name.startswith("layers.") for name in file.arrays) // 2)
        W = [file.array(f"layers.{layer}.weight", shape=(None, None)) for layer in range(layers)]
        B = [file.array(f"layers.{layer}.bias", shape=w.shape[:1]) for layer, w in enumerate(W)]
        if not W or len({array.dtype for array in (*W, *B)}) > 1 or W[0].dtype.name not in DTYPES:
            raise ValueError(f"it must have layers that are all float32 or all float64, it has {layers} layers")
        sizes = [W[0].shape[1], *(len(b) for b in B)]
        if any(w.shape[1] != size for w, size in zip(W, sizes[:-1], strict=True)):
            raise ValueError(f"its layers do not fit together: {[w.shape for w in W]}")
        hidden, level = file.string("hidden"), file.number("level")
        if hidden.startswith("["):
            hidden = [name for name in hidden[1:-1].split(", ") if name]
        network = cls.blank(sizes, hidden, file.string("output"), W[0].dtype, file.string("error"), level)
        for place, array in zip((*network.W, *network.B), (*W, *B), strict=True):
            place[...] = array
        return network

    def __repr__(self):
        shown = f"Network({self.sizes}, hidden={self.hidden!r}, output={self.output!r}, dtype={self.dtype.name!r}"
        if self.error != ERRORS_OF[self.output][0]:
            shown += f", error={self.error!r}"
        if self.level != door.LEVELS.get(self.error):
            shown += f", level={self.level!r}"
        return f"{shown})"

    def __getstate__(self):
        """Views do not survive a copy or a pickle; the vector does, and the table follows from the rest."""
        return {name: self.__dict__[name] for name in STATE}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._hold(np.array(self._theta))


@cache
def _evaluation():
    from fastbp import evaluation  # when it is first needed, because it imports Numba

    return evaluation


def outputs(network, X):
    """`Network.predict` of a matrix that needs no check: finite, read-only, in C order and of the network's dtype."""
    return _evaluation().outputs(network.theta, network.layers, X)
