"""`to_casadi`: a network as a function of CasADi, which derives it exactly, any number of times."""

from fastbp.export.networks import network_of
from fastbp.lecture.matrix.activations import GELU_CUBIC, GELU_END, GELU_SCALE, SELU_FLOOR, SELU_SCALE, SLOPE


def to_casadi(network, name="network"):
    """A network as a `casadi.Function` of the inputs, for optimal control and model predictive control.

    CasADi derives it itself; at a kink, u = 0, the derivative is that of u >= 0, as in the lecture.

    Parameters
    ----------
    network : Network, MLPClassifier or MLPRegressor
        An estimator must be fitted; its network is taken. Later changes of the parameters change nothing.
    name : str
        Of the function.

    Returns
    -------
    casadi.Function
        x (inputs, 1) -> y (outputs, 1), in double precision. It takes numbers as well as symbols, SX or MX.

    Raises
    ------
    NotFittedError
    TypeError
        If it is no such model.
    ImportError
        Without CasADi: pip install "fastbp[casadi]".

    Examples
    --------
    >>> import fastbp, numpy as np
    >>> network = fastbp.Network((3, 5, 2), "tanh", "identity", "float64")
    >>> f = fastbp.to_casadi(network)
    >>> X = [[0.5, -1.0, 2.0]]
    >>> bool(np.allclose(f(X[0]).full()[:, 0], network.predict(X)[0]))
    True
    >>> bool(np.allclose(f.jacobian()(X[0], 0).full(), network.jacobian(X)[0]))
    True
    """
    try:
        import casadi
    except ImportError as missing:
        raise ImportError("to_casadi needs CasADi: pip install 'fastbp[casadi]'") from missing
    network = network_of(network)
    x = y = casadi.SX.sym("x", network.sizes[0])
    for w, b, activation in zip(network.W, network.B, network.activations, strict=True):
        y = _activated(casadi, activation, casadi.DM(w.astype(float)) @ y + casadi.DM(b.astype(float)))
    return casadi.Function(name, [x], [y], ["x"], ["y"])


def _activated(casadi, activation, u):
    """y = h(u), in a form that neither overflows nor hides a derivative."""
    where, low = casadi.if_else, casadi.fmin(u, 0)  # exponentials are of numbers up to 0, or of those up to 40

    def sigmoid(v):
        e = casadi.exp(where(v >= 0, -v, v))
        return where(v >= 0, 1, e) / (1 + e)

    def softplus(v):
        return where(v >= 0, v, 0) + casadi.log1p(casadi.exp(where(v >= 0, -v, v)))

    if activation == "relu":
        return where(u >= 0, u, 0)
    if activation == "leaky_relu":
        return where(u >= 0, u, SLOPE * u)
    if activation == "elu":
        return where(u >= 0, u, casadi.expm1(low))
    if activation == "selu":
        return where(u >= 0, SELU_SCALE * u, SELU_FLOOR * casadi.expm1(low))
    if activation == "softplus":
        return softplus(u)
    if activation == "silu":
        return u * sigmoid(u)
    if activation == "gelu":
        v = casadi.fmax(-GELU_END, casadi.fmin(u, GELU_END))  # beyond, the sigmoid is 1 or 0
        return u * sigmoid(2 * GELU_SCALE * (v + GELU_CUBIC * v**3))
    if activation == "mish":
        return u * casadi.tanh(softplus(u))
    if activation == "tanh":
        return casadi.tanh(u)
    if activation == "sigmoid":
        return sigmoid(u)
    if activation == "exponential":
        return casadi.exp(u)
    if activation == "softmax":
        parts = casadi.exp(u - casadi.mmax(u))
        return parts / casadi.sum1(parts)
    return u
