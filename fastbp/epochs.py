"""An epoch as one compiled call: chooses the kernel, lays out what it needs once, and holds the threads together."""

import contextlib
import importlib

import numpy as np

from fastbp.lecture.codes import DROPOUT, SETTINGS
from fastbp.lecture.layout import scratch_for

VERSIONS = ("engine", "tiles", "loops", "matrix")


class Epochs:
    """Epochs over mini-batches of one network, for as long as the `with` block lasts.

    Parameters
    ----------
    theta, layers
        The parameters, changed in place, and the table of the layers.
    batch_size : int
        Samples in a mini-batch; the last of an epoch may have fewer.
    settings, moments
        What `update` reads, and the memory of its rule.
    version, threads
        As in `train`.

    Attributes
    ----------
    gradient : ndarray, as theta
        That of the last mini-batch, where the rule is NO_STEP; with any other it is scratch.
    """

    def __init__(self, theta, layers, batch_size, settings, moments, version="engine", threads=None):
        self._theta, self._layers, self._batch_size = theta, layers, batch_size
        self._settings, self._moments = settings, moments
        self.gradient = np.empty_like(theta)
        if version == "engine":
            from fastbp.engine import choice  # here, as below, because it imports Numba

            slow = choice.prefers_loops(layers, batch_size, theta.dtype) and not settings[DROPOUT]
            version = "loops" if slow else "tiles"
        self._version, self._team = version, contextlib.nullcontext()
        if version == "tiles":
            from fastbp.engine import choice, epoch, plan
            from fastbp.engine.team import Team

            threads = choice.threads_for(layers, batch_size, theta.dtype, threads)
            places, self._scratch = plan.plan(layers, batch_size, theta.dtype, threads)
            self._more, self._kernel = (places, np.zeros((2, plan.blocks_of(theta)))), epoch.epoch
            self._team = Team(threads)
        else:
            self._kernel = importlib.import_module(f"fastbp.lecture.{version}").epoch
            self._scratch = scratch_for(layers, 1 if version == "loops" else batch_size, theta.dtype)
            self._more = ()

    def __enter__(self):
        self._team.__enter__()
        return self

    def __exit__(self, *exception):
        return self._team.__exit__(*exception)

    def mean_error(self, X, D, weight, rows):
        """The weighted mean error of some rows, without dropout.

        Parameters
        ----------
        X, D, weight : ndarray of shape (N, inputs), (N, outputs), (N,)
            As in `run`.
        rows : ndarray of int64
        """
        with np.errstate(all="ignore"):
            if self._version == "tiles":
                from fastbp.engine import epoch

                places = self._more[0]
                return epoch.mean_error(
                    self._theta, self._layers, X, D, weight, rows, np.zeros(SETTINGS), places, self._scratch
                )
            version = importlib.import_module(f"fastbp.lecture.{self._version}")
            samples = 1 if self._version == "loops" else len(rows)
            scratch = scratch_for(self._layers, samples, self._theta.dtype)
            return version.mean_error(self._theta, self._layers, X, D, weight, rows, scratch)

    def run(self, X, D, weight, order, rates, first_step, report):
        """A step for each mini-batch of `order`; the mean of the errors met on the way.

        Parameters
        ----------
        X, D, weight : ndarray of shape (N, inputs), (N, outputs), (N,)
            Samples, targets and weights, as `door` hands them out.
        order : ndarray of int64
            The rows, a mini-batch after the other.
        rates : ndarray of float64, shape (batches,)
        first_step : int
            Steps made before.
        report : ndarray of float64, shape (batches, 2)
            Receives the mean error of each mini-batch, and the penalty on its weights before its step.
        """
        arguments = (
            self._theta, self._layers, X, D, weight, order, self._batch_size, rates, first_step, self._settings,
            self._moments, self._scratch, self.gradient, report, *self._more,
        )  # fmt: skip
        with np.errstate(all="ignore"):  # a training that diverges is reported by the caller, once
            if self._version == "tiles":
                return self._team.run(self._kernel, *arguments)
            return self._kernel(*arguments)
