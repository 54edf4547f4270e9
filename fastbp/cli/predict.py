"""fastbp predict and fastbp evaluate: a model applied to a table."""

import collections
import contextlib
import csv
import io
import shutil
import sys
import tempfile

from fastbp.atomic import replacing
from fastbp.cli import options
from fastbp.loading import load
from fastbp.tables.blocks import Spooled
from fastbp.tables.cells import cells_of
from fastbp.tables.model import TableModel, in_words, outputs_of, scores_of, table_for
from fastbp.tables.sources import STDIN
from fastbp.tables.target import CLASSES
from fastbp.validation import short_list

IN_MEMORY = 1 << 26  # bytes of predictions; more wait on the disk
MOST_CLASSES = 12  # of a confusion matrix in a terminal


def add(commands):
    """Both commands and their options."""
    parser = options.command(
        commands,
        "predict",
        "predict the target of each row of a table",
        "Predicts the target of each row, and writes a CSV table with a line for each.\n"
        "Nothing is written before all rows have been understood. The columns of the\n"
        "training must be there; others are told. A missing value is treated as in training,\n"
        "and the table is read as that was.",
        "fastbp predict model.safetensors new.csv > predictions.csv",
        "fastbp predict model.safetensors - --probabilities < new.csv",
    )
    _add_model_and_data(parser)
    parser.add_argument("--out", metavar="FILE", help="where to; default: standard output")
    parser.add_argument("--probabilities", action="store_true", help="add a column for each class")
    parser.add_argument(
        "--keep", type=options.names, default=(), metavar="NAME,...", help="columns of the table that are written, too"
    )
    parser.set_defaults(run=predict)
    parser = options.command(
        commands,
        "evaluate",
        "score a model on a table with the target",
        "Compares the predictions with the target, and the score with that of predicting always\n"
        "the same; tells how many rows are the same as rows that the model was trained with,\n"
        "whose score says little of new ones.",
        "fastbp evaluate model.safetensors test.csv",
    )
    _add_model_and_data(parser)
    parser.set_defaults(run=evaluate)


def _add_model_and_data(parser):
    parser.add_argument("model", help="a file written by fastbp train")
    parser.add_argument("data", help="a table as for fastbp train, or - for a CSV table on standard input")
    parser.add_argument(
        "--strict", action="store_true", help="refuse columns and texts that were not there in training"
    )
    options.add_reading(parser)


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
    keep = [given.keep] if isinstance(given.keep, str) else [*given.keep]
    table = _table_for(model, given, with_target=False, keep=keep)
    with Spooled(IN_MEMORY) as whole:
        try:
            _write_lines(model, table, given, keep, whole)
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


def _table_for(model, given, with_target, keep=()):
    """The table that is given, read as the model's was but where options say otherwise; it fits the model."""
    table, more = table_for(model, given.data, options.reading_of(given), keep, with_target, given.strict)
    lacking = [name for name in keep if name not in table.names]
    if lacking:
        raise ValueError(f"--keep must be columns of {table.source}, it has no {short_list(lacking)}")
    more = [name for name in more if name not in keep]
    if more:
        options.say(f"note: {table.source} has the column {short_list(more)}, which was not there in training")
    return table


def _write_lines(model, table, given, keep, whole):
    """A line of names, and one for each row."""
    text = io.TextIOWrapper(whole, "utf-8", newline="", write_through=True)
    lines, name = csv.writer(text, lineterminator="\n"), model.encoding.target.name
    labels = [f"{name}={label}" for label in model.classes] if given.probabilities else []
    lines.writerow([*keep, f"predicted {name}" if name in keep else name, *labels])
    unseen = None if given.strict else collections.Counter()
    for block in table.blocks():
        Y = outputs_of(model, block, unseen)
        columns = [*(cells_of(block, kept) for kept in keep), model.encoding.target.decode(Y).tolist()]
        if given.probabilities:
            columns += [[f"{p:.9g}" for p in column] for column in Y.T.tolist()]
        lines.writerows(zip(*columns, strict=True))
    text.detach()
    _tell(model, unseen)


def _tell(model, unseen):
    if unseen:
        options.say(f"note: {in_words(model, unseen)}")


def evaluate(given):
    """Carries it out."""
    model = loaded(given.model)
    target, unseen = model.encoding.target, None if given.strict else collections.Counter()
    scores = scores_of(model, _table_for(model, given, with_target=True).blocks(), unseen)
    _tell(model, unseen)
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
