"""Scores of tables, as scikit-learn has them."""

import numpy as np
import pytest

from fastbp.tables.scores import Scores
from fastbp.tables.target import Target

metrics = pytest.importorskip("sklearn.metrics")


def scored(Y, d, classes, parts=3):
    scores = Scores(Target("y", "classes", [*"abcd"[:classes]]))
    for rows in np.array_split(np.arange(len(d)), parts):
        scores.add(Y[rows], d[rows].astype(float))
    return scores


@pytest.mark.parametrize("classes", [2, 4])
def test_scores_of_classes(classes):
    rng = np.random.default_rng(classes)
    Y = np.round(rng.dirichlet(np.ones(classes), 200), 2)  # with ties
    Y /= Y.sum(axis=1, keepdims=True)
    d = np.where(rng.random(200) < 0.5, Y.argmax(axis=1), rng.integers(0, classes - (classes > 2), 200))
    scores, y = scored(Y, d, classes), Y.argmax(axis=1)
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(d, y))
    assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(d, y))
    assert scores.f1 == pytest.approx(metrics.f1_score(d, y, average="macro"))
    assert scores.log_loss == pytest.approx(metrics.log_loss(d, Y, labels=range(classes)))
    if classes == 2:
        assert scores.roc_auc == pytest.approx(metrics.roc_auc_score(d, Y[:, 1]))
        assert ", AUC " in [*scores.lines()][2]
    else:
        assert np.isnan(scores.roc_auc)
        assert "AUC" not in "".join(scores.lines())


def test_no_score_where_there_is_nothing_to_compare(monkeypatch):
    scores = scored(np.array([[0.3, 0.7], [0.6, 0.4]]), np.array([1, 1]), 2, 1)
    assert np.isnan(scores.roc_auc), "one class"
    assert scores.balanced_accuracy == 0.5
    monkeypatch.setattr("fastbp.tables.scores.RANKED", 1)
    assert np.isnan(scored(np.array([[0.3, 0.7], [0.6, 0.4]]), np.array([1, 0]), 2, 1).roc_auc), "too many rows"
    assert np.isfinite(scored(np.array([[0.0, 1.0]]), np.array([0]), 2, 1).log_loss)
