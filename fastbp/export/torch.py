"""`to_torch` and `from_torch`: a network as a torch.nn.Sequential, and back."""

import sys

from fastbp import validation
from fastbp.export.networks import network_of
from fastbp.lecture.codes import ERROR, ERRORS_OF, HIDDEN, OUTPUT
from fastbp.lecture.matrix.activations import SLOPE
from fastbp.network import DTYPES, blank

# torch's softplus is u itself above a threshold: e^-20 is below the rounding of float32, e^-40 below that of float64.
LEAST_THRESHOLD, THRESHOLD = 20, 40


def _torch(function):
    try:
        import torch
    except ImportError as missing:
        raise ImportError(f"fastbp.{function} needs torch: pip install 'fastbp[torch]'") from missing
    return torch


def __getattr__(name):
    """`Exponential`, a class that cannot be there before torch is; a pickle looks for it here."""
    if name != "Exponential":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    torch = _torch("export.torch.Exponential")

    class Exponential(torch.nn.Module):
        """y = exp(u)."""

        def forward(self, u):
            return torch.exp(u)

    Exponential.__qualname__ = "Exponential"
    globals()["Exponential"] = Exponential
    return Exponential


# ---- To torch --------------------------------------------------------------------------------------------------------


def to_torch(model):
    """The network as a torch.nn.Sequential of linear layers and activations.

    Parameters
    ----------
    model : Network, MLPClassifier or MLPRegressor
        An estimator must be fitted; the module is its network.

    Returns
    -------
    torch.nn.Sequential
        With copies of the parameters, of the network's dtype. Its last module is the output's activation, of which
        "identity" has none; for training in torch, whose losses take what comes before Softmax or Sigmoid, leave it
        out: `module[:-1]`. That of "exponential" is `fastbp.export.torch.Exponential`.

    Raises
    ------
    NotFittedError
    TypeError
        If the model is no such model.
    ImportError
        Without torch.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.to_torch(fastbp.Network((4, 8, 3), activation="tanh"))
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): Tanh()
      (2): Linear(in_features=8, out_features=3, bias=True)
      (3): Softmax(dim=-1)
    )
    """
    network = network_of(model)
    torch = _torch("to_torch")
    kinds, modules = _modules(torch), []
    for w, b, activation in zip(network.W, network.B, network.activations, strict=True):
        receiving, sending = w.shape
        linear = torch.nn.utils.skip_init(  # drawing weights would move torch's random numbers on
            torch.nn.Linear, sending, receiving, dtype=getattr(torch, network.dtype.name)
        )
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w.copy()))
            linear.bias.copy_(torch.from_numpy(b.copy()))
        modules.append(linear)
        if activation != "identity":
            kind, settings = kinds[activation]
            modules.append(kind(**settings))
    return torch.nn.Sequential(*modules)


def _modules(torch):
    """{activation: (class, settings)}"""
    nn = torch.nn
    return {
        "relu": (nn.ReLU, {}),
        "leaky_relu": (nn.LeakyReLU, {"negative_slope": SLOPE}),
        "elu": (nn.ELU, {"alpha": 1.0}),
        "selu": (nn.SELU, {}),
        "softplus": (nn.Softplus, {"beta": 1.0, "threshold": THRESHOLD}),
        "silu": (nn.SiLU, {}),
        "gelu": (nn.GELU, {"approximate": "tanh"}),
        "mish": (nn.Mish, {}),
        "tanh": (nn.Tanh, {}),
        "sigmoid": (nn.Sigmoid, {}),
        "softmax": (nn.Softmax, {"dim": -1}),
        "exponential": (sys.modules[__name__].Exponential, {}),
    }


# ---- From torch ------------------------------------------------------------------------------------------------------


