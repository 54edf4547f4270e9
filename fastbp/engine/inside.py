"""A network inside a function that somebody else compiles: the loops of the lecture, whose values lie on the stack.

These functions are public, as `fastbp.njit`. What they are handed is a `fastbp.CompiledNetwork`.
"""

from fastbp.compiler.jit import jit
from fastbp.compiler.views import borrowed, matrix_like, on_stack, vector_at, vector_like
from fastbp.lecture.loops.jacobians import jacobian_of_inputs
from fastbp.lecture.loops.parts import units_of
from fastbp.lecture.loops.passes import backward, error_of_sample, forward
from fastbp.lecture.loops.updates import gradient_step


@jit
def _units(layers):
    """How many units there are, without the inputs."""
    last = layers.size - 1
    return layers[last]["units_at"] + layers[last]["receiving"]


@jit
def _is_whole(theta, layers):
    """Whether the parameters are as many as the table of the layers says."""
    last = layers.size - 1
    return theta.size == layers[last]["biases_at"] + layers[last]["receiving"]


@jit
def _rows(values, units):
    """The five rows of values that a pass keeps, as in the scratch of the lecture."""
    u, y = vector_at(values, 0, units), vector_at(values, units, units)
    dy, dh = vector_at(values, 2 * units, units), vector_at(values, 3 * units, units)
    return u, y, dy, dh, vector_at(values, 4 * units, units)


@jit
def predict(net, x, y):
    """y = h(W y' + B) of each layer in turn, from the inputs x to the outputs (slides 7, 8 of the lecture).

    Parameters
    ----------
    net : CompiledNetwork
    x : ndarray of shape (inputs,), of the network's dtype
    y : ndarray of shape (outputs,), of the network's dtype
        Is overwritten.

    Raises
    ------
    ValueError
        If x or y has another size. (Another dtype or order does not compile.)

    Examples
    --------
    >>> import fastbp, numpy as np
    >>> network, y = fastbp.Network((2, 3), dtype="float64"), np.empty(3)
    >>> fastbp.njit.predict(fastbp.compiled(network), np.array([0.5, -1.0]), y)
    >>> bool(np.allclose(y, network.predict([[0.5, -1.0]])))
    True
    """
    theta, layers, _ = borrowed(net)
    x, y = vector_like(x, theta), vector_like(y, theta)
    if not _is_whole(theta, layers) or x.size != layers[0]["sending"] or y.size != layers[layers.size - 1]["receiving"]:
        raise ValueError("x must have a number for each input of the network, y for each output, theta all parameters")
    _predict(theta, layers, x, y)


@jit
def _predict(theta, layers, x, outputs):
    units = _units(layers)
    values = on_stack(theta, 2 * units)
    of_units = vector_at(values, units, units)
    forward(theta, layers, x, vector_at(values, 0, units), of_units)
    last = units_of(of_units, layers, layers.size - 1)
    for k in range(outputs.size):
        outputs[k] = last[k]


@jit
def learn(net, x, d, eta):
    """w <- w - eta dE/dw of a sample; returns E before it (slide 12 of the lecture).

    Parameters
    ----------
    net : CompiledNetwork
    x : ndarray of shape (inputs,), of the network's dtype
    d : ndarray of shape (outputs,), of the network's dtype
        Teacher signal.
    eta : float
        Learning rate. A negative one climbs.

    Returns
    -------
    float
        E, by the network's loss.

    Raises
    ------
    ValueError
        If x or d has another size. (Another dtype or order does not compile.)

    Examples
    --------
    >>> import fastbp, numpy as np
    >>> network = fastbp.Network((1, 1), output="identity", dtype="float64")
    >>> net, x, d = fastbp.compiled(network), np.array([1.0]), np.array([2.0])
    >>> fastbp.njit.learn(net, x, d, 0.1) > fastbp.njit.learn(net, x, d, 0.1)
    True
    """
    theta, layers, gradient = borrowed(net)
    x, d = vector_like(x, theta), vector_like(d, theta)
    if not _is_whole(theta, layers) or gradient.size != theta.size:
        raise ValueError("theta and gradient must have all parameters of the network")
    if x.size != layers[0]["sending"] or d.size != layers[layers.size - 1]["receiving"]:
        raise ValueError("x must have a number for each input of the network, and d for each output")
    return _learn(theta, layers, gradient, x, d, eta)


@jit
def _learn(theta, layers, gradient, x, d, eta):
    units = _units(layers)
    values = _rows(on_stack(theta, 5 * units), units)
    forward(theta, layers, x, values[0], values[1])
    E = error_of_sample(layers, values[0], values[1], d)
    backward(theta, layers, x, d, 1.0, values, False, gradient)
    gradient_step(theta, gradient, eta)
    return E


@jit
def jacobian(net, x, J):
    """J_ki = dy_k/dx_i, how each output changes with each input (slides 20, 25 of the lecture).

    Parameters
    ----------
    net : CompiledNetwork
    x : ndarray of shape (inputs,), of the network's dtype
    J : ndarray of shape (outputs, inputs), of the network's dtype
        Is overwritten.

    Raises
    ------
    ValueError
        If x or J has another shape. (Another dtype or order does not compile.)

    Examples
    --------
    >>> import fastbp, numpy as np
    >>> network, J = fastbp.Network((2, 3), dtype="float64"), np.empty((3, 2))
    >>> fastbp.njit.jacobian(fastbp.compiled(network), np.array([0.5, -1.0]), J)
    >>> bool(np.allclose(J, network.jacobian([[0.5, -1.0]])[0]))
    True
    """
    theta, layers, _ = borrowed(net)
    x, J, inputs = vector_like(x, theta), matrix_like(J, theta), layers[0]["sending"]
    if not _is_whole(theta, layers):
        raise ValueError("theta must have all parameters of the network")
    if x.size != inputs or J.shape[0] != layers[layers.size - 1]["receiving"] or J.shape[1] != inputs:
        raise ValueError("x must have a number for each input of the network, J a row for each output, as long as x")
    _jacobian(theta, layers, x, J)


@jit
def _jacobian(theta, layers, x, J):
    units = _units(layers)
    values = _rows(on_stack(theta, 5 * units), units)
    jacobian_of_inputs(theta, layers, x, values, J, 0)
