"""Object code that an installed package has beside its sources, made by `shipping.py` when the wheel was built.

It is keyed by the content of the sources, but by no versions: object code needs neither Numba nor Python, so it holds
for all that are installed beside it. A file is one like those of the cache (cache.py), read with the same care. Where
the sources were edited, for another processor and for other arguments there is no file, and Numba compiles.
"""

import hashlib
import os

from fastbp.compiler import cache, folders, targets

FOLDER = os.path.join(cache.PACKAGE, "compiler", "shipped")


def file_of(kernel, signature, target, folder=FOLDER):
    """Where the object code of a kernel (its full name) for such arguments lies, and its key."""
    key = hashlib.sha256(repr((kernel, signature, target.name, cache.SOURCE_KEY)).encode()).hexdigest()
    return os.path.join(folder, target.name, f"{kernel.rpartition('.')[2]}-{key[:32]}.kernel"), key


def read(kernel, signature):
    """The header and the machine code that this process can use; None where there is none."""
    target = targets.fitting()
    return target and cache.read(*file_of(kernel, signature, target))


def counts():
    """How many files there are for each target, and their bytes."""
    found = {}
    for name in targets.TARGETS:
        files = folders.kernels(os.path.join(FOLDER, name))
        if files:
            found[name] = len(files), sum(size for _, size in files)
    return found
