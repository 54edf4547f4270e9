"""python tests/killed.py FOLDER KILLS: kills processes that train until so many have died, and checks what they leave.

Prints how many were killed, how many trainings came to their end, and how many processes the longest of them took.
"""

import os
import signal
import sys
import time
import warnings
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a forked process has no threads but its own
sys.path.insert(0, os.getcwd())

import numpy as np

import fastbp
from tests.cases import UNCOMPILED

SAMPLES, EPOCHS = 400, 25
rng = np.random.default_rng(0)
X = rng.normal(size=(SAMPLES, 6))
D = np.eye(3)[rng.integers(0, 3, SAMPLES)]
HOW = {
    "epochs": EPOCHS, "optimizer": fastbp.Adam(0.003), "rows": range(300), "validation_rows": range(300, 400),
    "patience": 20, "l2": 0.001, "threads": 1, "version": "matrix" if UNCOMPILED else "engine",
}  # fmt: skip


def train(**more):
    network = fastbp.Network((6, 16, 3), seed=1)
    history = fastbp.train(network, X, D, **HOW, **more)
    return network.theta.tobytes(), history.loss, history.best_epoch


def child(path):
    """A process that goes on with the training."""
    pid = os.fork()
    if pid == 0:
        try:
            train(checkpoint=path, checkpoint_every=0, resume=True)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(2)
        os._exit(0)
    return pid


def main():
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    expected, path = train(), folder / "run.ckpt"
    begin = time.perf_counter()
    os.waitpid(child(path), 0)
    longest = 1.2 * (time.perf_counter() - begin)  # of the life of a process: some come to an end
    path.unlink()
    killed = trainings = processes = most = 0
    while killed < kills:
        pid = child(path)
        time.sleep(rng.random() * longest)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        processes += 1
        if os.WIFSIGNALED(status):
            killed += 1
            if path.exists():
                fastbp.load(path)  # whatever the moment, it is whole
            continue
        assert os.WEXITSTATUS(status) == 0, "a process has failed"
        assert train(checkpoint=path, resume=True) == expected
        trainings, most, processes = trainings + 1, max(most, processes), 0
        path.unlink()
    assert train(checkpoint=path, resume=True) == expected
    assert [file.name for file in folder.iterdir()] == [path.name], "something was left behind"
    print(killed, trainings, most)


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
