"""Passes without a gradient, outputs and mean errors of many samples, shared by threads where that pays."""

import numpy as np

from fastbp.engine import entries, heuristics, workspace
from fastbp.engine.team import ALONE, Team
from fastbp.lecture import entries as loops
from fastbp.lecture.layout import layers_above, scratch_for
from fastbp.threads.cores import trainings
from fastbp.threads.slices import Slices


def outputs(theta, layers, X, threads=None, slices=None):
    """The outputs y of samples, finite, read-only, in C order and of the dtype of theta.

    Parameters
    ----------
    theta, layers : ndarray
        The parameters and the table of the layers.
    X : ndarray of shape (N, inputs)
    threads : int or None
        The most threads that share the work; None: as many as pay.
    slices : Slices, optional
        How the work is cut, and how many threads share each part.
    """
    Y = np.empty((len(X), layers["receiving"].item(-1)), theta.dtype)
    if heuristics.prefers_loops(layers, len(X), theta.dtype):
        loops.predict(theta, layers, X, scratch_for(layers, 1, theta.dtype), Y)
        return Y
    places, scratch = workspace.plan(layers, len(X), theta.dtype, 1)
    chunk = int(places[workspace.CHUNK])
    threads = heuristics.threads_for_outputs(layers, len(X), chunk, threads)
    if threads == 1:
        entries.predict(theta, layers, X, (scratch, places), Y, (ALONE, 0, 0, 1))
        return Y
    scratch = workspace.scratch_of(places, threads, theta.dtype)
    slices = slices or Slices(threads, heuristics.flops_of_outputs(layers, chunk))
    with trainings, Team(threads) as team:
        for part, sharing in slices.of(-(-len(X) // chunk)):
            rows = slice(part.start * chunk, part.stop * chunk)
            team.run(entries.predict, theta, layers, X[rows], (scratch, places), Y[rows], threads=sharing)
    return Y


def sparse_outputs(theta, layers, X):
    """The same of sparse samples, on one thread.

    Parameters
    ----------
    theta, layers
        As in `outputs`.
    X : tuple of ndarray
        CSR: starts (N + 1) of int64, inputs of int32 and values, finite and of the dtype of theta.
    """
    starts, inputs, values = X
    samples, first = len(starts) - 1, layers["biases_at"].item(0)
    is_used = np.zeros(layers["sending"].item(0), bool)
    is_used[inputs] = True
    used = np.flatnonzero(is_used)
    place = np.cumsum(is_used, dtype=np.int32) - np.int32(1)  # of an input among those that are used
    w = np.ascontiguousarray(theta[:first].reshape(-1, len(is_used))[:, used].T)
    above, Y = layers_above(layers), np.empty((samples, layers["receiving"].item(-1)), theta.dtype)
    places, scratch = workspace.plan(above, samples, theta.dtype, 1)
    by_sample = workspace.rows_for_samples(w.shape[1], int(places[workspace.CHUNK]), theta.dtype)
    memory, X = (scratch, places, by_sample), (starts, place[inputs], values)
    entries.sparse_predict((w, theta[first:]), above, X, np.arange(samples), memory, Y)
    return Y


def mean_error(theta, layers, samples, rows, memory, team, threads):
    """The weighted mean error of some rows (slide 9).

    Parameters
    ----------
    theta, layers, samples, rows, memory
        As `engine.tiles.epoch.mean_error` takes them.
    team : Team
    threads : int
        At most so many share the work, a chunk of samples after the other.
    """
    errors_of = np.empty(-(-len(rows) // int(memory[1][workspace.CHUNK])))
    threads = min(threads, len(errors_of))
    team.run(entries.mean_error, theta, layers, samples, rows, memory, errors_of, threads=threads)
    return sum(errors_of.tolist())  # in their order


def loss_of_samples(theta, layers, X, D, weight):
    """The weighted mean error of all samples; arrays as in `outputs`."""
    rows = np.arange(len(X))
    if heuristics.prefers_loops(layers, len(X), theta.dtype):
        return loops.mean_error(theta, layers, (X, D, weight), rows, scratch_for(layers, 1, theta.dtype))
    places, scratch = workspace.plan(layers, len(X), theta.dtype, 1)
    threads = heuristics.threads_for_outputs(layers, len(X), int(places[workspace.CHUNK]))
    if threads > 1:
        scratch = workspace.scratch_of(places, threads, theta.dtype)
    with trainings, Team(threads) as team, np.errstate(all="ignore"):
        return mean_error(theta, layers, (X, D, weight), rows, (scratch, places), team, threads)
