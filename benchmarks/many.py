"""python -m benchmarks.many: time many networks at once against JAX's and PyTorch's vmap and scikit-learn in a loop.

Searches are timed against scikit-learn's GridSearchCV.

Each side has a process of its own, which is confined to its cores before it begins; laps are taken in turn, and the
losses of the networks are compared before anything is timed. All begin with the same parameters and visit the same
samples in the same order.
"""

import argparse
import concurrent.futures
import importlib
import multiprocessing
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import readme
from benchmarks.estimators import goal_cell
from benchmarks.lanes import BATCHES
from benchmarks.peers.contest import say
from benchmarks.peers.process import all_cores, confined
from benchmarks.peers.report import this_machine
from benchmarks.searches import FOLDS, SEARCHES
from benchmarks.sides import MIXED, ROWS
from benchmarks.tables import digits, ratio_cell, table

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- many: begin -->", "<!-- many: end -->"
SIDES = {"JAX": "vmap + scan", "PyTorch": "torch.func vmap", "scikit-learn": "one after the other"}
SAME = 2e-3  # how far the losses of a network may be apart, float32
SAME_SCORE = 1e-6  # of a candidate


class Sides:
    """A process for each library, on so many cores."""

    def __init__(self, names, cores):
        self._context = multiprocessing.get_context("spawn")
        with confined(cores):
            self._pools = {name: concurrent.futures.ProcessPoolExecutor(1, self._context) for name in names}
            for pool in self._pools.values():
                pool.submit(time.sleep, 0).result()  # the process begins with the first task

    def ask(self, name, function, *arguments):
        return self._pools[name].submit(ask, name, function, *arguments).result()

    def close(self):
        for pool in self._pools.values():
            pool.shutdown()


def ask(name, function, *arguments):
    """In the process of a side: a function of benchmarks/sides.py, searches.py or lanes.py."""
    home = {"search": "searches", "crossover": "lanes"}.get(function, "sides")
    return getattr(importlib.import_module(f"benchmarks.{home}"), function)(name, *arguments)


def measure(row, names, cores, rounds):
    """Nanoseconds a step and network of each side; None where a side cannot do the row."""
    sides = Sides(names, cores)
    try:
        losses = {name: sides.ask(name, "prepare", row) for name in names}
        for name, loss in losses.items():
            ours = np.asarray(losses["fastbp"])[: len(loss)]
            apart = float(np.max(np.abs(np.asarray(loss) / ours - 1)))
            if not apart <= SAME:
                raise SystemExit(f"error: the losses of {name} in {row} are {apart:.1e} apart: nothing was timed")
        laps = {name: [] for name in names}
        for number in range(rounds):
            for name in names if number % 2 else names[::-1]:
                laps[name].append(sides.ask(name, "lap", row))
        return {name: median(found) * 1e9 for name, found in laps.items()}
    finally:
        sides.close()


def names_of(row):
    """The sides that can do a row: vmap needs equal shapes and no early stopping."""
    return ["fastbp", *(name for name in SIDES if row != MIXED or name == "scikit-learn")]


def rivals_table(rows, rounds, goals):
    body = []
    for row in rows:
        say(f"  {row}, one core")
        found = measure(row, names_of(row), 1, rounds)
        line = [row, digits(found["fastbp"], 3)]
        for name in SIDES:
            if name in found:
                ratio, goal = found[name] / found["fastbp"], ROWS[row].goals.get(name)
                line.append(goal_cell(ratio, goal) if goals and goal else ratio_cell(ratio))
            else:
                line.append("not possible")
        body.append(line)
    heads = ["networks", "fastbp, ns a step and network", *(f"{name}, {way}" for name, way in SIDES.items())]
    return table(heads, body, left=(0,))


def threads_table(rows, cores, rounds):
    body = []
    for row in rows:
        say(f"  {row}, {cores} cores")
        one, all_of_them = (measure(row, ["fastbp"], number, rounds)["fastbp"] for number in (1, cores))
        body.append([row, digits(one, 3), digits(all_of_them, 3), ratio_cell(one / all_of_them)])
    return table(["networks", "one core, ns a step and network", f"{cores} cores", "ratio"], body, left=(0,))


