"""What users see: docstrings and their examples, types, and names that are there only where what they need is."""

import ast
import collections
import configparser
import doctest
import functools
import importlib
import inspect
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

import fastbp
from tests.cases import UNCOMPILED

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fastbp"
STUBS = [PACKAGE / "__init__.pyi", PACKAGE / "plots" / "__init__.pyi"]
PUBLIC = {name: getattr(fastbp, name) for name in fastbp.__all__ if name != "plots"} | {
    f"plots.{name}": getattr(fastbp.plots, name) for name in fastbp.plots.__all__
}


def run(*arguments, cwd=ROOT):
    """What Python says to some arguments, on both streams: (lines, exit code)."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, timeout=600)
    return done.stdout + done.stderr, done.returncode


# ---- Docstrings ------------------------------------------------------------------------------------------------------


def members(cls):
    """{name: function or property} of what a class has that this package defines, there or in a class above it."""
    found = {}
    for name in dir(cls):
        static = inspect.getattr_static(cls, name)
        value = static if isinstance(static, property | functools.cached_property) else getattr(cls, name, None)
        function = getattr(value, "fget", None) or getattr(value, "func", None) or value
        home = getattr(function, "__module__", None) or ""
        if name[0] != "_" and callable(function) and not inspect.isclass(function) and home.split(".")[0] == "fastbp":
            found[name] = value
    return found


DOCUMENTED = PUBLIC | {
    f"{name}.{method}": function
    for name, cls in PUBLIC.items()
    if inspect.isclass(cls)
    for method, function in members(cls).items()
}
CODES = {"GL08", "PR01", "PR02", "PR03", "PR04", "RT01", "YD01", "EX01"}


def is_property(name):
    return isinstance(DOCUMENTED.get(name), property | functools.cached_property)


def with_inherited_docstring(function):
    """numpydoc reads `__doc__` alone, which an overriding method does not inherit."""
    if not inspect.isfunction(function) or function.__doc__ or not inspect.getdoc(function):
        return function
    copy = types.FunctionType(function.__code__, function.__globals__, function.__qualname__, function.__defaults__)
    copy.__doc__, copy.__kwdefaults__, copy.__module__ = (
        inspect.getdoc(function), function.__kwdefaults__, function.__module__
    )  # fmt: skip
    return copy


def of_a_class(doc):
    """The parameters of a constructor may stand among the Attributes, as those of a dataclass do."""
    attributes = [name for each in doc.doc["Attributes"] for name in each.name.split(", ")]
    documented, expected = list(doc.doc_all_parameters), list(doc.signature_parameters)
    if missing := set(expected) - set(documented) - set(attributes):
        yield f"PR01 not documented: {missing}"
    if extra := set(documented) - set(expected):
        yield f"PR02 unknown: {extra}"
    for section in (documented, attributes):
        named = [name for name in section if name in expected]
        if named != [name for name in expected if name in section]:
            yield f"PR03 in another order: {named}"
    for each in doc.doc["Attributes"]:
        if not each.type:
            yield f"PR04 without a type: {each.name}"


def complaints(name, thing):
    """What numpydoc finds wrong with the docstring of a public name."""
    # Without `show_class_members` numpydoc counts properties as documented, whether they are or not.
    parsed = get_doc_object(with_inherited_docstring(thing), config={"show_class_members": False})
    found = [f"{code} {message}" for code, message in validate(parsed)["errors"] if code in CODES]
    if inspect.isclass(thing) and thing.__doc__:
        found = [text for text in found if text[:4] not in ("PR01", "PR02", "PR03")] + [*of_a_class(Validator(parsed))]
    return [text for text in found if not (is_property(name) and text.startswith("EX01"))]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_docstring_is_complete(name):
    assert complaints(name, DOCUMENTED[name]) == []


def test_inherited_methods_are_among_them():
    assert {"MLPClassifier.save", "EnsembleRegressor.fit", "GridSearch.fit", "SGD.moments", "WarmUp.rates"} <= {
        *DOCUMENTED
    }
    assert "save" not in vars(fastbp.MLPClassifier)
    assert "fit" not in vars(fastbp.GridSearch)


@pytest.mark.parametrize("complaint", sorted(CODES - {"YD01"}))
def test_an_incomplete_docstring_is_found(complaint):
    def bare(x, y):
        return x

    bare.__doc__ = None if complaint == "GL08" else FAULTY[complaint]
    assert [text[:4] for text in complaints("bare", bare)] == [complaint]


COMPLETE = """Right.

    Parameters
    ----------
    x : int
    y : int

    Returns
    -------
    int

    Examples
    --------
    >>> 1
    1
    """
FAULTY = {
    "PR01": COMPLETE.replace("    y : int\n", ""),
    "PR02": COMPLETE.replace("y : int\n", "y : int\n    z : int\n"),
    "PR03": COMPLETE.replace("x : int\n    y : int", "y : int\n    x : int"),
    "PR04": COMPLETE.replace("y : int", "y"),
    "RT01": COMPLETE.replace("Returns\n    -------\n    int\n", ""),
    "EX01": COMPLETE.partition("    Examples")[0],
}


@functools.cache
def failures_of_examples(docstring, name, home):
    """(failures, examples) of a docstring, which several names may have in common."""
    parsed = doctest.DocTestParser().get_doctest(docstring, {"np": np}, name, home, 0)
    return tuple(doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(parsed))


@pytest.mark.parametrize("name", PUBLIC)
def test_the_examples_run(name, tmp_path, monkeypatch):
    value = PUBLIC[name]
    if UNCOMPILED and value.__module__.startswith(("fastbp.estimators", "fastbp.tables")):
        pytest.skip("they train for a second, which takes the interpreter minutes")
    if value.__module__ in ("fastbp.export.torch", "fastbp.export.casadi"):
        pytest.importorskip(value.__module__.rpartition(".")[2], reason="no extra of the tests brings it")
    monkeypatch.chdir(tmp_path)
    of_it = {key: thing for key, thing in DOCUMENTED.items() if f"{key}.".startswith(f"{name}.")}
    tried = {key: failures_of_examples(inspect.getdoc(thing), key, value.__module__) for key, thing in of_it.items()}
    assert {key: failed for key, (failed, _) in tried.items() if failed} == {}
    assert {key for key, (_, examples) in tried.items() if not examples and not is_property(key)} == set()


# ---- Types -----------------------------------------------------------------------------------------------------------

checked = pytest.mark.skipif(UNCOMPILED, reason="types are the same, and their checkers slow")
MISUSE = '''"""What a type checker must find; the code of each complaint stands behind its line."""

import fastbp

network = fastbp.Network((2, 8, 1), activation="relu")
history = fastbp.train(network, [[0.0, 1.0]], [[1.0]], epochs="3")  # arg-type
fastbp.train(network, [[0.0, 1.0]], [[1.0]], optimiser="adam")  # call-arg
fastbp.train(network, [[0.0, 1.0]], [[1.0]], optimizer="adma")  # arg-type
network.predcit([[0.0, 1.0]])  # attr-defined
fastbp.Network((2, 1), hidden="relu")  # call-arg
fastbp.load_digits(3)  # call-arg
fastbp.MLPClassifier(n_jobs="all")  # arg-type
print(history.losses, fastbp.tain)  # attr-defined attr-defined
loss: str = network.evaluate([[0.0, 1.0]], [[1.0]])  # assignment
fastbp.train_table("data.csv", target="y", epochs=3.5)  # arg-type
'''


@pytest.fixture(scope="session")
def mypy(tmp_path_factory):
    """{file: {line: codes}} of what `mypy --strict` finds in typed.py, in misuse, and in the README's examples."""
    folder = tmp_path_factory.mktemp("typed")
    settings = configparser.ConfigParser()
    settings["mypy"] = {"strict": "true", "python_version": ".".join(map(str, sys.version_info[:2]))}
    for untyped in ("sklearn", "scipy", "onnx", "onnxruntime", "skl2onnx", "pyarrow", "tqdm"):
        settings[f"mypy-{untyped}.*"] = {"ignore_missing_imports": "true"}
    with open(folder / "mypy.ini", "w") as file:
        settings.write(file)
    texts = {"typed": (ROOT / "tests" / "typed.py").read_text(encoding="utf-8"), "misuse": MISUSE}
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    texts |= {f"readme_{number}": example for number, example in enumerate(examples, start=1)}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    files = [str(folder / f"{name}.py") for name in texts]
    cache = ROOT / ".mypy_cache"
    told, code = run("-m", "mypy", "--config-file", str(folder / "mypy.ini"), "--cache-dir", str(cache), *files)
    found = {name: collections.defaultdict(list) for name in texts}
    for line in told.splitlines():
        if complaint := re.fullmatch(r".*?(\w+)\.py:(\d+): error: (.*?)(?:  \[([\w-]+)\])?", line):
            found[complaint[1]][int(complaint[2])].append(complaint[4] or complaint[3])
    assert code == 1, told  # it has run, and found the misuse
    return found, told


