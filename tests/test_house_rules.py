"""The house rules that a machine can check: who may import whom, where compiled code lies, how long things are.

What users see has its own rules: test_public_names.py; and what they read: test_readme.py.
"""

import ast
import importlib
import importlib.util
import inspect
import itertools
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fastbp
from fastbp.compiler import cache, meaning
from fastbp.lecture import differences, loops, matrix
from tests.cases import kernels

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fastbp"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ALL_SOURCES = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]

# The contract between the folders: each imports from itself and from the lines above its own, wherever in a file.
CONTRACT = """
caller threads validation
compiler notebook plots learning_rate datasets atomic
lecture schedules
derivatives engine optimizers
second_order
rules
files
network
training njit online
estimators tables
export loading
__init__
cli examples
__main__
"""
LINE = {folder: number for number, line in enumerate(CONTRACT.strip().splitlines()) for folder in line.split()}

# The lecture twice, in modules of the same names; and the views of both, for speed.
MODULES = ("activations", "derivatives", "errors", "layers", "updates", "passes", "jacobians", "equations", "streams")
OF_VIEWS = {
    "loops": {"parts", "weight_sum", "jacobian_of_inputs", "jacobian_of_sample"},
    "matrix": {"parts_of", "codes_of", "unit_matrices"}
    | {f"{name}_of_views" for name in ("forward", "errors", "backward", "gradient")},
}

BARE_INSTALL = {"numba", "llvmlite", "numpy"}
WHERE_THERE_IS = {  # what is imported inside functions of these modules only, and only where it is installed
    "estimators": {"joblib", "scipy", "sklearn"},
    "training.progress": {"tqdm"},
    "training.least_squares": {"scipy"},
    "training.lbfgs": {"scipy"},
    "training.many.executors": {"distributed"},
    "training.many.tasks": {"distributed"},
    "online.base": {"river"},
    "online.frames": {"pandas"},
    "tables.csv_files": {"pyarrow"},
    "tables.arrow_files": {"pyarrow"},
    "tables.sheets": {"python_calamine"},
    "cli.laps": {"threadpoolctl"},
    **{f"plots.{module}": {"matplotlib"} for module in ("style", "losses", "classes", "units", "networks")},
    "export.onnx": {"onnx", "onnxruntime", "skl2onnx", "sklearn"},
    "export.torch": {"torch"},
    "export.casadi": {"casadi"},
    "export.sklearn": {"sklearn"},
}
ONLY_HERE = {"numba": ("compiler", "engine.simd", "examples"), "llvmlite": ("compiler", "engine.simd")}


def module_name(file):
    """Without the package's own name: "lecture.loops.layers", "lecture.loops.__init__"."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts)


def is_in(module, folders):
    return any(f"{module}.".startswith(f"{folder}.") for folder in folders)


def parse(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def imported(tree):
    """Full names of the modules that a file imports, wherever in it, by `import_module` too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant))


MODULE_NAMES = {module_name(file) for file in SOURCES}


def own_imports(file):
    """The modules of fastbp that a file imports, in the form of `module_name`."""
    for name in imported(parse(file)):
        if name.split(".")[0] == "fastbp":
            parts = name.split(".")[1:]
            found = [".".join(parts[:n] + ends) for n in range(len(parts), -1, -1) for ends in ([], ["__init__"])]
            yield next(module for module in found if module in MODULE_NAMES)


# ---- Who may import whom ---------------------------------------------------------------------------------------------


def test_every_folder_has_one_line_of_the_contract():
    assert sorted(CONTRACT.split()) == sorted({name.split(".")[0] for name in MODULE_NAMES})


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_imports_go_down_only(file):
    here = module_name(file).split(".")[0]
    for name in own_imports(file):
        there = name.split(".")[0]
        assert there == here or LINE[there] < LINE[here], f"{here} imports {name}, which is not on a line above"