def searches_table(rows, cores, goals):
    body = []
    for row in rows:
        say(f"  search, {row}, {cores} cores")
        names, here = ("fastbp", "scikit-learn"), SEARCHES[row]
        sides = Sides(names, cores)
        try:
            found = {name: sides.ask(name, "search", row) for name in names}
        finally:
            sides.close()
        scores, seconds = (dict(zip(names, part, strict=True)) for part in zip(*found.values(), strict=True))
        apart = np.abs(np.subtract(*scores.values()))
        if not apart.max() <= here.same:
            raise SystemExit(f"error: scores of the search {row} are {apart.max():.1e} apart: its times say nothing")
        ratio = seconds["scikit-learn"] / seconds["fastbp"]
        body.append([
            f"{here.candidates} candidates x {FOLDS} folds, {row}", *(digits(seconds[name], 3) for name in names),
            goal_cell(ratio, here.goal) if goals else ratio_cell(ratio),
            f"{np.mean(apart <= SAME_SCORE):.1%}", f"{apart.max():.4f}",
        ])  # fmt: skip
    heads = [
        "search", "GridSearch, s", "GridSearchCV(n_jobs=-1), s", "ratio", "scores equal to 1e-6", "furthest apart",
    ]  # fmt: skip
    return table(heads, body, left=(0,))


def crossover_table(rounds):
    say("  lanes or alone, one core")
    sides = Sides(["fastbp"], 1)
    try:
        found = sides.ask("fastbp", "crossover", rounds)
    finally:
        sides.close()
    body = [
        ["-".join(map(str, sizes)), dtype, *(f"**{digits(r, 2)}**" if lanes else digits(r, 2) for r, lanes in ratios)]
        for sizes, dtype, ratios in found
    ]
    return table(["network", "dtype", *(f"batch {batch}" for batch in BATCHES)], body, left=(0, 1))


def render(rows, searches, rounds, goals):
    """Markdown of a whole run."""
    cores = len(all_cores())
    parts = [
        f"{this_machine('numba', 'jax', 'torch', 'scikit-learn')} float32, one core. Medians of {rounds} laps, taken "
        "in turn; ratio: the other's time over ours"
        + (", reached / goal, **bold where it is missed**." if goals else "."),
    ]
    if rows:
        parts.append(rivals_table(rows, rounds, goals))
    if rows and cores > 1:
        parts.append(threads_table(rows, cores, rounds))
    if rows == [*ROWS]:
        parts += [
            "The time of networks that are trained one by one over that of the same ones in lanes: above 1 lanes are "
            "faster. **Bold: lanes are chosen.** SGD, relu, one core:",
            crossover_table(rounds),
        ]
    if searches:
        parts += [
            f"Searches on breast cancer, {cores} cores on both sides, one lap each, mean test scores compared:",
            searches_table(searches, cores, goals),
        ]
    return "\n\n".join(parts)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.many",
        description="Train many networks at once with fastbp, with vmap of JAX and PyTorch, and one after the other "
        "with scikit-learn. About ten minutes, half of them scikit-learn's searches; nothing else should run then.",
    )
    parser.add_argument("--rows", nargs="+", metavar="PART", help="only rows whose name has one of these parts")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="laps of each side a row (default: 3)")
    parser.add_argument("--goals", action="store_true", help="show the goals beside what was reached")
    parser.add_argument(
        "--write", action="store_true", help=f"write the tables into README.md, between {BEGIN} and {END}"
    )
    options = parser.parse_args(arguments)
    rows, searches = (
        [row for row in known if any(part in row for part in options.rows or [""])] for known in (ROWS, SEARCHES)
    )
    if not rows and not searches:
        parser.error("no row has such a name; the rows are: " + "; ".join([*ROWS, *SEARCHES]))
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    try:
        if options.write:
            readme.around(README, BEGIN, END)  # before the long run, for those who would wait for an error
        text = render(rows, searches, options.rounds, options.goals)
        print(text)
        if options.write:
            readme.replace(README, BEGIN, END, text)
    except readme.NoPlace as problem:
        say(f"error: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
