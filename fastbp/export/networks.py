"""The network of what is to be exported."""

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
