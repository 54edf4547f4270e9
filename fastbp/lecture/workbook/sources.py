"""The solutions as text: the lecture's own loops, read from the files that ship, with all that they need to run."""

import ast
import functools
from pathlib import Path

LECTURE = Path(__file__).parent.parent
PLACES = (
    *(LECTURE / "loops" / f"{module}.py" for module in ("activations", "derivatives", "errors", "layers", "updates")),
    Path(__file__).parent / "solutions.py",
)
COMPILED = "fastbp.compiler.scalars"  # which only compiled code can call; the workbook has the same in plain Python
PLAIN = "fastbp.lecture.workbook.scalars"


def solution_parts(name):
    """{name: text} of what the solution of an exercise is made of; the last part is the function itself.

    The others stand for what a loop of the lecture takes from elsewhere: a constant, a function, an import. Functions
    of other exercises are none of them: where they are called, those of the student are meant. NumPy is `np`.
    """
    parts = {}
    _add(name, next(file for file in PLACES if name in _definitions(file)), parts)
    return parts


@functools.cache
def _definitions(file):
    """{name: node} of what stands at the top of a file: functions, constants and imports."""
    found = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name: node for alias in node.names}
    return found


def _add(name, file, parts):
    """The part `name` as it stands in `file`, after those that it needs."""
    node = _definitions(file)[name]
    if isinstance(node, ast.ImportFrom):
        home = LECTURE.parent.joinpath(*node.module.split(".")[1:]).with_suffix(".py")
        if node.module == COMPILED:
            parts[name] = f"from {PLAIN} import {name}"
        elif home in PLACES:
            _add(name, home, parts)
        return  # what comes from the package of all loops is another exercise
    used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    decorators = {part.id for part in getattr(node, "decorator_list", ()) if isinstance(part, ast.Name)}
    for other in sorted(used & _definitions(file).keys() - decorators - parts.keys() - {name}):
        _add(other, file, parts)
    lines = file.read_text(encoding="utf-8").splitlines()[node.lineno - 1 : node.end_lineno]
    parts[name] = "\n".join(lines)
