"""A file that appears whole or not at all: others see the old one or the new one, whatever happens in between."""

import contextlib
import errno
import glob
import os
import secrets
import shutil
from pathlib import Path

from fastbp import door


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
    path = door.path("path", path)
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # a device would be gone
        raise OSError(errno.EINVAL, "it is there and no regular file", path)
    temporary = target.with_name(f".{target.name[:200]}-{secrets.token_hex(4)}.part")
    try:
        try:
            with open(temporary, "xb") as file:
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


def _sync_folder(folder):
    """The renaming reaches the disk. (Windows cannot open a folder, and does so by itself.)"""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_leftovers(path):
    """Deletes what killed processes have left behind where they meant to write `path`."""
    target = Path(os.path.realpath(path))
    for left in target.parent.glob(f".{glob.escape(target.name[:200])}-*.part"):
        with contextlib.suppress(OSError):
            left.unlink()
