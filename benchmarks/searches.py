"""python -m benchmarks.searches: one grid by GridSearch and by scikit-learn's GridSearchCV, all cores for both."""

import sys
import time
import warnings
from dataclasses import dataclass

import numpy as np

from benchmarks import command, machine
from benchmarks.markdown import digits, ratio_cell, table
from benchmarks.process import Failed, Process, all_cores, say

FOLDS = 5
SAME_SCORE = 1e-6  # of a candidate


@dataclass(frozen=True)
class Search:
    """A grid over the network of breast cancer.

    Attributes
    ----------
    same : float
        How far the mean scores of a candidate may be apart.
    """

    dtype: str
    model: dict
    grid: dict
    same: float

    @property
    def candidates(self):
        return int(np.prod([len(values) for values in self.grid.values()]))


def _alphas(number):
    return np.logspace(-5, 0, number).tolist()


RATES = [0.001, 0.003, 0.01, 0.03]
UNITS = [(4,), (8,), (12,), (16,), (32,)]
SEARCHES = {
    "100 units, float64": Search("float64", {}, {"alpha": _alphas(25), "learning_rate_init": RATES}, 1e-6),
    "4 to 32 units, batch 32, float32": Search(
        "float32",
        {"batch_size": 32},
        {"alpha": _alphas(5), "learning_rate_init": RATES, "hidden_layer_sizes": UNITS},
        0.02,
    ),
}


def search(name, row):
    """The mean test scores of the candidates, and the seconds of the whole search."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import StandardScaler

    here = SEARCHES[row]
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(here.dtype)
    first = {parameter: values[:1] for parameter, values in here.grid.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _searched(name, here, first, X, y)  # compiles, and starts processes
        begin = time.perf_counter()
        done = _searched(name, here, here.grid, X, y)
        seconds = time.perf_counter() - begin
    _close(name)
    return done.cv_results_["mean_test_score"].tolist(), seconds


def _searched(name, here, grid, X, y):
    if name == "fastbp":
        from fastbp import GridSearch, MLPClassifier

        return GridSearch(MLPClassifier(random_state=1, **here.model), grid, cv=FOLDS).fit(X, y)
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    return GridSearchCV(MLPClassifier(random_state=1, **here.model), grid, cv=FOLDS, n_jobs=-1).fit(X, y)


def _close(name):
    """joblib's processes would be waited for until they end by themselves, five minutes later."""
    if name != "fastbp":
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)


def compared(row):
    """A line of the table."""
    say(f"  {row}")
    here, found = SEARCHES[row], {}
    for name in ("fastbp", "scikit-learn"):
        with Process("benchmarks.searches", cores=len(all_cores())) as process:
            found[name] = process.ask("search", name, row)
    (ours, seconds), (theirs, their_seconds) = found.values()
    apart = np.abs(np.subtract(ours, theirs))
    if not apart.max() <= here.same:
        raise Failed(f"scores of the search {row} are {apart.max():.1e} apart: its times say nothing")
    return [
        f"{here.candidates} candidates x {FOLDS} folds, {row}", digits(seconds, 3), digits(their_seconds, 3),
        ratio_cell(their_seconds / seconds), f"{np.mean(apart <= SAME_SCORE):.1%}", f"{apart.max():.4f}",
    ]  # fmt: skip


def render(rows):
    """Markdown of a whole run."""
    heads = ["search", "GridSearch, s", "GridSearchCV(n_jobs=-1), s", "ratio", "scores equal to 1e-6", "furthest apart"]
    told = f"{machine.line('scikit-learn')} {len(all_cores())} cores on both sides, one lap each."
    return f"{told}\n\n{table(heads, [compared(row) for row in rows])}"


def main(arguments=None):
    about = "Search the same grid with fastbp and with scikit-learn. About three minutes."
    options = command.parse(command.parser("searches", about, rows=list(SEARCHES)), arguments)
    return command.run("searches", lambda: render(options.rows), options.write)


if __name__ == "__main__":
    sys.exit(main())
