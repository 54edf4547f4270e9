"""to_c: what a C compiler makes of it predicts as the network does."""

import ctypes
import inspect
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastbp
from fastbp.export.c import source
from fastbp.export.c.convert import to_c
from fastbp.lecture import loops
from fastbp.lecture.codes import HIDDEN, OUTPUT
from tests.cases import DTYPES, UNCOMPILED
from tests.export_cases import (
    COMBINATIONS,
    LARGEST,
    activation_alone,
    assert_extremes,
    extremes,
    fitted,
    network_of,
    samples,
    sizes_for,
)

COMPILER, CPP = shutil.which("gcc"), shutil.which("g++")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no gcc")
C99 = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
STRICT = ["-Wshadow", "-Wconversion", "-Wdouble-promotion", "-Wmissing-prototypes", "-Wtrigraphs"]
CTYPES = {"float32": ctypes.c_float, "float64": ctypes.c_double}
RTOL = {"float32": 1e-6, "float64": 1e-13}  # of the largest output


def compiled(folder, *options, source="model.c", compiler=COMPILER):
    """A shared library of a file."""
    library = folder / f"{source}-{len(list(folder.iterdir()))}.so"
    command = [compiler, *options, "-shared", "-fPIC", "-o", library, folder / source, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


def called(library, X, outputs, name="predict"):
    """The outputs for the rows of X; what lies behind y is not written to."""
    real = ctypes.POINTER(CTYPES[X.dtype.name])
    function = getattr(library, name)
    function.argtypes, function.restype = [real, real], None
    Y = np.full((len(X), outputs + 1), 7, X.dtype)
    for x, y in zip(np.ascontiguousarray(X), Y, strict=True):
        function(x.ctypes.data_as(real), y.ctypes.data_as(real))
    assert (Y[:, -1] == 7).all()
    return Y[:, :-1]


# ---- Predictions -----------------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("contract", ["-ffp-contract=off", "-ffp-contract=fast"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_networks_of_all_kinds_in_one_program(dtype, contract, tmp_path):
    """All in one unit, so no name may be there twice."""
    cases = [(sizes, *pair) for pair in COMBINATIONS for sizes in sizes_for(pair[1])]
    networks = [network_of(*case, dtype, seed=seed) for seed, case in enumerate(cases)]
    for number, network in enumerate(networks):
        to_c(network, tmp_path / f"{number}.c", name=f"net{number}")
    lines = [f'#include "{number}.c"\n' for number in range(len(networks))]
    (tmp_path / "all.c").write_text("".join(lines))
    library = compiled(tmp_path, *C99, "-march=native", contract, source="all.c")
    for number, network in enumerate(networks):
        X = samples(9, network.sizes[0], dtype)
        expected, found = network.predict(X), called(library, X, network.sizes[-1], f"net{number}")
        np.testing.assert_allclose(
            found, expected, rtol=0, atol=RTOL[dtype] * np.abs(expected).max(), err_msg=str(network)
        )


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({*HIDDEN, *OUTPUT}))
def test_activations_of_all_numbers(name, dtype, tmp_path):
    network, x = activation_alone(name, dtype), extremes(name, dtype)
    to_c(network, tmp_path / "model.c")
    found = called(compiled(tmp_path, *C99, *STRICT), x, network.sizes[-1])
    assert_extremes(found, network, name, x)


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({*HIDDEN, *OUTPUT}))
def test_nothing_overflows_on_the_way(name, dtype, tmp_path):
    """Not even where infinity would be right in the end: a processor may be told to stop there."""
    network, x = activation_alone(name, dtype), extremes(name, dtype)
    to_c(network, tmp_path / "model.c")
    real = CTYPES[dtype].__name__.removeprefix("c_")
    (tmp_path / "flags.c").write_text(f"""
#include <fenv.h>
void predict(const {real} *x, {real} *y);
void watched(const {real} *x, {real} *y);
void watched(const {real} *x, {real} *y)
{{
    feclearexcept(FE_ALL_EXCEPT);
    predict(x, y);
    y[0] = fetestexcept(FE_OVERFLOW | FE_INVALID | FE_DIVBYZERO);
}}""")
    library = compiled(tmp_path, "-std=c99", str(tmp_path / "model.c"), source="flags.c")
    assert not called(library, x, network.sizes[-1], "watched")[:, 0].any()


