"""How long the registers of this machine are, and the shapes of the tiles that fit into them."""

from typing import NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core.registry import cpu_target


def _vector_bytes():
    """The length of the registers that LLVM uses on this machine: what it makes of the sum of two long vectors."""
    codegen = cpu_target.target_context.codegen()
    vector = ir.VectorType(ir.FloatType(), 16)
    module = ir.Module()
    add = ir.Function(module, ir.FunctionType(ir.VoidType(), [vector.as_pointer()] * 2), "add")
    builder = ir.IRBuilder(add.append_basic_block())
    builder.store(builder.fadd(builder.load(add.args[0]), builder.load(add.args[1])), add.args[0])
    builder.ret_void()
    name, features = codegen._get_host_cpu_name(), codegen._get_host_cpu_features()
    target = llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features, opt=2)
    assembly = target.emit_assembly(llvm.parse_assembly(str(module)))
    return 64 if "zmm" in assembly else 32 if "ymm" in assembly else 16


class TileShape(NamedTuple):
    """How many rows and columns (of vectors) a tile has: as a global constant, a type to Numba."""

    rows: int
    columns: int


VECTOR_BYTES = _vector_bytes()
REGISTERS = 32 if VECTOR_BYTES == 64 or "aarch64" in llvm.get_process_triple() else 16

# As tall as fits: a tile, a row of b and one number of a share the registers. With fewer than eight
# sums they wait for each other.
ONE, TWO, THREE, FOUR = (
    TileShape(rows, columns)
    for columns, rows in enumerate((16, 12, 8, 6) if REGISTERS == 32 else (8, 6, 4, 2), start=1)
)

# How many samples of each network a vector holds where networks share lanes.
ONE_SAMPLE, FOUR_SAMPLES = TileShape(1, 1), TileShape(4, 1)
