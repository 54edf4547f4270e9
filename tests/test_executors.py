"""`train_many` by executors: the bits of one process, whatever becomes of the workers."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.training.many import executor_scheduler, scheduler, shared_arrays, tasks
from tests.executor_cases import LABELS, Changes, Kills, X, assert_same, networks, options, pool, trained


@pytest.fixture(scope="module")
def here():
    return trained()


@pytest.fixture(scope="module")
def processes():
    with pool() as executor:
        yield executor


class Strikes:
    """Ctrl-C, when the first networks are done; `progress` of a training."""

    def __init__(self):
        self.struck = False

    def __call__(self, done, total, seconds):
        if done and not self.struck:
            self.struck = True
            raise KeyboardInterrupt


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(executor_scheduler, "LEAST", 1e6)


# ---- The same bits ---------------------------------------------------------------------------------------------------


def test_processes_train_the_same_bits(here, processes, small_shards):
    told = []
    assert_same(here, trained(executor=processes, progress=lambda done, total, seconds: told.append((done, total))))
    assert told[-1] == (60, 60)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len({done for done, _ in told}) > 3, "there are several shards"


def test_threads_and_whatever_makes_an_executor(here, small_shards):
    with ThreadPoolExecutor(3) as threads:
        assert_same(here, trained(executor=threads))
    assert_same(here, trained(executor=pool))
    assert_same(here, trained(executor=ThreadPoolExecutor, threads=2))


def test_second_order_and_one_network(processes):
    one = [fastbp.Network((4, 3, 1), output="identity", dtype="float64", seed=1) for _ in range(2)]
    how = {"epochs": 5, "optimizer": fastbp.LevenbergMarquardt()}
    for network, more in zip(one, ({}, {"executor": processes}), strict=True):
        done = fastbp.train_many([network], X, X[:, :1], **how, **more)
        assert done.outcome.tolist() == ["finished"]
    np.testing.assert_array_equal(one[0].theta, one[1].theta)


def test_a_network_that_diverges(processes):
    found = []
    for more in ({}, {"executor": processes}):
        made = [fastbp.Network((4, 3, 1), output="identity", seed=i) for i in range(3)]
        rules = [fastbp.SGD(rate) for rate in (0.01, 1e30, 0.02)]
        with pytest.warns(RuntimeWarning, match=r"1 of 3 networks diverged: networks\[1\] in epoch 1"):
            done = fastbp.train_many(made, X, X[:, :1], epochs=3, optimizer=rules, **more)
        found.append((made, done))
    assert_same(*found)


# ---- What is lost ----------------------------------------------------------------------------------------------------


def test_a_killed_worker_whose_pool_is_made_again(here, small_shards):
    made = []

    def makes():
        made.append(pool())
        kills.executor = made[-1]
        return made[-1]

    kills = Kills(None)
    with pytest.warns(RuntimeWarning, match="executor: it broke .*a new one trains .* networks that were lost"):
        found = trained(executor=makes, progress=kills)
    assert_same(here, found)
    assert kills.killed
    assert len(made) == 2


def test_a_killed_worker_whose_pool_is_gone(here, small_shards):
    with pool() as executor:
        kills = Kills(executor)
        with pytest.warns(RuntimeWarning, match="so this process trains .* networks that were lost"):
            found = trained(executor=executor, progress=kills)
    assert_same(here, found)
    assert kills.killed


def test_what_is_lost_is_trained_again_but_not_for_ever(here, small_shards):
    lost = []

    def loses_some(order, sent):
        if len(lost) < 5:
            lost.append(order["attempt"])
            raise OSError("the wire is cut")
        return order, sent

    def loses_all(order, sent):
        raise OSError("the wire is cut")

    assert_same(here, trained(executor=Changes(loses_some)))
    with pytest.raises(RuntimeError, match=r"networks\[\d+\].* was lost 3 times, the last time by OSError: the wire"):
        trained(executor=Changes(loses_all))


def test_samples_are_sent_to_who_does_not_see_them(here, small_shards, processes, monkeypatch):
    monkeypatch.setattr(shared_arrays, "_HELD", type(shared_arrays._HELD)())

    def elsewhere(order, sent):
        return order | {"folder": "/nowhere/to/be/seen"}, sent

    executor = Changes(elsewhere)
    assert_same(here, trained(executor=executor))
    sent = [sent for _, sent in executor.orders if sent]
    assert 0 < len(sent) <= 4 < len(executor.orders) - 4, "with the tasks of the beginning: a process keeps them"
    assert any(np.array_equal(array, X) for array in sent[0].values())
    assert all(X.tobytes() not in order["pickled"] for order, _ in executor.orders)


def test_a_process_keeps_the_samples_of_two_calls(monkeypatch, tmp_path):
    monkeypatch.setattr(shared_arrays, "_HELD", type(shared_arrays._HELD)())
    arrays = [np.arange(5000.0) + i for i in range(3)]
    for number, array in enumerate(arrays):
        folder = tmp_path / str(number)
        folder.mkdir()
        shared = shared_arrays.SharedArrays(str(folder))
        shared.add([array, None, np.arange(3.0)])
        shared.write()
        found, small = shared_arrays.loads(shared.dumps([array, np.arange(3.0)]), str(folder))
        np.testing.assert_array_equal(found, array)
        assert (found.flags.writeable, len(small)) == (True, 3)
    assert len(shared_arrays._HELD) == 2
    with pytest.raises(shared_arrays.Missing):
        shared_arrays.loads(shared.dumps(array).replace(b"C1", b"C0"), str(tmp_path))


# ---- What ends it ----------------------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_with_what_is_there(processes, small_shards):
    with pytest.warns(RuntimeWarning, match="the training was interrupted; what is there is returned"):
        _, done = trained(executor=processes, progress=Strikes())
    outcomes = set(done.outcome.tolist())
    assert outcomes & {"finished", "stopped"}
    assert outcomes & {"waiting", "interrupted"}


def test_the_time_limit_ends_it(processes):
    made = networks(4)
    many = fastbp.train_many(made, X, LABELS, epochs=10_000_000, time_limit=0.5, executor=processes)
    assert set(many.outcome.tolist()) <= {"interrupted", "waiting"}
    assert "interrupted" in many.outcome
    assert (many.epochs[many.outcome == "interrupted"] > 0).all()


def test_other_versions_are_refused(processes):
    def other(order, sent):
        return order | {"key": "another"}, sent

    def without(order, sent):
        raise ModuleNotFoundError("No module named 'fastbp.training.many.tasks'")

    made, before = networks(3), [network.theta.copy() for network in networks(3)]
    with pytest.raises(RuntimeError, match=r"executor: process \d+ on .* has other sources of fastbp, or another Pyth"):
        fastbp.train_many(made, X, LABELS, executor=Changes(other))
    with pytest.raises(RuntimeError, match="executor: a worker has other sources"):
        fastbp.train_many(made, X, LABELS, executor=Changes(without))
    for network, theta in zip(made, before, strict=True):
        np.testing.assert_array_equal(network.theta, theta)


def test_what_a_worker_raises_is_raised(processes, monkeypatch):
    monkeypatch.setattr("fastbp.training.many.shards.NetworkShards.task", "fastbp.validation:whole_number")
    with pytest.raises(TypeError, match="must be an integer, got None"):
        fastbp.train_many(networks(3), X, LABELS, executor=processes)


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def test_an_exception_that_no_pickle_takes_says_the_same():
    assert str(tasks.sendable(Odd("this", "that"))) == "Odd: this"
    assert isinstance(tasks.sendable(ValueError("x")), ValueError)


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"executor": 3}, TypeError, "executor must be a concurrent.futures.Executor, a distributed.Client, or a"),
        ({"executor": lambda: 3}, TypeError, "executor must return an executor, it has returned 3"),
        ({"executor": Changes(None), "callbacks": print}, ValueError, "callbacks must be None with an executor"),
    ],
)
def test_bad_input(more, error, message):
    with pytest.raises(error, match=message):
        fastbp.train_many(networks(3), X, LABELS, **more)


def test_a_schedule_that_no_pickle_takes(processes):
    class Local(fastbp.Schedule):
        def rates(self, first, n, total):
            return np.full(n, 0.1)

    with pytest.raises(TypeError, match=r"executor: networks\[0\] and 2 more cannot be sent to another p.*Local"):
        fastbp.train_many(networks(3), X, LABELS, optimizer=fastbp.SGD(Local()), executor=processes)


def test_an_executor_that_is_shut_down():
    executor = pool()
    executor.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        fastbp.train_many(networks(3), X, LABELS, executor=executor)


# ---- Checkpoints -----------------------------------------------------------------------------------------------------


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


# ---- How jobs become shards ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_shards_become_smaller_and_hold_each_job_once(workers):
    jobs = list(range(1000))
    found = [*executor_scheduler.shards([(jobs[:700], [1e7] * 700, 16), (jobs[700:], [3e6] * 300, 1)], workers)]
    assert [job for part in found for job in part] == jobs
    costs = [sum(1e7 if job < 700 else 3e6 for job in part) for part in found]
    assert costs[0] == pytest.approx(max(16e7, 7.9e9 / (2 * workers)), rel=0.5)
    assert costs[-1] <= max(costs[0], 5e7)
    assert all(part[0] % 16 == 0 for part in found if part[0] < 700), "whole vectors stay together"


def test_a_result_is_a_pickle_of_plain_arrays():
    with ThreadPoolExecutor(1) as executor:
        executor.submit(pickle.dumps, 1).result()
        assert trained(3, executor=executor)[1].epochs.tolist() == [2, 3, 4]
