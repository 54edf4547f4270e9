"""What `verbose` shows: scikit-learn's lines, or a bar."""

import sys

import pytest

pytest.importorskip("sklearn")

from fastbp import MLPClassifier
from tests.cases import UNCOMPILED
from tests.estimator_cases import data, fitted, pair

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
X, Y, _ = data("iris")
SMALL = {"hidden_layer_sizes": 10, "max_iter": 10, "random_state": 0}


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"tol": 1.0, "n_iter_no_change": 2}])
def test_lines_are_scikit_learns(options, capsys):
    printed = []
    for each, verbose in zip(pair("MLPClassifier", max_iter=4, **options), (True, 2), strict=True):
        fitted(each.set_params(verbose=verbose), X, Y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != ""


def test_adaptive_lines_are_scikit_learns(capsys):
    printed, options = [], {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1}
    for each, verbose in zip(pair("MLPClassifier", **options), (True, 2), strict=True):
        fitted(each.set_params(verbose=verbose), X, Y)
        printed.append(capsys.readouterr().out)
    assert "Learning rate too small. Stopping." in printed[0]
    assert printed[0] == printed[1]


def test_a_bar_where_there_is_tqdm(capsys):
    pytest.importorskip("tqdm")
    fitted(MLPClassifier(**SMALL, verbose=True), X, Y)
    out, err = capsys.readouterr()
    assert out == ""
    assert "10/10" in err
    assert "loss=" in err


def test_lines_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    fitted(MLPClassifier(**SMALL, verbose=True), X, Y)
    assert capsys.readouterr().out.count("Iteration") == 10