@needs_compiler
def test_an_exponential_may_be_infinite(tmp_path):
    to_c(activation_alone("exponential", "float32"), tmp_path / "model.c")
    found = called(compiled(tmp_path, *C99), np.array([[LARGEST["float32"]], [-LARGEST["float32"]]], np.float32), 1)
    assert found.ravel().tolist() == [np.inf, 0]


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_program_and_threads_get_the_same_bits(dtype, tmp_path):
    network = network_of((3, 9, 4), ("silu",), "softmax", dtype)
    to_c(network, tmp_path / "model.c")
    library, X = compiled(tmp_path, *C99), samples(200, 3, dtype)
    expected = called(library, X, 4)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: called(library, X, 4), range(8)):
            np.testing.assert_array_equal(found, expected)
    real = CTYPES[dtype].__name__.removeprefix("c_")
    (tmp_path / "main.c").write_text(f"""
#include <stdio.h>
enum {{ INPUTS = 3, OUTPUTS = 4 }}; /* names of a program's own */
void predict(const {real} *x, {real} *y);
int main(void)
{{
    {real} x[INPUTS] = {{{", ".join(value.hex() for value in X[0].tolist())}}}, y[OUTPUTS];
    predict(x, y);
    for (int k = 0; k < OUTPUTS; k++)
        printf("%a\\n", (double)y[k]);
    return 0;
}}""")
    command = [COMPILER, *C99, tmp_path / "main.c", tmp_path / "model.c", "-lm", "-o", tmp_path / "main"]
    subprocess.run(command, check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    assert [float.fromhex(line) for line in printed.split()] == expected[0].tolist()


@pytest.mark.skipif(CPP is None, reason="there is no g++")
def test_a_compiler_of_cpp_takes_it_too(tmp_path):
    network = network_of((3, 9, 4), "gelu", "softmax", "float32")
    to_c(network, tmp_path / "model.c")
    options = "-x", "c++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"
    X = samples(5, 3, "float32")
    np.testing.assert_allclose(called(compiled(tmp_path, *options, compiler=CPP), X, 4), network.predict(X), rtol=1e-5)


# ---- The file --------------------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_needs_the_functions_of_math_alone_and_has_no_variables(dtype, tmp_path):
    hidden = list(HIDDEN)
    to_c(network_of((3, *[2] * len(hidden), 2), hidden, "softmax", dtype), tmp_path / "model.c")
    subprocess.run([COMPILER, *C99, "-c", tmp_path / "model.c", "-o", tmp_path / "model.o"], check=True)
    listed = subprocess.run(["nm", tmp_path / "model.o"], capture_output=True, text=True, check=True).stdout
    kinds = [line.split()[-2:] for line in listed.splitlines()]
    suffix = "f" if dtype == "float32" else ""
    assert {name for kind, name in kinds if kind == "U" and name[0] != "_"} == {
        f"{name}{suffix}" for name in ("exp", "expm1", "log1p", "tanh")
    }
    assert {kind for kind, _ in kinds if kind != "U"} <= {"T", "t", "r", "R"}
    assert [name for kind, name in kinds if kind == "T"] == ["predict"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_constants_are_exact_and_lines_short(dtype, tmp_path):
    network = network_of((150, 40, 3), "relu", "identity", dtype)
    info = np.finfo(dtype)
    network.theta[:6] = 0.0, -0.0, info.max, info.min, info.smallest_subnormal, info.eps
    to_c(network, tmp_path / "model.c")
    text = (tmp_path / "model.c").read_text(encoding="ascii")
    assert max(map(len, text.splitlines())) <= 120
    suffix = "f" if dtype == "float32" else ""
    constants = re.findall(rf"-?0x[0-9a-f.]+p[+-]\d+(?={suffix}[,}}\s])", text)
    written = np.array([float.fromhex(constant) for constant in constants], dtype)
    assert written.tobytes() == network.theta.tobytes()


def test_the_comments_have_the_formulas_of_the_lecture():
    for name, formula in source.FORMULAS.items():
        first = inspect.getdoc(getattr(loops.activations, name)).splitlines()[0]
        assert first.startswith(f"{formula} (")
    assert set(source.FORMULAS) == {*HIDDEN, *OUTPUT}
    assert set(source.FUNCTIONS) == set(source.FORMULAS) - {"identity", "softmax"}


def test_lengths_are_names_for_a_program(tmp_path):
    to_c(fastbp.Network((4, 3)), tmp_path / "model.c", name="iris_2")
    text = (tmp_path / "model.c").read_text()
    assert "enum { IRIS_2_INPUTS = 4, IRIS_2_OUTPUTS = 3 };" in text
    names = re.findall(r"^static \w+ (?:\w+ )?(\w+)", text, re.MULTILINE)
    assert names
    assert all(name.startswith("iris_2_") for name in names)


def test_a_wide_network_is_written_in_seconds_and_lines_hold_as_much_as_fits(tmp_path):
    to_c(fastbp.Network((784, 300, 10)), tmp_path / "model.c")
    text = (tmp_path / "model.c").read_text()
    assert text.count("\n") < 784 * 300 / 5


# ---- Estimators ------------------------------------------------------------------------------------------------------


def classifier(y, columns=None):
    pytest.importorskip("sklearn")
    X = samples(40, 2, "float64")
    if columns:
        pandas = pytest.importorskip("pandas")
        X = pandas.DataFrame(X, columns=columns)
    return fitted(fastbp.MLPClassifier(3, max_iter=1, random_state=0), X, np.resize(np.array(y), 40)), X


def opening_of(model, tmp_path):
    to_c(model, tmp_path / "model.c")
    text = (tmp_path / "model.c").read_text(encoding="ascii")
    return " ".join(text[: text.index("*/")].split())


@needs_compiler
def test_the_network_of_an_estimator(tmp_path):
    model, X = classifier(["a", "b", "c"])
    to_c(model, tmp_path / "model.c")
    np.testing.assert_allclose(called(compiled(tmp_path, *C99), X, 3), model.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["a", "b", "c"], "y: the probabilities of the classes 'a', 'b', 'c'."),
        ([3, 5], "y[0]: the probability of the second of the classes 3, 5."),
        ([False, True], "y[0]: the probability of the second of the classes False, True."),
        (["no"], "y: of no use, for the model knows one class alone: 'no'."),
    ],
)
def test_the_comment_says_what_the_outputs_of_a_classifier_are(labels, told, tmp_path):
    assert told in opening_of(classifier(labels)[0], tmp_path)


