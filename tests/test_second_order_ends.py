"""What ends a training by steps of second order, and what is left then: goals, callbacks, checkpoints, overflow."""

import numpy as np
import pytest

import fastbp
from tests.cases import DTYPES
from tests.test_second_order import BR, LM, curve, network


def test_the_goal_and_the_gradient_end_it():
    X, D = curve()
    history = fastbp.train(network(), X, D, epochs=200, optimizer=LM(goal=0.01))
    assert history.outcome == "stopped"
    assert history.loss[-1] <= 0.01 < history.loss[-2]
    trained = network()
    history = fastbp.train(trained, X, D, epochs=200, optimizer=LM(min_gradient=0.01))
    assert history.outcome == "stopped"
    assert 0 < len(history.loss) < 200
    _, dW, _ = trained.gradient(X, D)
    assert np.linalg.norm(dW[0].base) <= 0.01


def test_patience_ends_it_with_the_best_parameters():
    X, D = curve(n=40)
    trained, rows, held = network((2, 20, 1)), np.arange(20), np.arange(20, 40)
    history = fastbp.train(trained, X, D, epochs=300, optimizer=LM(), rows=rows, validation_rows=held, patience=6)
    assert history.outcome == "stopped"
    assert history.best_epoch == len(history.loss) - 6 == 1 + int(np.argmin(history.validation_loss))
    assert trained.evaluate(X[held], D[held]) == pytest.approx(min(history.validation_loss), rel=1e-9)


def test_callbacks_and_the_time_limit_end_it():
    X, D = curve()
    assert len(fastbp.train(network(), X, D, optimizer=LM(), callbacks=lambda state: state.epoch == 3).loss) == 3
    history = fastbp.train(network(), X, D, epochs=10**6, optimizer=LM(min_gradient=0), time_limit=1e-6)
    assert len(history.loss) == 1
    assert history.outcome == "interrupted"


@pytest.mark.parametrize("n", [60, 5000])
def test_a_loss_beyond_all_numbers_is_told_without_a_learning_rate(n):
    X, D = curve(n)
    with pytest.raises(fastbp.Diverged, match="diverged in epoch 1 with LevenbergMarquardt") as problem:
        fastbp.train(network(), X, 1e200 * D, optimizer=LM())
    assert "learning rate" not in str(problem.value)
    assert "Scale X" in str(problem.value)


@pytest.mark.parametrize("rule", [LM(), BR()])
def test_a_killed_training_goes_on_to_the_same_bits(rule, tmp_path):
    X, D = curve()
    whole, parts, path = network(dtype="float32"), network(dtype="float32"), tmp_path / "checkpoint"
    rows = {"rows": np.arange(50), "validation_rows": np.arange(50, 60)}
    expected = fastbp.train(whole, X, D, epochs=9, optimizer=rule, **rows)
    fastbp.train(parts, X, D, epochs=4, optimizer=rule, checkpoint=path, **rows)
    again = network(dtype="float32")
    history = fastbp.train(again, X, D, epochs=9, optimizer=rule, checkpoint=path, resume=True, **rows)
    assert again.theta.tobytes() == whole.theta.tobytes()
    assert history.loss == expected.loss
    assert history.effective_parameters == expected.effective_parameters
    np.testing.assert_array_equal(fastbp.load(path).theta, whole.theta)
    with pytest.raises(ValueError, match="optimizer must be that of checkpoint"):
        fastbp.train(again, X, D, epochs=9, optimizer=LM(damping=0.5), checkpoint=path, resume=True, **rows)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_callback_may_change_the_network(dtype):
    """The step after it is that of another network with these parameters and this damping."""
    X, D = curve()
    changed, other = network(dtype=dtype), network(dtype=dtype, seed=2)
    start = other.theta.copy()

    def jump(state):
        if state.epoch == 1:
            changed.theta[:] = start

    fastbp.train(changed, X, D, epochs=2, optimizer=LM(damping=1e-3), callbacks=jump)
    directions = []
    for damping in (1e-5, 1e-4, 1e-3, 1e-2):
        other.theta[:] = start
        fastbp.train(other, X, D, epochs=1, optimizer=LM(damping=damping))
        directions.append(np.abs(changed.theta - other.theta).max())
    assert min(directions) < 0.3 * np.abs(changed.theta - start).max()
    assert changed.evaluate(X, D) < network(dtype=dtype, seed=2).evaluate(X, D)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_a_callback_raises_leaves_the_best_parameters(dtype):
    X, D = curve(n=60)
    rows = {"rows": np.arange(20), "validation_rows": np.arange(20, 60), "patience": 49}
    trained, losses = network((2, 20, 1), dtype), []

    def enough(state):
        losses.append(state.validation_loss)
        if state.epoch == 25:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fastbp.train(trained, X, D, epochs=100, optimizer=LM(), callbacks=enough, **rows)
    assert trained.evaluate(X[20:], D[20:]) == pytest.approx(min(losses), rel=1e-4)


def test_parameters_that_the_dtype_cannot_hold_are_told():
    x = np.linspace(-1, 1, 20)[:, None]
    trained = fastbp.Network((1, 1), output="identity", seed=1)
    before = trained.theta.copy()
    with pytest.raises(fastbp.Diverged):
        fastbp.train(
            trained, (x * 1e-10).astype("f"), (x * 1e30).astype("f"), epochs=50,
            optimizer=LM(damping=1e-18, min_gradient=0),
        )  # fmt: skip
    assert np.isfinite(trained.theta).all()
    assert np.abs(trained.theta).max() >= np.abs(before).max()


@pytest.mark.parametrize("scale", [1e100, 1e153, 1e160, 1e300])
def test_numbers_beyond_all_squares_come_to_an_end(scale):
    x = np.linspace(-1, 1, 20)[:, None]
    trained = fastbp.Network((1, 1), output="identity", dtype="float64", seed=1)
    try:
        history = fastbp.train(trained, x * scale, x, epochs=30, optimizer=LM(min_gradient=0))
        assert history.outcome == "stopped"
    except fastbp.Diverged:
        pass
    assert np.isfinite(trained.theta).all()


def test_a_loss_that_falls_no_more_ends_the_training():
    X, D = curve(n=100)
    for seed in range(3):
        history = fastbp.train(network(seed=seed), X, D, epochs=3000, optimizer=LM(min_gradient=0))
        assert (np.diff(history.loss) < 0).all()


def test_a_goal_that_is_reached_needs_no_step():
    assert fastbp.train(network(), *curve(), epochs=5, optimizer=LM(goal=1e6)).loss == []


@pytest.mark.parametrize("options", [{"min_gradient": 1e-2}, {"max_damping": 1e-3}])
def test_the_checkpoint_of_a_training_that_has_ended_is_done(options, tmp_path):
    X, D = curve()
    how = {"epochs": 1000, "optimizer": LM(**options), "checkpoint": tmp_path / "checkpoint"}
    trained, again = network(), network()
    history = fastbp.train(trained, X, D, **how)
    assert history.outcome == "stopped"
    assert fastbp.train(again, X, D, **how, resume=True).loss == history.loss
    assert again.theta.tobytes() == trained.theta.tobytes()
    assert fastbp.train(network(), X, D, **how).loss == history.loss  # which may be overwritten


def test_the_cost_is_told_before_the_first_step(capsys):
    X, D = curve()
    fastbp.train(network(), X, D, epochs=1, optimizer=LM(), progress=True)
    assert "29 parameters: 0.0 MB and 0.000 billion multiplications a step" in capsys.readouterr().err
