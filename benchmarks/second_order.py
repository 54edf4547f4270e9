"""python -m benchmarks.second_order: Levenberg and Marquardt's steps against other packages' and other rules.

Each side has a process of its own on one core, and all begin with the same parameters, whose errors are compared first.
The time is that until an error is reached to which two implementations of these steps come: the least that the second
best of them comes to in the time it has, and 1 % more.
"""

import itertools
import sys
from statistics import median

from benchmarks import command, machine
from benchmarks.markdown import digits, ratio_cell, table
from benchmarks.process import Failed, in_turn, processes, say
from benchmarks.solvers import ROWS

OURS, STEPS = "fastbp", ("fastbp", "SciPy least_squares", "torch-levenberg-marquardt")
RIVALS = {
    "SciPy least_squares": "scipy", "torch-levenberg-marquardt": "torch_levenberg_marquardt", "pyrenn": "pyrenn",
    "L-BFGS": "scipy", "Adam": "fastbp",
}  # fmt: skip
EXPLORED, LONGEST, ABOVE = 5.0, 15.0, 1.01  # seconds; of a lap at most; the target over the error that was found
STARTS, STEPS_IN_ALL, SAME = 20, 3e9, 1e-9  # operations of the steps that each start makes, about


def measure(row, rounds):
    """The target, and {side: seconds or None}."""
    names = [OURS, *(name for name, package in RIVALS.items() if machine.has(package))]
    with processes("benchmarks.solvers", names, 1) as sides:
        found = {name: sides[name].ask("fit", name, row, 0.0, EXPLORED) for name in names if name in STEPS}
        target = ABOVE * sorted(least for _, least, _ in found.values())[:2][-1]
        laps = {name: [] for name in names}
        for _, name in in_turn(names, rounds):
            if None in laps[name]:  # it does not come so far
                continue
            seconds, _, first = sides[name].ask("fit", name, row, target, LONGEST)
            if abs(first / found[OURS][2] - 1) > SAME:
                raise Failed(f"{name} begins with the error {first} in {row}, fastbp with {found[OURS][2]}")
            laps[name].append(seconds)
    return target, found[OURS][2], {name: None if None in all_of else median(all_of) for name, all_of in laps.items()}


def rivals_table(rows, rounds):
    """One core, to the same error."""
    body = []
    for row in rows:
        say(f"  {row}")
        target, first, found = measure(row, rounds)
        line = [row, f"{first:.2g}", f"{target:.2g}", digits(1e3 * found[OURS], 3)]
        for name in RIVALS:
            there = f"> {LONGEST / found[OURS]:,.0f}" if name in found else "-"
            line.append(ratio_cell(found[name] / found[OURS]) if found.get(name) else there)
        body.append(line)
    heads = ["network, tanh", "error at the start", "to be reached", "fastbp, ms", *RIVALS]
    return table(heads, body)


def starts_table(rows):
    """Several starts at once."""
    body = []
    for row in rows:
        say(f"  {row}, {STARTS} starts")
        with processes("benchmarks.solvers", [OURS], 1) as sides:
            epochs = _epochs(ROWS[row])
            (alone, least), (together, other) = sides[OURS].ask("many", row, STARTS, epochs)
        if abs(least / other - 1) > 1e-3:
            raise Failed(f"the least error of {row} is {least} one by one, and {other} by train_many")
        body.append([row, epochs, *(digits(1e3 * seconds / STARTS, 3) for seconds in (alone, together))])
    return table(["network, tanh", "steps", "train, ms a start", "train_many, ms a start"], body)


def _epochs(row):
    """Steps for each start: fewer of a larger network."""
    parameters = sum((a + 1) * b for a, b in itertools.pairwise(row.sizes))
    return max(2, min(50, int(STEPS_IN_ALL / (row.samples * row.sizes[-1] * parameters**2))))


def render(rows, rounds):
    """Markdown of a whole run."""
    return "\n\n".join([
        f"{machine.line('torch', 'torch-levenberg-marquardt', 'pyrenn')} float64, one core. Medians of {rounds} laps, "
        f"taken in turn; a lap ends after {LONGEST:g} s. Ratios of the time to ours.",
        rivals_table(rows, rounds),
        f"{STARTS} starts, one core:",
        starts_table(rows),
    ])  # fmt: skip


def main(arguments=None):
    about = "Fit small networks by Levenberg and Marquardt's steps, ours and others', to the same error. Five minutes."
    options = command.parse(command.parser("second_order", about, rows=list(ROWS), rounds=3), arguments)
    return command.run("second_order", lambda: render(options.rows, options.rounds), options.write)


if __name__ == "__main__":
    sys.exit(main())
