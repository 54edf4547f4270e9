"""The cache of compiled kernels (compiler/cache.py, entries.py) among many processes, versions, forks and damages."""

import importlib
import os
import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.compiler import cache, entries, folders, objects
from fastbp.lecture.entries import PASSES
from tests.cases import UNCOMPILED

compiled_only = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")

ROOT = Path(fastbp.__file__).parent.parent
NAME = f"{PASSES}.mean_of_batches"
REPORT = np.arange(1.0, 13.0).reshape(4, 3)
SIGNATURES = ("<f8[2]Cr", "<f4[2]Cr")

# The kernel for both precisions, after so many files of that name are there.
CALLS = """
import glob, importlib, sys, time
import numpy as np
from fastbp.lecture.entries import mean_of_batches
name, files, count = sys.argv[1:]
importlib.import_module(name)
print("ready", flush=True)
while len(glob.glob(files)) < int(count):
    time.sleep(0.02)
report = np.arange(1.0, 13.0).reshape(4, 3)
results = [mean_of_batches(report).hex(), mean_of_batches(report.astype(np.float32)).hex()]
print(*results, mean_of_batches.found, "numba" in sys.modules)
"""


def start(folder, script, *arguments, root=ROOT, **changes):
    """A process with another cache than that of the tests, or with none if no place is named."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA_", "XDG_", "COV"))}
    kept |= {"PYTHONPATH": str(root), "PYTHONWARNINGS": "always", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=kept | changes, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(processes, timeout=300):
    """What each of them printed."""
    try:
        results = [(*process.communicate(timeout=timeout), process.returncode) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for _, err, code in results:
        assert code == 0, err
    return [out.strip() for out, _, _ in results]


def run(folder, script, *arguments, **changes):
    return ended([start(folder, script, *arguments, **changes)])[0]


# ---- Many processes --------------------------------------------------------------------------------------------------


@compiled_only
def test_thirty_two_processes_leave_one_sound_file_of_each_kernel(tmp_path):
    """Eight compile at once on an empty cache; the others read what these have written, and write once more."""
    where = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    kept, go = tmp_path / "cache" / "fastbp-kernels" / "*" / "*.kernel", tmp_path / "go"
    late = [start(tmp_path, CALLS, "sys", kept, 2, **where) for _ in range(24)]
    first = [start(tmp_path, CALLS, "numba", go, 1, **where) for _ in range(8)]
    for process in (*first, *late):
        assert process.stdout.readline() == "ready\n"
    go.touch()
    outs = [out.split() for out in ended([*first, *late])]
    assert len({(double, single) for double, single, _, _ in outs}) == 1
    assert "0" in [found for _, _, found, _ in outs], "some have compiled"
    assert {(found, numba) for _, _, found, numba in outs[8:]} == {("2", "False")}
    files = [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]
    keys = {Path(cache.file_of(NAME, key)).name: key for key in (cache.key_of(NAME, text) for text in SIGNATURES)}
    assert sorted(file.name for file in files) == sorted(keys), "one of each, and nothing half written"
    assert all(cache.read(file, keys[file.name]) for file in files)
    again = run(tmp_path, CALLS, "sys", go, 1, **where)
    assert again.split()[1:] == [*outs[0][:2], "2", "False"]


@compiled_only
def test_two_versions_of_the_package_share_a_cache(tmp_path):
    """Each runs its own kernels, and finds them the second time."""
    other = tmp_path / "other"
    shutil.copytree(ROOT / "fastbp", other / "fastbp", ignore=shutil.ignore_patterns("__pycache__"))
    file = other / "fastbp" / "lecture" / "loops" / "passes.py"
    before, found, after = file.read_text().rpartition("    return total\n")
    assert found
    assert not after
    file.write_text(f"{before}    return 2.0 * total\n")
    for times in (0, 1):
        for root, mean in ((ROOT, 7.0), (other, 14.0)):
            out = run(tmp_path, CALLS, "sys", tmp_path, 1, root=root, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
            assert out.split()[1:] == [mean.hex(), mean.hex(), str(2 * times), str(not times)]


@compiled_only
def test_a_program_trains_where_nothing_can_be_kept(tmp_path):
    """One warning, at the user's line, for all kernels."""
    (tmp_path / "file").write_text("no folder can be made in here")
    script = """
import warnings, fastbp
with warnings.catch_warnings(record=True) as caught:
    network = fastbp.Network((2, 3, 1), output="identity")
    outcome = fastbp.train(network, [[0, 1], [1, 0]], [0, 1], epochs=3, version="loops").outcome
print(outcome, *[(each.category.__name__, each.lineno, "NUMBA_CACHE_DIR" in str(each.message)) for each in caught])
"""
    home = str(tmp_path / "file" / "home")
    out = run(tmp_path, script, HOME=home, XDG_CACHE_HOME=home, NUMBA_OPT="0")
    assert out == "finished ('RuntimeWarning', 5, True)"


# ---- Forks -----------------------------------------------------------------------------------------------------------