def test_the_comment_of_other_models(tmp_path):
    pytest.importorskip("sklearn")
    X = samples(40, 2, "float64")
    several = fitted(fastbp.MLPClassifier(3, max_iter=1), X, np.eye(2, dtype=int)[np.arange(40) % 2])
    assert "y: the probabilities of the labels, one by one." in opening_of(several, tmp_path)
    regressor = fitted(fastbp.MLPRegressor("poisson", 3, max_iter=1), X, np.arange(40))
    assert "y: what predict returns." in opening_of(regressor, tmp_path)
    network = opening_of(fastbp.Network((2, 3, 1), output="sigmoid", dtype="float64"), tmp_path)
    assert "of 2-3-1 units in double" in network
    assert "takes 24 bytes of the stack" in network
    assert "y: outputs by sigmoid." in network


@needs_compiler
def test_labels_cannot_leave_the_comment(tmp_path):
    evil = [
        "*/ int x; /*",
        "/*/",
        "??/",
        "a\nb\\",
        "\u00e9",
        "b" * 500,
        "* /",
        "*" * 200,
        *(f"{i} " + "??/ " * 12 for i in range(4)),
    ]
    model, X = classifier(evil, columns=["/* weight */", "size\n*/"])
    to_c(model, tmp_path / "model.c")
    text = (tmp_path / "model.c").read_text(encoding="ascii")
    assert max(map(len, text.splitlines())) <= 120
    assert r"'\xe9'" in text
    assert "b...," in text
    assert "x: '/ * weight * /'" in text
    found = called(compiled(tmp_path, *C99, *STRICT), X.to_numpy(), len(evil))
    np.testing.assert_allclose(found, model.predict_proba(X), rtol=1e-12)


# ---- Refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "1a", "a-b", "for", "class", "é", "a b", "main", "_a"])
def test_names_that_no_function_can_have(name, tmp_path):
    with pytest.raises(ValueError, match=r"name must be a name in C, .* got "):
        to_c(fastbp.Network((1, 2)), tmp_path / "model.c", name=name)


def test_refusals(tmp_path):
    with pytest.raises(TypeError, match=r"name must be a name in C, got 3"):
        to_c(fastbp.Network((1, 2)), tmp_path / "model.c", name=3)
    with pytest.raises(TypeError, match=r"model must be a fastbp.Network or a fitted .*, got 'model'"):
        to_c("model", tmp_path / "model.c")
    network = fastbp.Network((1, 2))
    network.theta[0] = np.nan
    (tmp_path / "model.c").write_text("old")
    with pytest.raises(ValueError, match="model must have finite parameters, got NaN or infinity"):
        to_c(network, tmp_path / "model.c")
    assert (tmp_path / "model.c").read_text() == "old"
    with pytest.raises(OSError, match="nowhere"):
        to_c(fastbp.Network((1, 2)), tmp_path / "nowhere" / "model.c")


