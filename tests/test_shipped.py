"""Object code that comes with an installed package: for which processors, and that it is what the sources say."""

import ast
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.cli import shipping
from fastbp.compiler import cache, cpuinfo, marshal, object_files, objects, processor, shipped, targets
from fastbp.lecture.entries import PASSES
from tests.cases import UNCOMPILED

ROOT = Path(fastbp.__file__).parent.parent
X86, V2, V3, V4 = targets.X86, *(targets.TARGETS[f"x86-64-v{n}"] for n in (2, 3, 4))

# ---- Which of them fits ----------------------------------------------------------------------------------------------


def features(target, *more, without=()):
    has = {*target.features.split(","), *more} - {*without}
    return ",".join(sorted(has))


@pytest.mark.parametrize(
    ("triple", "has", "vector_bytes", "expected"),
    [
        (X86, features(V2), 16, "x86-64-v2"),
        (X86, features(V3), 32, "x86-64-v3"),
        (X86, features(V4, "+avx512vbmi"), 64, "x86-64-v4"),
        (X86, features(V4), 32, "x86-64-v3"),  # that uses shorter vectors than it has
        (X86, features(V3, "-avx512f"), 32, "x86-64-v3"),
        (X86, features(V3, without=["+fma"]), 32, None),
        (X86, features(V4, without=["+avx512dq"]), 64, None),
        (X86, "+64bit,+sse2", 16, None),
        ("x86_64-apple-darwin20", features(V3), 32, "x86-64-v3"),  # `fitting` asks for Linux
        (targets.ARM, "+neon,+fp-armv8,+crc", 16, "arm64"),
        (targets.ARM, "-aes,-rand,-sha2,-sve", 16, "arm64"),  # of an emulator that shows the files of its host
        (targets.ARM, "", 16, "arm64"),
        (targets.ARM, "+fp-armv8,+neon", 32, None),
        ("powerpc64le-unknown-linux-gnu", features(V2), 16, None),
    ],
)
def test_the_nearest_sufficient_target_is_taken(triple, has, vector_bytes, expected):
    found = targets.nearest(triple, has, vector_bytes)
    assert (found and found.name) == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (cpuinfo.V3, "x86-64-v3"),
        (f"{cpuinfo.V3} {cpuinfo.V4} amx_tile", "x86-64-v4"),
        (f"{cpuinfo.V3} avx512f avx512cd", ""),  # 64 bytes, but not all that v4 has
        (cpuinfo.V3.replace("fma", ""), ""),
        ("", ""),
    ],
)
def test_the_level_that_linux_tells(monkeypatch, flags, expected):
    monkeypatch.setattr(cpuinfo, "_first_core", lambda: {"flags": flags})
    assert cpuinfo.level() == expected


@pytest.mark.skipif(not cpuinfo.level(), reason="Linux tells no level of this processor")
def test_linux_and_llvm_tell_the_same(monkeypatch):
    """So what is taken without LLVM is what would be taken with it."""
    for name in [name for name in os.environ if name.startswith("NUMBA_CPU") or name == "NUMBA_ENABLE_AVX"]:
        monkeypatch.delenv(name)
    script = """
from fastbp.compiler import cpuinfo, processor, targets
_, features = processor.name_and_features()
found = targets.nearest(processor.triple(), features, processor._vector_bytes_of_llvm())
print(cpuinfo.level(), processor.level(), found.name, targets.fitting().name)
print(processor.vector_bytes(), found.vector_bytes)
"""
    names, lengths = run("-c", script).splitlines()
    assert len({*names.split()}) == len({*lengths.split()}) == 1


def test_a_processor_without_files_of_linux_is_told_apart_by_llvm(monkeypatch):
    monkeypatch.setattr(cpuinfo, "identity", lambda: "")
    assert processor.identity.__wrapped__() == processor.name_and_features()


# ---- An installed package --------------------------------------------------------------------------------------------

