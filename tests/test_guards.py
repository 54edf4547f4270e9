"""What Python hands to a function of the lecture is checked against the shapes in its docstring.

Compiled code pays nothing for it.
"""

import inspect
import re
import subprocess
import sys

import numba
import numpy as np
import pytest

from fastbp.lecture import codes, differences, guards, loops, matrix
from fastbp.lecture.layout import SCRATCH_ROWS
from tests.cases import UNCOMPILED, Case, kernels

VERSIONS = [loops, matrix]
FUNCTIONS = [(version, name) for version in VERSIONS for name in kernels(version)] + [(differences, "gradient")]
EACH = pytest.mark.parametrize(("version", "name"), FUNCTIONS, ids=lambda v: getattr(v, "__name__", v).split(".")[-1])
BOTH = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.__name__.split(".")[-1])


def arguments(version, name, case):
    """Right arguments of a function, by its docstring: {name: value}. Sizes are primes, so nothing fits by chance."""
    function = getattr(version, name)
    shapes, _ = guards.shapes_of(function)
    last = case.layers[-1]
    sizes = {
        "i": case.layers["sending"].item(0), "k": last["receiving"].item(), "p": case.theta.size, "units": case.units,
        "j": 5, "r": 7, "s": 1, "s?": 1, "N": len(case.X), "n": 4, "b": 2, "rows": 2, "batch": 2,
    }  # fmt: skip
    if "layers" not in inspect.signature(function).parameters:
        sizes |= {"i": 3, "k": 11, "p": 13}
    if name in ("softmax_derivative",):
        sizes["r"] = sizes["k"]

    def made(argument, axes):
        if isinstance(axes, dict):
            return tuple(made(part, inner) for part, inner in axes.items())
        if axes in (None, ["s or a number"]):
            if argument == "code" and name == "delta_of_outputs":
                return codes.SIGMOID
            return NUMBERS.get(argument, 0.5)
        if axes == ["2 numbers"]:
            return (0.9, 0.99)
        if axes == ["..."]:
            return np.full((4, 5), 0.5)
        names = [axis.removesuffix(" or more").split() for axis in axes]
        shape = [int(np.prod([sizes.get(part) or int(part) for part in parts])) for parts in names]
        if argument in guards.ROWS:
            return np.arange(*shape) % sizes["N"]
        return np.full(shape, 0.5 if argument != "settings" else 0.0)

    given = inspect.signature(function).parameters
    return {key: case.layers if key == "layers" else made(key, shapes.get(key)) for key in given}


NUMBERS = {"code": 2, "batch_size": 2, "first_step": 0, "step": 1, "add": False, "start": 1, "end": 9}


def arrays_in(given, shapes, before=()):
    """Places of the arrays: (names, axes), of tuples too."""
    for name, axes in shapes.items():
        if isinstance(axes, dict):
            yield from arrays_in(None, axes, (*before, name))
        elif axes and axes not in (["2 numbers"], ["s or a number"]):
            yield (*before, name), axes


def replaced(given, place, change):
    """Other arguments, with one array, perhaps of a tuple, put into the place of another."""
    given = dict(given)
    if len(place) == 1:
        given[place[0]] = change(given[place[0]])
    else:
        names = [*guards.shapes_of(getattr(*given.pop("of")))[0][place[0]]]
        inside = dict(zip(names, given[place[0]], strict=True))
        deeper = {**inside, place[1]: change(inside[place[1]])} if len(place) == 2 else None
        given[place[0]] = tuple(deeper.values())
    given.pop("of", None)
    return given


@pytest.fixture(scope="module")
def case():
    case = Case((2, 3, 2), "sigmoid", "identity", samples=6)
    case.units = 5
    return case


@EACH
def test_each_docstring_gives_the_shapes_of_its_arrays(version, name):
    function = getattr(version, name)
    shapes, written = guards.shapes_of(function)
    assert shapes.keys() <= {*inspect.signature(function).parameters}
    assert shapes
    assert written <= shapes.keys()


@EACH
def test_right_arguments_pass(version, name, case):
    getattr(version, name)(*arguments(version, name, case).values())


@pytest.mark.parametrize("version", [loops, matrix])
@pytest.mark.parametrize(("start", "end"), [(9, 1), (0, 10**6)])
def test_places_beyond_the_parameters_are_named(version, start, end, case):
    given = arguments(version, "rated_step", case) | {"start": start, "end": end}
    with pytest.raises(ValueError, match=f"rated_step: start and end must be places .*, got {start} and {end}"):
        version.rated_step(*given.values())


