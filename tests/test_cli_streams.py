"""The commands and what is around them: help, terminals, pipes, closed streams, Ctrl-C, what nobody can print."""

import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp import cli
from fastbp.compiler import notice
from tests.cases import UNCOMPILED
from tests.cli_cases import COMPILES, FRUIT, NEW, QUICK, RUN, filled, run


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("cli"))


COMMANDS = ("train", "predict", "evaluate", "inspect", "export", "bench", "demo")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert f"\n  fastbp {command}" in shown
    assert "exit status: 0 done, 1 failed, 2 wrong usage" in shown


def test_help_and_version(capsys):
    for arguments, expected in ((["--help"], COMMANDS), (["--version"], [f"fastbp {fastbp.__version__}"])):
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        assert stop.value.code == 0
        shown = capsys.readouterr().out
        assert all(part in shown for part in expected)


@pytest.mark.skipif(UNCOMPILED, reason="trains")
def test_the_examples_of_the_help_run(tmp_path):
    """In the order of the commands: train writes what others read. (bench would take a minute.)"""
    pytest.importorskip("onnx")
    parquet, frames = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    for name in ("data.csv", "new.csv", "test.csv"):
        (tmp_path / name).write_text(FRUIT.replace("kind", "species"))
    numbers = np.arange(60.0)
    houses = {"id": numbers, "address": [f"Street {i}" for i in range(60)], "zip": [1234, 4321] * 30}
    parquet.write_table(frames.table({**houses, "area": numbers, "price": numbers * 7}), tmp_path / "houses.parquet")
    for command in ("train", "predict", "evaluate", "inspect", "export", "demo"):
        found = re.findall(r"^  fastbp (.*)$", run(tmp_path, command, "--help")[0], re.MULTILINE)
        assert found
        for example in found:
            if command in ("train", "demo"):
                example += " --epochs 2"
            line = f"{sys.executable} -m fastbp {example}"
            done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, example + done.stderr


@pytest.mark.parametrize("arguments", [["inspect", "x"], ["train", "x", "--target", "y", "--out", "m"]])
@pytest.mark.parametrize("quiet", [False, True])
def test_a_compilation_that_takes_long_is_told_of(arguments, quiet, monkeypatch, capsys):
    monkeypatch.setattr(notice, "_TOLD", [])
    monkeypatch.setattr(getattr(cli, arguments[0]), "run", lambda given: notice._tell())
    if quiet and arguments[0] != "train":
        pytest.skip("has no such option")
    assert cli.main([*arguments, *["--quiet"] * quiet]) == 0
    assert capsys.readouterr().err == ("" if quiet else f"{notice.MESSAGE}\n")


def test_help_does_not_wait_for_numba(here):
    script = "import sys\nfrom fastbp.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    script += "print('numba' in sys.modules, 'sklearn' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "False False\n"


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_has_one_line_of_progress_and_no_colours(no_color, here):
    leader, follower = pty.openpty()
    command = [*RUN, "train", "fruit.csv", "--target", "kind", "--drop", "id", "--out", "tty", *QUICK]
    environment = os.environ | {"NO_COLOR": no_color, "COLUMNS": "60"}
    done = subprocess.run(command, cwd=here, stderr=follower, stdout=subprocess.PIPE, env=environment, timeout=600)
    os.close(follower)
    shown = os.read(leader, 1 << 16).decode().replace(COMPILES.replace("\n", "\r\n"), "")
    os.close(leader)
    assert done.returncode == 0
    assert "\x1b" not in shown
    assert "\x1b" not in done.stdout.decode()
    states = shown.replace("\r\n", "\r").rstrip().split("\r")  # where it told of a compilation it went on in a new line
    assert states[-1].startswith("epoch 3: loss ")
    assert all(len(state) <= 59 for state in states)
    assert shown.count("\n") <= 2


def test_a_reader_that_stops_early_is_no_error_message(here):
    (here / "long.csv").write_text("size,colour\n" + "1,red\n" * 100_000)
    process = subprocess.Popen(
        [*RUN, "predict", "model.safetensors", "long.csv"], cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read().decode() in ("", COMPILES)
    assert process.wait(timeout=600) == 1
    process.stderr.close()


@pytest.mark.skipif(UNCOMPILED, reason="compares what is compiled")
def test_ctrl_c_ends_the_training_and_keeps_the_best(here):
    """A real SIGINT, after the first epochs; then one while the table is read."""
    command = [*RUN, "train", "long.csv", "--target", "y", "--out", "interrupted", "--epochs", "1000000"]
    command += ["--patience", "1000000"]
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20_000, 3))
    (here / "long.csv").write_text("a,b,y\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()))
    process = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while "epoch" not in process.stderr.readline():
        pass
    time.sleep(0.5)  # the first epoch is over when more than its line is done
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert re.search(r"interrupted after [\d,]+ epochs: the network has the parameters of the best", err)
    assert "Warning" not in err, "a line for a user, not for a programmer"
    assert "written: interrupted" in out
    assert "<TableModel: 'y'" in repr(fastbp.load(here / "interrupted"))
    (here / "interrupted").unlink()
    process = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert "looked at" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, out) == (1, "")
    assert err.endswith("error: interrupted\n")
    assert not (here / "interrupted").exists()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "2>/dev/full"])
