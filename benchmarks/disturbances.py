"""What else happens on the machine while `benchmarks.load` trains."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

QUOTA_PERIOD = 100_000  # microseconds


@contextlib.contextmanager
def busy(number):
    """So many processes that do nothing but compute."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        time.sleep(0.3)  # until they have begun
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@contextlib.contextmanager
def quota(pid, cpus):
    """The process may use so many CPUs, by a control group of version 1 or 2; says whether that was possible."""
    name = f"fastbp-load-{os.getpid()}"
    for root, limits in (
        (Path("/sys/fs/cgroup/cpu"), {"cpu.cfs_period_us": QUOTA_PERIOD, "cpu.cfs_quota_us": int(cpus * QUOTA_PERIOD)}),
        (Path("/sys/fs/cgroup"), {"cpu.max": f"{int(cpus * QUOTA_PERIOD)} {QUOTA_PERIOD}"}),
    ):
        folder = root / name
        try:
            folder.mkdir()
            for file, value in limits.items():
                (folder / file).write_text(str(value))
            (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        try:
            yield True
        finally:
            (root / "cgroup.procs").write_text(str(pid))
            folder.rmdir()
        return
    yield False


@contextlib.contextmanager
def throttled(pid):
    """In place of a quota: the process is stopped for every second part of 100 ms."""
    over = threading.Event()

    def stop_and_go():
        while not over.wait(0.05):
            os.kill(pid, signal.SIGSTOP)
            over.wait(0.05)
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def confine(pid, cores):
    """All threads of the process."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task), cores)
