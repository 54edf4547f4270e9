"""MLPClassifier's label_smoothing: the loss of an epoch is that of smoothed labels, and scores are of the labels."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from fastbp import EnsembleClassifier, MLPClassifier
from tests.cases import UNCOMPILED
from tests.estimator_cases import fitted

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(90, 4)), np.arange(90) % 3
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, "batch_size": 30}
KINDS = {"three classes": Y, "two classes": Y == 1, "texts": np.array(["a", "b", "c"])[Y]}


def weights(model):
    return np.concatenate([part.ravel() for part in (*model.coefs_, *model.intercepts_)])


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_that_of_smoothed_labels(kind, solver):
    """In one batch, that of the parameters before the step."""
    whole = SMALL | {"batch_size": 90, "max_iter": 1, "alpha": 0, "warm_start": True, "solver": solver}
    model = fitted(MLPClassifier(**whole, label_smoothing=0.3), X, KINDS[kind])
    P = model.predict_proba(X)
    D = P * 0
    D[np.arange(90), np.searchsorted(model.classes_, KINDS[kind])] = 1
    fitted(model, X, KINDS[kind])
    expected = -((0.7 * D + 0.3 / D.shape[1]) * np.log(P)).sum(axis=1).mean()
    assert model.loss_ == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_nothing_is_smoothed_by_default(solver):
    plain, none, some = (
        weights(fitted(MLPClassifier(**SMALL, solver=solver, **more), X, Y))
        for more in ({}, {"label_smoothing": 0}, {"label_smoothing": 0.3})
    )
    np.testing.assert_array_equal(plain, none)
    assert np.abs(plain - some).max() > 1e-4


@pytest.mark.skipif(UNCOMPILED, reason="thousands of passes")
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_keep_away_from_1(kind):
    """By L-BFGS, with many units, they come to the smoothed labels: 0.8 + 0.2 / K."""
    how = {"hidden_layer_sizes": (60,), "solver": "lbfgs", "max_iter": 3000, "alpha": 0, "tol": 1e-9}
    model = fitted(MLPClassifier(**how, random_state=0, label_smoothing=0.2), X, KINDS[kind])
    P = model.predict_proba(X)
    assert model.score(X, KINDS[kind]) == 1
    np.testing.assert_allclose(P.max(axis=1), 0.8 + 0.2 / P.shape[1], atol=0.02)


def test_scores_are_of_the_labels():
    held_out = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 20}
    model = fitted(MLPClassifier(**SMALL | held_out, label_smoothing=0.3), X, Y)
    assert all(round(score * 27) == pytest.approx(score * 27) for score in model.validation_scores_)
    given = fitted(MLPClassifier(**SMALL, label_smoothing=0.3, restore_best_weights=True), X, Y, X_val=X, y_val=Y)
    assert given.best_validation_score_ == given.score(X, Y)


def test_several_labels_are_no_classes():
    several = np.c_[Y == 0, Y < 2].astype(int)
    with pytest.raises(ValueError, match="label_smoothing must be 0 for several labels a sample"):
        MLPClassifier(**SMALL, label_smoothing=0.1).fit(X, several)


def test_each_epoch_of_partial_fit_smooths():
    how = SMALL | {"max_iter": 3, "shuffle": False, "label_smoothing": 0.3}
    model = MLPClassifier(**how)
    for _ in range(3):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    np.testing.assert_array_equal(weights(model), weights(fitted(MLPClassifier(**how), X, Y)))


def test_networks_of_an_ensemble_smooth():
    network = MLPClassifier(**SMALL, label_smoothing=0.3, alpha=0)
    together = fitted(EnsembleClassifier(network, n_networks=3, random_state=0), X, Y)
    for one in together.estimators_:
        alone = fitted(MLPClassifier(**one.get_params()), X, Y)
        assert one.label_smoothing == 0.3
        np.testing.assert_allclose(weights(one), weights(alone), rtol=1e-6, atol=1e-9)
