"""What a fresh process waits for: imports, and the compilation of an epoch before the first training.

A network that takes tiles shows the engine; the lecture's loops and matrix run the smallest network.

The benchmark's time is the wall-clock time of the whole process. Beside it `inside` tells the median seconds between
the moment when NumPy and the samples are there and the end: what fastbp adds, without the noise of starting Python.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
TRAIN = "import fastbp; fastbp.train(fastbp.Network({}), X, D, epochs=1, version='{}')"
MATRIX, LOOPS = TRAIN.format((4, 8, 3), "matrix"), TRAIN.format((4, 8, 3), "loops")
ENGINE = TRAIN.format((64, 64, 10), "engine")
SCRIPT = """
import time
import numpy as np
inputs, outputs = {}
X, D = np.ones((32, inputs), np.float32), np.eye(outputs, dtype=np.float32)[np.arange(32) % outputs]
begin = time.perf_counter()
{}
print(time.perf_counter() - begin)
"""

pytestmark = pytest.mark.benchmark(group="startup")


@pytest.fixture
def run(tmp_path):
    """Runs a statement in a fresh process; `run.inside` collects the seconds that the statement took."""

    def run(statement, cache):
        finished = subprocess.run(
            [sys.executable, "-c", SCRIPT.format((64, 10) if statement == ENGINE else (4, 3), statement)],
            cwd=CHECKOUT,  # so that this checkout's fastbp is imported
            env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, finished.stderr
        run.inside.append(float(finished.stdout))

    run.inside = []
    return run


def label(benchmark, what, run):
    benchmark.extra_info.update(what="startup", process=what, inside=statistics.median(run.inside))


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param("pass", "`import numpy`", id="1-numpy"),
        pytest.param("import fastbp", "`import numpy, fastbp`", id="2-fastbp"),
        pytest.param(MATRIX, "first training, matrix", id="3-matrix"),
        pytest.param(LOOPS, "first training, loops, compiled by an earlier process", id="4-loops-warm"),
        pytest.param(ENGINE, "first training, engine, compiled by an earlier process", id="5-engine-warm"),
    ],
)
def test_startup(benchmark, run, tmp_path, statement, what):
    run(statement, tmp_path)  # fills the cache, and writes the bytecode of the modules
    run.inside.clear()
    benchmark.pedantic(run, (statement, tmp_path), rounds=8)
    label(benchmark, what, run)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param(LOOPS, "first training, loops, nothing compiled yet", id="6-loops-cold"),
        pytest.param(ENGINE, "first training, engine, nothing compiled yet", id="7-engine-cold"),
    ],
)
def test_startup_cold(benchmark, run, tmp_path, statement, what):
    def empty_cache():
        return (statement, tempfile.mkdtemp(dir=tmp_path)), {}

    benchmark.pedantic(run, setup=empty_cache, rounds=2)
    caches = list(tmp_path.iterdir())
    assert all(any(file.is_file() for file in cache.rglob("*")) for cache in caches), "a process did not compile"
    label(benchmark, what, run)