@EACH
def test_a_wrong_array_is_named(version, name, case):
    """Each array in turn: a list, whole numbers, another dtype, a shorter or longer one, another number of axes."""
    given = arguments(version, name, case)
    shapes, written = guards.shapes_of(getattr(version, name))
    for place, axes in arrays_in(given, shapes):
        if len(place) > 2 or (name == "epoch" and place[0] in ("steps", "memory") and place[1:] == ("first_step",)):
            continue
        last = place[-1]
        wrong = {
            "a list": (np.ndarray.tolist, TypeError),
            "complex": (lambda a: a.astype(complex), TypeError),
            "an axis more": (lambda a: np.array([[a]]), ValueError),
        }
        if axes != ["..."] or len(shapes) > 1:
            wrong["shorter"] = (lambda a: a[..., :-1].copy(), ValueError)
        if written & {place[0]}:
            wrong["read-only"] = (read_only, ValueError)
        if single_letter_of_its_own(shapes, axes, version, name):
            wrong.pop("shorter", None)
        if axes == ["..."] and len([*arrays_in(given, shapes)]) == 1:
            del wrong["an axis more"]
        for what, (change, error) in wrong.items():
            bad = replaced({**given, "of": (version, name)}, place, change)
            with pytest.raises(error) as problem:
                getattr(version, name)(*bad.values())
            assert str(problem.value).startswith(f"{name}: "), (last, what)
            named = set(str(problem.value).replace("(", " ").replace(",", " ").split())
            others = {where[-1] for where, _ in arrays_in(given, shapes)} | {place[0]}
            assert named & others, (last, what)


def single_letter_of_its_own(shapes, axes, version, name):
    """Whether the last axis is nowhere else, so that another size of it is as good."""
    letter = axes[-1].partition(" or ")[0]
    if letter in ("s", "N", "n", "b", "rows"):
        return True
    everywhere = [axis for _, each in arrays_in(None, shapes) for axis in each]
    fixed = "layers" in inspect.signature(getattr(version, name)).parameters and letter in ("i", "k", "p")
    return not letter.isdigit() and not fixed and everywhere.count(axes[-1]) == 1 and " " not in axes[-1]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@EACH
def test_a_wrong_number_is_named(version, name, case):
    given = arguments(version, name, case)
    shapes, _ = guards.shapes_of(getattr(version, name))
    for argument in given.keys() - shapes.keys() - {"layers"}:
        for bad in ("much", None, np.ones(2), 1j):
            with pytest.raises(TypeError, match=f"^{name}: {argument} must be a number, got"):
                getattr(version, name)(*{**given, argument: bad}.values())


@EACH
def test_too_few_arguments_and_names_that_are_none(version, name, case):
    given = arguments(version, name, case)
    with pytest.raises(TypeError, match=rf"^{name}\(.*\): missing a required argument: '{[*given][-1]}'"):
        getattr(version, name)(*[*given.values()][:-1])
    with pytest.raises(TypeError, match=rf"^{name}\(.*\): .*unexpected keyword argument 'z'"):
        getattr(version, name)(*given.values(), z=0)


@BOTH
def test_what_the_issue_of_reading_past_the_end_was(version):
    w, b = np.ones((2, 3)), np.zeros(2)
    with pytest.raises(ValueError, match=r"^weighted_sum: w must have shape \(j, i\) with i = 2, got shape \(2, 3\)$"):
        version.weighted_sum(np.ones(2), w, b, np.zeros(2))
    with pytest.raises(ValueError, match=r"^weighted_sum: u must have shape \(j,\) with j = 2, got shape \(1,\)$"):
        version.weighted_sum(np.ones(3), w, b, np.zeros(1))
    with pytest.raises(TypeError, match=r"^weighted_sum: w must be of float32 as x is, got an array of float64$"):
        version.weighted_sum(np.ones(3, "f4"), w, b, np.zeros(2))
    with pytest.raises(ValueError, match=r"^softmax: u must have shape \(k,\) with k = 1 or more, got shape \(0,\)$"):
        version.softmax(np.zeros(0), np.zeros(0))


@BOTH
@pytest.mark.parametrize("name", guards.CODES)
def test_a_code_that_stands_for_nothing_is_refused(version, name, case):
    with pytest.raises(ValueError, match=f"^{name}: code must be one of 0 .*, got 99$"):
        getattr(version, name)(*{**arguments(version, name, case), "code": 99}.values())


@pytest.mark.parametrize("version", [loops, matrix, differences], ids=lambda version: version.__name__)
def test_rows_that_are_not_there_are_refused(version, case):
    given = arguments(version, "gradient", case)
    for bad in ([6], [-1]):
        with pytest.raises(ValueError, match=r"^gradient: rows must be numbers of samples, 0\.\.5, got "):
            version.gradient(*{**given, "rows": np.array(bad)}.values())
    with pytest.raises(TypeError, match=r"^gradient: rows must be an array of int64, got one of float64"):
        version.gradient(*{**given, "rows": np.array([0.0])}.values())


@BOTH
def test_an_epoch_has_a_rate_and_a_row_of_the_report_for_each_mini_batch(version, case):
    given = arguments(version, "epoch", case)
    with pytest.raises(ValueError, match=r"must have a row for each of the 4 mini-batches, got 2"):
        version.epoch(*{**given, "batch_size": 1}.values())
    with pytest.raises(ValueError, match=r"^epoch: batch_size must be a whole number, at least 1, got 0"):
        version.epoch(*{**given, "batch_size": 0}.values())
    rates, first, settings, moments = given["steps"]
    settings[[codes.RULE, codes.EPSILON]] = codes.ADAM, 1
    version.epoch(*given.values())
    with pytest.raises(ValueError, match=r"^epoch: moments must have 2 rows for this rule, got 1"):
        version.epoch(*{**given, "steps": (rates, first, settings, moments[:1])}.values())
    settings[codes.RULE] = 99
    with pytest.raises(ValueError, match=r"^epoch: settings\[RULE\] must be a code of lecture.codes.RULES, got 99"):
        version.epoch(*given.values())


