"""The one loop over epochs, on a task of our own: callbacks, the time limit, Ctrl-C, progress, and what is kept."""

import functools
import itertools
import time
from types import SimpleNamespace

import numpy as np
import pytest

from fastbp.training import loop
from fastbp.training.loop import Loop
from fastbp.training.progress import Silent

LOSSES = [5.0, 4.0, 3.0, 2.0, 1.0]


class Task:
    """Epoch n adds 1 to theta, and its loss is LOSSES[n - 1]; `during` may do something in each of its calls."""

    estimator, index, network, epochs = "estimator", 7, "network", len(LOSSES)
    validated_by = "validation_loss"

    def __init__(self, keeps=lambda epoch: True, ends=lambda epoch: False, validated=False, during=None):
        self.theta, self.epoch, self.calls, self.updates = np.zeros(3), 0, [], []
        self._keeps, self._ends, self._validated, self._during = keeps, ends, validated, during or {}

    def _do(self, what):
        self.calls.append(what)
        self._during.get((what, self.epoch), lambda: None)()

    def train(self, between):
        self.epoch += 1
        self.theta += 0.5
        self._do("train")
        between()
        self.theta += 0.5
        return LOSSES[self.epoch - 1]

    def validate(self):
        self._do("validate")
        return 10 * LOSSES[self.epoch - 1] if self._validated else None

    def update(self, epoch, loss, validation_loss, seconds):
        self._do("update")
        self.updates.append((epoch, loss, validation_loss))
        assert seconds >= 0
        return self._keeps(epoch), self._ends(epoch)


def ran(task, **options):
    """The loop, when it is over."""
    made = Loop(task, **options)
    made.run()
    return made


def ctrl_c():
    raise KeyboardInterrupt


def test_all_epochs_one_after_the_other():
    task = Task()
    done = ran(task)
    assert (done.epoch, done.outcome) == (5, "finished")
    assert task.calls == ["train", "validate", "update"] * 5
    assert task.updates == [(epoch, loss, None) for epoch, loss in enumerate(LOSSES, start=1)]
    assert task.theta.tolist() == [5.0] * 3


def test_the_last_parameters_that_were_to_be_kept_are_there_in_the_end():
    task = Task(keeps=lambda epoch: epoch in (1, 3))
    ran(task)
    assert task.theta.tolist() == [3.0] * 3
    task = Task(keeps=lambda epoch: False)
    ran(task)
    assert task.theta.tolist() == [0.0] * 3


@pytest.mark.parametrize("last", [2, 5])
def test_a_task_that_has_enough_stops(last):
    task = Task(ends=lambda epoch: epoch == last)
    done = ran(task)
    assert (done.epoch, done.outcome, len(task.updates)) == (last, "stopped", last)


# ---- Callbacks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("validated", [False, True])
def test_callbacks_are_told_how_far_it_is(validated):
    seen = []
    task = Task(validated=validated)
    ran(task, callbacks=(seen.append,))
    assert [(state.epoch, state.epochs) for state in seen] == [(epoch, 5) for epoch in range(1, 6)]
    assert [state.loss for state in seen] == LOSSES
    assert [state.validation_loss for state in seen] == [10 * loss if validated else None for loss in LOSSES]
    assert {(state.network, state.estimator, state.index) for state in seen} == {("network", "estimator", 7)}
    assert all(0 <= a.seconds <= b.seconds for a, b in itertools.pairwise(seen))
    with pytest.raises(AttributeError):
        seen[0].loss = 0.0


@pytest.mark.parametrize("answer", [True, 1, np.True_, "yes", np.array(True), np.array([[0.5]]), np.int64(2), [0]])
def test_whichever_callback_says_so_ends_it_and_all_are_called(answer):
    called = []
    callbacks = [lambda state, i=i: called.append(i) or (answer if (i, state.epoch) == (1, 2) else 0) for i in range(3)]
    done = ran(Task(), callbacks=callbacks)
    assert (done.epoch, done.outcome) == (2, "stopped")
    assert called == [0, 1, 2] * 2


@pytest.mark.parametrize("answer", [None, False, 0, np.False_, "", np.array(0), np.array([False]), np.float64(0), []])
def test_what_is_not_true_ends_nothing(answer):
    done = ran(Task(), callbacks=[lambda state: answer])
    assert (done.epoch, done.outcome) == (5, "finished")


