"""The one decorator, `jit`: what its kernels assume, and how they become machine code."""

import functools
import signal
import threading

import numba

from fastbp import caller
from fastbp.compiler import notice

# All of `fastmath` except the flags that assume away NaN and infinity (nnan, ninf): divergence must still be seen.
FASTMATH = {"reassoc", "contract", "nsz", "arcp"}
TESTED = "0.68"  # the newest Numba that the tests have seen

UNTESTED = tuple(map(int, numba.__version__.split(".")[:2])) > tuple(map(int, TESTED.split(".")))
if UNTESTED:
    caller.warn(
        f"fastbp was tested with Numba {TESTED} and older and found {numba.__version__}: it compiles anew in each "
        f'process. Install fastbp\'s newest version, or "numba<={TESTED}.99", to keep compiled code.'
    )
else:
    from fastbp.compiler.cache import KernelCache
    from fastbp.compiler.parts import PartCompiler


def jit(function=None, *, inline=True):
    """Compile a kernel on its first call: without the GIL, with IEEE division and non-finite numbers, cached.

    Kernels are inlined into each other (`forceinline`): a call that is left standing costs two atomic reference counts
    for every array it passes, a third of the time of a small network (benchmarks/test_views.py). `inline=False` is for
    the large ones that several others share: they are passed pointers, which nobody counts.

    A kernel that another one calls is compiled as a part of that one (`PartLibrary`), and once more, with a wrapper and
    a place in the cache, if Python calls it. With `NUMBA_DISABLE_JIT=1` the function is returned as it is.

    Parts and cache are made of what Numba does not promise to keep. A version that is newer than those tested compiles
    plainly: the same results, each kernel anew in each process.
    """
    if function is None:
        return functools.partial(jit, inline=inline)
    if numba.config.DISABLE_JIT:
        return function
    options = {"nogil": True, "error_model": "numpy", "fastmath": FASTMATH, "forceinline": inline}
    if UNTESTED:
        return numba.njit(**options)(function)
    dispatcher = numba.njit(no_cfunc_wrapper=True, **options)(function)
    dispatcher._cache = KernelCache(function)  # what `cache=True` does, with our cache in the place of Numba's
    part = numba.njit(no_cfunc_wrapper=True, no_cpython_wrapper=True, pipeline_class=PartCompiler, **options)(function)
    dispatcher.get_call_template, dispatcher.get_overload = part.get_call_template, part.get_overload
    dispatcher.compile = _without_interruption(dispatcher.compile)
    return dispatcher


def checked_from_python(kernel, check):
    """Have `check(args, kwargs)` called first when Python calls a kernel; compiled code calls it as before.

    `kernel.unchecked` is the call without it. The kernel stays the object that it is: compiled code refers to it.
    """
    kernel.check, kernel.unchecked = check, functools.partial(type(kernel).__call__, kernel)
    kernel.__class__ = _checked_kind(type(kernel))


@functools.cache
def _checked_kind(kind):
    class Checked(kind):
        def __call__(self, *args, **kwargs):
            self.check(args, kwargs)
            return self.unchecked(*args, **kwargs)

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
        _without_interruption(dispatcher.compile)(tuple(map(numba.typeof, arguments)))
    return dispatcher


def _without_interruption(compile):
    """Ctrl-C waits until the kernel is compiled: raised among LLVM's objects, it can crash the interpreter."""

    @functools.wraps(compile)
    def compiled(signature):
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(handler):
            with notice.compiling():
                return compile(signature)
        came = []
        signal.signal(signal.SIGINT, lambda *arguments: came.append(arguments))
        try:
            with notice.compiling():
                return compile(signature)
        finally:
            signal.signal(signal.SIGINT, handler)
            if came:
                handler(*came[0])

    return compiled