@BOTH
def test_a_table_that_is_none_is_refused(version, case):
    given = arguments(version, "forward", case)
    for bad in (None, np.zeros(2), case.layers[:0]):
        with pytest.raises(TypeError, match=r"^forward: layers must be a table as Network.layers"):
            version.forward(*{**given, "layers": bad}.values())


@BOTH
def test_an_output_may_not_lie_in_an_input(version):
    memory = np.zeros(8)
    with pytest.raises(ValueError, match=r"^weighted_sum: u is written, and must not lie where x lies"):
        version.weighted_sum(memory[:3], np.ones((2, 3)), np.ones(2), memory[2:4])
    u = np.array([-1.0, 2.0])
    version.relu(u, u)  # element by element, in place
    np.testing.assert_array_equal(u, [0, 2])
    with pytest.raises(ValueError, match=r"^relu: y is written, and must not lie where u lies"):
        version.relu(memory[:3], memory[1:4])


def test_passes_want_c_order_and_say_so(case):
    given = arguments(loops, "forward", case)
    with pytest.raises(ValueError, match=r"^forward: theta must lie in C order: numpy\.ascontiguousarray\(theta\)"):
        loops.forward(*{**given, "theta": np.zeros(2 * case.theta.size)[::2]}.values())
    u = np.zeros(2)
    loops.weighted_sum(np.ones(3), np.arange(6.0).reshape(3, 2).T, np.zeros(2), u)  # single loops take any order
    np.testing.assert_array_equal(u, [6, 9])


def test_matrix_functions_take_a_mini_batch_or_one_sample_but_not_both():
    y = np.zeros((4, 2))
    matrix.relu(np.ones((4, 2)), y)
    matrix.relu(np.ones(2), y[0])
    with pytest.raises(ValueError, match=r"^relu: y must have shape \(j,\) with j = 2, got shape \(4, 2\)"):
        matrix.relu(np.ones(2), y)
    with pytest.raises(ValueError, match=r"^relu: y must have shape \(s, j\) with s = 4, j = 2, got shape \(2,\)"):
        matrix.relu(np.ones((4, 2)), y[0])


@EACH
def test_callers_that_have_checked_need_not(version, name):
    function = getattr(version, name)
    assert function.unchecked is not function
    assert not hasattr(function.unchecked, "unchecked")


@pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled")
def test_modules_hold_the_functions_that_check():
    from fastbp.lecture.loops import layers

    assert layers.weighted_sum is loops.weighted_sum


@pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled")
def test_compiled_code_does_not_check():
    def twice(u, y):
        loops.relu(u, y)
        loops.relu(y, y)

    compiled, calls = numba.njit(twice), []
    relu, before = loops.relu, loops.relu.check
    relu.check = lambda args, kwargs: calls.append(args)
    try:
        y = np.zeros(2)
        compiled(np.array([-1.0, 3.0]), y)
        assert calls == []
        np.testing.assert_array_equal(y, [0, 3])
        relu(y, y)
        assert len(calls) == 1
    finally:
        relu.check = before


def test_a_training_does_not_check_what_it_made_itself():
    script = (
        "import fastbp\n"
        "from fastbp.lecture import guards\n"
        "guards._check_array = guards._check_number = None\n"
        "for version in ('loops', 'matrix', 'engine'):\n"
        "    n = fastbp.Network((2, 2, 1), output='identity')\n"
        "    fastbp.train(n, [[1, 2]], [[3]], epochs=1, version=version)\n"
        "    n.predict([[1, 2]]), n.gradient([[1, 2]], [[3]]), n.evaluate([[1, 2]], [[3]])\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)


@pytest.mark.parametrize(
    ("docstring", "found"),
    [("One.", "found []"), ("One.\n\nx (i)\n\ny (j)", "found ['x (i)', 'y (j)']")],
)
def test_a_docstring_without_shapes_is_a_fault_of_ours(docstring, found):
    def formula(x, y):
        pass

    formula.__doc__ = docstring
    with pytest.raises(ValueError, match=rf"^the docstring of formula must have .*{re.escape(found)}$"):
        guards.shapes_of(formula)


def test_the_scratch_of_a_pass_is_what_docstrings_say():
    for version in VERSIONS:
        assert guards.shapes_of(version.gradient)[0]["scratch"][0] == str(SCRATCH_ROWS)
        assert guards.shapes_of(version.epoch)[0]["steps"]["settings"] == [str(codes.SETTINGS)]
        assert guards.shapes_of(version.epoch)[0]["report"] == ["b", str(codes.REPORTED)]
