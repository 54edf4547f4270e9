"""A multilayer perceptron: its sizes, its activations, and all its parameters in one vector."""

from operator import attrgetter

import numpy as np

from fastbp import door
from fastbp.lecture import layout
from fastbp.lecture.codes import HIDDEN, OUTPUT

DTYPES = ("float32", "float64")


class Network:
    """A fully connected network of any number of layers, with fresh initial weights.

    Layers that end in ReLU start from He's normal distribution, variance 2 / n_in [1]_; all others from Glorot's
    uniform distribution, bound sqrt(6 / (n_in + n_out)) [2]_. Biases start at 0.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer: inputs, hidden layers, outputs. At least two numbers, each at least 1.
    hidden : {"relu", "sigmoid", "identity"}
        Activation of the hidden layers.
    output : {"softmax", "sigmoid", "identity"}
        Activation of the output layer, and with it the error E: cross-entropy for "softmax", binary cross-entropy of
        each unit for "sigmoid", 1/2 sum (y - d)^2 for "identity".
    dtype : {"float32", "float64"}
        Type of the parameters and of all computation.
    seed : int
        Seed of the initial weights. Both dtypes start from the same numbers, to rounding.

    Attributes
    ----------
    theta : ndarray of shape (P,)
        All parameters: W[0] row by row, B[0], W[1], B[1], ... Change its content, or that of its views, in place.
    W : tuple of ndarray
        `W[l]` is a view of theta of shape (receiving, sending); `l = 0` is the first weight layer.
    B : tuple of ndarray
        `B[l]` is a view of theta of shape (receiving,).
    sizes, hidden, output, dtype
        As given; `sizes` a tuple of int, `dtype` a numpy.dtype.
    layers : ndarray of int64, shape (len(sizes) - 1, 6)
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

    Examples
    --------
    >>> import fastbp
    >>> network = fastbp.Network((4, 8, 3))
    >>> network
    Network((4, 8, 3), hidden='relu', output='softmax', dtype='float32')
    >>> [w.shape for w in network.W], network.theta.size
    ([(8, 4), (3, 8)], 67)
    """

    def __init__(self, sizes, hidden="relu", output="softmax", dtype="float32", seed=0):
        self._sizes = door.layer_sizes(sizes)
        self._hidden = door.choice("hidden", hidden, HIDDEN)
        self._output = door.choice("output", output, OUTPUT)
        self._dtype = door.dtype(dtype, DTYPES)
        seed = door.whole_number("seed", seed, 0)
        parameters = layout.parameter_count(self.sizes)
        try:
            theta = np.zeros(parameters, self.dtype)
        except (MemoryError, ValueError, OverflowError):  # NumPy has a word for each order of magnitude
            raise MemoryError(f"sizes ask for more memory than there is: {parameters} parameters") from None
        self._hold(theta)
        self._draw_weights(np.random.default_rng(seed))

    def _hold(self, theta):
        self._layers = layout.layer_table(self.sizes, HIDDEN[self.hidden], OUTPUT[self.output])
        self._theta = theta
        self._W = tuple(layout.weights(theta, self.layers))
        self._B = tuple(layout.biases(theta, self.layers))

    # Read-only: kernels trust the table, the table fits the sizes, and the views look into this vector and no other.
    sizes = property(attrgetter("_sizes"))
    hidden = property(attrgetter("_hidden"))
    output = property(attrgetter("_output"))
    dtype = property(attrgetter("_dtype"))
    layers = property(attrgetter("_layers"))
    theta = property(attrgetter("_theta"))
    W = property(attrgetter("_W"))
    B = property(attrgetter("_B"))

    def _draw_weights(self, rng):
        activations = [self.hidden] * (len(self.W) - 1) + [self.output]
        for w, activation in zip(self.W, activations, strict=True):
            receiving, sending = w.shape
            if activation == "relu":
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
        from fastbp.lecture import loops  # here, because it imports Numba

        X = door.real_matrix("X", X, self.sizes[0], self.dtype)
        Y = np.empty((len(X), self.sizes[-1]), self.dtype)
        loops.predict(self.theta, self.layers, X, layout.scratch_for(self.layers, 1, self.dtype), Y)
        return Y

    def gradient(self, X, D):
        """The mean error of the samples, and its derivatives with respect to all parameters.

        Parameters
        ----------
        X : array-like of real numbers, shape (N, sizes[0])
        D : array-like of real numbers, shape (N, sizes[-1])
            Teacher signal. For softmax each row sums to 1; for softmax and sigmoid it lies in 0..1.

        Returns
        -------
        E : float
            Mean error of a sample.
        dW, dB : tuple of ndarray
            dE/dW and dE/dB in the shapes of `W` and `B`: views of one vector in the order of `theta`.

        Raises
        ------
        TypeError, ValueError
            If X or D is no finite real matrix of that shape, or D does not suit the output.

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
        D = door.targets(D, len(X), self.output, self.sizes[-1], self.dtype)
        dtheta, scratch = np.empty_like(self.theta), layout.scratch_for(self.layers, 1, self.dtype)
        E = loops.gradient(self.theta, self.layers, X, D, np.arange(len(X)), scratch, dtheta)
        return E, tuple(layout.weights(dtheta, self.layers)), tuple(layout.biases(dtheta, self.layers))

    def __repr__(self):
        return f"Network({self.sizes}, hidden={self.hidden!r}, output={self.output!r}, dtype={self.dtype.name!r})"

    def __getstate__(self):
        """Views do not survive a copy or a pickle; the vector does, and the table follows from the rest."""
        return {name: self.__dict__[name] for name in ("_sizes", "_hidden", "_output", "_dtype", "_theta")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._hold(np.array(self._theta))
