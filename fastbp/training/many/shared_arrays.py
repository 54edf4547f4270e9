"""Arrays that many tasks need: written to files that processes map, or sent to those that cannot see the files.

A task names them by their content. A process keeps those of the last calls, so that each array comes to it once,
however many tasks it gets.
"""

import collections
import contextlib
import io
import os
import pickle
import threading

import numpy as np

from fastbp.files.digest import digest

SMALL = 1 << 14  # bytes of an array that travels with each task: a file would take longer
CALLS = 2  # whose arrays a process keeps


class Missing(LookupError):
    """Arrays that a process neither has nor sees."""


class SharedArrays:
    """Arrays that tasks are to name.

    Parameters
    ----------
    folder : str
        A new one, whose name tells this call from others.

    Attributes
    ----------
    arrays : dict of str to ndarray
        By their names.
    """

    def __init__(self, folder):
        self._folder, self._names, self.arrays = folder, {}, {}

    def add(self, arrays):
        """More of them; None and small ones are left to the tasks."""
        for array in arrays:
            if _is_shared(array) and _place(array) not in self._names:
                name = f"{digest([array])}{'F' if np.isfortran(array) else 'C'}{int(array.flags.writeable)}"
                self._names[_place(array)], self.arrays[name] = name, array

    def write(self):
        """Files for processes on this machine, or on others that see the folder."""
        for name, array in self.arrays.items():
            np.save(_file(self._folder, name), array, allow_pickle=False)

    def hold(self):
        """The tasks run in this process, which has the arrays."""
        _hold(self._folder, self.arrays)

    def close(self):
        """The call is over: this process does not keep the arrays."""
        with _LOCK:
            _HELD.pop(self._folder, None)

    def dumps(self, value):
        """A pickle in which the arrays are named."""
        written = io.BytesIO()
        pickler = _Pickler(written, pickle.HIGHEST_PROTOCOL)
        pickler.names = self._names
        pickler.dump(value)
        return written.getvalue()


def _is_shared(array):
    contiguous = type(array) is np.ndarray and (array.flags.c_contiguous or array.flags.f_contiguous)
    return contiguous and array.nbytes >= SMALL and not array.dtype.hasobject


def _place(array):
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str, array.flags.writeable


def _file(folder, name):
    return os.path.join(folder, f"{name}.npy")


class _Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return self.names.get(_place(value)) if type(value) is np.ndarray else None


# ---- In the process that has the task --------------------------------------------------------------------------------

_HELD, _LOCK = collections.OrderedDict(), threading.Lock()  # {folder: {name: array}}, the last call last


def _hold(folder, arrays):
    with _LOCK:
        _HELD.setdefault(folder, {}).update(arrays)
        _HELD.move_to_end(folder)
        while len(_HELD) > CALLS:
            _HELD.popitem(last=False)


def loads(pickled, folder, sent=None):
    """What was pickled by `SharedArrays.dumps`.

    Parameters
    ----------
    pickled : bytes
    folder : str
    sent : dict of str to ndarray, or None
        The arrays by their names, if they came with the task.

    Raises
    ------
    Missing
        If an array is neither here nor there.
    """
    _hold(folder, sent or {})
    unpickler = _Unpickler(io.BytesIO(pickled))
    unpickler.folder = folder
    return unpickler.load()


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, name):
        with _LOCK:
            found = next((held[name] for held in reversed(_HELD.values()) if name in held), None)
        if found is None:
            with contextlib.suppress(OSError, ValueError):
                found = np.load(_file(self.folder, name), mmap_mode="c").view(np.ndarray)
        if found is None:
            raise Missing(name)
        _hold(self.folder, {name: found})
        return _like_the_first(found, name.endswith("1"))


def _like_the_first(array, writeable):
    """The array, writeable or not, because compiled code tells these apart."""
    if writeable and not array.flags.writeable:
        return array.copy()
    array = array.view()
    array.flags.writeable = writeable
    return array
