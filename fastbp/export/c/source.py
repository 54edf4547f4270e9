"""Parts of C99 files: constants, activations and the function of a network. The formulas are the lecture's loops."""

import re
import textwrap

import numpy as np

from fastbp import validation

WIDTH = 120
KEYWORDS = """auto break case char const continue default do double else enum extern float for goto if inline int long
register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
main alignas alignof and asm bitand bitor bool catch class compl concept constexpr decltype delete explicit
export false friend module mutable namespace new noexcept not nullptr operator or private protected public
requires template this throw true try typeid typename using virtual xor"""
FORMULAS = {
    "identity": "y_j = u_j",
    "relu": "y_j = u_j if u_j >= 0 else 0",
    "leaky_relu": "y_j = u_j if u_j >= 0 else 0.01 u_j",
    "elu": "y_j = u_j if u_j >= 0 else exp(u_j) - 1",
    "selu": "y_j = lambda u_j if u_j >= 0 else lambda alpha (exp(u_j) - 1)",
    "softplus": "y_j = ln(1 + exp(u_j))",
    "silu": "y_j = u_j / (1 + exp(-u_j))",
    "gelu": "y_j = 1/2 u_j (1 + tanh(sqrt(2 / pi) (u_j + 0.044715 u_j^3)))",
    "mish": "y_j = u_j tanh(ln(1 + exp(u_j)))",
    "tanh": "y_j = tanh(u_j)",
    "sigmoid": "y_j = 1 / (1 + exp(-u_j))",
    "exponential": "y_j = exp(u_j)",
    "softmax": "y_k = exp(u_k) / sum_r exp(u_r)",
}
# Activations of one number; T is the type, F the suffix of its constants and functions. Those without one have no line.
FUNCTIONS = {
    "relu": "return u < 0 ? 0 : u;",
    "leaky_relu": "return u < 0 ? 0.01F * u : u;",
    "elu": "return u < 0 ? expm1F(u) : u;",
    "selu": "return u < 0 ? 1.7580993408473769F * expm1F(u) : 1.0507009873554805F * u;",
    "softplus": """\
/* max(u, 0) + ln(1 + exp(-|u|)): that exponential is at most 1 */
return (u > 0 ? u : 0) + log1pF(expF(-fabsF(u)));""",
    "silu": """\
T e = expF(-fabsF(u)); /* at most 1; for u < 0 the fraction is expanded by exp(u) */
return u * ((u >= 0 ? 1 : e) / (1 + e));""",
    "gelu": """\
T v = u < -10 ? -10 : u > 10 ? 10 : u; /* beyond, the tanh is 1 to the last bit, and the cube could overflow */
return u * (0.5F * (1 + tanhF(0.7978845608028654F * v * (1 + 0.044715F * v * v))));""",
    "mish": """\
T e = expF(u < 22 ? u : 22); /* beyond, the fraction is 1 to the last bit, and n could overflow */
T n = e * (e + 2);
return u * (n / (n + 2)); /* with e = exp(u) that is the tanh */""",
    "tanh": "return tanhF(u);",
    "sigmoid": """\
T e = expF(-fabsF(u)); /* at most 1; for u < 0 the fraction is expanded by exp(u) */
return (u >= 0 ? 1 : e) / (1 + e);""",
    "exponential": "return expF(u);",
}
# Their derivatives, of u and y; that of a kink is that of u >= 0.
SLOPES = {
    "relu": "return u < 0 ? 0 : 1;",
    "leaky_relu": "return u < 0 ? 0.01F : 1;",
    "elu": "return u < 0 ? y + 1 : 1;",
    "selu": "return u < 0 ? y + 1.7580993408473769F : 1.0507009873554805F;",
    "softplus": "return -expm1F(-y);",
    "silu": """\
T e = expF(-fabsF(u)), g = (u >= 0 ? 1 : e) / (1 + e), rest = (u >= 0 ? e : 1) / (1 + e);
return g + y * rest;""",
    "gelu": """\
T v = u < -10 ? -10 : u > 10 ? 10 : u;
T t = tanhF(0.7978845608028654F * v * (1 + 0.044715F * v * v));
return 0.5F * (1 + t) + 0.5F * v * ((1 - t) * (1 + t)) * (0.7978845608028654F * (1 + 0.134145F * v * v));""",
    "mish": """\
T e = expF(u < 22 ? u : 22), n = e * (e + 2);
return n / (n + 2) + (u < 22 ? u : 22) * (4 * (n + 1) / ((n + 2) * (n + 2))) * (e / (1 + e));""",
    "tanh": "return (1 - y) * (1 + y);",
    "sigmoid": "return y * (1 - y);",
}
UNUSED = {"relu": "y", "leaky_relu": "y", "softplus": "u", "gelu": "y", "mish": "y", "tanh": "u", "sigmoid": "u"}
OUTPUT_DELTAS = {  # delta_r = dy_k/du_r of the output activations
    "identity": "r == k", "sigmoid": "r == k ? y[k] * (1 - y[k]) : 0", "exponential": "r == k ? y[k] : 0",
    "softmax": "y[r] * ((r == k) - y[k])",
}  # fmt: skip
SOFTMAX = """\
/* y_k = exp(u_k) / sum_r exp(u_r), reduced by exp(max u): no exponential exceeds 1 */
T top = y[0], sum = 0;
for (int k = 1; k < UNITS; k++)
    top = y[k] > top ? y[k] : top;
for (int k = 0; k < UNITS; k++) {
    y[k] = y[k] < top - 1000 ? 0 : expF(y[k] - top); /* as 0, where the difference could overflow */
    sum += y[k];
}
for (int k = 0; k < UNITS; k++)
    y[k] /= sum;"""


