"""Registers as Numba values: vectors, and the pointers that they are loaded through.

Of the engine only this folder knows LLVM. A `Vec` is one register, full of numbers of one
dtype, and lives in a variable of a loop as a float does; `+ - * /` work on vectors, and a plain number among them is
spread over all lanes. A pointer is a place in an array: `p[i]` is a number, `load(p)` a vector. It is valid as long as
its array, and nothing is checked. With `NUMBA_DISABLE_JIT=1` the same names come from `numpy_fallback.py`: NumPy, with
checks of bounds.
"""

import operator

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.imputils import lower_constant
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model, typeof_impl
from numba.np.arrayobj import make_array

from fastbp.engine.simd.shapes import VECTOR_BYTES, TileShape

I32, I64 = ir.IntType(32), ir.IntType(64)

# Numba gives the flags of `fastmath` to every sum and product that has none, and then (x + c) - c is x. This flag, the
# most harmless one (the sign of a zero does not matter), keeps the order of the operations as it is written.
AS_WRITTEN = ("nsz",)


class Vec(types.Type):
    """One register of numbers, or as many numbers as are asked for."""

    def __init__(self, dtype, lanes=None):
        self.dtype = dtype
        self.lanes = lanes or VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Vec({self.lanes} x {dtype})")


class Tile(types.Type):
    """rows x columns registers."""

    def __init__(self, rows, columns, dtype):
        self.rows, self.columns, self.vec, self.dtype = rows, columns, Vec(dtype), dtype
        super().__init__(name=f"Tile({rows} x {columns} x {self.vec})")


class ShapeType(types.Opaque):
    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        super().__init__(name=f"TileShape({rows}, {columns})")


register_model(ShapeType)(models.OpaqueModel)
typeof_impl.register(TileShape)(lambda shape, _: ShapeType(shape.rows, shape.columns))


@lower_constant(ShapeType)
def _shape_constant(context, builder, shape_type, value):
    return context.get_dummy_value()


@register_model(Vec)
class VecModel(models.PrimitiveModel):
    def __init__(self, manager, vec):
        super().__init__(manager, vec, ir.VectorType(manager.lookup(vec.dtype).get_value_type(), vec.lanes))


@register_model(Tile)
class TileModel(models.PrimitiveModel):
    def __init__(self, manager, tile):
        vec = manager.lookup(tile.vec).get_value_type()
        super().__init__(manager, tile, ir.ArrayType(vec, tile.rows * tile.columns))


# ---- Building blocks of the intrinsics: each adds instructions to `b`, LLVM's builder --------------------------------


def constant(vector, number):
    return ir.Constant(vector, [number] * vector.count)


