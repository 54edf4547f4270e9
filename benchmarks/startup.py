"""python -m benchmarks.startup: what a fresh process waits for, over a bare `import numpy` in the same run.

Each row is a process of its own: with the kernels of an earlier process in the cache, with those of an installed wheel
and an empty cache, or with neither, so that all are compiled. Processes take turns with bare imports, so that a machine
that grows slower or faster does so for both.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import command, machine
from benchmarks.markdown import digits, table
from benchmarks.process import Failed, in_turn, say

CHECKOUT = Path(__file__).resolve().parent.parent
NUMPY, SKLEARN = "import numpy", "import numpy, sklearn.base, sklearn.utils.validation, sklearn.preprocessing"
DATA = "import numpy as np, fastbp; X, D = np.ones((64, {0}), np.float32), np.eye({1})[np.arange(64) % {1}]; "
TRAIN = DATA + "fastbp.train(fastbp.Network(({0}, {2}, {1})), X, D, epochs=1, version='{3}')"
MANY = DATA + "fastbp.train_many([fastbp.Network(({0}, {2}, {1}), seed=s) for s in range(16)], X, D, epochs=1)"
FIT = (
    "import warnings; warnings.simplefilter('ignore'); import numpy as np, fastbp; "
    "fastbp.MLPClassifier((8,), max_iter=2).fit(np.ones((64, 4)), np.arange(64) % 3)"
)
PREDICT = "import fastbp; fastbp.load('network.safetensors').predict([[0.0] * 4])"
COMMAND = "from fastbp import cli; cli.main(['predict', 'model.safetensors', 'row.csv', '--out', 'out.csv'])"
ROWS = {  # statement, what it is compared with, whether an empty cache makes a difference
    "`import fastbp`": ("import numpy, fastbp", NUMPY, False),
    "first `train`, matrix": (TRAIN.format(4, 3, 8, "matrix"), NUMPY, False),
    "first `train`, loops": (TRAIN.format(4, 3, 8, "loops"), NUMPY, True),
    "first `train`, engine": (TRAIN.format(64, 10, 64, "engine"), NUMPY, True),
    "first `train_many`": (MANY.format(4, 3, 8), NUMPY, True),
    "`load` and first `predict`": (PREDICT, NUMPY, True),
    "`fastbp predict` on one row": (COMMAND, NUMPY, True),
    "first fit of an estimator": (FIT, SKLEARN, True),
}
TOGETHER = "100 processes that train at once"
MAKE = """
import numpy as np, fastbp
fastbp.Network((4, 8, 3)).save("network.safetensors")
open("table.csv", "w").write("a,b,kind\\n" + "1,2,x\\n3,5,y\\n2,2,x\\n" * 10)
open("row.csv", "w").write("a,b\\n1,2\\n")
fastbp.train_table("table.csv", "kind", epochs=1).model.save("model.safetensors")
"""


def start(statement, folder, cache, package=CHECKOUT):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", statement], cwd=folder, env=environment, stderr=subprocess.PIPE)


def finish(process):
    error = process.communicate()[1]
    if process.returncode:
        raise Failed(error.decode(errors="replace"))


def seconds(statement, *where):
    """The wall-clock time of a whole process."""
    begin = time.perf_counter()
    finish(start(statement, *where))
    return time.perf_counter() - begin


def compared(processes, rounds):
    """Median seconds of each process, given as the arguments of `start`, in turns."""
    found = {process: [] for process in processes}
    for _, process in in_turn(found, rounds):
        found[process].append(seconds(*process))
    return [median(found[process]) for process in processes]


def installed(folder):
    """A copy of the package with object code for this machine, as an installed wheel has it."""
    root = Path(folder, "installed")
    shutil.copytree(CHECKOUT / "fastbp", root / "fastbp", ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    say("  object code for this machine")
    script = "from fastbp.cli import shipping; from fastbp.compiler import targets; here = targets.fitting(); "
    script += f"here and shipping.ship({str(root / 'fastbp/compiler/shipped')!r}, here.name)"
    finish(start(script, folder, folder, root))
    return root


def at_once(folder, cache, number):
    """Seconds until so many processes that train at once have ended, and the same for the bare import."""
    found = []
    for statement in (NUMPY, ROWS["first `train`, engine"][0]):
        begin = time.perf_counter()
        for process in [start(statement, folder, cache) for _ in range(number)]:
            finish(process)
        found.append(time.perf_counter() - begin)
    return found


def render(rows, rounds, cold, number):
    """Markdown of a whole run."""
    body = []
    with tempfile.TemporaryDirectory() as folder:
        warm, package = Path(folder, "cache"), installed(folder)
        finish(start(MAKE, folder, warm))
        for row in rows:
            say(f"  {row}")
            if row == TOGETHER:
                finish(start(ROWS["first `train`, engine"][0], folder, warm))
                base, all_of_it = at_once(folder, warm, number)
                body.append([row, digits(base * 1e3, 3), _more(all_of_it, base), "-", "-"])
                continue
            statement, base, compiles = ROWS[row]
            none = Path(folder, "none")
            for where in ((warm, CHECKOUT), (none, package)):  # fills the cache, and writes the bytecode of the modules
                finish(start(statement, folder, *where))
            processes = (base, folder, warm), (statement, folder, warm, CHECKOUT), (statement, folder, none, package)
            bare, from_cache, from_wheel = compared(processes, rounds)
            compiled = "-"
            if compiles and cold:
                fresh = [tempfile.mkdtemp(dir=folder) for _ in range(cold)]
                compiled = _more(median(seconds(statement, folder, each) for each in fresh), bare)
            body.append([row, digits(bare * 1e3, 3), _more(from_cache, bare), _more(from_wheel, bare), compiled])
    return "\n\n".join([
        f"{machine.line()} Medians of {rounds} processes in turn, {cold} of those that compile.",
        table(
            ["a fresh process", "`import numpy` alone, ms", "from the cache, ms more", "from a wheel", "compiled"], body
        ),
        "Estimators are compared with the import of NumPy and scikit-learn. Networks of 4-8-3 and 64-64-10, an epoch "
        "of 64 samples in float32.",
    ])  # fmt: skip


def _more(found, bare):
    return digits(max(found - bare, 1e-4) * 1e3, 2)


def main(arguments=None):
    parser = command.parser("startup", "What a fresh process waits for. About ten minutes.", [*ROWS, TOGETHER], 9)
    parser.add_argument("--cold", type=int, default=2, metavar="N", help="processes with an empty cache (default: 2)")
    parser.add_argument("--together", type=int, default=100, metavar="N", help="processes at once (default: 100)")
    options = command.parse(parser, arguments)

    def text():
        return render(options.rows, options.rounds, options.cold, options.together)

    return command.run("startup", text, options.write)


if __name__ == "__main__":
    sys.exit(main())
