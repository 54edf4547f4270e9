"""A student's function: what it is, whether anything stands in it, and its compiled form."""

import ast
import contextlib
import dis
import inspect
import linecache
import re
import textwrap
import types
import warnings
from pathlib import Path

from fastbp import validation


class Refused(Exception):
    """The function cannot be judged further."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def accepted(exercise, function):
    """The plain function and notes about it; Refused if it is none, or takes other arguments."""
    notes, plain = [], getattr(function, "py_func", function)
    if plain is not function:
        notes.append("it is compiled already; the function under the decorator is checked")
    if inspect.isclass(plain) or not inspect.isfunction(plain):
        what = "a class" if inspect.isclass(plain) else validation.shown(plain)
        what = f"an object of the class {type(plain).__name__}" if " object at 0x" in what else what
        raise Refused("error", f"a function `def {exercise.signature}:` is expected, got {what}")
    if inspect.isgeneratorfunction(plain) or inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
        raise Refused("error", "it has `yield` or `async` in it: a plain function is expected")
    parameters = inspect.signature(plain).parameters
    names, expected = tuple(parameters), exercise.arguments
    variable = [p for p in parameters.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.KEYWORD_ONLY)]
    if len(names) != len(expected) or variable:
        raise Refused(
            "error", f"its first line must be `def {exercise.signature}:`, it takes {inspect.signature(plain)}"
        )
    if names != expected and sorted(names) == sorted(expected):
        raise Refused("error", f"its arguments are in another order: `def {exercise.signature}:` is expected")
    if names != expected:
        notes.append(f"its arguments have other names than those of `def {exercise.signature}:`")
    taken = taken_from_fastbp(plain, set())
    if taken:
        raise Refused("wrong", f"it takes {taken} from fastbp: here your own lines are asked for")
    return plain, notes


FASTBP = Path(__file__).parents[2]
LENT, LENDER = "fastbp.lecture.workbook.scalars", "lecture/workbook/scalars.py"  # what a solution may take from it


def taken_from_fastbp(function, seen):
    """What a function is, calls or imports that fastbp has and the student has not written; "" if there is nothing."""
    if not inspect.isfunction(function) or function in seen:
        return ""
    seen.add(function)
    file = Path(function.__code__.co_filename)  # no __module__: an example in a docstring has that of fastbp
    if file.is_relative_to(FASTBP) and file != FASTBP / LENDER:
        return function.__name__
    given = [*(function.__defaults__ or ())]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a name that nothing has been given to
            given.append(cell.cell_contents)
    found = next(filter(None, (taken_from_fastbp(getattr(one, "py_func", one), seen) for one in given)), "")
    for code in _codes(function.__code__):
        for instruction in dis.get_instructions(code):
            name = instruction.argval
            if instruction.opname == "IMPORT_NAME" and _of_fastbp(name):
                return name
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and name in function.__globals__:
                one = function.__globals__[name]
                if inspect.ismodule(one):
                    found = found or (name if _of_fastbp(one.__name__) else "")
                else:
                    found = found or taken_from_fastbp(getattr(one, "py_func", one), seen)
    return found


def _of_fastbp(home):
    return home != LENT and (home == "fastbp" or home.startswith("fastbp."))


def _codes(code):
    """A code and those of the functions in it."""
    yield code
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _codes(constant)


def is_begun(function):
    """Whether more stands in it than `...`, `pass`, `return` or a docstring."""
    nothing = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
    code = function.__code__
    does = {instruction.opname for instruction in dis.get_instructions(code)}
    returned = [i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_CONST", "RETURN_CONST")]
    return not does <= nothing or any(value not in (None, ...) for value in returned)


def syntax_of(function):
    """The tree of its source, None where there is no source to be found."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None


def has_loops(function):
    """Whether a `for` or `while`, or a comprehension, stands in it; True where that cannot be told."""
    tree = syntax_of(function)
    loops = ast.For | ast.While | ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp
    return tree is None or any(isinstance(node, loops) for node in ast.walk(tree))


def only_names(function, letter):
    """Whether it assigns to the bare name of an argument, `u = ...`, which leaves the array as it was."""
    return any(
        instruction.opname == "STORE_FAST" and instruction.argval == letter
        for instruction in dis.get_instructions(function.__code__)
    )


def compiled(function, arguments, made, bounds_checked=True):
    """The function compiled by Numba for these arguments, with all plain functions that it calls.

    `made` holds what is compiled already, by its plain form, and gets the rest. Raises whatever Numba does.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Numba says of speed
        return _compiled(function, made, with_compiled(arguments, made, bounds_checked), bounds_checked)


def with_compiled(arguments, made, bounds_checked=True):
    """Arguments, of which those that are functions are compiled."""
    return [_compiled(one, made, None, bounds_checked) if inspect.isfunction(one) else one for one in arguments]


def _compiled(function, made, arguments, bounds_checked):
    """One function; `made` holds those that are compiled, or being so, by their plain form."""
    from fastbp.compiler.jit import compiled_plainly  # here: Numba is imported only when something is compiled

    if function not in made:
        scope = dict(function.__globals__)
        cells = function.__closure__ and tuple(types.CellType(cell.cell_contents) for cell in function.__closure__)
        own = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, cells)
        own.__kwdefaults__ = function.__kwdefaults__
        made[function] = compiled_plainly(own, None, bounds_checked=bounds_checked)  # first: it may call itself
        for name in _names(function.__code__) & scope.keys():
            if inspect.isfunction(scope[name]):
                scope[name] = _compiled(scope[name], made, None, bounds_checked)
        for cell in cells or ():
            if inspect.isfunction(cell.cell_contents):
                cell.cell_contents = _compiled(cell.cell_contents, made, None, bounds_checked)
        if arguments is not None:
            made[function] = compiled_plainly(own, arguments, bounds_checked=bounds_checked)
    return made[function]


def _names(code):
    """The global names that a code and those in it speak of."""
    return {name for one in _codes(code) for name in one.co_names}


def not_compiled(problem, function):
    """Why Numba has not compiled a right function, as a note."""
    if "scipy" in str(problem).lower():
        return "not compiled: Numba needs SciPy for @ and np.dot, which is not installed; loops it compiles without"
    if not has_loops(function):
        return "matrix version, not compiled"
    return f"right, but Numba cannot compile it, so that it stays slow: {_why_not_compiled(problem, function)}"


def _why_not_compiled(problem, function):
    """What Numba has against a function, with the line."""
    line = getattr(getattr(problem, "loc", None), "line", 0) or function.__code__.co_firstlineno
    text = linecache.getline(function.__code__.co_filename, line).strip()
    where = f"line {line} (`{text}`)" if text else f"line {line}"
    words = re.sub(r"Failed in \w+ mode pipeline \(step: [^)]*\)", "", " ".join(str(problem).split()))
    if "closure" in words:
        return f"{where}: a `for` inside of brackets, as in `sum(... for i in ...)`: write it as a loop"
    if "IMPORT_NAME" in words:
        return f"{where}: an import inside of the function: it belongs to the top of the file"
    words = re.split(r" File \"| Raised from| found for signature| During:|, defined at", words)[0].strip(" .")
    words = re.sub(r"Module\(<module '([^']*)'[^>]*>\)", r"module \1", words)
    return f"{where}: {words[:120]}. What it compiles is numbers, arrays and loops, as the lecture has them"
