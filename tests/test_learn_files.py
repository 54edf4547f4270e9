"""The student's file: read, judged in a process of its own whatever it does; and the results of a class."""

import csv
import io
import json
import os
import re
import time

import pytest

from fastbp.lecture import workbook
from fastbp.lecture.workbook import collect, files, limits
from fastbp.lecture.workbook.results import Result
from tests.cases import UNCOMPILED

RELU = "def relu(u, y):\n    for j in range(u.size):\n        y[j] = u[j] if u[j] >= 0 else 0.0\n"
BRIEF = {"import": 1.0, "plain": 1.0}  # seconds, for what does not end


def judged(folder, text, *names, seconds=None):
    """Results by name, and notes."""
    (folder / "exercises.py").write_text(text)
    told = [*limits.judged(str(folder / "exercises.py"), names, 0, seconds)]
    return (
        {value.name: value for what, value in told if what == "result"},
        [value for what, value in told if what == "note"],
    )


# ---- What is written and read ----------------------------------------------------------------------------------------


def test_a_new_file_has_every_exercise_and_nothing_begun(tmp_path):
    files.write(tmp_path / "mine.py", files.blank(7, "mine.py"))
    found = files.read(tmp_path / "mine.py")
    calls = {name: [] for name in workbook.names()}
    assert found == {"seed": 7, "begun": [], "blank": [*workbook.names()], "calls": calls, "notes": []}
    text = (tmp_path / "mine.py").read_text()
    assert "fastbp learn check mine.py" in text
    assert max(map(len, text.splitlines())) <= 120
    assert [*files.PARTS] == [name for name in workbook.names() if name in files.PARTS]
    assert workbook.names()[0] in files.PARTS


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine.py").write_text("work of a week")
    with pytest.raises(ValueError, match=r"mine\.py is already there, and is not written over; give the new file an"):
        files.write(tmp_path / "mine.py", "new")
    assert (tmp_path / "mine.py").read_text() == "work of a week"
    with pytest.raises(ValueError, match="is a folder; give the new file another name"):
        files.write(tmp_path, "new")
    with pytest.raises(FileNotFoundError):
        files.write(tmp_path / "no folder" / "mine.py", "new")


BEGUN = {
    "def relu(u, y):\n    ...\n": False,
    "def relu(u, y):\n    'a docstring'\n": False,
    "def relu(u, y):\n    '''a docstring'''\n    ...\n    pass\n": False,
    "def relu(u, y): pass\n": False,
    "def relu(u, y):\n    y[:] = 0\n": True,
    "def relu(u, y):\n    return\n": True,
    "def relu(u, y):\n    '''a docstring'''\n    ...\n    y[:] = 0\n": True,
    "relu = lambda u, y: 0\n": True,
    "relu = 3\n": True,
    "from others import relu\n": True,
    "class relu: pass\n": True,
    "async def relu(u, y): ...\n": True,
}


