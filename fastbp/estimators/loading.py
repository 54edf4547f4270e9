"""Estimators from their files: the other way round of saving.py, with every string and array checked."""

import copy
from types import SimpleNamespace

import numpy as np
from sklearn.base import clone
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state

from fastbp import validation
from fastbp.estimators.ensemble.ensembles import EnsembleClassifier, EnsembleRegressor
from fastbp.estimators.mlp import parameters
from fastbp.estimators.mlp.classifier import MLPClassifier
from fastbp.estimators.mlp.regressor import MLPRegressor
from fastbp.estimators.mlp.saving import COUNTS, CURVES, NUMBERS, OUT_OF_BAG, check
from fastbp.files import values
from fastbp.lecture.layout import wide_count, with_diagonal
from fastbp.network import Network

FLOATS = (np.float32, np.float64)


def _estimator(kind, file):
    """A fitted MLPClassifier or MLPRegressor."""
    network, model = Network._of_record(file), kind(**_parameters(kind, file, "parameter"))
    _describe(model, network, file)
    for name in COUNTS:
        setattr(model, name, file.integer(name))
    model.stopped_ = bool(file.integer("stopped_", most=1))
    for name in NUMBERS:
        if name in file.strings:
            setattr(model, name, file.number(name))
    for name in CURVES:
        if name in file.arrays:
            setattr(model, name, file.array(name, float, (None,)).tolist())
    if hasattr(model, "best_loss_"):  # the solver is a stochastic one, and has a history
        vars(model).setdefault("validation_scores_", None)
        vars(model).setdefault("best_validation_score_", None)
        if not hasattr(model, "loss_curve_") or (model.early_stopping and model.validation_scores_ is None):
            raise ValueError("it must have the losses of its epochs, and with early stopping the scores")
    model._best = _floats(file, "best", network.theta.shape) if "best" in file.arrays else None
    model._memory = None
    if "moments" in file.arrays:
        moments = _floats(file, "moments", (None, None))
        n, wide = network.theta.size, wide_count(with_diagonal(network.layers, 1))
        if moments.shape[1] not in (n, wide):
            raise ValueError(f"array 'moments' must have rows of {n} or {wide} numbers, it has {moments.shape[1]}")
        steps, rate, seed = file.integer("steps", most=2**53), file.number("rate"), file.integer("seed")
        if rate is None or not 0 <= rate < np.inf:
            raise ValueError(f"its learning rate must be at least 0 and finite, it is {rate}")
        model._memory = SimpleNamespace(moments=moments, by_inputs=False, steps=steps, rate=rate, seed=seed)
    return model


def _parameters(kind, file, prefix):
    """The constructor's parameters; those that no file can hold have their defaults."""
    found = {}
    for name in kind._get_param_names():
        key = f"{prefix} {name}"
        if key not in file.strings:
            continue
        found[name] = values.value_of(file, key)
        if key in file.arrays:
            generator = np.random.RandomState()
            generator.set_state(("MT19937", file.array(key, np.uint32, (624,)), *_places(found[name])))
            found[name] = generator
    kind(**found)._validate_params()
    return found


def _places(value):
    """Where a generator is in its numbers, and the other half of its last pair of normal ones."""
    if not isinstance(value, list) or len(value) != 4 or value[0] != "MT19937":
        raise ValueError(f"the state of a random generator must be that of MT19937, it is {validation.shown(value)}")
    _, position, has_gauss, gauss = value
    if not (0 <= position <= 624 and has_gauss in (0, 1)):
        raise ValueError(
            f"the state of a random generator must lie in its 624 numbers, it is {validation.shown(value)}"
        )
    return position, has_gauss, float(gauss)


