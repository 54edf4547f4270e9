"""partial_fit on blocks: the bits of a call for each, and what is refused."""

import threading
import weakref

import numpy as np
import pytest
import scipy.sparse

from fastbp import MLPClassifier, MLPRegressor
from fastbp.threads import ahead
from tests.cases import UNCOMPILED
from tests.estimator_cases import same
from tests.test_training_blocks import Counted, Item

RNG = np.random.RandomState(0)
X, WEIGHT = RNG.normal(size=(90, 4)), RNG.uniform(1, 2, 90)
LABELS = np.array(["one", "three", "two"])[np.digitize(X[:, 0], [-0.5, 0.5])]
CUTS = [slice(0, 40), slice(40, 57), slice(57, 90)]
CLASSES = {"classes": ["one", "two", "three"]}
SMALL = {"hidden_layer_sizes": 5, "random_state": 0, "batch_size": 16}
MODELS = {
    "classifier": (MLPClassifier, LABELS, CLASSES, {}),
    "several labels": (MLPClassifier, (X[:, :2] > 0).astype(int), {"classes": [0, 1]}, {}),
    "regressor": (MLPRegressor, X[:, 0] * X[:, 1], {}, {"solver": "sgd", "momentum": 0.5}),
    "float32, no order": (MLPRegressor, X[:, :2], {}, {"dtype": "float32", "shuffle": False}),
    "dropout": (MLPClassifier, LABELS, CLASSES, {"dropout": 0.2, "alpha": 0.1}),
}


def both(name):
    """Two models of a kind that have learnt nothing, y, and the first call's arguments."""
    kind, y, first, parameters = MODELS[name]
    return kind(**SMALL | parameters), kind(**SMALL | parameters), y, first


@pytest.mark.parametrize("kind_of_x", ["array", "sparse", "frame", "list"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_blocks_have_the_bits_of_a_call_for_each(name, weighted, kind_of_x):
    if UNCOMPILED and (name == "dropout" or kind_of_x == "sparse"):
        pytest.skip("takes the interpreter long")
    one, other, y, first = both(name)
    samples = X
    if kind_of_x == "sparse":
        samples = scipy.sparse.csr_matrix(np.where(X > 0, X, 0))
    elif kind_of_x == "frame":
        samples = pytest.importorskip("pandas").DataFrame(X, columns=list("abcd"))
    blocks = [(samples[part], y[part], *([WEIGHT[part]] if weighted else [])) for part in CUTS]
    if kind_of_x == "list":
        blocks = [tuple(np.asarray(array).tolist() for array in block) for block in blocks]
    for _ in range(2):
        assert one.partial_fit(blocks=lambda: iter(blocks), **first) is one
        for block in blocks:
            other.partial_fit(*block, **first)
    assert same(one, other)
    assert one.loss_curve_ == other.loss_curve_
    assert len(one.loss_curve_) == 6
    assert one.t_ == other.t_ == 180
    assert one.n_iter_ == 1
    assert getattr(one, "feature_names_in_", None) is None or kind_of_x == "frame"


def test_validation_data_are_scored_after_each():
    one, other, y, first = both("classifier")
    held_out = {"X_val": X[:20], "y_val": y[:20]} | first
    one.set_params(early_stopping=True).partial_fit(blocks=lambda: [(X[p], y[p]) for p in CUTS], **held_out)
    other.set_params(early_stopping=True)
    for part in CUTS:
        other.partial_fit(X[part], y[part], **held_out)
    assert same(one, other)
    assert one.validation_scores_ == other.validation_scores_
    assert len(one.validation_scores_) == 3


def test_blocks_without_rows_are_passed_over():
    one, other, y, first = both("classifier")
    one.partial_fit(blocks=lambda: [(X[:0], y[:0]), (X, y), ([], [])], **first)
    assert same(one, other.partial_fit(X, y, **first))
    assert len(one.loss_curve_) == 1


def test_a_thread_makes_them_and_few_are_in_memory(monkeypatch):
    monkeypatch.setattr(ahead, "usable_cores", lambda: 2)
    alive, most, threads, closed = weakref.WeakSet(), [], set(), []

    def blocks():
        try:
            for _ in range(9):
                block = Counted(X.shape)
                block[:], block.item = X, Item()
                alive.add(block.item)
                threads.add(threading.get_ident())
                yield block, X[:, 0]
        finally:
            closed.append(len(alive))

    model = MLPRegressor(**SMALL, callbacks=lambda state: most.append(len(alive)))
    model.partial_fit(blocks=blocks)
    assert threading.get_ident() not in threads
    assert len(most) == 9
    assert 1 <= max(most) <= 3
    assert len(closed) == 1


def test_what_the_function_raises_is_raised_and_what_was_learnt_stays():
    one, other, y, first = both("classifier")
    closed, problem = [], OSError("the cable")

    def blocks():
        try:
            yield X[:40], y[:40]
            raise problem
        finally:
            closed.append(None)

    with pytest.raises(OSError, match="the cable") as caught:
        one.partial_fit(blocks=blocks, **first)
    assert caught.value is problem
    assert closed == [None]
    assert same(one, other.partial_fit(X[:40], y[:40], **first))


@pytest.mark.parametrize("strikes", [1, 2])
def test_ctrl_c_is_passed_on_and_closes_the_generator(strikes):
    closed = []

    def blocks():
        try:
            for part in CUTS:
                yield X[part], X[part, 0]
        finally:
            closed.append(None)

    def strike(state):
        if len(state.estimator.loss_curve_) == strikes:
            raise KeyboardInterrupt

    model = MLPRegressor(**SMALL, callbacks=strike)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(blocks=blocks)
    assert closed == [None]
    assert len(model.loss_curve_) == strikes


GOOD = X, LABELS
REFUSED = {
    "nothing": ({}, TypeError, "X must be an array, got None: partial_fit needs X and y, or blocks in place of both"),
    "X, too": ({"X": X, "blocks": lambda: [GOOD]}, ValueError, r"X must be None with blocks, which are \(X, y\) or"),
    "y, too": ({"y": LABELS, "blocks": lambda: [GOOD]}, ValueError, "y must be None with blocks"),
    "weights, too": (
        {"sample_weight": WEIGHT, "blocks": lambda: [GOOD]},
        ValueError,
        "sample_weight must be None with",
    ),
    "a list": ({"blocks": [GOOD]}, TypeError, r"(?s)blocks must be a function .* of \(X, y\) or .*lambda: blocks"),
    "no iterable": ({"blocks": lambda: 3}, TypeError, r"blocks must return an iterable of \(X, y\) or .*, got 3$"),
    "no block": ({"blocks": list}, ValueError, "blocks must return blocks with rows, and there were none"),
    "no pair": ({"blocks": lambda: [X]}, TypeError, "blocks: block 1: must be a tuple .*, got ndarray of shape"),
    "NaN": ({"blocks": lambda: [(X * np.nan, LABELS)]}, ValueError, "blocks: block 1: Input X contains NaN"),
    "columns": ({"blocks": lambda: [GOOD, (X[:, 1:], LABELS)]}, ValueError, "blocks: block 2: X has 3 features, but"),
    "labels": ({"blocks": lambda: [GOOD, (X, X[:, 0] > 0)]}, ValueError, "blocks: block 2: `y` has classes not in"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    given, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        MLPClassifier(**SMALL).partial_fit(**given, **CLASSES)


def test_the_first_call_needs_the_classes():
    with pytest.raises(ValueError, match="blocks: block 1: classes must be passed on the first call to partial_fit"):
        MLPClassifier(**SMALL).partial_fit(blocks=lambda: [GOOD])
