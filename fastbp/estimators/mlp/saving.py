"""Estimators as strings and arrays of a model file: their parameters, and all that a fit has left."""

import numpy as np

from fastbp import caller
from fastbp.estimators.mlp import parameters
from fastbp.files import values
from fastbp.files.safetensors import number, write
from fastbp.training.sparse_runner import arrange

COUNTS = ("n_iter_", "t_", "_no_improvement_count")
NUMBERS = ("loss_", "best_loss_", "best_validation_score_")  # that may be None, or not there
CURVES = ("loss_curve_", "validation_scores_")
OUT_OF_BAG = ("oob_decision_function_", "oob_prediction_")


def check(estimator, network):
    """Refuses parameters that are wrong, or ask for another output layer than that of the network.

    Raises
    ------
    ValueError, TypeError
        Also before a file is written, which could not be read then.
    """
    estimator._validate_params()
    parameters.checked(estimator)
    output, error, _, _ = estimator._output(network.dtype)
    if (network.output, network.loss) != (output, error):
        raise ValueError(
            f"the parameters ask for the loss {error!r} of outputs by {output}, but the network was fitted with "
            f"{network.loss!r} by {network.output}"
        )


def save(estimator, path):
    """A file of a fitted MLPClassifier or MLPRegressor."""
    check(estimator, estimator._net())
    if hasattr(estimator, "_skl_callbacks"):
        _warn("callbacks", estimator._skl_callbacks)
    strings, arrays = estimator._net()._record()
    for found in (_parameters(estimator, "parameter"), _described(estimator), _progress(estimator)):
        strings, arrays = strings | found[0], arrays | found[1]
    write(path, estimator._file_kind, strings, arrays)


def _described(estimator):
    """Names of the inputs, labels of the outputs."""
    strings, arrays = {}, {}
    for name in ("feature_names_in_", "classes_"):
        if hasattr(estimator, name):
            more, labels = values.labels_record(name, getattr(estimator, name))
            strings, arrays = strings | more, arrays | labels
    if hasattr(estimator, "classes_"):
        strings["targets"] = estimator._label_binarizer.y_type_
    return strings, arrays


def _progress(estimator):
    """How far the training has come, so that it can go on."""
    strings = {name: str(int(getattr(estimator, name))) for name in COUNTS}
    strings["stopped_"], arrays = str(int(estimator.stopped_)), {}
    for name in NUMBERS:
        if hasattr(estimator, name):
            strings[name] = number(getattr(estimator, name))
    for name in CURVES:
        if getattr(estimator, name, None) is not None:
            arrays[name] = np.array(getattr(estimator, name), float)
    if estimator._best is not None:
        arrays["best"] = estimator._best
    memory = estimator._memory
    if memory is not None:
        arrays["moments"] = memory.moments
        if memory.by_inputs:
            arrays["moments"] = memory.moments.copy()
            arrange(arrays["moments"], estimator._net().layers, False)
        strings |= {"steps": str(int(memory.steps)), "rate": number(memory.rate), "seed": str(int(memory.seed))}
    return strings, arrays


def _parameters(estimator, prefix, left_out=()):
    """The constructor's parameters. What no file can hold is left out, with a warning."""
    strings, arrays = {}, {}
    for name, value in estimator.get_params(deep=False).items():
        key = f"{prefix} {name}"
        if name in left_out:
            continue
        try:
            if isinstance(value, np.random.RandomState):
                strings[key], arrays[key] = _generator(value)
            else:
                strings[key] = values.encoded(value)
        except values.CannotBeStored:
            _warn(name, value)
    return strings, arrays


def _generator(value):
    """The state of NumPy's old generator."""
    state = value.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise values.CannotBeStored(f"{value!r} is not of the kind that a file can hold")
    return values.encoded(["MT19937", state["state"]["pos"], state["has_gauss"], state["gauss"]]), state["state"]["key"]


def _warn(name, value):
    caller.warn(f"{name}={value!r} is not in the file, which holds no code: the loaded model has the default of {name}")


def save_ensemble(ensemble, path):
    """A file of a fitted ensemble: one network and what it is, then the parameters of all others."""
    models, base = ensemble.estimators_, ensemble.estimator
    strings, arrays = models[0]._net()._record()
    found = [_parameters(ensemble, "parameter", ["estimator"]), _described(models[0])]
    if base is not None:
        found.append(_parameters(base, "parameter of a network"))
    for more, others in found:
        strings, arrays = strings | more, arrays | others
    check(models[0], models[0]._net())
    arrays["others"] = np.empty((len(models) - 1, models[0]._net().theta.size), models[0]._net().dtype)
    for place, model in zip(arrays["others"], models[1:], strict=True):
        place[:] = model._net().theta
    arrays["seeds"] = ensemble._seeds.astype(np.int64)
    for name in COUNTS[:2]:
        arrays[name] = np.array([getattr(model, name) for model in models], np.int64)
    arrays["loss_"] = np.array([getattr(model, "loss_", np.nan) for model in models], float)
    curves = [getattr(model, "loss_curve_", ()) for model in models]
    arrays["loss_curve_"] = np.array([loss for curve in curves for loss in curve], float)
    arrays["loss_curve_ ends"] = np.cumsum([len(curve) for curve in curves], dtype=np.int64)
    strings |= {"samples": str(ensemble._samples), "size": str(ensemble._size), "networks": str(len(models))}
    strings["base"] = "default" if base is None else "given"
    if hasattr(ensemble, "oob_score_"):
        strings["oob_score_"] = number(ensemble.oob_score_)
        name = next(name for name in OUT_OF_BAG if hasattr(ensemble, name))
        arrays[name] = getattr(ensemble, name)
    write(path, ensemble._file_kind, strings, arrays)
