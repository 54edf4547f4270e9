"""The one decorator, `jit`, and the cache behind it.

Numba's own cache looks at the file of the kernel alone, so a kernel that calls a changed helper in another file replays
the old one; it fails at import where no folder can be written; and it trusts what it reads. Here an entry is

- *keyed by content*: every source file that holds compiled code, the kernel's own file and bytecode, its argument
  types, the processor, the NUMBA_* settings and the versions of Python, Numba and llvmlite. An edit of any of these
  makes new keys, so nothing has to be invalidated;
- *one file*, written under another name and renamed, so processes that compile at once cannot disturb each other;
- *checked*: the file begins with the SHA-256 of the rest, and one that does not fit is compiled anew.

Entries lie in `$NUMBA_CACHE_DIR/fastbp`, or else in the user's cache folder. They are pickles, so the folder must
belong to the user and be writable by nobody else. Where there is no such folder kernels compile anew in each process,
after one warning.
"""

import contextlib
import functools
import hashlib
import inspect
import os
import pickle
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import llvmlite
import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

# All of `fastmath` except the flags that assume away NaN and infinity (nnan, ninf): divergence must still be seen.
FASTMATH = {"reassoc", "contract", "nsz", "arcp"}
PACKAGE = Path(__file__).parent
COMPILED = ("jit.py", "views.py", "lecture", "engine")  # the only places in the package that may hold compiled code
GENERATIONS = 8  # cache folders kept; each edit of a compiled file starts a new one of about 2 MB


def jit(function):
    """Compile a kernel on its first call: without the GIL, with IEEE division and non-finite numbers, cached.

    Kernels are inlined into each other (`forceinline`): a call that is left standing costs two atomic reference counts
    for every array it passes, 250 ns of the 290 that a forward pass of 4-8-3 took without it.
    With `NUMBA_DISABLE_JIT=1` the function is returned as it is.
    """
    if numba.config.DISABLE_JIT:
        return function
    dispatcher = numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH, forceinline=True)(function)
    dispatcher._cache = KernelCache(function)  # what `cache=True` does, with our cache in the place of Numba's
    return dispatcher


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
        """Write the kernel where the next process finds it; a disk that is full or read-only costs only the entry."""
        file = self._file(signature, compiled.codegen)
        if file is None or compiled.lifted or compiled.library.has_dynamic_globals:
            return
        body = dumps(compiled._reduce())
        with contextlib.suppress(OSError):
            handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".writing-")
            try:
                with open(handle, "wb") as out:
                    out.write(hashlib.sha256(body).digest() + body)
                os.replace(temporary, file)
            except BaseException:
                os.unlink(temporary)
                raise

    def _file(self, signature, codegen):
        function, folder, source = self._function, cache_folder(), _own_source(self._function)
        if folder is None or source is None or function.__closure__:
            return None
        key = (
            (function.__module__, function.__qualname__, function.__code__.co_firstlineno),
            hashlib.sha256(source + function.__code__.co_code).hexdigest(),
            repr(signature),
            codegen.magic_tuple(),
            sorted((k, v) for k, v in os.environ.items() if k.startswith("NUMBA_") and k != "NUMBA_CACHE_DIR"),
        )
        return folder / f"{function.__name__}-{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.kernel"


def _own_source(function):
    """The content of the file of a kernel, or None for one that was typed in."""
    try:
        return Path(inspect.getfile(function)).read_bytes()
    except (OSError, TypeError):
        return None


@functools.cache
def content_key():
    """One name for the content of all compiled files and the versions of what compiles them."""
    files = [file for place in COMPILED for file in sorted((PACKAGE / place).rglob("*.py")) or [PACKAGE / place]]
    digest = hashlib.sha256(repr((sys.implementation.cache_tag, numba.__version__, llvmlite.__version__)).encode())
    for file in files:
        if file.is_file():
            digest.update(str(file.relative_to(PACKAGE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def cache_folder():
    """The folder of this process's entries, made if need be; None, after one warning, where that cannot be."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(chosen, "fastbp") if chosen else Path(AppDirs("fastbp", appauthor=False).user_cache_dir)
    folder = root / content_key()
    try:
        new = not folder.exists()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _check_private(root)
        _check_private(folder)
        tempfile.TemporaryFile(dir=folder).close()
        os.utime(folder)
    except OSError as problem:
        warnings.warn(
            f"fastbp compiles anew in each process, because its cache folder {str(folder)!r} cannot be used "
            f"({problem}). Set NUMBA_CACHE_DIR to a folder of your own to keep compiled code.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    if new:
        _forget_old_generations(root)
    return folder


def _check_private(folder):
    status = folder.stat()
    if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError(f"{str(folder)!r} must belong to you and be writable by nobody else")


def _forget_old_generations(root):
    with contextlib.suppress(OSError):
        folders = sorted((f for f in root.iterdir() if f.is_dir()), key=lambda f: f.stat().st_mtime)
        for folder in folders[:-GENERATIONS]:
            shutil.rmtree(folder, ignore_errors=True)
