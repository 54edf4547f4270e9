"""fastbp export: a model for programs without Python."""

import argparse
from pathlib import Path

from fastbp.cli import options
from fastbp.loading import load

SUFFIXES = (".onnx", ".c")


def add(commands):
    """The command and its options."""
    parser = options.command(
        commands,
        "export",
        "write a model as ONNX, or as C source",
        "Writes a model for other programs: an ONNX graph, or a C99 file with a function\n"
        "`predict` that needs nothing but <math.h>. Both hold what it takes to turn the\n"
        "columns of a table into numbers.",
        "fastbp export model.safetensors model.onnx",
        "fastbp export model.safetensors model.c",
    )
    parser.add_argument("model", help="a model file")
    parser.add_argument("out", type=_target, help="what to write, *.onnx or *.c")
    parser.set_defaults(run=run)


def _target(path):
    if Path(path).suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"must end in {' or '.join(SUFFIXES)}, got {path!r}")
    return path


def run(given):
    """Carries it out."""
    model = load(given.model)
    if Path(given.out).suffix.lower() == ".c":
        from fastbp.export.c.convert import to_c as write
    else:
        from fastbp.export.onnx.convert import to_onnx as write
    write(model, given.out)
    print(f"written: {given.out}")
