"""Where compiled kernels are kept: a folder for each generation, which are the same sources and versions.

They lie in `$NUMBA_CACHE_DIR/fastbp-kernels`, or else in the user's cache folder. Machine code is run, so the folders
must belong to the user and be writable by nobody else. Where there can be none kernels compile anew in each process,
after one warning.
"""

import contextlib
import functools
import os
import sys

from fastbp import caller

GENERATIONS = 8  # that are kept; each edit of a compiled file starts a new one of about 2 MB
NAME = "fastbp-kernels"
_WARNED = []


@functools.cache
def root():
    """The folder of all generations, whether it is there or not."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return os.path.join(os.path.abspath(chosen) if chosen else _cache_of_the_user(), NAME)


def _cache_of_the_user():
    """Where the system wants what can be made anew."""
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA", ""), "fastbp", "Cache")
    if sys.platform == "darwin":
        return os.path.join(os.path.expanduser("~/Library/Caches"), "fastbp")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "fastbp")


@functools.cache
def of_generation(key):
    """The folder of one, and whether files in it may be run: it is there, and nobody else can write to it."""
    folder = os.path.join(root(), key)
    try:
        _check_private(folder)
    except OSError:
        return folder, False
    with contextlib.suppress(OSError):
        os.utime(folder)  # it is in use
    return folder, True


@functools.cache
def is_writable(key):
    """Whether the folder of a generation can be written to; it is made if need be. One warning where not."""
    top, folder = root(), os.path.join(root(), key)
    try:
        if not os.path.isabs(top):
            raise FileNotFoundError("there is no home folder")
        new = not os.path.exists(folder)
        for each in (top, folder):
            os.makedirs(each, mode=0o700, exist_ok=True)
        _check_private(folder)
        import tempfile  # here: a process that finds all its kernels need not wait for it

        tempfile.TemporaryFile(dir=folder).close()
    except OSError as problem:
        _warn(
            f"fastbp compiles anew in each process, because its cache folder {folder!r} cannot be used "
            f"({problem}). Set NUMBA_CACHE_DIR to a folder of your own to keep compiled code."
        )
        return False
    of_generation.cache_clear()
    if new:
        forget(generations()[:-GENERATIONS])
    return True


def _warn(message):
    if not _WARNED:
        _WARNED.append(message)  # first, for those who turn warnings into errors
        caller.warn(message)


def _check_private(folder):
    for each in (os.path.dirname(folder), folder):
        status = os.stat(each)
        if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
            raise PermissionError(f"{each!r} must belong to you and be writable by nobody else")


def generations():
    """The folders of all, the oldest first."""
    try:
        with os.scandir(root()) as found:
            ours = [entry for entry in found if len(entry.name) == 16 and not entry.name.strip("0123456789abcdef")]
            return [entry.path for entry in sorted(ours, key=lambda entry: entry.stat().st_mtime)]
    except OSError:
        return []


def kernels(folder):
    """The files of a generation and their sizes."""
    try:
        with os.scandir(folder) as found:
            return [(entry.path, entry.stat().st_size) for entry in found if entry.name.endswith(".kernel")]
    except OSError:
        return []


def forget(folders):
    """Remove the files of these generations: only files like ours, and those folders that are empty then."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                if name.endswith(".kernel") or name.startswith(".writing-"):
                    os.unlink(os.path.join(folder, name))
            os.rmdir(folder)
