"""scikit-learn's own checks of estimators, and its tools around both classes."""

import pickle
import warnings

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from sklearn import datasets
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastbp import MLPClassifier, MLPRegressor
from tests.cases import UNCOMPILED

pytestmark = [
    pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
ESTIMATORS = [
    MLPClassifier(),
    MLPRegressor(),
    MLPClassifier(dtype="float32"),
    MLPRegressor(dtype="float32"),
]


@pytest.mark.filterwarnings("default")  # the checks raise warnings on purpose
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


X, y = datasets.load_iris(return_X_y=True)
SMALL = {"hidden_layer_sizes": 10, "max_iter": 30, "random_state": 0, "learning_rate_init": 0.02}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning", "ignore:One or more of the test scores")
def test_pipeline_and_grid_search():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**SMALL))
    grid = {
        "mlpclassifier__hidden_layer_sizes": [(5,), (5, 5)],
        "mlpclassifier__alpha": [1e-4, 1e-2],
        "mlpclassifier__activation": ["tanh", ("relu",)],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score=np.nan).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    fits = [len(p["mlpclassifier__activation"]) != 1 or len(p["mlpclassifier__hidden_layer_sizes"]) == 1 for p in
            search.cv_results_["params"]]  # fmt: skip
    assert (np.isfinite(scores) == fits).all()  # one activation for two layers is an error
    assert search.best_score_ > 0.8
    assert search.predict(X).shape == y.shape


def test_grid_search_over_optimizers():
    import fastbp

    solvers = ["adam", fastbp.RMSprop(0.01), fastbp.SGD(0.1, momentum=0.9)]
    search = GridSearchCV(MLPClassifier(**SMALL), {"solver": solvers}, cv=2).fit(StandardScaler().fit_transform(X), y)
    assert (search.cv_results_["mean_test_score"] > 0.8).all()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_cross_validation_in_parallel(backend):
    for model, target in ((MLPClassifier(**SMALL), y), (MLPRegressor(**SMALL), X[:, 0])):
        with joblib.parallel_backend(backend, n_jobs=2):
            together = cross_val_score(model, X[:, 1:], target, cv=4, n_jobs=2)
        np.testing.assert_array_equal(together, cross_val_score(model, X[:, 1:], target, cv=4))


def test_meta_estimators():
    model = make_pipeline(StandardScaler(), MLPClassifier(**SMALL))
    for meta in (
        CalibratedClassifierCV(model, cv=2),
        BaggingClassifier(model, n_estimators=3, random_state=0),
        StackingClassifier([("a", model), ("b", MLPClassifier(**SMALL))], final_estimator=MLPClassifier(**SMALL), cv=2),
        OneVsRestClassifier(model),
    ):
        assert meta.fit(X, y).score(X, y) > 0.8, meta
        np.testing.assert_allclose(meta.predict_proba(X).sum(axis=1), 1)
    regressor = make_pipeline(StandardScaler(), MLPRegressor(**SMALL | {"max_iter": 200}))
    scaled = TransformedTargetRegressor(regressor, transformer=StandardScaler())
    assert scaled.fit(X[:, 1:], X[:, 0]).score(X[:, 1:], X[:, 0]) > 0.7


def test_metadata_routing():
    weight, seen = np.arange(len(y)) % 2.0, []

    class Noting(MLPClassifier):
        def __init__(self, **parameters):
            super().__init__(**parameters)

        def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
            seen.append((sample_weight, X_val))
            return super().fit(X, y, sample_weight, X_val=X_val, y_val=y_val)

    with sklearn.config_context(enable_metadata_routing=True):
        model = Noting(**SMALL).set_fit_request(sample_weight=True, X_val=True, y_val=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model).fit(X, y, sample_weight=weight, X_val=X, y_val=y)
    assert seen[0][0] is weight
    assert len(pipeline[-1].validation_scores_) == 30
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(**SMALL).set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        scores = cross_val_score(model, X, y, cv=2, params={"sample_weight": weight})
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("model", [MLPClassifier(**SMALL), MLPRegressor(**SMALL)], ids=["classifier", "regressor"])
def test_copies(model, tmp_path):
    assert clone(model).get_params() == model.get_params()
    model.fit(X, y)
    expected = model.predict(X)
    joblib.dump(model, tmp_path / "model")
    for copy in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model"),
        joblib.load(tmp_path / "model", mmap_mode="r"),
    ):
        np.testing.assert_array_equal(copy.predict(X), expected)
        ours = clone(model).fit(X, y)
        for each in (copy, ours):
            each.partial_fit(X, y)
        np.testing.assert_array_equal(copy.coefs_[0], ours.coefs_[0])
        np.testing.assert_array_equal(copy.predict(X), ours.predict(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library):
    frames = pytest.importorskip(library)
    names = ["a", "b", "c", "d"]
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(names)})
    labels = frames.Series(np.array(["setosa", "versicolor", "virginica"])[y].tolist())
    model = MLPClassifier(**SMALL).fit(frame, labels)
    assert model.feature_names_in_.tolist() == names
    assert set(model.predict(frame)) <= set(model.classes_)
    np.testing.assert_array_equal(model.predict_proba(frame), MLPClassifier(**SMALL).fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
        model.predict(frame[["b", "a", "c", "d"]])
    targets = frames.DataFrame({"u": X[:, 0], "v": X[:, 1]})
    assert MLPRegressor(**SMALL).fit(frame, targets).predict(frame).shape == (150, 2)


@pytest.mark.parametrize(
    "labels", [["no", "yes", "maybe"], [True, False, False], [7, -2, 100], [0.0, 1.0, 2.0]], ids=str
)
def test_labels(labels):
    target = np.array(labels)[y]
    model = MLPClassifier(**SMALL | {"max_iter": 100}).fit(X, target)
    assert model.classes_.dtype == target.dtype
    assert model.predict(X).dtype == target.dtype
    assert model.score(X, target) > 0.9


def test_one_class():
    model = MLPClassifier(**SMALL).fit(X, np.full(len(X), "only"))
    assert set(model.predict(X)) == {"only"}
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((len(X), 1)))


def test_convergence_warning_says_where():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        MLPClassifier(max_iter=2).fit(X, y)
