"""The student's file: how it is written, with a function to fill in for each exercise, and how it is read."""

import ast
import keyword
import os
import re
import warnings

from fastbp.lecture.workbook import exercise, names, solution_parts
from fastbp.validation import did_you_mean

USUAL = "exercises.py"
LARGEST = 1_000_000  # bytes; a file of all solutions has some 20,000

SLIPS = {  # what Python says of a line, and what a beginner has most likely done
    "cannot assign to function call": "entries of an array stand in square brackets, y[j]",
    "expected ':'": "the line ends in a colon",
    "an indented block": "what belongs to a loop, a case or a function stands four spaces further to the right",
    "unexpected indent": "the line stands further to the right than the one before it",
    "unindent": "the line stands neither below the loop nor in it",
    "tabs and spaces": "begin lines with spaces alone",
    "invalid decimal literal": "a product needs its sign, 2 * u[j]; a name begins with a letter",
    "cannot assign to subscript here": "one = writes, two == ask whether both are equal",
    "non-printable character": "it looks like a space: write the line anew, with the space bar",
    "invalid character": "it only looks like a sign of the keyboard, as minus or a quote do: type it anew",
}

# The parts of the lecture, and the first exercise of each.
PARTS = {
    "parameter_shapes": "The network and its activations (slides 1-6)",
    "weighted_sum": "Forward: from the inputs to the outputs (slides 7, 8)",
    "squared_error": "The error, and the step that makes it smaller (slides 9-12)",
    "differences": "Differences, and the chain rule (slides 13-20)",
    "weight_gradient": "STEP 1, 1.5 and 2: gradients of the weights and biases (slides 21-30)",
    "output_delta_general": "The deltas (slides 31-36)",
    "backward": "All put together: a sample, a mini-batch, an epoch (slides 37-40)",
}

BLANK_HEAD = """\
Exercises of the lecture on backpropagation. Put your lines in the place of each `...`, from top to bottom.

    fastbp learn show {first:20s} what a function has to do; the same text as below
    fastbp learn hint {first:20s} a hint, if you need one
    fastbp learn check {file:19s} what is right by now, and what is not

What a function finds, it writes into its last arguments, as in `y[j] = 0.5`, unless its text says "return".
Everything is counted from 0: a vector u of 3 numbers has u[0], u[1] and u[2], and range(u.size) is 0, 1, 2.
Functions may call those above them. ____ is what the slide leaves out.
"""
SOLVED_HEAD = """\
All solutions of the exercises: the lecture's own loops, and functions that call them.

    fastbp learn check {file:19s} finds them right
"""


def blank(seed=0, file=USUAL):
    """The text of a file with all exercises, to be filled in.

    Parameters
    ----------
    seed : int
        Written into it, for `check`.
    file : str
        What it will be called.
    """
    head = BLANK_HEAD.format(first=names()[0], file=file)
    return _whole(head, {name: exercise(name, seed).blank for name in names()}, [], seed)


def solved(seed=0, file="solutions.py"):
    """The text of a file with the solutions of all exercises, for teachers; `check` finds them right."""
    functions, seen, imported = {}, set(), {}
    for name in names():
        parts = {part: text for part, text in solution_parts(name, seed).items() if part not in seen}
        seen |= parts.keys()
        for line in [text for text in parts.values() if text.startswith("from ")]:
            home, _, what = line.partition(" import ")
            imported.setdefault(home, []).append(what)
        functions[name] = "\n\n\n".join(text for text in parts.values() if not text.startswith("from "))
    imports = [f"{home} import {', '.join(sorted(what))}" for home, what in sorted(imported.items())]
    return _whole(SOLVED_HEAD.format(file=file), functions, imports, seed)


def _whole(head, functions, imports, seed):
    lines = [f'"""{head}"""\n', "import numpy as np", *[""] * bool(imports), *imports, ""]
    lines += [f"SEED = {seed}  # some numbers in your exercises depend on it: leave it as it is", ""]
    for name, text in functions.items():
        if name in PARTS:
            lines += ["", f"# ---- {PARTS[name]} ".ljust(100, "-"), ""]
        lines += ["", text.strip(), ""]
    return "\n".join(lines)


def write(path, text):
    """A new file.

    Raises
    ------
    ValueError
        If there is something of that name: nothing is written over.
    OSError
        If it cannot be written.
    """
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        what = "a folder" if os.path.isdir(path) else "already there, and is not written over"
        raise ValueError(f"{path} is {what}; give the new file another name") from None