def test_public_names_come_from_below():
    homes = {getattr(fastbp, name).__module__ for name in fastbp.__all__ if name != "plots"}
    assert {home.split(".")[1] for home in homes} <= {folder for folder in LINE if LINE[folder] < LINE["__init__"]}


@pytest.mark.parametrize("folder", sorted({file.parent for file in SOURCES}), ids=lambda f: str(f.relative_to(ROOT)))
def test_what_stands_side_by_side_has_no_cycle(folder):
    """Neither the modules of a folder, nor the folders in it; and so no two modules anywhere."""
    depth, graph = len(folder.relative_to(PACKAGE).parts), {}
    inside = [module_name(folder / "x").split(".")[:-1], depth]
    for file in folder.rglob("*.py"):
        here = module_name(file).split(".")
        there = [name.split(".") for name in own_imports(file)]
        near = {name[depth] for name in there if [name[:depth], depth] == inside and name[depth] != here[depth]}
        graph.setdefault(here[depth], set()).update(near)
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_other_packages_are_imported_where_they_belong(file):
    here = module_name(file)
    allowed = BARE_INSTALL.union(*(names for place, names in WHERE_THERE_IS.items() if is_in(here, [place])))
    for name in imported(parse(file)):
        package = name.split(".")[0]
        assert package in sys.stdlib_module_names | allowed | {"fastbp"}, f"{here} imports {name}"
        assert package not in ONLY_HERE or is_in(here, ONLY_HERE[package]), f"{here} imports {name}"


@pytest.mark.parametrize("file", [f for f in SOURCES if module_name(f).split(".")[0] != "estimators"], ids=module_name)
def test_what_the_bare_install_lacks_is_imported_when_it_is_used(file):
    at_once = [node for node in parse(file).body if isinstance(node, ast.Import | ast.ImportFrom)]
    packages = {name.split(".")[0] for node in at_once for name in imported(node)}
    assert packages <= sys.stdlib_module_names | BARE_INSTALL | {"fastbp"}


