"""fastbp/compiler/cache.py: what the cache of compiled kernels survives. Each test runs in fresh processes."""

import ast
import hashlib
import os
import py_compile
import shutil
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import llvmlite
import numba
import numpy as np
import pytest

import fastbp
from fastbp.compiler import cache as cache_module
from fastbp.compiler import folders
from tests.cases import UNCOMPILED

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")

KERNEL = """
    from fastbp.compiler.jit import jit
    from fastbp.lecture.helper import scale

    @jit
    def double(x):
        return scale(x)
"""
HELPER = """
    from fastbp.compiler.jit import jit

    @jit
    def scale(x):
        return {factor} * x
"""
RUN = "from fastbp.lecture.kernel import double; print(double(21.0), double.entry.found)"


@pytest.fixture
def tree(tmp_path):
    """A copy of the package with a kernel in one file that calls a helper in another."""
    package = tmp_path / "tree" / "fastbp"
    shutil.copytree(Path(fastbp.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    write(package / "lecture" / "kernel.py", KERNEL)
    write(package / "lecture" / "helper.py", HELPER.format(factor=2.0))
    return package


def write(file, source):
    file.write_text(textwrap.dedent(source))


def edit_of(tree):
    """A statement that edits the helper while a process runs."""
    file, source = str(tree / "lecture" / "helper.py"), textwrap.dedent(HELPER).format(factor=3.0)
    return f"import pathlib; pathlib.Path({file!r}).write_text({source!r})"


def environment(tree, cache, **changes):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA_", "XDG_", "COV"))}
    where = {"NUMBA_CACHE_DIR": str(cache)} if cache else {}
    return (
        kept
        | {"PYTHONPATH": str(tree.parent), "PYTHONWARNINGS": "always", "PYTHONDONTWRITEBYTECODE": "1"}
        | where
        | changes
    )


def start(tree, cache, script=RUN, **changes):
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(tree, cache, **changes),
        cwd=tree.parent,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(tree, cache, script=RUN, **changes):
    """What the process printed, and its warnings."""
    process = start(tree, cache, script, **changes)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out.strip(), err


def entries(cache):
    return sorted(cache.rglob("*.kernel"))


def test_the_second_process_finds_what_the_first_compiled(tree, tmp_path):
    cache = tmp_path / "cache"
    assert run(tree, cache) == ("42.0 0", "")
    assert len(entries(cache)) == 1
    assert run(tree, cache) == ("42.0 1", "")
    assert len(entries(cache)) == 1


def test_an_edit_in_another_file_compiles_anew(tree, tmp_path):
    cache = tmp_path / "cache"
    helper, kernel = tree / "lecture" / "helper.py", tree / "lecture" / "kernel.py"
    assert run(tree, cache)[0] == "42.0 0"
    before = helper.stat()
    write(helper, HELPER.format(factor=3.0))  # of the same length,
    os.utime(helper, ns=(before.st_atime_ns, before.st_mtime_ns))  # and as old
    untouched = kernel.stat()
    assert run(tree, cache)[0] == "63.0 0"
    assert kernel.stat() == untouched
    write(helper, HELPER.format(factor=2.0))
    assert run(tree, cache)[0] == "42.0 1", "the first entry still holds"


def test_an_edit_after_the_import_is_not_taken_for_what_was_imported(tree, tmp_path):
    cache = tmp_path / "cache"
    assert run(tree, cache, f"import fastbp.lecture.kernel; {edit_of(tree)}; {RUN}")[0] == "42.0 0"
    assert run(tree, cache)[0] == "63.0 0"


def test_a_reloaded_helper_is_not_taken_for_the_old_one(tree, tmp_path):
    reload = "import importlib, fastbp.lecture.helper as h, fastbp.lecture.kernel as k"
    reload += "; importlib.reload(h); importlib.reload(k)"
    assert run(tree, tmp_path / "cache", f"{RUN}; {edit_of(tree)}; {reload}; {RUN}")[0] == "42.0 0\n63.0 0"


def test_a_patched_helper_does_not_outlive_its_process(tree, tmp_path):
    """A lesson that replaces a formula, say."""
    patch = "import fastbp.lecture.kernel as k; k.scale = k.jit(eval('lambda x: 5 * x'))"
    assert run(tree, tmp_path / "cache", f"{patch}; {RUN}")[0] == "105.0 0"
    assert run(tree, tmp_path / "cache")[0] == "42.0 0"


def test_versions_and_every_compiled_file_are_part_of_the_key(monkeypatch):
    key_of_now = cache_module.content_key.__wrapped__
    key = key_of_now()
    assert key == key_of_now() == cache_module.content_key()
    for package in (numba, np, llvmlite):
        with monkeypatch.context() as patch:
            patch.setattr(package, "__version__", "0.0")
            assert key_of_now() != key


def test_a_kernel_outside_of_the_package_is_not_kept(tree, tmp_path):
    """Numba cannot tell on which other files it depends, and neither can we."""
    script = "import sys; from fastbp.compiler.jit import jit; FACTOR = float(sys.argv[1])"
    (tmp_path / "script.py").write_text(script + "\n@jit\ndef f(x): return FACTOR * x\nprint(f(1.0))")
    script = str(tmp_path / "script.py")
    for factor in ("2.0", "5.0"):
        call = f"import runpy, sys; sys.argv = [{script!r}, {factor!r}]; runpy.run_path({script!r})"
        assert run(tree, tmp_path / "cache", call)[0] == factor
    assert entries(tmp_path / "cache") == []


def test_a_constant_that_was_changed_in_memory_is_part_of_the_key(tree, tmp_path):
    write(tree / "lecture" / "helper.py", HELPER.format(factor="FACTOR") + "\n    FACTOR = 2.0\n")
    change = "import fastbp.lecture.helper as h; h.FACTOR = {}"
    for factor, product in ((2.0, "42.0 0"), (5.0, "105.0 0"), (5.0, "105.0 1"), (2.0, "42.0 1")):
        assert run(tree, tmp_path / "cache", f"{change.format(factor)}; {RUN}")[0] == product
    assert run(tree, tmp_path / "cache", f"{change.format('(2.0, 3.0)')}; h.FACTOR = h.FACTOR[0]; {RUN}")[0] == "42.0 1"


def test_settings_that_change_the_code_have_entries_of_their_own(tree, tmp_path):
    cache = tmp_path / "cache"
    run(tree, cache)
    assert run(tree, cache, NUMBA_BOUNDSCHECK="1")[0] == "42.0 0"
    assert run(tree, cache, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")[0] == "42.0 0"
    assert run(tree, cache)[0] == "42.0 1"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: b"\0" * len(content),
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        lambda content: content + b"more",
    ],
    ids=["empty", "stub", "half", "short by one", "zeros", "one bit", "longer"],
)
def test_a_damaged_entry_is_compiled_anew_and_mended(tree, tmp_path, damage):
    cache = tmp_path / "cache"
    run(tree, cache)
    sound = {file: file.read_bytes() for file in entries(cache)}
    for file, content in sound.items():
        file.write_bytes(damage(content))
    assert run(tree, cache) == ("42.0 0", "")
    assert run(tree, cache) == ("42.0 1", "")


def test_an_entry_whose_checksum_fits_but_whose_content_does_not(tree, tmp_path):
    """That of another kernel, say, or of another program."""
    cache = tmp_path / "cache"
    run(tree, cache)
    (file,) = entries(cache)
    body = file.read_bytes()[cache_module.DIGEST :]
    length = int.from_bytes(body[:4], "little")
    header, code = ast.literal_eval(body[4 : 4 + length].decode()), body[4 + length :]
    changes = [{"key": "0" * 64}, {"meaning": ""}, {"needs": ["PyErr_SetString"]}, {"needs": ["exq"]}, {"needs": None}]
    changes += [{"needs": [1]}, {"result": "p"}, {"result": None}, {"flat": None}, {"flat": {"entry": 0}}]
    for change in changes:
        text = repr(header | change).encode()
        content = len(text).to_bytes(4, "little") + text + code
        file.write_bytes(hashlib.sha256(content).digest() + content)
        assert run(tree, cache) == ("42.0 0", ""), change
    for content in (b"", b"\x02\0\0\0{}", b"\x02\0\0\0[]", b"\xff" * 40):
        file.write_bytes(hashlib.sha256(content).digest() + content)
        assert run(tree, cache) == ("42.0 0", ""), content


def test_processes_that_compile_at_once(tree, tmp_path):
    cache = tmp_path / "cache"
    processes = [start(tree, cache) for _ in range(4)]
    results = [(*process.communicate(timeout=600), process.returncode) for process in processes]
    assert [(out[:4], err, code) for out, err, code in results] == [("42.0", "", 0)] * 4
    assert run(tree, cache) == ("42.0 1", "")
    assert not list(cache.rglob(".writing-*"))


def test_a_read_only_install(tree, tmp_path):
    for path in [*tree.rglob("*"), tree]:
        path.chmod(path.stat().st_mode & ~0o222)
    before = sorted(tree.rglob("*"))
    assert run(tree, None, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "xdg")) == ("42.0 0", "")
    assert run(tree, None, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "xdg")) == ("42.0 1", "")
    assert sorted(tree.rglob("*")) == before
    assert entries(tmp_path / "xdg" / "fastbp")


