"""Trainings that go on after their process was killed: with the same bits, or a clear error."""

import contextlib
import errno
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.files import safetensors
from fastbp.training import checkpoints
from fastbp.training.train import Training
from tests.cases import UNCOMPILED

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 5)).astype("float32")
D = np.eye(3)[rng.integers(0, 3, 40)]
EPOCHS = 9
VERSION = {"version": "matrix"} if UNCOMPILED else {}
HOWS = {
    "plain": {},
    "not shuffled": {"shuffle": False},
    "adam, penalties, dropout": {"optimizer": fastbp.Adam(0.01), "l2": 0.01, "dropout": 0.0 if UNCOMPILED else 0.3},
    "momentum, limits": {"optimizer": fastbp.SGD(0.1, momentum=0.9), "max_norm": 1.0, "clip_norm": 0.1},
    "schedule": {"optimizer": fastbp.RMSprop(fastbp.OneCycle(0.01))},
    "validation, patience": {
        "rows": range(30), "validation_rows": range(30, 40), "patience": 3, "optimizer": fastbp.SGD(1.0)
    },
    "rprop": {"optimizer": "rprop", "l2": 0.01, "rate_factors": [[1.0, 0.5], [2.0, 0.0]]},
    "weights": {"sample_weight": np.linspace(0, 1, 40), "batch_size": 7},
    "label smoothing": {"label_smoothing": 0.2, "rows": range(30), "validation_rows": range(30, 40)},
    "loops": {"version": "loops"},
}  # fmt: skip


def network(seed=3, dtype="float32"):
    return fastbp.Network((5, 6, 3), dtype=dtype, seed=seed)


def trained(path=None, epochs=EPOCHS, start=3, **how):
    """A network and its history."""
    made = network(start)
    options = {"checkpoint": path, "checkpoint_every": 0, "resume": True} if path else {}
    return made, fastbp.train(made, X, D, epochs=epochs, **VERSION | options | how)


class Killed(BaseException):
    """As if the process were."""


@pytest.fixture
def killed_after(monkeypatch):
    """A function that trains for so many epochs, of which the last one's checkpoint is the last thing that happens."""

    def run(epochs, path, **how):
        left = [epochs]
        original = Training.train

        def dying(task, between):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return original(task, between)

        with monkeypatch.context() as patch:
            patch.setattr(Training, "train", dying)
            with contextlib.suppress(Killed):  # which patience may come before
                trained(path, **how)

    return run


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("dies", [[0], [1], [5], [2, 0, 4]])
def test_the_same_bits_as_without_interruption(how, dies, killed_after, tmp_path):
    how, path = HOWS[how], tmp_path / "run.ckpt"
    expected, history = trained(**how)
    for epochs in dies:
        killed_after(epochs, path, **how)
    came, again = trained(path, start=8, **how)  # wherever the network begins
    assert came.theta.tobytes() == expected.theta.tobytes()
    assert (again.loss, again.validation_loss) == (history.loss, history.validation_loss)
    assert again.best_epoch == history.best_epoch
    assert len(again.seconds) == len(history.seconds)
    assert fastbp.load(path).theta.tobytes() == expected.theta.tobytes()


def test_a_finished_training_is_not_repeated(tmp_path, monkeypatch):
    expected, history = trained(tmp_path / "run")
    monkeypatch.setattr(Training, "train", None)
    came, again = trained(tmp_path / "run", start=8)
    assert came.theta.tobytes() == expected.theta.tobytes()
    assert again.loss == history.loss


def test_a_training_that_patience_has_stopped_stays_so(tmp_path, monkeypatch):
    how = {"patience": 1, "min_delta": 10.0}
    _, history = trained(tmp_path / "run", **how)
    assert len(history.loss) == 2
    monkeypatch.setattr(Training, "train", None)
    assert trained(tmp_path / "run", **how)[1].loss == history.loss


def test_more_epochs_go_on(tmp_path):
    expected, _ = trained(epochs=12)
    trained(tmp_path / "run", epochs=5)
    assert trained(tmp_path / "run", epochs=12)[0].theta.tobytes() == expected.theta.tobytes()


