"""`to_sklearn` and `from_sklearn`: the estimators as scikit-learn's own, and back."""

import copy

import numpy as np

from fastbp import caller, validation
from fastbp.export.networks import network_of
from fastbp.lecture import layout
from fastbp.network import blank

ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}  # ours: scikit-learn's
OUTPUTS = {"softmax": "softmax", "sigmoid": "logistic", "identity": "identity", "exponential": "exp"}
LOSSES = ("squared_error", "poisson")
ALIKE = {"solver": ("lbfgs", "sgd", "adam"), "learning_rate": ("constant", "invscaling", "adaptive")}
WITHOUT_EFFECT = {"dtype", "n_jobs", "huber_delta", "quantile"}  # on a further training; two are of other losses
FITTED = (  # what both have after a fit, besides the parameters of the network
    "n_features_in_", "feature_names_in_", "classes_", "_label_binarizer", "n_outputs_", "n_layers_", "out_activation_",
    "n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_",
    "_no_improvement_count",
)  # fmt: skip


def _kinds():
    """scikit-learn's classes, and ours for each."""
    from fastbp.estimators.mlp.classifier import MLPClassifier
    from fastbp.estimators.mlp.regressor import MLPRegressor

    ours = MLPClassifier, MLPRegressor  # imported first: where there is no scikit-learn, they say what to install
    from sklearn import neural_network

    return dict(zip((neural_network.MLPClassifier, neural_network.MLPRegressor), ours, strict=True))


# ---- To scikit-learn -------------------------------------------------------------------------------------------------


def to_sklearn(model):
    """scikit-learn's MLPClassifier or MLPRegressor with the same weights, fitted.

    It predicts and scores as the model does. `partial_fit` and warm starts go on from there, with moments of 0. The
    parameters of its constructor are the model's; what scikit-learn has no parameter for, and solvers and learning
    rates that it lacks, stay behind, with a warning that names them.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor or Network
        An estimator must be fitted. Of a network, "softmax" makes a classifier of the classes 0, 1, ..., where two
        units become the single one that scikit-learn has for two classes; "sigmoid" one of the classes 0 and 1, or with
        several units one of several labels a sample; "identity" and "exponential" make regressors.

    Returns
    -------
    sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
        With copies of the weights, of the same dtype. What differs: a model that has seen a single class has two
        columns of probabilities there; and inputs of float64 are not rounded where the weights are float32.

    Raises
    ------
    NotFittedError
    TypeError
        If it is no such model.
    ValueError
        If scikit-learn lacks its activations (identity, logistic, tanh or relu, one for all hidden layers), its error
        (squared, and since 1.7 Poisson) or its output (softmax of one unit).
    ImportError
        Without scikit-learn 1.6 or later.

    Warns
    -----
    RuntimeWarning
        If parameters stay behind.

    Examples
    --------
    >>> import fastbp
    >>> X, y = fastbp.load_digits()
    >>> model = fastbp.MLPClassifier(max_iter=3, tol=1.0, n_iter_no_change=1, random_state=0).fit(X, y)
    >>> theirs = fastbp.to_sklearn(model)
    >>> type(theirs).__module__.split(".")[0], theirs.n_iter_
    ('sklearn', 3)
    >>> bool((theirs.predict(X) == model.predict(X)).all())
    True
    """
    classifier, regressor = _kinds()
    network = network_of(model)
    kind = regressor if network.output in ("identity", "exponential") else classifier
    chosen, best = _choices(network, kind, getattr(model, "activation", None)), None
    if model is network:
        network = _one_unit_of_two(network)
        given, fitted = {"hidden_layer_sizes": network.sizes[1:-1]}, _fresh(network)
    else:
        given, best = _parameters(model, kind), model._best
        fitted = {name: copy.deepcopy(getattr(model, name)) for name in FITTED if hasattr(model, name)}
    theirs = kind(**given | chosen)
    vars(theirs).update(fitted)
    theirs.coefs_, theirs.intercepts_ = _arrays(network, network.theta)
    theirs._best_coefs, theirs._best_intercepts = _arrays(network, network.theta if best is None else best)
    return theirs


def _choices(network, kind, named):
    """The activation and the loss of scikit-learn's class, if it has those of the network.

    `named` is the activation where there is no hidden layer to have it.
    """
    hidden = sorted(set(network.activations[:-1]))
    for name in hidden:
        if name not in ACTIVATIONS:
            raise ValueError(f"model must have hidden layers of {', '.join(ACTIVATIONS)} for scikit-learn, got {name}")
    if len(hidden) > 1:
        raise ValueError(
            f"model must have one activation in all hidden layers for scikit-learn, got {', '.join(hidden)}"
        )
    if network.loss in ("huber", "quantile"):
        raise ValueError(f"model must have the loss {' or '.join(LOSSES)} for scikit-learn, got {network.loss}")
    if hidden or not isinstance(named, str) or named not in ACTIVATIONS.values():
        named = ACTIVATIONS[hidden[0]] if hidden else "relu"
    chosen = {"activation": named}
    if "loss" in kind._get_param_names():
        return chosen | {"loss": network.loss}
    if network.loss == "poisson":
        raise ValueError("model must have the loss squared_error for a scikit-learn below 1.7, got poisson")
    return chosen


