"""python -m benchmarks.estimators: time our estimators against scikit-learn's classes of the same names.

Each side has a process of its own, which is confined to its cores before it begins; laps are taken in turn, and the
loss curves are compared before anything is timed.
"""

import sys
import time
import tracemalloc
import warnings
from statistics import median

import numpy as np

from benchmarks import command, machine
from benchmarks.markdown import digits, ratio_cell, table
from benchmarks.process import Failed, all_cores, in_turn, processes, say

SIDES = ("scikit-learn", "fastbp")
DTYPES = ("float64", "float32")
SAME = {"float64": 1e-6, "float32": 1e-3}  # how far the loss curves may be apart
COMPARED = {"float64": 50, "float32": 10}  # epochs of them, at most: what was rounded differently grows with each step
SECONDS_OF_LAP, MOST_EPOCHS, FEWEST_EPOCHS = 1.0, 1000, 3

ROWS = (
    "digits, 1797 x 64, classes", "breast cancer, 569 x 30, classes", "diabetes, 442 x 10, regression",
    "20,000 x 8, regression", "20,000 x 784, 10 classes", "2,000 x 30,000, 0.2 % filled, classes",
    "2,000 x 5,000, 0.5 % filled, classes",
)  # fmt: skip
PREDICTIONS = "predict, 1 row", "predict_proba, 1 row", "predict, 100,000 rows", "predict_proba, 100,000 rows"


def data(row, dtype):
    """X, y and the kind of estimator; dense X and the targets of a regression are standardised."""
    if "filled" in row:
        return sparse_data(row, dtype)
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


def sparse_data(row, dtype):
    """The same of a row that is filled in part, as texts are."""
    import scipy.sparse

    size, percent = row.split(", ")[:2]
    samples, inputs = (int(number.replace(",", "")) for number in size.split(" x "))
    X = scipy.sparse.random(samples, inputs, float(percent.split()[0]) / 100, "csr", random_state=0)
    y = (X @ np.random.default_rng(0).normal(size=(inputs, 4))).argmax(axis=1)
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
    model, _ = fit(side, ROWS[0], dtype, FEWEST_EPOCHS)
    X = np.random.default_rng(0).normal(size=(int(rows.split()[0].replace(",", "")), 64)).astype(dtype)
    call, times = getattr(model, method), []
    for _ in range(5 if len(X) > 1 else 500):
        begin = time.perf_counter()
        call(X)
        times.append(time.perf_counter() - begin)
    return median(times)


# ---- In the parent ---------------------------------------------------------------------------------------------------


def laps(sides, rounds, function, *arguments):
    """The answers of each side, taken in turn."""
    found = {side: [] for side in SIDES}
    for _, side in in_turn(SIDES, rounds):
        found[side].append(sides[side].ask(function, side, *arguments))
    return found


def epochs_of(sides, row, dtype):
    """As many as scikit-learn makes in a lap."""
    few = sides[SIDES[0]].ask("lap", SIDES[0], row, dtype, FEWEST_EPOCHS)[0]
    return int(np.clip(SECONDS_OF_LAP / few * FEWEST_EPOCHS, FEWEST_EPOCHS, MOST_EPOCHS))


def fit_times(sides, row, dtype, rounds):
    """Milliseconds an epoch of each side, after a look at the loss curves."""
    epochs = epochs_of(sides, row, dtype)
    curves = [sides[side].ask("lap", side, row, dtype, min(epochs, COMPARED[dtype]))[1] for side in SIDES]
    apart = float(np.max(np.abs(np.divide(*curves) - 1)))
    if not apart <= SAME[dtype]:
        raise Failed(f"the loss curves of {row}, {dtype}, are {apart:.1e} apart: nothing was timed")
    found = laps(sides, rounds, "lap", row, dtype, epochs)
    return [median(seconds for seconds, _ in found[side]) / epochs * 1e3 for side in SIDES]


def prediction_times(sides, what, dtype, rounds):
    """Microseconds of a call of each side."""
    found = laps(sides, rounds, "prediction", dtype, what)
    return [median(found[side]) * 1e6 for side in SIDES]


def memory(sides, row, dtype, rounds):
    """MiB of each side."""
    return [sides[side].ask("peak", side, row, dtype) / 2**20 for side in SIDES]


def compared(head, unit, measure, sides, rows, rounds):
    """A table: what `measure` finds of each side, for each row and dtype."""
    body, heads = [], [head]
    for dtype in DTYPES:
        heads += [f"{dtype}: scikit-learn, {unit}", "fastbp", "ratio"]
    for row in rows:
        line = [row]
        for dtype in DTYPES:
            say(f"  {row}, {dtype}, {unit}")
            theirs, ours = measure(sides, row, dtype, rounds)
            line += [digits(theirs, 3), digits(ours, 3), ratio_cell(theirs / ours)]
        body.append(line)
    return table(heads, body)


def render(rows, rounds):
    """Markdown of a whole run."""
    parts = [f"{machine.line('scikit-learn')} Medians of {rounds} laps, taken in turn."]
    for cores in dict.fromkeys((1, len(all_cores()))):
        with processes("benchmarks.estimators", SIDES, cores) as sides:
            parts += [
                "Fits, one core:" if cores == 1 else f"Fits, {cores} cores:",
                compared("data", "ms an epoch", fit_times, sides, rows, rounds),
            ]
            if cores == 1:
                parts += [
                    "Predictions, one core:",
                    compared("call, 64-100-10", "us", prediction_times, sides, PREDICTIONS, rounds),
                    "The most memory that the arrays of a fit take:",
                    compared("data", "MiB", memory, sides, rows, rounds),
                ]
    return "\n\n".join(parts)


def main(arguments=None):
    about = "Fit and predict with our estimators and with scikit-learn's, in turn. About six minutes."
    options = command.parse(command.parser("estimators", about, rows=ROWS, rounds=5), arguments)
    return command.run("estimators", lambda: render(options.rows, options.rounds), options.write)


if __name__ == "__main__":
    sys.exit(main())
