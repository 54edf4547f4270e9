"""python -m benchmarks.suite: the tests of this folder, which time functions; `python -m benchmarks` is the same."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import command, tables
from benchmarks.process import Failed

FOLDER = Path(__file__).resolve().parent


def render():
    """Markdown of a run in a process of its own: threads are pinned there before NumPy is imported."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.json")
        pytest = [sys.executable, "-m", "pytest", str(FOLDER), f"--benchmark-json={file}"]
        code = subprocess.run(pytest, cwd=FOLDER.parent, stdout=sys.stderr).returncode
        if code or not file.exists():  # no report: PYTEST_ADDOPTS may hold --benchmark-disable
            raise Failed(f"the tests failed, or wrote no report: see pytest's messages above (exit code {code})")
        return tables.render(json.loads(file.read_text(encoding="utf-8"))["benchmarks"])


def main(arguments=None):
    options = command.parse(command.parser("suite", "Time the functions of the lecture and the engine."), arguments)
    return command.run("suite", render, options.write)


if __name__ == "__main__":
    sys.exit(main())