@pytest.mark.parametrize("text", BEGUN)
def test_what_counts_as_begun(text, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    found = files.read(tmp_path / "mine.py")
    assert (found["begun"], found["blank"]) == ((["relu"], []) if BEGUN[text] else ([], ["relu"]))


def test_slips_in_names_are_told(tmp_path):
    (tmp_path / "mine.py").write_text(RELU + "def sigmiod(u, y):\n    y[:] = 0\n\ndef dot(a, b): return 0\n" + RELU)
    assert files.read(tmp_path / "mine.py")["notes"] == [
        "mine.py, lines 1 and 8: relu is defined twice; the last counts",
        "mine.py, line 4: 'sigmiod' is no exercise; did you mean 'sigmoid'?",
    ]


UNREADABLE = {
    "mine.py: it is empty; fastbp learn start writes": b" \n",
    "mine.py: it is no text, and so no Python": b"\x89PNG\r\n\0\0",
    "mine.py, line 2, is not Python: '(' was never closed:  y = (1": b"x = 1\ny = (1\n",
    "line 1, is not Python: expected ':' (the line ends in a colon):  def relu(u, y)": b"def relu(u, y)\n    ...\n",
    "(entries of an array stand in square brackets, y[j]):  y(1) = 2": b"y(1) = 2\n",
    "mine.py, line 2, is not Python: expected an indented block": b"def relu(u, y):\nx = 1\n",
    "mine.py, line 1, is not Python: invalid syntax:  dear teacher, my file": b"dear teacher, my file",
    "invalid syntax (is there a sign missing, as * of a product?):  y = w[j, i] x[i]": b"y = w[j, i] x[i]\n",
    "invalid syntax:  for j in range(3) x": b"for j in range(3) x\n",
    "(a product needs its sign, 2 * u[j]; a name begins with a letter):  y = 2u[0]": b"y = 2u[0]\n",
    "(one = writes, two == ask whether both are equal)": b"if u[0] = 1:\n    pass\n",
    "(it looks like a space: write the line anew, with the space bar)": "if u:\n    \u3000y = 1\n".encode(),
    "(it only looks like a sign of the keyboard, as minus": "y = \u2212x\n".encode(),
    "is not Python: (unicode error) 'utf-8' codec can't decode": b"x = '\xff'\n",
    "mine.py: it has none of the exercises' functions": b"x = 1\n",
    "mine.py, line 1: 'Relu' is no exercise; did you mean 'relu'?": b"def Relu(u, y): pass\n",
    "mine.py, line 1: SEED must be an integer from 0 on, got 'seven'": b"SEED = 'seven'\ndef relu(u, y): pass\n",
    "mine.py, line 1: SEED must be an integer from 0 on, got -1": b"SEED = -1\ndef relu(u, y): pass\n",
    "mine.py: it has more than 1,000,000 bytes": b"#" * 1_000_001,
}


@pytest.mark.parametrize("expected", UNREADABLE)
def test_what_is_no_file_of_exercises(expected, tmp_path):
    (tmp_path / "mine.py").write_bytes(UNREADABLE[expected])
    with pytest.raises(ValueError, match=re.escape(expected)):
        files.read(tmp_path / "mine.py")


def test_what_is_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder; give the file with your functions, as .*exercises\.py"):
        files.read(tmp_path)
    with pytest.raises(ValueError, match=r"mine\.py: there is no such file; fastbp learn start .*mine\.py writes it"):
        files.read(tmp_path / "mine.py")
    (tmp_path / "mine.ipynb").write_text("{}")
    with pytest.raises(ValueError, match=r"it is a notebook; there,  from fastbp\.lecture import workbook"):
        files.read(tmp_path / "mine.ipynb")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ValueError, match="is no regular file"):
            files.read(tmp_path / "pipe")


# ---- The process -----------------------------------------------------------------------------------------------------


IMPORTS = {
    "line 2: it ends Python (exit, quit or sys.exit) when it is imported": "import sys\nsys.exit()\n",
    "line 1: it imports 'no_package_of_this_name', which is not installed": "import no_package_of_this_name\n",
    "line 2: it fails when it is imported: ZeroDivisionError: division by zero": "def f():\n    1 / 0\n\nf()\n",
    "line 1: it asks for input when it is imported, and nobody answers": "x = input()\n",
    "line 1: name 'nump' is not defined; is it spelt as": "nump.ones(3)\n",
    "line 2: a function calls itself without an end": "def f():\n    f()\n\nf()\n",
    "line 1: it imports itself, or another file that imports it": "from exercises import relu\n",
    "line 1: it fails when it is imported: KeyboardInterrupt": "raise KeyboardInterrupt\n",
    ": it did not end within 1 s when it was imported; a file of exercises holds": "while True:\n    pass\n",
    ": it ended Python with exit status 3 (os._exit?) when it was imported": "import os\nos._exit(3)\n",
    ": it crashed Python": "import ctypes\nctypes.string_at(0)\n",
    "others.py, line 1, is not Python: invalid syntax": "import others\n",
}


@pytest.mark.parametrize("expected", IMPORTS)
def test_files_that_cannot_be_imported(expected, tmp_path):
    (tmp_path / "others.py").write_text("no Python\n")
    with pytest.raises(ValueError, match=rf"^exercises\.py.*{re.escape(expected)}"):
        judged(tmp_path, IMPORTS[expected] + RELU, "relu", seconds=BRIEF)


