"""Trainings on tables that end before their time, and rows that count nothing: what is kept, and what is told."""

import contextlib
import dataclasses
import gc
import io
import sys

import numpy as np
import pytest

import fastbp
from fastbp.tables import fitting
from fastbp.tables.blocks import Spooled
from fastbp.tables.cross_validation import CrossValidation
from fastbp.tables.table_training import TableTraining
from fastbp.training.history import was_interrupted
from tests.cases import UNCOMPILED
from tests.table_cases import QUICK, seen_by_train_many
from tests.test_tables_sources import written

RNG = np.random.default_rng(0)
SIZE = RNG.exponential(size=400)
SKEWED = {"size": SIZE, "noise": RNG.normal(size=400), "price": 10 * SIZE + 0.01}


# ---- Rows that count nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ensemble", [1, 2])
def test_rows_held_out_that_count_nothing_are_no_validation(ensemble):
    kinds = ["a"] * 96 + ["b", "b", "c", "c"]
    table = {"x": np.arange(100.0) % 7, "z": np.cos(np.arange(100.0)), "kind": kinds}
    weights = {"a": 0, "b": 1, "c": 1}
    for seed in range(4):
        result = fastbp.train_table(table, "kind", class_weight=weights, seed=seed, ensemble=ensemble, **QUICK)
        for network in result.model.networks:
            assert network.B[-1].any(), "it has learnt something"
        if ensemble == 1:
            assert not np.isnan(result.history.validation_loss).any()


def test_class_weights_are_numbers_of_any_kind():
    from fractions import Fraction

    table = {"x": np.arange(100.0) % 7, "kind": ["ab"[i % 2] for i in range(100)]}
    half = {"a": Fraction(1, 2)}
    for ensemble in (1, 2):
        one, other = (
            fastbp.train_table(table, "kind", class_weight=weight, ensemble=ensemble, **QUICK).model
            for weight in (half, {"a": 0.5})
        )
        assert [network.theta.tobytes() for network in one.networks] == [
            network.theta.tobytes() for network in other.networks
        ]


# ---- Rows that were trained with -------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [None, "log", "auto"])
def test_rows_are_recognised_whatever_was_learnt_of_the_target(transform):
    result = fastbp.train_table(SKEWED, "price", target_transform=transform, **QUICK)
    assert result.model.evaluate(SKEWED).trained == result.rows + result.validated


# ---- Ends ------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_all_trainings_share_the_time_limit(monkeypatch):
    calls = seen_by_train_many(monkeypatch)
    fastbp.train_table(SKEWED, "price", ensemble=2, time_limit=60, **QUICK)
    first, again = calls
    assert first["time_limit"] == 60
    assert 0 < again["time_limit"] < 60


@pytest.mark.skipif(UNCOMPILED, reason="a moment is over before the first network is")
@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_networks_that_have_not_begun_are_told():
    how = {"time_limit": 1e-9, "threads": 1, "epochs": 50, "hidden_layer_sizes": (500, 500)}
    result = fastbp.train_table(SKEWED, "price", ensemble=5, **how)
    n = len(result.model.networks)
    assert n < 5
    assert f"{n} of 5 networks have been trained: the others had not begun when it was ended" in result.notes


def test_ctrl_c_in_the_last_training_of_an_ensemble_is_told(monkeypatch):
    real, calls = fitting.train_many, []

    def interrupted(networks, X, **how):
        done = real(networks, X, **how)
        calls.append(how)
        return dataclasses.replace(done, outcome=np.full(2, "interrupted")) if len(calls) == 2 else done

    monkeypatch.setattr(fitting, "train_many", interrupted)
    result = fastbp.train_table(SKEWED, "price", ensemble=2, cv=3, **QUICK)
    assert was_interrupted(result.history)
    assert result.cv is None
    assert len(calls) == 2


