"""What a kernel in memory computes, as text: so that one that was edited, reloaded or patched cannot pass for another.

And whether that is what the sources say: a kernel that was imported for the first time, by an entry, is (`Sources`).
"""

import contextlib
import dis
import hashlib
import inspect
import runpy
import sys

import numpy as np
from llvmlite import ir
from numba.core import types

PACKAGE = __name__.partition(".")[0]  # not its folder: where there are no sources, code does not know of any


class Foreign(Exception):
    """A kernel refers to something whose content cannot be told."""


def meaning_of(thing, known):
    """What a kernel computes: its code, and the same of every function and constant that it refers to.

    `known` receives the digests of the functions met on the way: a tree of calls has few of them and many paths.
    """
    function = getattr(thing, "py_func", getattr(thing, "_defn", thing))  # of a kernel, of an intrinsic
    if inspect.isfunction(function):
        if function.__module__.partition(".")[0] in ("numba", "numpy", "llvmlite"):  # their versions are in the key
            return f"{function.__module__}.{function.__qualname__}"
        if function.__closure__ or function.__module__.partition(".")[0] != PACKAGE:
            raise Foreign(function)
        if function not in known:
            known[function] = function.__qualname__  # for those that call themselves
            try:
                known[function] = hashlib.sha256(_meaning_of_code(function, known).encode()).hexdigest()
            except Foreign:
                del known[function]
                raise
        return known[function]
    if isinstance(thing, types.ExternalFunction):
        return f"{thing.symbol} {thing.sig}"
    if inspect.ismodule(thing):
        return thing.__name__
    if isinstance(thing, tuple):
        return repr((type(thing).__name__, [meaning_of(item, known) for item in thing]))
    if isinstance(thing, int | float | str | np.number | np.ufunc | ir.Type) or inspect.isclass(thing):
        return repr(thing)
    raise Foreign(thing)


def _globals_of(code):
    """The names that code looks up in its module: not those of attributes, which may have the name of a function there,
    so that the digests of both would depend on which was asked for first."""
    looked_up = (step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    return [*dict.fromkeys(looked_up)]


def _meaning_of_code(function, known):
    codes, names = [function.__code__], []
    for code in codes:  # of the function and of those defined in it
        codes += [constant for constant in code.co_consts if inspect.iscode(constant)]
        names += _globals_of(code)
    own = [(c.co_code, [k for k in c.co_consts if not inspect.iscode(k)], c.co_names, c.co_varnames) for c in codes]
    referred = [(n, meaning_of(function.__globals__[n], known)) for n in names if n in function.__globals__]
    return repr((function.__module__, function.__qualname__, function.__defaults__, own, referred))


class Sources:
    """What this process knows to be as the source files have it."""

    def __init__(self):
        self._known, self._constants = {}, {}  # digests of functions; constants of modules

    def has(self, known, loaded_before):
        """Whether the functions in `known` mean what the sources say.

        So it is for those that were found so before and are the same, and for those of modules that have just been
        imported, if the constants that these may have taken from others are still those of the sources.
        """
        for function, digest in known.items():
            if function in self._known:
                if self._known[function] != digest:
                    return False
            elif function.__module__ in loaded_before:
                return False
        modules = {name: module for name, module in [*sys.modules.items()] if _may_give_constants(name, module)}
        new = {name: module for name, module in modules.items() if name not in loaded_before}
        if not all(self._is_as_ever(name, module) for name, module in modules.items() if name not in new):
            return False
        for name, module in new.items():
            self._constants[name] = _constants(vars(module))
            for value in filter(_is_compiled, [*vars(module).values()]):  # which others may refer to later
                with contextlib.suppress(Foreign):
                    meaning_of(value, known)
        self._known.update(known)
        return True

    def _is_as_ever(self, name, module):
        """Whether the constants of a module that was there before are those of its source."""
        if name not in self._constants:
            if any(map(_is_compiled, vars(module).values())):  # somebody else has imported it
                return False
            self._constants[name] = _constants(runpy.run_path(module.__file__, run_name=name))
        return _constants(vars(module)) == self._constants[name]


FOLDERS = "fastbp.engine.", "fastbp.lecture.", "fastbp.compiler.views", "fastbp.compiler.scalars"
# Modules of these folders from which no kernel takes anything; a house rule checks it.
OTHERS = tuple(f"fastbp.lecture.{name}" for name in ("matrix", "workbook", "page", "trace", "slides", "example"))


def _may_give_constants(name, module):
    file = getattr(module, "__file__", None) or "__init__.py"
    return name.startswith(FOLDERS) and not name.startswith(OTHERS) and not file.endswith("__init__.py")


def _is_compiled(value):
    """Whether it is a kernel or an intrinsic."""
    return inspect.isfunction(getattr(value, "py_func", getattr(value, "_defn", None)))


def _constants(namespace):
    """The numbers and texts of a module, and tuples of them, as text."""
    kinds = int | float | str
    return {
        name: repr(value)
        for name, value in namespace.items()
        if name[:2] != "__"
        and (isinstance(value, kinds) or (isinstance(value, tuple) and all(isinstance(item, kinds) for item in value)))
    }