def from_torch(module, output=None, loss=None, huber_delta=None, quantile=None):
    """The network of a torch.nn.Sequential.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of Linear, with or without bias, of one of ReLU, LeakyReLU (slope 0.01), ELU (alpha 1), SELU, Softplus (beta 1),
        SiLU, GELU (approximate="tanh"), Mish, Tanh and Sigmoid after each or of none, and of Softmax, LogSoftmax (dim 1
        or -1) or `fastbp.export.torch.Exponential` at the end; and of such Sequentials. Identity, Dropout and Flatten
        are left out: they change no prediction for a matrix of samples. Parameters are all float32 or all float64.
    output : {"softmax", "sigmoid", "identity", "exponential"}, optional
        Activation of the output layer, if the module ends with a Linear: "softmax" for logits of classes, for example,
        which torch's CrossEntropyLoss takes. By default the module's last activation, or "identity".
    loss, huber_delta, quantile : optional
        As in `Network`, for a further training.

    Returns
    -------
    Network
        With copies of the parameters. It predicts what the module does in the mode eval; of a LogSoftmax the
        exponential, the probabilities. In float64, a Softplus with torch's own threshold, 20, is off by up to 2e-9.

    Raises
    ------
    TypeError
        If the module is no Sequential.
    ValueError
        If modules in it, their settings or their shapes are others, naming the module and its place.
    ImportError
        Without torch.

    Examples
    --------
    >>> import fastbp, torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> fastbp.from_torch(module, output="softmax")
    Network((4, 8, 3), activation='relu', output='softmax', dtype='float32')  # 67 parameters
    """
    torch = _torch("from_torch")
    if not _is_sequential(torch, module):
        raise TypeError(f"module must be a torch.nn.Sequential, got {validation.shown(module)}")
    linears, activations = _layers(torch, module)
    *hidden, (name, last) = activations
    for activation, place in hidden:
        if activation not in HIDDEN:
            raise ValueError(f"{place} must be an activation of hidden layers, got {activation}, which is for outputs")
    if name not in OUTPUT:
        raise ValueError(f"{last} must be an activation of outputs, {', '.join(OUTPUT)}, at the end, got {name}")
    if output is not None and name not in ("identity", validation.choice("output", output, OUTPUT)):
        raise ValueError(f"output must be None or {name!r} for a module that ends with it, got {output!r}")
    output = output if name == "identity" and output is not None else name
    if output == "softmax" and linears[-1].out_features == 1:
        raise ValueError("module must end with at least two outputs for output='softmax', got one")
    weights = [linear.weight.detach().cpu().numpy() for linear in linears]
    sizes = (linears[0].in_features, *(linear.out_features for linear in linears))
    names = [activation for activation, _ in hidden]
    names = names[0] if len(set(names)) == 1 else names
    loss = validation.loss_of_output(loss, output, ERROR, ERRORS_OF)
    level = validation.parameter_of_loss(loss, huber_delta, quantile)
    network = blank(sizes, names, output, weights[0].dtype, loss, level)
    for w, b, weight, linear in zip(network.W, network.B, weights, linears, strict=True):
        w[...] = weight
        if linear.bias is not None:  # else it stays 0
            b[...] = linear.bias.detach().cpu().numpy()
    return network


def _is_sequential(torch, module):
    """Whether it calls one module after the other, and nothing else."""
    return isinstance(module, torch.nn.Sequential) and type(module).forward is torch.nn.Sequential.forward


def _flattened(torch, module, place):
    """The modules of a Sequential and of those in it, each with its place."""
    for number, child in enumerate(module):
        if _is_sequential(torch, child):
            yield from _flattened(torch, child, f"{place}[{number}]")
        else:
            yield child, f"{place}[{number}]"


def _layers(torch, module):
    """The Linears, and for each the name of the activation after it with its place."""
    linears, activations = [], []
    kinds = {kind: (name, settings) for name, (kind, settings) in _modules(torch).items()}
    kinds[torch.nn.LogSoftmax] = kinds[torch.nn.Softmax]
    for child, place in _flattened(torch, module, "module"):
        if type(child) is torch.nn.Linear:
            _check_linear(child, place, linears)
            linears.append(child)
            activations.append(("identity", place))
        elif type(child) is torch.nn.Flatten:
            _check_settings(child, place, {"start_dim": 1, "end_dim": -1})
        elif type(child) in kinds:
            name, settings = kinds[type(child)]
            _check_settings(child, place, settings)
            if not linears or activations[-1][0] != "identity":
                raise ValueError(f"{place} must come after a Linear, got {child} after something else")
            activations[-1] = name, place
        elif type(child) not in (torch.nn.Identity, torch.nn.Dropout):
            possible = ", ".join(kind.__name__ for kind in (torch.nn.Linear, *kinds))
            raise ValueError(
                f"{place} must be one of {possible}, Identity, Dropout, Flatten, got {validation.shown(child)}"
            )
    if not linears:
        raise ValueError("module must have at least one Linear, got none")
    return linears, activations


def _check_linear(linear, place, before):
    dtypes = {
        str(parameter.dtype).removeprefix("torch.") for each in (*before, linear) for parameter in each.parameters()
    }
    if len(dtypes) > 1 or not dtypes <= set(DTYPES):
        raise ValueError(
            f"{place} must have parameters of {' or '.join(DTYPES)}, as all others, got {', '.join(sorted(dtypes))}"
        )
    if before and before[-1].out_features != linear.in_features:
        raise ValueError(f"{place} must take the {before[-1].out_features} outputs of the Linear before, got {linear}")


def _check_settings(child, place, settings):
    for name, wanted in settings.items():
        came, possible = getattr(child, name), repr(wanted)
        if name == "dim":
            fits, possible = came in (1, -1), "1 or -1"
        elif name == "threshold":
            fits, possible = came >= LEAST_THRESHOLD, f"at least {LEAST_THRESHOLD}"
        else:
            fits = came == wanted
        if not fits:
            raise ValueError(f"{place}, {child}, must have the {name} {possible}, got {came!r}")
