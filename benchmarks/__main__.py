"""python -m benchmarks: run all benchmarks and write their tables into the README."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import readme, tables

FOLDER = Path(__file__).resolve().parent
README = FOLDER.parent / "README.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


class Failed(Exception):
    """There are no tables to publish."""


def main(arguments=None):
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run the benchmarks (about three minutes on a quiet machine) and write their tables into "
        f"README.md, between the lines {BEGIN} and {END}. One thread on one core, and all cores where threads are "
        "compared; nothing else should run meanwhile.",
    )
    parser.add_argument("--print", action="store_true", help="print the tables and leave README.md as it is")
    options = parser.parse_args(arguments)
    try:
        if options.print:
            print(tables.render(run()))
        else:
            readme.around(README, BEGIN, END)  # before the long run, for those who would wait for an error
            new = tables.render(run())
            readme.replace(README, BEGIN, END, new)
            print(f"Wrote the tables into {README.name}.")
    except (Failed, readme.NoPlace) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


def run():
    """The report of pytest-benchmark. A process of its own, because threads are pinned before NumPy is imported."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.json")
        command = [sys.executable, "-m", "pytest", str(FOLDER), f"--benchmark-json={file}"]
        # Its output goes to stderr, so that `--print > tables.md` holds the tables alone.
        code = subprocess.run(command, cwd=FOLDER.parent, stdout=sys.stderr).returncode
        if code or not file.exists():  # no report: PYTEST_ADDOPTS may hold --benchmark-disable
            raise Failed(f"the benchmarks failed, or wrote no report: see pytest's messages above (exit code {code})")
        return json.loads(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
