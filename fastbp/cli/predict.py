"""fastbp predict and fastbp evaluate: a model applied to a table."""

import contextlib
import csv
import io
import shutil
import sys
import tempfile

from fastbp.atomic import replacing
from fastbp.cli import options
from fastbp.loading import load
from fastbp.tables.encoding import CLASSES
from fastbp.tables.model import TableModel, outputs_of
from fastbp.tables.scores import Scores
from fastbp.tables.sources import STDIN, opened

IN_MEMORY = 1 << 26  # bytes of predictions; more wait on the disk
MOST_CLASSES = 12  # of a confusion matrix in a terminal


def add(commands):
    """Both commands and their options."""
    parser = options.command(
        commands,
        "predict",
        "predict the target of each row of a table",
        "Predicts the target of each row, and writes a CSV table with a line for each.\n"
        "Nothing is written before all rows have been understood. The columns must be those\n"
        "of the training; the target, and what was dropped then, may be there or not. A\n"
        "missing value is treated as in training.",
        "fastbp predict model.safetensors new.csv > predictions.csv",
        "fastbp predict model.safetensors - --probabilities < new.csv",
    )
    _add_model_and_data(parser)
    parser.add_argument("--out", metavar="FILE", help="where to; default: standard output")
    parser.add_argument("--probabilities", action="store_true", help="add a column for each class")
    parser.set_defaults(run=predict)
    parser = options.command(
        commands,
        "evaluate",
        "score a model on a table with the target",
        "Compares the predictions with the target, and the score with that of predicting always the same.",
        "fastbp evaluate model.safetensors test.csv",
    )
    _add_model_and_data(parser)
    parser.set_defaults(run=evaluate)


def _add_model_and_data(parser):
    parser.add_argument("model", help="a file written by fastbp train")
    parser.add_argument("data", help="a CSV or Parquet file, or - for a CSV table on standard input")
    options.add_ignore_unseen(parser)
    options.add_delimiter(parser)


def loaded(path):
    """The model of tables in a file."""
    model = load(path)
    if not isinstance(model, TableModel):
        raise ValueError(f"{path} must be a file written by fastbp train, it holds {model!r}")
    return model


def predict(given):
    """Carries it out."""
    model, to_stdout = loaded(given.model), given.out in (None, STDIN)
    if not to_stdout:
        options.refuse_same(given.out, given.model, given.data)
    if given.probabilities and model.classes is None:
        raise ValueError(f"--probabilities needs a model of classes, {model.encoding.target.name!r} is a number")
    table = opened(given.data, given.delimiter)
    model.encoding.check(table.source, table.names, with_target=False)
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as whole:
        try:
            _write_lines(model, table, given, whole)
            whole.seek(0)
        except OSError as problem:
            if problem.filename is not None:  # of the table
                raise
            with contextlib.suppress(OSError):  # of what it could not write
                whole.close()
            raise OSError(problem.errno, problem.strerror, tempfile.gettempdir()) from problem
        if to_stdout:
            sys.stdout.flush()
            shutil.copyfileobj(whole, sys.stdout.buffer)
        else:
            with replacing(given.out) as file:
                shutil.copyfileobj(whole, file)


def _write_lines(model, table, given, whole):
    """A line of names, and one for each row."""
    text = io.TextIOWrapper(whole, "utf-8", newline="", write_through=True)
    lines, name = csv.writer(text, lineterminator="\n"), model.encoding.target.name
    lines.writerow([name, *(f"{name}={label}" for label in model.classes)] if given.probabilities else [name])
    for block in table.blocks():
        Y = outputs_of(model, block, given.ignore_unseen)
        columns = [model.encoding.target.decode(Y).tolist()]
        if given.probabilities:
            columns += [[f"{p:.9g}" for p in column] for column in Y.T.tolist()]
        lines.writerows(zip(*columns, strict=True))
    text.detach()


def evaluate(given):
    """Carries it out."""
    model = loaded(given.model)
    scores, target = Scores(model.encoding.target), model.encoding.target
    table = opened(given.data, given.delimiter)
    model.encoding.check(table.source, table.names, with_target=True)
    for block in table.blocks():
        scores.add(outputs_of(model, block, given.ignore_unseen), target.encode(block))
    print("\n".join(scores.lines()))
    if target.kind == CLASSES and len(target.texts) <= MOST_CLASSES:
        print("\n".join(_confusion(target.texts, scores.confusion)))


def _confusion(names, counts):
    """A row for each class: how often it was predicted as each."""
    names = [options.listed([name]) for name in names]
    cells = [["", *names], *([name, *map(str, row)] for name, row in zip(names, counts.tolist(), strict=True))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    yield ""
    yield "true class (rows), predicted as (columns):"
    for first, *rest in cells:
        yield f"{first.ljust(widths[0])}  " + "  ".join(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))