def test_a_checkpoint_is_the_network_that_would_be_returned(killed_after, tmp_path):
    how = HOWS["validation, patience"]
    killed_after(4, tmp_path / "run", **how)
    expected, history = trained(epochs=4, **how)
    assert history.best_epoch < 4
    assert fastbp.load(tmp_path / "run").theta.tobytes() == expected.theta.tobytes()


def test_checkpoints_are_written_now_and_then(tmp_path, monkeypatch):
    written, now = [], [0.0]
    monkeypatch.setattr(checkpoints, "write", lambda path, kind, strings, arrays: written.append(int(strings["epoch"])))
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    original = Training.train
    monkeypatch.setattr(Training, "train", lambda *arguments: (original(*arguments), now.append(now.pop() + 1))[0])
    trained(tmp_path / "run", checkpoint_every=3)
    assert written == [0, 3, 6, 9]
    written.clear()
    trained(tmp_path / "run", checkpoint_every=100)
    assert written == [0, 9]


def interrupt(state):
    if state.epoch == 4:
        raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore:the training was interrupted after 4 epochs:RuntimeWarning")
@pytest.mark.parametrize(
    ("how", "epochs"),
    [({"callbacks": lambda state: state.epoch == 4}, 4), ({"callbacks": interrupt}, 4), ({"time_limit": 1e-9}, 1)],
    ids=["callback", "Ctrl-C", "time limit"],
)
def test_a_training_that_is_ended_leaves_its_last_epoch_and_can_go_on(how, epochs, tmp_path):
    """However long it is until the next checkpoint would be due."""
    made, history = trained(tmp_path / "run", checkpoint_every=1000, **how)
    assert len(history.loss) == epochs
    assert fastbp.load(tmp_path / "run").theta.tobytes() == made.theta.tobytes()
    came, again = trained(tmp_path / "run", start=8)
    assert came.theta.tobytes() == trained()[0].theta.tobytes()
    assert len(again.loss) == EPOCHS


def test_labels_go_on_where_their_rows_have_begun(killed_after, tmp_path):
    killed_after(3, tmp_path / "run")
    came = network(8)
    fastbp.train(came, X, D.argmax(axis=1), epochs=EPOCHS, checkpoint=tmp_path / "run", resume=True, **VERSION)
    assert came.theta.tobytes() == trained()[0].theta.tobytes()


# ---- What is refused -------------------------------------------------------------------------------------------------


def test_an_unfinished_training_is_not_overwritten(killed_after, tmp_path):
    path = tmp_path / "run"
    killed_after(2, path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="come to epoch 2 of 9: give resume=True to go on with it, or delete"):
        trained(path, resume=False)
    assert path.read_bytes() == before
    trained(path)
    trained(path, resume=False)  # that one is done