@checked
def test_a_script_that_uses_each_public_name_is_typed(mypy):
    found, told = mypy
    assert found["typed"] == {}, told


@checked
def test_the_examples_of_the_readme_are_typed(mypy):
    found, told = mypy
    examples = {name: lines for name, lines in found.items() if name.startswith("readme_")}
    assert examples
    assert not any(examples.values()), told


@checked
def test_misuse_is_found_where_it_is_and_nowhere_else(mypy):
    lines = enumerate(MISUSE.splitlines(), start=1)
    assert mypy[0]["misuse"] == {number: line.split("  # ")[1].split() for number, line in lines if "  # " in line}


def test_the_script_uses_each_public_name():
    tree = ast.parse((ROOT / "tests" / "typed.py").read_text(encoding="utf-8"))
    attributes = [
        node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    ]
    used = {name: {node.attr for node in attributes if node.value.id == name} for name in ("fastbp", "plots")}
    assert used["fastbp"] == {*fastbp.__all__} - {"plots"}
    assert used["plots"] == {*fastbp.plots.__all__}


@checked
def test_the_stubs_agree_with_what_there_is(tmp_path):
    for stub in STUBS:
        copy = tmp_path / stub.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(stub, copy)
    (tmp_path / "fastbp" / "py.typed").touch()
    # What only the runtime has is private; that the stubs have each public name is seen by `test_a_script...` above.
    script = f"import os, sys; os.environ['MYPYPATH'] = {str(tmp_path)!r}; sys.path.insert(0, {str(ROOT)!r});"
    script += "from mypy.stubtest import main; sys.argv = 'stubtest fastbp --concise --ignore-missing-stub'.split();"
    told, code = run("-c", f"{script} sys.exit(main())", cwd=tmp_path)
    assert code == 0, told