def test_the_package_itself_imports_nothing_of_its_own():
    assert set(imported(parse(PACKAGE / "__init__.py"))) == {"importlib", "importlib.util", "sys", "fastbp.plots"}
    at_once = [node for node in parse(PACKAGE / "__init__.py").body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {name for node in at_once for name in imported(node)} == {"importlib", "importlib.util", "sys"}


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


# ---- Compiled code ---------------------------------------------------------------------------------------------------


def test_only_jit_py_calls_the_compiler():
    for file in SOURCES:
        here = module_name(file)
        if here not in ("compiler.jit", "njit", "__init__") and not is_in(here, ["examples"]):  # `jit` is the one way
            assert not re.search(
                r"(?<!fastbp\.)\b(njit|vectorize|guvectorize|jitclass|numba\.jit)\b", file.read_text()
            ), file


def test_compiled_code_lies_where_the_cache_looks():
    for file in SOURCES:
        names = set(imported(parse(file)))
        if is_in(module_name(file), ["examples"]):  # which are what a user would write
            assert "fastbp.compiler.jit.jit" not in names
        elif "fastbp.compiler.jit.jit" in names or any(name.split(".")[0] == "numba" for name in names):
            assert in_the_cache(file), file


def test_the_digest_of_the_cache_covers_every_compiled_file(monkeypatch):
    read = []
    original = cache._content
    monkeypatch.setattr(cache, "_content", lambda file: read.append(Path(file)) or original(file))
    assert cache.source_key() == cache.SOURCE_KEY
    assert {*read} == {file for file in SOURCES if in_the_cache(file)}
    assert {"lecture.loops.layers", "lecture.codes", "compiler.views", "engine.team"} <= {*map(module_name, read)}


def in_the_cache(file):
    """Whether compiled code may lie there: under one of the places that the cache's key covers."""
    return any(PACKAGE / place in (file, *file.parents) for place in cache.COMPILED)


@pytest.mark.parametrize("module", ["lecture.loops", "lecture.differences"])
def test_kernels_of_the_lecture_refer_only_to_what_the_cache_covers(module):
    """An edit elsewhere, of a text say, costs no compilation, and one of theirs is always met."""
    files = [file for file in SOURCES if is_in(module_name(file), [module]) and file.name != "__init__.py"]
    covered = {module_name(file) for file in SOURCES if in_the_cache(file)}
    for file in files:
        assert {*own_imports(file)} - {"lecture.guards"} <= covered, file


def test_kernels_take_nothing_from_what_is_not_looked_at():
    """meaning.py asks whether the constants of modules are still those of their sources, of these not."""
    others = tuple(name.removeprefix("fastbp.") for name in meaning.OTHERS)
    for module in {*OF_KERNELS, *OF_THREADS_AND_GENERATORS}:
        for name in own_imports(PACKAGE / f"{module.replace('.', '/')}.py"):
            assert not name.startswith(others), module


# ---- The lecture -----------------------------------------------------------------------------------------------------


def test_every_loop_has_its_twin():
    twins = kernels(matrix)
    assert kernels(loops).keys() == twins.keys()
    for name, kernel in kernels(loops).items():
        assert inspect.signature(kernel) == inspect.signature(twins[name]), name
        homes = {function.__module__.rpartition(".")[2] for function in (kernel, twins[name])}
        assert len(homes) == 1, f"{name} stands in modules of different names"
    assert inspect.signature(kernels(differences)["gradient"]) == inspect.signature(twins["gradient"])


@pytest.mark.parametrize("version", [loops, matrix])
def test_a_version_of_the_lecture_names_all_that_its_modules_define(version):
    folder, defined = Path(version.__file__).parent, {}
    guards = {"fastbp.lecture.guards", "fastbp.compiler.jit.checked_from_python"}
    stars = {f"{version.__name__}.{module}.*" for module in MODULES}
    assert set(imported(parse(folder / "__init__.py"))) - guards == stars
    for module in MODULES:
        here = importlib.import_module(f"{version.__name__}.{module}")
        defined |= kernels(here)
        assert set(here.__all__) == kernels(here).keys() & kernels(version).keys(), module
    extra = defined.keys() - kernels(version).keys() | {file.stem for file in folder.glob("*.py")} - {*MODULES}
    assert extra == OF_VIEWS[folder.name] | {"__init__"}


OF_FORMULAS = [
    *(PACKAGE / "lecture" / "loops").glob("*.py"),
    *(PACKAGE / "lecture" / "matrix").glob("*.py"),
    *(PACKAGE / "lecture" / f"{name}.py" for name in ("codes", "differences", "guards", "layout", "example")),
]


@pytest.mark.parametrize("file", OF_FORMULAS, ids=module_name)
def test_the_formulas_are_functions(file):
    assert not [node.name for node in ast.walk(parse(file)) if isinstance(node, ast.ClassDef)]


def test_the_matrix_version_imports_numpy_alone():
    files = [*(PACKAGE / "lecture" / "matrix").glob("*.py")]
    outside = {name for file in files for name in imported(parse(file)) if not name.startswith("fastbp.lecture")}
    assert outside == {"numpy"}
    within = {name.split(".")[2] for file in files for name in imported(parse(file)) if name.startswith("fastbp")}
    assert within == {"codes", "guards", "layout", "matrix"}
    script = "import sys, fastbp.lecture.matrix; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def source(first):
    """What stands in "(Kingma and Ba 2015, algorithm 1)" in the first line of a docstring; "" if it has no source."""
    found = re.search(r"\(([A-Z][^()]* (?:19|20)\d\d[^()]*)\)", first)
    return found[1] if found else ""


def test_a_kernel_is_its_formula():
    """The first line of its docstring is the equation with its slides, or with its source and the year of it where the
    lecture has none."""
    for name, kernel in kernels(loops).items():
        first = inspect.getdoc(kernel).splitlines()[0]
        assert re.search(r"slides? \d", first) or source(first), (name, first)


OF_KERNELS = [
    *(f"lecture.loops.{module}" for module in (*MODULES, "parts")),
    "lecture.differences",
    *(f"engine.{module}" for module in ("simd.functions", "dropout", "inside", "streams")),
    *(f"engine.lanes.{module}" for module in ("epoch", "per_lane")),
    *(f"engine.tiles.{m}" for m in ("layers", "outputs", "epoch", "epochs", "axes", "few", "sparse", "updates")),
    *(f"engine.tiles.{module}" for module in ("normal_equations", "damped_steps")),
]
OF_THREADS_AND_GENERATORS = {"compiler.scalars", "engine.turns", "engine.shuffles"}  # not index loops alone


def is_compiled(function):
    return any(re.match(r"jit\b", ast.unparse(decorator)) for decorator in function.decorator_list)


def test_every_kernel_stands_in_a_module_of_kernels():
    found = {module_name(file) for file in SOURCES if any(map(is_compiled, functions(parse(file))))}
    assert found == {*OF_KERNELS, *OF_THREADS_AND_GENERATORS}


@pytest.mark.parametrize("module", OF_KERNELS)
def test_kernels_are_index_loops(module):
    """No array expressions: no slices, no NumPy function but of one number, no method of an array."""
    kernels_of = functions(parse(PACKAGE / f"{module.replace('.', '/')}.py"))
    of_a_number = {"exp", "expm1", "log", "log1p", "tanh", "sqrt", "pi", "finfo", "float64", "int64"}
    of_a_number |= {"isfinite", "isnan"}
    for node in itertools.chain.from_iterable(map(ast.walk, kernels_of)):
        assert not isinstance(node, ast.Slice), f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            assert node.attr in of_a_number, f"line {node.lineno}: np.{node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr in of_a_number | {"type"}, f"line {node.lineno}: .{node.func.attr}()"
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.MatMult), f"line {node.lineno}"


