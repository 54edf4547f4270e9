"""Estimators of sparse X: it is never made dense, stays as the caller has it, and gives what dense X gives."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.sparse

import fastbp
from tests.cases import UNCOMPILED
from tests.estimator_cases import fitted

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
X = scipy.sparse.random(150, 40, 0.2, format="csr", random_state=0)
Y = (X @ np.random.default_rng(0).normal(size=(40, 3))).argmax(axis=1)
SMALL = {"hidden_layer_sizes": 10, "max_iter": 6, "batch_size": 20, "random_state": 0}


def assert_same(one, other, rtol=1e-9):
    assert len(one.coefs_) == len(other.coefs_)
    for a, b in zip([*one.coefs_, *one.intercepts_], [*other.coefs_, *other.intercepts_], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


OPTIONS = [
    {}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"early_stopping": True}, {"class_weight": "balanced"},
    {"label_smoothing": 0.2},
    {"max_norm": 0.5}, {"clip_norm": 0.01, "l1_ratio": 0.5}, {"dropout": 0.3}, {"hidden_layer_sizes": ()},
    {"rate_factors": [[0.5, 0.1], [2.0, 0.0]]}, {"diagonal": 6.0, "early_stopping": True},
    {"diagonal": 6.0, "max_norm": 0.5}, {"diagonal": 6.0, "clip_norm": 0.01, "l1_ratio": 0.5},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_fit_is_that_of_dense_samples(options, weighted):
    more = {"sample_weight": np.random.default_rng(1).integers(0, 3, len(Y))} if weighted else {}
    sparse, dense = (fitted(fastbp.MLPClassifier(**SMALL | options), x, Y, **more) for x in (X, X.toarray()))
    assert_same(sparse, dense)
    assert sparse.loss_ == pytest.approx(dense.loss_, rel=1e-9)
    np.testing.assert_allclose(sparse.predict_proba(X), dense.predict_proba(X.toarray()), rtol=1e-8)
    assert sparse.score(X, Y) == dense.score(X.toarray(), Y)


def untidy(index):
    """X with its inputs in no order, some of them twice and some of them 0."""
    columns, rows = X.indices.copy(), np.repeat(np.arange(150), np.diff(X.indptr))
    values = np.concatenate([X.data / 4, X.data * 3 / 4, np.zeros(150)])
    columns = np.concatenate([columns[::-1][::-1], columns, np.full(150, 39)])
    order = np.argsort(np.concatenate([rows, rows, np.arange(150)]), kind="stable")
    starts = np.concatenate([[0], np.cumsum(2 * np.diff(X.indptr) + 1)])
    made = scipy.sparse.csr_matrix(X.shape)
    made.data, made.indices, made.indptr = values[order], columns[order].astype(index), starts.astype(index)
    return made


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_what_is_stored_twice_or_in_no_order_is_sorted_in_a_copy(index):
    given = untidy(index)
    before = [array.copy() for array in (given.data, given.indices, given.indptr)]
    model, expected = (fitted(fastbp.MLPClassifier(**SMALL), x, Y) for x in (given, X))
    assert_same(model, expected)
    np.testing.assert_allclose(model.predict_proba(given), expected.predict_proba(X), rtol=1e-9)
    for array, was in zip((given.data, given.indices, given.indptr), before, strict=True):
        np.testing.assert_array_equal(array, was)


def test_x_is_never_dense(monkeypatch):
    wide = scipy.sparse.random(400, 20_000, 0.002, format="csr", random_state=0)
    y = np.arange(400) % 2
    toarray, made = scipy.sparse.csr_matrix.toarray, []

    def noting(matrix, *how, **more):
        made.append(matrix.shape)
        return toarray(matrix, *how, **more)

    monkeypatch.setattr(scipy.sparse.csr_matrix, "toarray", noting)
    options = {"hidden_layer_sizes": 4, "max_iter": 2, "batch_size": 100, "random_state": 0}
    for more in ({"early_stopping": True}, {"solver": "lbfgs"}):
        model = fastbp.MLPClassifier(**options | more)
        fitted(model, wide, y)  # compiles
        tracemalloc.start()
        fitted(model, wide, y)
        model.score(wide, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 400 * 20_000 * 8 / 2
    fitted(fastbp.MLPClassifier(**options), wide, y, method="partial_fit", classes=[0, 1])
    assert not [shape for shape in made if shape[1] == 20_000]


@pytest.mark.parametrize("diagonal", [None, 6.0])
def test_partial_fit_goes_on_with_samples_of_the_other_kind(tmp_path, diagonal):
    kinds = [(X.toarray(), X.toarray(), X.toarray()), (X, X.toarray(), X), (X.toarray(), X, X)]
    models = [fastbp.MLPClassifier(**SMALL, diagonal=diagonal) for _ in kinds]
    for model, samples in zip(models, kinds, strict=True):
        for x in samples:
            model.partial_fit(x, Y, classes=[0, 1, 2])
    assert_same(models[0], models[1])
    assert_same(models[0], models[2])
    models[1].save(tmp_path / "model.safetensors")
    loaded = fastbp.load(tmp_path / "model.safetensors")
    assert_same(loaded.partial_fit(X, Y), models[0].partial_fit(X.toarray(), Y))


@pytest.mark.parametrize("diagonal", [None, 6.0])
def test_callbacks_may_change_the_parameters(diagonal):
    def halve(state):
        state.estimator.coefs_[0][...] /= 2

    how = SMALL | {"diagonal": diagonal}
    sparse, dense = (fitted(fastbp.MLPClassifier(**how, callbacks=halve), x, Y) for x in (X, X.toarray()))
    assert_same(sparse, dense)
    free = fitted(fastbp.MLPClassifier(**how), X, Y)
    assert np.linalg.norm(dense.coefs_[0]) < 0.6 * np.linalg.norm(free.coefs_[0])


@pytest.mark.parametrize("bootstrap", [False, True])
def test_ensembles(bootstrap):
    both = []
    for x in (X, X.toarray()):
        network = fastbp.MLPRegressor(**SMALL)
        ensemble = fastbp.EnsembleRegressor(network, 3, bootstrap=bootstrap, random_state=0)
        both.append(fitted(ensemble, x, Y * 1.0).predict(x))
    np.testing.assert_allclose(*both, rtol=1e-7)


def test_float32():
    sparse, dense = (fitted(fastbp.MLPClassifier(**SMALL), x.astype("f4"), Y) for x in (X, X.toarray()))
    assert sparse.coefs_[0].dtype == np.float32
    assert_same(sparse, dense, rtol=1e-4)
