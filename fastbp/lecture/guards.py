"""What Python may hand to a function of the lecture: arguments of the shapes that its docstring gives.

A compiled loop trusts its arguments: with others it would read, or write, past the end of an array. So each function
checks them when Python calls it, and not when compiled code does. Callers in this package that have checked theirs use
`function.unchecked`.

A docstring gives shapes in one paragraph, "x (i), w (j, i), b (j) -> u (j)": names of arguments with their axes, a
letter for each size, and after the arrow what is written. "units or more" is a least size, "s units" a product,
"s?" an axis that all arrays have or none (a mini-batch, or one sample), "..." any shape, "samples (X (N, i), D (N, k))"
a tuple of arrays. What is not named is a number.
"""

import functools
import inspect
import numbers
import re

import numpy as np

from fastbp.lecture import codes
from fastbp.lecture.layout import LAYER, parameters_of, unit_count
from fastbp.validation import shown

REAL = np.dtype("float32"), np.dtype("float64")
INTEGERS = (np.dtype("int64"),)
DOUBLE = {"rates", "settings", "report"}  # in double precision whatever the dtype of the network
ROWS = {"rows", "order"}  # numbers of samples
MAY_BE_EMPTY = {"s", "n", "b", "rows", "p"}  # a unit that is not there is none of these
CODES = {
    "activate": codes.HIDDEN | codes.OUTPUT,
    "activation_derivative": codes.HIDDEN,
    "second_derivative": codes.HIDDEN,
    "delta_of_outputs": codes.OUTPUT,
    "delta_along": codes.ERROR,
    "output_error": codes.ERROR,
    "error_delta": codes.ERROR,
}
WHOLE = {"batch_size": 1, "step": 1, "first_step": 0, "start": 0, "end": 0}  # the least
MEMORIES = {codes.SGD: 0, codes.NO_STEP: 0, codes.ADAM: 2, codes.ADAMW: 2}  # rows of `moments`; of other rules 1

# ---- Shapes in docstrings --------------------------------------------------------------------------------------------


def shapes_of(function):
    """{argument: axes}, and the set of the arguments that are written; of a tuple the axes are such a dictionary."""
    paragraphs = [" ".join(text.split()) for text in (inspect.getdoc(function) or "").split("\n\n")]
    found = [text for text in paragraphs[1:] if re.fullmatch(r"(-> )?\w+ \(.*\)", text)]
    if len(found) != 1:
        raise ValueError(f"the docstring of {function.__name__} must have one paragraph of shapes, found {found}")
    read, _, written = f" {found[0]}".partition(" -> ")
    return _items(read) | _items(written), {*_items(written)}


