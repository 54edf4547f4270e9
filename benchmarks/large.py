"""python -m benchmarks.large: train on a table that is larger than the memory that may be used, as CSV and as Parquet.

Makes a table of numbers, texts and missing values, trains on it by the command `fastbp train` in a process of its own,
and tells how much memory that process had resident at most.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import command, machine
from benchmarks.markdown import digits, table
from benchmarks.process import Failed, say

NUMBERS, ROWS = 16, 50_000  # columns; rows made at once
TEXTS = np.array(["north", "east", "south", "west", ""])
LIMIT, EPOCHS = 1e9, 2
NAMES = [*(f"x{i}" for i in range(NUMBERS)), "direction", "y"]


def rows_made(rng, n):
    """Columns of a part of the table: y is a function of the others, with noise."""
    X, direction = rng.normal(size=(n, NUMBERS)), rng.integers(0, len(TEXTS), n)
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.3 * direction + 0.1 * rng.normal(size=n)
    X[rng.random(X.shape) < 0.01] = np.nan
    return [*X.T, TEXTS[direction], y]


def make_csv(path, size):
    """A CSV file of about so many bytes; its rows."""
    rng, rows = np.random.default_rng(0), 0
    with open(path, "w", encoding="utf-8") as file:
        file.write(",".join(NAMES) + "\n")
        while file.tell() < size:
            columns = [[shown(value) for value in column.tolist()] for column in rows_made(rng, ROWS)]
            file.write("\n".join(map(",".join, zip(*columns, strict=True))) + "\n")
            rows += ROWS
    return rows


def shown(value):
    return value if isinstance(value, str) else "" if value != value else f"{value:.6g}"


def make_parquet(path, size):
    """A Parquet file of about so many bytes, in row groups of ROWS; its rows."""
    import pyarrow
    from pyarrow import parquet

    rng, rows = np.random.default_rng(0), 0
    schema = pyarrow.schema([(name, pyarrow.string() if name == "direction" else pyarrow.float64()) for name in NAMES])
    with parquet.ParquetWriter(path, schema) as writer:
        while not path.exists() or path.stat().st_size < size:
            made = pyarrow.table(dict(zip(NAMES, rows_made(rng, ROWS), strict=True)), schema)
            writer.write_table(made, row_group_size=ROWS)
            rows += ROWS
    return rows


def trained(path, folder):
    """Seconds and the largest resident memory of `fastbp train`, in bytes."""
    train = [sys.executable, "-m", "fastbp", "train", path, "--target", "y", "--out", folder / "model"]
    train += ["--epochs", str(EPOCHS), "--hidden-layer-sizes", "32"]
    begin = time.perf_counter()
    process = subprocess.Popen(train, stdout=sys.stderr, env={**os.environ, "TMPDIR": str(folder)})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"fastbp train ended with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def render(gigabytes, within):
    """Markdown of a whole run."""
    body = []
    for kind, make in (("CSV", make_csv), ("Parquet", make_parquet)):
        with tempfile.TemporaryDirectory(dir=within) as folder:
            path = Path(folder, "table")
            say(f"  makes a {kind} file")
            rows = make(path, gigabytes * 1e9)
            size = path.stat().st_size
            say(f"  trains on {rows:,} rows")
            seconds, memory = trained(path, Path(folder))
        body.append([kind, f"{rows:,}", *(f"{digits(number, 3)}" for number in (size / 1e9, memory / 1e6, seconds))])
        if memory > LIMIT:
            raise Failed(f"{memory / 1e6:.0f} MB resident, allowed are {LIMIT / 1e6:.0f} MB")
    heads = ["file", "rows", "GB", "resident at most, MB", f"seconds, {EPOCHS} epochs"]
    return f"{machine.line('pyarrow')} One lap.\n\n{table(heads, body)}"


def main(arguments=None):
    parser = command.parser("large", "Train on a CSV and on a Parquet file larger than the memory: ten minutes.")
    parser.add_argument("--gigabytes", type=float, default=5.0, metavar="G", help="of each file (default: 5)")
    parser.add_argument("--folder", help="where the files are made; default: the folder for temporary files")
    options = command.parse(parser, arguments)
    return command.run("large", lambda: render(options.gigabytes, options.folder), options.write)


if __name__ == "__main__":
    sys.exit(main())
