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
        return f"{where}: {_index(frame, line, file) or str(problem)}"
    kind, message = type(problem).__name__, validation.shown(problem.args[0]) if problem.args else ""
    message = message[1:-1] if message[:1] in "'\"" else message
    for meant, words in _MEANINGS:
        if isinstance(problem, meant):
            return f"{where}: {words(message)}"
    return f"{where} raises {kind}: {message}" if message else f"{where} raises {kind}"


def _name(message):
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
    if "not callable" in message:
        return f"{message}: round brackets call a function, entries of an array stand in square ones, u[j]"
    return message


_MEANINGS = (
    (UnboundLocalError, lambda message: f"{message}: it needs a first value before the loop, as in `total = 0.0`"),
    (NameError, _name),
    (ZeroDivisionError, lambda message: "divides by 0"),
    (OverflowError, lambda message: f"a number becomes too large ({message})"),
    (ValueError, _value),
    (TypeError, _type),
    (AttributeError, lambda message: message),
)


def _index(frame, line, file):
    """Which subscript of the line lies past the end, "" if that cannot be told."""
    try:
        tree = ast.parse(linecache.getline(file, line).strip().rstrip(":").removeprefix("return "))
    except SyntaxError:
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


def _past_the_end(node, array, axis, index):
    word, size = ast.unparse(node), array.shape[axis]
    what = "entries" if array.ndim == 1 else ("rows", "columns")[axis] if array.ndim == 2 else "entries"
    way = "writes" if isinstance(node.ctx, ast.Store) else "reads"
    what = what if size != 1 else {"entries": "entry", "rows": "row", "columns": "column"}[what]
    last = f"0..{size - 1}" if size > 1 else "0 alone"
    return (
        f"{way} {word} with the index {int(index)}, but {node.value.id} has {size} {what}: the index goes over {last}"
        + (". Are the indices in the right order, row first?" if array.ndim == 2 else "")
    )
