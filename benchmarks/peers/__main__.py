"""python -m benchmarks.peers: time fastbp against NumPy, JAX, PyTorch and scikit-learn."""

import argparse
import importlib.util
import json
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks import readme
from benchmarks.peers import process, report
from benchmarks.peers.contest import Contest, say
from benchmarks.peers.rows import RIVALS, ROWS

README = Path(__file__).resolve().parent.parent.parent / "README.md"
BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
PACKAGES = {"jax": "jax", "torch": "torch", "torch-compiled": "torch", "sklearn": "sklearn"}


def main(arguments=None):
    """Run the command line; returns the exit code: 1 if a rival failed, or trained something else than the others."""
    options = parse(arguments)
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        say("error: NUMBA_DISABLE_JIT is set, so fastbp would not be compiled")
        return 1
    rows = [row for row in ROWS if any(part in str(row) for part in options.rows or [""])]
    if not rows:
        say("error: no row has such a name; the rows are:", *(f"\n  {row}" for row in ROWS))
        return 1
    try:
        if options.write:
            readme.around(README, BEGIN, END)  # before the long run, for those who would wait for an error
        found = run(options, rows)
        text = report.render(found, options.goals)
        print(text)
        if options.json:
            Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        if options.write:
            readme.replace(README, BEGIN, END, text)
    except readme.NoPlace as problem:
        say(f"error: {problem}")
        return 1
    states = {rival["status"] for result in found["results"] for rival in result["rivals"].values()}
    return 1 if states & {"differs", "failed"} else 0


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Train the same networks with fastbp and with its rivals, in turn, and print how much longer the "
        "rivals take. About half an hour for everything; nothing else should run meanwhile.",
    )
    parser.add_argument("--rows", nargs="+", metavar="PART", help="only rows whose name has one of these parts")
    parser.add_argument(
        "--rivals", nargs="*", choices=RIVALS, default=list(RIVALS), metavar="NAME", help=", ".join(RIVALS)
    )
    parser.add_argument("--cores", nargs="+", choices=("1", "all"), default=["1", "all"])
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "float64"), default=["float32", "float64"])
    parser.add_argument("--rounds", type=int, default=11, metavar="N", help="laps of each rival a row (default: 11)")
    parser.add_argument("--goals", action="store_true", help="also print what was reached beside what was wanted")
    parser.add_argument("--json", nargs="?", const="peers.json", metavar="FILE", help="write all laps (to peers.json)")
    parser.add_argument(
        "--write", action="store_true", help=f"write the tables into README.md, between {BEGIN} and {END}"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def run(options, rows):
    """Everything that the tables and the JSON file tell."""
    rivals = [name for name in RIVALS if name in options.rivals]
    absent = [name for name in rivals if name in PACKAGES and importlib.util.find_spec(PACKAGES[name]) is None]
    for name in absent:
        say(f'{RIVALS[name]} is not installed, its column stays empty: pip install -e ".[bench]"')
    available = len(process.all_cores())
    numbers = dict.fromkeys(1 if cores == "1" else available for cores in options.cores)
    contest = Contest([name for name in rivals if name not in absent], options.rounds)
    results = []
    try:
        for cores in numbers:
            contest.forget(cores)
            results += [contest.row(row, dtype, cores) for dtype in options.dtypes for row in rows]
    finally:
        contest.stop()
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "processor": report.processor(),
        "machine_cores": available,
        "system": platform.system(),
        "versions": {"Python": platform.python_version(), **contest.versions},
        "rounds": options.rounds,
        "rivals": rivals,
        "results": results,
    }


if __name__ == "__main__":
    sys.exit(main())
