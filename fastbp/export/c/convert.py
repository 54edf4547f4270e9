"""`to_c`: a model as one file of C99 that needs <math.h> alone. Its parts: source.py."""

from fastbp import validation
from fastbp.atomic import replacing
from fastbp.export.c.source import CLOSING, c_name, c_type, network_text, opening
from fastbp.export.c.tables import table_text
from fastbp.export.networks import network_of
from fastbp.tables.model import TableModel

LONGEST_LABEL = 60


def to_c(model, path, name="predict", *, jacobian=False):
    """Write a network as a file of C99 whose one function predicts: whole, or not at all.

    The file has the parameters as exact constants and needs nothing but <math.h>. The function allocates nothing and
    changes no variable but y, so many threads may call it at once; the values of hidden layers lie on the stack. A C++
    compiler takes the file, too (C++17, for the constants).

    Parameters
    ----------
    model : Network, MLPClassifier, MLPRegressor or TableModel
        An estimator must be fitted; its network is written, and in a comment what the outputs mean. The function of a
        TableModel reads a double for each column: a number, or which text it is; the comment lists them.
    path : str or path-like
        Usually ends in ".c".
    name : str
        Of the function, `void predict(const float *x, float *y)`, with double for float64; all other names in the file
        begin with it, and PREDICT_INPUTS and PREDICT_OUTPUTS are the lengths of x and y. Files with different names
        can be parts of one program.
    jacobian : bool
        Write a second function, too, `void predict_and_jacobian(const float *x, float *y, float *J)`: J[k * inputs + i]
        is dy_k/dx_i, for control and sensitivities. For networks and estimators.

    Raises
    ------
    NotFittedError
    TypeError
        If the model is no such model.
    ValueError
        If parameters are not finite, the name is no name in C, or a TableModel is to have a Jacobian.
    OSError
        Naming the path, if it cannot be written; what was there before is still there.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "xor.c")
    ...     fastbp.to_c(fastbp.Network((2, 3, 1), output="sigmoid"), path, name="xor_of")
    ...     print(next(line for line in path.read_text().splitlines() if line.startswith("void")))
    void xor_of(const float *x, float *y);
    """
    c_name(name)
    jacobian = validation.flag("jacobian", jacobian)
    if isinstance(model, TableModel):
        if jacobian:
            raise ValueError("jacobian must be False for a TableModel, whose inputs are columns: export its network")
        text = table_text(model, name)
    else:
        network = network_of(model)
        real = c_type(network)
        text = opening(network, _meaning(network, model), name, jacobian=jacobian)
        text += network_text(network, f"{name}_network", jacobian)
        text += f"void {name}(const {real} *x, {real} *y)\n{{\n    {name}_network(x, y);\n}}\n"
        if jacobian:
            arguments, call = f"const {real} *x, {real} *y, {real} *J", f"{name}_network_and_jacobian(x, y, J);"
            text += f"\nvoid {name}_and_jacobian({arguments})\n{{\n    {call}\n}}\n"
        text += CLOSING
    with replacing(path) as file:
        file.write(text.encode("ascii"))


# ---- What the outputs are --------------------------------------------------------------------------------------------


def _meaning(network, model):
    """Paragraphs for the comment."""
    paragraphs = []
    if hasattr(model, "feature_names_in_"):
        paragraphs.append(f"x: {_listed(model.feature_names_in_)}.")
    if model is network:
        paragraphs.append(f"y: outputs by {network.output}.")
    elif not hasattr(model, "classes_"):
        paragraphs.append("y: what predict returns.")
    elif len(model.classes_) == 1:
        paragraphs.append(f"y: of no use, for the model knows one class alone: {_listed(model.classes_)}.")
    elif network.sizes[-1] == 1:
        paragraphs.append(f"y[0]: the probability of the second of the classes {_listed(model.classes_)}.")
    elif network.output == "sigmoid":
        paragraphs.append("y: the probabilities of the labels, one by one.")
    else:
        paragraphs.append(f"y: the probabilities of the classes {_listed(model.classes_)}.")
    return paragraphs


def _listed(labels):
    texts = [ascii(label) for label in labels.tolist()]
    return ", ".join(text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 3]}..." for text in texts)
