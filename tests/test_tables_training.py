"""train_table: the loop over blocks, what ends it and what is there then."""

import time

import numpy as np
import pytest

import fastbp
from fastbp.tables import blocks, refit
from fastbp.tables.table_training import TableTraining
from fastbp.training import runner
from tests.cases import UNCOMPILED
from tests.engine_cases import Changing
from tests.table_cases import FRUIT, QUICK
from tests.test_tables_sources import written


@pytest.fixture(scope="module")
def fruit(tmp_path_factory):
    return written(tmp_path_factory.mktemp("fruit"), FRUIT)


def trained(path, **options):
    return fastbp.train_table(path, "kind", drop=["id"], **QUICK | options)


@pytest.fixture
def once(monkeypatch):
    """No table has so few rows that its training is done once more with all of them."""
    monkeypatch.setattr(refit, "FEW", 0)


def bits(result):
    return result.model.network.theta.tobytes()


def interrupting(epoch):
    """A callback during which somebody presses Ctrl-C."""

    def callback(state):
        if state.epoch == epoch:
            raise KeyboardInterrupt

    return callback


def test_ctrl_c_before_there_is_anything_is_passed_on(fruit, monkeypatch):
    monkeypatch.setattr(TableTraining, "train", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        trained(fruit)


def test_ctrl_c_keeps_what_was_best(fruit, once):
    with pytest.warns(RuntimeWarning, match="^the training was interrupted after 2 epochs$"):
        result = trained(fruit, epochs=10**6, callbacks=interrupting(2))
    assert result.history.outcome == "interrupted"
    assert len(result.history.loss) == len(result.history.validation_loss) == len(result.history.seconds) == 2
    assert bits(result) == bits(trained(fruit, epochs=result.history.best_epoch))


def test_an_epoch_in_pieces_has_the_same_bits(fruit, once, monkeypatch):
    expected, slices = trained(fruit), Changing(1)
    monkeypatch.setattr(runner, "Slices", lambda *how: slices)
    again = trained(fruit)
    assert len(slices.made) == 4 * len(again.history.loss)  # 100 rows in mini-batches of 32
    assert bits(again) == bits(expected)
    np.testing.assert_allclose(again.history.loss, expected.history.loss)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # uncompiled
def test_divergence(fruit):
    with pytest.raises(fastbp.Diverged, match="diverged in epoch"):
        trained(fruit, learning_rate=1e38, epochs=30)


def test_callbacks_see_each_epoch_and_end_the_training(fruit):
    seen = []

    def third(state):
        seen.append(state)
        return np.array([state.epoch == 3])

    result = trained(fruit, epochs=9, patience=9, callbacks=[third, lambda state: None])
    history, network = result.history, result.model.network
    assert [(state.epoch, state.epochs) for state in seen] == [(1, 9), (2, 9), (3, 9)]
    assert [state.loss for state in seen] == history.loss
    assert [state.validation_loss for state in seen] == history.validation_loss
    assert all(state.network is network and state.estimator is None and state.index == 0 for state in seen)
    assert history.outcome == "stopped"
    assert bits(result) == bits(trained(fruit, epochs=history.best_epoch))


def test_the_first_epoch_is_completed_whatever_the_time_limit(fruit, once):
    result = trained(fruit, epochs=10**6, time_limit=1e-9)
    assert (len(result.history.loss), result.history.outcome) == (1, "interrupted")
    assert bits(result) == bits(trained(fruit, epochs=1))


@pytest.mark.skipif(UNCOMPILED, reason="an epoch takes as long as the limit")
def test_the_time_limit_ends_the_training(fruit):
    begin = time.monotonic()
    result = trained(fruit, epochs=10**6, patience=10**6, time_limit=0.3)
    assert 0.3 <= time.monotonic() - begin < 30
    assert result.history.outcome == "interrupted"
    assert len(result.history.loss) > 1


@pytest.mark.parametrize("min_delta", [0.0, 0.05, 1e9])
def test_less_than_min_delta_is_no_improvement(min_delta, fruit):
    history = trained(fruit, epochs=40, patience=2, min_delta=min_delta).history
    best, best_epoch, waited = np.inf, None, 0
    for epoch, loss in enumerate(history.validation_loss, start=1):
        waited += 1
        if loss < best - min_delta:
            best, best_epoch, waited = loss, epoch, 0
    assert history.best_epoch == best_epoch
    assert history.outcome == ("stopped" if waited == 2 else "finished")
    assert len(history.loss) == (best_epoch + 2 if waited == 2 else 40)


def test_few_rows_are_all_trained_with_at_last(fruit, monkeypatch):
    trainings, real = [], TableTraining.run

    def run(training, *how):
        rows = training._blocks.rows, training._validation.rows
        trainings.append((*rows, real(training, *how), training.theta.tobytes()))
        return trainings[-1][2]

    monkeypatch.setattr(TableTraining, "run", run)
    result = trained(fruit, class_weight="balanced")
    (rows, held_out, first, before), (all_rows, none, again, after) = trainings
    assert (rows, held_out, all_rows, none) == (result.rows, result.validated, result.rows + result.validated, 0)
    assert result.history is first
    assert len(again.loss) == first.best_epoch
    assert bits(result) == after != before


@pytest.mark.filterwarnings("ignore:the training was interrupted")
@pytest.mark.parametrize("epoch", [1, 2])
def test_ctrl_c_while_it_is_trained_once_more_keeps_the_first(epoch, fruit, once, monkeypatch):
    expected, real = trained(fruit, epochs=9), TableTraining.train
    assert expected.history.best_epoch > 2
    monkeypatch.setattr(refit, "FEW", 1000)
    monkeypatch.setattr(refit, "HELD_OUT_OF_FEW", refit.HELD_OUT)

    def train(training, between):
        if training._validation.rows == 0 and len(training.history.loss) == epoch - 1:
            raise KeyboardInterrupt
        return real(training, between)

    monkeypatch.setattr(TableTraining, "train", train)
    result = trained(fruit, epochs=9)
    assert bits(result) == bits(expected)
    assert result.history.outcome == "interrupted"


@pytest.mark.parametrize(("rows", "part"), [(10, 0), (59, 0), (60, 0.2), (999, 0.2), (1000, 0.1), (10**6, 0.1)])
def test_how_many_rows_are_held_out(rows, part):
    assert refit.held_out(rows) == part


def test_progress_is_told_after_each_epoch(fruit, capsys):
    told = []
    result = trained(fruit, epochs=3, patience=9, progress=lambda *now: told.append(now))
    assert [now[:2] for now in told] == [(1, 3), (2, 3), (3, 3)]
    assert 0 < told[0][2] < told[1][2] < told[2][2]
    assert capsys.readouterr() == ("", "")
    assert bits(trained(fruit, epochs=3, patience=9, progress=True)) == bits(result)
    assert "3/3" in capsys.readouterr().err


def test_a_result_is_shown_in_a_few_words(fruit):
    result = trained(fruit)
    shown = repr(result)
    assert shown.startswith(f"<TableResult: {result.rows} rows to train with, {result.validated} to validate with; ")
    assert repr(result.model) in shown
    assert repr(result.history) in shown
    assert "; ".join(result.test.lines("test ")) in shown
    assert len(shown) < 600
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"callbacks": 3}, TypeError, "^callbacks must be a callable or a sequence of callables, got 3$"),
        ({"callbacks": [print, 3]}, TypeError, r"^callbacks\[1\] must be callable, got 3$"),
        ({"time_limit": 0}, ValueError, "^time_limit must be positive and finite, got 0$"),
        ({"min_delta": -1}, ValueError, "^min_delta must be at least 0 and finite, got -1$"),
        ({"patience": 0}, ValueError, "^patience must be at least 1, got 0$"),
        ({"progress": "yes"}, TypeError, "^progress must be True, False or a callable, got 'yes'$"),
        ({"threads": 0}, ValueError, "^threads must be at least 1, got 0$"),
    ],
)
def test_bad_options_of_a_training_are_named(options, kind, match, fruit):
    with pytest.raises(kind, match=match):
        trained(fruit, **options)


def test_mini_batches_go_on_from_one_block_into_the_next(fruit, once, monkeypatch):
    """So that a table on the disk makes as many steps as one in memory, and the schedule comes to its end."""
    sizes, steps, run = [], [], runner.EpochRunner.run

    def watched(own, X, D, weight, order, rates, first_step, *others):
        sizes.append(len(order))
        steps.append((first_step, len(rates)))
        return run(own, X, D, weight, order, rates, first_step, *others)

    monkeypatch.setattr(runner.EpochRunner, "run", watched)
    result = trained(fruit, batch_size=16, epochs=1)
    assert sizes == [result.rows]
    sizes.clear()
    monkeypatch.setattr(blocks, "IN_MEMORY", 100)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 400)
    steps.clear()
    assert trained(fruit, batch_size=16, epochs=2).rows == result.rows
    assert len(sizes) > 4
    assert [size % 16 for size in sizes if size % 16] == [result.rows % 16] * 2
    assert sum(sizes) == 2 * result.rows
    assert sum(count for _, count in steps) == steps[-1][0] + steps[-1][1] == 2 * -(-result.rows // 16)