def _describe(model, network, file):
    """The network, the names of the inputs and the labels of the outputs."""
    model.n_features_in_, model.n_outputs_, model.n_layers_ = network.sizes[0], network.sizes[-1], len(network.sizes)
    if "feature_names_in_" in file.strings:
        model.feature_names_in_ = values.labels_of(file, "feature_names_in_")
        if len(model.feature_names_in_) != model.n_features_in_:
            raise ValueError(f"it has {len(model.feature_names_in_)} names of {model.n_features_in_} inputs")
    if isinstance(model, MLPClassifier):
        binarizer = model._label_binarizer = LabelBinarizer()
        binarizer.y_type_, binarizer.sparse_input_ = file.string("targets", ("binary", "multiclass", SEVERAL)), False
        binarizer.classes_ = model.classes_ = values.labels_of(file, "classes_")
        possible = (1, 2) if binarizer.y_type_ == "binary" else (model.n_outputs_,)
        if len(model.classes_) not in possible or (binarizer.y_type_ == "binary" and model.n_outputs_ != 1):
            raise ValueError(f"it has {len(model.classes_)} classes for {model.n_outputs_} outputs")
    check(model, network)
    *_, model.out_activation_ = model._output(network.dtype)
    model._link(network)
    model._random_state = check_random_state(model.random_state)


def _ensemble(kind, file):
    """A fitted ensemble."""
    parameters = _parameters(kind, file, "parameter")
    given = file.string("base", ("default", "given")) == "given"
    base = kind._network(**_parameters(kind._network, file, "parameter of a network"))
    ensemble = kind(base if given else None, **parameters)
    first, n = Network._of_record(file), file.integer("networks", 1)
    others = file.array("others", first.dtype, (n - 1, first.theta.size))
    ensemble._seeds = file.array("seeds", np.int64, (n,)).copy()  # of the buffer of the whole file
    models = [clone(base).set_params(random_state=seed) for seed in ensemble._seeds.tolist()]
    _describe(models[0], first, file)
    for model, theta in zip(models[1:], others, strict=True):
        vars(model).update({name: value for name, value in vars(models[0]).items() if name not in vars(model)})
        network = copy.copy(first)
        network.theta[:] = theta
        model._link(network)
        model._random_state = check_random_state(model.random_state)
    _histories(models, file)
    ensemble.estimators_ = models
    ensemble._samples, ensemble._size = file.integer("samples", 1), file.integer("size", 1)
    for name in ("n_features_in_", "feature_names_in_", "n_outputs_"):
        if hasattr(models[0], name):
            setattr(ensemble, name, getattr(models[0], name))
    ensemble._take_over(models[0])
    if "oob_score_" in file.strings:
        ensemble.oob_score_, name = file.number("oob_score_"), OUT_OF_BAG[kind is EnsembleRegressor]
        setattr(ensemble, name, _floats(file, name, None))
    return ensemble


def _histories(models, file):
    """What each network of an ensemble knows of its training."""
    n, curves, ends = (
        len(models),
        file.array("loss_curve_", float, (None,)).tolist(),
        file.array("loss_curve_ ends", np.int64),
    )
    columns = {name: file.array(name, np.int64, (n,)).tolist() for name in COUNTS[:2]}
    losses, starts = file.array("loss_", float, (n,)).tolist(), [0, *ends.tolist()]
    if ends.shape != (n,) or starts != sorted(starts) or starts[-1] != len(curves):
        raise ValueError("the loss curves of its networks must follow each other and fill their array")
    for i, model in enumerate(models):
        model.n_iter_, model.t_, model.loss_ = columns["n_iter_"][i], columns["t_"][i], losses[i]
        model._memory = model._best = None
        model._no_improvement_count, model.stopped_ = 0, False
        if parameters.is_stochastic(model):
            model._begin_history()
            model.loss_curve_ = curves[starts[i] : starts[i + 1]]


def _floats(file, name, shape):
    array = file.array(name, None, shape)
    if array.dtype not in FLOATS:
        raise ValueError(f"array {name!r} must have numbers of float32 or float64, it has {array.dtype}")
    return array.copy()  # of the buffer of the whole file


SEVERAL = "multilabel-indicator"
READERS = {
    "classifier": lambda file: _estimator(MLPClassifier, file),
    "regressor": lambda file: _estimator(MLPRegressor, file),
    "classifier ensemble": lambda file: _ensemble(EnsembleClassifier, file),
    "regressor ensemble": lambda file: _ensemble(EnsembleRegressor, file),
}
