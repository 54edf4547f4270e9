"""fastbp train: from a table to a model file."""

import argparse
import warnings

import numpy as np

from fastbp import validation
from fastbp.atomic import try_out
from fastbp.cli import options
from fastbp.cli.status_line import StatusLine
from fastbp.lecture.codes import HIDDEN
from fastbp.network import DTYPES, Network
from fastbp.tables.cells import MISSING
from fastbp.tables.encoding import DATE, LEFT_OUT, TEXT
from fastbp.tables.meaning import is_number_of_row, is_of_names
from fastbp.tables.recipes import RECIPES, SCALINGS
from fastbp.tables.refit import trains_again
from fastbp.tables.target import CLASSES, NUMBER
from fastbp.tables.target_transforms import TRANSFORMS
from fastbp.tables.train_table import TASKS, train_table
from fastbp.training.history import Diverged, was_interrupted

NUMERIC = 0.5  # a column of which more than half is numbers was perhaps meant to be one of numbers


def add(commands):
    """The command and its options."""
    parser = options.command(
        commands,
        "train",
        "train a network on a table in a file",
        "Trains a network to predict one column of a table from the others, tells what it\n"
        "does with each column, and writes a model file, which also holds what it takes to\n"
        "turn tables into numbers. The table may be larger than the memory: it is read\n"
        "twice, and waits in temporary files (in TMPDIR). How its cells are separated and\n"
        "its numbers written is found out, and remembered for other tables.\n\n"
        f"Missing values are empty cells, and {', '.join(sorted(MISSING - {''}))},\n"
        "in small or capital letters.",
        "fastbp train data.csv --target species --hidden-layer-sizes 64,32 --out model.safetensors",
        "fastbp train houses.parquet --target price --drop id address --text zip --out houses.safetensors",
    )
    parser.add_argument(
        "data", help="a CSV file, compressed or not, Parquet, Feather, or a spreadsheet (xlsx, xls, ods)"
    )
    parser.add_argument("--target", required=True, metavar="NAME", help="the column to be predicted")
    parser.add_argument("--out", required=True, metavar="FILE", help="the model file, usually *.safetensors")
    _add_table(parser.add_argument_group("the table"))
    _add_network(parser.add_argument_group("the network and its training"))
    parser.add_argument("--quiet", action="store_true", help="show no progress, and only the scores")
    parser.set_defaults(run=run)


def _add_table(table):
    table.add_argument(
        "--task", choices=TASKS,
        help="default: classification, if the target has texts, or few different whole numbers for so many rows",
    )  # fmt: skip
    table.add_argument(
        "--drop", nargs="+", default=[], action="extend", metavar="NAME", help="columns to be ignored, here and later"
    )
    table.add_argument(
        "--text", nargs="+", default=[], action="extend", metavar="NAME",
        help="columns of numbers that are names: each number has an input of its own",
    )  # fmt: skip
    table.add_argument(
        "--test-size", type=options.of(float, 0, 1), default=0.2, metavar="P",
        help="part of the rows held out for the test (default: %(default)s)",
    )  # fmt: skip
    table.add_argument(
        "--cv", type=options.of(int, 2), metavar="K",
        help="cross-validation: K more networks, trained at once, each scored on rows that it has not seen",
    )  # fmt: skip
    table.add_argument(
        "--keep-all", action="store_true", help="take columns for inputs, too, that seem to number the rows"
    )
    table.add_argument(
        "--class-weight", choices=["balanced"], help="let rows of rare classes count more: all classes the same"
    )
    table.add_argument(
        "--scaling", choices=SCALINGS,
        help="of numbers: by mean and deviation, or by median and quartiles and clipped (default: as the recipe says)",
    )  # fmt: skip
    table.add_argument(
        "--target-transform", choices=TRANSFORMS,
        help="learn the logarithm of the target; auto: if that is better for one that is skewed (default: do not)",
    )  # fmt: skip
    table.add_argument(
        "--clamp-output", action="store_true", default=None,
        help="predict no number beyond those in the rows to train with",
    )  # fmt: skip
    table.add_argument(
        "--explain", action="store_true", help="print what was found in each column, what it becomes, and likely leaks"
    )
    options.add_reading(table)


