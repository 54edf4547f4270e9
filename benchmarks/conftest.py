"""One thread on one core, set before NumPy starts; all cores for tests of threads; the tables at the end.

A BLAS reads its number of threads when it is loaded, so this file must be there first.
"""

import os
import sys

import pytest

from benchmarks import process

if "numpy" in sys.modules:
    raise RuntimeError(
        "NumPy is loaded already, too late to hold its BLAS to one thread: run `pytest benchmarks` by itself, without "
        "plugins that import NumPy"
    )
if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
    raise RuntimeError("NUMBA_DISABLE_JIT is set, so the loops would not be compiled: unset it for the benchmarks")
os.environ.update(process.environment(1))
for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # the engine's threads obey these, too
    os.environ.pop(name, None)

ALL_CORES = process.all_cores()
CORES = len(ALL_CORES)
process.confine(ALL_CORES[-1:])  # the last core: core 0 serves most interrupts


@pytest.fixture
def all_cores():
    """Lets a test and the threads that it starts run on all cores; tells how many there are."""
    process.confine(ALL_CORES)
    yield CORES
    process.confine(ALL_CORES[-1:])


def pytest_configure(config):
    config.option.benchmark_quiet = True  # its table is as wide as a wall; `-v` still shows it


def pytest_benchmark_update_machine_info(machine_info):
    """Whose machine it is does not matter, and reports are shared."""
    del machine_info["node"]


def pytest_terminal_summary(terminalreporter, config):
    """The tables of what has run, as `python -m benchmarks` prints them."""
    from benchmarks import tables

    process.confine(ALL_CORES)
    measured = [one.as_dict(include_data=False) for one in config._benchmarksession.benchmarks if one]
    if measured and config.option.benchmark_json is None:
        terminalreporter.write_line("")
        terminalreporter.write_line(tables.render(measured, parts=True))
