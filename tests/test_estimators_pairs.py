"""Every pair of features at once: it works, or raises the documented error. Most bugs of such classes are pairs."""

import itertools

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.sparse

import fastbp
from tests.estimator_cases import BOTH, fitted

rng = np.random.default_rng(0)
X = rng.normal(size=(66, 5))
X[abs(X) < 0.4] = 0
Y = np.arange(66) % 3
NEITHER = {  # for a regressor
    "multilabel", "string labels", "class_weight", "label_smoothing", "a class missing in a batch"
}  # fmt: skip


class Work:
    """The estimator's parameters, and the arguments of its fit, which features change."""

    def __init__(self, kind):
        self.kind, self.method, self.calls = kind, "fit", 1
        self.parameters = {"hidden_layer_sizes": (6,), "max_iter": 3, "batch_size": 20, "random_state": 0}
        self.X, self.more = X, {}
        self.y = Y if kind == "MLPClassifier" else X @ [1.0, -1, 0.5, 0, 2]
        self.labels = None


def parameter(**values):
    return lambda work: work.parameters.update(values)


def partial_fit(work):
    work.method, work.calls = "partial_fit", 3


def validation(work):
    work.validated = True


def weights(work):
    work.more["sample_weight"] = rng.integers(0, 3, 66).astype(float)


def several_labels(work):
    work.y = np.column_stack([Y == 0, Y != 1, X[:, 0] > 0]).astype(int)


def strings(work):
    work.labels = np.array(["blue", "red", "rose"])


def class_weight(work):
    work.parameters["class_weight"] = {"class": "weight"}  # its keys are the labels, known at the end


def sparse(work):
    work.X = scipy.sparse.csr_matrix(X)


def missing_class(work):
    """Sorted and not shuffled: each mini-batch has one class, most of the time."""
    work.sorted = True
    work.parameters["shuffle"] = False


FEATURES = {
    **{f"solver {name}": parameter(solver=name) for name in ("sgd", "adam", "lbfgs", "adamw", "rmsprop", "rprop")},
    "an optimizer": parameter(solver=fastbp.SGD(0.05, momentum=0.5)),
    "partial_fit": partial_fit,
    "early_stopping": parameter(early_stopping=True, validation_fraction=0.25),
    "X_val": validation,
    "sample_weight": weights,
    "class_weight": class_weight,
    "label_smoothing": parameter(label_smoothing=0.2),
    "rate_factors": parameter(rate_factors=[[0.5, 0.1], [2.0, 0.0]]),
    "diagonal": parameter(diagonal=6.0),
    "multilabel": several_labels,
    "string labels": strings,
    "sparse X": sparse,
    "warm_start": parameter(warm_start=True),
    "float32": parameter(dtype="float32"),
    "dropout": parameter(dropout=0.3),
    "time_limit": parameter(time_limit=100.0),
    "n_jobs": parameter(n_jobs=2),
    "callbacks": parameter(callbacks=[lambda state: state.loss < 0]),
    "a class missing in a batch": missing_class,
}
ERRORS = {
    frozenset({"solver lbfgs", "partial_fit"}): (AttributeError, "partial_fit"),
    frozenset({"solver lbfgs", "dropout"}): (ValueError, "dropout must be 0 for solver='lbfgs', got 0.3"),
    frozenset({"solver lbfgs", "rate_factors"}): (ValueError, "rate_factors must be None for solver='lbfgs', got "),
    frozenset({"solver lbfgs", "diagonal"}): (ValueError, "diagonal must be None for solver='lbfgs', got 6.0"),
    frozenset({"multilabel", "label_smoothing"}): (
        ValueError,
        "label_smoothing must be 0 for several labels a sample, got 0.2",
    ),
    frozenset({"multilabel", "string labels"}): (ValueError, "multi|not supported|Unknown label type|You appear"),
}
SOLVERS = {name for name in FEATURES if name.startswith("solver") or name == "an optimizer"}
PAIRS = [
    (kind, *both)
    for kind in BOTH
    for both in itertools.combinations(FEATURES, 2)
    if not SOLVERS.issuperset(both) and not (kind == "MLPRegressor" and NEITHER.intersection(both))
]


def work_of(kind, features):
    work = Work(kind)
    for name in features:
        FEATURES[name](work)
    if hasattr(work, "sorted"):
        order = np.lexsort(work.y.T) if work.y.ndim == 2 else np.argsort(work.y, kind="stable")
        work.X, work.y = work.X[order], work.y[order]
    if work.labels is not None:
        work.y = work.labels[work.y]
    if "class_weight" in work.parameters:
        classes = [0, 1] if work.y.ndim == 2 else np.unique(work.y)
        of_label = {label: 1.0 + i for i, label in enumerate(classes)}
        work.parameters["class_weight"] = [of_label] * 3 if work.y.ndim == 2 else of_label
    if hasattr(work, "validated"):
        work.more |= {"X_val": work.X[::2], "y_val": work.y[::2]}
    return work


def run(work):
    model = getattr(fastbp, work.kind)(**work.parameters)
    more = dict(work.more)
    for call in range(work.calls):
        if work.method == "partial_fit" and work.kind == "MLPClassifier" and call == 0:
            fitted(
                model,
                work.X,
                work.y,
                method=work.method,
                **more,
                classes=[0, 1, 2] if work.y.ndim == 2 else np.unique(work.y),
            )
        else:
            fitted(model, work.X, work.y, method=work.method, **more)
    return model


@pytest.mark.parametrize(("kind", "first", "second"), PAIRS, ids=lambda value: value.replace("MLP", ""))
def test_pair(kind, first, second):
    work = work_of(kind, (first, second)) if {first, second} != {"multilabel", "string labels"} else None
    if work is None:
        work = work_of(kind, (first,))
        work.y = np.array(["no", "yes"])[work.y]
    expected = ERRORS.get(frozenset({first, second}))
    if expected:
        with pytest.raises(expected[0], match=expected[1]):
            run(work)
        return
    model = run(work)
    assert all(np.isfinite(array).all() for array in [*model.coefs_, *model.intercepts_])
    assert model.coefs_[0].dtype == (np.float32 if "float32" in (first, second) else np.float64)
    assert np.isfinite(model.loss_)
    assert model.n_iter_ == (1 if work.method == "partial_fit" else model.n_iter_) <= 3
    predicted = model.predict(work.X)
    assert predicted.shape == work.y.shape
    if kind == "MLPClassifier":
        proba = model.predict_proba(work.X)
        assert proba.shape == (66, 3)
        assert ((proba >= 0) & (proba <= 1)).all()
        assert set(np.unique(predicted)) <= set(np.unique(work.y))
        if work.y.ndim == 1:
            np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    else:
        assert np.isfinite(predicted).all()
    if "X_val" in (first, second) or ("early_stopping" in (first, second) and "solver lbfgs" not in (first, second)):
        assert len(model.validation_scores_) == work.calls * model.n_iter_
    if "warm_start" in (first, second):
        run_again = fitted(model, work.X, work.y, method=work.method, **work.more)
        assert np.isfinite(run_again.loss_)
    same = run(work)
    assert all((a == b).all() for a, b in zip(model.coefs_, same.coefs_, strict=True)) or "warm_start" in (
        first,
        second,
    )