MEAN = """
import sys, numpy as np
from fastbp.lecture import entries
mean = entries.mean_of_batches(np.arange(1.0, 7.0).reshape(2, 3))
print(mean, entries.mean_of_batches.found, "numba" in sys.modules)
"""
# What a training is, in this respect, at a tenth of the compiler's time; tests/installed.py trains.
PROGRAM = """
import sys, numpy as np, fastbp
network, x = fastbp.Network((3, 4, 2), dtype=np.float32), np.ones((1, 3), np.float32)  # one sample: by loops
found = network.predict(x), network.evaluate(x, [1])
print(*(np.asarray(array).tobytes().hex() for array in found))
print("numba" in sys.modules, "llvmlite.binding" in sys.modules)
"""
SHIPPED = [(PASSES, name) for name in ("mean_of_batches", "mean_error", "predict")]
PATCHED = """
from fastbp.compiler.jit import jit
import fastbp.lecture.loops.passes as passes
passes.mean_of_batches = jit(eval("lambda report: 1.5"))
"""


def run(*command, root=ROOT, input="", **changes):
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("NUMBA_") or name == "NUMBA_CACHE_DIR"
    }
    changed = kept | {"PYTHONPATH": str(root)} | changes
    done = subprocess.run(
        [sys.executable, *map(str, command)], env=changed, cwd=root, input=input, capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A copy of the package with object code for this machine, of the kernels in SHIPPED."""
    target = targets.fitting.__wrapped__()
    if UNCOMPILED or target is None:
        pytest.skip("nothing is shipped for what this process compiles for")
    root = tmp_path_factory.mktemp("installed")
    shutil.copytree(ROOT / "fastbp", root / "fastbp", ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    command = "-m", "fastbp.cli.shipping"
    forms = run(*command, "--forms", "float32", root=root, NUMBA_DISABLE_JIT="1").splitlines()
    few = [form for form in forms if ast.literal_eval(form)[:2] in SHIPPED]
    assert len(few) == len(SHIPPED)
    folder = root / "fastbp/compiler/shipped"
    run(*command, "--compile", target.name, folder, root=root, input="\n".join(few))
    return root


@pytest.fixture
def copy(installed, tmp_path):
    """One of it that a test may change."""
    shutil.copytree(installed, tmp_path / "copy")
    return tmp_path / "copy"


def test_what_is_shipped_has_the_bits_of_what_is_compiled_on_the_spot(installed, tmp_path):
    out = run("-c", PROGRAM, root=installed, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    target = targets.fitting()
    compiled = run("-c", PROGRAM, NUMBA_CPU_NAME=target.cpu, NUMBA_CPU_FEATURES=target.features)
    assert out.split()[:2] == compiled.split()[:2]
    assert out.split()[2] == "False"
    assert compiled.split()[2] == "True"
    assert out.split()[3] == ("False" if cpuinfo.level() else "True")
    assert not (tmp_path / "cache").exists(), "nothing had to be kept"


def test_the_command_tells_what_came_with_the_package(installed, tmp_path):
    first, *others = run("-m", "fastbp", "cache", root=installed, NUMBA_CACHE_DIR=str(tmp_path)).splitlines()
    files = [*(installed / "fastbp/compiler/shipped").rglob("*.kernel")]
    name, size = targets.fitting().name, sum(file.stat().st_size for file in files)
    assert first == f"with fastbp: {len(files)} kernels for {name}, {size:,} bytes, which this process uses"
    assert len(files) == len(SHIPPED)
    assert others[0] == f"{tmp_path}/fastbp-kernels: 0 kernels, 0 bytes"
    other = run("-m", "fastbp", "cache", root=installed, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_OPT="2").splitlines()
    assert other[0] == f"with fastbp: {len(files)} kernels for {name}, {size:,} bytes"


@pytest.mark.parametrize(
    "changes", [{"NUMBA_OPT": "2"}, {"NUMBA_CPU_NAME": "generic"}, {"NUMBA_ENABLE_AVX": "0"}], ids=repr
)
def test_whoever_wants_other_code_gets_it(installed, tmp_path, changes):
    where = {"root": installed, "NUMBA_CACHE_DIR": str(tmp_path)}
    assert run("-c", MEAN, **where) == "3.0 1 False\n"
    assert run("-c", MEAN, **where, **changes) == "3.0 0 True\n"


def test_edited_sources_are_compiled(copy, tmp_path):
    file = copy / "fastbp/lecture/loops/passes.py"
    text = file.read_text()
    file.write_text(text + "\n# one more line\n")
    where = {"root": copy, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert run("-c", MEAN, **where) == "3.0 0 True\n"
    file.write_text(text)
    assert run("-c", MEAN, **where) == "3.0 1 False\n"


def test_a_kernel_that_somebody_has_imported_may_be_another_one(installed, tmp_path):
    """It is compiled, and found by the next process that imports it."""
    where = {"root": installed, "NUMBA_CACHE_DIR": str(tmp_path)}
    for found in (0, 1):
        assert run("-c", "import fastbp.lecture.loops\n" + MEAN, **where) == f"3.0 {found} True\n"
    assert run("-c", MEAN, **where) == "3.0 1 False\n"
    assert run("-c", PATCHED + MEAN, **where).split()[0] == "1.5"


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:-9], lambda content: content[:700] + b"\x90" + content[701:], lambda content: b""],
    ids=["short", "altered", "empty"],
)
def test_damaged_object_code_is_not_run(copy, tmp_path, damage):
    (file,) = (copy / "fastbp/compiler/shipped").rglob("mean_of_batches-*.kernel")
    file.write_bytes(damage(file.read_bytes()))
    assert run("-c", MEAN, root=copy, NUMBA_CACHE_DIR=str(tmp_path / "cache")) == "3.0 0 True\n"


# ---- Made for other machines -----------------------------------------------------------------------------------------


@pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
@pytest.mark.parametrize("target", targets.TARGETS.values(), ids=lambda target: target.name)
def test_object_code_for_each_target(target, tmp_path):
    """With nothing but C's functions left to others, and of the target's architecture."""
    form = PASSES, "predict", *map(shipping.described, predict_arguments())
    script = "from fastbp.cli import shipping; import sys; shipping.main(sys.argv[1:])"
    command = [sys.executable, "-c", script, "--compile", target.name, str(tmp_path)]
    subprocess.run(command, input=repr(form), text=True, check=True, timeout=300)
    signature = marshal.signature_of(tuple(map(shipping.example, form[2:])), "predict")
    file, key = shipped.file_of(f"{PASSES}.predict", signature, target, str(tmp_path))
    header, code = cache.read(file, key)
    assert objects.ALLOWED.issuperset(header["needs"])
    assert {"expf", "tanhf"} <= {*header["needs"]}
    if target.triple == targets.ARM:
        assert struct.unpack_from("<4s14xH", code)[1] == 183  # Arm's 64 bits, in ELF
        assert object_files.needs(code) == header["needs"]
    else:
        assert {*header["flat"]} == {"entry", "addresses", "pointers"}
        assert (b"\xc5\xfc" in code or b"\x62\xf1" in code) == (target != V2), "instructions of AVX"


def predict_arguments():
    network = fastbp.Network((4, 3, 2))
    X, scratch, Y = (np.zeros(shape, network.dtype) for shape in ((2, 4), (5, 5), (2, 2)))
    return network.theta, network.layers, X, scratch, Y


def test_described_arguments_are_made_anew_with_the_same_types():
    for arguments in (predict_arguments(), (1, 2.0, True, (np.zeros(3, bool), (np.int64(3),)))):
        arguments = (marshal.read_only(arguments[0]), *arguments[1:])
        again = tuple(map(shipping.example, map(shipping.described, arguments)))
        assert marshal.signature_of(again, "f") == marshal.signature_of(arguments, "f")
    with pytest.raises(ValueError, match="C order"):
        shipping.described(np.zeros((2, 3)).T)
