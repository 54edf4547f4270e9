"""The house rules that a machine can check."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import operator
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.compiler import jit as jit_module
from fastbp.lecture import differences, loops, matrix
from tests.cases import UNCOMPILED, kernels

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fastbp"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ALL_SOURCES = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]

# The lecture twice, in modules of the same names, the lowest first.
VERSIONS = ("loops", "matrix")
MODULES = ("activations", "errors", "layers", "updates", "passes")

# Imports go down only: a module may import from the floors below its own.
FLOORS = [
    {"jit", "views", "lecture.codes", "door", "digits", "workers", "cores"},
    {
        "lecture.layout",
        "slices",
        "progress",
        "rates",
        "engine.shapes",
        "scalars",
        "files.atomic",
        "plots.paper",
        "plots.checks",
    },
    {"optimizers", "schedules", "engine.plan", "files.safetensors", "plots.models"},
    {"files.values", "checkpoints", *(f"plots.{module}" for module in ("losses", "classes", "units", "ensembles"))},
    {"plots"},
    *({f"lecture.{version}.{module}" for version in VERSIONS} for module in MODULES),
    {f"lecture.{version}" for version in VERSIONS},
    {"lecture.differences", "engine.simd", "engine.atomics", "engine.standins"},
    {"engine.tiles"},
    {"engine.registers"},
    {"engine.functions", "engine.dropout", "engine.shuffles", "engine.team"},
    {"engine.layers", "engine.outputs", "engine.optimizers", "engine.choice", "engine.lanearrays"},
    {"engine.epoch", "engine.lanewise", "engine.neighbours"},
    {"engine.lanes"},
    {"engine.many"},
    {"evaluation"},
    {"network", "epochs"},
    {"training", *(f"estimators.{module}" for module in ("progress", "documentation", "collector"))},
    {"bins", "slots", *(f"estimators.{module}" for module in ("parameters", "rows", "stopping"))},
    {"crew", "estimators.files", "estimators.job"},
    {"sweep"},
    {"estimators.stochastic", "estimators.lbfgs"},
    {"estimators.base", "estimators.fits"},
    {"estimators.classifier", "estimators.regressor", "estimators.ensemble_base"},
    {"estimators.together", "estimators.ensemble", "tables.blocks", "tables.sources"},
    {"estimators.search"},
    {"estimators.loading", "tables.survey"},
    {"tables.encoding"},
    {"tables.model", "tables.scores"},
    {"tables.fitting", "files.models"},
    {"export.sklearn", "export.nodes", "export.source"},
    {"export.torch", "export.tables"},
    {"export.c", "export.onnx"},
    {"cli.options"},
    {"cli.line"},
    {f"cli.{module}" for module in ("train", "predict", "inspect", "export", "bench", "demo")},
    {"cli"},
    {"__main__"},
]
THIRD_PARTY = {"numba", "llvmlite", "numpy"}  # the bare install
WHERE_THERE_IS = {
    "progress": {"tqdm"},
    "tables.sources": {"pyarrow"},
    **{f"plots.{module}": {"matplotlib"} for module in ("paper", "losses", "classes")},
    "export.nodes": {"onnx"},
    "export.onnx": {"onnx", "skl2onnx", "sklearn"},
    "export.torch": {"torch"},
    "export.sklearn": {"sklearn"},
}
OF_ESTIMATORS = {"joblib", "numpy", "scipy", "sklearn", "tqdm"}  # tqdm where there is one
KNOW_LLVM = {f"engine.{module}" for module in ("shapes", "simd", "tiles", "atomics", "lanearrays")}
ONLY_HERE = {
    "numba": {"jit", "views", "scalars", "engine.registers", "engine.lanewise", *KNOW_LLVM},
    "llvmlite": {"jit", *KNOW_LLVM},
}


def module_name(file):
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts)


def imported(tree):
    """Full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parse(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("file", [f for f in SOURCES if f.name != "__init__.py"], ids=module_name)
def test_imports_go_down_only(file):
    floor = {module: level for level, modules in enumerate(FLOORS) for module in modules}
    here = module_name(file)
    for name in imported(parse(file)):
        if name.split(".")[0] == "fastbp":
            below = [m for m in floor if name == f"fastbp.{m}" or name.startswith(f"fastbp.{m}.")]
            assert below, f"{here} imports {name}, which is on no floor"
            assert floor[max(below, key=len)] < floor[here], f"{here} imports {name} from its own floor or above"
        elif name.split(".")[0] in ONLY_HERE:
            assert here in ONLY_HERE[name.split(".")[0]], f"{here} imports {name}"
        elif here.startswith("estimators."):
            assert name.split(".")[0] in sys.stdlib_module_names | OF_ESTIMATORS, f"{here} imports {name}"
        else:
            assert name.split(".")[0] in sys.stdlib_module_names | THIRD_PARTY | WHERE_THERE_IS.get(here, set()), (
                f"{here} imports {name}"
            )


def test_the_package_itself_imports_nothing_of_its_own():
    assert set(imported(parse(PACKAGE / "__init__.py"))) == {"importlib"}


@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks").rglob("*.py")), ids=lambda file: file.name)
def test_benchmarks_import_what_there_is(file):
    """Nothing runs them but people; a name that has moved must show before that."""
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "fastbp":
            for alias in node.names:
                found = importlib.util.find_spec(f"{node.module}.{alias.name}") if is_package(node.module) else None
                assert found or hasattr(importlib.import_module(node.module), alias.name), alias.name


def is_package(module):
    return hasattr(importlib.import_module(module), "__path__")


def test_only_jit_py_calls_the_compiler():
    for file in SOURCES:
        if module_name(file) != "jit":
            assert not re.search(r"\b(njit|vectorize|guvectorize|jitclass|numba\.jit)\b", file.read_text()), file


def test_compiled_code_lies_where_the_cache_looks():
    for file in SOURCES:
        if "fastbp.compiler.jit" in file.read_text() or "numba" in file.read_text().split('"""', 2)[-1]:
            assert file.relative_to(PACKAGE).parts[0] in jit_module.COMPILED, file


def test_the_digest_of_the_cache_covers_every_compiled_file(monkeypatch):
    read = []
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda file: read.append(file) or original(file))
    jit_module.content_key()
    assert {module_name(f) for f in read} == {
        *("jit", "scalars", "views", "lecture.__init__", "lecture.codes", "lecture.layout", "lecture.differences"),
        *(f"lecture.{version}.{module}" for version in VERSIONS for module in ("__init__", *MODULES)),
        *(module_name(file) for file in (PACKAGE / "engine").rglob("*.py")),
    }


