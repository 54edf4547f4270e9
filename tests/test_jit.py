"""fastbp/jit.py: what compiled code assumes, and what its cache survives. Each cache test runs in fresh processes."""

import os
import shutil
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numba
import numpy as np
import pytest

import fastbp
from fastbp import jit as jit_module
from fastbp.jit import jit

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled with NUMBA_DISABLE_JIT=1")

KERNEL = """
    from fastbp.jit import jit
    from fastbp.lecture.helper import scale

    @jit
    def double(x):
        return scale(x)
"""
HELPER = """
    from fastbp.jit import jit

    @jit
    def scale(x):
        return {factor} * x
"""
RUN = "from fastbp.lecture.kernel import double; print(double(21.0), len(double.stats.cache_hits))"


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
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.strip(), err


def entries(cache):
    return sorted(cache.rglob("*.kernel"))


def test_the_second_process_finds_what_the_first_compiled(tree, tmp_path):
    cache = tmp_path / "cache"
    assert run(tree, cache) == ("42.0 0", "")
    assert len(entries(cache)) == 2
    assert run(tree, cache) == ("42.0 1", "")
    assert len(entries(cache)) == 2


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
        lambda content: content[:3000] + bytes([content[3000] ^ 1]) + content[3001:],
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
    """A version of Numba with another layout of its own objects, say."""
    import hashlib
    import pickle

    cache = tmp_path / "cache"
    run(tree, cache)
    for file in entries(cache):
        body = pickle.dumps(("not", "a", "kernel"))
        file.write_bytes(hashlib.sha256(body).digest() + body)
    assert run(tree, cache) == ("42.0 0", "")


def test_processes_that_compile_at_once(tree, tmp_path):
    cache = tmp_path / "cache"
    processes = [start(tree, cache) for _ in range(4)]
    results = [(*process.communicate(timeout=120), process.returncode) for process in processes]
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


def test_no_home_folder(tree, tmp_path):
    """One warning for two kernels, at the first call and not at import; and the right result."""
    (tmp_path / "file").write_text("no folder can be made in here")
    out, err = run(tree, None, HOME=str(tmp_path / "file" / "home"))
    assert out == "42.0 0"
    assert err.count("RuntimeWarning") == 1
    assert "compiles anew in each process, because its cache folder" in err
    assert "NUMBA_CACHE_DIR" in err
    assert run(tree, None, "import fastbp.lecture.loops", HOME=str(tmp_path / "file" / "home")) == ("", "")


def test_the_cache_belongs_to_its_user_alone(tree, tmp_path):
    cache = tmp_path / "cache"
    run(tree, cache)
    folder = entries(cache)[0].parent
    assert [stat.S_IMODE(f.stat().st_mode) for f in (cache / "fastbp", folder)] == [0o700, 0o700]
    for shared in (folder, cache / "fastbp"):
        shared.chmod(0o777)
        out, err = run(tree, cache)
        assert out == "42.0 0", "a pickle that others may have written is not read"
        assert "must belong to you and be writable by nobody else" in err
        shared.chmod(0o700)
    assert run(tree, cache) == ("42.0 1", "")


def test_old_generations_are_forgotten(tree, tmp_path):
    cache = tmp_path / "cache"
    for number in range(jit_module.GENERATIONS + 3):
        folder = cache / "fastbp" / f"old{number}"
        folder.mkdir(parents=True)
        os.utime(folder, (number, number))
    (cache / "fastbp").chmod(0o700)
    run(tree, cache)
    left = {folder.name for folder in (cache / "fastbp").iterdir()}
    assert len(left) == jit_module.GENERATIONS
    assert "old0" not in left
    assert f"old{jit_module.GENERATIONS + 2}" in left


def test_a_kernel_that_was_typed_in_is_compiled_without_a_cache(tree, tmp_path):
    script = "from fastbp.jit import jit\nexec('@jit\\ndef f(x): return x + 1')\nprint(f(1.0))"
    assert run(tree, tmp_path / "cache", script) == ("2.0", "")
    assert entries(tmp_path / "cache") == []


@jit
def is_not_a_number(x):
    return x != x


@jit
def quotient(x, y):
    return x / y


@jit
def hold_the_core(rounds):
    total = 0.0
    for r in range(rounds):
        total += np.sqrt(float(r))
    return total


def test_nan_and_infinity_are_seen_in_compiled_code():
    assert is_not_a_number(np.nan)
    assert not is_not_a_number(np.inf)
    assert quotient(1.0, 0.0) == np.inf
    assert np.isnan(quotient(0.0, 0.0))


def test_kernels_run_without_the_gil():
    assert hold_the_core.targetoptions["nogil"]


def test_nothing_is_compiled_with_numba_disable_jit(tree, tmp_path):
    script = "from fastbp.lecture import loops; print(type(loops.relu).__name__)"
    assert run(tree, tmp_path / "cache", script, NUMBA_DISABLE_JIT="1")[0] == "function"
    assert run(tree, tmp_path / "cache", script)[0] == "CPUDispatcher"
