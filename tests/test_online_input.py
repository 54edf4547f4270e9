"""Samples of a stream that are none: told by name, and nothing has changed."""

import collections
import math

import numpy as np
import pytest

import fastbp
from fastbp import OnlineClassifier, OnlineRegressor


@pytest.mark.parametrize("learnt", [False, True])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            {"a": math.nan, "b": 1.0},
            1.0,
            r"x\['a'\] must be finite, and at most 1e\+100, got nan, or leave",
        ),
        ({"a": 1.0, "b": math.inf}, 1.0, r"x\['b'\] must be finite, and at most 1e\+100, got inf"),
        ({"a": 1.0, "b": 1e200}, 1.0, r"x\['b'\] must be finite, and at most 1e\+100, got 1e\+200"),
        ({"a": 1.0, "b": 10**400}, 1.0, r"x\['b'\] must be finite, and at most 1e\+100, got 1000"),
        ({"a": 1.0, "b": "red"}, 1.0, r"x\['b'\] must be a real number, got 'red': make numbers of it"),
        ({"a": 1.0, "b": None}, 1.0, r"x\['b'\] must be a real number, got None"),
        ({"a": 1.0, "b": 1j}, 1.0, r"x\['b'\] must be a real number, got 1j"),
        ({"a": 1.0, "c": math.nan}, 1.0, r"x\['c'\] must be finite"),
        ({"a": 1.0, "b": 2.0}, math.nan, "y must be finite, and at most 1e.100, got nan"),
        ({"a": 1.0, "b": 2.0}, -1e300, "y must be finite, and at most 1e.100, got -1e"),
        ({"a": 1.0, "b": 2.0}, "high", "y must be a real number, got 'high'"),
        ([1.0, 2.0], 1.0, r"x must be a dict of features, got \[1.0, 2.0\]"),
        (np.zeros(1), 1.0, "x must be a dict of features, got array"),
    ],
)
def test_a_sample_that_is_none_is_told_and_changes_nothing(x, y, message, learnt):
    model = OnlineRegressor()
    if learnt:
        model.learn_one({"a": 1.0, "b": 2.0}, 3.0)
        model.learn_one({"a": 2.0, "b": 1.0}, 4.0)
        before = model.network.theta.tobytes(), model._stats.tobytes(), model._steps
    with pytest.raises((TypeError, ValueError), match=message):
        model.learn_one(x, y)
    if learnt:
        assert (model.network.theta.tobytes(), model._stats.tobytes(), model._steps) == before
        assert model.feature_names == ["a", "b"]
    else:
        assert model.network is None
    classifier = OnlineClassifier()
    if "y must" not in message:
        with pytest.raises((TypeError, ValueError), match=message):
            classifier.learn_one(x, "label")
        assert classifier.classes == []
        if learnt:
            with pytest.raises((TypeError, ValueError), match=message):
                model.predict_one(x)


@pytest.mark.parametrize("w", [-1.0, math.nan, math.inf, "x", None])
def test_weights_are_checked_before_anything_grows(w):
    for model in (OnlineRegressor(), OnlineClassifier()):
        with pytest.raises(ValueError, match="w must be a finite number, at least 0, got"):
            model.learn_one({"a": 1.0}, 1.0, w)
        assert model.network is None
        for label in range(2):
            model.learn_one({"a": 1.0}, label)
        with pytest.raises(ValueError, match="w must be"):
            model.learn_one({"a": 1.0, "b": 2.0}, 2, w)
        assert model.network.sizes[0] == 1
        assert model.network.sizes[-1] <= 2


def test_a_sample_with_a_new_class_that_is_none_changes_nothing():
    model = OnlineClassifier()
    for label in "ab":
        model.learn_one({"a": 1.0}, label)
    with pytest.raises(ValueError, match=r"x\['a'\] must be finite"):
        model.learn_one({"a": math.nan}, "c")
    assert model.network.sizes == (1, 20, 2)
    assert model.classes == ["a", "b"]
    for label, problem in (([1], TypeError), (None, ValueError), (math.nan, ValueError)):
        with pytest.raises(problem, match="y must be a label"):
            model.learn_one({"a": 1.0}, label)


def test_the_first_sample_has_features_and_later_ones_may_have_none():
    model = OnlineRegressor()
    with pytest.raises(ValueError, match=r"x must have at least one feature in the first sample, got \{\}"):
        model.learn_one({}, 1.0)
    model.learn_one({"a": 1.0}, 1.0)
    model.learn_one({}, 2.0)
    assert math.isfinite(model.predict_one({}))


def test_dicts_that_answer_for_what_they_do_not_have_are_plain_dicts():
    model = OnlineRegressor()
    for i in range(20):
        model.learn_one({"a": i % 5, "b": i % 3}, i % 5)
    expected, asked = model.predict_one({"a": 1}), collections.defaultdict(int, {"a": 1})
    assert model.predict_one(collections.Counter({"a": 1})) == model.predict_one(asked) == expected
    assert asked == {"a": 1}
    model.learn_one(collections.Counter({"a": 1, "c": 1}), 3.0)
    assert model.feature_names == ["a", "b", "c"]


def test_a_single_class_is_certain_however_far_a_sample_is():
    for seed in range(20):
        model = OnlineClassifier(seed=seed)
        model.learn_one({"a": 0.0}, "s")
        model.learn_one({"a": 1.0}, "s")
        assert model.predict_proba_one({"a": -1e9}) == {"s": 1.0}


@pytest.mark.parametrize("kind", [OnlineClassifier, OnlineRegressor])
def test_a_network_that_diverges_is_told(kind):
    model = kind(optimizer=fastbp.SGD(1e6), standardize=False)

    def learn_all():
        for i in range(1000):
            model.learn_one({"a": 1e30 * i, "b": -50.0}, i % 2)

    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=r"the network has diverged after [\d,]+ samples"),
    ):
        learn_all()


def test_frames_of_polars_are_learnt():
    polars = pytest.importorskip("polars")
    one, other = OnlineRegressor(), OnlineRegressor()
    one.learn_many(polars.DataFrame({"a": [1.0, 2.0], "b": [3, 4]}), [1.0, 2.0])
    other.learn_one({"a": 1.0, "b": 3}, 1.0)
    other.learn_one({"a": 2.0, "b": 4}, 2.0)
    assert one.network.theta.tobytes() == other.network.theta.tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_layer_sizes": 0}, "hidden_layer_sizes"),
        ({"activation": "step"}, "activation"),
        (
            {"optimizer": fastbp.Adam(fastbp.CosineDecay(0.1))},
            "optimizer must be one of mini-batches, with",
        ),
        ({"optimizer": fastbp.LevenbergMarquardt()}, "optimizer must be one of mini-batches"),
        ({"optimizer": "rprop"}, "optimizer must be one of mini-batches"),
        ({"standardize": 2}, "standardize"),
        ({"l2": -1}, "l2 must be at least 0"),
        ({"dtype": "int8"}, "dtype"),
        ({"seed": -1}, "seed"),
    ],
)
def test_parameters_are_checked(options, message):
    for kind in (OnlineClassifier, OnlineRegressor):
        with pytest.raises((TypeError, ValueError), match=message):
            kind(**options)
