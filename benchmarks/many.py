"""python -m benchmarks.many: time many networks at once against JAX's and PyTorch's vmap and scikit-learn in a loop.

Each side has a process of its own, which is confined to its cores before it begins; laps are taken in turn, and the
losses of the networks are compared before anything is timed. All begin with the same parameters and visit the same
samples in the same order.
"""

import sys
from statistics import median

import numpy as np

from benchmarks import command, machine
from benchmarks.markdown import digits, ratio_cell, table
from benchmarks.process import Failed, all_cores, in_turn, processes, say
from benchmarks.sides import MIXED, ROWS

OURS = "fastbp"
RIVALS = {"JAX": "vmap + scan", "PyTorch": "torch.func vmap", "scikit-learn": "one after the other"}
PACKAGES = {"JAX": "jax", "PyTorch": "torch", "scikit-learn": "sklearn"}
SAME = 2e-3  # how far the losses of a network may be apart, float32


def measure(row, names, cores, rounds):
    """Nanoseconds a step and network of each side."""
    with processes("benchmarks.sides", names, cores) as sides:
        losses = {name: np.asarray(side.ask("prepare", name, row)) for name, side in sides.items()}
        for name, loss in losses.items():
            apart = float(np.max(np.abs(loss / losses[OURS][: len(loss)] - 1)))
            if not apart <= SAME:
                raise Failed(f"the losses of {name} in {row} are {apart:.1e} apart: nothing was timed")
        laps = {name: [] for name in names}
        for _, name in in_turn(names, rounds):
            laps[name].append(sides[name].ask("lap", name, row))
    return {name: median(found) * 1e9 for name, found in laps.items()}


def rivals_table(rows, rounds):
    """One core."""
    body = []
    for row in rows:
        say(f"  {row}, one core")
        possible = [name for name in RIVALS if row != MIXED or name == "scikit-learn"]  # vmap needs equal shapes
        found = measure(row, [OURS, *(name for name in possible if machine.has(PACKAGES[name]))], 1, rounds)
        line = [row, digits(found[OURS], 3)]
        for name in RIVALS:
            absent = "-" if name in possible else "not written"
            line.append(ratio_cell(found[name] / found[OURS]) if name in found else absent)
        body.append(line)
    heads = ["networks", "fastbp, ns a step and network", *(f"{name}, {way}" for name, way in RIVALS.items())]
    return table(heads, body)


def threads_table(rows, cores, rounds):
    """What more cores are worth."""
    body = []
    for row in rows:
        say(f"  {row}, {cores} cores")
        one, all_of_them = (measure(row, [OURS], number, rounds)[OURS] for number in (1, cores))
        body.append([row, digits(one, 3), digits(all_of_them, 3), ratio_cell(one / all_of_them)])
    return table(["networks", "one core, ns a step and network", f"{cores} cores", "ratio"], body)


def render(rows, rounds):
    """Markdown of a whole run."""
    cores = len(all_cores())
    parts = [
        f"{machine.line('jax', 'torch', 'scikit-learn')} float32, one core. Medians of {rounds} laps, taken in turn.",
        rivals_table(rows, rounds),
    ]
    if cores > 1:
        parts.append(threads_table(rows, cores, rounds))
    return "\n\n".join(parts)


def main(arguments=None):
    about = (
        "Train many networks at once with fastbp, with vmap of JAX and PyTorch, and one after the other with "
        "scikit-learn. About five minutes."
    )
    options = command.parse(command.parser("many", about, rows=list(ROWS), rounds=3), arguments)
    return command.run("many", lambda: render(options.rows, options.rounds), options.write)


if __name__ == "__main__":
    sys.exit(main())
