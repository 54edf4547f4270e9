"""Tables and numbers in Markdown, and the places of a file between two marker lines where they go."""

import math
import os
import shutil
import tempfile
from pathlib import Path

README = Path(__file__).resolve().parent / "README.md"
FRONT = README.parent.parent / "README.md"  # of the whole project: the six rows of --quick


class NoPlace(Exception):
    """The file has no place for the text."""


def table(heads, rows, left=(0,)):
    """The columns numbered in `left` hold words, all others figures."""
    rules = [":--" if column in left else "--:" for column in range(len(heads))]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (heads, rules, *rows))


def digits(value, significant):
    """A positive number with so many significant digits and never an exponent: 0.14, 3.0, 52, 1,300."""
    rounded = float(f"{value:.{significant - 1}e}")
    decimals = max(0, significant - 1 - math.floor(math.log10(rounded)))
    return f"{rounded:,.{decimals}f}"


def is_lost(ratio):
    """Decided on what is printed, so that no 1.0 is ever bold."""
    return float(digits(ratio, 2).replace(",", "")) < 1


def ratio_cell(ratio):
    """Bold where we lose."""
    return f"**{digits(ratio, 2)}**" if is_lost(ratio) else digits(ratio, 2)


def markers(part):
    """The lines before and after its text."""
    return f"<!-- {part}: begin -->", f"<!-- {part}: end -->"


def places(path, parts):
    """The lines of the file, and for each part those between which its text stands; raises NoPlace."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as problem:
        raise NoPlace(f"cannot read {path}: {problem.strerror}") from None
    found = {}
    for part in parts:
        begin, end = markers(part)
        if lines.count(begin) != 1 or lines.count(end) != 1 or lines.index(begin) > lines.index(end):
            raise NoPlace(f"{path} must have the line {begin} once and, below it, the line {end} once")
        found[part] = lines.index(begin), lines.index(end)
    return lines, found


def write(path, texts):
    """Put {part: text} between their markers, in one step, so that no one ever sees half a file."""
    lines, found = places(path, texts)
    for part, (begin, end) in sorted(found.items(), key=lambda item: -item[1][0]):  # from below: lines move
        lines[begin + 1 : end] = [texts[part]]
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(lines) + "\n")
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
