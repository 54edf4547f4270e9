"""A file that appears whole or not at all: others see the old one or the new one, whatever happens in between."""

import contextlib
import errno
import os
import re
import secrets
import shutil
from pathlib import Path

from fastbp import validation

LONGEST = 200  # bytes of a name; a system allows 255


@contextlib.contextmanager
def replacing(path):
    """A binary file to write to, which takes the place of `path` when the block ends without an error.

    It is written beside `path`, to the disk, then renamed; the rename is written to the disk, too. What a process that
    was killed has left behind begins with a dot and ends in ".part".

    Parameters
    ----------
    path : str or path-like
        If it is a symbolic link, the file that it leads to is replaced.

    Raises
    ------
    OSError
        With the name of `path`. What was there before is still there.
    """
    path = validation.path("path", path)
    target, temporary = _places(path)
    try:
        try:
            with open(temporary, "xb") as file:
                _lock(file)
                with contextlib.suppress(FileNotFoundError):
                    shutil.copymode(target, temporary)
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
            _sync_folder(target.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as problem:
        if problem.errno is None or problem.filename not in (None, str(temporary), temporary):
            raise  # of something else in the block
        raise OSError(problem.errno, problem.strerror, path) from problem


def _places(path):
    """The file that is to be replaced, and the one that takes its place; refuses what must not be replaced."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # a device would be gone
        raise OSError(errno.EINVAL, "it is there and no regular file", path)
    if target.exists() and not os.access(target, os.W_OK):  # which renaming would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return target, target.with_name(f".{_stem(target)}-{secrets.token_hex(4)}.part")


def try_out(path):
    """Raises what `replacing(path)` would raise when it begins, and changes nothing."""
    _, temporary = _places(path)
    try:
        with open(temporary, "xb"):
            pass
        os.unlink(temporary)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, path) from problem


def _sync_folder(folder):
    """The renaming reaches the disk. (Windows cannot open a folder, and does so by itself.)"""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _stem(target):
    """The name of a file, shortened so that there is room for more."""
    return os.fsdecode(os.fsencode(target.name)[:LONGEST])


def _lock(file):
    """As long as a process writes the file, and lives, the lock is taken; whether it was free. (Windows has others.)"""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove_leftovers(path):
    """Deletes what killed processes have left behind where they meant to write `path`."""
    target = Path(os.path.realpath(path))
    left_behind = re.compile(re.escape(f".{_stem(target)}-") + r"[0-9a-f]{8}\.part")
    with contextlib.suppress(OSError):
        for left in target.parent.iterdir():
            if left_behind.fullmatch(left.name):
                with contextlib.suppress(OSError), open(left, "rb") as file:
                    if _lock(file):
                        left.unlink()
