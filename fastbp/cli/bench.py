"""fastbp bench: how fast loops and engine are on this machine, against the same formulas as NumPy matrix products."""

import contextlib
import json
import os
import statistics
import subprocess
import sys

from fastbp.cli import options
from fastbp.cli.options import VERSIONS
from fastbp.cli.status_line import StatusLine
from fastbp.network import DTYPES

ROWS = [((4, 8, 3), 1), ((10, 32, 1), 32), ((64, 64, 10), 32), ((784, 100, 10), 32), ((784, 128, 10), 128)]
LAPS = 7
UNEVEN = 4 / 3  # the slowest lap by the fastest, above which something has disturbed them

# OpenBLAS takes kernels for another processor, or for another cache, where these are set.
UNSET = "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"
LIMITS = "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT"  # of our threads, not of BLAS's
THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip

# The process has our paths, and dies without a word when we do, or by Ctrl-C.
CHILD = """
import json, signal, sys
for name in ("SIGINT", "SIGPIPE"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
given = json.loads(sys.argv[1])
sys.path[:] = given.pop("path")
from fastbp.cli import laps
laps.main(**given)
"""


def add(commands):
    """The command and its options."""
    parser = options.command(
        commands,
        "bench",
        "time loops, engine and matrix on this machine",
        "Times how long a step of some networks takes by\n\n"
        f"{options.ABOUT_VERSIONS}\n\n"
        "First they must learn the same. Then laps are run in turn, in a process of their own\n"
        "in which NumPy's BLAS has as many threads as the engine. It takes about 20 seconds,\n"
        "the first time longer. In a checkout, `python -m benchmarks` has JAX, PyTorch and\n"
        "scikit-learn, too.",
        "fastbp bench",
        "fastbp bench --dtype float64 --threads 2",
    )
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of all computation (default: float32)")
    parser.add_argument(
        "--threads", type=options.of(int, 1), default=1, metavar="N",
        help="of engine and of matrix, at most; loops have one (default: 1)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(given):
    """Carries it out."""
    uneven, rows = False, iter(ROWS)
    with (
        contextlib.closing(StatusLine()) as status,
        contextlib.closing(_messages(given.dtype, given.threads)) as messages,
    ):
        for what, value in messages:
            if what == "status":
                status.status(value)
                continue
            status.clear()
            if what == "error":
                raise ValueError(value)
            if what == "machine":
                _head(value, given.dtype, given.threads)
            else:
                uneven |= _row(*next(rows), value)
    if uneven:
        print(
            "warning: where there is an exclamation mark, the slowest lap took more than a third longer than the\n"
            "fastest: something else was running here, and the median may be wrong, too"
        )


def _head(machine, dtype, threads):
    limit = "1 thread" if threads == 1 else f"engine and matrix with {threads} threads at most, loops with 1"
    print(*machine, f"{dtype}, {limit}, medians of {LAPS} laps in turn", sep="\n", end="\n\n")
    print(f"{'':20s}{'us a step (slowest lap / fastest)':54s}times as fast as matrix")
    print(f"{'network':12s} {'batch':>5s}  " + "".join(f"{version:18s}" for version in VERSIONS), end="")
    print(f"{'loops':>7s} {'engine':>7s}", flush=True)


def _row(sizes, batch, seconds):
    """Prints a line; whether a column is uneven."""
    median = {version: statistics.median(laps) for version, laps in seconds.items()}
    spread = {version: max(laps) / min(laps) for version, laps in seconds.items()}
    marks = {version: "!" * (spread[version] > UNEVEN) for version in VERSIONS}
    times = [f"{median[version] * 1e6:.4g} ({spread[version]:.2f}){marks[version]}" for version in VERSIONS]
    ratios = [f"{_ratio(seconds['matrix'], seconds[version]):7.2f}" for version in ("loops", "engine")]
    name = "-".join(map(str, sizes))
    print(f"{name:12s} {batch:5d}  " + "".join(f"{time:18s}" for time in times) + " ".join(ratios), flush=True)
    return any(marks.values())


def _ratio(seconds, others):
    """The median of the ratios of laps that followed each other: what lasts longer than a lap slows down both."""
    return statistics.median(a / b for a, b in zip(seconds, others, strict=True))


def _messages(dtype, threads):
    """What the measuring process tells, (what, value), as it does; it ends with this."""
    environment = {name: value for name, value in os.environ.items() if name not in (*UNSET, *LIMITS)}
    environment |= dict.fromkeys(THREADS, str(threads))
    given = json.dumps({"path": sys.path, "rows": ROWS, "laps": LAPS, "dtype": dtype, "threads": threads})
    command = [sys.executable, "-c", CHILD, given]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    try:
        for line in process.stdout:
            yield from json.loads(line).items()
        if process.wait():
            raise ValueError(f"the measuring process has ended with exit status {process.returncode}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