def read(path):
    """What a student's file has, found without running it.

    Returns
    -------
    dict
        "seed"; "begun" and "blank": names of exercises, in the lecture's order; "calls": {name: other exercises whose
        functions it calls}; "notes": sentences on what may be a slip.

    Raises
    ------
    ValueError
        In a sentence that begins with the file's name, if it is no Python, or has none of the exercises.
    """
    name = os.path.basename(path)
    tree = _parsed(path, name)
    defined, notes = _definitions(tree, name)
    known = [exercise for exercise in names() if exercise in defined]
    strangers = [
        f"{name}, line {node.lineno}: {other!r} is no exercise{near}"
        for other, node in defined.items()
        if other not in known and (near := did_you_mean(other, [free for free in names() if free not in defined]))
    ]
    if not known and not _imports_all(tree):
        why = "it has none of the exercises' functions; fastbp learn start writes a file that has them"
        raise ValueError("\n".join([f"{name}: {why}", *strangers]))
    empty = [exercise for exercise in known if is_blank(defined[exercise])]
    return {
        "seed": _seed(tree, name),
        "begun": [exercise for exercise in known if exercise not in empty],
        "blank": empty,
        "calls": {exercise: _called(defined[exercise], exercise) for exercise in known},
        "notes": notes + strangers,
    }


def _parsed(path, name):
    if os.path.isdir(path):
        raise ValueError(f"{path} is a folder; give the file with your functions, as {os.path.join(path, USUAL)}")
    if not os.path.exists(path):
        raise ValueError(f"{path}: there is no such file; fastbp learn start {path} writes it")
    if not os.path.isfile(path):
        raise ValueError(f"{path} is no regular file; give the file with your functions")
    if os.path.getsize(path) > LARGEST:
        raise ValueError(f"{name}: it has more than {LARGEST:,} bytes; is it the file with your functions?")
    with open(path, "rb") as file:
        text = file.read()
    if not text.strip():
        raise ValueError(f"{name}: it is empty; fastbp learn start writes a file with functions to fill in")
    if name.endswith(".ipynb"):
        raise ValueError(f"{name}: it is a notebook; there,  from fastbp.lecture import workbook  and then, say,  "
                         "workbook.check('sigmoid', sigmoid)  in a cell")  # fmt: skip
    if b"\0" in text:
        raise ValueError(f"{name}: it is no text, and so no Python; is it the file with your functions?")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, name)
    except SyntaxError as problem:
        where = f"{name}, line {problem.lineno}" if problem.lineno else name
        line = f":  {problem.text.strip()[:80]}" if problem.text else ""
        meant = next((f" ({words})" for part, words in SLIPS.items() if part in problem.msg), "")
        if problem.msg == "invalid syntax" and _lacks_a_sign(problem.text or ""):
            meant = " (is there a sign missing, as * of a product?)"
        raise ValueError(f"{where}, is not Python: {problem.msg}{meant}{line}") from None
    except (ValueError, RecursionError, MemoryError) as problem:
        raise ValueError(f"{name}: it is not Python: {problem}") from None


def _lacks_a_sign(line):
    """Whether two factors follow each other, as in w[j, i] x[i], which are no words of Python."""
    pairs = re.findall(r"(\w+|[\])]) +(\w+)[\[(]", line)
    return any(not keyword.iskeyword(one) and not keyword.iskeyword(other) for one, other in pairs)


def _definitions(tree, name):
    """Names that the file itself defines, outside of functions, with their nodes; and notes on those defined twice."""
    found, notes = {}, []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            new = [node.name]
        elif isinstance(node, ast.Assign):
            new = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            new = [alias.asname or alias.name for alias in node.names]
        else:
            continue
        for other in new:
            if other in found and other in names():
                lines = f"lines {found[other].lineno} and {node.lineno}"
                notes.append(f"{name}, {lines}: {other} is defined twice; the last counts")
            found[other] = node
    return found, notes


def _called(node, name):
    """The exercises, other than its own, whose functions a definition calls, in the lecture's order."""
    called = {part.func.id for part in ast.walk(node) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)}
    return [exercise for exercise in names() if exercise in called and exercise != name]


def _imports_all(tree):
    return any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body)


def is_blank(node):
    """Whether a function has nothing but its docstring, `...` or `pass`."""
    if not isinstance(node, ast.FunctionDef):
        return False
    rest = [part for part in node.body if not isinstance(part, ast.Pass)]
    return all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in rest)


def _seed(tree, name):
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["SEED"]:
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            if type(value) is not int:
                came = ast.unparse(node.value)[:40]
                raise ValueError(f"{name}, line {node.lineno}: SEED must be an integer from 0 on, got {came}")
            return value
    return 0


def student_of(path):
    """The name of a student whose file this is: the file's without its ending."""
    return re.sub(r"\.py$", "", os.path.basename(path))
