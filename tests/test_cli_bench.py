"""fastbp bench: a process of its own, in which NumPy's BLAS is as the output says, and which ends with the command."""

import os
import re
import signal
import subprocess
import sys

import pytest

from fastbp import cli
from fastbp.cli import bench, laps
from tests.cases import UNCOMPILED
from tests.cli_cases import RUN

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="times what is compiled")
TIME = r"([\d.e+]+) \((\d+\.\d\d)\)(!?) +"
ROW = re.compile(rf"^([\d-]+) +(\d+) +{TIME * 3}([\d.]+) +([\d.]+)$", re.MULTILINE)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(bench, "ROWS", bench.ROWS[:2])
    monkeypatch.setattr(bench, "LAPS", 2)


def test_a_line_for_each_network(quick, capsys):
    assert cli.main(["bench", "--dtype", "float64"]) == 0
    shown = capsys.readouterr().out
    rows = ROW.findall(shown)
    assert [row[:2] for row in rows] == [("4-8-3", "1"), ("10-32-1", "32")]
    for row in rows:
        loops, engine, matrix = (float(row[place]) for place in (2, 5, 8))
        assert matrix / loops / 2 < float(row[11]) < 2 * matrix / loops
        assert matrix / engine / 2 < float(row[12]) < 2 * matrix / engine
        assert all(float(spread) >= 1 for spread in row[3:10:3])
    assert ("!" in "".join(row[4] + row[7] + row[10] for row in rows)) == ("warning: where there is an excl" in shown)
    assert re.search(r"\nfastbp \d.*, Python \d.*, Numba \d.*, NumPy \d.*\nmatrix: ", shown)
    assert "\nfloat64, 1 thread, medians of 2 laps in turn\n" in shown


def test_the_blas_is_what_it_is_by_itself_and_has_the_threads_that_are_messages(quick, monkeypatch, capsys):
    """Whatever the environment says."""
    pytest.importorskip("threadpoolctl")
    monkeypatch.setattr(bench, "ROWS", [])
    told = []
    for coretype in ("Prescott", "Haswell"):
        monkeypatch.setenv("OPENBLAS_CORETYPE", coretype)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert cli.main(["bench"]) == 0
        (line,) = re.findall("^matrix: .*", capsys.readouterr().out, re.MULTILINE)
        assert "1 thread" in line or "does not know" in line
        told.append(line)
    assert told[0] == told[1]


def test_what_the_process_finds_in_its_environment(monkeypatch):
    found = []
    monkeypatch.setattr(subprocess, "Popen", lambda *args, env, **how: found.append(env) or 1 / 0)
    for name in (*bench.UNSET, *bench.LIMITS, "OMP_NUM_THREADS", "ELSE"):
        monkeypatch.setenv(name, "7")
    with pytest.raises(ZeroDivisionError):
        next(bench._messages("float32", 3))
    assert not {*bench.UNSET, *bench.LIMITS} & found[0].keys()
    assert {found[0][name] for name in bench.THREADS} == {"3"}
    assert found[0]["ELSE"] == "7"
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_more_threads_than_cores_are_refused(capsys):
    assert cli.main(["bench", "--threads", "4096"]) == 1
    shown = capsys.readouterr()
    assert re.fullmatch(r"error: --threads must be at most \d+, the cores that it may use, got 4096\n", shown.err)
    assert shown.out == ""


def test_versions_that_do_not_learn_the_same_are_not_timed(monkeypatch):
    assert laps.prepared((2, 3, 1), 8, "float64", 1)[0] is None
    monkeypatch.setitem(laps.SAME, "float32", 0.0)
    problem, _ = laps.prepared((30, 40, 3), 32, "float32", 1)
    assert re.fullmatch(r"the versions of \(30, 40, 3\) must learn the same, their parameters are .* apart", problem)


def test_laps_that_differ_by_more_than_a_third_are_marked(capsys):
    even = {"loops": [1e-6, 1.3e-6], "engine": [1e-6, 1e-6], "matrix": [4e-6, 5.2e-6]}
    assert not bench._row((2, 1), 1, even)
    assert bench._row((2, 1), 1, even | {"engine": [1e-6, 1.4e-6]})
    marks = [re.findall(r"\)(!?) ", line) for line in capsys.readouterr().out.splitlines()]
    assert marks == [["", "", ""], ["", "!", ""]]


def test_the_ratio_is_that_of_laps_beside_each_other():
    assert bench._ratio([4.0, 40.0, 8.0], [2.0, 20.0, 4.0]) == 2.0


def test_a_process_that_dies_is_messages(monkeypatch, capsys):
    monkeypatch.setattr(bench, "CHILD", "import sys; sys.exit(3)")
    assert cli.main(["bench"]) == 1
    assert capsys.readouterr().err == "error: the measuring process has ended with exit status 3\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("everybody", [True, False])
def test_ctrl_c_ends_both_processes(everybody, tmp_path):
    """A terminal sends it to both; standard error, which both have, is closed when both are gone."""
    process = subprocess.Popen(
        [*RUN, "bench"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    process.stdout.readline()
    (os.killpg if everybody else os.kill)(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    assert err.endswith("error: interrupted\n")
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_stops_early_ends_both_processes():
    process = subprocess.Popen([*RUN, "bench"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    assert process.wait(timeout=600) == 1
    process.stderr.close()