ENDINGS = {
    "it ended Python with exit status 3": "import os\ndef sigmoid(u, y):\n    os._exit(3)\n",
    "it crashed Python": "import ctypes\ndef sigmoid(u, y):\n    ctypes.string_at(0)\n",
    "it did not end within 1 s": "import time\ndef sigmoid(u, y):\n    time.sleep(100)\n",
    "the system ended it": "import os, signal\ndef sigmoid(u, y):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
}


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("expected", ENDINGS)
def test_the_others_go_on_after_one_that_does_not_end(expected, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "GRACE", 2.0)
    results, notes = judged(tmp_path, ENDINGS[expected] + RELU, "sigmoid", "relu", seconds=BRIEF)
    assert results["sigmoid"].status == "error"
    assert expected in results["sigmoid"].message
    assert results["relu"].status == "right"
    assert notes == []


def test_a_loop_without_an_end_is_told_with_its_line(tmp_path):
    text = "def sigmoid(u, y):\n    j = 0\n    while j < u.size:\n        y[j] = 0.5\n"
    results, _ = judged(tmp_path, text + RELU, "sigmoid", "relu", seconds=BRIEF)
    assert results["sigmoid"].status == "error"
    assert "did not end within 1 s" in results["sigmoid"].message
    assert "line " in results["sigmoid"].message
    assert results["relu"].status == "right"


@pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled")
def test_a_loop_without_an_end_in_compiled_code_is_ended(tmp_path):
    """2^64 is 0 in compiled code, where integers have 64 bits; nothing but another process can stop it.

    (It prints, because LLVM leaves out loops that do nothing; as much as it can, and only the beginning is kept.)
    """
    text = "def bias_gradient(delta, db):\n    power = 1\n    for j in range(64):\n        power <<= 1\n"
    text += "    while power == 0:\n        print(power)\n    for j in range(db.size):\n        db[j] = delta[j]\n"
    results, _ = judged(tmp_path, RELU + text, "relu", "bias_gradient", seconds={"compiled": 1.0})
    assert results["relu"].status == "right"
    assert results["bias_gradient"].status == "error"
    assert "compiled by Numba it did not end within 1 s" in results["bias_gradient"].message


def test_a_function_that_is_not_there(tmp_path):
    results, _ = judged(tmp_path, RELU, "sigmoid", "relu")
    assert results["sigmoid"].status == "not begun"
    assert results["sigmoid"].message == "exercises.py has no function sigmoid"
    assert results["relu"].status == "right"


def test_streams_that_a_file_has_closed(tmp_path):
    results, _ = judged(tmp_path, "import sys\nsys.stdout.close()\nsys.stderr = None\n" + RELU, "relu")
    assert results["relu"].status == "right"


def test_what_is_printed_is_bounded_and_noted(tmp_path):
    text = "import os\nprint('hello')\n"
    results, notes = judged(tmp_path, text + RELU, "relu")
    assert results["relu"].status == "right"
    assert notes == ["it prints, which nobody reads here: 'hello'"]
    flood = "import os\nfor i in range(500):\n    os.write(1, b'x' * 100_000)\n"
    results, notes = judged(tmp_path, flood + RELU, "relu")
    assert results["relu"].status == "right"
    assert len(notes[0]) < 150


def test_modules_beside_the_file_can_be_imported_but_replace_none_of_ours(tmp_path):
    for other in ("numpy", "numba", "json", "fastbp", "random"):
        (tmp_path / f"{other}.py").write_text("raise SystemExit\n")
    (tmp_path / "beside.py").write_text("ZERO = 0.0\n")
    text = "import numpy, random\nfrom beside import ZERO\nassert random.random() < 1\n"
    results, notes = judged(tmp_path, text + RELU.replace("0.0", "ZERO"), "relu")
    assert results["relu"].status == "right", results["relu"].message
    assert notes == []
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.skipif(os.name == "nt", reason="groups of processes")
def test_nothing_that_a_file_starts_is_left_behind(tmp_path):
    lives = f"import time\nwhile True:\n    open({str(tmp_path / 'lives')!r}, 'a').write('x')\n    time.sleep(0.01)\n"
    text = "import os, subprocess, sys, threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
    text += f"subprocess.Popen([sys.executable, '-c', {lives!r}])\n"
    text += f"while not os.path.exists({str(tmp_path / 'lives')!r}):\n    time.sleep(0.01)\n"
    results, _ = judged(tmp_path, text + RELU, "relu")
    assert results["relu"].status == "right"
    size = (tmp_path / "lives").stat().st_size
    time.sleep(0.2)
    assert (tmp_path / "lives").stat().st_size == size