@pytest.mark.parametrize("module", [*OF_KERNELS, *sorted(OF_THREADS_AND_GENERATORS)])
def test_kernels_take_few_arguments(module):
    """More belong into tuples of arrays, or into rows of `layers`."""
    for kernel in filter(is_compiled, functions(parse(PACKAGE / f"{module.replace('.', '/')}.py"))):
        assert len(kernel.args.args) <= 9, kernel.name


# ---- Files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ALL_SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_files_and_functions_stay_short(file):
    assert len(file.read_text().splitlines()) <= 400
    for function in functions(parse(file)):
        doc = ast.get_docstring(function, clean=False) or ""
        assert function.end_lineno - function.lineno + 1 - doc.count("\n") <= 60, function.name


@pytest.mark.parametrize("file", ALL_SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_every_file_says_what_it_is_for(file):
    """In its first line, a folder in that of its `__init__`; and it is named for that."""
    assert file.name not in {"utils.py", "core.py", "helpers.py", "common.py"}
    assert (file.parent / "__init__.py").is_file(), "a folder without a caption"
    docstring = ast.get_docstring(parse(file))
    assert docstring, "no docstring"
    assert re.search(r"[.:?]\)?$", docstring.splitlines()[0]), "the first line is no whole sentence"


FORMER = {"door", "crew", "slots", "bins", "sweep", "together", "told", "standins", "course", "keeper", "lanewise"}
ENGLISH = {"together", "told"}  # among other words they say what they say everywhere


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_no_private_word_of_former_days_comes_back(file):
    definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    names = [node.name for node in ast.walk(parse(file)) if isinstance(node, definitions)]
    for name in [*names, *module_name(file).split(".")]:
        plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_")
        assert plain not in FORMER, name
        assert not set(plain.split("_")) & (FORMER - ENGLISH), name