def c_type(network):
    """The type of its numbers in C."""
    return "float" if network.dtype == np.float32 else "double"


def c_name(name):
    """A name for which no C or C++ compiler has another use."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a name in C, got {validation.shown(name)}")
    if not re.fullmatch("[a-zA-Z][a-zA-Z0-9_]*", name, re.ASCII) or name in KEYWORDS.split():
        raise ValueError(
            f"name must be a name in C, letters, digits and _, and no keyword, got {validation.shown(name)}"
        )
    return name


def opening(network, meaning, name, inputs=None, types=None, jacobian=False):
    """The text before the constants: a comment, the lengths, the prototype of the function.

    Parameters
    ----------
    network : Network
    meaning : list of str
        Paragraphs for the comment: what x and y are.
    name : str
    inputs, types : int and (str, str), optional
        Length of x, and the types of x and y, where they are not those of the network.
    jacobian : bool
        Whether there is the function for that, too.
    """
    real, inputs = c_type(network), network.sizes[0] if inputs is None else inputs
    x_type, y_type = types or (real, real)
    prototype = f"void {name}(const {x_type} *x, {y_type} *y)"
    hidden, prototypes = sum(network.sizes[1:-1]) * network.dtype.itemsize, f"{prototype};"
    if jacobian:
        second = f"void {name}_and_jacobian(const {x_type} *x, {y_type} *y, {y_type} *J)"
        stack = (3 * sum(network.sizes[1:-1]) + network.sizes[-1]) * network.dtype.itemsize
        prototypes += f"\n{second};"
        meaning = [
            *meaning,
            f"{second} also writes dy_k/dx_i to J[k * {inputs} + i], and takes {stack} bytes of the stack.",
        ]
    about = f"A multilayer perceptron of {'-'.join(map(str, network.sizes))} units in {real}, written by fastbp."
    use = (
        f"{prototype} reads {inputs} inputs x and writes {network.sizes[-1]} outputs y, "
        f"which must not overlap. It allocates nothing, takes {hidden} bytes of the stack for its hidden layers, and "
        "may be called by many threads at once. Compile it as C99 or C++17, and link the library of <math.h> (-lm)."
    )
    return f"""{comment([about, use, *meaning])}