def without_sources(tree):
    """The same package as code objects alone, whose file names say nothing of where they are now."""
    for file in [*tree.rglob("*.py")]:
        py_compile.compile(str(file), str(file.with_suffix(".pyc")), str(file.relative_to(tree.parent)), doraise=True)
        file.unlink()


def test_a_package_without_sources_keeps_its_kernels_by_what_they_mean(tree, tmp_path):
    without_sources(tree)
    assert run(tree, tmp_path / "cache") == ("42.0 0", "")
    assert run(tree, tmp_path / "cache") == ("42.0 1", "")
    assert len(entries(tmp_path / "cache")) == 1
    (tree / "lecture" / "helper.pyc").unlink()
    write(tree / "lecture" / "helper.py", HELPER.format(factor=3.0))
    assert run(tree, tmp_path / "cache") == ("63.0 0", ""), "some have sources, some have not"
    without_sources(tree)
    assert run(tree, tmp_path / "cache") == ("63.0 1", ""), "the same, compiled or not"


def test_no_home_folder(tree, tmp_path):
    """One warning for two kernels, at the first call and not at import; and the right result."""
    (tmp_path / "file").write_text("no folder can be made in here")
    out, err = run(tree, None, HOME=str(tmp_path / "file" / "home"))
    assert out == "42.0 0"
    assert err.count("RuntimeWarning") == 1
    assert "compiles anew in each process, because its cache folder" in err
    assert "NUMBA_CACHE_DIR" in err
    assert run(tree, None, "import fastbp.lecture.loops", HOME=str(tmp_path / "file" / "home")) == ("", "")


