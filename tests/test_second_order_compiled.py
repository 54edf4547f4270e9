"""Steps of second order of small networks in compiled code: those in Python, with the same bits however many in a call.

What ends a training is here, too, since it may come in the middle of a call.
"""

import numpy as np
import pytest

import fastbp
from fastbp.training import compiled_steps, least_squares
from fastbp.training.compiled_steps import CompiledSteps
from fastbp.training.least_squares import Equations
from tests.cases import UNCOMPILED
from tests.test_second_order import BR, LM, curve, network

OPTIONS = [
    {},
    {"l2": 1e-3},
    {"sample_weight": np.arange(60) % 3},
    {"rows": np.arange(50) % 30},
    {"optimizer": BR()},
    {"optimizer": BR(), "sample_weight": np.arange(60) % 3},
]  # fmt: skip


def look(state):
    """A callback: with it steps are made one by one."""


def trained(options, dtype="float64", epochs=12, sizes=(2, 5, 2), **more):
    X, D = curve(outputs=sizes[-1])
    one = network(sizes, dtype)
    history = fastbp.train(one, X, D, epochs=epochs, **({"optimizer": LM()} | options | more))
    return one.theta, history


@pytest.fixture
def calls(monkeypatch):
    """The steps done in each call of the kernel."""
    done, call = [], CompiledSteps._call

    def noting(self, *args):
        call(self, *args)
        done.append(int(self._counts[compiled_steps.DONE]))

    monkeypatch.setattr(CompiledSteps, "_call", noting)
    return done


# ---- The same steps --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("sizes", [(2, 5, 2), (2, 3, 3, 1), (2, 1)])
def test_they_are_those_in_python(options, sizes, monkeypatch):
    theta, history = trained(options, sizes=sizes, epochs=7)
    monkeypatch.setattr(least_squares, "COMPILED", 0)
    other, expected = trained(options, sizes=sizes, epochs=7)
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-7)
    np.testing.assert_allclose(history.effective_parameters, expected.effective_parameters, rtol=1e-6)
    np.testing.assert_allclose(theta, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_how_many_are_in_a_call_changes_no_bit(options, dtype, calls, monkeypatch):
    found = []
    for most, callbacks in ((1000, None), (2, None), (1000, look)):
        monkeypatch.setattr(compiled_steps, "MOST", most)
        monkeypatch.setattr(compiled_steps, "BLOCK", 1e3)
        theta, history = trained(options, dtype, callbacks=callbacks)
        found.append((theta.tobytes(), history.loss, history.effective_parameters, history.outcome, max(calls)))
        calls.clear()
    assert found[0][:4] == found[1][:4] == found[2][:4]
    assert [most for *_, most in found[1:]] == [2, 1]
    assert found[0][4] > 2
    assert len(history.loss) == len(history.seconds) == 12


def test_a_call_takes_as_long_as_it_may(calls, monkeypatch):
    monkeypatch.setattr(compiled_steps, "BLOCK", 0.0)
    trained({})
    assert max(calls) == 1


def test_larger_networks_are_left_to_lapack(calls):
    X, D = curve()
    for units, compiled in ((24, True), (25, False)):
        one = network((2, units, 1))
        fastbp.train(one, X, D, epochs=2, optimizer=LM())
        assert (one.theta.size <= least_squares.COMPILED) is compiled is bool(calls)
        calls.clear()


# ---- Many networks ---------------------------------------------------------------------------------------------------


def test_the_bits_of_each_depend_neither_on_company_nor_on_threads():
    X, D = curve()
    rules, found = [LM(), BR(), LM(goal=0.01), fastbp.Adam(), LM()], []
    for threads in (1, 2):
        together = [network((2, 4 + seed, 1), seed=seed) for seed in range(5)]
        many = fastbp.train_many(together, X, D, epochs=20, optimizer=rules, threads=threads)
        found.append([one.theta.tobytes() for one in together])
    assert found[0] == found[1]
    for seed in (0, 1, 2, 4):
        alone = network((2, 4 + seed, 1), seed=seed)
        history = fastbp.train(alone, X, D, epochs=20, optimizer=rules[seed])
        assert alone.theta.tobytes() == found[0][seed]
        assert many.history(seed).loss == history.loss
        assert many.outcome[seed] == history.outcome


def test_the_time_limit_of_many_leaves_each_that_has_begun_a_whole_step(monkeypatch):
    X, D = curve()
    networks = [network(seed=seed) for seed in range(2)]
    rule = LM(min_gradient=0, max_damping=1e300)
    done = fastbp.train_many(networks, X, D, epochs=10**7, optimizer=rule, threads=2, time_limit=0.2)
    for one, outcome, loss in zip(networks, done.outcome, done.loss, strict=True):
        assert outcome in ("interrupted", "stopped")
        assert loss[~np.isnan(loss)][-1] == pytest.approx(one.evaluate(X, D), rel=1e-9)


# ---- What ends it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule", [LM(goal=0.01), LM(min_gradient=0.02), LM(damping=0.02, max_damping=0.02), BR(min_gradient=0.02)]
)
def test_ends_are_those_of_single_steps(rule):
    theta, history = trained({"optimizer": rule}, epochs=500)
    other, expected = trained({"optimizer": rule}, epochs=500, callbacks=look)
    assert history.outcome == expected.outcome == "stopped"
    assert history.loss == expected.loss
    assert 0 < len(history.loss) < 500
    assert theta.tobytes() == other.tobytes()


