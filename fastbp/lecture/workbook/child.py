"""What runs in the child process: the student's file, and each of its functions before the judge.

Each phase is told before it begins, so that the parent (limits.py) knows what has not ended, or has ended the process.
"""

import contextlib
import json
import os
import signal
import sys
import traceback
import types
import warnings

from fastbp.lecture import workbook

MODULE = "exercises of a student"  # no name that anything else can have
SPARE = 10  # seconds after which a child ends by itself, should its parent be gone


def main(task):
    """Carries out a task, a dictionary that limits.py has made; what there is to tell goes to standard output.

    Whatever else is written there goes to standard error: only the parent's lines may stand between the two.
    """
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)

    def tell(what, value=None):
        if what == "phase" and hasattr(signal, "alarm"):
            signal.alarm(int(task["seconds"][value]) + SPARE)
        channel.write(json.dumps([what, value]) + "\n")
        channel.flush()

    warnings.simplefilter("ignore")  # a student's code warns in the judge's notes
    tell("phase", "import")
    found, problem = imported(task["path"])
    if problem:
        tell("problem", problem)
    elif task["training"]:
        _train(task, found, tell)
    else:
        _judge(task, found, tell)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a student may have closed them, or put others in their place
            stream.flush()
    tell("done")
    os._exit(0)  # no thread of a student's keeps it


def imported(path):
    """What the file defines, a dictionary of names; and what is wrong, in a sentence, None if nothing is."""
    module = types.ModuleType(MODULE)
    module.__file__ = path
    sys.modules[MODULE] = module
    name = os.path.basename(path)
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        exec(code, vars(module))
    except BaseException as problem:  # Ctrl-C does not come here: whatever is raised, the file raises
        lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == path]
        where = f"{name}, line {lines[-1]}" if lines else name
        return None, f"{where}: {_meaning(problem)}"
    return vars(module), None


def _meaning(problem):
    text, kind = " ".join(str(problem).split())[:200], type(problem).__name__
    if isinstance(problem, SystemExit):
        return "it ends Python (exit, quit or sys.exit) when it is imported; take that line out"
    if isinstance(problem, ModuleNotFoundError):
        return f"it imports {problem.name!r}, which is not installed; the exercises need NumPy and math alone"
    if isinstance(problem, EOFError):
        return "it asks for input when it is imported, and nobody answers here; take that line out"
    if isinstance(problem, ImportError) and "circular" in text:
        return "it imports itself, or another file that imports it; functions of this file need no import"
    if isinstance(problem, NameError):
        return f"{text}; is it spelt as where it was defined, or its import missing?"
    if isinstance(problem, RecursionError):
        return "a function calls itself without an end"
    if isinstance(problem, SyntaxError):  # of a file that it imports
        return f"{os.path.basename(problem.filename or '?')}, line {problem.lineno}, is not Python: {problem.msg}"
    return f"it fails when it is imported: {kind}: {text}" if text else f"it fails when it is imported: {kind}"


def _judge(task, found, tell):
    for name in task["names"]:
        tell("exercise", name)
        result = None
        if name in found:
            how = {"limit": task["seconds"]["plain"], "phase": lambda phase: tell("phase", phase)}
            result = workbook.check(name, found[name], task["seed"], **how).as_dict()
        tell("result", result)


def _train(task, found, tell):
    how = {"limit": task["seconds"]["plain"], "phase": lambda phase: tell("phase", phase)}
    tell("trained", str(workbook.train_digits(found, task["seed"], **how)))