def test_closed_streams(closed, here):
    python = f"{sys.executable} -m fastbp"
    train = f"{python} train fruit.csv --target kind --drop id --out closed --hidden-layer-sizes 4 --epochs 1 {closed}"
    environment = {**os.environ, "PYTHONPATH": str(Path(fastbp.__file__).parent.parent)}
    how = {"cwd": here, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run(["bash", "-c", train], **how)
    assert "Traceback" not in done.stderr
    assert (done.returncode, (here / "closed").exists()) == ((1, False) if closed == ">&-" else (0, True))
    (here / "closed").unlink(missing_ok=True)
    done = subprocess.run(["bash", "-c", f"{python} predict model.safetensors - {closed}"], **how, input="")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_a_model_is_saved_before_anything_is_printed(here):
    arguments = ["train", "fruit.csv", "--target", "kind", "--drop", "id", "--out", "printed", *QUICK]
    if Path("/dev/full").exists():
        with open("/dev/full", "w") as full:
            assert subprocess.run([*RUN, *arguments], cwd=here, stdout=full, stderr=subprocess.DEVNULL).returncode == 1
        assert fastbp.load(here / "printed").classes == ["apple", "cherry"]
    table = FRUIT.replace("colour", "色")
    (here / "letters.csv").write_text(table)
    arguments[1] = "letters.csv"
    out, _ = run(here, *arguments, PYTHONIOENCODING="ascii")
    assert r"\u8272 (2)" in out


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("most", "arguments", "named"),
    [
        (100, ["predict", "model.safetensors", "new.csv", "--out", "full.csv"], "full.csv"),
        (100, ["export", "model.safetensors", "full.c"], "full.c"),
        (1000, ["train", "fruit.csv", "--target", "kind", "--out", "full", "--quiet", *QUICK], "full"),
        (100, ["predict", "model.safetensors", "new.csv"], tempfile.gettempdir()),
    ],
)
def test_no_room_for_a_file_is_one_line_that_names_it(most, arguments, named, here):
    """No file may have more bytes; what does not fit into the memory of a prediction is in a temporary one."""
    (here / "new.csv").write_text(NEW + "1,red\n" * 200)
    memory = 1 << 26 if "--out" in arguments else 64
    script = (
        f"import resource, sys; from fastbp import cli; from fastbp.cli import predict; predict.IN_MEMORY = {memory}; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most},) * 2); sys.exit(cli.main({arguments}))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=here, capture_output=True, text=True)
    told = done.stderr.replace(COMPILES, "")  # nothing of which can be kept here
    assert (done.returncode, done.stdout, told) == (1, "", f"error: {named}: File too large\n")
    assert not any(path.name.endswith(".part") or path.name.startswith("full") for path in here.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_line(here):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*RUN, "predict", "model.safetensors", "new.csv"], cwd=here, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (1, "error: cannot write: No space left on device\n")


def test_interrupted_before_there_is_anything(here, monkeypatch, capsys):
    monkeypatch.setattr("fastbp.cli.inspect.ModelFile", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    assert cli.main(["inspect", str(here / "model.safetensors")]) == 1
    assert capsys.readouterr().err == "error: interrupted\n"