def _add_network(network):
    default = RECIPES["default"][CLASSES]
    network.add_argument(
        "--recipe", choices=RECIPES, default="default",
        help="realmlp: strong defaults from the literature, in about a hundred times the time of the default",
    )  # fmt: skip
    network.add_argument(
        "--ensemble", type=options.of(int, 1), default=1, metavar="N",
        help="train so many networks, and predict by the mean of their outputs (default: 1)",
    )  # fmt: skip
    hidden = ",".join(map(str, default.hidden_layer_sizes))
    network.add_argument(
        "--hidden-layer-sizes", type=options.sizes, metavar="M,...",
        help=f"units of each hidden layer, or none (default: {hidden}, or as the recipe says, as all defaults here)",
    )  # fmt: skip
    network.add_argument(
        "--activation", type=options.names, metavar="NAME",
        help=f"of the hidden layers, or one for each: {', '.join(HIDDEN)} (default: {default.activation})",
    )  # fmt: skip
    for name, kind, value, what in (
        ("epochs", options.of(int, 0), None, "passes over the rows, at most"),
        ("batch-size", options.of(int, 1), None, "rows of a step"),
        ("learning-rate", options.of(float, above=0), None, "of Adam"),
        ("patience", options.of(int, 1), None, "epochs without a lower loss on rows held out, after which it ends"),
        ("seed", options.of(int, 0), 0, "of the test rows, the first weights and the orders"),
    ):
        shown = getattr(default, name.replace("-", "_")) if value is None else value
        network.add_argument(f"--{name}", type=kind, default=value, metavar="N", help=f"{what} (default: {shown})")
    network.add_argument("--dtype", choices=DTYPES, default="float32", help="of all computation (default: float32)")
    network.add_argument("--threads", type=options.of(int, 1), metavar="N", help="at most; default: as many as pay")
    network.add_argument(
        "--time-limit", type=options.of(float, above=0), metavar="SECONDS", help="after which the training ends"
    )


def run(given):
    """Carries it out."""
    names = (
        "target", "hidden_layer_sizes", "activation", "task", "test_size", "drop", "text", "keep_all", "delimiter",
        "encoding", "header", "decimal", "day_first", "epochs", "batch_size", "learning_rate", "patience", "dtype",
        "seed", "threads", "time_limit", "class_weight", "scaling", "target_transform", "clamp_output", "cv", "recipe",
        "ensemble",
    )  # fmt: skip
    of_network = {"hidden_layer_sizes": given.hidden_layer_sizes, "activation": given.activation}
    recipe = RECIPES[given.recipe][CLASSES].but(**of_network)
    try:
        if given.learning_rate is not None:
            validation.positive_number("--learning-rate", given.learning_rate, given.dtype)
        Network((1, *recipe.hidden_layer_sizes, 1), recipe.activation, "identity")
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem).replace("activation", "--activation", 1)) from None
    options.refuse_same(given.out, given.data)
    try_out(given.out)  # before the training, not after it
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "the training was interrupted")  # told below
            result = train_table(
                given.data, **{name: getattr(given, name) for name in names}, progress=not given.quiet and StatusLine()
            )
    except Diverged as problem:
        raise ValueError(
            f"the training diverged in epoch {problem.epoch}: the loss or a parameter is no longer finite. Lower "
            f"--learning-rate, which was {problem.optimizer.learning_rate}. Nothing was written."
        ) from None
    if was_interrupted(result.history):
        n, many = len(result.model.networks), given.ensemble > 1
        epochs = int(result.history.epochs.max()) if many else len(result.history.loss)
        of = f" of {given.ensemble}" if n < given.ensemble else ""
        what = f"{n}{of} networks have those of their best" if many else "the network has the parameters of the best"
        options.say(f"interrupted after {validation.counted(epochs, 'epoch')}: {what}")
    result.model.save(given.out)  # before anything is printed, which may fail
    if given.explain:
        print("\n".join(_explained(result)))
    if not given.quiet:
        print("\n".join(_about(given, result)))
    print("\n".join([*result.test.lines("test "), *(result.cv.lines() if result.cv else ())]))
    if not given.quiet:
        print(f"written: {given.out}")


