"""SciPy's L-BFGS-B over the loss of all samples: the iterations of `train`, and of the estimators."""

import numpy as np

from fastbp.lecture import codes
from fastbp.lecture.layout import weights

UNLIMITED = 2**31 - 1  # evaluations


class _Stop(Exception):
    """Something else than SciPy ends the iterations. (Not StopIteration, which SciPy knows since 1.11 only.)"""


def scipys_optimize():
    """The module of SciPy's that is needed, or an ImportError."""
    try:
        import scipy.optimize
    except ImportError as missing:
        raise ImportError("optimizer LBFGS is SciPy's: pip install scipy, or 'fastbp[sklearn]'") from missing
    return scipy.optimize


class Minimiser:
    """Iterations from the parameters in theta on, which has those of the last one after each.

    Parameters
    ----------
    rule : LBFGS
    theta, layers
        As in `EpochRunner`.
    samples : tuple
        X, D and weights, as the runner takes them.
    rows : ndarray of int64
        Those to train with.
    part : int
        So many of them pass through the network at a time.
    runner : EpochRunner or SparseRunner
        Of mini-batches of that size. Its rule makes no step; it knows no penalties.
    l2 : float
        Strength of the penalty l2/2 sum w^2.

    Attributes
    ----------
    x : ndarray of float64
        The parameters after the last iteration.
    """

    def __init__(self, rule, theta, layers, samples, rows, part, runner, l2):
        self._rule, self._theta, self._layers, self._samples = rule, theta, layers, samples
        self._parts = [rows[start : start + part] for start in range(0, len(rows), part)]
        whole = samples[2][rows].sum(dtype=np.float64)
        self._shares = [samples[2][part].sum(dtype=np.float64) / whole for part in self._parts]
        self._runner, self._l2, self.x, self._evaluated = runner, l2, theta.astype(np.float64), (None, None)

    def run(self, iterations, between, after):
        """What SciPy says in the end; None if `after` has ended it.

        Parameters
        ----------
        iterations : int
            At most so many.
        between : callable
            Called now and then. What it raises ends the iterations.
        after : callable
            Called with error and penalty after each iteration; whether it is to be the last.
        """

        def ends(x):
            error, penalty = self.at(x)
            self.x = x.copy()
            self._show(x)
            if after(error, penalty):
                raise _Stop

        rule = self._rule
        options = {"maxiter": iterations, "maxcor": rule.history_size, "gtol": rule.gtol, "ftol": rule.ftol}
        options["maxfun"] = UNLIMITED if rule.max_fun is None else rule.max_fun
        try:
            found = scipys_optimize().minimize(
                lambda x: self._evaluate(x, between),
                self.x,
                method="L-BFGS-B",
                jac=True,
                options=options,
                callback=ends,
            )
        except _Stop:
            return None
        self.x = found.x
        self._show(found.x)
        return found

    def at(self, x):
        """The mean error of all samples with these parameters, and the penalty."""
        if not np.array_equal(self._evaluated[0], x):
            self._evaluate(x)
        return self._evaluated[1]

    def _show(self, x):
        with np.errstate(all="ignore"):
            np.copyto(self._theta, x, casting="same_kind")

    def _evaluate(self, x, between=None):
        """Error and penalty, and the derivatives of their sum with respect to the parameters x."""
        self._show(x)
        dtheta, error, penalty = np.zeros(len(x)), 0.0, 0.0
        report, rate = np.empty((1, codes.REPORTED)), np.zeros(1)
        for rows, share in zip(self._parts, self._shares, strict=True):
            if between:
                between()
            self._runner.run(*self._samples, rows, rate, 0, report, between)
            error += share * report[0, 0]
            dtheta += share * self._runner.gradient.astype(np.float64)
        with np.errstate(all="ignore"):
            for w, dw in zip(weights(x, self._layers), weights(dtheta, self._layers), strict=True):
                penalty += 0.5 * self._l2 * np.vdot(w, w)
                dw += self._l2 * w
        self._evaluated = x.copy(), (error, penalty)
        return error + penalty, dtheta
