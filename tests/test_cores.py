"""How many cores a training may use: affinity, quotas of control groups, the environment, tasks of joblib and Dask."""

import os
import sys
import threading
import types

import pytest

from fastbp.threads import cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch, tmp_path):
    """Eight cores, no control groups, and an environment that says nothing."""
    for name in cores.LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "CGROUPS", (tmp_path / "cgroup", tmp_path / "self"))


def test_cores_are_those_of_the_affinity(monkeypatch):
    assert cores.usable_cores() == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 6}, raising=False)
    assert cores.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert cores.usable_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.usable_cores() == 1


@pytest.mark.parametrize("name", cores.LIMITS)
@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", 1), ("4", 4), (" 2 ", 2), ("3,1", 3), ("64", 8), ("0", 8), ("-1", 8), ("many", 8), ("", 8), ("²", 8)],
)
def test_the_environment_says_at_most_how_many(name, value, expected, monkeypatch):
    monkeypatch.setenv(name, value)
    assert cores.usable_cores() == expected


def test_the_least_of_all_limits_holds(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert cores.usable_cores() == 3


# ---- Control groups --------------------------------------------------------------------------------------------------


def groups(tmp_path, lines, **files):
    """Control groups as the system shows them: the file of the process, and files by their paths."""
    (tmp_path / "self").write_text("".join(f"{line}\n" for line in lines))
    for path, content in files.items():
        file = tmp_path / "cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    cores._of_quotas.cache_clear()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("200000 100000\n", 2), ("150000 100000\n", 2), ("100000 100000\n", 1), ("50000 100000\n", 1),
        ("1000 100000\n", 1), ("max 100000\n", 8), ("6400000 100000\n", 8), ("", 8), ("what 1\n", 8), ("1 0\n", 8),
    ],
)  # fmt: skip
def test_quota_of_version_2(content, expected, tmp_path):
    groups(tmp_path, ["0::/user/job"], **{"user/job/cpu.max": content})
    assert cores.usable_cores() == expected


def test_quota_of_a_group_around_and_of_the_root_of_a_container(tmp_path):
    groups(tmp_path, ["0::/user/job"], **{"user/job/cpu.max": "max 100000\n", "user/cpu.max": "300000 100000\n"})
    assert cores.usable_cores() == 3
    groups(tmp_path, ["0::/"], **{"cpu.max": "200000 100000\n"})
    assert cores.usable_cores() == 2


def test_a_quota_is_read_once_a_second(tmp_path, monkeypatch):
    """Because it takes longer than a small training; one that is changed is seen soon."""
    now = [100.25]
    monkeypatch.setattr(cores.time, "monotonic", lambda: now[0])
    groups(tmp_path, ["0::/"], **{"cpu.max": "200000 100000\n"})
    assert cores.usable_cores() == 2
    (tmp_path / "cgroup" / "cpu.max").write_text("300000 100000\n")
    for now[0], expected in ((100.75, 2), (101.25, 3)):
        assert cores.usable_cores() == expected


def test_of_several_quotas_the_least_holds(tmp_path):
    groups(tmp_path, ["0::/a/b"], **{"a/b/cpu.max": "500000 100000\n", "a/cpu.max": "400000 100000\n"})
    assert cores.usable_cores() == 4


@pytest.mark.parametrize("mounted", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "expected"), [("250000\n", 3), ("-1\n", 8), ("40000\n", 1)])
def test_quota_of_version_1(mounted, quota, expected, tmp_path):
    lines = ["12:pids:/job", f"3:{mounted}:/job", "1:name=systemd:/", "0::/"]
    folder = f"{mounted}/job"
    groups(
        tmp_path, lines, **{f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": "100000\n"}
    )  # fmt: skip
    assert cores.usable_cores() == expected


def test_quota_of_version_1_in_a_container_that_sees_its_own_group_as_the_root(tmp_path):
    groups(
        tmp_path, ["4:cpu,cpuacct:/docker/0123"], **{"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "50000"}
    )
    assert cores.usable_cores() == 2


@pytest.mark.parametrize("lines", [[], ["nonsense"], ["1:cpu"], ["0::/not/there"], ["5:cpu:/../.."]])
def test_control_groups_that_make_no_sense_are_no_limit(lines, tmp_path):
    groups(tmp_path, lines)
    assert cores.usable_cores() == 8


# ---- Tasks of others -------------------------------------------------------------------------------------------------


def elsewhere(call):
    """The result of a call in a thread that is not the main one."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_of_ones_own_has_all_cores():
    assert elsewhere(cores.usable_cores) == 8


def test_a_task_of_joblibs_threads_has_one_core():
    joblib = pytest.importorskip("joblib")
    call = joblib.delayed(cores.usable_cores)
    assert joblib.Parallel(n_jobs=2, backend="threading")(call() for _ in range(4)) == [1] * 4
    assert cores.usable_cores() == 8


def test_processes_of_joblib_share_the_cores():
    joblib = pytest.importorskip("joblib")
    whole = os.cpu_count()
    for n_jobs in {1, whole, 2 * whole}:
        found = joblib.Parallel(n_jobs=n_jobs, backend="loky")(joblib.delayed(cores.usable_cores)() for _ in range(4))
        assert set(found) <= {8} if n_jobs == 1 else max(found) <= max(1, whole // n_jobs)


def test_a_task_of_a_dask_worker_has_one_core(monkeypatch):
    """As `distributed` tells it, without which there is no task."""

    def get_worker():
        if threading.current_thread() is threading.main_thread():
            raise ValueError("No worker found")
        return object()

    monkeypatch.setitem(sys.modules, "distributed", types.SimpleNamespace(get_worker=get_worker))
    assert elsewhere(cores.usable_cores) == 1
    assert cores.usable_cores() == 8


def test_trainings_in_several_threads_share_the_cores():
    trainings = cores.Trainings()
    with trainings:
        assert trainings.cores_of_each() == 8
        with trainings, trainings:
            assert trainings.cores_of_each() == 2
            assert trainings.have_room()
            with trainings, trainings, trainings, trainings, trainings:
                assert trainings.cores_of_each() == 1
                assert not trainings.have_room()
        assert trainings.cores_of_each() == 8
    with pytest.raises(KeyError), trainings:
        raise KeyError
    assert trainings.cores_of_each() == 8


def test_cores_that_go_are_noticed(monkeypatch):
    trainings = cores.Trainings()
    monkeypatch.setattr(cores, "FRESH", -1)
    assert trainings.cores_of_each() == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2}, raising=False)
    assert trainings.cores_of_each() == 1
