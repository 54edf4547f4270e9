"""What is shipped: archives, wheels, the licence, the packages that are needed."""

import re
import tomllib
from pathlib import Path

import fastbp

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fastbp"
SOURCES = sorted(PACKAGE.rglob("*.py"))

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
TOP_LEVEL = {"pyproject.toml", ".ci/hatch_build.py", "fastbp", "benchmarks", "tests", "README.md", "LICENSE"}


def test_archives_hold_the_top_level_and_wheels_the_package():
    targets = PYPROJECT["tool"]["hatch"]["build"]["targets"]
    assert set(targets["sdist"]["include"]) == {f"/{name}" for name in TOP_LEVEL}
    assert targets["wheel"]["packages"] == ["fastbp"]
    assert {"py.typed", "__init__.pyi", "plots/__init__.pyi", "data/digits.npz"} <= {
        file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*") if file.suffix != ".py"
    }


def test_the_version_stands_in_one_place():
    assert "version" not in PROJECT
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "fastbp/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", fastbp.__version__)


def test_the_license_is_the_one_that_is_named():
    assert PROJECT["license"] == "BSD-3-Clause"
    assert PROJECT["license-files"] == ["LICENSE"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause License\n")


def test_the_bare_install_needs_numba_and_numpy_without_a_cap():
    assert [re.match(r"\w+", requirement)[0] for requirement in PROJECT["dependencies"]] == ["numba", "numpy"]
    assert not [requirement for requirement in PROJECT["dependencies"] if re.search("<|==|~=", requirement)]


def test_the_tests_have_every_extra_but_those_of_exchange():
    extras = PROJECT["optional-dependencies"]
    for name in extras.keys() - {"test", "bench", "torch", "casadi", "dask"}:
        assert set(extras[name]) <= set(extras["test"]), name


def test_extras_that_messages_name_are_there():
    named = {name for file in SOURCES for name in re.findall(r"fastbp\[(\w+)\]", file.read_text(encoding="utf-8"))}
    assert named
    assert named <= PROJECT["optional-dependencies"].keys()


def test_ci_tests_the_oldest_versions_that_are_admitted():
    oldest = (ROOT / ".ci" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    for requirement in PYPROJECT["project"]["dependencies"] + PYPROJECT["project"]["optional-dependencies"]["sklearn"]:
        name, least = requirement.split(">=")
        assert f"{name}=={least}.*" in oldest