# ---- A class ---------------------------------------------------------------------------------------------------------


def result(name, status, message="", **more):
    return Result(name, 1, "1", status, message, **more)


def test_a_table_of_a_class(tmp_path):
    ada = [result("sigmoid", "right"), result("relu", "wrong", message="no"), result("softmax", "not begun")]
    for name, results, problem in (("ada", ada, ""), ('=b"ob', [], "line 3, is not\nPython")):
        text = collect.document(name, 7, "1.0", results, problem=problem)
        (tmp_path / f"{len(name)}.json").write_text(text)
    rows = [*csv.DictReader(io.StringIO(collect.table([tmp_path / "3.json", tmp_path / "5.json"])[0]))]
    assert [*rows[0]] == ["student", "seed", *workbook.names(), "right", "problem"]
    assert [row["student"] for row in rows] == ["ada", "'=b\"ob"]
    assert [row["right"] for row in rows] == ["1", "0"]
    assert (rows[0]["sigmoid"], rows[0]["relu"], rows[0]["softmax"], rows[0]["epoch"]) == (
        "right", "wrong", "not begun", "",
    )  # fmt: skip
    assert rows[1]["problem"] == "line 3, is not Python"


def test_powershell_writes_utf_16(tmp_path):
    (tmp_path / "a.json").write_text(collect.document("Ä", 0, "1.0", []), encoding="utf-16")
    assert collect.table([tmp_path / "a.json"])[0].splitlines()[1].startswith("Ä,0,")


def test_a_document_has_no_number_that_is_none():
    text = collect.document("ada", 0, "1.0", [result("relu", "wrong", witnesses=[float("nan")])])
    assert "nan" in json.dumps(json.loads(text, parse_constant=lambda name: pytest.fail(name)))


GOOD = {"format": collect.FORMAT, "student": "ada", "seed": 0, "problem": "", "results": []}
DOCUMENTS = {
    "it is empty; fastbp learn check FILE --json prints": "",
    "it is no JSON: Expecting value": "sigmoid: right",
    "it is no JSON: maximum recursion": "[" * 100_000,
    "it is not what  fastbp learn check FILE --json  prints": "[1]",
    "'student' must be a text, got 3": GOOD | {"student": 3},
    "'seed' must be an integer, got True": GOOD | {"seed": True},
    "'results' must be a list of results, got [1]": GOOD | {"results": [1]},
    "'sigmiod' is no exercise of this version of fastbp; did you mean 'sigmoid'?": GOOD
    | {"results": [{"name": "sigmiod", "status": "right"}]},
    "[] is no exercise of this version": GOOD | {"results": [{"name": [], "status": "right"}]},
    "the status of relu must be one of ('right', ": GOOD | {"results": [{"name": "relu", "status": "great"}]},
}


@pytest.mark.parametrize("expected", DOCUMENTS)
def test_files_that_are_no_results(expected, tmp_path):
    content = DOCUMENTS[expected]
    path = tmp_path / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    good = tmp_path / "good.json"
    good.write_text(json.dumps(GOOD))
    text, problems = collect.table([path, good])
    assert [line.split(",")[0] for line in text.splitlines()] == ["student", "ada"]
    assert [problem.startswith(f"{path}: {expected}") for problem in problems] == [True], problems


def test_folders_and_files_that_are_not_there_are_no_results(tmp_path):
    assert collect.table([tmp_path])[1] == [f"{tmp_path} is a folder; give the JSON files in it"]
    nowhere = tmp_path / "nowhere.json"
    assert collect.table([nowhere])[1] == [f"{nowhere}: No such file or directory"]
