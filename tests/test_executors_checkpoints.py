"""`train_many(checkpoint=)`: what has ended is kept, and nothing else is believed."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.training.many import scheduler
from tests.executor_cases import LABELS, Strikes, X, assert_same, networks, options, trained


@pytest.fixture(scope="module")
def here():
    return trained()


@pytest.mark.parametrize("by", ["threads", "executor"])
def test_a_training_goes_on_from_its_checkpoint(by, here, tmp_path, processes, small_shards, monkeypatch):
    path = tmp_path / "many.safetensors"
    more = {"executor": processes} if by == "executor" else {"threads": 1}
    monkeypatch.setattr(scheduler, "TICK", 0.001)
    with pytest.warns(RuntimeWarning, match="interrupted"):
        _, first = trained(checkpoint=path, checkpoint_every=0, progress=Strikes(), **more)
    ended = int(np.isin(first.outcome, ["finished", "stopped"]).sum())
    with pytest.raises(FileExistsError, match=rf"holds {ended} of 60 networks: give resume=True to go on with the o"):
        trained(checkpoint=path, **more)
    told = []
    again = trained(checkpoint=path, resume=True, progress=lambda done, total, _: told.append((done, total)), **more)
    assert_same(here, again)
    assert told[-1] == (60 - ended, 60 - ended)
    assert_same(here, trained(checkpoint=path, resume=True))
    assert_same(here, trained(checkpoint=path))
    with pytest.raises(fastbp.ModelFileError, match="it holds networks of `train_many`, which takes them over w"):
        fastbp.load(path)


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from tests.executor_cases import pool, trained
from fastbp.training.many import executor_scheduler

if __name__ == "__main__":
    executor_scheduler.LEAST = 1e6

    def told(done, total, seconds):
        if done > 10:
            print("some are done", flush=True)
            sys.stdin.read()

    with pool() as executor:
        trained(executor=executor, checkpoint={path!r}, checkpoint_every=0, progress=told)
"""


def test_it_goes_on_after_kill_9(here, tmp_path):
    path, program = str(tmp_path / "many.safetensors"), tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM).format(tests=str(Path(__file__).parent), path=path))
    environment = os.environ | {"PYTHONPATH": str(Path(fastbp.__file__).parent.parent)}
    process = subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert b"some are done" in process.stdout.readline()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()
    told = []
    again = trained(checkpoint=path, resume=True, progress=lambda done, total, _: told.append(total))
    assert_same(here, again)
    assert 0 < told[-1] < 60, "some were there, some were not"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 5}, "seed"), ({"l2": 0.1}, "l2"), ({"epochs": 9}, "epochs"), ({"batch_size": 7}, "batch_size"),
        ({"optimizer": fastbp.SGD(0.2)}, "optimizer"), ({"rows": None}, "rows"), ({"patience": 3}, "patience"),
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_training_is_refused(change, name, tmp_path):
    path = tmp_path / "many.safetensors"
    trained(12, checkpoint=path)
    made = networks(12)
    with pytest.raises(ValueError, match=f"^{name} must be that of checkpoint"):
        fastbp.train_many(made, X, LABELS, **options(12) | change, checkpoint=path, resume=True)
    np.testing.assert_array_equal(made[0].theta, networks(1)[0].theta)


def test_checkpoints_of_other_samples_networks_and_files(tmp_path):
    path = tmp_path / "many.safetensors"
    trained(12, checkpoint=path)
    how = options(12) | {"checkpoint": path, "resume": True}
    for X_now, networks_now, name in (
        (X + 1, networks(12), "X"), (X, networks(13)[1:], "networks"), (X, networks(12)[::-1], "networks"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{name} must be that of checkpoint"):
            fastbp.train_many(networks_now, X_now, LABELS, **how)
    with pytest.raises(ValueError, match=r"networks must be those of checkpoint .*, 12, got 11"):
        fastbp.train_many(networks(11), X, LABELS, **options(11), checkpoint=path, resume=True)
    networks(1)[0].save(path)
    with pytest.raises(fastbp.ModelFileError, match="it holds a network, not networks of train_many"):
        fastbp.train_many(networks(12), X, LABELS, **how)
    with pytest.raises(ValueError, match="resume needs a checkpoint"):
        fastbp.train_many(networks(2), X, LABELS, resume=True)
    with pytest.raises(FileNotFoundError):
        fastbp.train_many(networks(2), X, LABELS, checkpoint=tmp_path / "none" / "here")


def test_damaged_results_are_refused(tmp_path):
    from fastbp.files.safetensors import ModelFile, write

    path = tmp_path / "many.safetensors"
    trained(6, checkpoint=path)
    file = ModelFile(path)
    for name, change in (
        ("epochs", lambda a: a - 1), ("outcome", lambda a: a * 0), ("best_epoch", lambda a: a + 99),
        ("float32", lambda a: a * np.float32(np.nan)), ("float64", lambda a: a[1:]), ("ended", lambda a: a * 0),
    ):  # fmt: skip
        write(path, "checkpoint of many", file.strings, file.arrays | {name: change(file.arrays[name])})
        with pytest.raises(fastbp.ModelFileError, match=r"its results do not fit its networks|must be some of 6"):
            trained(6, checkpoint=path, resume=True)


def test_a_checkpoint_that_cannot_be_written_later_is_told_once(here, tmp_path, monkeypatch):
    from fastbp.training.many import checkpoint

    wrote, write = [], checkpoint.write

    def fails(*arguments):
        wrote.append(1)
        if len(wrote) > 1:
            raise OSError(28, "No space left on device", str(arguments[0]))
        write(*arguments)

    monkeypatch.setattr(checkpoint, "write", fails)
    with pytest.warns(RuntimeWarning, match="a checkpoint could not be written: .*No space") as warned:
        assert_same(here, trained(checkpoint=tmp_path / "many.safetensors", checkpoint_every=0))
    assert len([w for w in warned if "checkpoint" in str(w.message)]) == 1


def test_a_call_that_failed_before_the_training_leaves_nothing_to_go_on_with(tmp_path):
    def fails():
        raise OSError("no such cluster")

    path = tmp_path / "many.safetensors"
    with pytest.raises(OSError, match="no such cluster"):
        trained(6, checkpoint=path, executor=fails)
    trained(6, checkpoint=path)
