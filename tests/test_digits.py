"""The data set in the package, and the main job: python -m fastbp."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

import fastbp
from fastbp import cli
from fastbp.cli import demo
from fastbp.compiler import notice
from fastbp.datasets import digits_in_two
from fastbp.engine import entries as engine
from fastbp.lecture import entries, matrix
from tests.cases import UNCOMPILED

SMALL = (
    "import sys; from fastbp import cli; from fastbp.cli import demo; demo.SIZES = (64, 2, 10); "
    "sys.exit(cli.main(['demo', '--epochs', '2']))"
)
ROW = re.compile(r"^ +(\d+)" + r" +([\d.]+) +([\d.]+)% +([\d.]+)" * 3 + "$", re.MULTILINE)
TIMES = re.compile(r"loops ([\d.]+) ms, engine ([\d.]+) ms, matrix ([\d.]+) ms\.")


def test_the_images_are_those_of_the_source():
    X, labels = fastbp.load_digits()
    expected = sklearn.datasets.load_digits()
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X * 16, expected.data)
    np.testing.assert_array_equal(labels, expected.target)


def test_the_data_are_small_and_name_source_and_licence():
    folder = Path(fastbp.__file__).parent / "data"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 100_000
    text = (folder / "README.md").read_text()
    assert "10.24432/C50P49" in text
    assert "CC BY 4.0" in text


@pytest.fixture
def small_network(monkeypatch):
    """Quick to train where each loop is interpreted."""
    monkeypatch.setattr(demo, "SIZES", (64, 2, 10))


def test_a_line_an_epoch_and_comparisons(small_network, capsys):
    assert cli.main(["demo", "--epochs", "3", "--dtype", "float64"]) == 0
    printed = capsys.readouterr().out
    rows = ROW.findall(printed)
    assert [int(row[0]) for row in rows] == [1, 2, 3]
    assert all(row[1:3] == row[4:6] == row[7:9] for row in rows), "they learn the same"
    apart = re.search(r"at most ([\d.e+-]+) apart, those of engine and matrix ([\d.e+-]+)\n\(the largest", printed)
    assert all(float(one) < 1e-12 for one in apart.groups())
    loops, engine, matrix = map(float, TIMES.search(printed).groups())
    assert f"the median of {len(rows)}: loops " in printed
    ratios = re.search(r"loops are ([\d.]+) times as fast as matrix, the engine is ([\d.]+) times as fast\.", printed)
    for ratio, took in zip(ratios.groups(), (loops, engine), strict=True):
        assert matrix / (took + 0.006) - 0.02 < float(ratio) < (matrix + 0.006) / max(took - 0.006, 1e-9) + 0.02
    parameters, apart = re.search(
        r"times as long for (\d+) parameters; the two are at most ([\d.e+-]+) apart", printed
    ).groups()
    assert int(parameters) == 64 * 2 + 2 + 2 * 10 + 10
    assert float(apart) < 1e-7


def test_each_column_is_what_its_heading_says(small_network, monkeypatch, capsys):
    """Each is trained by its own epoch, and the last lines compare with differences."""
    demo.compile_versions("float32")  # before kernels that others call are replaced
    demo.compile_gradients()
    called = []

    def spy(module, name):
        kernel = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *arguments: called.append((module, name)) or kernel(*arguments))

    epochs = [(entries, "epoch"), (engine, "epoch"), (matrix.epoch, "unchecked")]
    gradients = [(entries, "gradient"), (entries, "gradient_by_differences")]
    for module, name in (*epochs, *gradients):
        spy(module, name)
    assert cli.main(["demo", "--epochs", "2", "--dtype", "float32"]) == 0
    printed = capsys.readouterr().out
    compiled, trained = called[:3], called[3:9]
    assert compiled == epochs
    assert trained == epochs * 2
    assert called.count((entries, "gradient_by_differences")) == 2
    assert called.count((entries, "gradient")) > 10
    heading = next(line for line in printed.splitlines() if line.split() == ["loops", "engine", "matrix"])
    first = ROW.search(printed)
    for column, version in enumerate(("loops", "engine", "matrix")):
        assert first.start(3 * column + 2) - first.start() <= heading.index(version) + 8 < first.end(3 * column + 4)
    medians = [float(median) for median in TIMES.search(printed).groups()]
    rows = ROW.findall(printed)
    for column, median in zip((3, 6, 9), medians, strict=True):
        assert np.median([float(row[column]) for row in rows]) == pytest.approx(median, abs=0.011)


def test_what_is_compiled_is_told_before_it_is(small_network, monkeypatch, capsys):
    """And nowhere else."""
    monkeypatch.setattr(notice, "_TOLD", [])
    monkeypatch.setattr(demo, "compile_gradients", notice._tell)
    assert cli.main(["demo", "--epochs", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for what in ("loops", "engine", "gradients"):
        assert re.search(rf"^  {what} \.\.\. \d+\.\d s$", printed.out, re.MULTILINE)


def test_the_accuracy_of_each_column_is_that_of_its_network(small_network, monkeypatch, capsys):
    def spoiled(theta, *arguments, epoch=matrix.epoch.unchecked):
        loss = epoch(theta, *arguments)
        theta[:] = 0
        return loss

    monkeypatch.setattr(matrix.epoch, "unchecked", spoiled)
    assert cli.main(["demo", "--epochs", "1"]) == 0
    (row,) = ROW.findall(capsys.readouterr().out)
    labels = digits_in_two("float32")[3]
    assert row[2] == row[5] != row[8] == f"{(labels == 0).mean():.1%}"[:-1]


@pytest.mark.skipif(UNCOMPILED, reason="takes the loops minutes in the interpreter")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_main_job_gets_97_percent_of_a_held_out_third_right(dtype):
    done = subprocess.run(
        [sys.executable, "-m", "fastbp", "--dtype", dtype], capture_output=True, text=True, timeout=600
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = ROW.findall(done.stdout)
    assert len(rows) == 30
    assert min(float(rows[-1][column]) for column in (2, 5, 8)) >= 97
    assert "1198 images to learn from, 599 others to test on" in done.stdout


def test_no_test_image_is_learned_from():
    X, D, X_test, labels_test = digits_in_two("float64")
    assert len(X) == len(D) == 1198
    assert len(X_test) == len(labels_test) == 599
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    images = fastbp.load_digits()[0]
    mean = images[np.arange(1797) % 3 != 2].astype("float64").mean(axis=0)
    np.testing.assert_allclose(X_test / 2 + mean, images[2::3], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "argument --epochs: must be at least 1, got 0"),
        (["--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
        (["--learning-rate", "-1"], "--learning-rate must be positive and finite in float32, got -1.0"),
        (["--learning-rate", "nan"], "--learning-rate must be positive and finite in float32, got nan"),
        (["--learning-rate", "1e300"], "error: --learning-rate must be positive and finite in float32, got 1e+300\n"),
        (["--seed", "-3"], "argument --seed: must be at least 0, got -3"),
        (["--dtype", "float16"], "argument --dtype: invalid choice: 'float16'"),
        (["--speed"], "unrecognized arguments: --speed"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["demo", *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # uncompiled, the prediction between the epochs says so
def test_a_demonstration_that_diverges_fails_in_one_line(small_network, monkeypatch, capsys):
    monkeypatch.setattr(demo, "BATCH", 1198)  # a step an epoch: the first makes the parameters large, the second bursts
    assert cli.main(["demo", "--epochs", "9", "--learning-rate", "1e37"]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error: training diverged in epoch 2 with SGD(learning_rate=1e+37)")
    assert "parameters are those of epoch 1" in printed.err
    assert printed.err.count("\n") == 1
    assert len(ROW.findall(printed.out)) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", SMALL], stdout=full, stderr=subprocess.PIPE, text=True, timeout=600
        )
    assert (done.returncode, done.stderr) == (1, "error: cannot write: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_stops_early_is_no_error_message():
    process = subprocess.Popen([sys.executable, "-c", SMALL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=600) == 1
    process.stderr.close()