def test_an_estimator_must_be_fitted(tmp_path):
    exceptions = pytest.importorskip("sklearn.exceptions")
    with pytest.raises(exceptions.NotFittedError, match="MLPClassifier"):
        to_c(fastbp.MLPClassifier(), tmp_path / "model.c")


# ---- With the Jacobian -----------------------------------------------------------------------------------------------


def with_jacobian(library, X, outputs, name):
    """The outputs and dy_k/dx_i for the rows of X; what lies behind is not written to."""
    real = ctypes.POINTER(CTYPES[X.dtype.name])
    function = getattr(library, f"{name}_and_jacobian")
    function.argtypes, function.restype = [real] * 3, None
    Y, J = np.full((len(X), outputs + 1), 7, X.dtype), np.full((len(X), outputs * X.shape[1] + 1), 7, X.dtype)
    for x, y, j in zip(np.ascontiguousarray(X), Y, J, strict=True):
        function(*(array.ctypes.data_as(real) for array in (x, y, j)))
    assert (Y[:, -1] == 7).all()
    assert (J[:, -1] == 7).all()
    return Y[:, :-1], J[:, :-1].reshape(len(X), outputs, -1)


@needs_compiler
@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_jacobian_of_networks_of_all_kinds(dtype, tmp_path):
    cases = [(sizes, *pair) for pair in COMBINATIONS for sizes in sizes_for(pair[1])]
    networks = [network_of(*case, dtype, seed=seed) for seed, case in enumerate(cases)]
    for number, network in enumerate(networks):
        to_c(network, tmp_path / f"{number}.c", name=f"net{number}", jacobian=True)
    lines = [f'#include "{number}.c"\n' for number in range(len(networks))]
    (tmp_path / "all.c").write_text("".join(lines))
    library = compiled(tmp_path, *C99, *STRICT, source="all.c")
    for number, network in enumerate(networks):
        X = samples(9, network.sizes[0], dtype)
        Y, J = with_jacobian(library, X, network.sizes[-1], f"net{number}")
        np.testing.assert_array_equal(Y, called(library, X, network.sizes[-1], f"net{number}"))
        expected = network.jacobian(X)
        np.testing.assert_allclose(
            J, expected, rtol=0, atol=20 * RTOL[dtype] * max(1e-3, np.abs(expected).max()), err_msg=str(network)
        )


@needs_compiler
@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_jacobian_is_finite_far_from_0(hidden, tmp_path):
    network = fastbp.Network((1, 1, 1), hidden, "identity", "float64")
    network.theta[:] = 1, 0, 1, 0
    to_c(network, tmp_path / "model.c", jacobian=True)
    X = np.array([[-1e300], [-800.0], [-30.0], [-0.0], [0.0], [30.0], [800.0], [1e300]])
    _, J = with_jacobian(compiled(tmp_path, *C99), X, 1, "predict")
    np.testing.assert_allclose(J, network.jacobian(X), rtol=1e-12, atol=1e-15)


@needs_compiler
def test_the_file_with_the_jacobian_is_cpp_too_and_an_estimators(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
    model = fastbp.MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, tol=1e9, n_iter_no_change=1).fit(X, y)
    to_c(model, tmp_path / "model.c", jacobian=True)
    library = compiled(tmp_path, "-std=c++17", "-Wall", "-Werror", "-x", "c++", compiler=CPP or COMPILER)
    _, J = with_jacobian(library, X, 1, "predict")
    np.testing.assert_allclose(J, model._net().jacobian(X), rtol=1e-10, atol=1e-13)


def test_the_jacobian_of_a_table_is_refused(tmp_path):
    table = fastbp.train_table({"a": [0.0, 1.0, 2.0] * 9, "b": [1.0, 2.0, 3.0] * 9}, "b", epochs=1).model
    with pytest.raises(ValueError, match="jacobian must be False for a TableModel"):
        to_c(table, tmp_path / "model.c", jacobian=True)
    with pytest.raises((TypeError, ValueError), match="jacobian must be"):
        to_c(fastbp.Network((2, 2)), tmp_path / "model.c", jacobian="yes")
    assert not [*tmp_path.iterdir()]
