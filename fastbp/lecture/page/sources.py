"""The lecture's functions as they stand in the source files, read as text: nothing is imported or compiled."""

import ast
import functools
import re
from pathlib import Path
from typing import NamedTuple

LECTURE = Path(__file__).parent.parent
VERSIONS = ("loops", "matrix")


class Excerpt(NamedTuple):
    """A function as it stands in a file.

    Attributes
    ----------
    file : str
        Its place in the package, such as "lecture/loops/layers.py".
    lines : tuple of str
        From its `def` on; what it calls and is private to its module follows after an empty line.
    marked : frozenset of int
        Places in `lines` that are the formula.
    documentation : frozenset of int
        Places in `lines` that are docstring.
    slides : frozenset of int
        Slides that the first line of its docstring names.
    """

    file: str
    lines: tuple[str, ...]
    marked: frozenset
    documentation: frozenset
    slides: frozenset


def excerpt(version, name):
    """The function `name` of the version "loops" or "matrix".

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    file, text, node, private = _functions(version)[name]
    lines, documentation = _cut(text, node)
    marked = _of_formula(node)
    for other in _called(node, private):
        start, (more, of_other) = len(lines) + 1, _cut(text, other)
        lines = [*lines, "", *more]
        documentation |= {start + place for place in of_other}
        if not any(isinstance(part, ast.For) for part in ast.walk(other)):  # of one number: part of the formula
            marked |= {start + place for place in _of_formula(other)}
    first = (ast.get_docstring(node) or "").splitlines()[:1]
    return Excerpt(file, tuple(lines), frozenset(marked), frozenset(documentation), slides_in("".join(first)))


def slides_in(text):
    """The numbers in "(slides 12, 21-23)", ranges as all their numbers."""
    found = set()
    for numbers in re.findall(r"slides? ([\d, and-]+)", text):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", numbers):
            found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


@functools.cache
def _functions(version):
    """By name: the file, its text, the function, and the private functions beside it."""
    found = {}
    for path in sorted((LECTURE / version).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        nodes = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
        private = {name: node for name, node in nodes.items() if name.startswith("_")}
        file = path.relative_to(LECTURE.parent).as_posix()
        found |= {name: (file, text, node, private) for name, node in nodes.items() if name not in private}
    return found


def _cut(text, node):
    """The lines of a function, and the places of its docstring."""
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    documentation = set()
    if ast.get_docstring(node) is not None:
        documentation = {*range(node.body[0].lineno - node.lineno, node.body[0].end_lineno - node.lineno + 1)}
    return lines, documentation


def _of_formula(node):
    """The lines that compute: assignments, returns and calls within loops; of a function without loops, all of them."""
    loops = [inner for inner in ast.walk(node) if isinstance(inner, ast.For)]
    kinds = ast.Assign | ast.AugAssign | ast.Return | ast.Expr
    docstring = node.body[0] if ast.get_docstring(node) is not None else None
    within = {part for loop in loops for part in ast.walk(loop) if isinstance(part, kinds)}
    statements = within or {part for part in ast.walk(node) if isinstance(part, kinds) and part is not docstring}
    statements |= {part for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None}
    return {line - node.lineno for part in statements for line in range(part.lineno, part.end_lineno + 1)}


def _called(node, private):
    """The private functions that a function calls, and those that these call."""
    found, left = {}, [node]
    while left:
        for part in ast.walk(left.pop()):
            if isinstance(part, ast.Name) and part.id in private and part.id not in found:
                found[part.id] = private[part.id]
                left.append(private[part.id])
    return found.values()