class Unsure:
    def __bool__(self):
        raise TypeError("who knows?")


@pytest.mark.parametrize("answer", [np.zeros(2), np.array([[True], [False]]), Unsure()])
def test_what_is_neither_true_nor_false_is_an_error_that_names_the_callback(answer):
    def in_doubt(state):
        return answer if state.epoch == 3 else None

    task = Task()
    with pytest.raises(ValueError, match=r"^callbacks: .*in_doubt must return None or something that is true or false"):
        ran(task, callbacks=[in_doubt])
    assert task.theta[0] == 3
    with pytest.raises(ValueError, match=r"^callbacks: functools\.partial\(.*\) must return None"):
        ran(Task(), callbacks=[functools.partial(in_doubt)])


def test_callbacks_see_the_parameters_of_the_epoch_and_not_those_that_are_kept():
    seen, task = [], Task(keeps=lambda epoch: epoch == 1)
    ran(task, callbacks=[lambda state: seen.append(task.theta[0])])
    assert seen == [1, 2, 3, 4, 5]


def test_callbacks_are_called_in_their_context():
    inside = []

    class Inside:
        def __enter__(self):
            inside.append(True)

        def __exit__(self, *exception):
            inside.pop()

    found = []
    ran(Task(), callbacks=[lambda state: found.append(len(inside))], calling_back=Inside())
    assert found == [1] * 5
    assert not inside


def test_a_problem_in_a_callback_is_passed_on_and_leaves_what_was_to_be_kept():
    task = Task(keeps=lambda epoch: epoch == 1)
    with pytest.raises(ZeroDivisionError):
        ran(task, callbacks=[lambda state: 0 / (3 - state.epoch)])
    assert task.theta.tolist() == [1.0] * 3


# ---- Time and those who asked for it ---------------------------------------------------------------------------------


