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
from fastbp.engine.tiles import epoch as engine
from fastbp.lecture import differences, loops, matrix
from tests.cases import UNCOMPILED

SMALL = (
    "import sys; from fastbp import cli; from fastbp.cli import demo; demo.SIZES = (64, 2, 10); "
    "sys.exit(cli.main(['demo', '--epochs', '2']))"
)
ROW = re.compile(r" +(\d+) +([\d.]+) +([\d.]+)% +([\d.]+) +([\d.]+) +([\d.]+)% +([\d.]+)")


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


def test_a_line_an_epoch_and_three_comparisons(small_network, capsys):
    assert cli.main(["demo", "--epochs", "2", "--dtype", "float64"]) == 0
    printed = capsys.readouterr().out
    rows = ROW.findall(printed)
    assert [int(row[0]) for row in rows] == [1, 2]
    assert all(row[1:3] == row[4:6] for row in rows), "loops and matrix products learn the same"
    apart = float(re.search(r"at most ([\d.e+-]+) apart \(the largest", printed)[1])
    assert apart < 1e-12
    loops, matrix, ratio = map(
        float, re.search(r"loops ([\d.]+) ms, matrix ([\d.]+) ms, ratio (\d+\.\d+)", printed).groups()
    )
    assert ratio == pytest.approx(matrix / loops, rel=0.05, abs=0.006)
    parameters, apart = re.search(
        r"times as long for (\d+) parameters; the two are at most ([\d.e+-]+) apart", printed
    ).groups()
    assert int(parameters) == 64 * 2 + 2 + 2 * 10 + 10
    assert float(apart) < 1e-7


def test_each_column_is_what_its_heading_says(small_network, monkeypatch, capsys):
    """The matrix column is trained by matrix products, and the last lines compare with differences."""
    demo.compile_engine("float32")  # before kernels that others call are replaced
    called = []

    def spy(module, name):
        kernel = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *arguments: called.append((module, name)) or kernel(*arguments))

    for module, name in ((engine, "epoch"), (matrix, "epoch"), (loops, "gradient"), (differences, "gradient")):
        spy(module, name)
    assert cli.main(["demo", "--epochs", "2", "--dtype", "float32"]) == 0
    printed = capsys.readouterr().out
    assert called.count((matrix, "epoch")) == 2
    assert called.count((engine, "epoch")) == 3  # one of them compiles
    assert called.count((differences, "gradient")) == 2
    assert called.count((loops, "gradient")) > 10
    assert float(re.search(r"at most ([\d.e+-]+) apart \(the largest", printed)[1]) > 0, "float32 rounds differently"
    seconds = re.search(r"loops ([\d.]+) ms, matrix ([\d.]+) ms", printed).groups()
    rows = ROW.findall(printed)
    for column, total in ((3, seconds[0]), (6, seconds[1])):
        assert sum(float(row[column]) for row in rows) * 1e3 == pytest.approx(float(total), abs=0.03)


def test_the_accuracy_of_each_column_is_that_of_its_network(small_network, monkeypatch, capsys):
    def spoiled(theta, *arguments, epoch=matrix.epoch):
        loss = epoch(theta, *arguments)
        theta[:] = 0
        return loss

    monkeypatch.setattr(matrix, "epoch", spoiled)
    assert cli.main(["demo", "--epochs", "1"]) == 0
    (row,) = ROW.findall(capsys.readouterr().out)
    labels = demo.digits("float32")[3]
    assert row[2] != row[5] == f"{(labels == 0).mean():.1%}"[:-1]


@pytest.mark.skipif(UNCOMPILED, reason="takes the loops minutes in the interpreter")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_main_job_gets_97_percent_of_a_held_out_third_right(dtype):
    done = subprocess.run(
        [sys.executable, "-m", "fastbp", "--dtype", dtype], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = ROW.findall(done.stdout)
    assert len(rows) == 30
    assert min(float(rows[-1][2]), float(rows[-1][5])) >= 97
    assert "1198 images to learn from, 599 others to test on" in done.stdout


def test_no_test_image_is_learned_from():
    X, D, X_test, labels_test = demo.digits("float64")
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
            [sys.executable, "-c", SMALL], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert (done.returncode, done.stderr) == (1, "error: cannot write: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_stops_early_is_no_error_message():
    process = subprocess.Popen([sys.executable, "-c", SMALL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=120) == 1
    process.stderr.close()