def _parameters(model, kind):
    """The parameters of the constructor that scikit-learn's class has, too; a warning names the others that matter."""
    names, defaults, kept, left = kind._get_param_names(), type(model)().get_params(), {}, []
    for name, value in model.get_params(deep=False).items():
        if name in names and (name not in ALIKE or (isinstance(value, str) and value in ALIKE[name])):
            kept[name] = copy.deepcopy(value)
        elif name not in WITHOUT_EFFECT and (value is not None if defaults[name] is None else value != defaults[name]):
            left.append(f"{name}={validation.shown(value)}")
    if left:
        message = f"scikit-learn has no {', '.join(left)}: its model predicts alike, but would be trained without"
        caller.warn(message)
    return kept


def _one_unit_of_two(network):
    """Softmax of u_0 and u_1 is a sigmoid of u_1 - u_0: the way in which scikit-learn has two classes."""
    if network.output != "softmax" or network.sizes[-1] != 2:
        return network
    sizes = (*network.sizes[:-1], 1)
    one = blank(sizes, network.activation, "sigmoid", network.dtype, "binary_cross_entropy")
    for place, array in zip((*one.W[:-1], *one.B[:-1]), (*network.W[:-1], *network.B[:-1]), strict=True):
        place[...] = array
    one.W[-1][0], one.B[-1][0] = network.W[-1][1] - network.W[-1][0], network.B[-1][1] - network.B[-1][0]
    return one


def _fresh(network):
    """The attributes of a model with these weights that has not been trained yet."""
    from sklearn.preprocessing import LabelBinarizer

    units = network.sizes[-1]
    fitted = {
        "n_features_in_": network.sizes[0], "n_outputs_": units, "n_layers_": len(network.sizes),
        "out_activation_": OUTPUTS[network.output], "n_iter_": 0, "t_": 0, "loss_curve_": [], "best_loss_": np.inf,
        "validation_scores_": None, "best_validation_score_": None, "_no_improvement_count": 0,
    }  # fmt: skip
    if network.output in ("softmax", "sigmoid"):
        several = network.output == "sigmoid" and units > 1
        labels = np.eye(units, dtype=np.int64) if several else np.arange(max(units, 2))
        fitted["_label_binarizer"] = LabelBinarizer().fit(labels)
        fitted["classes_"] = fitted["_label_binarizer"].classes_
    return fitted


def _arrays(network, theta):
    """coefs_ and intercepts_, copied from a vector like the network's theta."""
    weights, biases = layout.weights(theta, network.layers), layout.biases(theta, network.layers)
    return [w.T.copy() for w in weights], [b.copy() for b in biases]


# ---- From scikit-learn -----------------------------------------------------------------------------------------------


def from_sklearn(model):
    """Our MLPClassifier or MLPRegressor with the weights of a fitted one of scikit-learn.

    It predicts and scores as the model does. `partial_fit` and warm starts go on from there; the moments of Adam and
    SGD, and a learning rate that has been lowered, begin anew.

    Parameters
    ----------
    model : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
        Fitted.

    Returns
    -------
    MLPClassifier or MLPRegressor
        With copies of its parameters, weights and attributes, and float32 where all weights are, else float64. What
        differs: a model that has seen a single class has one column of probabilities.

    Raises
    ------
    NotFittedError
    TypeError
        If it is of another class.
    ValueError
        If its weights do not fit each other, or its `loss` is not the one that it was fitted with.
    ImportError
        Without scikit-learn 1.6 or later.

    Examples
    --------
    >>> import fastbp
    >>> from sklearn import neural_network
    >>> X, y = fastbp.load_digits()
    >>> theirs = neural_network.MLPClassifier(max_iter=3, tol=1.0, n_iter_no_change=1, random_state=0).fit(X, y)
    >>> model = fastbp.from_sklearn(theirs)
    >>> model
    MLPClassifier(max_iter=3, n_iter_no_change=1, random_state=0, tol=1.0)
    >>> bool((model.predict(X) == theirs.predict(X)).all())
    True
    """
    kinds = _kinds()
    from sklearn.utils.validation import check_is_fitted

    if type(model) not in kinds:
        raise TypeError(
            "model must be a fitted sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor, "
            f"got {validation.shown(model)}"
        )
    check_is_fitted(model)
    ours = kinds[type(model)](**copy.deepcopy(model.get_params(deep=False)))
    ours._memory = ours._best = None
    ours._no_improvement_count, ours.stopped_ = 0, False
    vars(ours).update({name: copy.deepcopy(getattr(model, name)) for name in FITTED if hasattr(model, name)})
    ours.coefs_, ours.intercepts_ = list(model.coefs_), list(model.intercepts_)
    network = ours._net()  # a network of its own, with copies of these
    if ours.out_activation_ != model.out_activation_:
        raise ValueError(
            f"model must have the loss that it was fitted with, got loss={model.loss!r} for outputs by "
            f"{model.out_activation_}"
        )
    if ours.solver != "lbfgs" and ours.early_stopping:
        ours._best = network.theta.copy()
        places = layout.weights(ours._best, network.layers), layout.biases(ours._best, network.layers)
        for place, array in zip(places[0], model._best_coefs, strict=True):
            place[...] = array.T
        for place, array in zip(places[1], model._best_intercepts, strict=True):
            place[...] = array
    return ours
