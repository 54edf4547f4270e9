"""The layout of a model file: named arrays and named strings, as the safetensors format has them. NumPy alone.

    8 bytes    the length n of the header, little-endian
    n bytes    the header, JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...,
               "__metadata__": {"name": "string", ...}}, padded with spaces
    the rest   the arrays, one behind the other, little-endian, in C order

A file is read without trust: nothing in it is evaluated, and nothing is allocated before all sizes have been checked
against that of the file. The format is described at https://github.com/huggingface/safetensors, "Format".
"""

import contextlib
import hashlib
import json
import math
import os
import stat
from itertools import chain

import numpy as np

from fastbp import validation
from fastbp.atomic import replacing

DTYPES = {"F64": "<f8", "I64": "<i8", "F32": "<f4", "U32": "<u4", "U8": "<u1"}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
LONGEST_HEADER = 1_000_000
STRINGS, FORMAT, KIND, DIGEST = "__metadata__", "format", "kind", "digest"
VERSION = "fastbp 2"
KINDS = (
    "network", "checkpoint", "checkpoint of many", "classifier", "regressor", "classifier ensemble",
    "regressor ensemble", "table", "online classifier", "online regressor",
)  # fmt: skip
DIGITS = 20  # of an integer in a header
NONE = "none"
ALIGNED = 8


class ModelFileError(ValueError):
    """A file is no model file, or damaged.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.safetensors")
    ...     _ = path.write_bytes(b"no model")
    ...     try:
    ...         fastbp.load(path)
    ...     except fastbp.ModelFileError as problem:
    ...         print(str(problem).removeprefix(str(path))[:42])
    : it is no model file, or a damaged one: i
    """


# ---- Write -----------------------------------------------------------------------------------------------------------


def write(path, kind, strings, arrays):
    """A file of named strings and named arrays, in place of what `path` may be now.

    Parameters
    ----------
    path : str or path-like
    kind : str
        One of KINDS.
    strings : dict of str to str
    arrays : dict of str to ndarray
        Of the dtypes float64, float32, int64, uint32 and uint8.

    Raises
    ------
    OSError
        Naming the path; an old file is as it was.
    ValueError
        If the header becomes too long.
    """
    arrays = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    strings = {FORMAT: VERSION, KIND: kind, **strings}
    strings[DIGEST] = digest_of(strings, arrays)
    header, at = {STRINGS: strings}, 0
    arrays = dict(
        sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    )  # so that all are aligned
    for name, array in arrays.items():
        header[name] = {"dtype": NAMES[array.dtype], "shape": array.shape, "data_offsets": (at, at + array.nbytes)}
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNED)
    if len(text) > LONGEST_HEADER:
        raise ValueError(
            f"a model file has at most {LONGEST_HEADER:,} bytes of names and options, got {len(text):,}: "
            "there are too many columns, classes or layers"
        )
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(array.data.cast("B") if array.size else b"")


def number(value):
    """A float or None as a string, from which `ModelFile.number` reads the same."""
    return NONE if value is None else repr(float(value))


