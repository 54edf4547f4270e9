"""python -m benchmarks.estimators: time our estimators against scikit-learn's classes of the same names.

Each side has a process of its own, which is confined to its cores before it begins; laps are taken in turn, and the
loss curves are compared before anything is timed.
"""

import argparse
import concurrent.futures
import multiprocessing
import sys
import time
import tracemalloc
import warnings
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import readme
from benchmarks.peers.contest import say
from benchmarks.peers.process import all_cores, confined
from benchmarks.peers.report import this_machine
from benchmarks.tables import digits, ratio_cell, table

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- estimators: begin -->", "<!-- estimators: end -->"
SIDES = ("scikit-learn", "fastbp")
DTYPES = ("float64", "float32")
SAME = {"float64": 1e-6, "float32": 1e-3}  # how far the loss curves may be apart
SECONDS_OF_LAP, MOST_EPOCHS, FEWEST_EPOCHS = 1.0, 1000, 3
MANY = 100_000  # rows of the longer predict

# What a row is called, and the goals on one core: scikit-learn's time over ours.
ROWS = {
    "digits, 1797 x 64, classes": (3.2, 5),
    "breast cancer, 569 x 30, classes": (6, 10),
    "diabetes, 442 x 10, regression": (12, 20),
    "20,000 x 8, regression": (12, 20),
    "20,000 x 784, 10 classes": (1.6, 1.8),
}
PREDICTIONS = {"predict, 1 row": 1, "predict_proba, 1 row": 1, "predict, 100,000 rows": 1.5}
PREDICTIONS["predict_proba, 100,000 rows"] = 1.5


def data(row, dtype):
    """X, y and the kind of estimator; X and the targets of a regression are standardised."""
    from sklearn import datasets

    rng = np.random.default_rng(0)
    if row.startswith("20,000 x 8,"):
        X = rng.normal(size=(20_000, 8))
        y = np.sin(2 * X).sum(axis=1) + 0.1 * rng.normal(size=20_000)
    elif row.startswith("20,000"):
        X = rng.normal(size=(20_000, 784))
        y = (X @ rng.normal(size=(784, 10)) + 20 * rng.normal(size=(20_000, 10))).argmax(axis=1)
    else:
        X, y = getattr(datasets, "load_" + row.split(",")[0].replace(" ", "_"))(return_X_y=True)
    spread = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    if row.endswith("regression"):
        return X.astype(dtype), (y - y.mean()) / y.std(), "MLPRegressor"
    return X.astype(dtype), y, "MLPClassifier"


# ---- In the process of a side ----------------------------------------------------------------------------------------


def estimator(side, kind, epochs):
    """The class with its defaults, but for the number of epochs: no side stops before the other."""
    if side == "fastbp":
        import fastbp as library
    else:
        from sklearn import neural_network as library
    return getattr(library, kind)(max_iter=epochs, tol=0, n_iter_no_change=np.inf, random_state=0)