def test_every_loop_has_its_twin():
    twins = kernels(matrix)
    assert kernels(loops).keys() == twins.keys()
    for name, kernel in kernels(loops).items():
        assert inspect.signature(kernel) == inspect.signature(twins[name]), name
    assert inspect.signature(kernels(differences)["gradient"]) == inspect.signature(twins["gradient"])


@pytest.mark.parametrize("version", [loops, matrix])
def test_a_version_of_the_lecture_names_all_that_its_modules_define(version):
    folder = Path(version.__file__).parent
    assert {file.stem for file in folder.glob("*.py")} == {"__init__", *MODULES}
    assert {name.rsplit(".", 1)[0] for name in imported(parse(folder / "__init__.py"))} == {
        f"{version.__name__}.{module}" for module in MODULES
    }
    classes = {"Pass"} if version is matrix else set()
    assert set(version.__all__) == kernels(version).keys() | classes
    for module in MODULES:
        here = importlib.import_module(f"{version.__name__}.{module}")
        assert kernels(here).items() <= kernels(version).items()


def test_the_matrix_version_imports_numpy_alone():
    files = [*(PACKAGE / "lecture" / "matrix").glob("*.py")]
    outside = {name for file in files for name in imported(parse(file)) if not name.startswith("fastbp.lecture")}
    assert outside == {"numpy"}
    within = {name.split(".")[2] for file in files for name in imported(parse(file)) if name.startswith("fastbp")}
    assert within == {"codes", "layout", "matrix"}
    script = "import sys, fastbp.lecture.matrix; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_kernel_is_its_formula():
    """The first line of its docstring is the equation with its slides, or with its source and the year of it where the
    lecture has none; a comment gives the shapes."""
    for name, kernel in kernels(loops).items():
        first = inspect.getdoc(kernel).splitlines()[0]
        assert re.search(r"slides? \d", first) or source(first), (name, first)
        if name not in BY_CODE:
            assert re.search(r"^    # \w+ \(", inspect.getsource(kernel), re.MULTILINE), (
                f"{name} has no comment on shapes"
            )


BY_CODE = {"activate", "activation_derivative", "output_error", "error_delta"}


def source(first):
    """What stands in "(Kingma and Ba 2015, algorithm 1)" in the first line of a docstring; "" if it has no source."""
    found = re.search(r"\(([A-Z][^()]* (?:19|20)\d\d[^()]*)\)", first)
    return found[1] if found else ""


OF_KERNELS = [
    *(f"lecture.loops.{module}" for module in MODULES),
    "lecture.differences",
    *(
        f"engine.{module}"
        for module in ("functions", "layers", "outputs", "epoch", "optimizers", "dropout", "lanes", "neighbours")
    ),
]


@pytest.mark.parametrize("module", OF_KERNELS)
def test_kernels_are_index_loops(module):
    """No array expressions: no slices, no NumPy function but of one number, no method of an array."""
    tree = parse(PACKAGE / f"{module.replace('.', '/')}.py")
    of_a_number = {"exp", "expm1", "log", "log1p", "tanh", "sqrt", "pi", "finfo", "float64", "int64"}
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Slice), f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            assert node.attr in of_a_number, f"line {node.lineno}: np.{node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr in of_a_number | {"type"}, f"line {node.lineno}: .{node.func.attr}()"
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.MatMult), f"line {node.lineno}"