@pytest.mark.parametrize("stub", STUBS, ids=lambda file: file.parent.name)
def test_the_stubs_say_what_each_name_is(stub):
    """Nothing public is `Any` because a type was left out."""
    for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [each.arg for each in arguments if each.annotation is None and each.arg not in ("self", "cls")]
            assert bare == [], f"line {node.lineno}"
            assert node.returns is not None, f"line {node.lineno}"


# ---- Names that are there, and names that are not --------------------------------------------------------------------


def test_public_names_can_be_listed_and_starred():
    assert set(fastbp.__all__) <= set(dir(fastbp))
    assert len(set(fastbp.__all__)) == len(fastbp.__all__)
    script = "from fastbp import *; print(Network((2, 2)).sizes, SGD(), train.__name__, plots.__name__)"
    assert run("-c", script) == ("(2, 2) SGD(learning_rate=0.1) train fastbp.plots\n", 0)


def test_importing_fastbp_does_not_import_numba_nor_numpy():
    script = "import sys, fastbp; dir(fastbp); print({'numba', 'numpy', 'llvmlite', 'sklearn'} & {*sys.modules})"
    assert run("-c", script) == ("set()\n", 0)


def test_a_name_that_never_was_is_no_attribute():
    with pytest.raises(AttributeError, match="module 'fastbp' has no attribute 'tain'"):
        fastbp.tain  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'tain' from 'fastbp'"):
        from fastbp import tain  # noqa: F401


