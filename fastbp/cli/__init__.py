"""The command line: `fastbp train data.csv --target species --out model.safetensors`, and more."""

import argparse
import importlib
import os
import sys
import warnings

import fastbp
from fastbp.cli import options
from fastbp.compiler import notice
from fastbp.training.history import Diverged

# The module of each command.
COMMANDS = {
    "train": "train", "predict": "predict", "evaluate": "predict", "inspect": "inspect", "export": "export",
    "learn": "learn", "cache": "cache", "bench": "bench", "demo": "demo",
}  # fmt: skip


def main(arguments=None):
    """Run a command; returns the exit code."""
    parser = options.Parser(
        prog="fastbp",
        description="Train multilayer perceptrons on tables, and use them: the backpropagation lecture as index loops.",
        epilog="examples:\n  fastbp train data.csv --target species --out model.safetensors\n"
        "  fastbp train --help     what can be changed in a training\n"
        "  python -m fastbp        without a command: demo, with its options (fastbp demo --help)\n\n" + options.EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastbp {fastbp.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    arguments = sys.argv[1:] if arguments is None else arguments
    for module in modules_for(arguments[0] if arguments else None):
        module.add(commands)
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        given.parser.refuse(unknown)
    if sys.stdout is None:
        return _failed("standard output is closed")
    if hasattr(sys.stdout, "reconfigure"):  # what a terminal cannot show must not end a training
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings(), notice.told_by(None if getattr(given, "quiet", False) else options.say):
            warnings.showwarning = lambda message, *_: options.say(f"warning: {message}")
            code = given.run(given) or 0
        sys.stdout.flush()
    except argparse.ArgumentTypeError as problem:
        given.parser.error(str(problem))
    except OSError as problem:
        return _told_of(problem)
    except KeyboardInterrupt:
        return _failed("interrupted")
    except (ValueError, TypeError, ImportError, MemoryError, Diverged) as problem:
        return _failed(str(problem) or "there is not enough memory")
    return code


def modules_for(command):
    """The module of a command: what the others need is not imported. All of them, where it is no command."""
    names = [COMMANDS[command]] if command in COMMANDS else dict.fromkeys(COMMANDS.values())
    return [importlib.import_module(f"fastbp.cli.{name}") for name in names]


def _failed(what):
    options.say(f"error: {what}")
    return 1


def _told_of(problem):
    """A file that cannot be read or written; or standard output, to which nothing more can go, not even at exit."""
    if problem.filename is not None:
        return _failed(f"{os.fsdecode(problem.filename)}: {problem.strerror}")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(problem, BrokenPipeError):  # its reader, `head` say, has seen enough
        return 1
    return _failed(f"cannot write: {problem.strerror}")
