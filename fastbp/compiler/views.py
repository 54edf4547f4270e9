"""Views of flat vectors that cost a kernel nothing, written in LLVM.

All parameters of a network lie in one vector, all units of its layers in another. A slice inside a compiled function
counts references with two atomic instructions and a `reshape` calls into C, three quarters of the time of a small
network (benchmarks/test_views.py). A *borrowed* view is an array without an owner. It is valid as long as the array
that it looks into, so kernels make such views for the length of a call and never return them to Python.
"""

import numba
import numpy as np
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

VECTOR = 64  # bytes, at most


def _vector_at(array, at, n):
    """array[at : at + n], borrowed; the elements of a matrix count row after row."""
    return array.reshape(-1)[at : at + n]


def _matrix_at(array, at, rows, columns):
    """array[at : at + rows * columns] as a matrix in C order, borrowed; elements count as in `vector_at`."""
    return array.reshape(-1)[at : at + rows * columns].reshape(rows, columns)


def _borrowed(things):
    """A tuple whose arrays are borrowed: from then on nothing that is made of them is counted, rows included."""
    return things


def _on_stack(array, n):
    """n numbers of the array's dtype, not yet written, on the stack of the function that asks for them.

    They cost nothing, belong to the thread that runs, and are gone when that function returns.
    """
    return np.empty(n, array.dtype)


def _vector_like(array, like):
    """The vector, borrowed; one of another dtype than `like`, or in another order than C's, does not compile."""
    return _like(array, like, 1)


def _matrix_like(array, like):
    """The same of a matrix."""
    return _like(array, like, 2)


def _like(array, like, axes):
    if array.dtype != like.dtype or not array.flags.c_contiguous or array.ndim != axes:
        raise TypeError(OTHERS.format(axes, like.dtype, f"{array.dtype} of shape {array.shape}"))
    return array


OTHERS = "an array with {} axes is needed, of the network's dtype, {}, and in C order, got {}"


def _borrow(context, builder, signature, args):
    source, view = signature.args[0], signature.return_type
    array, at, shape = make_array(source)(context, builder, args[0]), args[1], list(args[2:])
    width = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(source.dtype)))
    strides = [width] if view.ndim == 1 else [builder.mul(shape[1], width), width]
    out = make_array(view)(context, builder)
    populate_array(out, builder.gep(array.data, [at]), shape, strides, width, meminfo=None)
    return out._getvalue()


def _borrow_all(context, builder, kind, value):
    if isinstance(kind, types.BaseTuple):
        items = cgutils.unpack_tuple(builder, value, len(kind))
        items = [_borrow_all(context, builder, *each) for each in zip(kind, items, strict=True)]
        return context.make_tuple(builder, kind, items)
    if not isinstance(kind, types.Array):
        return value
    source, out = (make_array(kind)(context, builder, *given) for given in ((value,), ()))
    shape, strides = (cgutils.unpack_tuple(builder, each) for each in (source.shape, source.strides))
    populate_array(out, source.data, shape, strides, source.itemsize, meminfo=None)
    return out._getvalue()


def _view_types(kind):
    if isinstance(kind, types.BaseTuple):
        return types.BaseTuple.from_types([_view_types(item) for item in kind])
    return _view_type(kind, kind.ndim) if isinstance(kind, types.Array) else kind


def _view_type(array, ndim):
    if array.layout != "C":  # its elements do not lie one behind the other
        raise TypingError(f"kernels take arrays in C order, got {array}")
    return types.Array(array.dtype, ndim, "C", readonly=not array.mutable)


def _take_stack(context, builder, signature, args):
    view, n = signature.return_type, args[1]
    kind = context.get_data_type(view.dtype)
    data = builder.alloca(kind, size=n)
    data.align = VECTOR
    out = make_array(view)(context, builder)
    width = context.get_constant(types.intp, context.get_abi_sizeof(kind))
    populate_array(out, data, [n], [width], width, meminfo=None)
    return out._getvalue()


if numba.config.DISABLE_JIT:
    vector_at, matrix_at, borrowed = _vector_at, _matrix_at, _borrowed
    on_stack, vector_like, matrix_like = _on_stack, _vector_like, _matrix_like
else:

    @intrinsic
    def vector_at(typing_context, array, at, n):
        return _view_type(array, 1)(array, types.intp, types.intp), _borrow

    @intrinsic
    def matrix_at(typing_context, array, at, rows, columns):
        return _view_type(array, 2)(array, types.intp, types.intp, types.intp), _borrow

    @intrinsic
    def borrowed(typing_context, things):
        kind = _view_types(things)
        return kind(things), lambda context, builder, signature, args: _borrow_all(context, builder, kind, args[0])

    @intrinsic
    def on_stack(typing_context, array, n):
        return types.Array(array.dtype, 1, "C")(array, types.intp), _take_stack

    def _borrowed_like(array, like, axes):
        fits = isinstance(array, types.Array) and array.dtype == like.dtype
        if not fits or array.layout != "C" or array.ndim != axes:
            raise TypingError(OTHERS.format(axes, like.dtype, array))
        kind = _view_types(array)
        return kind(array, like), lambda context, builder, signature, args: _borrow_all(context, builder, kind, args[0])

    @intrinsic
    def vector_like(typing_context, array, like):
        return _borrowed_like(array, like, 1)

    @intrinsic
    def matrix_like(typing_context, array, like):
        return _borrowed_like(array, like, 2)
