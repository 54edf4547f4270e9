"""python -m benchmarks.peers: time fastbp against NumPy, JAX, PyTorch and scikit-learn."""

import json
import sys
from pathlib import Path

from benchmarks import command, machine
from benchmarks.peers import report
from benchmarks.peers.contest import Contest
from benchmarks.peers.rows import RIVALS, ROWS
from benchmarks.process import all_cores

WORTH_SHARING = 1e6  # floating-point operations of a step: networks with less are not timed on all cores


def main(arguments=None):
    """Run the command line; returns the exit code: 1 if a rival failed, or trained something else than the others."""
    options, found = parse(arguments), {}

    def render():
        found.update(run(options))
        if options.json:
            Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return report.render(found)

    code = command.run("peers", render, options.write)
    return 1 if report.faulty(found.get("results", ())) else code


def parse(arguments):
    parser = command.parser(
        "peers",
        "Train the same networks with fastbp and with its rivals, in turn, and print how much longer the rivals take. "
        "About twenty minutes for everything.",
        rows=ROWS,
        rounds=11,
    )
    parser.add_argument(
        "--rivals", nargs="*", choices=RIVALS, default=list(RIVALS), metavar="NAME", help=", ".join(RIVALS)
    )
    parser.add_argument("--cores", nargs="+", choices=("1", "all"), default=["1", "all"])
    parser.add_argument(
        "--dtypes", nargs="+", choices=("float32", "float64"), default=["float32", "float64"],
        help="float64 on one core only, unless it is asked for alone",
    )  # fmt: skip
    parser.add_argument("--json", nargs="?", const="peers.json", metavar="FILE", help="write all laps (to peers.json)")
    return command.parse(parser, arguments)


def run(options):
    """Everything that the tables and the JSON file tell."""
    rivals, results = [name for name in RIVALS if name in options.rivals], []
    numbers = dict.fromkeys(1 if cores == "1" else len(all_cores()) for cores in options.cores)
    with Contest(rivals, options.rounds) as contest:
        for cores in numbers:
            contest.forget(cores)
            for dtype in options.dtypes[:1] if cores > 1 else options.dtypes:
                rows = [row for row in options.rows if cores == 1 or row.flops > WORTH_SHARING]
                results += [contest.row(row, dtype, cores) for row in rows]
    versions = machine.line("jax", "torch", "scikit-learn")
    return {"machine": versions, "rounds": options.rounds, "rivals": rivals, "results": results}


if __name__ == "__main__":
    sys.exit(main())
