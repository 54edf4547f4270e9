"""What the commands share: how a command and its options are declared, and what options may be."""

import argparse
import contextlib
import difflib
import math
import os
import sys

from fastbp.validation import did_you_mean

LENGTH = 40  # letters of a name in a list
SHORTEST = 3  # letters, hyphens too, of what may be the beginning of an option
VERSIONS = {  # what `demo` and `bench` compare
    "loops": "the lecture's index loops, compiled by Numba (fastbp/lecture/loops)",
    "engine": "the same formulas in register tiles, as fastbp.train uses them (fastbp/engine)",
    "matrix": "the same formulas as matrix products by NumPy (fastbp/lecture/matrix)",
}
ABOUT_VERSIONS = "\n".join(f"{name:8s}{what}" for name, what in VERSIONS.items())
EXIT = "exit status: 0 done, 1 failed, 2 wrong usage"


def say(text, end="\n"):
    """A line on standard error. If nobody listens there, nothing is lost."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(text, end=end, file=sys.stderr, flush=True)


def listed(names, most=8):
    """Some names in a line, shortened, without what a terminal would obey."""
    shown = [name if name.isprintable() else repr(name) for name in names[:most]]
    shown = [name if len(name) <= LENGTH else f"{name[:LENGTH]}..." for name in shown]
    return ", ".join(shown) + (f" and {len(names) - most:,} more" if len(names) > most else "")


class Parser(argparse.ArgumentParser):
    """argparse's, which names what may have been meant, and takes no abbreviations: they end with the next option."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def _check_value(self, action, value):
        choices = None if action.choices is None else [str(choice) for choice in action.choices]
        if choices and value not in action.choices:
            near = did_you_mean(str(value), choices) or self._before(value)
            message = f"invalid choice: {value!r} (choose from {', '.join(map(repr, choices))}){near}"
            raise argparse.ArgumentError(action, message)

    def _before(self, word):
        """If a word is taken for a command after an option that there is not: what that may have been."""
        before = self._words[: self._words.index(word)] if word in self._words else []
        options = [one for one in before if one.startswith("-")]
        unknown = [one for one in options if one.partition("=")[0] not in self._option_string_actions]
        return f"; unrecognized: {unknown[0]}{self._meant(unknown)}" if unknown else ""

    def parse_known_args(self, args=None, namespace=None):
        self._words = sys.argv[1:] if args is None else [*args]
        return super().parse_known_args(args, namespace)

    def refuse(self, unknown):
        """Ends with an error about arguments that are no options of this command."""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{self._meant(unknown)}")

    def error(self, message):
        """What is missing may be there, but misspelt, or taken for more names of an option."""
        if message.startswith("the following arguments are required"):
            known = {option: action for action in self._actions for option in action.option_strings}
            words = [word.partition("=")[0] for word in self._words]
            unknown = [word for word in words if word.startswith("--") and word not in known]
            greedy = [word for word in words if word in known and known[word].nargs == "+"]
            if unknown:
                message += f"; unrecognized: {unknown[0]}{self._meant(unknown)}"
            elif greedy and "data" in message:
                message += f"; {greedy[0]} takes all names that follow it: write the file before it"
        super().error(message)

    def _meant(self, unknown):
        """The option that the first unknown one may stand for, misspelt, or cut off after some of its words."""
        first = next((word.partition("=")[0] for word in unknown if word.startswith("-")), "")
        known = [option for action in self._actions for option in action.option_strings]
        parts = [(option, option.lstrip("-").split("-")) for option in reversed(known)]  # the first of two counts
        whole = {"-".join(words[:n]): option for option, words in parts for n in range(1, len(words) + 1)}
        near = [option for option in known if len(first) > SHORTEST and option.startswith(first)]
        near = near or [whole[begin] for begin in difflib.get_close_matches(first.lstrip("-").lower(), whole, 1)]
        return f"; did you mean {near[0]!r}?" if near else f"; what there is: {self.prog} --help"


def command(commands, name, short, long, *examples):
    """A parser for a command, whose help ends with examples."""
    shown = "\n".join(
        ["example:" if len(examples) == 1 else "examples:", *(f"  {line}" for line in examples), "", EXIT]
    )
    parser = commands.add_parser(
        name, help=short, description=long, epilog=shown, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(parser=parser)  # which tells of wrong usage: the innermost, where a command has commands
    return parser


def of(kind, least=-math.inf, below=math.inf, above=None):
    """The type of an option that is an int or a float, at least `least` (or above something), and below something."""

    def number(text):
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"invalid {kind.__name__} value: {text!r}") from None
        if not value >= least or not value < below or (above is not None and not value > above):
            parts = [f"at least {least}"] * (least > -math.inf) + [f"above {above}"] * (above is not None)
            parts += [f"below {below}"] * (below < math.inf) + ["finite"] * (kind is float and below == math.inf)
            raise argparse.ArgumentTypeError(f"must be {' and '.join(parts)}, got {text}")
        return value

    return number


def sizes(text):
    """Units of hidden layers: "64,32"; "none" for no such layer."""
    if text.strip().lower() == "none":
        return ()
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        what = "whole numbers with commas between them, as 64,32, or none"
        raise argparse.ArgumentTypeError(f"must be {what}, got {text!r}") from None
    return tuple(of(int, 1)(number) for number in numbers)


def names(text):
    """One name for all, or several with commas between them."""
    found = tuple(part.strip() for part in text.split(","))
    return found[0] if len(found) == 1 else found


def character(text):
    """A single character; "tab" and "\\\\t" are the tabulator, "blanks" are any number of blanks."""
    text = {"tab": "\t", "\\t": "\t", "blanks": " "}.get(text, text)
    if len(text) != 1 or text in '\r\n"':
        raise argparse.ArgumentTypeError(f"must be a single character, as , or ; or tab, got {text!r}")
    return text


def add_reading(parser):
    """How CSV files are laid out: of commands that read tables."""
    parser.add_argument(
        "--delimiter", type=character, metavar="C",
        help="between the cells of a CSV file, or 'blanks'; default: what cuts most lines alike",
    )  # fmt: skip
    parser.add_argument(
        "--encoding", metavar="NAME", help="of a CSV file, as cp1252 or utf-16; default: UTF-8, or as its mark says"
    )
    parser.add_argument(
        "--header", action=argparse.BooleanOptionalAction, default=None,
        help="whether the first line has the names of the columns; without they are 'column 1', 'column 2', ...",
    )  # fmt: skip
    parser.add_argument(
        "--decimal", choices=(".", ","), help="before the fraction of a number; default: what most numbers have"
    )
    parser.add_argument(
        "--day-first", action=argparse.BooleanOptionalAction, default=None,
        help="whether 1/2/2021 is a day of February; default: what all dates of a column can be",
    )  # fmt: skip


def reading_of(given):
    """What these options say."""
    from fastbp.tables.layout import checked_reading  # here: most commands read no tables

    return checked_reading(given.delimiter, given.encoding, given.header, given.decimal, given.day_first)


def refuse_same(out, *read):
    """A file that is read must not be written over."""
    for path in read:
        if os.path.exists(out) and os.path.exists(path) and os.path.samefile(out, path):
            raise ValueError(f"--out must be another file than {path}, which is read")