def test_variables_that_are_set_and_empty_are_not_set(tree, tmp_path):
    """As the specification of XDG wants it."""
    empty = {"XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": "", "HOME": str(tmp_path)}
    assert run(tree, None, **empty) == ("42.0 0", "")
    assert run(tree, None, **empty) == ("42.0 1", "")
    assert len(entries(tmp_path / ".cache" / "fastbp")) == 1


def test_a_home_folder_that_is_not_known(tree, tmp_path):
    """A user id without an entry, as in a container: expanduser leaves its "~", which is no folder to make."""
    script = "import os.path; os.path.expanduser = lambda path: path\n" + RUN
    out, err = run(tree, None, script, HOME=str(tmp_path))
    assert out == "42.0 0"
    assert "there is no home folder" in err
    assert not (tree.parent / "~").exists()


def test_a_relative_folder_is_meant_where_the_process_started(tree, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    elsewhere = str(tmp_path / "elsewhere")
    script = f"import os; from fastbp.compiler import cache; cache.is_writable(); os.chdir({elsewhere!r}); {RUN}"
    assert run(tree, "here", script)[0] == "42.0 0"
    assert entries(tree.parent / "here")
    assert not any((tmp_path / "elsewhere").iterdir())


def test_warnings_as_errors_stop_only_the_first_call(tree, tmp_path):
    (tmp_path / "file").write_text("no folder can be made in here")
    script = f"""
from fastbp.lecture.kernel import double
try:
    double(1.0)
except RuntimeWarning:
    print("warned")
{RUN}
"""
    out, _ = run(tree, tmp_path / "file" / "cache", script, PYTHONWARNINGS="error")
    assert out == "warned\n42.0 0"


def test_the_cache_belongs_to_its_user_alone(tree, tmp_path):
    cache = tmp_path / "cache"
    run(tree, cache)
    folder = entries(cache)[0].parent
    assert [stat.S_IMODE(f.stat().st_mode) for f in (folder.parent, folder)] == [0o700, 0o700]
    for shared in (folder, folder.parent):
        shared.chmod(0o777)
        out, err = run(tree, cache)
        assert out == "42.0 0", "machine code that others may have written is not run"
        assert "must belong to you and be writable by nobody else" in err
        shared.chmod(0o700)
    assert run(tree, cache) == ("42.0 1", "")


def test_old_generations_are_forgotten_and_nothing_else(tree, tmp_path):
    root = tmp_path / "cache" / "fastbp-kernels"
    ours = [root / f"{number:016x}" for number in range(folders.GENERATIONS + 3)]
    others = [root / ".git", root / "fastbp", root / "0123456789abcdef0"]
    for age, folder in enumerate([*others, *ours]):
        folder.mkdir(parents=True)
        for name in ("kernel-1.kernel", ".writing-1"):
            (folder / name).write_text("old")
        if folder == ours[1]:
            (folder / "thesis.tex").write_text("not ours")
        os.utime(folder, (age, age))
    root.chmod(0o700)
    run(tree, tmp_path / "cache")
    left = [folder for folder in ours if folder.exists()]
    assert left == [ours[1], *ours[4:]], "the newest, and the one that holds a file of someone else's"
    assert (ours[1] / "thesis.tex").read_text() == "not ours"
    assert all(len(list(folder.iterdir())) == 2 for folder in others)


def test_a_generation_that_is_used_is_not_old(tree, tmp_path):
    cache = tmp_path / "cache"
    run(tree, cache)
    folder = entries(cache)[0].parent
    os.utime(folder, (1, 1))
    assert run(tree, cache)[0] == "42.0 1"
    assert folder.stat().st_mtime > 1


def test_a_folder_that_vanishes_costs_only_the_entry(tree, tmp_path):
    cache = str(tmp_path / "cache")
    vanish = f"import shutil; from fastbp.compiler import cache; cache.is_writable(); shutil.rmtree({cache!r})"
    assert run(tree, tmp_path / "cache", f"{vanish}; {RUN}") == ("42.0 0", "")


def test_a_kernel_that_was_typed_in_is_compiled_without_a_cache(tree, tmp_path):
    script = "from fastbp.compiler.jit import jit\nexec('@jit\\ndef f(x): return x + 1')\nprint(f(1.0))"
    assert run(tree, tmp_path / "cache", script) == ("2.0", "")
    assert entries(tmp_path / "cache") == []


def test_nothing_is_compiled_with_numba_disable_jit(tree, tmp_path):
    script = "from fastbp.lecture import loops; print(type(loops.relu).__name__)"
    assert run(tree, tmp_path / "cache", script, NUMBA_DISABLE_JIT="1")[0] == "function"
    script = script.replace("type(loops.relu)", "type(loops.relu.part)")
    assert run(tree, tmp_path / "cache", script)[0] == "CPUDispatcher"


def test_a_numba_that_is_newer_than_those_tested_compiles_plainly(tree, tmp_path):
    """What it may have changed is not touched, nothing is kept, and one warning at the user's line says so."""
    script = tmp_path / "script.py"
    write(script, """
        import sys, numba
        numba.__version__ = "1.0.0rc1"
        import numpy as np, fastbp
        network = fastbp.Network((2, 3, 1), output="identity")
        print(network.predict([[0, 1]]).shape)
        network.evaluate([[0, 1], [1, 0]], [0, 1])
        print([name for name in sys.modules if name in ("fastbp.compiler.wrapper", "fastbp.compiler.parts")])
        """)  # fmt: skip
    out, err = run(tree, tmp_path / "cache", f"import runpy; runpy.run_path({str(script)!r})")
    assert out == "(1, 1)\n[]"
    assert err.count("RuntimeWarning") == 1
    assert "fastbp was tested with Numba" in err
    assert "and found 1.0.0rc1: it compiles anew in each process" in err
    assert f"{script}:6" in err
    assert entries(tmp_path / "cache") == []
