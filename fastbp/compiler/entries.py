"""Kernels as Python calls them: from files, without Numba, or, where there are none, compiled and kept.

An `Entry` names a kernel, and its module is imported only when something must be compiled: Numba's import alone takes
ten times as long as to link object code. Python in this package calls kernels through entries only.
"""

import contextlib
import functools
import importlib
import os
import sys
import weakref

from fastbp.compiler import cache, calls, marshal, objects, processor, shipped
from fastbp.compiler.uninterrupted import LINKING, compiling

JIT = "fastbp.compiler.jit"  # is imported by every module with kernels
CALLS = 8  # kinds of arguments that an entry tries, the last ones first

_ENTRIES = weakref.WeakSet()  # those that find their kernel by its name


class Entry:
    """A kernel that is called with arrays, numbers and tuples of them.

    Parameters
    ----------
    module, name : str
        Where the kernel stands.
    kernel : optional
        The kernel itself, where it is there already.
    reads : tuple of int
        Which arguments it only reads: for these one compiled form takes arrays that are read-only and others alike.

    Attributes
    ----------
    found : int
        How many compiled forms of it came from files.
    """

    def __init__(self, module, name, kernel=None, reads=()):
        self.__module__, self.__name__, self._kernel = module, name, kernel and weakref.ref(kernel)
        self._calls, self._forms, self._reads, self.found = [], {}, reads, 0
        if kernel is None:
            _ENTRIES.add(self)

    def __repr__(self):
        return f"<entry to {self.__module__}.{self.__name__}>"

    def __call__(self, *args):
        for call in self._calls:
            result = call(args)
            if result is not marshal.MISFIT:
                return result
        return self._first_call(args)

    def compiled_for(self, args):
        """What stands for such arguments when the kernel is compiled: those that it only reads are read-only."""
        return tuple(marshal.read_only(arg) if at in self._reads else arg for at, arg in enumerate(marshal.plain(args)))

    def _first_call(self, args):
        """With arguments of types that are new, or were not used for long."""
        if _all_plain():
            return self._plain(marshal.plain(args))
        args = self.compiled_for(args)
        try:
            signature = marshal.signature_of(args, self.__name__)
        except TypeError:
            if self._kernel is None:
                raise
            return self._plain(args)
        form = self._found(signature)
        if form is None and signature not in self._forms:
            form = self._compiled(signature, args)
        if form is None:
            return self._plain(args)
        call = calls.call_of(*form, args)
        self._calls = [call, *self._calls[: CALLS - 1]]
        result = call(args)
        if result is marshal.MISFIT:
            raise RuntimeError(f"{self!r}: what was compiled for {signature} does not take it")
        return result

    @property
    def signatures(self):
        """The argument types, as text, for which there is a compiled form."""
        return [*self._forms]

    def forget(self):
        """The kernel of this name may have become another one."""
        self._calls, self._forms = [], {}

    # ---- Compiled forms ----------------------------------------------------------------------------------------------

    # A form is the address of the kernel and the letter of its result; None: only Numba can call it.

    def _found(self, signature):
        """The form for such arguments, if it is known or comes from a file without a look at the kernel."""
        with LINKING:
            if signature in self._forms or JIT in sys.modules or not cache.SOURCE_KEY:
                return self._forms.get(signature)  # a kernel that is there could have been changed
            name = f"{self.__module__}.{self.__name__}"
            form = self._linked(shipped.read(name, signature))
            if form is None:
                form = self._linked(cache.kept(name, cache.key_of(name, signature)))
            if form:
                self._forms[signature] = form
            return form

    def _compiled(self, signature, args):
        """The form for such arguments after a look at the kernel: from a file, or compiled and kept."""
        with compiling(), LINKING:
            if signature not in self._forms:  # no other thread was quicker
                self._forms[signature] = self._form(signature, args)
            return self._forms[signature]

    def _form(self, signature, args):
        kernel, meaning, of_sources = self._imported()
        if not hasattr(kernel, "part"):
            return None
        name = f"{self.__module__}.{self.__name__}"
        of_sources = of_sources and cache.source_key() == cache.SOURCE_KEY  # no file has been edited meanwhile
        form = self._linked(shipped.read(name, signature)) if of_sources else None
        if form:
            return form
        key = cache.key_of(name, signature)
        usual, other = (cache.file_of(name, key, which) for which in ("", meaning))
        for file in (usual, other):
            form = self._linked(cache.kept(name, key, meaning, file)) if meaning else None
            if form:
                if file == other and of_sources:  # made by a process that could not tell so
                    _rename(other, usual)
                return form
        header = {"kernel": name, "signature": signature, "key": key, "meaning": meaning}
        file = usual if of_sources else other
        return _made(kernel, args, header, file if meaning and cache.is_writable() else None)

    def _linked(self, found):
        form = _link(*found) if found else None
        self.found += form is not None
        return form

    def _imported(self):
        """The kernel, what it means, and whether that is what the sources say; "" where that cannot be told."""
        before = {*sys.modules}
        kernel = self._resolved()
        if not hasattr(kernel, "part"):
            return kernel, "", False
        from fastbp.compiler import meaning  # here, because it imports Numba

        known = {}
        try:
            found = meaning.meaning_of(kernel, known)
        except meaning.Foreign:
            return kernel, "", False
        if not _SOURCES:
            _SOURCES.append(meaning.Sources())
        return kernel, found, cache.SOURCE_KEY != "" and _SOURCES[0].has(known, before)

    # ---- Without object code -----------------------------------------------------------------------------------------

    def _plain(self, args):
        kernel = self._resolved()
        return getattr(kernel, "plain", kernel)(*args)

    def _resolved(self):
        if self._kernel:
            return self._kernel()
        return getattr(importlib.import_module(self.__module__), self.__name__)


@functools.cache
def _all_plain():
    """Whether Numba itself, or the interpreter, makes all calls."""
    bounds_checked = processor.settings()["BOUNDSCHECK"] not in (None, "0")
    return processor.uncompiled() or bounds_checked or not marshal.arrays_are_as_promised()


_SOURCES = []  # one, when it is first needed


def _link(header, code):
    """The address in memory and the letter of the result; None where the code needs what is not there."""
    address = objects.link(code, header)
    return (address, header["result"]) if address else None


def _made(kernel, args, header, file):
    """The kernel compiled, linked, and kept in the file if there is one."""
    from fastbp.compiler import wrapper  # here, because it imports Numba

    made = wrapper.object_of(kernel.part, args)
    if made is None:
        return None
    code, found = made
    header |= found
    form = _link(header, code)
    if form and file:
        cache.write(file, header, code)
    return form


def _rename(file, to):
    with contextlib.suppress(OSError):  # another process was quicker
        os.replace(file, to)


def forget_all():
    """A kernel is new: those that entries have found by name may be old ones."""
    for entry in [*_ENTRIES]:
        entry.forget()