OTHERS = {
    "X": ("X must be that of checkpoint '", lambda: {"X": X + 1}),
    "D": ("D must be", lambda: {"D": D[::-1]}),
    "weights": ("sample_weight must be", lambda: {"sample_weight": np.full(40, 2.0)}),
    "rows": ("rows must be", lambda: {"rows": range(39)}),
    "validation_rows": ("validation_rows must be", lambda: {"validation_rows": [1]}),
    "rule": (r"optimizer must be .*, sgd 0.0 .*, got adam 0.9", lambda: {"optimizer": fastbp.Adam(0.1)}),
    "epsilon": (r"optimizer must be", lambda: {"optimizer": fastbp.Adam(0.1, epsilon_hat=True)}),
    "rate": (r"learning_rate must be .*, 0.1, got 0.2", lambda: {"optimizer": fastbp.SGD(0.2)}),
    "schedule": ("learning_rate must be", lambda: {"optimizer": fastbp.SGD(fastbp.Constant(0.1))}),
    "l1": (r"l1 must be .*, 0.0, got 0.5", lambda: {"l1": 0.5}),
    "max_norm": (r"max_norm must be", lambda: {"max_norm": 0.5}),
    "batch": (r"batch_size must be .*, 32, got 31", lambda: {"batch_size": 31}),
    "shuffle": (r"shuffle must be .*, True, got False", lambda: {"shuffle": False}),
    "seed": (r"seed must be .*, 0, got 1", lambda: {"seed": 1}),
    "patience": (r"patience must be .*, None, got 3", lambda: {"patience": 3}),
    "min_delta": (r"min_delta must be .*, 0.0, got 0.1", lambda: {"min_delta": 0.1}),
    "version": (r"version must be", lambda: {"version": "loops"}),
    "epochs": (r"epochs must be those of .*, 9 or more, got 8", lambda: {"epochs": 8}),
    "network": (r"network must be that of .*, Network\(\(5, 6, 3\), ", lambda: {"network": fastbp.Network((5, 7, 3))}),
    "dtype": (r"network must be .*, got .*float64", lambda: {"network": network(dtype="float64")}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_training_does_not_go_on_from_there(other, killed_after, tmp_path):
    killed_after(3, tmp_path / "run", **{"optimizer": fastbp.Adam(0.1)} if other == "epsilon" else {})
    match, change = OTHERS[other]
    how = {"network": network(8), "X": X, "D": D, "epochs": EPOCHS, "resume": True, **VERSION} | change()
    before = how["network"].theta.tobytes()
    with pytest.raises(ValueError, match=match):
        fastbp.train(**how, checkpoint=tmp_path / "run")
    assert how["network"].theta.tobytes() == before


def test_epochs_of_a_schedule_must_stay(killed_after, tmp_path):
    killed_after(3, tmp_path / "run", **HOWS["schedule"])
    with pytest.raises(ValueError, match=r"epochs must be .*, 9 \(the schedule depends on it\), got 10"):
        trained(tmp_path / "run", epochs=10, **HOWS["schedule"])


@pytest.mark.parametrize("resume", [True, False])
def test_a_file_that_is_none_is_left_alone(resume, tmp_path):
    network().save(tmp_path / "model")
    (tmp_path / "text").write_text("something else")
    for name, match in (("model", "it holds a network and no checkpoint"), ("text", "it is no model file")):
        with pytest.raises(fastbp.ModelFileError, match=match):
            trained(tmp_path / name, resume=resume)
    assert (tmp_path / "text").read_text() == "something else"


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"resume": True}, ValueError, "resume needs a checkpoint"),
        ({"resume": 1}, TypeError, "resume must be True or False"),
        ({"checkpoint": "x", "checkpoint_every": -1}, ValueError, "checkpoint_every must be at least 0"),
        ({"checkpoint": "x", "resume": None}, TypeError, "resume must be"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a str or path-like, got 3"),
    ],
)
def test_options(options, kind, match):
    with pytest.raises(kind, match=match):
        fastbp.train(network(), X, D, **options)


