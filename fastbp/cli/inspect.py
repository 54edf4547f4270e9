"""fastbp inspect: what is in a model file."""

import os

from fastbp.cli import options
from fastbp.files.safetensors import VERSION, ModelFile
from fastbp.loading import restored
from fastbp.tables.encoding import DATE, TEXT
from fastbp.tables.target import CLASSES, NUMBER
from fastbp.validation import short_list


def add(commands):
    """The command and its options."""
    parser = options.command(
        commands,
        "inspect",
        "show what is in a model file",
        "Shows what a model file holds: its network, and for a model of tables its columns.\n"
        "Checkpoints, and files of networks and estimators that were saved in Python, can be\n"
        "shown, too.",
        "fastbp inspect model.safetensors",
    )
    parser.add_argument("model", help="a model file")
    parser.set_defaults(run=run)


def run(given):
    """Carries it out."""
    file = ModelFile(given.model)
    strings, arrays = dict(file.strings), dict(file.arrays)
    size, model = os.path.getsize(given.model), restored(file)
    print(f"{given.model}: {file.kind}, format {VERSION!r}, {size:,} bytes")
    if file.kind == "checkpoint":
        print(f"epoch {strings['epoch']} of {strings['epochs']}, {strings['outcome']}")
    print(model._networks_in_words() if file.kind == "table" else repr(model))
    if file.kind == "table":
        print("\n".join(_columns(model.encoding)))
    else:
        print("\n".join(f"{name:24s} {array.dtype.name:8s} {array.shape}" for name, array in sorted(arrays.items())))


def _columns(encoding):
    target = encoding.target
    what = f"classes {short_list(target.texts)}" if target.kind == CLASSES else f"a number, mean {target.mean:.6g}"
    what += ", of which the logarithm was learnt" * (target.log is not None)
    what += "" if target.lowest is None else f", predicted from {target.lowest:.6g} to {target.highest:.6g}"
    yield f"target {target.name!r}: {what}"
    for column in encoding.inputs:
        if column.kind == NUMBER:
            centre, scale = ("median", "scale") if column.robust else ("mean", "standard deviation")
            what = f"number, {centre} {column.mean:.6g}, {scale} {column.deviation:.6g}"
        elif column.kind == TEXT:
            what = f"texts {short_list(column.texts)}" + ", or others" * column.other + ", or missing" * column.missing
        elif column.kind == DATE:
            what = f"dates, {column.unit}"
        else:
            what = "left out"
        yield f"column {column.name!r}: {what}"
    if encoding.ignored:
        yield f"ignored: {short_list(encoding.ignored)}"
