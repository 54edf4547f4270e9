"""The derivatives of a network: of its error and of its outputs, by its parameters and by its inputs."""

import numpy as np

from fastbp import validation
from fastbp.lecture import layout

ALONG = 2  # times the rows of the scratch of a pass, where values and how they change are kept


class Derivatives:
    """What a Network offers of them; it has `theta`, `layers`, `sizes`, `dtype`, `output` and `loss`."""

    def _checked(self, X, D, sample_weight):
        """Samples, targets and weights as the kernels want them."""
        X = validation.real_matrix("X", X, self.sizes[0], self.dtype)
        D = validation.targets(D, len(X), self.output, self.loss, self.sizes[-1], self.dtype)
        return X, D, validation.sample_weights(sample_weight, len(X), self.dtype)

    def gradient(self, X, D, sample_weight=None):
        """The mean loss of the samples, and its derivatives with respect to all parameters.

        Parameters
        ----------
        X : array-like of real numbers, shape (N, sizes[0])
        D : array-like of shape (N, sizes[-1]) or (N,)
            Teacher signal, or class labels, as in `train`.
        sample_weight : array-like of real numbers, shape (N,), optional
            How much each sample counts, at least 0 and one of them above; 2 is as good as two copies.

        Returns
        -------
        E : float
            Mean loss of a sample, weighted.
        dW, dB : tuple of ndarray
            dE/dW and dE/dB in the shapes of `W` and `B`: views of one vector in the order of `theta`.

        Raises
        ------
        TypeError, ValueError
            If X or D is no finite real matrix of that shape, D does not suit the loss, or the weights are no weights.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.Network((2, 5, 3))
        >>> E, dW, dB = network.gradient([[0.5, -1.0]], [[0, 1, 0]])
        >>> [dw.shape for dw in dW], [db.shape for db in dB]
        ([(5, 2), (3, 5)], [(5,), (3,)])
        """
        from fastbp.lecture import entries  # here: whoever does not train need not wait for it

        X, D, weight = self._checked(X, D, sample_weight)
        dtheta, scratch = np.empty_like(self.theta), layout.scratch_for(self.layers, 1, self.dtype)
        E = entries.gradient(self.theta, self.layers, (X, D, weight), np.arange(len(X)), scratch, dtheta)
        return E, tuple(layout.weights(dtheta, self.layers)), tuple(layout.biases(dtheta, self.layers))

    def input_gradient(self, X, D):
        """The derivatives of each sample's loss with respect to its inputs.

        Parameters
        ----------
        X : array-like of real numbers, shape (N, sizes[0])
        D : array-like of shape (N, sizes[-1]) or (N,)
            Teacher signal, or class labels, as in `train`.

        Returns
        -------
        ndarray of shape (N, sizes[0]), of the network's dtype
            dE_s/dx_si: how the loss of sample s changes with its input i.

        Raises
        ------
        TypeError, ValueError
            If X or D is no finite real matrix of that shape, or D does not suit the loss.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.Network((1, 1), output="identity")
        >>> network.theta[:] = 2.0, 0.0  # y = 2 x, E = 1/2 (y - d)^2
        >>> network.input_gradient([[3.0]], [5.0])  # (y - d) 2
        array([[2.]], dtype=float32)
        """
        from fastbp.lecture import entries

        X, D, _ = self._checked(X, D, None)
        dX = np.empty(X.shape, self.dtype)
        entries.input_gradient(self.theta, self.layers, X, D, layout.scratch_for(self.layers, 1, self.dtype), dX)
        return dX

    def jacobian(self, X):
        """The derivatives of the outputs with respect to the inputs.

        Parameters
        ----------
        X : array-like of real numbers, shape (N, sizes[0])

        Returns
        -------
        ndarray of shape (N, sizes[-1], sizes[0]), of the network's dtype
            dy_k/dx_i of each sample. That of a kink, at u = 0, is that of u >= 0, as in the lecture.

        Raises
        ------
        TypeError, ValueError
            If X is no finite real matrix of that shape.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.Network((2, 1), output="identity")
        >>> network.W[0][:] = 3.0, -1.0
        >>> network.jacobian([[0.5, 2.0]])
        array([[[ 3., -1.]]], dtype=float32)
        """
        return self._jacobian("input_jacobian", X, self.sizes[0])

    def parameter_jacobian(self, X):
        """The derivatives of the outputs with respect to all parameters.

        Parameters
        ----------
        X : array-like of real numbers, shape (N, sizes[0])

        Returns
        -------
        ndarray of shape (N, sizes[-1], theta.size), of the network's dtype
            dy_k/dtheta_p of each sample, in the order of `theta`.

        Raises
        ------
        TypeError, ValueError
            If X is no finite real matrix of that shape.
        MemoryError
            If there is no memory for so many numbers.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.Network((2, 1), output="identity")
        >>> network.parameter_jacobian([[0.5, 2.0]])  # by both weights and by the bias
        array([[[0.5, 2. , 1. ]]], dtype=float32)
        """
        return self._jacobian("parameter_jacobian", X, self.theta.size)

    def _jacobian(self, name, X, columns):
        from fastbp.lecture import entries

        X = validation.real_matrix("X", X, self.sizes[0], self.dtype)
        jacobian = np.empty((len(X), self.sizes[-1], columns), self.dtype)
        scratch = layout.scratch_for(self.layers, 1, self.dtype)
        getattr(entries, name)(self.theta, self.layers, X, scratch, jacobian)
        return jacobian

    def hessian_product(self, X, D, v, sample_weight=None):
        """The second derivatives of the mean loss with respect to all parameters, times a direction.

        The whole matrix of them is never made: a product takes about three times what a gradient takes [1]_.

        Parameters
        ----------
        X : array-like of real numbers, shape (N, sizes[0])
        D : array-like of shape (N, sizes[-1]) or (N,)
            Teacher signal, or class labels, as in `train`.
        v : array-like of real numbers, shape (theta.size,)
            The direction, in the order of `theta`.
        sample_weight : array-like of real numbers, shape (N,), optional
            How much each sample counts, at least 0 and one of them above; 2 is as good as two copies.

        Returns
        -------
        ndarray of shape (theta.size,), of the network's dtype
            sum_q d^2 E/dtheta_p dtheta_q v_q. What is straight has no second derivative: ReLU, the loss "quantile",
            and "huber" beyond its distance.

        Raises
        ------
        TypeError, ValueError
            If X, D or v is no finite real array of that shape, D does not suit the loss, or the weights are no weights.

        References
        ----------
        .. [1] B. A. Pearlmutter: Fast exact multiplication by the Hessian. Neural Computation 6, 1994.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.Network((1, 1), output="identity")  # y = w x + b, E = 1/2 (y - d)^2
        >>> network.hessian_product([[3.0]], [5.0], [1.0, 0.0])  # of w: x^2 by w and x by b
        array([9., 3.], dtype=float32)
        """
        from fastbp.lecture import entries

        X, D, weight = self._checked(X, D, sample_weight)
        given = validation.real_array("v", v)
        if given.shape != self.theta.shape:
            raise ValueError(f"v must have shape {self.theta.shape}, a number for each parameter, got {given.shape}")
        with np.errstate(all="ignore"):
            v = np.require(given, self.dtype, ["C", "A"]).view(np.ndarray)
        if not np.isfinite(v).all():
            place = int((~np.isfinite(v)).argmax())
            raise ValueError(f"v must be finite in {self.dtype}, got {given[place]} in place {place}")
        product = np.empty_like(self.theta)
        scratch = np.empty((ALONG * layout.SCRATCH_ROWS, layout.unit_count(self.layers)), self.dtype)
        samples, rows = (X, D, weight), np.arange(len(X))
        entries.hessian_product(self.theta, self.layers, samples, rows, v, scratch, product)
        return product
