"""MLPClassifier."""

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import check_array, column_or_1d

from fastbp import validation
from fastbp.estimators.documentation import documented
from fastbp.estimators.mlp import checks, parameters
from fastbp.estimators.mlp.base import BaseMLP, solver_is_stochastic, with_callbacks
from fastbp.estimators.mlp.incremental import learn

SEVERAL = "multilabel-indicator"  # scikit-learn's name for a sample with several labels


@documented
class MLPClassifier(ClassifierMixin, BaseMLP):
    """scikit-learn's MLPClassifier, sooner: the same parameters, and the same results from the same random_state.

    The classes' probabilities come from softmax, or for two classes and for several labels a sample from sigmoids; the
    loss is the cross-entropy.

    Parameters
    ----------
    <PARAMETERS>
    class_weight : dict, "balanced", list of dict, or None, default=None
        Weights {label: weight}, with which those of the samples are multiplied; "balanced": inversely proportional to
        how often a class is there; for several labels a sample a list of one dict a label.
    label_smoothing : float, default=0.0
        How much of each target is shared by all K classes, below 1: the training takes (1 - s) d + s / K for d, also
        for two classes, which have one sigmoid. Not for several labels a sample. `loss_` is that of such targets.
    <MORE>

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
        The labels.
    <ATTRIBUTES>

    Raises
    ------
    <RAISES>

    Notes
    -----
    The parameters up to `max_fun` are those of scikit-learn 1.9 (`sklearn.neural_network.MLPClassifier`). What differs:
    the derivative of ReLU at 0 is 1, as in the lecture; and a model that has seen one class has one column of
    probabilities, all 1.

    Examples
    --------
    >>> import fastbp
    >>> X, y = fastbp.load_digits()
    >>> model = fastbp.MLPClassifier(tol=0.01, n_iter_no_change=3, random_state=0).fit(X[:1500], y[:1500])
    >>> model.score(X[1500:], y[1500:]) > 0.85
    True

    The last layer goes on learning, from other samples, while the first one stays.

    >>> before = model.coefs_[0].copy()
    >>> model = model.set_params(warm_start=True, rate_factors=[[0, 0], [1, 1]]).fit(X[1500:], y[1500:])
    >>> bool((model.coefs_[0] == before).all())
    True
    """

    _file_kind = "classifier"
    _parameter_constraints = parameters.CONSTRAINTS | {
        "class_weight": [None, dict, list, parameters.BALANCED], "label_smoothing": [parameters.BELOW_ONE]
    }  # fmt: skip

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001, batch_size="auto",
        learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True, random_state=None,
        tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True, early_stopping=False,
        validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
        class_weight=None, label_smoothing=0.0, l1_ratio=0.0, dropout=0.0, max_norm=None, clip_norm=None,
        rate_factors=None, diagonal=None, dtype=None, n_jobs=None, time_limit=None, callbacks=None,
        restore_best_weights=None,
    ):  # fmt: skip
        self._store(locals())

    @_fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train until one of the rules of the parameters says stop.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)
        y : array-like, shape (samples,) or (samples, outputs)
            Labels, or for several labels a sample an indicator matrix.
        sample_weight : array-like of shape (samples,), optional
            At least 0; weight k counts as k copies.
        X_val, y_val, sample_weight_val : as X, y and sample_weight, optional
            Validation data: scored after each epoch, and for early stopping in place of a part of X.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            See the class.

        Examples
        --------
        >>> import fastbp
        >>> X, y = fastbp.load_digits()
        >>> fastbp.MLPClassifier(max_iter=3, tol=1.0, n_iter_no_change=1, random_state=0).fit(X, y).n_iter_
        3
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)

    @available_if(solver_is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X=None, y=None, sample_weight=None, classes=None, *, X_val=None, y_val=None, sample_weight_val=None,
        blocks=None,
    ):  # fmt: skip
        """Train for one epoch that goes on where the last one ended; on blocks for one with each.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)
        y : array-like, shape (samples,) or (samples, outputs)
            Labels, or for several labels a sample an indicator matrix.
        sample_weight : array-like of shape (samples,), optional
            At least 0; weight k counts as k copies.
        classes : array-like, optional
            All labels that there will be; needed by the first call.
        X_val, y_val, sample_weight_val : as X, y and sample_weight, optional
            Validation data: scored after each epoch, and for early stopping in place of a part of X.
        blocks : callable, optional
            In place of X, y and sample_weight: a function without arguments, which returns an iterable of tuples (X, y)
            or (X, y, sample_weight). Each is learnt from by an epoch of its own, as by a call for each, while a thread
            makes the next one, which must be in memory of its own. Ctrl-C ends all with a KeyboardInterrupt.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            See the class. What is wrong with a block is told with its number, and what the function raises is raised;
            what was learnt from the blocks before stays.

        Examples
        --------
        >>> import fastbp
        >>> X, y = fastbp.load_digits()
        >>> model = fastbp.MLPClassifier(random_state=0)
        >>> for start in range(0, 1500, 500):
        ...     model = model.partial_fit(X[start : start + 500], y[start : start + 500], classes=range(10))
        >>> len(model.loss_curve_)
        3
        >>> def blocks():
        ...     for start in range(0, 1500, 500):
        ...         yield X[start : start + 500], y[start : start + 500]
        >>> other = fastbp.MLPClassifier(random_state=0).partial_fit(blocks=blocks, classes=range(10))
        >>> bool((other.coefs_[0] == model.coefs_[0]).all())
        True
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use 'balanced' weights, use "
                "compute_class_weight('balanced', classes=classes, y=y). In place of y you can use a large enough "
                "sample of the full training set target to properly estimate the class frequency distributions. Pass "
                "the resulting weights as the class_weight parameter."
            )

        def partial_fit(X, y, sample_weight):
            if _check_partial_fit_first_call(self, classes):
                self._label_binarizer = LabelBinarizer()
                self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
            self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), True, one_of_many=blocks is not None)

        learn(partial_fit, blocks, X, y, sample_weight)
        return self

    def predict(self, X):
        """The most probable class of each sample, or the labels whose probability is above 1/2.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)

        Returns
        -------
        ndarray of shape (samples,) or (samples, labels)

        Raises
        ------
        ValueError, TypeError, NotFittedError
            scikit-learn's own.

        Examples
        --------
        >>> import fastbp
        >>> model = fastbp.MLPClassifier(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], ["a", "a", "b"])
        >>> print(*model.predict([[0.5], [3.0]]))
        a b
        """
        return self._decode(self._outputs(X))

    def predict_proba(self, X):
        """The probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)

        Returns
        -------
        ndarray of shape (samples, classes), of the dtype of the training
            In the order of `classes_`.

        Raises
        ------
        ValueError, TypeError, NotFittedError
            scikit-learn's own.

        Examples
        --------
        >>> import fastbp
        >>> model = fastbp.MLPClassifier(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], ["a", "a", "b"])
        >>> model.predict_proba([[0.5], [3.0]]).round(1)
        array([[1., 0.],
               [0., 1.]])
        """
        Y = self._outputs(X)
        if len(self.classes_) == 1:
            return np.ones_like(Y)
        return np.concatenate((1 - Y, Y), axis=1) if self.n_outputs_ == 1 else Y

    def predict_log_proba(self, X):
        """The logarithms of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)

        Returns
        -------
        ndarray of shape (samples, classes), of the dtype of the training

        Raises
        ------
        ValueError, TypeError, NotFittedError
            scikit-learn's own.

        Examples
        --------
        >>> import fastbp
        >>> model = fastbp.MLPClassifier(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], ["a", "a", "b"])
        >>> model.predict_log_proba([[0.5]]).shape
        (1, 2)
        """
        Y = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(Y, out=Y)

    # ---- What the training asks --------------------------------------------------------------------------------------

    def _checked(self, X, y, reset, incremental):
        validation.refuse_masked("y", y)
        X, y = self._checked_arrays(X, y, reset)
        checks.refuse_missing_dates("y", y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        elif self.warm_start:
            classes = unique_labels(y)
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
        else:
            self._refuse_other_classes("y", y)
        return X, y, self._label_binarizer.transform(y).astype(bool)

    def _refuse_other_classes(self, name, y):
        classes = unique_labels(y)
        alike = _sort_of(classes) == _sort_of(self.classes_)  # else NumPy may take "1" for 1
        if not alike or len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'{name}' has {classes}."
            )

    def _checked_y_val(self, y, dtype):
        validation.refuse_masked("y_val", y)
        y = check_array(y, accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y_val")
        checks.refuse_missing_dates("y_val", y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        kind, fitted = type_of_target(y, input_name="y_val"), self._label_binarizer.y_type_
        expected = (SEVERAL,) if fitted == SEVERAL else ("binary", "multiclass")
        if kind not in expected:
            raise ValueError(f"y_val must be labels as y was, {fitted}, got {kind}")
        self._refuse_other_classes("y_val", y)
        return self._decode(self._label_binarizer.transform(y))

    def _class_weights(self, y):
        return None if self.class_weight is None else compute_sample_weight(self.class_weight, y)

    def _smoothing(self):
        if self.label_smoothing and self._label_binarizer.y_type_ == SEVERAL:
            raise ValueError(f"label_smoothing must be 0 for several labels a sample, got {self.label_smoothing}")
        return float(self.label_smoothing)

    def _output(self, dtype):
        largest = -np.log(np.finfo(dtype).eps)  # scikit-learn computes its loss with probabilities of eps at least
        if self._label_binarizer.y_type_ == "multiclass":
            return "softmax", "cross_entropy", largest, "softmax"
        return "sigmoid", "binary_cross_entropy", largest, "logistic"

    def _decode(self, Y):
        kind, classes = self._label_binarizer.y_type_, self._label_binarizer.classes_
        if kind == "multiclass":  # as `inverse_transform` has it, which takes longer than the outputs of a few samples
            return classes[Y.argmax(axis=1)]
        if kind == "binary" and len(classes) == 2:
            return classes[(Y.ravel() > 0.5).astype(np.intp)]
        return self._label_binarizer.inverse_transform(Y.ravel() if self.n_outputs_ == 1 else Y)

    def _score_of(self, y, predicted, sample_weight):
        from sklearn.metrics import accuracy_score  # here: a fit without validation data need not wait for it

        return accuracy_score(y, predicted, sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _sort_of(labels):
    """Texts, dates, times or numbers: labels of two sorts are never the same."""
    return next((kinds for kinds in ("OSTU", "M", "m") if labels.dtype.kind in kinds), "numbers")