class Clock:
    """A clock in the place of the loop's, which goes on as the test wants it."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        clocks = SimpleNamespace(monotonic=lambda: self.now, perf_counter=time.perf_counter)
        monkeypatch.setattr(loop, "time", clocks)

    def goes_on(self, seconds):
        def tick():
            self.now += seconds

        return tick


def test_the_first_epoch_is_completed_whatever_the_time_limit(monkeypatch):
    clock = Clock(monkeypatch)
    task = Task(during={("train", 1): clock.goes_on(100.0)})
    done = ran(task, time_limit=1.0)
    assert (done.epoch, done.outcome) == (1, "interrupted")
    assert task.theta.tolist() == [1.0] * 3


def test_a_later_epoch_in_which_the_time_ends_is_dropped(monkeypatch):
    clock = Clock(monkeypatch)
    task = Task(during={("train", 3): clock.goes_on(100.0)})
    done = ran(task, time_limit=1.0)
    assert (done.epoch, done.outcome, task.epoch) == (2, "interrupted", 3)
    assert len(task.updates) == 2
    assert task.theta.tolist() == [2.0] * 3


def test_the_time_that_ends_after_an_epoch_leaves_it(monkeypatch):
    clock = Clock(monkeypatch)
    task = Task(during={("update", 3): clock.goes_on(100.0)})
    done = ran(task, time_limit=1.0)
    assert (done.epoch, done.outcome) == (3, "interrupted")


def test_the_time_that_ends_with_the_last_epoch_has_interrupted_nothing(monkeypatch):
    clock = Clock(monkeypatch)
    done = ran(Task(during={("update", 5): clock.goes_on(100.0)}), time_limit=1.0)
    assert (done.epoch, done.outcome) == (5, "finished")


@pytest.mark.parametrize(("asked", "epochs"), [(1, 0), (2, 1), (3, 1), (4, 2), (10, 5)])
def test_who_asked_for_the_training_may_end_it_between_slices_and_epochs(asked, epochs):
    """It is asked in each epoch and after it, but for the last."""
    answers = iter([True] * (asked - 1) + [False])
    task = Task()
    done = ran(task, should_continue=lambda epochs: next(answers))
    assert (done.epoch, done.outcome) == (epochs, "finished" if epochs == 5 else "interrupted")
    assert task.theta.tolist() == [epochs] * 3


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["train", "validate"])
def test_ctrl_c_in_the_first_epoch_is_passed_on(what):
    task = Task(during={(what, 1): ctrl_c})
    with pytest.raises(KeyboardInterrupt):
        ran(task)
    assert task.theta.tolist() == [0.0] * 3


@pytest.mark.parametrize("what", ["train", "validate"])
@pytest.mark.parametrize(("epoch", "told"), [(2, "after 1 epoch"), (4, "after 3 epochs")])
def test_ctrl_c_later_leaves_the_whole_epochs(epoch, told, what):
    task = Task(during={(what, epoch): ctrl_c})
    with pytest.warns(RuntimeWarning, match=f"^the training was interrupted {told}$"):
        done = ran(task)
    assert (done.epoch, done.outcome, len(task.updates)) == (epoch - 1, "interrupted", epoch - 1)
    assert task.theta.tolist() == [epoch - 1] * 3


def test_ctrl_c_while_progress_is_shown_leaves_epochs_and_history_in_step():
    task = Task()
    shown = SimpleNamespace(show=lambda done, *state, **figures: ctrl_c() if done == 3 else None)
    with pytest.warns(RuntimeWarning, match="^the training was interrupted after 3 epochs$"):
        done = ran(task, shown=shown)
    assert done.epoch == len(task.updates) == 3
    assert task.theta.tolist() == [3.0] * 3


def test_ctrl_c_in_a_callback_comes_after_its_epoch():
    task = Task()
    with pytest.warns(RuntimeWarning, match="^the training was interrupted after 1 epoch$"):
        done = ran(task, callbacks=[lambda state: ctrl_c()])
    assert (done.epoch, done.outcome) == (1, "interrupted")
    assert task.theta.tolist() == [1.0] * 3


# ---- Progress and checkpoints ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("validated", [False, True])
def test_progress_is_shown_after_each_epoch(validated):
    class Shown(Silent):
        def show(self, done, total, seconds, **figures):
            lines.append((done, total, figures))
            assert seconds >= 0

    lines = []
    ran(Task(validated=validated), shown=Shown())
    more = [{"validation": 10 * loss} if validated else {} for loss in LOSSES]
    assert lines == [(n, 5, {"loss": LOSSES[n - 1], **more[n - 1]}) for n in range(1, 6)]


class Told:
    """A checkpointer that keeps what it is told: epochs done, whether the task has enough, what is to be kept."""

    def __init__(self):
        self.calls = []

    def after(self, loop, ended):
        self.calls.append((loop.epoch, bool(ended), loop.kept[0]))


def test_the_checkpointer_is_told_of_each_epoch_before_the_callbacks_are():
    told = Told()
    ran(Task(), callbacks=[lambda state: told.calls.append(state.epoch)], checkpointer=told)
    assert told.calls == [call for n in range(1, 6) for call in ((n, False, n), n)]
    told = Told()
    ran(Task(ends=lambda epoch: epoch == 2, keeps=lambda epoch: epoch == 1), checkpointer=told)
    assert told.calls == [(1, False, 1), (2, True, 1)]


WAYS = ["callback", "time after an epoch", "time in an epoch", "ctrl-c in an epoch", "ctrl-c in a callback"]


@pytest.mark.filterwarnings("ignore:the training was interrupted after 2 epochs:RuntimeWarning")
@pytest.mark.parametrize("way", WAYS)
def test_whatever_ends_it_the_checkpointer_is_told_of_the_last_whole_epoch(way, monkeypatch):
    clock, told = Clock(monkeypatch), Told()
    during = {
        "time after an epoch": {("update", 2): clock.goes_on(100.0)},
        "time in an epoch": {("train", 3): clock.goes_on(100.0)},
        "ctrl-c in an epoch": {("train", 3): ctrl_c},
    }

    def callback(state):
        if way == "ctrl-c in a callback" and state.epoch == 2:
            raise KeyboardInterrupt
        return way == "callback" and state.epoch == 2

    done = ran(Task(during=during.get(way)), callbacks=[callback], time_limit=1.0, checkpointer=told)
    assert (done.epoch, told.calls[-1]) == (2, (2, False, 2))
