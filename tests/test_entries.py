"""Kernels as Python calls them (compiler/entries.py): without Numba where they are compiled, and only as they fit."""

import contextlib
import gc
import inspect
import json
import os
import random
import subprocess
import sys
import tracemalloc

import numba
import numpy as np
import pytest
from llvmlite import binding as llvm
from llvmlite import ir

from fastbp.compiler import cache, marshal, object_files, objects, processor, versions
from fastbp.compiler.entries import Entry
from fastbp.engine import entries
from fastbp.engine.lanes import block
from fastbp.engine.tiles.updates import is_plain
from fastbp.lecture import codes, loops
from fastbp.lecture import entries as lecture
from fastbp.network import Network
from tests.cases import UNCOMPILED, Case

compiled_only = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")


def run(*command, **changes):
    done = subprocess.run(
        [sys.executable, *map(str, command)], env=os.environ | changes, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- The processor --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"NUMBA_CPU_NAME": "generic"},
        {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+sse4.2"},
        {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""},
        {"NUMBA_ENABLE_AVX": "0"},
        {"NUMBA_OPT": "1", "NUMBA_SLP_VECTORIZE": "1", "NUMBA_BOUNDSCHECK": "1", "NUMBA_DEBUGINFO": "1"},
        {"NUMBA_DISABLE_JIT": "1"},
    ],
    ids=repr,
)
def test_the_processor_is_that_of_numba(changes):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    script = """
import json, sys
from fastbp.compiler import processor, versions
def all_of_it():
    return [processor.name_and_features(), processor.settings(), processor.uncompiled(), versions.numba_version()]
alone = all_of_it()
assert "numba" not in sys.modules
import numba
from numba.core.registry import cpu_target
processor.name_and_features.cache_clear(), processor.settings.cache_clear()
magic = cpu_target.target_context.codegen().magic_tuple()
print(json.dumps([alone, all_of_it(), magic]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=kept | changes, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    alone, asked, (_, name, features) = json.loads(done.stdout)
    assert alone == asked
    assert alone[0] == [name, features]
    assert alone[3] == numba.__version__


def test_a_setting_file_of_numba_is_asked_for(tmp_path):
    pytest.importorskip("yaml")
    (tmp_path / ".numba_config.yaml").write_text("cpu_name: generic\n")
    script = "from fastbp.compiler import processor; print(processor.name_and_features()[0])"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run([sys.executable, "-c", script], env=kept, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "generic\n", done.stderr


# ---- Arguments -------------------------------------------------------------------------------------------------------


def predicted(case, X=None):
    Y = np.full((case.samples, 3), np.nan, case.dtype)
    lecture.predict(case.theta, case.layers, case.X if X is None else X, case.scratch(), Y)
    return Y


@compiled_only
def test_arrays_of_each_kind_give_the_same(tmp_path):
    """Read-only or not, a memory map, with another object as dtype, of both precisions in turn."""
    for _ in range(2):
        for dtype in (np.float32, np.float64):
            case = Case((4, 5, 3), samples=2, dtype=dtype)
            expected = predicted(case)
            assert np.isfinite(expected).all()
            np.save(tmp_path / "X.npy", case.X)
            layers, case.layers = case.layers, case.layers.astype(np.dtype(case.layers.dtype.descr))
            assert layers.dtype is not case.layers.dtype
            for X in (case.X.copy(), np.load(tmp_path / "X.npy", mmap_mode="r")):
                np.testing.assert_array_equal(predicted(case, X), expected)


@compiled_only
def test_what_is_no_array_of_numbers_is_refused():
    case = Case((4, 5, 3), samples=2)
    predicted(case)
    swapped = case.X.astype(case.X.dtype.newbyteorder())
    for X, why in (
        (swapped, "byte order"), (case.X.astype(object), "arrays of numbers"), ([1.0], "got a list"),
        ("x", "got a str"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=why):
            predicted(case, X)
    for X in (np.asfortranarray(case.X), case.X[:, ::-1], case.X[0], case.X.astype(np.int64)):
        with pytest.raises(numba.TypingError):
            predicted(case, X)
    read_only = np.empty((2, 3))
    read_only.flags.writeable = False
    with pytest.raises(numba.TypingError):
        lecture.predict(case.theta, case.layers, case.X, case.scratch(), read_only)
    np.testing.assert_array_equal(predicted(case), predicted(case))


@compiled_only
def test_a_call_sees_that_the_same_array_has_changed():
    """Its shape, its dtype, its flags: whatever was seen of it before."""
    report = np.arange(1.0, 13.0)
    matrix = report.reshape(4, 3)
    expected = loops.mean_of_batches.py_func(matrix)
    assert lecture.mean_of_batches(matrix) == pytest.approx(expected)
    matrix = np.arange(1.0, 13.0)
    matrix.shape = (4, 3)
    assert lecture.mean_of_batches(matrix) == pytest.approx(expected)
    matrix.shape = (12,)
    with pytest.raises(numba.TypingError):
        lecture.mean_of_batches(matrix)
    matrix.shape = (2, 6)
    assert lecture.mean_of_batches(matrix) == pytest.approx(loops.mean_of_batches.py_func(matrix))


@compiled_only
def test_results_of_each_kind():
    from fastbp.engine.turns import next_piece, part_of

    board = np.zeros(64, np.int64)
    assert next_piece(board, 0, 3, 1, -1) == 0
    assert next_piece(board, 0, 3, 1, 2) == -1
    assert part_of(10, 1, 2, 4) == 4
    layers = Network((2, 1), output="sigmoid").layers
    assert is_plain(np.zeros(13), layers) is True
    assert is_plain(np.ones(13), layers) is False
    assert loops.square_sum(np.array([3.0, 4.0])) == 25.0
    assert isinstance(loops.square_sum(np.ones(2, np.float32)), float)


def test_a_step_is_plain_as_kernels_see_it():
    layers = Network((2, 1), output="sigmoid").layers
    for column in range(codes.SETTINGS):
        for rule in (codes.SGD, codes.ADAM):
            settings = np.zeros(codes.SETTINGS)
            settings[column] = 0.5
            settings[codes.RULE] = rule
            assert block.is_plain(settings) == getattr(is_plain, "py_func", is_plain)(settings, layers), column


def test_arrays_lie_as_the_entries_read_them():
    assert marshal.arrays_are_as_promised()


@compiled_only
def test_ten_thousand_calls_leak_nothing():
    case = Case((4, 5, 3), samples=2)
    out, scratch = np.empty((2, 3)), case.scratch()
    arrays = [case.theta, case.layers, case.X, scratch, out]

    def call(times):
        for _ in range(times):
            lecture.predict(*arrays)
            lecture.mean_error(case.theta, case.layers, case.data, case.rows, scratch)

    call(10)
    counts = [sys.getrefcount(array) for array in arrays]
    gc.collect()
    tracemalloc.start()
    call(100)
    before = tracemalloc.get_traced_memory()[0]
    call(10_000)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 2000
    assert [sys.getrefcount(array) for array in arrays] == counts


@compiled_only
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_a_child_goes_on_with_what_its_parent_has_linked():
    case = Case((4, 5, 3), samples=2)
    expected = predicted(case).tobytes()
    child = os.fork()
    if child == 0:
        other = Case((4, 5, 3), samples=2, dtype=np.float32)
        os._exit(0 if predicted(case).tobytes() == expected and np.isfinite(predicted(other)).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@compiled_only
def test_the_command_compiles_all_that_python_calls():
    run("-m", "fastbp", "cache", "--build")
    script = "import sys; from fastbp import cli; cli.main(['cache', '--build']); print('numba' in sys.modules)"
    *lines, with_numba = run("-c", script).splitlines()
    assert with_numba == "False", "everything is there"
    every = [entry for module in (entries, lecture) for entry in vars(module).values() if isinstance(entry, Entry)]
    names = {f"{entry.__module__}.{entry.__name__}".removeprefix("fastbp.") for entry in every}
    assert len(names) == 29
    assert names <= {line.split(",")[0].strip() for line in lines}


@compiled_only
def test_what_a_kernel_computes_does_not_depend_on_which_is_asked_first():
    """Attributes may have the names of functions: `store_at` calls `b.store`, and `store` calls `store_at`."""
    from fastbp.compiler.meaning import Foreign, meaning_of
    from fastbp.engine.simd import vectors

    functions = [value for value in vars(vectors).values() if getattr(value, "__module__", "") == vectors.__name__]
    functions = [value for value in functions if inspect.isfunction(getattr(value, "_defn", value))]
    forwards, backwards = {}, {}
    for known, order in ((forwards, functions), (backwards, functions[::-1])):
        for function in order:
            with contextlib.suppress(Foreign):  # one that teaches Numba an operator
                meaning_of(function, known)
    assert len(functions) > 10
    assert forwards == backwards


@compiled_only
def test_the_command_shows_and_clears(tmp_path):
    where = {"NUMBA_CACHE_DIR": str(tmp_path)}
    root = tmp_path / "fastbp-kernels"
    assert run("-m", "fastbp", "cache", **where).startswith(f"{root}: 0 kernels, 0 bytes\n0 of them for this version")
    run(
        "-c", "import numpy as np; from fastbp.lecture import entries as e; e.mean_of_batches(np.ones((1, 3)))", **where
    )
    size = sum(file.stat().st_size for file in root.rglob("*.kernel"))
    out = run("-m", "fastbp", "cache", **where)
    assert out.startswith(f"{root}: 1 kernels, {size:,} bytes\n1 of them for this version on this processor")
    assert out.endswith("  lecture.loops.passes.mean_of_batches\n")
    other = run("-m", "fastbp", "cache", **where, NUMBA_CPU_NAME="generic")
    assert "\n0 of them for this version on this processor (generic)\n" in other
    (root / "notes.txt").write_text("not ours")
    assert run("-m", "fastbp", "cache", "--clear", **where) == f"{root}: removed {size:,} bytes\n"
    assert [file.name for file in root.rglob("*")] == ["notes.txt"]


# ---- Object code -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("triple", ["x86_64-unknown-linux-gnu", "x86_64-apple-darwin", "x86_64-pc-windows-msvc"])
def test_symbols_are_read_from_the_objects_of_each_system(triple):
    processor.name_and_features()
    double, module = ir.DoubleType(), ir.Module("m")
    module.triple = triple
    kind = ir.FunctionType(double, [double])
    callees = [ir.Function(module, kind, name) for name in ("tanh", "a_name_longer_than_eight")]
    function = ir.Function(module, kind, "entry")
    builder = ir.IRBuilder(function.append_basic_block())
    value = function.args[0]
    for callee in callees:
        value = builder.call(callee, [value])
    builder.ret(value)
    machine = llvm.Target.from_triple(triple).create_target_machine()
    code = machine.emit_object(llvm.parse_assembly(str(module)))
    assert [name for name in object_files.needs(code) if name != "_fltused"] == ["a_name_longer_than_eight", "tanh"]


def test_what_is_no_object_code_is_refused():
    for code in (b"", b"\x7fELF", b"\xcf\xfa\xed\xfe" + b"\xff" * 60, b"\x7fELF" + b"\xff" * 100):
        with pytest.raises(ValueError, match="no object code"):
            object_files.needs(code)


@pytest.mark.parametrize("name", ["entry", "addresses", "pointers", "more"])
@pytest.mark.parametrize("wrong", [1 << 70, 1 << 40, -1, "0", ["0"], [1 << 40], [-9999], None], ids=repr)
def test_code_whose_header_points_beside_it_is_not_taken(name, wrong):
    places = {"entry": 0, "addresses": 64, "pointers": []}
    header = {"needs": ["exp"], "flat": places | {name: wrong}}
    assert objects.link(bytes(72), header) is None
    if sys.platform.startswith("linux"):
        assert objects.link(bytes(72), header | {"flat": places})


def test_no_damaged_file_is_taken_for_a_sound_one(tmp_path, request):
    """Cut, longer, with other bytes, with a header of another length: whatever happens to it."""
    mutants, rng = max(300, request.config.getoption("--fuzz") // 10), random.Random(0)
    header = {"kernel": "k", "signature": "s", "key": "1", "meaning": "", "result": "", "needs": [], "flat": {}}
    file = tmp_path / "k.kernel"
    cache.write(file, header, rng.randbytes(500))
    sound = file.read_bytes()
    assert cache.read(file, "1")[0] == header
    assert cache.read(file, "2") is None
    for _ in range(mutants):
        content = bytearray(sound)
        kind, at = rng.randrange(5), rng.randrange(len(sound))
        if kind == 0:
            content = content[:at]
        elif kind == 1:
            content += rng.randbytes(rng.randrange(1, 9))
        elif kind == 2:
            del content[at : at + rng.randrange(1, 9)]
        elif kind == 3:
            content[at] ^= 1 << rng.randrange(8)
        else:
            content[at:at] = rng.randbytes(rng.randrange(1, 9))
        file.write_bytes(content)
        assert cache.read(file, "1") is None
        assert cache.header_for_this_machine(file) is None


def test_versions_are_found_without_the_packages(monkeypatch):
    monkeypatch.delitem(sys.modules, "numba")
    assert versions.numba_version() == numba.__version__
    assert not versions.untested()
