"""Whatever a program does with compiled kernels, it imports no Numba, and their object code needs no Python."""

import os
import subprocess
import sys

import pytest

from fastbp.compiler import cache, folders, objects
from fastbp.engine import entries
from fastbp.lecture import entries as lecture
from tests.cases import UNCOMPILED

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")

# What a program does with the package; each once in each dtype that it may have.
PROGRAM = """
import sys, traceback
class Watch:
    def find_spec(name, path, target=None):
        if name == "numba.core":
            print(*traceback.format_stack(limit=12))  # who wanted it
sys.meta_path.insert(0, Watch)
import numpy as np, fastbp
X, labels = fastbp.load_digits()
X, D = X[:64], np.eye(10)[labels[:64]]
seen = []
def done(what):
    seen.append((what, "numba" in sys.modules, "scipy" in sys.modules))
network = fastbp.Network((64, 8, 10))
done("import")
fastbp.train(network, X, D, epochs=2, validation_rows=range(10))
done("train")
fastbp.train(network, X, D, epochs=1, threads=2, version="tiles")
done("threads")
fastbp.train(network, X, D, epochs=1, version="loops", batch_size=1)
done("loops")
network.predict(X[:1]), network.predict(X)
done("predict")
network.evaluate(X[:1], D[:1]), network.evaluate(X, D)
done("evaluate")
network.gradient(X, D)
done("gradient")
fastbp.train_many([fastbp.Network((64, 4, 10), seed=s) for s in (0, 1)], X, D, epochs=1)
done("train_many")
path = sys.argv[1]
network.save(path)
fastbp.load(path).predict(X[:1])
done("load")
print([what for what, numba, scipy in seen if numba], [what for what, numba, scipy in seen if scipy])
"""
ESTIMATOR = """
import sys, warnings
warnings.simplefilter("ignore")
import fastbp
X, labels = fastbp.load_digits()
model = fastbp.MLPClassifier((8,), max_iter=2, early_stopping=True).fit(X[:80], labels[:80])
model.predict_proba(X[:2])
fastbp.EnsembleClassifier(fastbp.MLPClassifier((4,), max_iter=2), 2, random_state=0).fit(X[:80], labels[:80])
print("numba" in sys.modules)
"""


def run(*command, **changes):
    done = subprocess.run(
        [sys.executable, *map(str, command)], env=os.environ | changes, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_process_that_finds_its_kernels_imports_no_numba(tmp_path):
    run("-c", PROGRAM, tmp_path / "model")  # compiles what is not there yet
    out = run("-c", PROGRAM, tmp_path / "model")
    assert out == "[] []\n", out


def test_an_estimator_imports_no_numba():
    pytest.importorskip("sklearn")
    run("-c", ESTIMATOR)
    assert run("-c", ESTIMATOR) == "False\n"


def test_a_command_imports_neither_numba_nor_scipy(tmp_path):
    table, model = tmp_path / "table.csv", tmp_path / "model.safetensors"
    table.write_text("x,y,kind\n" + "1,2,a\n3,4,b\n5,6,a\n" * 20)
    run("-m", "fastbp", "train", table, "--target", "kind", "--out", model, "--epochs", "2", "--quiet")
    script = "import sys; from fastbp import cli; cli.main(sys.argv[1:]); print({'numba', 'scipy'} & {*sys.modules})"
    run("-c", script, "predict", model, table)
    out = run("-c", script, "predict", model, table)
    assert out.splitlines()[0] == "kind"
    assert out.splitlines()[-1] == "set()"


def test_an_imported_kernel_takes_what_was_compiled_without_it_and_the_other_way_round(tmp_path):
    first = "import fastbp.lecture.loops; "
    mean = (
        "import sys, numpy as np; from fastbp.lecture import entries as e; e.mean_of_batches(np.ones((2, 3))); "
        "print(e.mean_of_batches.found, 'numba' in sys.modules)"
    )
    where = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert run("-c", first + mean, **where) == "0 True\n"
    assert run("-c", mean, **where) == "1 True\n", "found as that of the sources, and kept as such"
    assert run("-c", mean, **where) == "1 False\n"
    assert run("-c", first + mean, **where) == "1 True\n"


def test_object_code_needs_the_c_library_alone(tmp_path):
    """Neither Python nor Numba's runtime, whatever the kernel."""
    run("-c", PROGRAM, tmp_path / "model")
    assert cache.is_writable()
    found = {}
    for file, _ in folders.kernels(os.path.join(folders.root(), cache.content_key())):
        header = cache.header_for_this_machine(file)
        if header and header["kernel"].startswith("fastbp."):
            found[header["kernel"]] = header["needs"]
    assert {f"{entry.__module__}.{entry.__name__}" for entry in (entries.epoch, lecture.gradient)} <= found.keys()
    for kernel, needs in found.items():
        assert objects.ALLOWED.issuperset(needs), kernel
