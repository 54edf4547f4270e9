"""Times epochs of loops, engine and matrix in turn: what the process does that `fastbp bench` starts.

What it finds, it writes to standard output, as a line of JSON for each thing.
"""

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

import fastbp
from fastbp.cli.options import VERSIONS
from fastbp.compiler import notice
from fastbp.network import Network
from fastbp.optimizers import SGD
from fastbp.threads.cores import usable_cores
from fastbp.training.train import train
from fastbp.validation import counted

SAMPLES = 1024
LAP = 0.03  # seconds that a lap takes, at least: many times what a scheduler's tick takes away
SETTLE = 0.05  # seconds before each lap, in which threads of the last one fall asleep
SAME = {"float32": 1e-4, "float64": 1e-10}  # largest difference of parameters after an epoch


def main(rows, laps, dtype, threads):
    """Tells of the machine, then of each row (sizes, batch_size)."""
    cores = usable_cores()
    if cores < threads:
        return tell(error=f"--threads must be at most {cores}, the cores that it may use, got {threads}")
    tell(machine=machine())
    for sizes, batch in rows:
        with notice.told_by(lambda message: tell(status=message)):
            problem, versions = prepared(tuple(sizes), batch, dtype, threads)
        if problem:
            return tell(error=problem)
        seconds = {version: [] for version in versions}
        for lap in range(laps):
            tell(status=f"{'-'.join(map(str, sizes))}: lap {lap + 1} of {laps}")
            for version, run in versions.items():
                time.sleep(SETTLE)
                seconds[version].append(run())
        tell(seconds=seconds)
    return None


def tell(**what):
    print(json.dumps(what), flush=True)


def prepared(sizes, batch, dtype, threads):
    """What is wrong, if anything is, and for each version a function that runs a lap: seconds of a step."""
    rng, outputs = np.random.default_rng(0), sizes[-1]
    X = rng.normal(size=(SAMPLES, sizes[0])).astype(dtype)
    D = np.eye(outputs)[rng.integers(0, outputs, SAMPLES)] if outputs > 1 else np.sin(X.sum(axis=1, keepdims=True))
    output, learnt, runs = "softmax" if outputs > 1 else "identity", {}, {}
    for version in VERSIONS:
        network = Network(sizes, output=output, dtype=dtype)
        how = {"batch_size": batch, "optimizer": SGD(0.01), "threads": threads, "version": version}
        train(network, X, D, epochs=1, **how)  # the first one compiles
        learnt[version] = network.theta.copy()
        runs[version] = _lap(network, (X, D), how)
    apart = max(np.abs(learnt[version] - learnt["matrix"]).max() for version in VERSIONS)
    if not apart <= SAME[dtype]:
        return f"the versions of {sizes} must learn the same, their parameters are {apart:.1e} apart", runs
    return None, runs


def _lap(network, data, how):
    seconds = min(train(network, *data, epochs=3, **how).seconds)
    epochs, steps = int(np.ceil(LAP / seconds)), -(-SAMPLES // how["batch_size"])

    def run():
        """Without the first epoch, which finds the caches and the clock as the pause has left them."""
        return sum(train(network, *data, epochs=epochs + 1, **how).seconds[1:]) / epochs / steps

    return run


def machine():
    """Processor, versions, and what NumPy multiplies its matrices with, in a line each."""
    versions = {"fastbp": fastbp.__version__, "Python": platform.python_version()}
    versions |= {"Numba": metadata.version("numba"), "NumPy": np.__version__}
    words = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [f"{_processor()}, {os.cpu_count()} cores, {platform.system()}", words, _blas()]


def _processor():
    with contextlib.suppress(OSError, StopIteration):  # Linux, where the architecture names it
        about = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in about if line.startswith("model name"))
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            named = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
            return named.stdout.strip()
    return platform.processor() or platform.machine()


def _blas():
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "matrix: NumPy's BLAS, of which threadpoolctl would tell more (pip install threadpoolctl)"
    np.ones((2, 2)) @ np.ones((2, 2))  # so that it is loaded
    found = [
        f"{blas['internal_api']} {blas['version']}, kernels for {blas.get('architecture', 'unknown')}, "
        f"{counted(blas['num_threads'], 'thread')}"
        for blas in threadpool_info()
        if blas["user_api"] == "blas"
    ]
    return f"matrix: {'; '.join(found) or 'a BLAS that threadpoolctl does not know'}"