def spread_over(b, number, vector):
    """All lanes = number."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = b.insert_element(undefined, number, I32(0))
    return b.shuffle_vector(first, undefined, constant(ir.VectorType(I32, vector.count), 0))


def call(b, name, vector, args):
    suffix = f"v{vector.count}f{32 if isinstance(vector.element, ir.FloatType) else 64}"
    function = ir.FunctionType(vector, [vector] * len(args))
    return b.call(cgutils.get_or_insert_function(b.module, function, f"llvm.{name}.{suffix}"), args)


def _vectors_at(b, pointer, offset, vector):
    return b.bitcast(b.gep(pointer, [offset]), vector.as_pointer())


def _width(vector):
    return 4 if isinstance(vector.element, ir.FloatType) else 8


def load_at(b, pointer, offset, vector):
    loaded = b.load(_vectors_at(b, pointer, offset, vector))
    loaded.align = _width(vector)  # of a number: rows of a matrix begin anywhere
    return loaded


def store_at(b, value, pointer, offset):
    b.store(value, _vectors_at(b, pointer, offset, value.type)).align = _width(value.type)


def _mask(b, n, vector):
    """The first n lanes."""
    integers = ir.VectorType(I32, vector.count)
    lanes = ir.Constant(integers, list(range(vector.count)))
    return b.icmp_signed("<", lanes, spread_over(b, b.trunc(n, I32), integers))


def _masked(b, name, result, args, vector):
    suffix = f"v{vector.count}f{8 * _width(vector)}"
    function = ir.FunctionType(result, [arg.type for arg in args])
    name = f"llvm.masked.{name}.{suffix}.p0{suffix}"
    return b.call(cgutils.get_or_insert_function(b.module, function, name), args)


def load_part_at(b, pointer, offset, n, vector):
    """The first n numbers, 0 in the other lanes; nothing behind them is read."""
    address = _vectors_at(b, pointer, offset, vector)
    args = [address, I32(_width(vector)), _mask(b, n, vector), constant(vector, 0.0)]
    return _masked(b, "load", vector, args, vector)


def store_part_at(b, value, pointer, offset, n):
    address = _vectors_at(b, pointer, offset, value.type)
    args = [value, address, I32(_width(value.type)), _mask(b, n, value.type)]
    _masked(b, "store", ir.VoidType(), args, value.type)


def prefetch(b, pointer, offset):
    """Have a place loaded into the first-level cache; one beside the array does no harm."""
    place = b.bitcast(b.gep(pointer, [I64(offset)]), ir.IntType(8).as_pointer())
    function = ir.FunctionType(ir.VoidType(), [place.type, I32, I32, I32])
    args = [place, I32(0), I32(3), I32(1)]  # to read, to keep, data
    b.call(cgutils.get_or_insert_function(b.module, function, "llvm.prefetch.p0i8"), args)


def pointee(pointer):
    """The type of what a pointer leads to; a place in an array of floats is all that is asked for."""
    if not isinstance(pointer, types.CPointer):
        raise TypingError(f"a pointer is needed, got {pointer}")
    return pointer.dtype


# ---- Pointers and vectors --------------------------------------------------------------------------------------------


@intrinsic
def address(typing_context, array, at):
    """Where element `at` of an array lies, counted in C order."""
    if array.layout != "C":
        raise TypingError(f"kernels take arrays in C order, got {array}")

    def codegen(context, b, sig, args):
        return b.gep(make_array(sig.args[0])(context, b, args[0]).data, [args[1]])

    return types.CPointer(array.dtype)(array, types.intp), codegen


@intrinsic
def moved(typing_context, pointer, n):
    """The place n elements further on."""
    pointee(pointer)
    return pointer(pointer, types.intp), lambda context, b, sig, args: b.gep(args[0], [args[1]])


@intrinsic
def lanes(typing_context, pointer):
    """How many numbers fit into a vector."""
    number = Vec(pointee(pointer)).lanes
    return types.intp(pointer), lambda context, b, sig, args: I64(number)


@intrinsic
def load(typing_context, pointer):
    """The vector at p."""

    def codegen(context, b, sig, args):
        return load_at(b, args[0], I64(0), context.get_value_type(sig.return_type))

    return Vec(pointee(pointer))(pointer), codegen


@intrinsic
def store(typing_context, pointer, vec):
    """Write the vector to p."""

    def codegen(context, b, sig, args):
        store_at(b, args[1], args[0], I64(0))
        return context.get_dummy_value()

    return types.void(pointer, vec), codegen


@intrinsic
def load_part(typing_context, pointer, n):
    """The first n numbers of the vector at p, zeros behind them."""

    def codegen(context, b, sig, args):
        return load_part_at(b, args[0], I64(0), args[1], context.get_value_type(sig.return_type))

    return Vec(pointee(pointer))(pointer, types.intp), codegen


@intrinsic
def spread(typing_context, pointer, number):
    """A vector of the pointer's dtype with the number in all lanes."""
    dtype = pointee(pointer)

    def codegen(context, b, sig, args):
        return spread_over(b, args[1], context.get_value_type(sig.return_type))

    return Vec(dtype)(pointer, dtype), codegen


@intrinsic
def total(typing_context, vec):
    """The sum of all lanes, by halves: in the same order on every call."""

    def codegen(context, b, sig, args):
        value = args[0]
        while value.type.count > 1:
            half = value.type.count // 2
            low, high = (ir.Constant(ir.VectorType(I32, half), list(range(at, at + half))) for at in (0, half))
            value = b.fadd(b.shuffle_vector(value, value, low), b.shuffle_vector(value, value, high), flags=AS_WRITTEN)
        return b.extract_element(value, I32(0))

    return vec.dtype(vec), codegen


@intrinsic
def ask_for(typing_context, pointer):
    """Have the place loaded into the cache while other work is done; one beside the array does no harm."""
    pointee(pointer)

    def codegen(context, b, sig, args):
        prefetch(b, args[0], 0)
        return context.get_dummy_value()

    return types.void(pointer), codegen


# ---- Arithmetic of vectors. None of it may be reordered: exp and log live by the order of their roundings ------------


def _both_vectors(context, b, sig, args):
    vector = context.get_value_type(sig.return_type)
    dtype = sig.return_type.dtype
    return [
        value if isinstance(kind, Vec) else spread_over(b, context.cast(b, value, kind, dtype), vector)
        for kind, value in zip(sig.args, args, strict=True)
    ]


def _vec_among(args):
    vecs = [arg for arg in args if isinstance(arg, Vec)]
    return vecs[0] if vecs and all(isinstance(arg, Vec | types.Number) for arg in args) else None


