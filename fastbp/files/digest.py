"""What tells arrays from others, by their content."""

import hashlib

import numpy as np


def digest(arrays):
    """What tells some arrays, which are looked at one after the other, from others."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return found.hexdigest()
