"""The student's file in a process of its own, with a limit of time for each thing that it does: judged, and trained.

What does not end is killed, what crashes is gone, and the exercises after it go on in a new process.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading

from fastbp.lecture import workbook
from fastbp.lecture.workbook.results import Result

LIMIT = 10.0  # seconds for the student's code: its import, each function plain, each compiled
SECONDS = {  # for each phase; Numba's work takes longer where a machine is slow
    "start": 120.0, "import": LIMIT, "plain": LIMIT, "witnesses": 300.0, "compiling": 300.0, "compiled": LIMIT,
    "training": 300.0,
}  # fmt: skip
GRACE = 5.0  # seconds that the judge has more: it stops a plain loop by itself, and knows the line
MOST = 2000  # bytes that are kept of what is printed

# -I: neither the folder where somebody stands nor the environment can put a module in the place of one of ours.
CHILD = """
import json, sys
task = json.loads(sys.argv[1])
sys.path[:] = task["sys_path"]
from fastbp.lecture.workbook import child
child.main(task)
"""


def judged(path, names, seed=0, seconds=None):
    """Judges functions of a file, as `check` does, in a process of its own.

    Parameters
    ----------
    path : str
        The student's file.
    names : sequence of str
        Exercises; those that the file has not are "not begun".
    seed : int
        Of the exercises.
    seconds : dict, optional
        Other limits for some phases than those in SECONDS.

    Yields
    ------
    what, value : str and Result or str
        "status": what happens now; "result": of an exercise, in their order; "note": of the whole file.

    Raises
    ------
    ValueError
        In a sentence, if the file cannot be imported.
    """
    left, noted = [*names], False
    while left:
        name, phase = None, "start"
        for what, value in _messages({"path": path, "names": left, "seed": seed, "training": False}, seconds):
            if what == "exercise":
                name = value
            elif what == "phase":
                phase = value
                yield "status", f"{name or os.path.basename(path)}: {STATUS[phase]}"
            elif what == "result":
                left = left[1:]
                absent = f"{os.path.basename(path)} has no function {name}"
                yield "result", result_of(name, "not begun", absent) if value is None else Result(**value)
            elif what == "printed" and not noted:
                noted = True
                yield "note", f"it prints, which nobody reads here: {value}"
            elif what in ("late", "ended"):
                if name is None or name not in left:
                    raise ValueError(f"{os.path.basename(path)}: {_without_an_end(what, value, phase)}")
                left = left[1:]
                yield "result", result_of(name, "error", _without_an_end(what, value, phase))


def trained(path, seed=0, seconds=None):
    """The digits network, trained by the functions of a file: what `train_digits` says, as a str.

    Raises
    ------
    ValueError
        In a sentence, if it did not come to an end.
    """
    text, phase = "", "start"
    for what, value in _messages({"path": path, "names": [], "seed": seed, "training": True}, seconds):
        if what == "phase":
            phase = value
        elif what == "trained":
            text = value
        elif what in ("late", "ended"):
            raise ValueError(f"training: {_without_an_end(what, value, phase)}")
    return text


def result_of(name, status, message=""):
    """The result of an exercise that its judge has not seen to the end."""
    exercise = workbook.exercise(name)
    return Result(name, exercise.number, exercise.slides, status, message)


STATUS = {
    "import": "imported",
    "plain": "run as it is",
    "witnesses": "compared with its witnesses",
    "compiling": "compiled by Numba",
    "compiled": "run compiled",
    "training": "let learn the digits",
}

LATE = {
    "start": "Python did not start within {0} s; is this machine very busy?",
    "import": "it did not end within {0} s when it was imported; a file of exercises holds functions: put what runs "
    "them under  if __name__ == '__main__':",
    "plain": "it did not end within {0} s; is there a loop that comes to no end, or does it wait for something?",
    "witnesses": "our own functions did not end within {0} s; is this machine very busy?",
    "compiling": "Numba did not compile it within {0} s; is it much longer than the formula?",
    "compiled": "it ends as it is, but compiled by Numba it did not end within {0} s; is there a loop that relies on "
    "an error, or on large integers?",
    "training": "it did not end within {0} s",
}


def _without_an_end(what, value, phase):
    if what == "late":
        return LATE[phase].format(f"{value:g}")
    if phase == "start":
        return f"the process that judges did not start: {value}"
    return f"{value} when it was {STATUS[phase]}"


def _messages(task, seconds):
    """What the child tells, (what, value): its last words, if it had none of its own, are "late" or "ended".

    Raises ValueError with what it calls a problem.
    """
    seconds = SECONDS | (seconds or {})
    folder = os.path.dirname(os.path.abspath(task["path"]))
    others = [place for place in map(os.path.abspath, sys.path) if place != folder]  # it is the last to be looked in
    task = task | {"path": os.path.abspath(task["path"]), "sys_path": [*others, folder], "seconds": seconds}
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", CHILD, json.dumps(task)], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    lines, printed = queue.SimpleQueue(), []
    readers = [
        threading.Thread(target=_pass_on, args=(process.stdout, lines.put), daemon=True),
        threading.Thread(target=_keep_the_beginning, args=(process.stderr, printed), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        yield from _until_the_end(process, lines, printed, readers, seconds)
    finally:
        _kill(process)
        for reader in readers:
            reader.join(1.0)


def _until_the_end(process, lines, printed, readers, seconds):
    phase = "start"
    while True:
        try:
            line = lines.get(timeout=seconds[phase] + (GRACE if phase == "plain" else 0))
        except queue.Empty:
            yield "late", seconds[phase]
            return
        if line is None:  # it has ended, without a word
            process.wait()
            readers[1].join(1.0)
            said = b"".join(printed).decode("utf-8", "replace").split("\n")
            yield "ended", said[-2] if phase == "start" and len(said) > 1 else ending(process.returncode)
            return
        what, value = json.loads(line)
        if what == "problem":
            raise ValueError(value)
        if what == "phase":
            phase = value
        if what == "done":
            break
        yield what, value
    readers[1].join(1.0)  # the child is about to end
    if printed:
        yield "printed", shortened(b"".join(printed).decode("utf-8", "replace"))


def ending(code):
    """What a process with this exit status did, in words."""
    if code == 0:
        return "it ended Python without an error (os._exit?)"
    name = signal.Signals(-code).name if code < 0 else ""
    if name in ("SIGSEGV", "SIGBUS") or code == 0xC0000005:
        return "it crashed Python: something was read or written beside an array"
    if name == "SIGKILL":
        return "the system ended it, as it does with programs for which there is not enough memory,"
    if name:
        return f"it was ended by the signal {name}"
    return f"it ended Python with exit status {code} (os._exit?)"


def shortened(text, most=80):
    """The beginning of a text, quoted, in one line."""
    text = " ".join(text.split())
    return repr(text) if len(text) <= most else f"{text[:most]!r}..."


def _pass_on(pipe, put):
    with pipe:
        for line in pipe:
            put(line)
    put(None)


def _keep_the_beginning(pipe, printed):
    """However much is printed: what is not read would stop the child, what is kept would fill the memory."""
    with pipe:
        while part := pipe.read1(1 << 16):
            if (room := MOST - sum(map(len, printed))) > 0:
                printed.append(part[:room])


def _kill(process):
    """The child, and what it has started, where there are groups of processes."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