def digest_of(strings, arrays):
    """What changes with any name, string, shape or number."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(strings.items()):
        if name != DIGEST:
            digest.update(json.dumps([name, value]).encode())
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, NAMES[array.dtype], array.shape]).encode())
        digest.update(array.data.cast("B") if array.size else b"")
    return digest.hexdigest()


# ---- Read ------------------------------------------------------------------------------------------------------------


class ModelFile:
    """What a file holds: its `kind`, `strings` and `arrays` by their names, each of which is to be asked for once.

    Parameters
    ----------
    path : str or path-like
        A file in the layout above, written by `write` or by others.

    Raises
    ------
    OSError
        If it cannot be read.
    ModelFileError
        If it is damaged, or no such file.
    """

    def __init__(self, path):
        self.path, self.strings, self.arrays = validation.path("path", path), {}, {}
        with self.refusing():
            with open(self.path, "rb", opener=_without_waiting) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ValueError("it is no regular file")
                self._read(file)
            given = self.strings.pop(DIGEST, None)
            if given is not None and given != digest_of(self.strings, self.arrays):
                raise ValueError("its content has changed since it was written: the digest is another one")
            self._know_format()

    @contextlib.contextmanager
    def refusing(self):
        """What goes wrong with the content in this block becomes a ModelFileError that names the file."""
        try:
            yield self
        except ModelFileError:
            raise
        except RecursionError:
            raise ModelFileError(f"{self.path}: the header is nested too deeply") from None
        except MemoryError:
            raise ModelFileError(f"{self.path}: it needs more memory than there is") from None
        except (ValueError, TypeError, OverflowError) as problem:
            raise ModelFileError(f"{self.path}: {problem}") from problem

    def _read(self, file):
        size = os.fstat(file.fileno()).st_size
        if size < 8:
            raise ValueError(f"a model file has at least 8 bytes, this one has {size}")
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, LONGEST_HEADER):
            raise ValueError(
                f"it is no model file, or a damaged one: its header would have {length:,} bytes, where "
                f"{LONGEST_HEADER:,} are allowed and {size - 8:,} are there"
            )
        header = parsed(file.read(length))
        self.strings = _checked_strings(header.pop(STRINGS, {}))
        places = _checked_places(header, size - 8 - length)
        data = np.empty(size - 8 - length, np.uint8)
        if file.readinto(data) != len(data):
            raise ValueError("it became shorter while it was read")
        for name, (dtype, shape, begin, end) in places.items():
            self.arrays[name] = data[begin:end].view(dtype).reshape(shape)

    def _know_format(self):
        version = self.strings.pop(FORMAT, None)
        if version is None:
            raise ValueError("it is a safetensors file, but none of fastbp")
        if version != VERSION:
            raise ValueError(f"its format is {_short(version)}, known here is {VERSION!r}")
        self.kind = self.string(KIND, KINDS)

    def string(self, name, choices=None):
        """One of the strings, which must be among the choices if there are any."""
        if name not in self.strings:
            raise ValueError(f"it has no {name!r}")
        value = self.strings.pop(name)
        if choices is not None and value not in choices:
            raise ValueError(f"{name!r} must be one of {', '.join(map(repr, choices))}, it is {_short(value)}")
        return value

    def integer(self, name, least=0, most=2**63 - 1):
        """One of the strings, which must be a decimal number."""
        text = self.string(name)
        if not (text.isascii() and text.isdecimal() and len(text) <= 40) or not least <= int(text) <= most:
            raise ValueError(f"{name!r} must be an integer from {least} to {most}, it is {_short(text)}")
        return int(text)

    def number(self, name):
        """One of the strings, written by `number`: a float, perhaps not finite, or None."""
        text = self.string(name)
        try:
            return None if text == NONE else float(text)
        except ValueError:
            raise ValueError(f"{name!r} must be a number, it is {_short(text)}") from None

    def array(self, name, dtype=None, shape=None):
        """One of the arrays, which must have that dtype and that shape, where None fits any number."""
        if name not in self.arrays:
            raise ValueError(f"it has no array {name!r}")
        array = self.arrays.pop(name)
        if dtype is not None and array.dtype != np.dtype(dtype):
            raise ValueError(f"array {name!r} must have dtype {np.dtype(dtype)}, it has {array.dtype}")
        if shape is not None:
            fits = len(shape) == array.ndim and all(a in (None, b) for a, b in zip(shape, array.shape, strict=True))
            if not fits:
                raise ValueError(f"array {name!r} must have shape {_shown_shape(shape)}, it has {array.shape}")
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def done(self):
        """All must have been asked for: what nobody reads was not written by us."""
        left = [*self.strings, *self.arrays]
        if left:
            raise ValueError(f"it has {_short(left[0])}, which does not belong there")


def _without_waiting(path, flags):
    """Opens a file; a pipe too, for which somebody would have to write into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parsed(text):
    """The JSON object in some bytes, without floats, duplicate keys or what JSON does not have."""
    try:
        value = json.loads(
            text.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_int=_short_integer,
            parse_float=_no_number, parse_constant=_no_number,
        )  # fmt: skip
    except UnicodeDecodeError as problem:
        raise ValueError(f"the header must be UTF-8, byte {problem.start} is not") from None
    except json.JSONDecodeError as problem:
        raise ValueError(f"the header must be JSON: {problem.msg} at character {problem.pos}") from None
    if not isinstance(value, dict) or not text.startswith(b"{"):
        raise ValueError("the header must be a JSON object")
    return value


def _without_duplicates(pairs):
    found = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the header has {_short(name)} twice")
        found[name] = value
    return found


def _short_integer(digits):
    if len(digits) > DIGITS:
        raise ValueError(f"the header has an integer of {len(digits)} digits")
    return int(digits)


def _no_number(text):
    raise ValueError(f"the header must have no numbers but integers, it has {_short(text)}")


def _checked_strings(strings):
    if not isinstance(strings, dict):
        raise ValueError(f"{STRINGS} must be an object of strings")
    for name, value in strings.items():
        if not isinstance(value, str):
            raise ValueError(f"{STRINGS} must hold strings, {_short(name)} is none")
        if any("\ud800" <= letter <= "\udfff" for letter in chain(name, value)):
            raise ValueError(f"{STRINGS} must hold text, {_short(name)} has half a character")
    return strings


def _checked_places(header, size):
    """{name: (dtype, shape, begin, end)}: the arrays must follow each other without gaps and fill the file."""
    places = {}
    for name, entry in header.items():
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"array {_short(name)} must have dtype, shape and data_offsets, and nothing else")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise ValueError(f"array {_short(name)} must have a dtype of {', '.join(DTYPES)}, it has {_short(dtype)}")
        if not _are_sizes(shape) or len(shape) > 8:
            raise ValueError(f"array {_short(name)} must have a shape of at most 8 integers, it has {_short(shape)}")
        if not _are_sizes(offsets) or len(offsets) != 2:
            raise ValueError(f"array {_short(name)} must have two data_offsets, it has {_short(offsets)}")
        bytes_of_shape = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
        if offsets[1] - offsets[0] != bytes_of_shape:
            raise ValueError(f"array {_short(name)} must have {bytes_of_shape} bytes, as its shape says")
        places[name] = DTYPES[dtype], tuple(shape), *offsets
    at = 0
    for name, (_, _, begin, end) in sorted(places.items(), key=lambda item: item[1][2:]):
        if begin != at:
            raise ValueError(f"array {_short(name)} must begin at byte {at} of the data, it begins at {begin}")
        at = end
    if at != size:
        raise ValueError(f"the arrays must fill the {size} bytes after the header, they take {at}")
    return places


def _are_sizes(value):
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _shown_shape(shape):
    return "(" + ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
