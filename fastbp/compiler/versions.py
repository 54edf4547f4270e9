"""The versions of what compiles kernels, without the import of Numba."""

import importlib.util
import os
import re
import sys

import numpy as np

TESTED = "0.68"  # the newest Numba that the tests have seen


def numba_version():
    """Numba's version: from the package where it has been imported, else from its file, else from its metadata."""
    loaded = sys.modules.get("numba")
    if hasattr(loaded, "__version__"):
        return loaded.__version__
    found = importlib.util.find_spec("numba")
    try:
        with open(os.path.join(os.path.dirname(found.origin), "_version.py"), encoding="utf-8") as file:
            return re.search(r'"version": "([^"]+)"', file.read())[1]
    except (OSError, TypeError, AttributeError):
        from importlib.metadata import version  # here: it takes as long as all the rest

        return version("numba")


def untested():
    """Whether Numba is newer than those that the tests have seen."""
    return tuple(map(int, numba_version().split(".")[:2])) > tuple(map(int, TESTED.split(".")))


def versions():
    """All of which the code of a kernel may depend. Not Python's: a kernel knows nothing of the interpreter."""
    import llvmlite  # here: not every process needs it

    return numba_version(), llvmlite.__version__, np.__version__
