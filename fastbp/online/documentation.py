"""The parts of the docstrings that the two classes share."""

PARAMETERS = """hidden_layer_sizes : int or sequence of int, default=(20,)
        Units of each hidden layer; empty for none.
    activation : str or sequence of str, default="relu"
        Of the hidden layers, as of a `Network`.
    optimizer : Optimizer or str, default=Adam(0.01)
        The update rule. Its learning rate must be a number.
    standardize : bool, default=True
        Whether each feature{target} is taken by its distance from its running mean, in running standard deviations
        [1]_.
    l2 : float, default=0.0
        The penalty l2/2 sum w^2 on the weights of each step.
    dtype : {{"float32", "float64"}}, default="float32"
        Of the network. Moments of the features are double.
    seed : int, default=0
        Of the first weights."""


def documented(target):
    """A decorator that fills in the parameters."""

    def fill(kind):
        kind.__doc__ = kind.__doc__.replace("<PARAMETERS>", PARAMETERS.format(target=target))
        return kind

    return fill