#include <math.h>

#ifdef __cplusplus
extern "C" {{
#endif

enum {{ {name.upper()}_INPUTS = {inputs}, {name.upper()}_OUTPUTS = {network.sizes[-1]} }};

{prototypes}

"""


CLOSING = """
#ifdef __cplusplus
}
#endif
"""


def comment(paragraphs):
    """Paragraphs as a comment, in lines of at most WIDTH characters. What labels hold can neither end nor begin one."""
    text = [part.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?") for part in paragraphs]
    wrapped = [textwrap.fill(part, WIDTH - 3, initial_indent="   ", subsequent_indent="   ") for part in text]
    return f"/*{chr(10).join(wrapped)[2:]} */"


def array_text(declaration, array):
    """The definition of a constant vector or matrix, exact, in lines of at most WIDTH characters."""
    suffix = "f" if array.dtype == np.float32 else ""
    rows = [[_literal(value, suffix) for value in row] for row in np.atleast_2d(array).tolist()]
    a_line = (WIDTH - 5) // (max(len(text) for row in rows for text in row) + 2)
    opens, closes = ("{", "}") if array.ndim == 2 else ("", "")
    texts = []
    for row in rows:
        lines = [", ".join(row[start : start + a_line]) for start in range(0, len(row), a_line)]
        texts.append(f"    {opens}{(',' + chr(10) + '     ').join(lines)}{closes}")
    sizes = "".join(f"[{size}]" for size in array.shape)
    return f"static const {declaration}{sizes} = {{\n{(',' + chr(10)).join(texts)}\n}};\n"


def _literal(value, suffix):
    """0x1.8p+1f: C's and Python's way to write a float without rounding it."""
    mantissa, exponent = value.hex().split("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{exponent}{suffix}"


def network_text(network, name, jacobian=False):
    """Constants and functions of a network, at last `static void name(const T *x, T *y)`.

    Parameters
    ----------
    network : Network
    name : str
        With which all names begin that are defined here.
    jacobian : bool
        Whether `static void name_and_jacobian(const T *x, T *y, T *J)` follows.

    Raises
    ------
    ValueError
        If parameters are not finite.
    """
    if not np.isfinite(network.theta).all():
        raise ValueError("model must have finite parameters, got NaN or infinity")
    real, activations, texts = c_type(network), network.activations, []
    for activation in sorted(set(activations) & FUNCTIONS.keys()):
        body = textwrap.indent(FUNCTIONS[activation], "    ")
        texts.append(f"/* {FORMULAS[activation]} */\nstatic T {name}_{activation}(T u)\n{{\n{body}\n}}\n")
    for activation in sorted(set(activations[:-1]) & SLOPES.keys()) if jacobian else ():
        unused = f"(void){UNUSED[activation]};\n" if activation in UNUSED else ""
        body = textwrap.indent(unused + SLOPES[activation], "    ")
        texts.append(f"/* h'(u_j) */\nstatic T {name}_{activation}_slope(T u, T y)\n{{\n{body}\n}}\n")
    texts = [_typed(text, real) for text in texts]
    for layer, (w, b) in enumerate(zip(network.W, network.B, strict=True)):
        texts.append(array_text(f"{real} {name}_w{layer}", w) + array_text(f"{real} {name}_b{layer}", b))
    for second in (False, True)[: 1 + jacobian]:
        texts.append(_typed(_function(network, name, second), real))
    return "\n".join(texts) + "\n"


def networks_text(networks, name):
    """The same for the mean outputs of several networks, which is taken in double."""
    if len(networks) == 1:
        return network_text(networks[0], name)
    real, units = c_type(networks[0]), networks[0].sizes[-1]
    names = [f"{name}{number}" for number in range(len(networks))]
    texts = [network_text(*each) for each in zip(networks, names, strict=True)]
    lines = [f"T z[{units}];", f"double sum[{units}] = {{0}};"]
    for each in names:
        lines += [f"{each}(x, z);", f"for (int k = 0; k < {units}; k++)", "    sum[k] += z[k];"]
    lines += [f"for (int k = 0; k < {units}; k++)", f"    y[k] = (T)(sum[k] / {len(networks)});"]
    body = textwrap.indent("\n".join(lines), "    ")
    mean = _typed(f"static void {name}(const T *x, T *y)\n{{\n{body}\n}}\n", real)
    return "\n".join([*texts, mean]) + "\n"


def _typed(text, real):
    """Text for T and F."""
    return re.sub(r"\bT\b", real, re.sub(r"(?<=[a-z0-9])F\b", "f" if real == "float" else "", text))


def _function(network, name, jacobian=False):
    """The function of a network, layer after layer; the one with the Jacobian goes back down for each output."""
    lines, activations, last = [], network.activations, len(network.W) - 1
    for layer in range(last):
        units = network.sizes[layer + 1]
        lines.append(f"T y{layer}[{units}];" + f" T slope{layer}[{units}], delta{layer}[{units}];" * jacobian)
    if jacobian:
        lines.append(f"T delta{last}[{network.sizes[-1]}];")
    for layer, activation in enumerate(activations):
        sending, receiving = network.sizes[layer : layer + 2]
        x, y = f"y{layer - 1}" if layer else "x", "y" if layer == last else f"y{layer}"
        softmax = activation == "softmax"
        formula = "" if softmax else f"; {FORMULAS[activation]}"
        result = f"{name}_{activation}(u)" if activation in FUNCTIONS else "u"
        lines += f"""
/* u_j = sum_i w_ji x_i + b_j{formula} */
for (int j = 0; j < {receiving}; j++) {{
    T u = {name}_b{layer}[j];
    for (int i = 0; i < {sending}; i++)
        u += {name}_w{layer}[j][i] * {x}[i];
    {y}[j] = {result};{_slope(name, activation, layer) if jacobian and layer < last else ""}
}}""".splitlines()
        if softmax:
            lines += ["", *SOFTMAX.replace("UNITS", str(receiving)).splitlines()]
    if jacobian:
        lines += ["", *_way_back(network, name)]
    body = textwrap.indent("\n".join(lines).lstrip("\n"), "    ")
    arguments = "_and_jacobian(const T *x, T *y, T *J)" if jacobian else "(const T *x, T *y)"
    return f"static void {name}{arguments}\n{{\n{body}\n}}\n"


def _slope(name, activation, layer):
    """The line that keeps h'(u_j) for the way back."""
    value = f"{name}_{activation}_slope(u, y{layer}[j])" if activation in SLOPES else "1"
    return f"\n    slope{layer}[j] = {value};"


def _way_back(network, name):
    """dy_k/dx_i = sum_j delta_j w_ji: STEP 1.5 and 2 down to the inputs, for each output."""
    sizes, last = network.sizes, len(network.W) - 1
    lines = [
        f"for (int k = 0; k < {sizes[-1]}; k++) {{",
        "    /* delta_r = dy_k/du_r, then dE/dy_j = sum_r delta_r w_rj and delta_j = dE/dy_j h'(u_j), E being y_k */",
        f"    for (int r = 0; r < {sizes[-1]}; r++)",
        f"        delta{last}[r] = {OUTPUT_DELTAS[network.output]};",
    ]
    for layer in range(last, -1, -1):
        to = f"delta{layer - 1}[j]" if layer else f"J[k * {sizes[0]} + j]"
        lines += [
            f"    for (int j = 0; j < {sizes[layer]}; j++) {{",
            "        T dy = 0;",
            f"        for (int r = 0; r < {sizes[layer + 1]}; r++)",
            f"            dy += delta{layer}[r] * {name}_w{layer}[r][j];",
            f"        {to} = dy{f' * slope{layer - 1}[j]' if layer else ''};",
            "    }",
        ]
    return [*lines, "}"]
