"""The networks of what is to be exported."""

from fastbp import validation
from fastbp.network import Network


def network_of(model):
    """The network behind a fitted estimator; a network as it is.

    Raises
    ------
    NotFittedError
    TypeError
        If the model is neither.
    """
    if isinstance(model, Network):
        return model
    fitted = getattr(model, "_fitted_network", None)  # of our estimators, which need not be imported here
    if callable(fitted):
        return fitted()
    raise TypeError(
        "model must be a fastbp.Network or a fitted fastbp.MLPClassifier or fastbp.MLPRegressor, "
        f"got {validation.shown(model)}"
    )


def networks_of(model):
    """The networks of a fitted ensemble; of a network and of an estimator the one.

    Raises
    ------
    NotFittedError
    TypeError
        If the model is none of them.
    """
    return model._fitted_networks() if is_ensemble(model) else [network_of(model)]


def is_ensemble(model):
    """Whether it is one of our ensembles, which need not be imported here."""
    return callable(getattr(model, "_fitted_networks", None))


def is_ours(model):
    """Whether it is a network, or one of our estimators or ensembles."""
    return isinstance(model, Network) or callable(getattr(model, "_fitted_network", None)) or is_ensemble(model)
