"""EnsembleClassifier and EnsembleRegressor: many networks of one kind, trained together, whose outputs are averaged.

Deep ensembles (Lakshminarayanan, Pritzel and Blundell 2017): all networks see all samples and differ in their first
weights and orders. Bagging (Breiman 1996): each sees a bootstrap sample too, which leaves others to score it with.
"""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score

from fastbp.estimators.documentation import documented_ensemble
from fastbp.estimators.ensemble.base import CONSTRAINTS, BaseEnsemble
from fastbp.estimators.mlp.classifier import MLPClassifier
from fastbp.estimators.mlp.regressor import MLPRegressor


@documented_ensemble
class EnsembleClassifier(ClassifierMixin, BaseEnsemble):
    """Many MLPClassifiers, trained together, whose probabilities are averaged.

    Parameters
    ----------
    estimator : MLPClassifier or None, default=None
        What each network is; None: `MLPClassifier()`.
    <PARAMETERS>

    Attributes
    ----------
    classes_ : ndarray of shape (classes,)
        The labels.
    <ATTRIBUTES>
    oob_score_ : float
        Accuracy of the predictions by networks that have not seen the sample.
    oob_decision_function_ : ndarray of shape (samples, classes)
        Their mean probabilities; NaN where there is none.

    Raises
    ------
    <RAISES>

    Examples
    --------
    >>> import fastbp
    >>> X, y = fastbp.load_digits()
    >>> network = fastbp.MLPClassifier((16,), max_iter=40, tol=1.0, n_iter_no_change=29)
    >>> ensemble = fastbp.EnsembleClassifier(network, 20, bootstrap=True, oob_score=True, random_state=0)
    >>> ensemble = ensemble.fit(X[:1000], y[:1000])
    >>> labels, std = ensemble.predict(X[1000:], return_std=True)
    >>> ensemble.oob_score_ > 0.85, labels.shape == std.shape
    (True, True)
    """

    _network, _file_kind = MLPClassifier, "classifier ensemble"
    _parameter_constraints = CONSTRAINTS | {"estimator": [None, MLPClassifier]}

    def predict(self, X, return_std=False):
        """The class of the highest mean probability, or the labels whose mean probability is above 1/2.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)
        return_std : bool
            Return the standard deviation, too.

        Returns
        -------
        labels : ndarray of shape (samples,) or (samples, labels)
        std : ndarray of the same shape
            Of the predicted class's probability over the networks.

        Raises
        ------
        ValueError, TypeError, NotFittedError
            scikit-learn's own.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.MLPClassifier((4,), solver="lbfgs")
        >>> ensemble = fastbp.EnsembleClassifier(network, 5, random_state=0).fit([[0.0], [1.0], [2.0]], list("aab"))
        >>> print(*ensemble.predict([[0.5], [3.0]]))
        a b
        """
        mean, std = self._outputs(X)
        labels = self.estimators_[0]._decode(mean)
        if not return_std:
            return labels
        if labels.ndim == 1:  # one column where there are two classes, whose probabilities spread alike
            std = std[np.arange(len(std)), mean.argmax(axis=1) if mean.shape[1] > 1 else 0]
        return labels, std

    def predict_proba(self, X):
        """The mean probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)

        Returns
        -------
        ndarray of shape (samples, classes), float64
            In the order of `classes_`.

        Raises
        ------
        ValueError, TypeError, NotFittedError
            scikit-learn's own.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.MLPClassifier((4,), solver="lbfgs")
        >>> ensemble = fastbp.EnsembleClassifier(network, 5, random_state=0).fit([[0.0], [1.0], [2.0]], list("aab"))
        >>> ensemble.predict_proba([[0.5], [3.0]]).shape
        (2, 2)
        """
        return self._probabilities(self._outputs(X)[0])

    def _probabilities(self, Y):
        if len(self.classes_) == 1:
            return np.ones_like(Y)
        return np.hstack([1 - Y, Y]) if self.n_outputs_ == 1 else Y

    def _take_over(self, first):
        self.classes_ = first.classes_

    def _score_left_out(self, Y, seen, y):
        self.oob_decision_function_ = self._probabilities(Y)
        decoded = self.estimators_[0]._decode
        self.oob_score_ = accuracy_score(y[seen], decoded(Y[seen])) if seen.any() else np.nan

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@documented_ensemble
class EnsembleRegressor(RegressorMixin, BaseEnsemble):
    """Many MLPRegressors, trained together, whose predictions are averaged.

    Parameters
    ----------
    estimator : MLPRegressor or None, default=None
        What each network is; None: `MLPRegressor()`.
    <PARAMETERS>

    Attributes
    ----------
    <ATTRIBUTES>
    oob_score_ : float
        R^2 of the predictions by networks that have not seen the sample.
    oob_prediction_ : ndarray of shape (samples,) or (samples, outputs)
        Those predictions; NaN where there is none.

    Raises
    ------
    <RAISES>

    Examples
    --------
    >>> import fastbp
    >>> x = np.linspace(-2, 2, 80)[:, None]
    >>> network = fastbp.MLPRegressor(hidden_layer_sizes=16, activation="tanh", learning_rate_init=0.01, max_iter=300)
    >>> ensemble = fastbp.EnsembleRegressor(network, 20, random_state=0).fit(x, np.sin(2 * x).ravel())
    >>> y, std = ensemble.predict([[0.0], [6.0]], return_std=True)
    >>> bool(std[1] > 5 * std[0])  # the networks disagree where they have seen nothing
    True
    """

    _network, _file_kind = MLPRegressor, "regressor ensemble"
    _parameter_constraints = CONSTRAINTS | {"estimator": [None, MLPRegressor]}

    def predict(self, X, return_std=False):
        """The mean prediction.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)
        return_std : bool
            Return the standard deviation of the networks' predictions, too.

        Returns
        -------
        y, std : ndarray of shape (samples,) or (samples, outputs), float64

        Raises
        ------
        ValueError, TypeError, NotFittedError
            scikit-learn's own.

        Examples
        --------
        >>> import fastbp
        >>> network = fastbp.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs")
        >>> ensemble = fastbp.EnsembleRegressor(network, 5, random_state=0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
        >>> ensemble.predict([[1.0]]).round(1)
        array([1.])
        """
        mean, std = (self.estimators_[0]._decode(Y) for Y in self._outputs(X))
        return (mean, std) if return_std else mean

    def _take_over(self, first):
        pass

    def _score_left_out(self, Y, seen, y):
        self.oob_prediction_ = self.estimators_[0]._decode(Y)
        self.oob_score_ = r2_score(y[seen], self.oob_prediction_[seen]) if seen.any() else np.nan