def _items(text):
    """{name: axes} of "x (i), w (j, i)"."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    items = {}
    for part in filter(None, map(str.strip, parts)):
        name, _, inside = part.partition(" (")
        axes = inside.removesuffix(")")
        items[name] = _items(axes) if "(" in axes else [axis.strip() for axis in axes.split(",")] if inside else None
    return items


# ---- Checks ----------------------------------------------------------------------------------------------------------


def checker(function):
    """A function that raises a TypeError or a ValueError if the arguments given to it do not suit `function`."""
    name, signature = function.__name__, inspect.signature(function)
    names = [*signature.parameters]

    @functools.cache
    def expected():  # when it is first called: most are never called from Python
        return shapes_of(function)

    def check(args, kwargs):
        if kwargs or len(args) != len(names):
            try:
                args = signature.bind(*args, **kwargs).args
            except TypeError as problem:
                raise TypeError(f"{name}({', '.join(names)}): {problem}") from None
        shapes, written = expected()
        call = {"function": name, "sizes": {}, "real": None, "arrays": [], "in_c_order": "layers" in names}
        given = dict(zip(names, args, strict=True))
        if "layers" in given:
            _read_layers(call, given["layers"])
        if isinstance(given.get("batch_size"), int) and isinstance(given["order"], np.ndarray):
            call["sizes"]["batch"] = min(given["batch_size"], given["order"].size)
        arguments = [each for each in names if each != "layers"]
        for argument in sorted(arguments, key=lambda each: " units" in str(shapes.get(each))):  # s must be known first
            _check(call, argument, given[argument], shapes.get(argument), argument in written)
        _check_rows(call, given)
        _check_overlap(call)

    return check


def _read_layers(call, layers):
    """The sizes that the table of the layers gives."""
    if not isinstance(layers, np.ndarray) or layers.dtype != LAYER or layers.ndim != 1 or not layers.size:
        raise TypeError(
            f"{call['function']}: layers must be a table as Network.layers or lecture.layout.layer_table makes it, "
            f"got {shown(layers)}"
        )
    last = layers[-1]
    call["sizes"] |= {
        "i": layers["sending"].item(0), "k": last["receiving"].item(), "units": unit_count(layers),
        "p": parameters_of(layers),
    }  # fmt: skip


def _check(call, name, value, axes, written):
    if isinstance(axes, dict):
        if not isinstance(value, tuple) or len(value) != len(axes):
            raise TypeError(f"{call['function']}: {name} must be a tuple ({', '.join(axes)}), got {shown(value)}")
        for (part, inner), item in zip(axes.items(), value, strict=True):
            _check(call, part, item, inner, written)
    elif axes is None or (axes == ["s or a number"] and not isinstance(value, np.ndarray)):
        _check_number(call, name, value)
    elif axes == ["2 numbers"]:
        if not isinstance(value, tuple) or len(value) != 2:
            raise TypeError(f"{call['function']}: {name} must be a tuple of two numbers, got {shown(value)}")
        for item in value:
            _check_number(call, name, item)
    else:
        _check_array(call, name, value, axes, written)


def _check_number(call, name, value):
    if isinstance(value, np.ndarray) or not isinstance(value, numbers.Real | np.bool_):
        raise TypeError(f"{call['function']}: {name} must be a number, got {shown(value)}")
    allowed = CODES.get(call["function"]) if name == "code" else None
    if allowed and value not in allowed.values():
        known = ", ".join(f"{code} ({what})" for what, code in allowed.items())
        raise ValueError(f"{call['function']}: code must be one of {known}, got {value!r}")
    if name in WHOLE and (not isinstance(value, numbers.Integral) or value < WHOLE[name]):
        raise ValueError(
            f"{call['function']}: {name} must be a whole number, at least {WHOLE[name]}, got {shown(value)}"
        )


def _check_array(call, name, value, axes, written):
    where = call["function"]
    axes = _without_samples(call, value, [axis.removesuffix(" or a number") for axis in axes])
    kinds = INTEGERS if name in ROWS else REAL[1:] if name in DOUBLE else REAL
    if not isinstance(value, np.ndarray):
        what = f"a NumPy array of {' or '.join(map(str, kinds))} and shape {_named(axes)}"
        raise TypeError(f"{where}: {name} must be {what}, got {shown(value)}")
    if value.dtype not in kinds:
        raise TypeError(f"{where}: {name} must be an array of {' or '.join(map(str, kinds))}, got one of {value.dtype}")
    if kinds is REAL:
        call["real"] = call["real"] or (value.dtype, name)
        if value.dtype != call["real"][0]:
            other = f"{call['real'][0]} as {call['real'][1]} is"
            raise TypeError(f"{where}: {name} must be of {other}, got an array of {value.dtype}")
    _check_shape(call, name, value.shape, axes)
    if written and not value.flags.writeable:
        raise ValueError(f"{where}: {name} is written, and must not be read-only")
    if call["in_c_order"] and not value.flags.c_contiguous:
        raise ValueError(f"{where}: {name} must lie in C order: numpy.ascontiguousarray({name})")
    call["arrays"].append((name, value, axes, written))


def _without_samples(call, value, axes):
    """The axes for a mini-batch, or for one sample: what the first array is, all are."""
    if axes[0] != "s?":
        return axes
    if "one" not in call:
        call["one"] = getattr(value, "ndim", 0) == len(axes) - 1
    return axes[1:] if call["one"] else ["s", *axes[1:]]


def _check_shape(call, name, shape, axes):
    sizes, fits, before = call["sizes"], len(shape) == len(axes), {**call["sizes"]}
    if axes == ["..."]:
        fits = sizes.setdefault("...", shape) == shape
    elif fits:
        for size, axis in zip(shape, axes, strict=True):
            letter, _, more = axis.partition(" or ")
            if letter.isdigit():
                least = int(letter)
            elif " " in letter:
                least = np.prod([sizes.get(part, 1) for part in letter.split()])
            else:
                least = sizes.setdefault(letter, size)
            if size == 0 and letter in sizes and letter not in MAY_BE_EMPTY:
                fits, before[letter] = False, "1 or more"
            fits = fits and (size >= least if more else size == least)
    if not fits:
        letters = dict.fromkeys(part for axis in axes for part in axis.removesuffix(" or more").split())
        known = [f"{letter} = {before[letter]}" for letter in letters if letter in before]
        like = f" with {', '.join(known)}" if known else ""
        raise ValueError(f"{call['function']}: {name} must have shape {_named(axes)}{like}, got shape {shape}")


def _named(axes):
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"


def _check_rows(call, given):
    """What is counted in one array and lies in another."""
    where = call["function"]
    for name in ROWS & given.keys():
        rows, N = given[name], call["sizes"]["N"]
        if rows.size and not 0 <= rows.min() <= rows.max() < N:
            raise ValueError(f"{where}: {name} must be numbers of samples, 0..{N - 1}, got {rows.min()}..{rows.max()}")
    if "end" in given and not given["start"] <= given["end"] <= call["sizes"]["p"]:
        raise ValueError(
            f"{where}: start and end must be places of parameters, 0..{call['sizes']['p']}, in this order, got "
            f"{given['start']} and {given['end']}"
        )
    if "batch_size" in given:
        batches = -(-given["order"].size // given["batch_size"])
        if call["sizes"]["b"] != batches:
            what = f"a row for each of the {batches} mini-batches"
            raise ValueError(f"{where}: rates and report must have {what}, got {call['sizes']['b']}")
    settings = given.get("settings", given["steps"][2] if "steps" in given else None)
    if settings is not None:
        rule = settings[codes.RULE]
        if rule not in (*codes.RULES.values(), codes.NO_STEP):
            raise ValueError(f"{where}: settings[RULE] must be a code of lecture.codes.RULES, got {rule}")
        memories = MEMORIES.get(int(rule), 1)
        if call["sizes"].get("rows", memories) < memories:
            raise ValueError(f"{where}: moments must have {memories} rows for this rule, got {call['sizes']['rows']}")


def _check_overlap(call):
    """What is written may lie where something else does only if it is the same array, element by element."""
    for name, value, axes, written in call["arrays"]:
        for other, array, others, _ in call["arrays"] if written else ():
            if other != name and np.may_share_memory(value, array):
                same = value.ctypes.data == array.ctypes.data and value.strides == array.strides and axes == others
                if not same and np.shares_memory(value, array):
                    raise ValueError(
                        f"{call['function']}: {name} is written, and must not lie where {other} lies: "
                        "give it an array of its own"
                    )


# ---- Functions that check --------------------------------------------------------------------------------------------


def checked(function):
    """A function that checks its arguments, and then calls `function`, which it keeps as its `unchecked`."""
    check = checker(function)

    @functools.wraps(function)
    def from_python(*args, **kwargs):
        check(args, kwargs)
        return function(*args, **kwargs)

    from_python.unchecked = function
    return from_python


def check_all(namespace, of_kernels=None):
    """Have all functions of a version of the lecture check their arguments: compiled ones by `of_kernels`.

    Others are replaced in the namespace of the package; its modules call each other as before.
    """
    for name, function in [*namespace.items()]:
        if name[0] != "_" and f"{getattr(function, '__module__', '')}.".startswith(f"{namespace['__name__']}."):
            if inspect.isfunction(function):
                namespace[name] = checked(function)
            else:
                of_kernels(function, checker(function.py_func))
