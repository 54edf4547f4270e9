"""Compiled kernels on disk.

Numba's own cache looks at the file of the kernel alone, so a kernel that calls a changed helper in another file replays
the old one; it fails at import where no folder can be written; and it trusts what it reads. Here an entry is

- *keyed by content*: every source file that holds compiled code, as it was when this module was imported; the kernel
  in memory with all that it refers to (`_meaning`), so that a helper that was edited, reloaded or patched since cannot
  pass for what stands in the files; its argument types, the processor, Numba's settings, all versions. Nothing has to
  be invalidated: whatever changes makes another key;
- *one file*, written under another name and renamed, so processes that compile at once cannot disturb each other;
- *checked*: the file begins with the SHA-256 of the rest, and one that does not fit is compiled anew.

Entries lie in `$NUMBA_CACHE_DIR/fastbp-kernels`, or else in the user's cache folder. They are pickles, so the folder
must belong to the user and be writable by nobody else. Where there is no such folder kernels compile anew in each
process, after one warning.
"""

import contextlib
import functools
import hashlib
import inspect
import os
import pickle
import re
import sys
import tempfile
from pathlib import Path

import llvmlite
import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from fastbp import caller

PACKAGE = Path(__file__).parent.parent
# The only places in the package that may hold compiled code.
COMPILED = ("compiler", "lecture/codes.py", "lecture/differences.py", "lecture/loops", "engine")
SETTINGS = ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT", "ENABLE_AVX")
GENERATIONS = 8  # cache folders kept; each edit of a compiled file starts a new one of about 2 MB


class KernelCache(NullCache):
    """The compiled forms of one kernel on disk: what Numba's dispatcher asks before it compiles, and tells after."""

    def __init__(self, function):
        self._function = function

    @property
    def cache_path(self):
        return str(cache_folder() or "")

    def load_overload(self, signature, target_context):
        """The kernel compiled for these argument types, or None where there is no sound entry."""
        target_context.refresh()
        file = self._file(signature, target_context.codegen())
        try:
            content = file.read_bytes() if file else b""
            if hashlib.sha256(content[32:]).digest() == content[:32]:
                return CompileResult._rebuild(target_context, *pickle.loads(content[32:]))
        except Exception:  # an entry can be damaged in any way; compiling anew mends each of them
            pass
        return None

    def save_overload(self, signature, compiled):
        """Write the kernel where the next process finds it. Whatever hinders that, a full disk say, costs the entry."""
        file = self._file(signature, compiled.codegen)
        if file is None or compiled.lifted or compiled.library.has_dynamic_globals:
            return
        with contextlib.suppress(Exception):
            body = dumps(compiled._reduce())
            handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".writing-")
            try:
                with open(handle, "wb") as out:
                    out.write(hashlib.sha256(body).digest() + body)
                os.replace(temporary, file)
            except BaseException:
                os.unlink(temporary)
                raise

    def _file(self, signature, codegen):
        try:
            meaning = _meaning(self._function)
        except Foreign:
            return None
        settings = [getattr(numba.config, name, None) for name in SETTINGS]
        key = hashlib.sha256(repr((meaning, signature, codegen.magic_tuple(), settings)).encode()).hexdigest()
        folder = cache_folder()
        return folder and folder / f"{self._function.__name__}-{key[:32]}.kernel"


class Foreign(Exception):
    """A kernel refers to something whose content cannot be told."""


def _meaning(thing, known=None):
    """What a kernel computes, as text: its code, and the same of every function and constant that it refers to.

    `known` holds the digests of the functions met on the way: a tree of calls has few of them and many paths.
    """
    known = {} if known is None else known
    function = getattr(thing, "py_func", getattr(thing, "_defn", thing))  # of a kernel, of an intrinsic
    if inspect.isfunction(function):
        if function.__module__.partition(".")[0] in ("numba", "numpy", "llvmlite"):  # their versions are in the key
            return f"{function.__module__}.{function.__qualname__}"
        if function.__closure__ or PACKAGE not in Path(function.__code__.co_filename).parents:
            raise Foreign(function)
        if function not in known:
            known[function] = function.__qualname__  # for those that call themselves
            known[function] = hashlib.sha256(_meaning_of_code(function, known).encode()).hexdigest()
        return known[function]
    if isinstance(thing, types.ExternalFunction):
        return f"{thing.symbol} {thing.sig}"
    if inspect.ismodule(thing):
        return thing.__name__
    if isinstance(thing, tuple):
        return repr((type(thing).__name__, [_meaning(item, known) for item in thing]))
    if isinstance(thing, int | float | str | np.number | np.ufunc | ir.Type) or inspect.isclass(thing):
        return repr(thing)
    raise Foreign(thing)


def _meaning_of_code(function, known):
    codes, names = [function.__code__], []
    for code in codes:  # of the function and of those defined in it
        codes += [constant for constant in code.co_consts if inspect.iscode(constant)]
        names += code.co_names
    own = [(c.co_code, [k for k in c.co_consts if not inspect.iscode(k)], c.co_names, c.co_varnames) for c in codes]
    referred = [(n, _meaning(function.__globals__[n], known)) for n in names if n in function.__globals__]
    return repr((function.__module__, function.__qualname__, function.__defaults__, own, referred))


def content_key():
    """One name for the content of all compiled files and the versions of what compiles them."""
    versions = sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__
    digest = hashlib.sha256(repr(versions).encode())
    for place in COMPILED:
        for file in sorted((PACKAGE / place).rglob("*.py")) or [PACKAGE / place]:
            if file.is_file():
                digest.update(str(file.relative_to(PACKAGE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


CONTENT_KEY = content_key()  # now: the files as they are imported, not as they are when a kernel is first called


def cache_folder():
    """The folder of this process's entries, made if need be; None, after one warning, where that cannot be."""
    folder, problem = _usable_folder()
    if problem and not _WARNED:
        _WARNED.append(problem)  # first, for those who turn warnings into errors
        caller.warn(problem)
    return folder


_WARNED = []


@functools.cache
def _usable_folder():
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(chosen).absolute() if chosen else Path(AppDirs("fastbp", appauthor=False).user_cache_dir)
    root = root / "fastbp-kernels"
    folder = root / CONTENT_KEY
    try:
        if not root.is_absolute():
            raise FileNotFoundError("there is no home folder")
        new = not folder.exists()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _check_private(root)
        _check_private(folder)
        tempfile.TemporaryFile(dir=folder).close()
        os.utime(folder)
    except OSError as problem:
        return None, (
            f"fastbp compiles anew in each process, because its cache folder {str(folder)!r} cannot be used "
            f"({problem}). Set NUMBA_CACHE_DIR to a folder of your own to keep compiled code."
        )
    if new:
        _forget_old_generations(root)
    return folder, None


def _check_private(folder):
    status = folder.stat()
    if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError(f"{str(folder)!r} must belong to you and be writable by nobody else")


def _forget_old_generations(root):
    """Remove the entries of the oldest folders: only folders with names like ours, and in them only files like ours."""
    with contextlib.suppress(OSError):
        folders = [folder for folder in root.iterdir() if re.fullmatch("[0-9a-f]{16}", folder.name)]
        folders.sort(key=lambda folder: folder.stat().st_mtime)
        for folder in folders[:-GENERATIONS]:
            with contextlib.suppress(OSError):
                for file in (*folder.glob("*.kernel"), *folder.glob(".writing-*")):
                    file.unlink()
                folder.rmdir()
