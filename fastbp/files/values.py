"""Options and labels as strings and arrays of a model file: closed lists of names, and nothing that is evaluated."""

import dataclasses
import itertools
import json
import math

import numpy as np

from fastbp import rules, second_order
from fastbp.schedules import Constant, CosineDecay, InverseScaling, LogCosine, OneCycle, StepDecay, WarmUp

RULES = rules.RULES | second_order.RULES
SCHEDULES = {
    "constant": Constant, "step decay": StepDecay, "cosine decay": CosineDecay, "inverse scaling": InverseScaling,
    "one cycle": OneCycle, "warm-up": WarmUp, "log cosine": LogCosine,
}  # fmt: skip
LABELS = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"
)  # fmt: skip
TEXT, TEXT_OBJECTS = "text", "text objects"  # arrays of NumPy's strings, or of Python's
ROOM = 1 << 20  # bytes that NumPy's strings may take, each of which is as long as the longest


class CannotBeStored(TypeError):
    """A value that a file without code cannot hold."""


def encoded(value):
    """A number, a name, None, an update rule, a schedule, or a sequence or dict of such, as a string."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value):
    if isinstance(value, type | np.dtype) and value in (float, np.float32, np.float64):
        return np.dtype(value).name
    if isinstance(value, np.generic):
        value = value.tolist()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": repr(value)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple | range) or hasattr(value, "tolist"):  # an array, or a column of a data frame
        return {"tuple": [_plain(item) for item in value]}
    if isinstance(value, dict):
        return {"pairs": [[_plain(key), _plain(item)] for key, item in value.items()]}
    for what, kinds in (("rule", RULES), ("schedule", SCHEDULES)):
        for name, kind in kinds.items():
            if type(value) is kind:
                fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(kind)}
                return {what: name, **fields}
    raise CannotBeStored(f"{value!r} is of a kind that a file without code cannot hold")


def decoded(text):
    """The other way round; arrays come back as tuples. What `encoded` never makes is a ValueError or TypeError."""
    return _value(json.loads(text, parse_constant=_refused))


def value_of(file, name):
    """What `encoded` has put into a string of a `ModelFile`."""
    try:
        return decoded(file.string(name))
    except (ValueError, TypeError) as problem:
        raise ValueError(f"{name!r} is no value: {problem}") from None


def _refused(text):
    raise ValueError(f"{text} is no number of JSON")


def _value(plain):
    if isinstance(plain, list):
        return [_value(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if plain.keys() == {"tuple"}:
        return tuple(_value(item) for item in plain["tuple"])
    if plain.keys() == {"number"} and plain["number"] in ("inf", "-inf", "nan"):
        return float(plain["number"])
    if plain.keys() == {"pairs"}:
        return dict(_value(plain["pairs"]))
    for what, kinds in (("rule", RULES), ("schedule", SCHEDULES)):
        name = plain.get(what)
        if isinstance(name, str) and name in kinds:
            return kinds[name](**{field: _value(item) for field, item in plain.items() if field != what})
    raise ValueError(f"{str(plain)[:60]} is no known value")


# ---- Texts and labels ------------------------------------------------------------------------------------------------


def texts_record(name, texts):
    """Arrays that hold any number of texts."""
    try:
        parts = [text.encode() for text in texts]
    except UnicodeEncodeError as problem:
        raise CannotBeStored(f"{name} hold half a character, {problem.object!r}, which a file cannot") from None
    return {
        f"{name}.text": np.frombuffer(b"".join(parts), np.uint8),
        f"{name}.ends": np.cumsum([len(part) for part in parts], dtype=np.int64),
    }


def texts_of(file, name, count=None):
    """The texts that `texts_record` has put into a `ModelFile`, a list."""
    ends = file.array(f"{name}.ends", np.int64, (count,))
    text = file.array(f"{name}.text", np.uint8, (None,)).tobytes()
    if (np.diff(ends, prepend=0) < 0).any() or (ends[-1] if len(ends) else 0) != len(text):
        raise ValueError(f"the texts of {name!r} must follow each other and fill their array")
    starts = itertools.chain([0], ends)
    return [text[start:end].decode() for start, end in zip(starts, ends, strict=False)]


def labels_record(name, labels):
    """The string and the arrays that hold an array of numbers or texts."""
    if labels.dtype.name in LABELS:
        kept = np.float64 if labels.dtype.kind == "f" else np.int64
        return {name: labels.dtype.name}, {name: labels.astype(kept)}
    if labels.dtype.kind == "U" or (labels.dtype == object and all(type(label) is str for label in labels)):
        kind = TEXT if labels.dtype.kind == "U" and labels.nbytes <= ROOM else TEXT_OBJECTS
        return {name: kind}, texts_record(name, labels.tolist())
    raise CannotBeStored(f"{name} of dtype {labels.dtype} are neither texts nor numbers that a file can hold")


def labels_of(file, name):
    """The labels that `labels_record` has put into a `ModelFile`."""
    kind = file.string(name, (*LABELS, TEXT, TEXT_OBJECTS))
    if kind in (TEXT, TEXT_OBJECTS):
        texts = texts_of(file, name)
        if kind == TEXT and 4 * len(texts) * max(map(len, texts), default=0) > ROOM:
            raise ValueError(f"{name!r} must be text objects, they are too long for arrays")
        return np.array(texts, object if kind == TEXT_OBJECTS else str)
    kept = file.array(name, np.float64 if kind.startswith("float") else np.int64, (None,))
    with np.errstate(all="ignore"):
        return kept.astype(kind)
