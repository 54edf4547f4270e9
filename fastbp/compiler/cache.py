"""Compiled kernels on disk, as object code.

Numba's own cache looks at the file of the kernel alone, so a kernel that calls a changed helper in another file replays
the old one; it fails at import where no folder can be written; and it trusts what it reads. Here a file is

- *keyed by content*: every source file that holds compiled code, as it was when this module was imported; the kernel's
  name and argument types, the processor, Numba's settings, all versions. Nothing has to be invalidated: whatever
  changes makes another key. What a kernel means that was edited, reloaded or patched since is in its file, too
  (meaning.py), so that it cannot pass for what stands in the sources;
- *a header of plain values, then machine code*, with one digest over both: nothing of it is evaluated before that fits;
- *written under another name and renamed*, so processes that compile at once cannot disturb each other.

Files lie in `$NUMBA_CACHE_DIR/fastbp-kernels`, or else in the user's cache folder. Machine code is run, so the folder
must belong to the user and be writable by nobody else. Where there is no such folder kernels compile anew in each
process, after one warning.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from fastbp import caller
from fastbp.compiler import marshal, processor, versions

PACKAGE = Path(__file__).parent.parent
# The only places in the package that may hold compiled code.
COMPILED = ("compiler", "lecture/codes.py", "lecture/differences.py", "lecture/loops", "engine")
GENERATIONS = 8  # cache folders kept; each edit of a compiled file starts a new one of about 2 MB
DIGEST = 32  # bytes
FIELDS = {"kernel": str, "signature": str, "key": str, "meaning": str}
FIELDS |= {"result": str, "needs": list, "flat": dict}


def source_key():
    """One name for the content of all compiled files."""
    digest = hashlib.sha256(repr(marshal.HEAD).encode())
    for place in COMPILED:
        for file in sorted((PACKAGE / place).rglob("*.py")) or [PACKAGE / place]:
            if file.is_file():
                digest.update(str(file.relative_to(PACKAGE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


SOURCE_KEY = source_key()  # now: the files as they are imported, not as they are when a kernel is first called


@functools.cache
def content_key():
    """One name for the sources as they were imported and the versions of what compiles them."""
    return hashlib.sha256(repr((versions.versions(), SOURCE_KEY)).encode()).hexdigest()[:16]


def key_of(kernel, signature):
    """The key of a kernel (its full name), compiled for arguments of such types on this machine."""
    machine = processor.identity(), processor.settings(), sys.platform, content_key()
    return hashlib.sha256(repr((kernel, signature, machine)).encode()).hexdigest()


def file_of(kernel, key, meaning=""):
    """Where it lies: as the sources have it, or one that means something else; None where nothing can be kept."""
    folder = cache_folder()
    name = hashlib.sha256((key + meaning).encode()).hexdigest()[:32] if meaning else key[:32]
    return folder and folder / f"{kernel.rpartition('.')[2]}-{name}.kernel"


def read(file, key, meaning=None):
    """The header and the machine code of a sound file; None for any other, and for one that means something else."""
    try:
        content = file.read_bytes() if file else b""
    except OSError:
        return None
    if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
        return None
    try:
        length = int.from_bytes(content[DIGEST : DIGEST + 4], "little")
        header = json.loads(content[DIGEST + 4 : DIGEST + 4 + length])
        sound = all(isinstance(header[name], kind) for name, kind in FIELDS.items()) and header["key"] == key
    except (ValueError, KeyError, TypeError):
        return None
    if not sound or header["result"] not in marshal.RESULTS or meaning not in (None, header["meaning"]):
        return None
    return header, content[DIGEST + 4 + length :]


def header_for_this_machine(file):
    """The header of a sound file of a kernel that this process would take; else None."""
    try:
        length = int.from_bytes(file.read_bytes()[DIGEST : DIGEST + 4], "little")
        header = json.loads(file.read_bytes()[DIGEST + 4 : DIGEST + 4 + length])
        key = key_of(header["kernel"], header["signature"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    found = read(file, key)
    return found and found[0]


def write(file, header, code):
    """Keep a kernel where the next process finds it. Whatever hinders that, a full disk say, costs the file."""
    if file is None:
        return
    text = json.dumps(header).encode()
    body = len(text).to_bytes(4, "little") + text + code
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".writing-")
        try:
            with open(handle, "wb") as out:
                out.write(hashlib.sha256(body).digest() + body)
            os.replace(temporary, file)
        except BaseException:
            os.unlink(temporary)
            raise


def cache_folder():
    """The folder of this process's files, made if need be; None, after one warning, where that cannot be."""
    folder, problem = _usable_folder()
    if problem and not _WARNED:
        _WARNED.append(problem)  # first, for those who turn warnings into errors
        caller.warn(problem)
    return folder


_WARNED = []


def root_folder():
    """The folder of all versions and generations, whether it is there or not."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(chosen).absolute() if chosen else _cache_of_the_user()) / "fastbp-kernels"


def _cache_of_the_user():
    """Where the system wants what can be made anew."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", ""), "fastbp", "Cache")
    if sys.platform == "darwin":
        return Path(os.path.expanduser("~/Library/Caches"), "fastbp")
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "fastbp")


@functools.cache
def _usable_folder():
    root = root_folder()
    folder = root / content_key()
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


def generations(root):
    """The folders of all generations, the oldest first."""
    try:
        folders = [folder for folder in root.iterdir() if re.fullmatch("[0-9a-f]{16}", folder.name)]
        return sorted(folders, key=lambda folder: folder.stat().st_mtime)
    except OSError:
        return []


def forget(folders):
    """Remove the files of these folders: only files like ours, and those folders that are empty then."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for file in (*folder.glob("*.kernel"), *folder.glob(".writing-*")):
                file.unlink()
            folder.rmdir()


def _forget_old_generations(root):
    forget(generations(root)[:-GENERATIONS])
