"""Sentences about what a student's function raises: the line, and what it means there."""

import ast
import linecache
import traceback

import numpy as np

from fastbp import validation
from fastbp.lecture.workbook.running import TimeLimit


def place_of(problem, file):
    """(frame, line number) of the student's line where it happened; (None, 0) if none of these is in `file`."""
    found = (None, 0)
    for frame, line in traceback.walk_tb(problem.__traceback__):
        if frame.f_code.co_filename == file:
            found = frame, line
    return found


def explained(problem, file, limit):
    """What a function of `file` has raised, as a sentence."""
    frame, line = place_of(problem, file)
    text = linecache.getline(file, line).strip()
    where = f"line {line} (`{text}`)" if text else f"line {line}" if line else "the function"
    if isinstance(problem, TimeLimit):
        return f"did not end within {limit:g} s: {where} was reached then. Does every loop come to an end?"
    if isinstance(problem, SystemExit):
        return f"{where} ends the whole program, with exit() or quit(): leave that out"
    if isinstance(problem, RecursionError):
        return f"{where} calls the function itself without end"
    if isinstance(problem, EOFError):
        return f"{where} waits for input, and there is none: everything comes in the arguments"
    if isinstance(problem, IndexError) and frame is not None:
        return f"{where}: {_index(frame, line, file) or _index_of_another_kind(str(problem))}"
    kind, message = type(problem).__name__, validation.shown(problem.args[0]) if problem.args else ""
    message = message[1:-1] if message[:1] in "'\"" else message
    for meant, words in _MEANINGS:
        if isinstance(problem, meant):
            return f"{where}: {words(message)}"
    return f"{where} raises {kind}: {message}" if message else f"{where} raises {kind}"


FUNCTIONS = {"exp", "log", "max", "sqrt", "tanh", "zeros", "empty", "sum", "dot", "maximum", "where", "outer"}


def _name(message):
    name = message.split("'")[1] if "'" in message else ""
    if name in FUNCTIONS:
        return f"{message}: NumPy's functions begin with np, as in `np.{name}(...)`"
    if name == "math":
        return f"{message}: take NumPy's functions, as in `np.exp(...)`, or write `import math` at the top of the file"
    return f"{message}: a name that nothing has been given to. Is it spelt like the argument or the variable above?"


def _value(message):
    if "truth value" in message:
        return "asks of a whole array whether it is true: ask for each entry, u[j] >= 0, in a loop over j"
    if any(word in message for word in ("broadcast", "mismatch", "aligned", "setting an array")):
        return f"the shapes do not fit: {message}"
    return message


def _type(message):
    if "not subscriptable" in message or "not support item assignment" in message:
        return f"{message}: only arrays have entries in square brackets"
    if "converted to a scalar index" in message or "cannot be interpreted as an integer" in message:
        return "range counts to a whole number: `range(u.size)` goes over the places 0, 1, ... of the entries of u"
    if "bitwise_xor" in message or "for ^" in message:
        return "^ is no power in Python: a square is `a * a` or `a**2`"
    if "missing" in message and "positional argument" in message:
        return f"{message}: what a function writes into is an argument, too, as in `relu(u, y)`"
    if "NoneType" in message:
        return (
            f"{message}: None is what a function returns that returns nothing; it has written into its last arguments"
        )
    if "not callable" in message:
        return f"{message}: round brackets call a function, entries of an array stand in square ones, u[j]"
    return message


def _attribute(message):
    sizes = ": an array has u.size entries, a matrix w.shape[0] rows and w.shape[1] columns" * ("ndarray" in message)
    return f"{message}{sizes}"


def _index_of_another_kind(message):
    if "only integers" in message:
        return "an index is a whole number: `for j in range(u.size)` gives the places j, `for a in u` the entries"
    return message


_MEANINGS = (
    (UnboundLocalError, lambda message: f"{message}: it needs a first value before the loop, as in `total = 0.0`"),
    (NameError, _name),
    (ZeroDivisionError, lambda message: "divides by 0"),
    (OverflowError, lambda message: f"a number becomes too large ({message})"),
    (ValueError, _value),
    (TypeError, _type),
    (
        AttributeError,
        lambda message: f"{message}. The number of entries of u is `u.size`, that of rows of w `w.shape[0]`",
    ),
)


def _index(frame, line, file):
    """Which subscript of the line lies past the end, "" if that cannot be told."""
    tree = _statement(linecache.getline(file, line).strip())
    if tree is None:
        return ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
            continue
        array = frame.f_locals.get(node.value.id)
        if not isinstance(array, np.ndarray):
            continue
        if any(isinstance(part, ast.Call | ast.NamedExpr | ast.Await) for part in ast.walk(node.slice)):
            continue  # only what can be looked at without doing anything
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(parts) > array.ndim:
            return f"{node.value.id} has {array.ndim} ind{'ex' if array.ndim == 1 else 'ices'}, not {len(parts)}"
        for axis, part in enumerate(parts):
            try:
                index = eval(compile(ast.Expression(part), "", "eval"), frame.f_globals, frame.f_locals)
            except Exception:
                continue
            size = array.shape[axis]
            if isinstance(index, int | np.integer) and not -size <= index < size:
                return _past_the_end(node, array, axis, index)
    return ""


def _statement(text):
    """The tree of a line, which may be the head of a loop or a case; None if it is only a part of a statement."""
    text = text.removeprefix("el") if text.startswith("elif ") else text
    for whole in (text, f"{text} pass"):
        try:
            return ast.parse(whole)
        except SyntaxError:
            continue
    return None


def _past_the_end(node, array, axis, index):
    word, size = ast.unparse(node), array.shape[axis]
    what = "entries" if array.ndim == 1 else ("rows", "columns")[axis] if array.ndim == 2 else "entries"
    way = "writes" if isinstance(node.ctx, ast.Store) else "reads"
    what = what if size != 1 else {"entries": "entry", "rows": "row", "columns": "column"}[what]
    last = f"0..{size - 1}" if size > 1 else "0 alone"
    return (
        f"{way} {word} with the index {int(index)}, but {node.value.id} has {size} {what}: the index goes over {last}"
        + (
            ". Are the indices, or the ranges of the two loops, exchanged? The row comes first"
            if array.ndim == 2
            else ""
        )
    )
