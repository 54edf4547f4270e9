"""Put new text between two marker lines of a file, in one step."""

import os
import shutil
import tempfile


class NoPlace(Exception):
    """The file has no place for the text."""


def around(path, begin, end):
    """The lines before and after the text, with the markers."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as problem:
        raise NoPlace(f"cannot read {path.name}: {problem.strerror}") from None
    if lines.count(begin) != 1 or lines.count(end) != 1 or lines.index(begin) > lines.index(end):
        raise NoPlace(f"{path.name} must have the line {begin} once and, below it, the line {end} once")
    return lines[: lines.index(begin) + 1], lines[lines.index(end) :]


def replace(path, begin, end, new):
    """In one step, so that no one ever sees half a file."""
    before, after = around(path, begin, end)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join([*before, new, *after]) + "\n")
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