def _about(given, result):
    """What was found, and what was done with it."""
    encoding, columns = result.model.encoding, result.columns
    target, found = encoding.target, columns[encoding.target.name]
    rows, all_columns = validation.counted(found.rows, "row"), len(columns) + len(encoding.ignored)
    yield f"{given.data}: {rows}, {validation.counted(all_columns, 'column')}"
    if target.kind == CLASSES:
        yield f"target {target.name!r}: classification, {len(target.texts)} classes: {options.listed(target.texts)}"
    else:
        yield f"target {target.name!r}: regression, mean {target.mean:.4g}, standard deviation {target.deviation:.4g}"
        if target.log is not None:
            yield "the logarithm of the target is learnt"
        if target.lowest is not None:
            yield f"predictions are clamped to {target.lowest:.4g} ... {target.highest:.4g}"
    yield from (f"note: {note}" for note in result.notes)
    if result.left_out:
        yield f"left out: {validation.counted(result.left_out, 'row')} without a target"
    of = {kind: [c for c in encoding.inputs if c.kind == kind] for kind in (NUMBER, TEXT, DATE, LEFT_OUT)}
    robust = any(column.robust for column in of[NUMBER])
    if of[NUMBER]:
        how = "scaled by median and quartiles, and clipped" if robust else "standardised"
        yield f"numbers, {how}: {options.listed([column.name for column in of[NUMBER]])}"
    if of[TEXT]:
        yield f"texts, an input for each: {options.listed([f'{column.name} ({column.width})' for column in of[TEXT]])}"
    if of[DATE]:
        names = options.listed([f"{column.name} ({column.unit})" for column in of[DATE]])
        yield f"dates, as elapsed time and parts of the year, the week and the day: {names}"
    rows = [column.name for column in of[LEFT_OUT] if is_number_of_row(columns[column.name])]
    names = [column.name for column in of[LEFT_OUT] if is_of_names(columns[column.name])]
    same = [column.name for column in of[LEFT_OUT] if column.name not in (*rows, *names)]
    if same:
        yield f"left out, without two different values in the rows to train with: {options.listed(same)}"
    if rows:
        yield f"left out, since it only numbers the rows (--keep-all keeps it): {options.listed(rows)}"
    if names:
        yield f"left out, since nearly every row has a text of its own: {options.listed(names)}"
    if encoding.ignored:
        yield f"left out, as asked: {options.listed(encoding.ignored)}"
    rare = [column.name for column in of[TEXT] if column.other]
    if rare:
        yield f"texts that are rare share an input, as will those that are new: {options.listed(rare)}"
    centre = "median" if robust else "mean"
    for kind, what in (
        (NUMBER, f"the {centre} of the column stands for them, and an input tells"),
        (TEXT, "they are a text of their own"), (DATE, "an input tells"),
    ):  # fmt: skip
        missing = [f"{c.name} ({columns[c.name].missing:,})" for c in of[kind] if columns[c.name].missing]
        if missing:
            yield f"missing values, {what}: {options.listed(missing)}"
    yield from _notes(given, result)
    network, rows = result.model.network, result.rows + result.validated
    again = trains_again(RECIPES[given.recipe][target.kind], rows, result.validated)
    again &= not was_interrupted(result.history) and bool(np.all(result.history.best_epoch))
    also = " (trained with, too, at last)" * again
    n = len(result.model.networks)
    yield (
        f"{f'{n} networks, each ' if n > 1 else 'network '}{'-'.join(map(str, network.sizes))}, "
        f"{network.theta.size:,} parameters; {result.rows:,} rows to "
        f"train with, {result.validated:,} for early stopping{also}, {result.test.rows:,} for the test"
    )


def _explained(result):
    """A table: what was found in each column, and how many numbers the network sees of it."""
    encoding, columns = result.model.encoding, result.columns
    heads = ["column", "values", "missing", "numbers", "texts", "becomes", "inputs"]
    rows = [[encoding.target.name, encoding.target.kind, "the target"]]
    leak = dict.fromkeys(result.leaks, ", likely a leak")
    rows += [[column.name, column.kind + leak.get(column.name, ""), str(column.width)] for column in encoding.inputs]
    lines = [heads]
    for name, kind, width in rows:
        found = columns[name]
        counts = (found.rows - found.missing, found.missing, found.numeric, len(found.texts))
        lines.append([options.listed([name]), *(f"{count:,}" for count in counts), kind, width])
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for first, *rest in lines:
        cells = "  ".join(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield f"{first.ljust(widths[0])}  {cells}"


def _notes(given, result):
    """What may not be as it was meant."""
    encoding, columns = result.model.encoding, result.columns
    texts = [column for column in encoding.inputs if column.kind == TEXT]
    mixed = [column.name for column in texts if column.name not in given.text]
    if encoding.target.kind == CLASSES and given.task is None:
        mixed.append(encoding.target.name)
    for found in (columns[name] for name in mixed):
        if found.first_text is not None and found.numeric > NUMERIC * _known(found):
            yield (
                f"note: {found.numeric:,} of {_known(found):,} values in {options.listed([found.name])} are numbers, "
                f"but all are taken for texts because of others, such as: {found.first_text}"
            )


def _known(column):
    return column.rows - column.missing
