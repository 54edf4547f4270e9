"""Arrays whose elements are vectors, one network in each lane: what lets the loops of the lecture train many at once.

    theta = lanes_of(array)                 # array (p, L) of numbers; theta (p) of vectors
    x = samples_of(values, FOUR_SAMPLES)    # values (i, 4, L); x (i) of vectors four times as long
    total = total + w[j, i] * x[i]          # for four samples of each network
    dw = sums_of(array)                     # an array like theta, for sums over samples
    dw[j, i] += delta[j] * x[i]             # adds what the four samples give

A `Lane` is a number to Numba, so an array of them is an array, its `dtype.type(1)` is all ones, and a kernel that is
called with such arrays compiles like any other. A comparison gives a mask. `where` chooses by it in each lane; `if`
asks whether it holds in any: that is right for the branches of the lecture, which only skip work that changes nothing.
Formulas may be contracted (x y + z rounded once), as in the loops of one network, but nothing is reordered: what
becomes of a network does not depend on its neighbours.

A vector may also hold several samples of each network, which share a weight that is loaded once. Where it meets one
that holds a single number of each network, that counts for all samples.
"""

import operator

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.core.imputils import lower_cast
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, overload, register_model
from numba.np.arrayobj import make_array, populate_array

from fastbp.engine.simd import functions
from fastbp.engine.simd.shapes import FOUR_SAMPLES, VECTOR_BYTES
from fastbp.engine.simd.vectors import I32, Vec, call, spread_over

FORMULA = ("contract", "nsz")


class Lane(types.Type):
    """One number of each of L networks. (Not a Number, which Numba would unify with others by NumPy's rules.)"""

    def __init__(self, dtype, lanes, samples=1):
        self.dtype, self.lanes, self.samples, self.vec = dtype, lanes, samples, Vec(dtype, lanes * samples)
        super().__init__(name=f"Lane({samples} x {lanes} x {dtype})")

    @property
    def in_double(self):
        return Lane(types.float64, self.lanes, self.samples)

    def unify(self, typing_context, other):
        return _common([self, other])

    def can_convert_from(self, typing_context, other):
        if isinstance(other, Lane) and (other.lanes != self.lanes or other.samples not in (1, self.samples)):
            return None
        return Conversion.promote if isinstance(other, types.Number | Lane) else None


def _common(args):
    """The type that numbers and vectors among each other are lifted to; None where there is none."""
    lanes = [arg for arg in args if isinstance(arg, Lane)]
    if not lanes or not all(isinstance(arg, Lane | types.Number) for arg in args):
        return None
    widest = max(lanes, key=lambda lane: lane.dtype.bitwidth)
    return Lane(widest.dtype, widest.lanes, max(lane.samples for lane in lanes))


class LaneClass(types.Callable, types.Opaque):
    """What `array.dtype.type` of an array of vectors is: makes vectors of that dtype."""

    def __init__(self, lane):
        self.lane = lane
        super().__init__(name=f"class({lane})")

    def get_call_type(self, typing_context, args, keywords):
        return signature(self.lane, *args)

    def get_call_signatures(self):
        return [], False

    def get_impl_key(self, sig):
        return LaneClass


class Sum(types.Type):
    """One number of each of L networks, to which samples are added."""

    def __init__(self, lane):
        self.lane = lane
        super().__init__(name=f"Sum({lane})")


@register_model(Sum)
class SumModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, manager.lookup(kind.lane).get_value_type())


