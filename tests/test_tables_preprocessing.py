"""Tables: robust scaling of numbers, limits of predictions, and the logarithm of the target."""

import dataclasses

import numpy as np
import pytest

import fastbp
from fastbp.files import safetensors
from fastbp.files.safetensors import ModelFile, ModelFileError
from fastbp.tables import roles, samples, sources
from fastbp.tables.encoding import clipped
from fastbp.tables.scores import Scores
from fastbp.tables.table_training import TableTraining
from fastbp.tables.target import Logarithm, Target
from tests.cases import UNCOMPILED
from tests.table_cases import QUICK
from tests.test_tables_sources import whole, written


@pytest.fixture
def prices(tmp_path):
    """400 rows: x, a number with outliers and missing ones; y, positive, the exponential of a line."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    y = np.exp(2 * x + 0.5 * rng.normal(size=400) + 3)
    x[::50] *= 1e6
    x[7::40] = np.nan
    rows = "".join(f"{'' if np.isnan(a) else repr(a)},{b!r}\n" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return written(tmp_path, "x,y\n" + rows), x, y


def trained(path, **options):
    return fastbp.train_table(path, "y", **QUICK | options)


# ---- A sample of a column --------------------------------------------------------------------------------------------


def test_a_sample_of_few_numbers_is_all_of_them():
    sample, values = samples.Sample(), np.random.default_rng(0).normal(size=samples.MOST)
    for part in np.array_split(values, 7):
        sample.add(part)
    np.testing.assert_array_equal(np.sort(sample.values), np.sort(values))
    assert sample.quartiles == np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    apart = (values - values.mean()) / values.std()
    assert sample.skewness == pytest.approx((apart**3).mean())


@pytest.mark.parametrize("order", ["drawn", "rising"])
def test_a_sample_of_many_numbers_is_bounded_and_the_same_in_whatever_parts_they_come(order):
    values = np.random.default_rng(0).exponential(size=300_000)
    if order == "rising":
        values.sort()
    found = []
    for parts in (1, 3, 60):
        sample = samples.Sample()
        for part in np.array_split(values, parts):
            sample.add(part)
        assert sample.values.size == samples.MOST
        found.append(np.sort(sample.values))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    for quartile, part in zip(sample.quartiles, (0.25, 0.5, 0.75), strict=True):
        assert abs((values < quartile).mean() - part) < 0.02
    assert np.isin(found[0], values).all()


# ---- Robust scaling --------------------------------------------------------------------------------------------------


def test_numbers_are_clipped_smoothly():
    x = np.array([-1e300, -4.0, -1e-9, 0.0, 0.5, 3.0, 1e300])
    expected = [-3.0, -4 / np.sqrt(1 + 16 / 9), -1e-9, 0.0, 0.5 / np.sqrt(1 + 0.25 / 9), 3 / np.sqrt(2), 3.0]
    np.testing.assert_allclose(clipped(x), expected, rtol=1e-15)


def test_median_and_quartiles_are_those_of_the_rows_to_train_with(prices):
    path, x, _ = prices
    model = trained(path, scaling="robust", epochs=1).model
    (column,) = model.encoding.used
    known = x[(roles.Roles(0, 0.2, 0).take(400) != roles.TEST) & ~np.isnan(x)]
    low, median, high = np.quantile(known, (0.25, 0.5, 0.75))
    assert (column.robust, column.missing, column.width) == (True, True, 2)
    assert (column.mean, column.deviation) == pytest.approx((median, high - low), rel=1e-12)
    X = model.encoding.encode(whole(path), np.float64)
    scaled = np.where(np.isnan(x), 0.0, (x - median) / (high - low))
    np.testing.assert_allclose(X[:, 0], scaled / np.sqrt(1 + (scaled / 3) ** 2), rtol=1e-9)
    np.testing.assert_array_equal(X[:, 1], np.isnan(x))
    assert 2.999 < np.abs(X[:, 0]).max() <= 3
    assert not trained(path, epochs=1).model.encoding.used[0].robust


def test_the_range_counts_where_the_quartiles_are_the_same(tmp_path):
    rows = "".join(f"{10 * (i == 3) - 4 * (i == 5)},5,{i}\n" for i in range(100))
    path = written(tmp_path, f"mostly,same,y\n{rows}")
    mostly, same = trained(path, scaling="robust", epochs=1, test_size=0).model.encoding.inputs
    assert (mostly.mean, mostly.deviation) == (0.0, 7.0)
    assert same.kind == "left out"


def test_numbers_may_be_as_far_apart_as_they_like_in_training_and_not_later(tmp_path):
    rows = "".join(f"{1e-60 * i if i < 90 else 1e60!r},{i}\n" for i in range(100))
    model = trained(written(tmp_path, f"x,y\n{rows}"), scaling="robust", epochs=1, test_size=0).model
    assert np.isfinite(model.predict({"x": [1e60, 0.0]})).all()
    with pytest.raises(fastbp.TableError, match=r"'x': 1e\+99 is too far from 4.95e-59, the median in training"):
        model.predict({"x": [1e99]})
    with pytest.raises(fastbp.TableError, match="column 'x': numbers must lie between"):
        model.predict({"x": [1e300]})


def test_dates_are_scaled_as_ever(tmp_path):
    rows = "".join(f"2021-{1 + i % 12:02}-{1 + i % 28:02},{i},{i}\n" for i in range(100))
    path = written(tmp_path, f"day,x,y\n{rows}")
    robust, standard = (trained(path, scaling=how, epochs=1).model.encoding for how in ("robust", "standard"))
    assert robust.inputs[0] == standard.inputs[0]
    assert robust.inputs[1] != standard.inputs[1]


# ---- Limits ----------------------------------------------------------------------------------------------------------


def test_predictions_are_clamped_to_the_targets_in_training(tmp_path):
    path = written(tmp_path, "x,y\n" + "".join(f"{i},{3 * i}\n" for i in range(200)))
    result = trained(path, clamp_output=True)
    learnt = 3 * np.arange(200)[roles.Roles(0, 0.2, 0).take(200) != roles.TEST]
    target = result.model.encoding.target
    assert (target.lowest, target.highest) == (learnt.min(), learnt.max())
    free = trained(path).model
    x = {"x": [-1e5, 50.0, 60.0, 1e5]}
    expected = np.clip(free.predict(x), target.lowest, target.highest)
    np.testing.assert_array_equal(result.model.predict(x), expected)
    assert (free.predict(x) != expected).any()
    assert free.encoding.target.lowest is None


def test_scores_are_those_of_clamped_predictions():
    target = Target("y", "number", mean=10.0, deviation=2.0, lowest=9.0, highest=11.0)
    scores = Scores(target)
    scores.add(np.array([[5.0], [-5.0], [0.25]]), np.array([0.0, -0.5, 0.5]))  # 11, 9, 10.5 for 10, 9, 11
    assert scores.rmse == pytest.approx(np.sqrt((1 + 0 + 0.25) / 3))
    assert scores.mae == pytest.approx(0.5)


# ---- The logarithm ---------------------------------------------------------------------------------------------------


def test_the_logarithm_is_learnt_and_the_mean_predicted(prices):
    path, _, y = prices
    result = trained(path, target_transform="log", scaling="robust")
    target, network = result.model.encoding.target, result.model.network
    test = roles.Roles(0, 0.2, 0).take(400) == roles.TEST
    logarithms = np.log(y[~test])
    assert (target.log.mean, target.log.deviation) == pytest.approx((logarithms.mean(), logarithms.std()))
    assert (target.mean, target.deviation) == pytest.approx((y[~test].mean(), y[~test].std()))
    X = result.model.encoding.encode(whole(path), np.float32)
    u = network.predict(X)[:, 0].astype(float) * target.log.deviation + target.log.mean
    learnt = roles.Roles(0, 0.2, 0.2).take(400) == roles.TRAINING
    assert learnt.sum() == result.rows
    assert target.log.smearing == pytest.approx(np.exp(np.log(y) - u)[learnt].mean(), rel=1e-5)
    assert target.log.smearing > 1
    predicted = result.model.predict(path)
    np.testing.assert_allclose(predicted, np.exp(u) * target.log.smearing, rtol=1e-12)
    assert result.test.rmse == pytest.approx(np.sqrt(np.mean((predicted - y)[test] ** 2)), rel=1e-4)
    assert result.test.usual_rmse == pytest.approx(np.sqrt(np.mean((y[~test].mean() - y[test]) ** 2)), rel=1e-4)


def test_a_mean_of_exponentials_that_overflows_is_left_out(tmp_path):
    path = written(tmp_path, "x,y\n" + "".join(f"{i % 3},{10.0 ** (-300 if i else 99)!r}\n" for i in range(100)))
    target = trained(path, target_transform="log", test_size=0, epochs=1).model.encoding.target
    assert target.log.smearing == 1.0


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (-3.5, "-3.5")])
def test_a_value_without_a_logarithm_is_named(value, shown, tmp_path):
    path = written(tmp_path, "x,y\n" + "".join(f"{i},{value if i == 60 else i + 1}\n" for i in range(100)))
    with pytest.raises(fastbp.TableError, match=f"line 62, column 'y': {shown} must be above 0 to have a logarithm"):
        trained(path, target_transform="log")
    target = trained(path, target_transform="auto", epochs=1).model.encoding.target
    assert target.log is None


def test_logarithms_must_differ(tmp_path):
    path = written(tmp_path, "x,y\n" + "".join(f"{i},{10**16 + 2 * (i % 2)}\n" for i in range(4)))
    with pytest.raises(fastbp.TableError, match="column 'y', the target, must have different logarithms"):
        trained(path, target_transform="log", task="regression", test_size=0)


def test_scores_take_0_where_logarithms_were_learnt():
    target = Target("y", "number", mean=1.0, deviation=2.0, log=Logarithm(0.5, 1.5, 2.0))
    (block,) = sources.opened({"y": [0.0, 2.0, np.nan]}).blocks()
    np.testing.assert_allclose(target.restored(target.encode(block)), [0, 2, np.nan], rtol=1e-15)
    (block,) = sources.opened({"y": [1.0, -2.0]}).blocks()
    with pytest.raises(fastbp.TableError, match="column 'y': -2 must not be negative: its logarithm was learnt"):
        target.encode(block)


@pytest.mark.skipif(UNCOMPILED, reason="it takes epochs to learn what is compared")
def test_what_is_better_on_the_rows_to_stop_by_is_kept(prices):
    _, x, y = prices
    path = {"x": np.nan_to_num(x), "y": y}
    how = {"scaling": "robust", "epochs": 150, "hidden_layer_sizes": (16,)}
    chosen, of_log = (trained(path, target_transform=one, **how) for one in ("auto", "log"))
    assert chosen.model.network.theta.tobytes() == of_log.model.network.theta.tobytes()
    assert chosen.model.encoding == of_log.model.encoding
    assert chosen.history.loss == of_log.history.loss
    (note,) = chosen.notes
    assert note.startswith("the logarithm is learnt, since it is better on the rows to stop by: RMSE ")
    better, worse = (float(note.split(word)[1].split()[0]) for word in ("RMSE ", "'y', "))
    assert better < worse
    rng = np.random.default_rng(0)
    high, x, tiny = rng.random(400) < 0.2, rng.random(400), 10 ** rng.uniform(-9, 0, 400)  # its logarithm is noise
    table = {"high": high.astype(float), "x": x, "y": np.where(high, 100 + 50 * x, tiny)}
    chosen, plain = trained(table, target_transform="auto", **how), trained(table, **how)
    assert chosen.notes[0].startswith(
        "the logarithm is not learnt, since it is no better on the rows to stop by: RMSE "
    )
    assert chosen.model.encoding == plain.model.encoding
    np.testing.assert_allclose(chosen.history.loss, plain.history.loss, rtol=1e-3)
    np.testing.assert_allclose(chosen.test.rmse, plain.test.rmse, rtol=1e-2)


def test_the_logarithm_is_tried_for_skewed_targets_only(prices, tmp_path, monkeypatch):
    trainings = []
    train = TableTraining.run
    monkeypatch.setattr(TableTraining, "run", lambda *how: trainings.append(how[1:]) or train(*how))
    even = written(tmp_path, "x,y\n" + "".join(f"{i},{i + 0.5}\n" for i in range(200)), "even.csv")
    assert trained(even, target_transform="auto", epochs=1, time_limit=60).notes == []
    assert [limit for *_, limit in trainings if limit in (60, 30)] == [
        60
    ]  # and what is left, for the one with all rows
    assert len(trained(prices[0], target_transform="auto", epochs=1, time_limit=60).notes) == 1
    assert [limit for *_, limit in trainings if limit in (60, 30)] == [60, 30, 30]


def test_ctrl_c_ends_both_trainings(prices):
    def press(state):
        if state.epoch == 2:
            raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="^the training was interrupted after 2 epochs$"):
        result = trained(prices[0], target_transform="auto", callbacks=press)
    assert result.notes == ["the logarithm is learnt; the training was interrupted before it was compared"]
    assert result.model.encoding.target.log is not None


@pytest.mark.parametrize("of_log", [True, False])
def test_a_training_that_diverges_leaves_the_other_one(of_log, prices, monkeypatch):
    train = TableTraining.train

    def diverging(training, between):
        if (training.target.log is not None) == of_log:
            raise fastbp.Diverged(1, training.recipe.optimizer, training.history)
        return train(training, between)

    monkeypatch.setattr(TableTraining, "train", diverging)
    result = trained(prices[0], target_transform="auto", epochs=1)
    chosen = "the logarithm is not learnt, since its" if of_log else "the logarithm is learnt, since the"
    (note,) = result.notes
    assert note == f"{chosen} training{' ' if of_log else ' without '}diverged"
    assert (result.model.encoding.target.log is None) == of_log
    assert np.isfinite(result.test.rmse)
    with pytest.raises(fastbp.Diverged):
        trained(prices[0], target_transform="log" if of_log else None, epochs=1)


# ---- Options and files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"scaling": "min-max"}, "^scaling must be one of 'standard', 'robust', got 'min-max'"),
        ({"target_transform": "sqrt"}, "^target_transform must be one of 'log', 'auto', got 'sqrt'"),
        ({"target_transform": "log"}, "^target_transform must be None where the target has classes, got 'log' for the"),
        ({"clamp_output": True}, "^clamp_output must be False where the target has classes, got True for the classes"),
    ],
)
def test_bad_options_are_named(options, match, tmp_path):
    path = written(tmp_path, "x,y\n" + "1,a\n2,b\n" * 20)
    with pytest.raises(ValueError, match=match):
        trained(path, **options)


def test_auto_leaves_classes_alone(tmp_path):
    path = written(tmp_path, "x,y\n" + "1,a\n2,b\n" * 20)
    assert trained(path, target_transform="auto", epochs=1).model.encoding.target.log is None


def test_a_file_keeps_it_all(prices, tmp_path):
    path, _, _ = prices
    model = trained(path, scaling="robust", target_transform="log", clamp_output=True, epochs=3).model
    assert model.encoding.target.log is not None
    assert model.encoding.target.lowest is not None
    model.save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    assert came.encoding == model.encoding
    np.testing.assert_array_equal(came.predict(path), model.predict(path))


def test_files_without_it_are_as_before(prices, tmp_path):
    trained(prices[0], epochs=1).model.save(tmp_path / "model")
    file = ModelFile(tmp_path / "model")
    assert not {"robust", "target limits", "target logarithm"} & {*file.strings, *file.arrays}
    column, target = fastbp.load(tmp_path / "model").encoding.used[0], fastbp.load(tmp_path / "model").encoding.target
    assert (column.robust, target.lowest, target.highest, target.log) == (False, None, None, None)


DAMAGED = {
    "the limits of its target must be finite, the lower one first": {"target limits": [2.0, 1.0]},
    "array 'target limits' must have shape": {"target limits": [2.0, 1.0, 3.0]},
    "mean, deviation and smearing of the logarithm must be finite": {"target logarithm": [1.0, np.nan, 1.0]},
    "finite, the last two positive": {"target logarithm": [1.0, 1.0, 0.0]},
    "'robust' must be 0 or 1 for each column": {"robust": "01"},
    "columns that are scaled robustly must be numbers": {"columns": "left out", "robust": "1"},
}


@pytest.mark.parametrize("expected", DAMAGED)
def test_what_cannot_be_is_refused(expected, prices, tmp_path):
    model = trained(prices[0], scaling="robust", target_transform="log", clamp_output=True, epochs=1).model
    strings, arrays = model.network._record()
    more, others = model.encoding.record()
    strings, arrays = strings | more, arrays | others
    for name, value in DAMAGED[expected].items():
        (strings if isinstance(value, str) else arrays)[name] = value if isinstance(value, str) else np.array(value)
    safetensors.write(tmp_path / "model", "table", strings, arrays)
    with pytest.raises(ModelFileError, match=expected):
        fastbp.load(tmp_path / "model")


def test_classes_have_neither_limits_nor_logarithms(tmp_path):
    model = trained(written(tmp_path, "x,y\n" + "1,a\n2,b\n" * 20), epochs=1).model
    model.encoding.target = dataclasses.replace(model.encoding.target, lowest=1.0, highest=2.0)
    model.save(tmp_path / "model")
    with pytest.raises(ModelFileError, match="its target has classes, and so neither limits nor a logarithm"):
        fastbp.load(tmp_path / "model")