@pytest.mark.parametrize("file", ALL_SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_files_and_functions_stay_short(file):
    assert len(file.read_text().splitlines()) <= 400
    for function in functions(parse(file)):
        doc = ast.get_docstring(function, clean=False) or ""
        assert function.end_lineno - function.lineno + 1 - doc.count("\n") <= 60, function.name


@pytest.mark.parametrize("file", ALL_SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_every_file_says_what_it_is_for(file):
    assert file.name not in {"utils.py", "core.py", "helpers.py", "common.py"}
    assert ast.get_docstring(parse(file)), "no docstring"


@pytest.mark.parametrize(
    "name", [*fastbp.__all__, *fastbp._EXTRAS, *(f"plots.{name}" for name in fastbp.plots.__all__)]
)
def test_every_public_name_has_a_docstring_with_an_example_that_runs(name):
    value = operator.attrgetter(name)(fastbp)
    documented = [value]
    if inspect.isclass(value):
        documented += [f for n, f in vars(value).items() if n[0] != "_" and inspect.isfunction(f)]
    for thing in documented:
        assert ">>>" in (inspect.getdoc(thing) or ""), thing
    if UNCOMPILED and value.__module__.startswith(("fastbp.estimators", "fastbp.tables")):
        return  # they train for a second, which takes the interpreter minutes
    if value.__module__ == "fastbp.export.torch":
        pytest.importorskip("torch", reason="no extra of the tests brings it")
    home = importlib.import_module(value.__module__)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(recurse=True).find(value, name, module=home, globs={"np": np}):
        runner.run(test)
    assert runner.failures == 0
    assert runner.tries > 0


def test_public_names_can_be_listed_and_starred():
    assert set(fastbp.__all__) <= set(dir(fastbp))
    script = "from fastbp import *; print(Network((1, 1)), SGD(), train.__name__)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out == "Network((1, 1), hidden='relu', output='softmax', dtype='float32') SGD(learning_rate=0.1) train\n"


def test_importing_fastbp_does_not_import_numba_nor_numpy():
    script = "import sys, fastbp; print(sorted({'numba', 'numpy', 'llvmlite'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"


README = (ROOT / "README.md").read_text(encoding="utf-8")
FORMULAS = README.split("## The lecture's formulas")[1].split("\n## ")[0]


@pytest.mark.skipif(UNCOMPILED, reason="takes the loops a minute in the interpreter")
@pytest.mark.parametrize(
    "example",
    re.findall(r"```python\n(.*?)```", README, re.DOTALL),
    ids=["train", "files", "many", "estimators", "searches"],
)
def test_the_examples_of_the_readme_run(example, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, expected = example.split("# prints ")
    assert len(code.strip().splitlines()) <= 12
    exec(compile(code, "README.md", "exec"), {})
    shown, printed = float(expected.strip()), float(capsys.readouterr().out)
    assert printed == pytest.approx(shown, abs=0.01)


def test_the_readme_names_every_formula():
    named = set(re.findall(r"`(\w+)`", FORMULAS))
    assert set(kernels(loops)) - named == set()
    assert named <= set(kernels(loops))


def slides(text):
    """The numbers of the slides in "(slides 7, 8, 21-36)" or in a cell of the table: {7, 8, 21, ..., 36}."""
    ranges = [part.split("-") for part in re.sub(r"[^\d,-]", "", text).split(",") if part]
    return {slide for first, *last in ranges for slide in range(int(first), int((last or [first])[0]) + 1)}


def test_the_readme_and_the_docstrings_name_the_same_slides():
    rows = re.findall(r"^\| ([^|]*\d[^|]*) \| .* \| (`.*`) \|$", FORMULAS, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[1])} == kernels(loops).keys()
    for row in rows:
        firsts = [inspect.getdoc(kernels(loops)[name]).splitlines()[0] for name in re.findall(r"`(\w+)`", row[1])]
        if not row[0][0].isdigit():
            assert {source(first) for first in firsts} == {row[0]}, row
            continue
        told = [re.findall(r"slides? ([\d, -]+?(?:and \d+)?)(?:[^\d, -]|$)", first) for first in firsts]
        assert set().union(*(slides(",".join(numbers).replace("and", ",")) for numbers in told)) == slides(row[0]), row


def test_ci_runs_the_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    for command in ("pip install . && python -m fastbp", 'pip install -e ".[test]" && pytest'):
        assert f"\n    {command}\n" in README
        assert f"\nbash -c '{command}'\n" in script


def test_the_top_level_is_what_it_should_be():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {Path(line).parts[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if name[0] != "."} == {
        "pyproject.toml",
        "fastbp",
        "benchmarks",
        "tests",
        "README.md",
        "LICENSE",
    }
