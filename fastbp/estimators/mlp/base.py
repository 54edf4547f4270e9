"""What the classifier and the regressor have in common: the network behind `coefs_`, and the way of a fit."""

import functools
from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from fastbp.estimators.mlp import checks, parameters
from fastbp.estimators.mlp.collector import COLLECTOR, GIVEN
from fastbp.estimators.mlp.fit_request import FitRequest
from fastbp.estimators.mlp.samples import outputs, sorted_once
from fastbp.estimators.mlp.stochastic import fit_stochastic
from fastbp.network import blank

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn below 1.9

    class CallbackSupportMixin:
        """Nothing to support."""

    def with_callbacks(method):
        return method


FEW = 64  # samples; float32 gains nothing with less, where an epoch is bound by what is around its sums
LINKS = ("_network", "_linked")  # not part of a copy or a pickle: they follow from coefs_ and intercepts_


def solver_is_stochastic(estimator):
    """Whether there is a `partial_fit`."""
    if not parameters.is_stochastic(estimator):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(CallbackSupportMixin, BaseEstimator, ABC):
    """Not for direct use: see MLPClassifier and MLPRegressor."""

    _parameter_constraints = parameters.CONSTRAINTS

    def _store(self, parameters):
        """The constructor's parameters, as they came."""
        for name, value in parameters.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @classmethod
    @functools.cache
    def _get_param_names(cls):
        """Once for each class: scikit-learn looks at the signature for each `get_params`, so a clone takes long."""
        return super()._get_param_names()

    # ---- What the two differ in --------------------------------------------------------------------------------------

    @abstractmethod
    def _checked(self, X, y, reset, incremental):
        """X, y and the targets D (samples, outputs). They are the same for all parameters but dtype."""

    @abstractmethod
    def _checked_y_val(self, y, dtype):
        """The targets of the validation data, checked as those of the training in this dtype."""

    @abstractmethod
    def _output(self, dtype):
        """The activation and the error of the output layer, its level, and what scikit-learn calls the activation."""

    @abstractmethod
    def _decode(self, Y):
        """What `predict` returns for the outputs Y."""

    @abstractmethod
    def _score_of(self, y, predicted, sample_weight):
        """The validation score."""

    def _refuse_for_loss(self, name, y):
        """Refuses targets that the loss does not know."""

    def _shown_error(self, error):
        """The error of the output layer as scikit-learn's loss has it."""
        return error

    def _constant_error(self, data):
        """What scikit-learn's loss has besides our error, for each sample; None for nothing."""

    def _class_weights(self, y):
        """The weight that each sample has from its class; None for 1."""

    def _smoothing(self):
        """How much the training smooths its targets."""
        return 0.0

    # ---- The network behind coefs_ and intercepts_ -------------------------------------------------------------------

    def _link(self, network):
        """coefs_ and intercepts_ become views of the network's parameters."""
        coefs, intercepts = [w.T for w in network.W], list(network.B)
        self.coefs_, self.intercepts_ = coefs, intercepts
        self._network, self._linked = network, [*coefs, *intercepts]

    def _net(self):
        """The network; if a user or a pickle has put other arrays into coefs_ or intercepts_, one that has those."""
        now = [*self.coefs_, *self.intercepts_]
        linked = getattr(self, "_linked", ())
        if len(now) == len(linked) and all(a is b for a, b in zip(now, linked, strict=True)):
            return self._network
        sizes = [self.n_features_in_, *map(len, self.intercepts_[:-1]), self.n_outputs_]
        network = self._blank(sizes, np.result_type(*now))
        places = [*(w.T for w in network.W), *network.B]
        shapes, came = [place.shape for place in places], [np.shape(array) for array in now]
        if came != shapes:
            raise ValueError(f"coefs_ and intercepts_ must have the shapes {shapes}, got {came}")
        for place, array in zip(places, now, strict=True):
            np.copyto(place, array, casting="same_kind")
        self._link(network)
        return network

    def _fitted_network(self):
        """The network, or scikit-learn's error."""
        if not hasattr(self, "coefs_"):
            check_is_fitted(self)
        return self._net()

    def _blank(self, sizes, dtype):
        """A network of this estimator's activations, its parameters 0."""
        dtype = np.dtype(dtype if dtype == np.float32 else np.float64)
        output, error, level, self.out_activation_ = self._output(dtype)
        hidden = parameters.activations(self, len(sizes) - 2)
        return blank(sizes, hidden, output, dtype, error, level)

    def _initialize(self, sizes, dtype, rng):
        """Glorot's uniform distribution as scikit-learn draws it; for logistic its bound is lower by sqrt(3)."""
        network = self._blank(sizes, dtype)
        hidden = parameters.activations(self, len(sizes) - 2)
        for layer, (w, b) in enumerate(zip(network.W, network.B, strict=True)):
            name = hidden[min(layer, len(hidden) - 1)] if hidden else self.activation
            receiving, sending = w.shape
            bound = np.sqrt((2.0 if name in ("sigmoid", "logistic") else 6.0) / (sending + receiving))
            w[...] = rng.uniform(-bound, bound, (sending, receiving)).T
            b[...] = rng.uniform(-bound, bound, receiving)
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(sizes)
        self._link(network)
        self._memory = self._best = None
        self._no_improvement_count, self.stopped_ = 0, False
        if parameters.is_stochastic(self):
            self._begin_history()

    def _begin_history(self):
        """The attributes that only stochastic solvers have."""
        self.loss_curve_ = []
        self.best_loss_, self.validation_scores_, self.best_validation_score_ = np.inf, None, None
        if self.early_stopping:
            self.best_loss_, self.validation_scores_, self.best_validation_score_ = None, [], -np.inf

    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name not in LINKS}

    # ---- Fit ---------------------------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, validation, incremental, one_of_many=False):
        collector = None if incremental else COLLECTOR.get()
        given = dict(zip(GIVEN, (X, y, sample_weight, *validation), strict=True))
        if collector is None or not collector.takes(self, given):
            request, dtype = self._request(X, y, sample_weight, validation, incremental)
            request.one_of_many = one_of_many or collector is not None
            self._train(request, dtype)
        return self

    def _prepare(self, given, collector):
        """The first half of a `fit` that is trained together with others: all checks, and the first weights.

        Parameters
        ----------
        given : dict
            What `fit` would be called with.
        collector : Collector

        Returns
        -------
        FitRequest
        dtype : numpy.dtype
            That the network is to have in the end.
        """
        self._validate_params()
        X, y, sample_weight, *validation = (given[name] for name in GIVEN)
        return self._request(X, y, sample_weight, validation, False, collector)

    def _validate_params(self):
        collector = COLLECTOR.get()
        if collector is None or not collector.knows(self):
            super()._validate_params()

    def _request(self, X, y, sample_weight, validation, incremental, collector=None):
        """Checks everything and draws the first weights; the request, and the dtype of the network in the end."""
        hidden = parameters.checked(self)
        if not parameters.is_stochastic(self):
            parameters.refuse_what_is_stochastic(self)
        else:
            parameters.optimizer(self, parameters.dtype_of(self)[0])
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        frame, given = X, y
        check = functools.partial(self._checked, X, y, first, incremental)
        X, y, D = check() if collector is None or not first else collector.checked(self, X, y, check)
        self._refuse_for_loss("y", y)
        weight = checks.weights("sample_weight", sample_weight, X, X.dtype, self._class_weights(y))
        self.n_outputs_ = D.shape[1]
        validation = self._checked_validation(*validation, X.dtype)
        self._random_state = check_random_state(self.random_state)
        sizes = [X.shape[1], *hidden, self.n_outputs_]
        if first:
            self._initialize(sizes, X.dtype, self._random_state)
        elif list(self._net().sizes) != sizes:
            raise ValueError(
                f"hidden_layer_sizes must stay as they were to go on with a fitted model: it has layers of "
                f"{list(self._net().sizes)} units, asked for are {sizes}"
            )
        dtype = self._net().dtype
        self._renew(np.dtype(np.float64) if len(D) < FEW and not incremental else dtype)
        shared = collector.shared if collector else {}
        if not (hasattr(self, "_skl_callbacks") and hasattr(self, "feature_names_in_")):
            frame = None
        request = FitRequest(
            X, given, D, weight, validation, incremental, shared=shared, frame=frame, label_smoothing=self._smoothing()
        )
        return request, dtype

    def _train(self, request, dtype):
        """The training itself; then the network gets the dtype that it is to have."""
        fit = fit_stochastic
        if parameters.second_order(self):
            from fastbp.estimators.mlp.second_order import fit_second_order as fit  # here: few fits need it
        elif not parameters.is_stochastic(self):
            from fastbp.estimators.mlp.lbfgs import fit_lbfgs as fit  # here, because of SciPy's minimizers

        try:
            self._begin_callbacks(request)
            fit(self, request)
            self._end_callbacks(request)
        finally:
            self._context = None  # contexts do not belong into a pickle
            self._renew(dtype)

    def _renew(self, dtype):
        """The network gets this dtype, and the activations and the error that the parameters name now."""
        old = self._net()
        network = self._blank(old.sizes, dtype)
        if (network.dtype, network.activation, network.loss, network._level) != (
            old.dtype,
            old.activation,
            old.loss,
            old._level,
        ):
            np.copyto(network.theta, old.theta, casting="same_kind")
            self._link(network)

    def _checked_validation(self, X_val, y_val, sample_weight_val, dtype):
        """X, y and weights of the validation data, checked as those of the training in this dtype; or None."""
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val needs X_val and y_val")
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together, got one of them")
        checks.types_without_dates("X_val", X_val)
        with checks.told_of("X_val"):
            X_val = self._validated(X_val, dtype=dtype, reset=False)
        y_val = self._checked_y_val(y_val, dtype)
        with checks.told_of("X_val, y_val"):
            check_consistent_length(X_val, y_val)
        return X_val, y_val, checks.weights("sample_weight_val", sample_weight_val, X_val, np.dtype(np.float64))

    def _checked_arrays(self, X, y, reset, **options):
        """X and y of a training through scikit-learn's checks, X in the dtype of the network that there will be."""
        checks.types_without_dates("X", X)
        dtype = parameters.dtype_of(self) if reset else self._net().dtype
        return self._validated(X, y, dtype=dtype, reset=reset, multi_output=True, **options)

    def _validated(self, X, *y, dtype, **options):
        """X, and y if given, through scikit-learn's checks."""
        with np.errstate(all="ignore"):  # what is too large for float32 ends in an error
            checked = validate_data(self, X, *y, accept_sparse=checks.SPARSE, dtype=dtype, order="C", **options)
        X, *y = checked if y else (checked,)
        if X.dtype.kind == "b":  # of a sparse data frame, whose bools scikit-learn lets be
            X = X.astype(dtype[0] if isinstance(dtype, list) else dtype)
        return (sorted_once(X), *y) if y else sorted_once(X)

    def _validation_score(self, X, y, sample_weight):
        Y = outputs(self._net(), X)
        if not np.isfinite(Y).all():
            return np.nan
        return float(self._score_of(y, self._decode(Y), sample_weight))

    # ---- scikit-learn's callbacks ------------------------------------------------------------------------------------

    def _begin_callbacks(self, request):
        self._context = None
        if not request.incremental and hasattr(self, "_skl_callbacks"):
            root = self._init_callback_context(max_subtasks=self.max_iter)
            self._context = root.call_on_fit_task_begin(estimator=self, **request.given())

    def _end_callbacks(self, request):
        if self._context is not None:
            self._context.call_on_fit_task_end(
                estimator=self, **request.given(), reconstruction_attributes=self._parameters
            )

    def _parameters(self):
        """What makes a fitted estimator of this one as it is now."""
        return {"coefs_": [c.copy() for c in self.coefs_], "intercepts_": [b.copy() for b in self.intercepts_]}

    def _callbacks_of_sklearn(self, request):
        """scikit-learn's callbacks as one of ours, in a list."""
        context = self._context
        if context is None:
            return []
        data = {"estimator": self, **request.given()}

        def epoch_ends(state):
            epoch = context.subcontext(task_name="epoch").call_on_fit_task_begin(**data)
            return epoch.call_on_fit_task_end(**data, reconstruction_attributes=self._parameters)

        return [epoch_ends]

    # ---- Files -------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write the fitted model to a file, from which `fastbp.load` reads it; whole, or not at all.

        The file holds the parameters and all that the fit has left, so that `partial_fit` goes on as if nothing had
        been. Callbacks, and schedules of a class of your own, are code, which it does not hold: a warning names them.

        Parameters
        ----------
        path : str or path-like
            Usually ends in ".safetensors": the file has that format.

        Raises
        ------
        NotFittedError
        OSError
            Naming the path, if it cannot be written; what was there before is still there.
        TypeError
            If the labels are neither numbers nor texts.

        Examples
        --------
        >>> import fastbp, pathlib, tempfile
        >>> X, y = fastbp.load_digits()
        >>> model = fastbp.MLPClassifier(max_iter=3, tol=1.0, n_iter_no_change=1, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "model.safetensors")
        ...     model.save(path)
        ...     bool((fastbp.load(path).predict(X) == model.predict(X)).all())
        True
        """
        from fastbp.estimators.mlp import saving  # here: a fit need not wait for it

        check_is_fitted(self)
        saving.save(self, path)

    # ---- Predict -----------------------------------------------------------------------------------------------------

    def _outputs(self, X):
        """The outputs of samples that have not been checked."""
        network = self._fitted_network()
        x = self._sound(X, network.dtype)
        return outputs(network, checks.inputs(self, X, network.dtype) if x is None else x)

    def _sound(self, X, dtype):
        """X in this dtype, if it is a plain array of which scikit-learn's checks, which take longer than a pass through
        a small network, would find nothing to say; else None."""
        if type(X) is not np.ndarray or X.dtype.char not in "fd" or X.ndim != 2 or hasattr(self, "feature_names_in_"):
            return None
        if X.shape[1] != self.n_features_in_ or not len(X) or not X.dtype.isnative:
            return None
        if X.dtype != dtype:
            with np.errstate(over="ignore"):
                X = X.astype(dtype)
        return X if np.isfinite(X).all() else None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