NEEDS = {name for name in fastbp.__all__ if getattr(getattr(fastbp, name), "__module__", "").startswith("fastbp.estim")}
LOOK = """
import contextlib, importlib.machinery, inspect, io, sys
class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == {missing!r} else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Without
import fastbp
absent = {absent!r}
everything = {everything!r}
assert {{name for name in everything if name in dir(fastbp)}} == everything - absent, dir(fastbp)
assert {{name for name in everything if hasattr(fastbp, name)}} == everything - absent
assert everything - absent <= {{name for name, _ in inspect.getmembers(fastbp)}}
assert not absent & {{name for name, _ in inspect.getmembers(fastbp)}}
with contextlib.redirect_stdout(io.StringIO()) as shown:
    help(fastbp)
for name in everything - absent - {{"plots"}}:
    assert f" {{name}}" in shown.getvalue(), name
assert set(fastbp.__all__) == everything - absent
{then}
print("so it is")
"""


@pytest.mark.parametrize("missing", ["sklearn", "matplotlib", "onnx", "tqdm", "pyarrow", "torch"])
def test_what_is_not_installed_is_not_there_and_the_rest_is(missing):
    absent = NEEDS if missing == "sklearn" else set()
    script = LOOK.format(missing=missing, absent=absent, everything={*fastbp.__all__}, then=USE[missing])
    assert run("-c", script) == ("so it is\n", 0)


# What asks for the missing package says what to install; what does without it works.
REFUSED = """
try:
    {use}
except {error} as problem:
    assert "pip install 'fastbp[{extra}]'" in str(problem), problem
else:
    raise AssertionError("no error")
"""
USE = {
    "sklearn": "".join(
        REFUSED.format(use=use.format(name=name), error=error, extra="sklearn")
        for name in sorted(NEEDS)
        for use, error in [("fastbp.{name}", "AttributeError"), ("from fastbp import {name}", "ImportError")]
    )
    + "from fastbp import *\nassert Network is fastbp.Network",
    "matplotlib": REFUSED.format(use="fastbp.plots.loss([1.0, 0.5])", error="ImportError", extra="plot")
    + REFUSED.format(use="fastbp.History([1.0]).plot()", error="ImportError", extra="plot"),
    "onnx": REFUSED.format(use="fastbp.to_onnx(fastbp.Network((2, 2)), 'x.onnx')", error="ImportError", extra="onnx"),
    "torch": REFUSED.format(use="fastbp.to_torch(fastbp.Network((2, 2)))", error="ImportError", extra="torch"),
    "pyarrow": "import os, tempfile\nos.chdir(tempfile.mkdtemp())\nopen('x.parquet', 'wb').write(b'PAR1')\n"
    + REFUSED.format(use="fastbp.train_table('x.parquet', 'y')", error="ImportError", extra="tables"),
    "tqdm": """
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as shown:
    network = fastbp.Network((1, 1), output="identity")
    fastbp.train(network, [[1.0]], [[1.0]], epochs=2, version="matrix", progress=True)
assert "2" in shown.getvalue(), shown.getvalue()
""",
}


def test_what_needs_scikit_learn_is_what_its_folder_has():
    assert {*importlib.import_module("fastbp.estimators").__all__} == NEEDS
