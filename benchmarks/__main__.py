"""python -m benchmarks: run all benchmarks and write their tables into the README."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import tables

FOLDER = Path(__file__).resolve().parent
README = FOLDER.parent / "README.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


class Failed(Exception):
    """There are no tables to publish, or there is no place for them."""


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
            around(read(README))  # before the long run, for those who would wait for an error
            new = tables.render(run())
            replace(README, new)
            print(f"Wrote the tables into {README.name}.")
    except Failed as problem:
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


def read(readme):
    try:
        return readme.read_text(encoding="utf-8")
    except OSError as problem:
        raise Failed(f"cannot read {readme.name} beside the folder benchmarks: {problem.strerror}") from None


def around(text):
    """What stands before and after the tables, with the markers."""
    lines = text.splitlines()
    if lines.count(BEGIN) != 1 or lines.count(END) != 1 or lines.index(BEGIN) > lines.index(END):
        raise Failed(f"README.md must have the line {BEGIN} once and, below it, the line {END} once")
    return lines[: lines.index(BEGIN) + 1], lines[lines.index(END) :]


def replace(readme, new):
    """Put the tables between the markers: in one step, so that no one ever sees half a README."""
    before, after = around(read(readme))  # read again: it may have been edited during the run
    handle, temporary = tempfile.mkstemp(dir=readme.parent, prefix=f".{readme.name}-")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join([*before, new, *after]) + "\n")
        shutil.copymode(readme, temporary)
        os.replace(temporary, readme)
    except BaseException:
        os.unlink(temporary)
        raise


if __name__ == "__main__":
    sys.exit(main())
