"""python -m benchmarks.share: which share of the core's FMA peak a step reaches, and what a second thread is worth.

Only fastbp runs, so nothing but its own overhead is in the way: what is missing to 100 % is what could still be won.
A second core is not always worth one: it may share memory, caches or even its units with the first. So the gain of a
second thread stands beside that of two trainings at once, which know nothing of each other.
"""

import contextlib
import sys
import time
from statistics import median

from benchmarks import command, machine
from benchmarks.markdown import digits, ratio_cell, table
from benchmarks.peers.contest import PAUSE
from benchmarks.peers.report import percent
from benchmarks.peers.rows import Row
from benchmarks.process import Process, all_cores, in_turn, say

ROWS = [
    Row((64, 64, 10), "relu", 32, "SGD"),
    Row((784, 100, 10), "relu", 32, "SGD"),
    Row((784, 128, 10), "relu", 128, "SGD"),
    Row((561, 256, 6), "relu", 128, "SGD"),
    Row((784, 1024, 10), "relu", 256, "SGD"),
    Row((1000, 500, 10), "relu", 256, "SGD"),
    Row((1024, 1024, 1024), "relu", 256, "SGD"),
    Row((100, 300, 1), "relu", 50, "SGD", "identity", 0.001),
    Row((4, 32, 16, 4), "tanh", 10_000, "SGD", "identity", 0.001),
]
DTYPES = ("float32", "float64")
TWO, PAIR = 2, "pair"


def measure(sides, pair, row, dtype, rounds):
    """{threads: seconds a step of each lap}, with those of a pair; the peaks in GFLOP/s, one before each lap of one."""
    steps = {threads: side.ask("settle", row, dtype)["steps"] for threads, side in sides.items()}
    for side in pair:
        side.ask("settle", row, dtype)
    seconds, peaks = {threads: [] for threads in [*sides, PAIR]}, []
    for turn, threads in in_turn(seconds if pair else sides, rounds + 1):
        peak = sides[threads].ask("peak", dtype) if threads == 1 else None
        time.sleep(PAUSE[False])
        lap = at_once(pair) / steps[1] if threads == PAIR else sides[threads].ask("lap") / steps[threads]
        if turn:  # the first round only wakes them up
            seconds[threads].append(lap)
            peaks += [peak] if threads == 1 else []
    return seconds, peaks


def at_once(pair):
    """Seconds that both together take for a lap, each at its own pace."""
    for side in pair:
        side.begin("lap")
    return 1 / sum(1 / side.answer() for side in pair)


def line(row, seconds, peaks):
    """The cells of a row; the share is held against the peak just before each lap, since clocks change."""
    one = seconds[1]
    shares = [row.flops / (lap * peak * 1e9) for lap, peak in zip(one, peaks, strict=True)]
    gains = [gain(one, seconds.get(other)) for other in (TWO, PAIR)]
    cells = [digits(median(one) * 1e6, 3), digits(row.flops / median(one) / 1e9, 3), digits(median(peaks), 3)]
    return [str(row), *cells, percent(median(shares)), percent(max(shares)), *gains]


def gain(one, other):
    return ratio_cell(median(a / b for a, b in zip(one, other, strict=True))) if other else "-"


def render(rows, dtypes, rounds):
    """Markdown of a whole run."""
    several = len(all_cores()) >= TWO
    parts = [f"{machine.line()} Medians of {rounds} laps, taken in turn."]
    heads = ["network, batch, rule", "us a step", "GFLOP/s", "FMA peak", "share of peak", "in the best lap"]
    heads += ["gain of two threads", "of two trainings at once"]
    with contextlib.ExitStack() as stack:

        def side(threads, cores):
            return stack.enter_context(Process("benchmarks.peers.child:Rival", "fastbp-threads", threads, cores=cores))

        sides = {threads: side(threads, threads) for threads in ((1, TWO) if several else (1,))}
        pair = [side(1, TWO) for _ in range(TWO * several)]
        for dtype in dtypes:
            body = []
            for row in rows:
                say(f"  {row}, {dtype}")
                body.append(line(row, *measure(sides, pair, row, dtype, rounds)))
            parts += [f"{dtype}, one core:", table(heads, body)]
    return "\n\n".join(parts)


def main(arguments=None):
    about = (
        "The share of the core's FMA peak that a step reaches, and the gain of a second thread. About three minutes."
    )
    parser = command.parser("share", about, rows=ROWS, rounds=7)
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=list(DTYPES))
    options = command.parse(parser, arguments)
    return command.run("share", lambda: render(options.rows, options.dtypes, options.rounds), options.write)


if __name__ == "__main__":
    sys.exit(main())