class Mask(types.Type):
    """A truth value of each."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(name=f"Mask({lanes})")


@register_model(Lane)
class LaneModel(models.PrimitiveModel):
    def __init__(self, manager, lane):
        super().__init__(manager, lane, ir.VectorType(manager.lookup(lane.dtype).get_value_type(), lane.vec.lanes))


register_model(LaneClass)(models.OpaqueModel)


@register_model(Mask)
class MaskModel(models.PrimitiveModel):
    def __init__(self, manager, mask):
        super().__init__(manager, mask, ir.VectorType(ir.IntType(1), mask.lanes))


def _networks(dtype):
    return VECTOR_BYTES // (dtype.bitwidth // 8)


@intrinsic
def lanes_of(typing_context, array):
    """The array (..., L), from a cache line on, as an array (...) of vectors, borrowed."""
    return _seen_as(array, Lane(array.dtype, _networks(array.dtype)), 1)


@intrinsic
def sums_of(typing_context, array):
    """The array of vectors as one to which samples are added."""
    kind = array.copy(dtype=Sum(array.dtype))
    return kind(array), lambda context, b, sig, args: _same_array(context, b, sig, args[0])


def _same_array(context, b, sig, value):
    source, view = make_array(sig.args[0])(context, b, value), make_array(sig.return_type)(context, b)
    shape, strides = (_items(b, each) for each in (source.shape, source.strides))
    populate_array(view, b.bitcast(source.data, view.data.type), shape, strides, source.itemsize, meminfo=None)
    return view._getvalue()


@intrinsic
def samples_of(typing_context, array, shape):
    """The array (..., S, L), S the rows of the shape, as an array (...) of vectors that hold S samples each."""
    kind, codegen = _seen_as(array, Lane(array.dtype, _networks(array.dtype), shape.rows), 2)
    return kind.return_type(array, shape), codegen


@intrinsic
def pairs_of(typing_context, array, like):
    """The array (..., L) of float64 as an array (...) of vectors that are as long as those of `like`."""
    kind, codegen = _seen_as(array, like.dtype.in_double, 1)
    return kind.return_type(array, like), codegen


def _seen_as(array, lane, axes):
    if array.layout != "C":
        raise TypingError(f"kernels take arrays in C order, got {array}")

    def codegen(context, b, sig, args):
        source, view = make_array(sig.args[0])(context, b, args[0]), make_array(sig.return_type)(context, b)
        shape, strides = (_items(b, each)[:-axes] for each in (source.shape, source.strides))
        pointer = b.bitcast(source.data, view.data.type)
        width = context.get_constant(types.intp, lane.vec.lanes * lane.dtype.bitwidth // 8)
        populate_array(view, pointer, shape, strides, width, meminfo=None)
        return view._getvalue()

    return types.Array(lane, array.ndim - axes, "C", readonly=not array.mutable)(array), codegen


def _items(b, aggregate):
    return [b.extract_value(aggregate, i) for i in range(aggregate.type.count)]


@lower_builtin(LaneClass, types.Any)
def _converted(context, b, sig, args):
    return context.cast(b, args[0], sig.args[0], sig.return_type)


def _name_class(lane):
    """Numba knows the class behind a dtype for its own numbers alone."""

    @infer_getattr
    class _ClassOfDtype(AttributeTemplate):
        key = types.DType(lane)

        def resolve_type(self, dtype):
            return LaneClass(lane)


for _dtype in (types.float32, types.float64):
    for _samples in (1, FOUR_SAMPLES.rows):
        for _of in {_dtype, types.float64}:
            _name_class(Lane(_of, _networks(_dtype), _samples))


# ---- From numbers to vectors, and between precisions -----------------------------------------------------------------


@lower_cast(types.Number, Lane)
@lower_cast(Lane, Lane)
def _to_lane(context, b, came, kind, value):
    vector = context.get_value_type(kind)
    if not isinstance(came, Lane):
        return spread_over(b, context.cast(b, value, came, kind.dtype), vector)
    if came.dtype.bitwidth != kind.dtype.bitwidth:
        convert = b.fpext if came.dtype.bitwidth < kind.dtype.bitwidth else b.fptrunc
        value = convert(value, ir.VectorType(vector.element, came.vec.lanes))
    return value if came.samples == kind.samples else _picked(b, value, [*range(came.lanes)] * kind.samples)


def _picked(b, value, places):
    return b.shuffle_vector(value, value, ir.Constant(ir.VectorType(I32, len(places)), places))


def _any(context, b, sig, args):
    held = b.bitcast(args[0], ir.IntType(args[0].type.count))
    return b.icmp_unsigned("!=", held, ir.Constant(held.type, 0))


@lower_cast(Mask, types.boolean)
def _mask_to_boolean(context, b, came, kind, value):
    return _any(context, b, None, [value])


@infer_global(bool)
class _BoolOfMask(AbstractTemplate):
    def generic(self, args, keywords):
        return signature(types.boolean, *args) if isinstance(args[0], Mask) else None


lower_builtin(bool, Mask)(_any)


# ---- Arithmetic ------------------------------------------------------------------------------------------------------


def _lifted(context, b, sig, args):
    kind = _common(sig.args)
    return [context.cast(b, arg, came, kind) for arg, came in zip(args, sig.args, strict=True)]


def _operation(operations, result, build):
    """Teach Numba some spellings of an operation."""
    for operation in operations:

        @infer_global(operation)
        class _Typing(AbstractTemplate):
            def generic(self, args, keywords):
                kind = _common(args)
                return signature(result(kind), *args) if kind else None

        def codegen(context, b, sig, args):
            return build(b, _lifted(context, b, sig, args))

        one = operation in (operator.neg, abs)
        for pattern in [(Lane,)] if one else [(Lane, Lane), (Lane, types.Number), (types.Number, Lane)]:
            lower_builtin(operation, *pattern)(codegen)


def _instruction(name):
    return lambda b, values: getattr(b, name)(*values, flags=FORMULA)


def _comparison(sign):
    compare = "fcmp_unordered" if sign == "!=" else "fcmp_ordered"
    return lambda b, values: getattr(b, compare)(sign, *values)


_operation([operator.add, operator.iadd], lambda kind: kind, _instruction("fadd"))
_operation([operator.sub, operator.isub], lambda kind: kind, _instruction("fsub"))
_operation([operator.mul, operator.imul], lambda kind: kind, _instruction("fmul"))
_operation([operator.truediv, operator.itruediv], lambda kind: kind, _instruction("fdiv"))
_operation([operator.neg], lambda kind: kind, lambda b, values: b.fneg(*values))
_operation([abs], lambda kind: kind, lambda b, values: call(b, "fabs", values[0].type, values))
for _operator, _sign in {
    operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "==", operator.ne: "!=",
}.items():  # fmt: skip
    _operation([_operator], lambda kind: Mask(kind.vec.lanes), _comparison(_sign))


@infer_global(operator.add)
@infer_global(operator.iadd)
class _AddSamples(AbstractTemplate):
    def generic(self, args, keywords):
        return signature(args[0], *args) if isinstance(args[0], Sum) and isinstance(args[1], Lane) else None


@lower_builtin(operator.add, Sum, Lane)
def _add_samples(context, b, sig, args):
    kind, came, total = sig.args[0].lane, sig.args[1], args[0]
    for sample in range(came.samples):
        part = _picked(b, args[1], [*range(sample * came.lanes, (sample + 1) * came.lanes)])
        part = context.cast(b, part, Lane(came.dtype, came.lanes), kind)
        total = b.fadd(total, part, flags=FORMULA)
    return total


# ---- Functions -------------------------------------------------------------------------------------------------------


@intrinsic
def vec_of(typing_context, lane):
    """The vector with which the functions of the engine work."""
    return lane.vec(lane), lambda context, b, sig, args: args[0]


@intrinsic
def lane_of(typing_context, vec, like):
    """The other way round: of the type of `like`."""
    return like(vec, like), lambda context, b, sig, args: args[0]


@intrinsic
def square_root(typing_context, lane):
    """Of each lane; NaN of what is below 0."""
    return lane(lane), lambda context, b, sig, args: call(b, "sqrt", args[0].type, args)


def _function(function, of_vec):
    @overload(function, jit_options={"error_model": "numpy"})
    def _(x):
        return (lambda x: lane_of(of_vec(vec_of(x)), x)) if isinstance(x, Lane) else None


_function(np.exp, functions.exp)
_function(np.log, functions.log)
_function(np.tanh, functions.tanh)
_function(np.expm1, functions.exp_minus_one)
_function(np.log1p, functions.log_one_plus)


@overload(np.sqrt)
def _(x):
    return (lambda x: square_root(x)) if isinstance(x, Lane) else None


@overload(operator.pow)
def _(x, y):
    """x^y for x of at least 0."""
    if isinstance(x, Lane) and isinstance(y, Lane):
        return lambda x, y: np.exp(y * np.log(x))
    return None