# A kernel is there; a thread compiles it for other arguments, and is in the midst of that when the process forks.
FORKS = """
import os, signal, sys, threading, time
import numpy as np
from fastbp.compiler.entries import Entry
from fastbp.lecture.entries import mean_of_batches
signal.alarm(60)  # ends what waits for ever
report = np.arange(1.0, 13.0).reshape(4, 3)
assert mean_of_batches(report) == 7.0
begun, forking = threading.Event(), threading.Event()

def wait():
    begun.set()
    assert forking.wait(60)
    time.sleep(0.2)

class Finder:
    def find_spec(name, *_):
        if name == "numba.core.event":  # logging is there, and many loggers are not
            wait()

def slow_part(*arguments):
    from fastbp.compiler import wrapper
    from numba.core.compiler_lock import global_compiler_lock
    with global_compiler_lock:
        wait()
        return object_of(*arguments)

if sys.argv[1] == "import":
    assert "numba" not in sys.modules
    sys.meta_path.insert(0, Finder)
else:
    from fastbp.compiler import wrapper
    object_of, wrapper.object_of = wrapper.object_of, slow_part
results = []
thread = threading.Thread(target=lambda: results.append(mean_of_batches(report.astype(np.float32))))
thread.start()
assert begun.wait(60)
os.register_at_fork(before=forking.set)  # the last one is called first
child = os.fork()
signal.alarm(60)
if child == 0:
    signal.alarm(30)
    wait = lambda: None
    other = Entry("fastbp.lecture.loops.passes", "mean_of_batches")  # whose form takes no read-only arrays
    same = [mean_of_batches(report), other(report), mean_of_batches(report.astype(np.float32))]
    os._exit(0 if same == [7.0] * 3 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
thread.join()
print(*results, mean_of_batches(report), mean_of_batches.signatures)
"""


@compiled_only
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("moment", ["import", "compile"])
def test_a_fork_waits_until_another_thread_has_compiled(tmp_path, moment):
    """The child would wait for ever for Numba's lock, or for a module, that a thread has which it has not."""
    where = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    run(tmp_path, CALLS, "sys", tmp_path, 1, **where)
    for file in tmp_path.rglob("*.kernel"):
        if file.name != Path(cache.file_of(NAME, cache.key_of(NAME, SIGNATURES[0]))).name:
            file.unlink()
    assert run(tmp_path, FORKS, moment, **where).startswith("7.0 7.0 [")


# ---- Damaged files ---------------------------------------------------------------------------------------------------


class Bomb:
    def __reduce__(self):
        return os._exit, (3,)


def damaged(rng, sound, others):
    """The content of a file that nobody has written so; None: it is a folder."""
    length = cache.DIGEST + 4 + int.from_bytes(sound[cache.DIGEST : cache.DIGEST + 4], "little")
    kind, at = rng.randrange(10), rng.randrange(len(sound))
    if kind < 4:  # a bit of the digest, of the header's length, of the header, of the code
        start, end = [(0, 32), (32, 36), (36, length), (length, len(sound))][kind]
        content = bytearray(sound)
        content[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
        return bytes(content)
    if kind == 4:
        return sound[:at]
    if kind == 5:
        return sound[:at] + rng.randbytes(rng.randrange(1, 9)) + sound[at:]
    if kind == 6:
        return sound + rng.randbytes(rng.randrange(1, 9))
    return rng.choice(others) if kind < 9 else rng.choice([b"", None])


def put(content, files):
    for file in files:
        if file.is_dir():
            file.rmdir()
        file.unlink(missing_ok=True)
        if content is None:
            file.mkdir()
        else:
            file.write_bytes(content)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    known = folders.root, folders.of_generation, folders.is_writable
    for each in known:
        each.cache_clear()
    assert cache.is_writable()
    yield Path(folders.root(), cache.content_key())
    for each in known:
        each.cache_clear()


@compiled_only
@pytest.mark.parametrize("imported", [False, True], ids=["found by name", "with its kernel in memory"])
def test_no_damaged_kernel_is_ever_linked(empty_cache, monkeypatch, request, imported):
    mutants, rng = max(300, request.config.getoption("--fuzz") // 10), random.Random(0)
    other = entries.Entry("fastbp.lecture.loops.updates", "square_sum")
    assert other(np.array([3.0, 4.0])) == 25.0
    others = [file.read_bytes() for file in empty_cache.iterdir()]
    entry = entries.Entry(PASSES, "mean_of_batches", reads=(0,))
    assert entry(REPORT) == 7.0
    (made,) = {*empty_cache.iterdir()} - {file for file in empty_cache.iterdir() if file.read_bytes() in others}
    sound, key = made.read_bytes(), cache.key_of(NAME, SIGNATURES[0])
    header, _ = cache.read(made, key)
    files = [Path(cache.file_of(NAME, key, meaning)) for meaning in ("", header["meaning"])]
    assert made in files
    form, compiled, linked, link = entry._forms[SIGNATURES[0]], [], [], objects.link
    entry(REPORT.astype(np.float32))
    others += [file.read_bytes() for file in empty_cache.iterdir() if file != made]
    others += [pickle.dumps(Bomb()), pickle.dumps(header), sound[cache.DIGEST :]]
    monkeypatch.setattr(entries, "_made", lambda *_: compiled.append(True) or form)
    if not imported:
        monkeypatch.delitem(sys.modules, entries.JIT)
    kernel = entry._imported()  # once: it takes far longer than all the rest
    monkeypatch.setattr(entry, "_imported", lambda: kernel)
    monkeypatch.setattr(cache, "source_key", lambda: cache.SOURCE_KEY)
    for number in range(mutants):
        content = damaged(rng, sound, others)
        put(content, files)
        monkeypatch.setattr(objects, "link", lambda *_: linked.append(True))
        entry.forget()
        assert entry(REPORT) == 7.0
        assert (len(compiled), linked, entry.found) == (number + 1, [], 0), content
    put(sound, files)
    monkeypatch.setattr(objects, "link", link)
    entry.forget()
    assert (entry(REPORT), len(compiled), entry.found) == (7.0, mutants, 1)
    assert importlib.import_module(PASSES).mean_of_batches(REPORT) == 7.0