def rewritten(path, data, change):
    """The file with another header, and without the digest that would tell."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    del header[safetensors.STRINGS]["digest"]
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def refusal(path, **how):
    """What is said of a checkpoint; the network is as it was."""
    made = network(8)
    with pytest.raises(ValueError, match=r".") as caught:
        trained_into(made, path, **how)
    assert made.theta.tobytes() == network(8).theta.tobytes()
    return str(caught.value)


def test_every_string_of_a_checkpoint_is_checked(killed_after, tmp_path):
    path, how = tmp_path / "run", HOWS["validation, patience"]
    killed_after(3, path, **how)
    data = path.read_bytes()
    for name in safetensors.ModelFile(path).strings:
        for value in ("", "nan", *(() if name == "best loss" else ("-1", "9" * 44))):
            rewritten(path, data, lambda header, n=name, v=value: header[safetensors.STRINGS].update({n: v}))
            said = refusal(path, **how).replace("wait for some of its epochs", "epochs without improvement")
            assert name.removeprefix("depends on ") in said, (name, value)
        rewritten(path, data, lambda header, n=name: header[safetensors.STRINGS].pop(n))
        assert "it has no" in refusal(path, **how)


def test_every_array_of_a_checkpoint_is_checked(killed_after, tmp_path):
    path, how = tmp_path / "run", HOWS["momentum, limits"]
    killed_after(3, path, **how)
    file = safetensors.ModelFile(path)
    for name, array in file.arrays.items():
        changed = [np.zeros(len(array) + 1, array.dtype), array.astype(np.int64)]
        if name.startswith(("layers", "theta")):
            changed.append(np.full_like(array, np.nan))
        for other in changed:
            arrays = {**file.arrays, name: other}
            safetensors.write(path, "checkpoint", {"epochs": "9", "epoch": "3", **file.strings}, arrays)
            assert "must" in refusal(path, **how) or "history" in refusal(path, **how), name


def trained_into(made, path, **how):
    fastbp.train(made, X, D, epochs=EPOCHS, checkpoint=path, resume=True, **VERSION | how)


# ---- When the file cannot be written ---------------------------------------------------------------------------------


def failing(monkeypatch, fails):
    """Writings fail where `fails(number)` says so."""
    numbers, original = iter(range(10**6)), checkpoints.write

    def write(*arguments):
        if fails(next(numbers)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), arguments[0])
        original(*arguments)

    monkeypatch.setattr(checkpoints, "write", write)


def test_before_the_training_nothing_is_lost(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        trained(tmp_path / "no folder" / "run")
    assert caught.value.filename == str(tmp_path / "no folder" / "run")


def test_a_disk_that_is_full_for_a_while_is_told(tmp_path, monkeypatch):
    expected, _ = trained()
    failing(monkeypatch, lambda number: 2 <= number <= 4)
    with pytest.warns(RuntimeWarning, match="a checkpoint could not be written: .*No space left on device") as caught:
        came, _ = trained(tmp_path / "run")
    assert len(caught) == 1
    assert came.theta.tobytes() == expected.theta.tobytes() == fastbp.load(tmp_path / "run").theta.tobytes()


def test_a_disk_that_stays_full_ends_in_an_error_that_has_everything(tmp_path, monkeypatch):
    expected, history = trained()
    failing(monkeypatch, lambda number: number >= 9)
    made = network()
    with pytest.raises(
        fastbp.CheckpointError, match=r"No space left on device.*\. The network has its parameters"
    ) as e:
        trained_into(made, tmp_path / "run", checkpoint_every=0)
    assert made.theta.tobytes() == expected.theta.tobytes()
    assert e.value.history.loss == history.loss
    assert e.value.errno == errno.ENOSPC
    assert safetensors.ModelFile(tmp_path / "run").strings["epoch"] == "8"  # the old one


def test_what_killed_processes_leave_is_removed(tmp_path):
    others = [".run2-0123abcd.part", ".run-2-0123abcd.part", ".run-notes.part", ".run-0123abcd.parts"]
    for name in (".run-0123abcd.part", *others):
        (tmp_path / name).write_text("half")
    trained(tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, "run"])


def test_a_checkpoint_error_goes_through_a_pickle():
    problem = fastbp.CheckpointError(OSError(errno.ENOSPC, "full", "run"), fastbp.History([1.0]))
    came = pickle.loads(pickle.dumps(problem))
    assert (str(came), came.history, came.errno, came.filename) == (str(problem), problem.history, errno.ENOSPC, "run")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of resources")
def test_a_disk_that_is_really_full(tmp_path):
    """The limit of a file's size stands for the end of the disk: it comes after the third epoch."""
    script = """
import resource, signal, sys, warnings
import numpy as np
import fastbp
from fastbp.training.train import Training
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
X, original = np.eye(3), Training.train
def limited(task, between):
    loss = original(task, between)
    if task.epoch == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    return loss
Training.train = limited
warnings.simplefilter("ignore")
network = fastbp.Network((3, 3))
try:
    fastbp.train(network, X, X, epochs=5, version="matrix", checkpoint=sys.argv[1], checkpoint_every=0)
except fastbp.CheckpointError as problem:
    print(problem.filename == sys.argv[1], len(problem.history.loss), np.ptp(network.theta) > 0)
"""
    path = tmp_path / "run"
    out = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert out.stdout == "True 5 True\n", out.stderr
    assert safetensors.ModelFile(path).strings["epoch"] == "2"  # the last that was written whole
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_two_hundred_processes_are_killed(tmp_path):
    """kill -9 at random moments; what comes out in the end has the bits of a training that nothing has interrupted."""
    script = Path(__file__).parent / "killed.py"
    out = subprocess.run(
        [sys.executable, script, str(tmp_path), "20" if UNCOMPILED else "200"],
        capture_output=True, text=True, cwd=script.parent.parent,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    killed, trainings, epochs = map(int, out.stdout.split())
    assert killed == (20 if UNCOMPILED else 200)
    assert trainings > 1  # some have come to an end
    assert epochs > 1  # and not in one go
