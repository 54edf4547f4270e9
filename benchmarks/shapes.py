"""python -m benchmarks.shapes: networks of random shapes, by fastbp and its rivals, on one core.

The rows of `benchmarks.peers` are those that one thinks of. These are drawn: sizes and mini-batches of all orders of
magnitude, most of them multiples of nothing, and layers of a unit or two.
"""

import contextlib
import random
import statistics
import sys

from benchmarks import command, machine
from benchmarks.markdown import digits, ratio_cell, table
from benchmarks.peers import report
from benchmarks.peers.contest import Contest
from benchmarks.peers.rows import OURS, RIVALS, Row
from benchmarks.process import say

SIDES = [name for name in RIVALS if name != "sklearn"]
COMPILED, EAGER = "torch-compiled", "torch"
INPUTS, UNITS, LAYERS, OUTPUTS, BATCH = 1000, 500, 3, 10, 300  # the largest of each
LONGEST_LAP = 0.2  # seconds, about
CLOSE = 2  # so many times our time; where PyTorch takes longer than that eagerly, compiled steps catch up with nobody
LIMITS = (1.0, 1.1)  # how many ratios are below these


def draw(number, seed):
    """So many rows; more of them begin with the same ones.

    Inputs, hidden units and mini-batches are log-uniform, so that 1 to 10 is as likely as 10 to 100; the numbers of
    hidden layers and of outputs are uniform.
    """
    rng = random.Random(seed)

    def log_uniform(most):
        return min(most, int((most + 1) ** rng.random()))

    def uniform(most):
        return 1 + int(most * rng.random())

    rows = []
    for _ in range(number):
        inputs, hidden = log_uniform(INPUTS), [log_uniform(UNITS) for _ in range(uniform(LAYERS))]
        outputs, batch, activation = uniform(OUTPUTS), log_uniform(BATCH), ("tanh", "relu")[uniform(2) - 1]
        how = ("softmax", 0.01) if outputs > 1 else ("identity", 0.001)
        rows.append(Row((inputs, *hidden, outputs), activation, batch, "SGD", *how))
    return rows


def measure(contest, compiled, row, dtype):
    """The result of a row, with the ratio of each rival; `compiled` is the contest of PyTorch's compiled steps."""
    result = contest.row(row, dtype, 1)
    result["ratios"] = ratios(result)
    if compiled and (EAGER not in contest.names or result["ratios"].get(EAGER, CLOSE) < CLOSE):
        second = compiled.row(row, dtype, 1)
        result["rivals"].update({name: one for name, one in second["rivals"].items() if name == COMPILED})
        result["ratios"].update(ratios(second))
    if result["ratios"]:
        name, ratio = best(result)
        say(f"  {digits(ratio, 2)} of {RIVALS[name]}")
    return result


def ratios(result):
    """{rival: median of its time of a step over ours}, lap by lap: what disturbs a round disturbs both."""
    ours = result["rivals"][OURS]
    return {
        name: statistics.median(
            (theirs / rival["steps"]) / (mine / ours["steps"])
            for theirs, mine in zip(rival["laps"], ours["laps"], strict=True)
        )
        for name, rival in result["rivals"].items()
        if name != OURS and "us" in rival and "us" in ours
    }


def best(result):
    """The fastest rival, and its ratio."""
    return min(result["ratios"].items(), key=lambda item: item[1])


def shown(ratio):
    """As it is printed, so that no 1.0 is counted as less than that."""
    return float(digits(ratio, 2).replace(",", ""))


def render(results, rivals, told):
    """Markdown of a whole run, the worst rows first."""
    parts = [told]
    for dtype in dict.fromkeys(result["dtype"] for result in results):
        here = [result for result in results if result["dtype"] == dtype]
        judged = sorted((result for result in here if result["ratios"]), key=lambda result: best(result)[1])
        heads = ["network, batch, rule", "fastbp, us a step", *(RIVALS[name] for name in rivals), "ratio", "best rival"]
        body = [line(result, rivals) for result in [*judged, *(one for one in here if not one["ratios"])]]
        parts += [f"{dtype}, one core:", table(heads, body, left=(0, len(heads) - 1)), *summary(judged)]
    return "\n\n".join([*parts, *report.excuses(results)])


def line(result, rivals):
    times = [result["rivals"].get(name, {}).get("us") for name in (OURS, *rivals)]
    cells = [digits(us, 3) if us else "-" for us in times]
    if not result["ratios"]:
        return [result["row"], *cells, "-", "-"]
    name, ratio = best(result)
    return [result["row"], *cells, ratio_cell(ratio), RIVALS[name]]


def summary(judged):
    """A sentence on the worst ratio, and on how many are below which limit."""
    if judged:
        found = [shown(best(result)[1]) for result in judged]
        below = "; ".join(f"below {limit}: {sum(ratio < limit for ratio in found)}" for limit in LIMITS)
        yield f"Worst ratio: {ratio_cell(best(judged[0])[1])}, of {judged[0]['row']}. Of {len(judged)} ratios {below}."


def run(options):
    """The results of all rows that were asked for."""
    first = [name for name in options.rivals if name != COMPILED]
    second = [name for name in options.rivals if name == COMPILED]
    how = options.rounds, LONGEST_LAP, "process_time" if options.busy else "perf_counter"
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(Contest(names, *how)) for names in (first, second))
        compiled = two if second == two.names[1:] != [] else None  # nobody but us where PyTorch is not installed
        return [measure(one, compiled, row, dtype) for dtype in options.dtypes for row in options.rows]


def parse(arguments):
    parser = command.parser(
        "shapes",
        "Train networks of random shapes with fastbp and with its rivals, in turn. About ten minutes.",
        rows=lambda options: draw(options.shapes, options.seed),
        rounds=5,
    )
    parser.add_argument("--shapes", type=int, default=60, metavar="N", help="how many are drawn (default: 60)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which ones (default: 0)")
    parser.add_argument("--rivals", nargs="+", choices=SIDES, default=SIDES, metavar="NAME", help=", ".join(SIDES))
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "float64"), default=["float32"])
    parser.add_argument(
        "--busy", action="store_true", help="count CPU time, where others run: for a look, not for a table"
    )
    options = command.parse(parser, arguments)
    if options.busy and options.write:
        parser.error("--busy does not go with --write: what is published is measured while nothing else runs")
    return options


def main(arguments=None):
    """Run the command line; returns the exit code: 1 if a rival failed, or trained something else than the others."""
    options, results = parse(arguments), []

    def text():
        results.extend(run(options))
        told = (
            f"{machine.line('jax', 'torch')} {options.shapes} shapes drawn with seed {options.seed}; microseconds "
            f"{'of CPU time ' * options.busy}a step, medians of {options.rounds} laps, taken in turn. Ratio: the best "
            "rival's time over ours, in the median of the rounds. PyTorch's steps are compiled where eager ones take "
            f"less than {CLOSE} times ours."
        )
        return render(results, [name for name in SIDES if name in options.rivals], told)

    code = command.run("shapes", text, options.write)
    return 1 if report.faulty(results) else code


if __name__ == "__main__":
    sys.exit(main())