def test_a_goal_that_the_last_step_reaches_has_stopped_it():
    losses = trained({})[1].loss
    history = trained({"optimizer": LM(goal=losses[4])}, epochs=5)[1]
    assert history.loss == losses[:5]
    assert history.outcome == "stopped"


def test_what_diverges_on_the_way_leaves_the_steps_before(monkeypatch):
    x = np.linspace(-1, 1, 20, dtype="f")[:, None]
    found = []
    for callbacks in (None, look):
        monkeypatch.setattr(compiled_steps, "BLOCK", 1e3)
        one = fastbp.Network((1, 1), output="identity", seed=1)
        how = {"epochs": 99, "optimizer": LM(damping=1e-6, min_gradient=0), "callbacks": callbacks}
        with pytest.raises(fastbp.Diverged) as problem:
            fastbp.train(one, x * np.float32(1e-10), x * np.float32(1e30), **how)
        assert problem.value.epoch == len(problem.value.history.loss) + 1 > 2
        assert np.isfinite(one.theta).all()
        found.append((one.theta.tobytes(), problem.value.history.loss, str(problem.value)))
    assert found[0] == found[1]


def test_ctrl_c_leaves_the_steps_that_are_done(monkeypatch):
    call, done = CompiledSteps._call, []

    def interrupted(self, *args):
        call(self, *args)
        done.append(int(self._counts[compiled_steps.DONE]))
        if len(done) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(compiled_steps, "MOST", 4)
    monkeypatch.setattr(compiled_steps, "BLOCK", 1e3)
    monkeypatch.setattr(CompiledSteps, "_call", interrupted)
    with pytest.warns(RuntimeWarning, match="the training was interrupted after"):
        theta, history = trained({}, epochs=100)
    monkeypatch.setattr(CompiledSteps, "_call", call)
    assert len(done) == 3
    assert done[2] > 0
    expected, other = trained({}, epochs=sum(done))
    assert history.loss == other.loss
    assert history.outcome == "interrupted"
    assert theta.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "options",
    [
        {"callbacks": look},
        {"validation_rows": np.arange(50, 60), "rows": np.arange(50)},
        {"patience": 100},
        {"time_limit": 100.0},
        {"progress": lambda done, total, seconds: None},
        {"checkpoint": "there"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_looks_at_each_step_gets_them_one_by_one(options, calls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(options)
    assert max(calls) == 1


@pytest.mark.parametrize("rule", [LM(), BR()])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_training_goes_on_to_the_same_bits_with_a_loss_of_many_parts(rule, weighted, tmp_path):
    """The loss at the start, which Python adds up, is that of the last step, which the kernel has."""
    X, D = curve(2000 if UNCOMPILED else 40_000)
    whole, parts = network((2, 3, 1)), network((2, 3, 1))
    weight = np.random.default_rng(0).uniform(0, 1, len(X)) if weighted else np.ones(len(X))
    how = {"optimizer": rule, "sample_weight": weight}
    expected = fastbp.train(whole, X, D, epochs=8, **how)
    fastbp.train(parts, X, D, epochs=4, checkpoint=tmp_path / "checkpoint", **how)
    history = fastbp.train(parts, X, D, epochs=8, checkpoint=tmp_path / "checkpoint", resume=True, **how)
    assert history.loss == expected.loss
    assert parts.theta.tobytes() == whole.theta.tobytes()
    equations = Equations(whole.layers, X, D, weight, "engine")
    assert equations.at(whole.theta) == expected.loss[-1]
    assert UNCOMPILED or equations.errors.size > 8