def test_ctrl_c_in_the_second_training_keeps_the_first(monkeypatch):
    real, seen = TableTraining.train, []

    def train(self, between):
        if self.target.log is None:
            raise KeyboardInterrupt
        seen.append(self)
        return real(self, between)

    monkeypatch.setattr(TableTraining, "train", train)
    result = fastbp.train_table(SKEWED, "price", target_transform="auto", **QUICK)
    assert seen
    assert was_interrupted(result.history)
    assert result.model.encoding.target.log is not None
    assert any("was interrupted before it could be compared" in note for note in result.notes)


# ---- Folds -----------------------------------------------------------------------------------------------------------


def test_folds_that_were_never_trained_have_no_score(monkeypatch):
    real = fitting.train_many

    def train_many(networks, X, **how):
        done = real(networks, X, **how)
        return dataclasses.replace(
            done, outcome=np.array(["stopped", *["interrupted"] * 2]), epochs=np.array([9, 0, 0])
        )

    monkeypatch.setattr(fitting, "train_many", train_many)
    cv = fastbp.train_table(SKEWED, "price", cv=3, **QUICK).cv
    assert len(cv.folds) == 1
    assert cv.interrupted


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_folds_that_diverged_are_told(monkeypatch):
    real = fitting.train_many

    def train_many(networks, X, **how):
        done = real(networks, X, **how)
        return dataclasses.replace(done, outcome=np.array(["diverged", *["stopped"] * 2]))

    monkeypatch.setattr(fitting, "train_many", train_many)
    cv = fastbp.train_table(SKEWED, "price", cv=3, **QUICK).cv
    assert cv.diverged == 1
    assert "1 networks diverged: lower the learning rate" in "".join(cv.lines())


def test_a_fold_of_equal_targets_leaves_the_others_their_r2():
    table = {"x": np.arange(80.0), "y": np.concatenate([np.zeros(60), np.arange(20.0) + 0.5])}
    cv = fastbp.train_table(table, "y", cv=30, task="regression", **QUICK).cv
    assert np.isfinite([cv.mean["r2"], cv.deviation["r2"]]).all()
    assert "nan" not in "".join(CrossValidation(cv.folds).lines())


# ---- Columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["rooms", "y"])
def test_one_stray_unit_makes_no_labels(target, tmp_path):
    lines = [f"{i % 8 + 1}{' kg' if i == 500 else ''},{i % 3}.5" for i in range(1000)]
    path = written(tmp_path, "rooms,y\n" + "\n".join(lines) + "\n")
    with pytest.raises(fastbp.TableError, match="line 502, column 'rooms': '5 kg' has a unit"):
        fastbp.train_table(path, target, **QUICK)


def test_a_leak_among_rare_and_missing_texts_is_told():
    rng = np.random.default_rng(0)
    kind = rng.choice(["yes", "no"], 600)
    code = np.where(kind == "yes", "code 1", "code 2").astype(object)
    code[rng.random(600) < 1 / 3] = ""
    code[[5, 77, 300]] = ["rare", "rarer", "rarest"]
    table = {"code": code.tolist(), "x": rng.normal(size=600), "kind": kind.tolist()}
    assert fastbp.train_table(table, "kind", **QUICK).leaks == ["code"]


def test_parameters_of_a_file_must_be_finite(tmp_path):
    model = fastbp.train_table(SKEWED, "price", ensemble=2, **QUICK).model
    for network in model.networks:
        kept = network.theta[0]
        network.theta[0] = np.nan
        model.save(tmp_path / "model")
        with pytest.raises(fastbp.ModelFileError, match="the parameters of its networks must be finite"):
            fastbp.load(tmp_path / "model")
        network.theta[0] = kept
    model.save(tmp_path / "model")
    assert len(fastbp.load(tmp_path / "model").networks) == 2


def test_a_file_that_is_interrupted_while_it_is_made_says_nothing(monkeypatch):
    """Else lines of Python's own stand behind "error: interrupted"."""
    told, pressed = [], []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    def press():
        pressed.append(True)
        raise KeyboardInterrupt

    monkeypatch.setattr(io, "BytesIO", press)
    with contextlib.suppress(KeyboardInterrupt):  # pytest.raises would keep the file
        Spooled(10)
    gc.collect()
    assert (told, pressed) == ([], [True])
