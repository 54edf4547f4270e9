"""MLPRegressor."""

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, column_or_1d

from fastbp import validation
from fastbp.estimators.documentation import documented
from fastbp.estimators.mlp import checks, parameters
from fastbp.estimators.mlp.base import BaseMLP, solver_is_stochastic, with_callbacks
from fastbp.estimators.mlp.incremental import learn

LOSSES = ("squared_error", "poisson", "huber", "quantile")


@documented
class MLPRegressor(RegressorMixin, BaseMLP):
    """scikit-learn's MLPRegressor, sooner: the same parameters, and the same results from the same random_state.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "huber", "quantile"}, default="squared_error"
        Half the squared error; half the Poisson deviance, for y of at least 0, of outputs exp(u); the squared error up
        to a distance, straight from there on; or the error whose minimum is a quantile.
    <PARAMETERS>
    huber_delta, quantile : float or None, default=None
        That distance (None: 1), and that quantile (None: 0.5, the median); None for other losses.
    <MORE>

    Attributes
    ----------
    <ATTRIBUTES>

    Raises
    ------
    <RAISES>

    Notes
    -----
    The parameters up to `max_fun` and the first two losses are those of scikit-learn 1.9
    (`sklearn.neural_network.MLPRegressor`). What differs: the derivative of ReLU at 0 is 1, as in the lecture; and
    "lbfgs" minimises the sum of the squared errors of several outputs, whose mean is the loss that it shows.

    Examples
    --------
    >>> import fastbp
    >>> X, y = [[0.0], [0.5], [1.0], [1.5], [2.0]], [0.0, 0.5, 1.0, 0.5, 0.0]
    >>> model = fastbp.MLPRegressor(hidden_layer_sizes=20, activation="tanh", solver="lbfgs", random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.99
    True
    """

    _file_kind = "regressor"
    _parameter_constraints = parameters.CONSTRAINTS | {
        "loss": [StrOptions(set(LOSSES))],
        "huber_delta": [None, parameters.POSITIVE],
        "quantile": [None, parameters.INSIDE_ONE],
    }

    def __init__(
        self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
        random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
        early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10,
        max_fun=15000, huber_delta=None, quantile=None, l1_ratio=0.0, dropout=0.0, max_norm=None, clip_norm=None,
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
            Real numbers.
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
        >>> model = fastbp.MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
        >>> model.predict([[1.5]]).round(1)
        array([4.])
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)

    @available_if(solver_is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X=None, y=None, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None, blocks=None
    ):  # fmt: skip
        """Train for one epoch that goes on where the last one ended; on blocks for one with each.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)
        y : array-like, shape (samples,) or (samples, outputs)
            Real numbers.
        sample_weight : array-like of shape (samples,), optional
            At least 0; weight k counts as k copies.
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
        >>> model = fastbp.MLPRegressor(random_state=0)
        >>> model = model.partial_fit([[0.0], [1.0]], [1.0, 3.0]).partial_fit([[2.0]], [5.0])
        >>> len(model.loss_curve_)
        2
        >>> model = model.partial_fit(blocks=lambda: [([[0.0], [1.0]], [1.0, 3.0]), ([[2.0]], [5.0])])
        >>> len(model.loss_curve_)
        4
        """

        def partial_fit(X, y, sample_weight):
            self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), True, one_of_many=blocks is not None)

        learn(partial_fit, blocks, X, y, sample_weight)
        return self

    def predict(self, X):
        """The outputs for each sample.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (samples, inputs)

        Returns
        -------
        ndarray of shape (samples,) or (samples, outputs), of the dtype of the training

        Raises
        ------
        ValueError, TypeError, NotFittedError
            scikit-learn's own.

        Examples
        --------
        >>> import fastbp
        >>> model = fastbp.MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
        >>> model.predict([[0.5], [1.5]]).round(1)
        array([2., 4.])
        """
        return self._decode(self._outputs(X))

    # ---- What the training asks --------------------------------------------------------------------------------------

    def _checked(self, X, y, reset, incremental):
        checks.refuse_no_numbers("y", y)
        X, y = self._checked_arrays(X, y, reset, y_numeric=True)
        checks.refuse_targets("y", y, X.dtype)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y, y.reshape(len(y), -1)

    def _checked_y_val(self, y, dtype):
        checks.refuse_no_numbers("y_val", y)
        y = check_array(y, ensure_2d=False, input_name="y_val")
        checks.refuse_targets("y_val", y, dtype)
        if len(y) < 2:
            raise ValueError(f"y_val must have at least 2 samples, of which R^2 is made, got {len(y)}")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._refuse_for_loss("y_val", y)
        came = 1 if y.ndim == 1 else y.shape[1]
        if came != self.n_outputs_:
            raise ValueError(f"y_val must have as many outputs as y, {self.n_outputs_}, got {came}")
        return y

    def _refuse_for_loss(self, name, y):
        self._level()  # checks it
        if self.loss == "poisson" and y.min() < 0:
            raise ValueError(f"{name} must be at least 0 for loss='poisson', got {y.min()}")

    def _level(self):
        """What the loss has besides its name, or None."""
        return validation.parameter_of_loss(self.loss, self.huber_delta, self.quantile)

    def _output(self, dtype):
        if self.loss == "poisson":
            return "exponential", self.loss, None, "exp"
        return "identity", self.loss, self._level(), "identity"

    def _shown_error(self, error):
        return error if self.loss == "poisson" else error / self.n_outputs_

    def _constant_error(self, data):
        if self.loss != "poisson":
            return None
        from scipy.special import xlogy

        D = data.D.astype(np.float64)
        return (xlogy(D, D) - D).sum(axis=1)  # the deviance is sum (d ln (d / y) - d + y), our error sum (y - d ln y)

    def _decode(self, Y):
        return Y.ravel() if Y.shape[1] == 1 else Y

    def _score_of(self, y, predicted, sample_weight):
        from sklearn.metrics import r2_score  # here: a fit without validation data need not wait for it

        return r2_score(y, predicted, sample_weight=sample_weight)
