"""Networks and samples that the tests share."""

import inspect

import numba
import numpy as np
from llvmlite.binding import get_process_triple
from numba.core.registry import cpu_target

from fastbp.lecture import matrix
from fastbp.lecture.codes import ERROR, ERRORS_OF, HIDDEN, OUTPUT, REPORTED, SETTINGS
from fastbp.lecture.layout import layer_table, parameter_count, scratch_for, weights

DTYPES = ("float32", "float64")
UNCOMPILED = bool(numba.config.DISABLE_JIT)
# Whether x y + z is rounded once.
FUSED = (
    UNCOMPILED
    or "aarch64" in get_process_triple()
    or "+fma," in cpu_target.target_context.codegen()._get_host_cpu_features() + ","
)
RTOL = {"float32": 1e-5, "float64": 1e-12}


def assert_close(actual, expected, dtype, times=1):
    """Equal to the rounding of the dtype, measured by the larger of the number itself and the largest beside it."""
    expected = np.asarray(expected)
    rtol = times * RTOL[np.dtype(dtype).name]
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * np.abs(expected).max(initial=0))


def kernels(module):
    """{name: function} of what a module of the lecture, or a package of them, defines for others, uncompiled."""
    defined = {name: getattr(value, "py_func", value) for name, value in vars(module).items() if name[0] != "_"}
    return {
        n: f
        for n, f in defined.items()
        if inspect.isfunction(f) and f"{f.__module__}.".startswith(f"{module.__name__}.")
    }


def inputs_to_activation(rng, shape, dtype, largest=400.0):
    """Values u on every branch: below 0, both zeros, above 0, large ones."""
    u = rng.normal(0, 3, shape)
    special = np.array([0.0, -0.0, 1e-9, -1e-9, largest, -largest])
    chosen = rng.random(shape) < 0.3
    u[chosen] = rng.choice(special, chosen.sum())
    return u.astype(dtype)


def teacher(rng, samples, units, output, dtype):
    """Targets that suit the output activation, not only the hard ones."""
    if output == "identity":
        return rng.normal(size=(samples, units)).astype(dtype)
    if output == "exponential":
        return rng.poisson(2.0, (samples, units)).astype(dtype)
    D = rng.random((samples, units))
    if output == "softmax":
        D[::2] = D[::2] == D[::2].max(axis=1, keepdims=True)
        D /= D.sum(axis=1, keepdims=True)
    return D.astype(dtype)


class Case:
    """Everything that a pass takes, for a random network and random samples."""

    def __init__(
        self, sizes, hidden="relu", output="softmax", dtype="float64", samples=5, seed=0, error=None, level=None
    ):
        rng = np.random.default_rng(seed)
        error = error or ERRORS_OF[output][0]
        if level is None:
            level = 0.5 if error in ("huber", "quantile") else 0.0
        self.layers = layer_table(
            sizes,
            [HIDDEN[name] for name in ([hidden] * (len(sizes) - 2) if isinstance(hidden, str) else hidden)]
            + [OUTPUT[output]],
            ERROR[error],
            level,
        )
        self.theta = rng.normal(0, 0.5, parameter_count(sizes)).astype(dtype)
        for w in weights(self.theta, self.layers):
            w *= 1.5 / np.sqrt(w.shape[1])  # sums stay of the size of their terms, however deep the network
        self.X = rng.normal(size=(samples, sizes[0])).astype(dtype)
        self.D = teacher(rng, samples, sizes[-1], output, dtype)
        self.rows = rng.permutation(samples)
        self.dtype, self.samples, self.outputs = dtype, samples, sizes[-1]
        self.weight = np.ones(samples, dtype)
        for array in (self.X, self.D, self.weight):
            array.flags.writeable = False  # as `validation` hands them to the kernels

    @property
    def data(self):
        """X, D and the weights, as the passes take them."""
        return self.X, self.D, self.weight

    def scratch(self):
        """Not empty: what a pass reads before it has written it shows as NaN."""
        scratch = scratch_for(self.layers, self.samples, self.dtype)
        scratch.fill(np.nan)
        return scratch

    def gradient(self, version):
        """(E, dtheta) of the mini-batch by `gradient` of the module `version`."""
        dtheta = np.full_like(self.theta, np.nan)
        E = version.gradient(self.theta, self.layers, self.data, self.rows, self.scratch(), dtheta)
        return E, dtheta

    def epoch(self, version, batch_size, rates, settings=None, moments=None, first_step=0):
        """(E, theta) after an epoch over `rows` by `epoch` of the module `version`, from a copy of theta.

        `report` and `dtheta` are then what it has left there.
        """
        theta, how = self.theta.copy(), np.zeros(SETTINGS) if settings is None else settings
        moments = np.empty((0, theta.size), self.dtype) if moments is None else moments
        rates = np.broadcast_to(rates, -(-len(self.rows) // batch_size)).astype(float)
        self.dtheta, self.report = np.full_like(theta, np.nan), np.full((len(rates), REPORTED), np.nan)
        steps = rates, first_step, how, moments
        memory = self.scratch(), self.dtheta
        version.epoch(theta, self.layers, self.data, self.rows, batch_size, steps, memory, self.report)
        return matrix.mean_of_batches(self.report), theta
