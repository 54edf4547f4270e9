"""Sentences about what a student's function raises: the line, and what it means there."""

import ast
import linecache
import traceback

import numpy as np

from fastbp import validation
from fastbp.lecture.workbook.running import TimeLimit


def places_of(problem, file):
    """[(frame, line number)] of the lines of `file`, from the call of the function to where it happened."""
    return [place for place in traceback.walk_tb(problem.__traceback__) if place[0].f_code.co_filename == file]


def explained(problem, file, limit):
    """What a function of `file` has raised, as a sentence."""
    places = places_of(problem, file)
    frame, line = places[-1] if places else (None, 0)
    where = _line(file, line)
    if isinstance(problem, TimeLimit):
        return f"did not end within {limit:g} s: {where} was reached then. Does every loop come to an end?"
    if isinstance(problem, SystemExit):
        return f"{where} ends the whole program, with exit() or quit(): leave that out"
    if isinstance(problem, RecursionError):
        return f"{where} calls the function itself without end"
    if len(places) > 1:
        where = f"{_line(file, places[0][1])} calls {places[-1][0].f_code.co_name}, and there {where}"
    if isinstance(problem, EOFError):
        return f"{where} waits for input, and there is none: everything comes in the arguments"
    if isinstance(problem, IndexError) and frame is not None:
        return f"{where}: {_index(frame, line, file) or _index_of_another_kind(str(problem))}"
    kind, message = type(problem).__name__, " ".join(str(problem.args[0] if problem.args else "").split())
    message = message if len(message) <= LONGEST else f"{message[: LONGEST - 2]}.."
    for meant, words in _MEANINGS:
        if isinstance(problem, meant) and (message or meant is MemoryError):
            return f"{where}: {words(message)}"
    return f"{where} raises {kind}: {message}" if message else f"{where} raises {kind}"


def _line(file, line):
    text = linecache.getline(file, line).strip()
    return f"line {line} (`{text}`)" if text else f"line {line}" if line else "the function"


LONGEST = 160  # characters of what Python or NumPy says
FUNCTIONS = {"exp", "log", "max", "sqrt", "tanh", "zeros", "empty", "sum", "dot", "maximum", "where", "outer"}


def _name(message):
    name = message.split("'")[1] if "'" in message else ""
    if name in FUNCTIONS:
        return f"{message}: NumPy's functions begin with np, as in `np.{name}(...)`"
    if name == "np":
        return f"{message}: `import numpy as np` stands at the top of the file"
    if name == "math":
        return f"{message}: take NumPy's functions, as in `np.exp(...)`, or write `import math` at the top of the file"
    return f"{message}: a name that nothing has been given to. Is it spelt like the argument or the variable above?"


def _value(message):
    if "truth value" in message:
        return "asks of a whole array whether it is true: ask for each entry, u[j] >= 0, in a loop over j"
    if any(word in message for word in ("broadcast", "mismatch", "aligned", "setting an array")):
        return f"the shapes do not fit: {message}"
    if "resize" in message:
        return "an array keeps its size: write its entries, `y[j] = ...`"
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
    if "builtin_function_or_method" in message or "'method'" in message or "'function'" in message:
        return f"{message}: a function is called with brackets, as in `u.max()`"
    if "not callable" in message and "ndarray" in message:
        return f"{message}: round brackets call a function, entries of an array stand in square ones, u[j]"
    if "not callable" in message:
        return f"{message}: a number stands before round brackets. A product is written with `*`; `u.size` has none"
    return message


def _attribute(message):
    name = message.split("'")[-2] if message.count("'") >= 2 else ""
    if "NoneType" in message:
        return (
            f"{message}: None is what a function returns that returns nothing. It writes into its last arguments: "
            "`relu(u, y)` stands alone in its line, without `y =`"
        )
    if "module 'numpy'" in message:
        near = validation.did_you_mean(name, [*FUNCTIONS, "abs", "arange", "cosh", "sinh", "size", "shape", "copy"])
        return f"{message}{'; the natural logarithm is np.log' if name == 'ln' else near}"
    if name in ("append", "add", "insert", "extend"):
        return f"{message}: an array keeps its size; its entries are written, `y[j] = ...`"
    return f"{message}. The number of entries of u is `u.size`, that of rows of w `w.shape[0]`"


def _index_of_another_kind(message):
    if "only integers" in message:
        return "an index is a whole number: `for j in range(u.size)` gives the places j, `for a in u` the entries"
    if "scalar variable" in message:
        return "a single number has no entries: is an array meant here, all of x or X[rows], and not one entry of it?"
    return message


_MEANINGS = (
    (UnboundLocalError, lambda message: f"{message}: it needs a first value before the loop, as in `total = 0.0`"),
    (NameError, _name),
    (ZeroDivisionError, lambda message: "divides by 0"),
    (OverflowError, lambda message: f"a number becomes too large ({message})"),
    (ValueError, _value),
    (TypeError, _type),
    (AttributeError, _attribute),
    (MemoryError, lambda message: "there is not enough memory for so large an array"),
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
            if array.ndim == 2 and isinstance(node.slice, ast.Tuple)
            else ""
        )
    )