def _operation(operation, instruction):
    """Teach Numba an operator on vectors, and on a vector and a number."""

    @infer_global(operation)
    class _Typing(AbstractTemplate):
        def generic(self, args, keywords):
            vec = _vec_among(args)
            return signature(vec, *args) if vec else None

    def codegen(context, b, sig, args):
        vectors = _both_vectors(context, b, sig, args)
        return b.fneg(*vectors) if instruction == "fneg" else getattr(b, instruction)(*vectors, flags=AS_WRITTEN)

    patterns = [(Vec,)] if instruction == "fneg" else [(Vec, Vec), (Vec, types.Number), (types.Number, Vec)]
    for pattern in patterns:
        lower_builtin(operation, *pattern)(codegen)


for _operator, _instruction in {
    operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv", operator.neg: "fneg",
}.items():  # fmt: skip
    _operation(_operator, _instruction)


@intrinsic
def fma(typing_context, x, y, z):
    """x y + z for a vector x; rounded once where the machine can do that in one step."""

    def codegen(context, b, sig, args):
        vectors = _both_vectors(context, b, sig, args)
        return call(b, "fmuladd", vectors[0].type, vectors)

    return x(x, y, z), codegen


@intrinsic
def where_less(typing_context, x, bound, yes, no):
    """In each lane `yes` where x < bound, `no` elsewhere (and where x is NaN)."""

    def codegen(context, b, sig, args):
        x, bound, yes, no = _both_vectors(context, b, sig, args)
        return b.select(b.fcmp_ordered("<", x, bound, flags=AS_WRITTEN), yes, no)

    return x(x, bound, yes, no), codegen


@intrinsic
def double(typing_context, x):
    """Whether the lanes are of double precision: a constant, so the other branch is never compiled."""
    is_double = int(x.dtype.bitwidth == 64)
    return types.boolean(x), lambda context, b, sig, args: ir.IntType(1)(is_double)


@intrinsic
def magnitude(typing_context, x):
    """|x|."""
    return x(x), lambda context, b, sig, args: call(b, "fabs", args[0].type, args)


@intrinsic
def with_sign_of(typing_context, x, sign):
    """|x| with the sign of `sign`."""
    return x(x, sign), lambda context, b, sig, args: call(b, "copysign", args[0].type, args)


def _bits(vec):
    """Vector of integers as wide as the numbers; bits of the mantissa; what is added to the exponent."""
    single = vec.dtype.bitwidth == 32
    return ir.VectorType(I32 if single else I64, vec.lanes), *((23, 127) if single else (52, 1023))


def _as_exponent(b, bits, vector, mantissa):
    return b.bitcast(b.shl(bits, constant(bits.type, mantissa)), vector)


@intrinsic
def two_to(typing_context, t):
    """2^n where the lowest bits of t, read as an integer, are n and the bias of exponents; 0 where they are 0."""

    def codegen(context, b, sig, args):
        integers, mantissa, _ = _bits(sig.return_type)
        return _as_exponent(b, b.bitcast(args[0], integers), args[0].type, mantissa)

    return t(t), codegen


@intrinsic
def times_two_to(typing_context, x, t):
    """x 2^n in two steps, so that n may lie beside the exponents; the lowest bits of t are n and twice the bias."""

    def codegen(context, b, sig, args):
        integers, mantissa, _ = _bits(sig.return_type)
        both = b.bitcast(args[1], integers)
        half = b.lshr(both, constant(integers, 1))
        powers = [_as_exponent(b, bits, args[0].type, mantissa) for bits in (half, b.sub(both, half))]
        return b.fmul(b.fmul(args[0], powers[0], flags=AS_WRITTEN), powers[1], flags=AS_WRITTEN)

    return x(x, t), codegen


@intrinsic
def exponent_of(typing_context, x):
    """The whole number e with 2^e <= x < 2^(e + 1), for normal positive x."""

    def codegen(context, b, sig, args):
        integers, mantissa, bias = _bits(sig.return_type)
        shifted = b.lshr(b.bitcast(args[0], integers), constant(integers, mantissa))
        magic = 2**mantissa + bias  # the same trick backwards: an integer under the exponent of 2^mantissa
        as_float = b.or_(shifted, constant(integers, (mantissa + bias) << mantissa))
        return b.fsub(b.bitcast(as_float, args[0].type), constant(args[0].type, float(magic)), flags=AS_WRITTEN)

    return x(x), codegen


@intrinsic
def mantissa_of(typing_context, x):
    """x / 2^e, from 1 to below 2, for normal positive x."""

    def codegen(context, b, sig, args):
        integers, mantissa, bias = _bits(sig.return_type)
        kept = b.and_(b.bitcast(args[0], integers), constant(integers, (1 << mantissa) - 1))
        return b.bitcast(b.or_(kept, constant(integers, bias << mantissa)), args[0].type)

    return x(x), codegen