def fit(side, row, dtype, epochs):
    X, y, kind = data(row, dtype)
    model = estimator(side, kind, epochs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of epochs that are too few to converge
        begin = time.perf_counter()
        model.fit(X, y)
        return model, time.perf_counter() - begin


def lap(side, row, dtype, epochs):
    """Seconds of a fit, and its loss curve."""
    model, seconds = fit(side, row, dtype, epochs)
    return seconds, model.loss_curve_


def peak(side, row, dtype):
    """Bytes that a fit allocates at most: the second one, which compiles nothing."""
    fit(side, row, dtype, 2)
    X, y, kind = data(row, dtype)
    model = estimator(side, kind, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tracemalloc.start()
        model.fit(X, y)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


def prediction(side, dtype, what):
    """Seconds of a call, by the 64-100-10 network of the digits."""
    method, rows = what.split(", ", 1)
    model, _ = fit(side, next(iter(ROWS)), dtype, FEWEST_EPOCHS)
    X = np.random.default_rng(0).normal(size=(int(rows.split()[0].replace(",", "")), 64)).astype(dtype)
    call, times = getattr(model, method), []
    for _ in range(5 if len(X) > 1 else 500):
        begin = time.perf_counter()
        call(X)
        times.append(time.perf_counter() - begin)
    return median(times)


# ---- In the parent ---------------------------------------------------------------------------------------------------


class Sides:
    """A process for each side, on so many cores."""

    def __init__(self, cores):
        context = multiprocessing.get_context("spawn")
        self.pools = {side: concurrent.futures.ProcessPoolExecutor(1, context) for side in SIDES}
        with confined(cores):
            for pool in self.pools.values():
                pool.submit(time.sleep, 0).result()  # the process begins with the first task

    def ask(self, side, function, *arguments):
        return self.pools[side].submit(function, side, *arguments).result()

    def laps(self, rounds, function, *arguments):
        """The answers of each side, taken in turn."""
        found = {side: [] for side in SIDES}
        for number in range(rounds):
            for side in SIDES if number % 2 else SIDES[::-1]:
                found[side].append(self.ask(side, function, *arguments))
        return found

    def close(self):
        for pool in self.pools.values():
            pool.shutdown()


def epochs_of(sides, row, dtype):
    """As many as scikit-learn makes in a lap."""
    few = sides.ask(SIDES[0], lap, row, dtype, FEWEST_EPOCHS)[0]
    return int(np.clip(SECONDS_OF_LAP / few * FEWEST_EPOCHS, FEWEST_EPOCHS, MOST_EPOCHS))


def measure_fit(sides, row, dtype, rounds):
    """Milliseconds an epoch of each side, and how far the loss curves are apart."""
    epochs = epochs_of(sides, row, dtype)
    curves = [sides.ask(side, lap, row, dtype, min(epochs, 50))[1] for side in SIDES]
    apart = float(np.max(np.abs(np.divide(*curves) - 1)))
    if not apart <= SAME[dtype]:
        raise SystemExit(f"error: the loss curves of {row}, {dtype}, are {apart:.1e} apart: nothing was timed")
    found = sides.laps(rounds, lap, row, dtype, epochs)
    return [median(seconds for seconds, _ in found[side]) / epochs * 1e3 for side in SIDES], apart


def goal_cell(ratio, goal):
    """Reached / goal, bold where it is missed on what is printed."""
    cell = f"{digits(ratio, 3)} / {goal}"
    return f"**{cell}**" if float(digits(ratio, 3).replace(",", "")) < goal else cell


def fit_table(sides, cores, rows, rounds, goals):
    heads = ["data"]
    for dtype in DTYPES:
        heads += [f"{dtype}: scikit-learn, ms an epoch", "fastbp", "ratio"]
    body = []
    for row in rows:
        line = [row]
        for place, dtype in enumerate(DTYPES):
            say(f"  {row}, {dtype}, {cores} cores")
            (theirs, ours), _ = measure_fit(sides, row, dtype, rounds)
            goal = ROWS[row][place] if cores == 1 else 1
            ratio = theirs / ours
            line += [digits(theirs, 3), digits(ours, 3), goal_cell(ratio, goal) if goals else ratio_cell(ratio)]
        body.append(line)
    return table(heads, body, left=(0,))


def prediction_table(sides, rounds, goals):
    body = []
    for what, goal in PREDICTIONS.items():
        line = [what]
        for dtype in DTYPES:
            say(f"  {what}, {dtype}")
            found = sides.laps(rounds, prediction, dtype, what)
            theirs, ours = (median(found[side]) for side in SIDES)
            line += [digits(theirs * 1e6, 3), digits(ours * 1e6, 3)]
            line.append(goal_cell(theirs / ours, goal) if goals else ratio_cell(theirs / ours))
        body.append(line)
    heads = ["call, 64-100-10"]
    for dtype in DTYPES:
        heads += [f"{dtype}: scikit-learn, us", "fastbp", "ratio"]
    return table(heads, body, left=(0,))


def memory_table(sides, rows):
    body = []
    for row in rows:
        line = [row]
        for dtype in DTYPES:
            say(f"  memory, {row}, {dtype}")
            theirs, ours = (sides.ask(side, peak, row, dtype) / 2**20 for side in SIDES)
            line += [digits(theirs, 3), digits(ours, 3), ratio_cell(theirs / ours)]
        body.append(line)
    heads = ["data"]
    for dtype in DTYPES:
        heads += [f"{dtype}: scikit-learn, MiB", "fastbp", "ratio"]
    return table(heads, body, left=(0,))


def render(rows, rounds, goals):
    """Markdown of a whole run."""
    cores = len(all_cores())
    parts = [
        f"{this_machine('numpy', 'numba', 'scikit-learn')} Medians of {rounds} laps, taken in turn; ratio: "
        "scikit-learn's time over ours" + ("; reached / goal, **bold where it is missed**." if goals else "."),
    ]
    for number in dict.fromkeys((1, cores)):
        sides = Sides(number)
        try:
            parts += ["One core:" if number == 1 else f"{number} cores:", fit_table(sides, number, rows, rounds, goals)]
            if number == 1:
                parts += ["Predictions, one core:", prediction_table(sides, rounds, goals)]
                parts += ["The most memory that the arrays of a fit take:", memory_table(sides, rows)]
        finally:
            sides.close()
    return "\n\n".join(parts)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.estimators",
        description="Fit and predict with our estimators and with scikit-learn's, in turn. About six minutes; nothing "
        "else should run meanwhile.",
    )
    parser.add_argument("--rows", nargs="+", metavar="PART", help="only rows whose name has one of these parts")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="laps of each side a row (default: 5)")
    parser.add_argument("--goals", action="store_true", help="show the goals beside what was reached")
    parser.add_argument(
        "--write", action="store_true", help=f"write the tables into README.md, between {BEGIN} and {END}"
    )
    options = parser.parse_args(arguments)
    rows = [row for row in ROWS if any(part in row for part in options.rows or [""])]
    if not rows:
        parser.error("no row has such a name; the rows are: " + "; ".join(ROWS))
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    try:
        if options.write:
            readme.around(README, BEGIN, END)  # before the long run, for those who would wait for an error
        text = render(rows, options.rounds, options.goals)
        print(text)
        if options.write:
            readme.replace(README, BEGIN, END, text)
    except readme.NoPlace as problem:
        say(f"error: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
