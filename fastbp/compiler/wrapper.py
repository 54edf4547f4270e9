"""What is compiled for a call from Python: an entry in C's manner around a kernel, as object code.

`int64 entry(const int64 *words, void *result)` reads its words (marshal.py), borrows the arrays, calls the kernel,
which LLVM then inlines, and writes what that returns. It counts no references and raises nothing, so its object code
needs neither Python nor Numba: only the C library's functions.
"""

import numba
from llvmlite import binding as llvm
from llvmlite import ir
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.np.arrayobj import make_array, populate_array

from fastbp.compiler import flat, marshal, objects, processor

I1, I8, I32, I64, DOUBLE = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()
RESULTS = {types.none: "", types.float64: "d", types.float32: "d", types.boolean: "?"}


# All arrays are borrowed, so nothing is there to be counted: in place of Numba's functions.
NO_COUNTS = """
define void @NRT_incref(i8* %object) alwaysinline { ret void }
define void @NRT_decref(i8* %object) alwaysinline { ret void }
"""


class ObjectLibrary(JITCodeLibrary):
    """Code that becomes an object, and is not loaded."""

    def _optimize_final_module(self):
        super()._optimize_final_module()
        for function in self._final_module.functions:
            if not function.is_declaration and function.name != self.name:
                function.linkage = llvm.Linkage.internal  # so that those that are inlined everywhere are dropped
        if hasattr(llvm, "create_module_pass_manager"):  # llvmlite 0.44
            passes = llvm.create_module_pass_manager()
            passes.add_global_dce_pass()
            passes.run(self._final_module)
        else:
            passes = llvm.create_new_module_pass_manager()
            passes.add_global_dead_code_eliminate_pass()
            passes.run(self._final_module, self._codegen._pass_builder())

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self.object_code = _emitter(self._codegen).emit_object(self._final_module)
        self._finalized = True


def _emitter(codegen):
    """What makes object code of LLVM's: such as can be laid out (flat.py), where that is known."""
    if not processor.triple().startswith("x86_64-") or "linux" not in processor.triple():
        return codegen._tm
    return processor.target_machine(numba.config.OPT, reloc="pic", codemodel="small")


@global_compiler_lock
def object_of(part, arguments):
    """The code of an entry to a kernel for such arguments, and what its header says of it.

    None where the kernel returns anything but a number, or refers to what is in memory.
    """
    kinds = tuple(map(numba.typeof, arguments))
    part.compile(kinds)
    kernel = part.overloads[kinds]
    returned = kernel.signature.return_type
    result = RESULTS.get(returned, "q" if isinstance(returned, types.Integer) else None)
    if result is None:
        return None
    context = kernel.target_context
    library = ObjectLibrary(context.codegen(), objects.SYMBOL)
    module = library.create_ir_module(objects.SYMBOL)
    entry = ir.Function(module, ir.FunctionType(I64, [I64.as_pointer(), I8.as_pointer()]), objects.SYMBOL)
    _write_entry(entry, context, kernel, kinds, arguments)
    library.add_ir_module(module)
    library.add_llvm_module(llvm.parse_assembly(NO_COUNTS))
    library.add_linking_library(kernel.library)
    library.finalize()
    if library.has_dynamic_globals:
        return None
    code, header = flat.prepared(library.object_code)
    return code, header | {"result": result}


def _write_entry(entry, context, kernel, kinds, arguments):
    builder = ir.IRBuilder(entry.append_basic_block())
    words, out = entry.args
    arrays = marshal.arrays_of(arguments)
    misfit = entry.append_basic_block("misfit")
    at = iter(range(len(arrays), len(arrays) + sum(1 for _ in marshal.leaves(arguments))))
    place = iter(range(len(arrays)))
    given = [
        _argument(context, builder, words, (at, place), misfit, *each) for each in zip(kinds, arguments, strict=True)
    ]
    signature = kernel.signature
    function = context.call_conv.get_function_type(signature.return_type, signature.args)
    callee = ir.Function(builder.module, function, kernel.fndesc.llvm_func_name)
    status, returned = context.call_conv.call_function(builder, callee, signature.return_type, signature.args, given)
    with builder.if_then(status.is_error, likely=False):
        builder.ret(I64(marshal.FAILED))
    if signature.return_type != types.none:
        _store(builder, returned, signature.return_type, out)
    builder.ret(I64(marshal.FIT))
    ir.IRBuilder(misfit).ret(I64(1))


def _store(builder, returned, kind, out):
    if isinstance(kind, types.Float):
        value = returned if kind == types.float64 else builder.fpext(returned, DOUBLE)
        builder.store(value, builder.bitcast(out, DOUBLE.as_pointer()))
        return
    if returned.type.width < 64:
        signed = isinstance(kind, types.Integer) and kind.signed
        returned = (builder.sext if signed else builder.zext)(returned, I64)
    builder.store(returned, builder.bitcast(out, I64.as_pointer()))


def _argument(context, builder, words, at, misfit, kind, value):
    """A value of Numba's for an argument."""
    if isinstance(kind, types.BaseTuple):
        items = [_argument(context, builder, words, at, misfit, *each) for each in zip(kind, value, strict=True)]
        return context.make_tuple(builder, kind, items)
    word = _word(builder, words, next(at[0]))
    if isinstance(kind, types.Array):
        expected = _word(builder, words, next(at[1]))
        return _array(context, builder, word, (expected, value), misfit, kind)
    if isinstance(kind, types.Float):
        number = builder.bitcast(word, DOUBLE)
        return number if kind == types.float64 else builder.fptrunc(number, ir.FloatType())
    width = context.get_value_type(kind).width  # of an integer, or a truth value
    return word if width == 64 else builder.trunc(word, ir.IntType(width))


def _word(builder, words, number):
    return builder.load(builder.gep(words, [I64(number)]))


def _array(context, builder, place, expected, misfit, kind):
    """The array whose object lies there, borrowed; leaves the entry where it is another one than expected."""
    dtype, array = expected
    field = lambda at, what: builder.load(builder.inttoptr(builder.add(place, I64(at)), what.as_pointer()))  # noqa: E731
    mask, flags = marshal.expected_flags(array)
    fits = builder.icmp_unsigned("==", field(marshal.DTYPE, I64), dtype)
    fits = builder.and_(fits, builder.icmp_unsigned("==", field(marshal.AXES, I32), I32(kind.ndim)))
    found = builder.and_(field(marshal.FLAGS, I32), I32(mask))
    fits = builder.and_(fits, builder.icmp_unsigned("==", found, I32(flags)))
    fit = builder.append_basic_block("fit")
    builder.cbranch(fits, fit, misfit)
    builder.position_at_end(fit)
    axes = []
    for at in (marshal.SHAPE, marshal.STRIDES):
        first = field(at, I64.as_pointer())
        axes.append([builder.load(builder.gep(first, [I64(axis)])) for axis in range(kind.ndim)])
    element = context.get_data_type(kind.dtype)
    width = context.get_constant(types.intp, context.get_abi_sizeof(element))
    out = make_array(kind)(context, builder)
    populate_array(out, field(marshal.DATA, element.as_pointer()), *axes, width, meminfo=None)
    return out._getvalue()
