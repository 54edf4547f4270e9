"""One thread on one core, set before NumPy starts; all cores for tests of threads; what the times depend on.

A BLAS reads its number of threads when it is loaded, so this file must be there first.
"""

import os
import sys

import pytest

if "numpy" in sys.modules:
    raise RuntimeError(
        "NumPy is loaded already, too late to hold its BLAS to one thread: run `pytest benchmarks` by itself, without "
        "plugins that import NumPy"
    )
if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
    raise RuntimeError("NUMBA_DISABLE_JIT is set, so the loops would not be compiled: unset it for the benchmarks")
for library in ("OPENBLAS", "OMP", "MKL", "BLIS"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
os.environ["VECLIB_MAXIMUM_THREADS"] = "1"  # Apple's Accelerate

if hasattr(os, "sched_setaffinity"):  # Linux; elsewhere the scheduler may move the process from core to core
    ALL_CORES = os.sched_getaffinity(0)
    CORES, PINNED = len(ALL_CORES), True
    os.sched_setaffinity(0, {max(ALL_CORES)})  # the last core: core 0 serves most interrupts
else:
    CORES, PINNED = os.cpu_count(), False

# What the printed tables show, where the command line does not ask for something else.
DISPLAY = {"sort": "name", "columns": ["median", "iqr", "min", "rounds", "iterations"]}


@pytest.fixture
def all_cores():
    """Lets a test and the threads that it starts run on all cores; tells how many there are."""
    if PINNED:
        one = os.sched_getaffinity(0)
        os.sched_setaffinity(0, ALL_CORES)
    yield CORES
    if PINNED:
        os.sched_setaffinity(0, one)


def pytest_configure(config):
    asked = " ".join(map(str, config.invocation_params.args))
    for option, value in DISPLAY.items():
        if f"--benchmark-{option}" not in asked:
            setattr(config.option, f"benchmark_{option}", value)


@pytest.hookimpl(wrapper=True)
def pytest_benchmark_group_stats(benchmarks):
    """Groups in the order of their measurement; in the alphabet 10-32-1 would come before 4-8-3."""
    groups = yield
    order = list(dict.fromkeys(bench["group"] for bench in benchmarks))
    return sorted(groups, key=lambda group: order.index(group[0]) if group[0] in order else len(order))


def pytest_benchmark_update_machine_info(machine_info):
    """What the times depend on beside the processor's name."""
    import llvmlite.binding
    import numba
    import numpy as np

    del machine_info["node"]  # whose machine it is does not matter, and reports are shared
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    machine_info.update(
        numba=numba.__version__,
        llvmlite=llvmlite.__version__,
        numpy=np.__version__,
        blas=f"{blas['name']} {blas.get('version', '')}".strip(),
        compiled_for=numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        cores=CORES,
        pinned=PINNED,
    )
