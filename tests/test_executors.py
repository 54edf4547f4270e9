"""`train_many` by executors: the bits of one process, whatever becomes of the workers."""

import os
import pickle
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

import fastbp
from fastbp.training.many import executor_scheduler, shared_arrays, tasks
from tests.executor_cases import LABELS, Changes, Kills, Strikes, X, assert_same, networks, pool, trained


@pytest.fixture(scope="module")
def here():
    return trained()


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
        return order | {"folder": "/nowhere/to/be/seen", "host": None}, sent

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


# ---- What else may happen --------------------------------------------------------------------------------------------


def test_a_pool_is_free_after_an_error(processes):
    def fails(done, total, seconds):
        if seconds > 0.3:
            raise LookupError("the display is gone")

    with pytest.raises(LookupError, match="the display is gone"):
        fastbp.train_many(networks(40), X, LABELS, epochs=3_000_000, executor=processes, progress=fails)
    assert processes.submit(os.getpid).result(20)


def test_a_function_that_returns_the_broken_executor_again(here, small_shards):
    with pool() as executor:
        kills = Kills(executor)
        with pytest.warns(RuntimeWarning, match="this process trains .*function that returns a new executor"):
            found = trained(executor=lambda: executor, progress=kills)
    assert_same(here, found)


def test_this_process_does_not_keep_the_samples(monkeypatch):
    with ThreadPoolExecutor(2) as threads:
        fastbp.train_many(networks(2), X, LABELS, executor=threads)
    assert not shared_arrays._HELD


def test_ctrl_c_that_comes_to_a_worker_alone(processes, small_shards):
    struck = []

    def strikes(done, total, seconds):
        if not struck and seconds > 0.2:
            struck.append(done)
            os.kill(next(iter(processes._processes)), signal.SIGINT)

    how = {"epochs": 3000, "batch_size": 600, "seed": range(40)}
    here = networks(40), None
    there = networks(40), None
    fastbp.train_many(here[0], X, LABELS, **how)
    done = fastbp.train_many(there[0], X, LABELS, executor=processes, progress=strikes, **how)
    assert struck
    assert set(done.outcome.tolist()) == {"finished"}
    for one, other in zip(here[0], there[0], strict=True):
        np.testing.assert_array_equal(one.theta, other.theta)


def test_ctrl_c_of_a_worker_does_not_end_the_wait_for_others():
    futures, absorbed = [Future() for _ in range(3)], []
    futures[0].set_exception(KeyboardInterrupt())
    futures[1].cancel()
    futures[1].set_running_or_notify_cancel()
    futures[2].set_result(("done", b""))
    scheduler = executor_scheduler.ExecutorScheduler([], None, None)
    scheduler._workers = SimpleNamespace(stop=lambda: None, can_cancel=False, number=1)
    scheduler._absorb = lambda shard, answer: absorbed.append(shard)
    scheduler._running = {future: (number, 0) for number, future in enumerate(futures)}
    scheduler._take_late(None)
    assert absorbed == [2]


def test_what_a_worker_cannot_load(processes, monkeypatch):
    def spoilt(order, sent):
        return order | {"pickled": b"\x80\x05cnowhere\nNothing\n."}, sent

    with pytest.raises(TypeError, match=r"executor: a worker cannot load what it is sent: Mod.*nowhere"):
        fastbp.train_many(networks(3), X, LABELS, executor=Changes(spoilt))


def test_arrays_that_come_read_only(small_shards, here):
    frozen = []

    def freezes(order, sent):
        if sent:
            sent = {name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in sent.items()}
            frozen.append(sent)
        return order | {"folder": "/nowhere/to/be/seen", "host": None}, sent

    assert_same(here, trained(executor=Changes(freezes)))
    assert frozen
    assert shared_arrays._like_the_first(np.frombuffer(b"12345678"), True).flags.writeable


def test_a_machine_with_this_name_and_another_folder(here, small_shards):
    executor = Changes(lambda order, sent: (order | {"folder": "/nowhere/to/be/seen"}, sent))
    assert_same(here, trained(executor=executor))
    assert executor.orders[-1][0]["host"] is None


def test_every_source_and_version_counts():
    assert tasks.version_key("fastbp.training.many.shards:train") == tasks.version_key.__wrapped__(
        "fastbp.training.many.shards:train"
    )
    assert tasks.version_key("fastbp.training.many.shards:train") != tasks.version_key(
        "fastbp.estimators.batched.fits:train_shard"
    )
