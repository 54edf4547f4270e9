"""fastbp learn, as a student and a teacher meet it: from an empty folder to a class, and every file that is none."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from fastbp import cli
from fastbp.cli import learn_check
from fastbp.lecture import page, workbook
from fastbp.lecture.workbook import files, limits
from tests.cases import UNCOMPILED
from tests.cli_cases import RUN, run

RELU = "def relu(u, y):\n    for j in range(u.size):\n        y[j] = u[j] if u[j] >= 0 else 0.0\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fastbp(here, capsys):
    """Runs a command here, in this process: its exit code, standard output and standard error."""

    def command(*arguments):
        try:
            code = cli.main([*arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return command


def last_line(out):
    return out.rstrip().splitlines()[-1]


# ---- The way of a student --------------------------------------------------------------------------------------------


def test_from_an_empty_folder_what_is_printed_leads_on(fastbp, here):
    """Each `next:` is a command that can be given."""
    code, out, _ = fastbp("learn")
    assert code == 0
    for name in workbook.names():
        assert f"  {workbook.exercise(name).signature}" in out
    assert last_line(out).startswith("next: fastbp learn start ")
    code, out, _ = fastbp("learn", "start")
    assert code == 0
    assert last_line(out).startswith("next: fastbp learn show parameter_shapes ")
    assert last_line(fastbp("learn")[1]).startswith("next: fastbp learn show parameter_shapes ")
    code, out, _ = fastbp("learn", "check")
    assert code == 0
    assert out.count("not begun") >= len(workbook.names())
    assert last_line(out).startswith("next: fastbp learn show parameter_shapes ")
    (here / "exercises.py").rename(here / "mine.py")
    assert "if you have none:  fastbp learn start" in fastbp("learn", "show", "parameter_shapes")[1]
    (here / "mine.py").rename(here / "exercises.py")
    _, out, _ = fastbp("learn", "show", "parameter_shapes")
    assert "then  fastbp learn check exercises.py parameter_shapes" in last_line(out)
    (here / "exercises.py").write_text("def parameter_shapes(l, m, n):\n    return (m, l), (m,), (n, m), (n,)\n")
    _, out, _ = fastbp("learn")
    assert "exercises.py: 1 of 25 begun" in out
    assert last_line(out).startswith("next: fastbp learn check exercises.py ")
    code, out, _ = fastbp("learn", "check", "exercises.py")
    assert code == 0
    assert last_line(out).startswith("next: fastbp learn show sigmoid ")


def test_what_is_wrong_is_told_and_fails(fastbp, here):
    (here / "mine.py").write_text(RELU.replace("0.0", "u[j]") + "def softmax(u, y):\n    ...\n")
    code, out, err = fastbp("learn", "check", "mine.py")
    assert code == 1
    assert "identity" in out
    assert last_line(out) == (
        "next: correct relu, then  fastbp learn check mine.py relu  (a hint: fastbp learn hint relu)"
    )  # fmt: skip
    assert "Traceback" not in out + err
    assert fastbp("learn", "check", "mine.py", "softmax")[0] == 1  # named, and not begun
    (here / "mine.py").write_text(RELU)
    code, out, _ = fastbp("learn", "check", "mine.py", "relu")
    assert code == 0
    assert last_line(out).startswith("next: fastbp learn show softmax ")
    code, out, _ = fastbp("learn", "check", "mine.py", "relu", "sigmoid")
    assert code == 1
    assert "mine.py has no function sigmoid" in out


def test_functions_that_are_called_are_to_be_corrected_first(fastbp, here):
    wrong = "def weighted_sum(x, w, b, u):\n    u[:] = 0\n"
    calls = "def forward(x, w1, b1, w2, b2, u1, y1, u2, y2):\n    weighted_sum(x, w1, b1, u1)\n    relu(u1, y1)\n"
    (here / "mine.py").write_text(f"{RELU}\n\n{wrong}\n\n{calls}")
    assert fastbp("learn", "check", "mine.py", "relu")[0] == 0
    code, out, _ = fastbp("learn", "check", "mine.py")
    assert code == 1
    assert "forward (wrong): it calls 'weighted_sum', which is not right: correct that first. As it is: " in out
    assert last_line(out).startswith("next: correct weighted_sum, then ")


@pytest.mark.parametrize("name", workbook.names())
def test_hints_lead_to_the_solution(name, fastbp):
    step, seen = ["1"], []
    while step:
        code, out, _ = fastbp("learn", "hint", name, *step)
        assert code == 0
        assert last_line(out).startswith("next: fastbp learn check exercises.py ")
        seen.append(out)
        step = re.findall(rf"fastbp learn hint {name} (\d+)", last_line(out))
    assert fastbp("learn", "hint", name)[1] == seen[0]
    assert "(the solution)" in last_line(seen[-2])
    assert workbook.solution(name).strip() in seen[-1]
    assert not any(workbook.solution(name).strip() in out for out in seen[:-1])
    code, _, err = fastbp("learn", "hint", name, str(len(seen) + 1))
    assert code == 2
    assert f"{name} has {len(seen)} steps, of which the last is the solution" in err


@pytest.mark.parametrize("name", workbook.names())
def test_show(name, fastbp):
    code, out, _ = fastbp("learn", "show", name)
    exercise = workbook.exercise(name)
    assert code == 0
    assert out.startswith(f"exercise {exercise.number} of 25: {exercise.signature}\n\n{exercise.formula}")
    assert max(map(len, out.splitlines())) <= 120


def test_numbers_on_paper_are_those_of_the_seed(fastbp):
    fastbp("learn", "start", "--seed", "7")
    here, of_seven = fastbp("learn", "show", "by_hand")[1], fastbp("learn", "show", "by_hand", "--seed", "7")[1]
    assert fastbp("learn", "show", "7")[1] == here
    assert here == of_seven != fastbp("learn", "show", "by_hand", "--seed", "8")[1]


# ---- All solutions, and a class --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """A folder with all solutions, judged once, with their training."""
    folder = tmp_path_factory.mktemp("solved")
    out, _ = run(folder, "learn", "--solutions", "ada.py", "--seed", "3")
    assert out == "written: ada.py\nnext: fastbp learn check ada.py\n"
    return folder, run(folder, "learn", "check", "ada.py")[0]


def test_all_solutions_are_right_and_learn_the_digits(solved):
    _, out = solved
    assert "wrong" not in out
    assert "not begun" not in out
    assert "Your own functions have learned handwritten digits" in out or UNCOMPILED
    assert last_line(out).startswith("next: nothing is left to do here")


@pytest.mark.parametrize("option", [[], ["--no-training"]])
def test_who_has_all_right_sees_the_training(option, fastbp, here, monkeypatch):
    """And one that comes to no end is a sentence. (What judges and trains is left out.)"""

    def judged(path, names, seed, seconds):
        return [("result", limits.result_of(name, "right")) for name in names]

    def trained(path, seed, seconds):
        raise ValueError("training: it did not end within 300 s when it was let learn the digits")

    monkeypatch.setattr(limits, "judged", judged)
    monkeypatch.setattr(limits, "trained", trained)
    (here / "mine.py").write_text(files.solved())
    code, out, _ = fastbp("learn", "check", "mine.py", *option)
    assert code == 0
    assert "25 of 25 right" in out
    assert ("training: it did not end" in out) == ("learn to read handwritten digits" in out) == (not option)
    assert last_line(out).startswith("next: nothing is left to do here")


def test_solutions_go_to_standard_output(solved, fastbp, here):
    code, out, err = fastbp("learn", "--solutions", "--seed", "3")
    assert (code, err) == (0, "")
    assert out == (solved[0] / "ada.py").read_text().replace("check ada.py      ", "check solutions.py")
    (here / "mine.py").write_text("work of a week")
    code, _, err = fastbp("learn", "--solutions", "mine.py")
    assert code == 1
    assert "already there" in err
    assert (here / "mine.py").read_text() == "work of a week"


def test_a_class(solved, here):
    folder, _ = solved
    out, _ = run(folder, "learn", "check", "ada.py", "relu", "by_hand", "--json", "--student", "Ada Ä")
    assert json.loads(out)["right"] == 2
    (folder / "ada.json").write_text(out)
    (folder / "bob.py").write_text("print('hello')\n" + RELU.replace("0.0", "u[j]"))
    out, _ = run(folder, "learn", "check", "bob.py", "--json", code=1)
    assert any("'hello" in note for note in json.loads(out)["notes"])
    (folder / "bob.json").write_text(out)
    (folder / "eve.py").write_text("def relu(u, y:\n")
    out, err = run(folder, "learn", "check", "eve.py", "--json", code=1)
    assert err.startswith("error: eve.py, line 1, is not Python")
    (folder / "eve.json").write_text(out)
    out, err = run(folder, "learn", "collect", "ada.json", "bob.json", "eve.json")
    assert err == ""
    rows = [*csv.DictReader(io.StringIO(out))]
    assert [(row["student"], row["seed"], row["right"]) for row in rows] == [
        ("Ada Ä", "3", "2"), ("bob", "0", "0"), ("eve", "0", "0"),
    ]  # fmt: skip
    assert [row["relu"] for row in rows] == ["right", "wrong", ""]
    assert rows[2]["problem"].startswith("eve.py, line 1, is not Python")
    (folder / "broken.json").write_text("{")
    out, err = run(folder, "learn", "collect", "broken.json", "ada.json", code=1)
    assert [line.split(",")[0] for line in out.splitlines()] == ["student", "Ada Ä"]
    assert err.startswith("error: broken.json: it is no JSON")
    assert run(folder, "learn", "collect", "nowhere.json", code=1)[1].startswith("error: nowhere.json: No such file")


# ---- The page --------------------------------------------------------------------------------------------------------


def test_the_page_is_written(fastbp, here):
    code, out, _ = fastbp("learn", "--page", "out.html", "--language", "ja", "--seed", "3")
    assert code == 0
    assert out.startswith("written: out.html\nnext: open it in a browser")
    assert (here / "out.html").read_text(encoding="utf-8") == page.html(3, "ja")
    code, _, err = fastbp("learn", "--page", "out.html", "--language", "xx")
    assert code == 1
    assert re.match(r"error: language must be one of .*'en'.* got 'xx'", err)
    assert (
        fastbp("learn", "--page", "no folder/out.html")[2] == "error: no folder/out.html: No such file or directory\n"
    )


def test_the_page_is_served_until_ctrl_c(here):
    command = [*RUN, "learn", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = re.fullmatch(r"the page is at (http://127\.0\.0\.1:\d+/)\n", process.stdout.readline())[1]
            assert process.stdout.readline().startswith("next: open that address in a browser; Ctrl-C here ends it")
            with urllib.request.urlopen(address) as answer:
                assert answer.read().decode() == page.html()
            port = address.split(":")[2].strip("/")
            taken = subprocess.run([*command, port], capture_output=True, text=True, timeout=600)
            assert taken.returncode == 1
            assert re.match(
                rf"error: port {port} .*; --serve without a number takes a port that is free$", taken.stderr
            )
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=600) == ("", "")
            assert process.returncode == 0
        finally:
            process.kill()


# ---- Files that are none ---------------------------------------------------------------------------------------------

FAILS = {
    "error: mine.py, line 2, is not Python: ": "x = 1\nrelu(u, y)::\n",
    "error: mine.py: it is empty": "",
    "error: mine.py: it has none of the exercises' functions": "x = 1\n",
    "error: mine.py, line 1: it imports 'no_such_package'": "import no_such_package\n" + RELU,
    "error: mine.py, line 4: it ends Python": RELU + "exit()\n",
    "error: mine.py: it did not end within 1 s when it was imported": RELU + "while True: pass\n",
}


@pytest.mark.parametrize("expected", FAILS)
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_file_that_cannot_be_judged_is_a_sentence(expected, option, fastbp, here, monkeypatch):
    monkeypatch.setattr(learn_check, "SECONDS", {"import": 1.0})
    (here / "mine.py").write_text(FAILS[expected])
    code, out, err = fastbp("learn", "check", "mine.py", *option)
    assert code == 1
    assert err.splitlines()[-2].startswith(expected)
    assert last_line(err) == "next: put that right, then  fastbp learn check mine.py"
    assert "Traceback" not in err
    if option:
        assert json.loads(out)["problem"] in err
    else:
        assert out == ""


def test_what_is_no_file_is_a_sentence(fastbp, here):
    assert fastbp("learn", "check", ".") == (1, "", f"error: . is a folder; give the file with your functions, as "
                                             f"{os.path.join('.', 'exercises.py')}\n")  # fmt: skip
    code, out, err = fastbp("learn", "check", "--json")
    assert (code, out) == (1, "")
    assert err == "error: exercises.py: there is no such file; fastbp learn start exercises.py writes it\n"


def test_a_function_that_does_not_end(fastbp, here, monkeypatch):
    monkeypatch.setattr(learn_check, "SECONDS", {"plain": 1.0})
    (here / "mine.py").write_text("def sigmoid(u, y):\n    while True:\n        pass\n" + RELU)
    code, out, err = fastbp("learn", "check", "mine.py")
    assert code == 1
    assert "did not end within 1 s" in out
    assert re.search(r"relu.* right", out)
    assert last_line(out).startswith("next: correct sigmoid, then ")
    assert "Traceback" not in out + err


def test_what_a_file_prints_does_not_break_the_document(fastbp, here):
    noisy = RELU.replace("for", "print('[')\n    for")
    (here / "mine.py").write_text("import os\nprint('{')\nos.write(1, b'}')\n" + noisy)
    code, out, _ = fastbp("learn", "check", "mine.py", "--json")
    assert code == 0
    assert json.loads(out)["right"] == 1


def test_ctrl_c_ends_the_check_and_what_it_runs(here):
    (here / "mine.py").write_text("import time\ntime.sleep(50)\n" + RELU)
    script = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from fastbp import cli; "
    script += "sys.exit(cli.main(['learn', 'check', 'mine.py']))"
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert "checking mine.py" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.stderr.read() == "error: interrupted\n"
            assert process.wait(timeout=600) == 1
        finally:
            process.kill()


# ---- Usage -----------------------------------------------------------------------------------------------------------

USAGE = {
    "there is no exercise 'sigmiod'; did you mean 'sigmoid'?": ["show", "sigmiod"],
    "there is no exercise '26'; fastbp learn lists them": ["hint", "26"],
    "there is no exercise 'sinus'": ["hint", "sinus"],
    "there is no exercise 'rleu'; did you mean 'relu'?": ["check", "exercises.py", "rleu"],
    "the file comes first: fastbp learn check exercises.py relu sigmoid": ["check", "relu", "sigmoid"],
    "invalid choice: 'chek' (choose from 'start', 'show', 'hint', 'check', 'collect'); did you mean 'check'?": ["chek"],
    "unrecognized arguments: --jsn; did you mean '--json'?": ["check", "--jsn"],
    "unrecognized arguments: --sed; did you mean '--seed'?": ["start", "--sed", "3"],
    "'collect'); unrecognized: --sed; did you mean '--seed'?": ["--sed", "3"],
    "argument --seed: must be at least 0, got -1": ["start", "--seed", "-1"],
    "--student is in the JSON document: give --json, too": ["check", "--student", "Ada"],
    "--language is of the page: give --page or --serve, too": ["--language", "ja"],
    "argument --serve: must be at least 0 and below 65536, got 99999": ["--serve", "99999"],
    "argument --page: must end in .html, got 'exercises.py'": ["--page", "exercises.py"],
    "not allowed with argument": ["--serve", "--page", "out.html"],
    "the following arguments are required: RESULTS.json": ["collect"],
}


@pytest.mark.parametrize("expected", USAGE)
def test_wrong_usage_exits_with_2(expected, fastbp):
    code, out, err = fastbp("learn", *USAGE[expected])
    assert (code, out) == (2, "")
    assert expected in err


@pytest.mark.parametrize("action", [[], ["start"], ["show"], ["hint"], ["check"], ["collect"]])
def test_help_has_an_example_and_the_exit_codes(action, fastbp):
    code, out, _ = fastbp("learn", *action, "--help")
    assert code == 0
    assert f"\n  fastbp {' '.join(['learn', *action])}" in out
    assert "exit status: 0 done, 1 failed, 2 wrong usage" in out


def test_nothing_but_a_check_waits_for_numba(here):
    script = "import sys\nfrom fastbp.cli import main\n"
    script += "for line in ('start', 'show sigmoid', 'hint sigmoid', 'hint sigmoid 9', '--solutions'):\n"
    script += "    try: main(['learn', *line.split()])\n    except SystemExit: pass\n"
    script += "print('numba' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "False"
