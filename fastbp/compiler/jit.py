"""The one decorator, `jit`: what its kernels assume, and how they become machine code."""

import functools
import inspect

import numba
from numba.core.registry import CPUDispatcher

from fastbp import caller
from fastbp.compiler import versions
from fastbp.compiler.uninterrupted import compiling

# All of `fastmath` except the flags that assume away NaN and infinity (nnan, ninf): divergence must still be seen.
FASTMATH = {"reassoc", "contract", "nsz", "arcp"}

UNTESTED = versions.untested()
if UNTESTED:
    caller.warn(
        f"fastbp was tested with Numba {versions.TESTED} and older and found {numba.__version__}: it compiles anew in "
        f'each process. Install fastbp\'s newest version, or "numba<={versions.TESTED}.99", to keep compiled code.'
    )
else:
    from fastbp.compiler import entries
    from fastbp.compiler.parts import PartCompiler


def jit(function=None, *, inline=True, as_written=False):
    """Compile a kernel on its first call: without the GIL, with IEEE division and non-finite numbers, cached.

    Kernels are inlined into each other (`forceinline`): a call that is left standing costs two atomic reference counts
    for every array it passes, a third of the time of a small network (benchmarks/test_views.py). `inline=False` is for
    the large ones that several others share: they are passed pointers, which nobody counts. With `as_written` sums keep
    their order and no product is fused into one, so NumPy and Python get the same bits.

    A kernel that another one calls is compiled as a part of that one (`PartLibrary`). If Python calls it, it is
    compiled once more, as an entry (entries.py), which the cache keeps. With `NUMBA_DISABLE_JIT=1` the function is
    returned as it is.

    Parts and entries are made of what Numba does not promise to keep. A version that is newer than those tested
    compiles plainly: the same results, each kernel anew in each process.
    """
    if function is None:
        return functools.partial(jit, inline=inline, as_written=as_written)
    if numba.config.DISABLE_JIT:
        return function
    flags = False if as_written else FASTMATH
    options = {"nogil": True, "error_model": "numpy", "fastmath": flags, "forceinline": inline}
    if UNTESTED:
        return numba.njit(**options)(function)
    kernel = numba.njit(no_cfunc_wrapper=True, **options)(function)
    part = numba.njit(no_cfunc_wrapper=True, no_cpython_wrapper=True, pipeline_class=PartCompiler, **options)(function)
    kernel.get_call_template, kernel.get_overload, kernel.part = part.get_call_template, part.get_overload, part
    kernel.plain = functools.partial(CPUDispatcher.__call__, kernel)
    kernel.entry = entries.Entry(function.__module__, function.__qualname__, kernel)
    kernel.__class__ = Kernel
    entries.forget_all()
    return kernel


class Kernel(CPUDispatcher):
    """A function that others are compiled with. Python's calls go through its entry."""

    def __call__(self, *args, **kwargs):
        return self.entry(*inspect.signature(self.py_func).bind(*args, **kwargs).args) if kwargs else self.entry(*args)


def checked_from_python(kernel, check):
    """Have `check(args, kwargs)` called first when Python calls a kernel; compiled code calls it as before.

    `kernel.unchecked` is the call without it. The kernel stays the object that it is: compiled code refers to it.
    """
    kernel.check = check
    kernel.unchecked = kernel.entry if isinstance(kernel, Kernel) else functools.partial(type(kernel).__call__, kernel)
    kernel.__class__ = _checked_kind(type(kernel))


@functools.cache
def _checked_kind(kind):
    class Checked(kind):
        def __call__(self, *args, **kwargs):
            self.check(args, kwargs)
            return super().__call__(*args, **kwargs)

    return Checked


def compiled_plainly(function, arguments, *, bounds_checked):
    """A function that somebody else wrote, compiled for these arguments, which are only looked at for their types.

    Nothing of it is kept on disk. With `bounds_checked` an index past the end of an array raises IndexError. Whatever
    Numba has against the function is raised. With `NUMBA_DISABLE_JIT=1` there is nothing to compile it: None.
    """
    if numba.config.DISABLE_JIT:
        return None
    dispatcher = numba.njit(
        nogil=True,
        no_cfunc_wrapper=True,
        error_model="numpy",
        fastmath=False if bounds_checked else FASTMATH,
        boundscheck=bounds_checked,
    )(function)
    if arguments is not None:  # None: it is called by another one, which compiles it
        with compiling():
            dispatcher.compile(tuple(map(numba.typeof, arguments)))
    return dispatcher
