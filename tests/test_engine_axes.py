"""The other axes of the engine's sums: units along the vectors of a first layer, and of mini-batches of few samples."""

import numpy as np
import pytest

import fastbp
from fastbp.engine import entries, heuristics, workspace
from fastbp.engine.simd.shapes import VECTOR_BYTES
from fastbp.engine.tiles import axes
from fastbp.lecture.codes import DROPOUT, L1, L2, MAX_NORM, NO_STEP, RULE, SEED, SETTINGS
from fastbp.training.runner import STEPS_OF_AN_ORDER, EpochRunner
from tests.cases import DTYPES, UNCOMPILED, Case
from tests.engine_cases import AlongInputs, ByUnits, Few, Tiles
from tests.test_engine import ACTIVATIONS, OUTPUTS, compare, small_chunks
from tests.test_updates import OPTIONS, RULES, by, settings_of

dtypes = pytest.mark.parametrize("dtype", DTYPES)
__all__ = ["small_chunks"]  # a fixture that holds here as well


def lanes_of(dtype):
    return VECTOR_BYTES // np.dtype(dtype).itemsize


def mixed_case(at, sizes, dtype, samples):
    """Activations change from layer to layer, and from network to network."""
    hidden = [ACTIVATIONS[(at + layer) % len(ACTIVATIONS)] for layer in range(len(sizes) - 2)]
    output, error = OUTPUTS[at % len(OUTPUTS)]
    return Case(sizes, hidden, output, dtype, samples, seed=at, error=error)


# ---- Few samples -----------------------------------------------------------------------------------------------------

SIZES = [(1, 1), (1, 1, 1), (7, 5), (9, 16, 1), (17, 31, 15), (5, 3, 4, 2, 7), (16, 8, 8, 3), (2, 33, 3)]
SIZES += [] if UNCOMPILED else [(47, 130, 3), (200, 65, 100, 2), (64, 64, 64, 64), (1, 257, 3), (300, 1)]


@dtypes
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("batch_size", range(1, heuristics.FEW_SAMPLES + 1))
def test_few_samples_through_networks_of_every_size(batch_size, sizes, dtype):
    """The last mini-batch is smaller but for one."""
    case = mixed_case(SIZES.index(sizes), sizes, dtype, 2 * batch_size + max(1, batch_size - 3))
    compare(case, batch_size, 0.005, version=Few(), times=100)


@dtypes
@pytest.mark.parametrize("option", [name for name in OPTIONS if DROPOUT not in by(OPTIONS[name])])
@pytest.mark.parametrize("rule", RULES)
def test_few_samples_with_every_rule(rule, option, dtype):
    settings = settings_of(RULES[rule], **by(OPTIONS[option]))
    compare(Case((5, 17, 3), "tanh", dtype=dtype, samples=20), 6, [0.1, 0.02, 0.3, 0.1], settings, 2, 4, Few(), 30)


def test_few_samples_with_weights_some_of_them_0():
    case = Case((4, 18, 3), samples=50, seed=1)
    case.weight = (np.random.default_rng(0).random(50) * 3).astype(case.dtype)
    case.weight[::4] = 0
    case.weight[case.rows[10:15]] = 0
    compare(case, 5, version=Few())


# ---- The first layer by units ----------------------------------------------------------------------------------------


def wide(dtype):
    """Sizes whose first layer fills a vector at least: one, one and a bit, whole tiles and tails of them."""
    L = lanes_of(dtype)
    sizes = [(1, L), (3, L + 1, 2), (L + 1, 2 * L, 5, 3), (5, 4 * L - 1, 1), (2 * L, 5 * L + 3, 2)]
    return sizes if UNCOMPILED else [*sizes, (50, 9 * L, 4), (131, 70, 33, 2), (30, 4 * L + 1, 4 * L, 2)]


@dtypes
@pytest.mark.parametrize("at", range(len(wide("float32"))))
@pytest.mark.parametrize("batch_size", [1, 5, 16, 33])
def test_a_first_layer_by_units_of_every_size(batch_size, at, dtype):
    compare(mixed_case(at, wide(dtype)[at], dtype, 2 * batch_size + 1), batch_size, 0.02, version=ByUnits(), times=100)


@dtypes
@pytest.mark.parametrize("rule", RULES)
def test_a_first_layer_by_units_with_every_rule(rule, dtype):
    """The moments are in the lecture's order afterwards; so many samples are several chunks."""
    sizes, batch = ((5, 2 * lanes_of(dtype) + 3, 3), 40) if UNCOMPILED else ((60, 100, 5), 300)
    case = Case(sizes, "tanh", dtype=dtype, samples=2 * batch)
    assert workspace.chunk_of(case.layers, batch, case.theta.dtype) < batch
    settings = settings_of(RULES[rule], **by({L1: 0.001, L2: 0.01}))
    compare(case, batch, [0.1, 0.02], settings, first_step=4, version=ByUnits(), times=100)


@dtypes
@pytest.mark.parametrize("batch_size", [9, 64, 700])
def test_a_first_layer_by_units_has_the_same_bits_for_any_number_of_threads(batch_size, dtype, monkeypatch):
    sizes, samples, most = ((4, lanes_of(dtype) + 3, 3), 20, 2) if UNCOMPILED else ((60, 133, 5), 701, 8)
    case, found = Case(sizes, "gelu", dtype=dtype, samples=samples), set()
    for threads in range(1, most + 1):
        moments = np.full((2, case.theta.size), 0.1, dtype)
        settings = settings_of(RULES["adam"], **by({L2: 0.01, DROPOUT: 0.25, SEED: 12345}))
        E, theta = case.epoch(ByUnits(threads), batch_size, 0.05, settings, moments)
        found.add((E, theta.tobytes(), moments.tobytes()))
    assert len(found) == 1


@dtypes
def test_both_axes_take_a_sum_in_the_same_order(dtype):
    """So that the choice of the axis costs no bit where nothing is cut differently."""
    case = Case((23, 3 * lanes_of(dtype) + 1, 4), dtype=dtype, samples=60)
    (E, theta), (E_units, theta_units) = (case.epoch(version, 12, 0.1) for version in (Tiles(), ByUnits()))
    assert (E, theta.tobytes()) == (E_units, theta_units.tobytes())


# ---- The first layer along its inputs --------------------------------------------------------------------------------


def narrow(dtype):
    """Sizes whose first layer fills no vector: one unit, all lanes but one; inputs from one to some vectors."""
    L = lanes_of(dtype)
    sizes = [(1, 1), (L, 1, 3), (2 * L + 1, L - 1, 2), (4 * L, (L + 1) // 2, 9, 1), (L - 1, 1, 1, 2)]
    return sizes if UNCOMPILED else [*sizes, (563, 1, 45, 7), (131, L - 1, 3), (9 * L, 1)]


@dtypes
@pytest.mark.parametrize("at", range(len(narrow("float32"))))
@pytest.mark.parametrize("batch_size", [1, 5, 16, 33])
def test_a_first_layer_along_its_inputs_of_every_size(batch_size, at, dtype):
    case = mixed_case(at, narrow(dtype)[at], dtype, 2 * batch_size + 1)
    compare(case, batch_size, 0.02, version=AlongInputs(), times=100)


@dtypes
@pytest.mark.parametrize("rule", RULES)
def test_a_first_layer_along_its_inputs_with_every_rule(rule, dtype):
    L = lanes_of(dtype)
    sizes, batch = ((2 * L + 3, L - 1, 3), 40) if UNCOMPILED else ((60 * L, L - 1, 5), 300)
    case = Case(sizes, "tanh", dtype=dtype, samples=2 * batch)
    settings = settings_of(RULES[rule], **by({L1: 0.001, L2: 0.01, MAX_NORM: 2.0}))
    compare(case, batch, [0.1, 0.02], settings, first_step=4, version=AlongInputs(), times=100)


@dtypes
@pytest.mark.parametrize("batch_size", [9, 64, 700])
def test_a_first_layer_along_its_inputs_has_the_same_bits_for_any_number_of_threads(batch_size, dtype):
    L, samples, most = lanes_of(dtype), 20 if UNCOMPILED else 701, 2 if UNCOMPILED else 8
    case, found = Case((5 * L + 1, L - 1, 5), "gelu", dtype=dtype, samples=samples), set()
    for threads in range(1, most + 1):
        E, theta = case.epoch(AlongInputs(threads), batch_size, 0.05)
        found.add((E, theta.tobytes()))
    assert len(found) == 1


@dtypes
def test_inputs_lie_along_the_vectors_where_units_fill_none_and_inputs_some(dtype, monkeypatch):
    L, found = lanes_of(dtype), []
    plan = workspace.plan
    monkeypatch.setattr(workspace, "plan", lambda *args: found.append(args[-1]) or plan(*args))
    for sizes, expected in (((4 * L, L - 1, 2), True), ((4 * L - 1, L - 1, 2), False), ((100 * L, L, 2), False)):
        case = Case(sizes, dtype=dtype, samples=2)
        assert heuristics.prefers_inputs(case.layers, case.theta.dtype) == expected, sizes
        EpochRunner(case.theta, case.layers, 4 * L, np.zeros(SETTINGS), np.empty((0, case.theta.size), dtype))
        assert found.pop() == expected or sizes[1] == L


# ---- The order of the weights ----------------------------------------------------------------------------------------


@dtypes
@pytest.mark.parametrize("at", range(len(wide("float32"))))
def test_weights_come_back_as_they_were(at, dtype):
    """In panels they are w[panel, i, j]; asked for twice, nothing happens the second time."""
    case, L = mixed_case(at, wide(dtype)[at], dtype, 3), lanes_of(dtype)
    places, _ = workspace.plan(case.layers, 3, case.theta.dtype, 1, rows_of_x=True)
    theta, spare, state = case.theta.copy(), np.empty_like(case.theta), np.zeros(1, np.int64)
    moments = np.stack([case.theta + 1, case.theta + 2])
    for _ in range(2):
        axes.set_order(theta, case.layers, moments, places, spare, state, 1)
    sending, receiving = case.layers["sending"][0], case.layers["receiving"][0]
    w = case.theta[: sending * receiving].reshape(receiving, sending)
    vectors, panels, v = -(-receiving // L), [], 0
    while v < vectors:
        tiles = -(-(vectors - v) // workspace.WIDEST)
        columns = -(-(vectors - v) // tiles)
        panels.append(w[v * L : (v + columns) * L].T.ravel())
        v += columns
    np.testing.assert_array_equal(theta, [*np.concatenate(panels), *case.theta[w.size :]])
    np.testing.assert_array_equal(moments, [theta + 1, theta + 2])
    for _ in range(2):
        axes.set_order(theta, case.layers, moments, places, spare, state, 0)
    np.testing.assert_array_equal(theta, case.theta)
    np.testing.assert_array_equal(moments, [case.theta + 1, case.theta + 2])


class Interruption(Exception):
    pass


def prefer_units(monkeypatch):
    for name in ("COST_OF_UNITS", "COST_FROM_FEW_INPUTS"):
        monkeypatch.setattr(heuristics, name, 0.0)


def long_epoch(dtype="float32"):
    """A network and an epoch long enough for an order of the weights of its own."""
    case = Case((3, lanes_of(dtype), 2), dtype=dtype, samples=9 * STEPS_OF_AN_ORDER)
    rates = np.full(STEPS_OF_AN_ORDER, 0.1)
    return case, (*case.data, case.rows, rates, 0, np.zeros((len(rates), 3)))


def order_of(monkeypatch):
    """Which orders are asked for from now on."""
    found = []
    monkeypatch.setattr(
        entries, "set_order", lambda *args, kernel=entries.set_order: found.append(args[-1]) or kernel(*args)
    )
    return found


def test_epochs_leave_the_weights_in_the_order_of_the_lecture(monkeypatch):
    prefer_units(monkeypatch)
    orders, (case, how) = order_of(monkeypatch), long_epoch()
    theta, moments = case.theta.copy(), np.empty((0, case.theta.size), case.dtype)
    with EpochRunner(theta, case.layers, 9, np.zeros(SETTINGS), moments, version="tiles") as epochs:
        epochs.run(*how)
        assert orders == [1, 0]
        epochs.run(*how[:4], how[4][:-1], *how[5:])
        assert orders == [1, 0], "too few steps are not worth it"
    expected = case.theta.copy()
    with EpochRunner(expected, case.layers, 9, np.zeros(SETTINGS), moments, version="matrix") as epochs:
        epochs.run(*how)
        epochs.run(*how[:3], how[3][: 9 * (len(how[4]) - 1)], how[4][:-1], 0, how[6][:-1])
    np.testing.assert_allclose(theta, expected, rtol=1e-4, atol=1e-5)


def test_what_ends_an_epoch_on_its_way_brings_the_weights_back(monkeypatch):
    prefer_units(monkeypatch)
    orders, (case, how) = order_of(monkeypatch), long_epoch()
    theta, found = case.theta.copy(), []

    class OneByOne:
        best = 1

        def of(self, batches):
            for b in range(batches):
                yield slice(b, b + 1), 1

    def between():
        found.append(1)
        if len(found) == 3:
            raise Interruption

    moments = np.empty((0, theta.size), theta.dtype)
    steps = np.zeros(SETTINGS), moments, "tiles", 1, OneByOne()
    with EpochRunner(theta, case.layers, 9, *steps) as epochs, pytest.raises(Interruption):
        epochs.run(*how, between=between)
    assert orders == [1, 0]
    expected = case.theta.copy()
    with EpochRunner(expected, case.layers, 9, np.zeros(SETTINGS), moments, version="matrix") as epochs:
        epochs.run(*how[:3], how[3][:27], how[4][:3], 0, how[6][:3])
    np.testing.assert_allclose(theta, expected, rtol=1e-4, atol=1e-5)


# ---- Who decides -----------------------------------------------------------------------------------------------------


def test_norms_of_rows_and_a_gradient_that_is_asked_for_keep_the_lectures_order(monkeypatch):
    prefer_units(monkeypatch)
    layers, dtype = fastbp.Network((30, 40, 3)).layers, np.dtype("float32")
    settings = np.zeros(SETTINGS)
    assert heuristics.prefers_units(layers, 20, settings, dtype)
    for code, value in ((MAX_NORM, 1.0), (RULE, NO_STEP)):
        settings = np.zeros(SETTINGS)
        settings[code] = value
        assert not heuristics.prefers_units(layers, 20, settings, dtype)
    narrow = fastbp.Network((30, lanes_of("float32") - 1, 3)).layers
    assert not heuristics.prefers_units(narrow, 20, np.zeros(SETTINGS), dtype)


def test_the_side_that_fills_its_vectors_lies_along_them():
    dtype, settings = np.dtype("float32"), np.zeros(SETTINGS)
    lanes = lanes_of(dtype)
    layers = fastbp.Network((20, 10 * lanes, 3)).layers
    assert heuristics.prefers_units(layers, lanes + 1, settings, dtype), "half of the lanes of samples are empty"
    assert not heuristics.prefers_units(layers, 4 * lanes, settings, dtype), "units of few inputs are transposed"
    layers = fastbp.Network((1000, 2 * lanes, 3)).layers
    assert heuristics.prefers_units(layers, 4 * lanes, settings, dtype), "less is transposed"
    layers = fastbp.Network((1000, lanes + 1, 3)).layers
    assert not heuristics.prefers_units(layers, 4 * lanes, settings, dtype), "half of the lanes of units are empty"


@dtypes
def test_dropout_is_known_to_tiles_alone(dtype):
    layers, settings, dtype = fastbp.Network((100, 100, 3)).layers, np.zeros(SETTINGS), np.dtype(dtype)
    assert heuristics.version_for(layers, 3, settings, dtype) == "few"
    assert heuristics.version_for(layers, 1, settings, dtype) == "loops"
    assert heuristics.version_for(layers, 100, settings, dtype) == "tiles"
    settings[DROPOUT] = 0.5
    assert {heuristics.version_for(layers, n, settings, dtype) for n in (1, 3, 100)} == {"tiles"}


def test_validation_rows_of_few_samples_are_passed_in_chunks_of_their_own():
    case = Case((12, 30, 2), dtype="float32", samples=300)
    found = []
    for version in ("engine", "matrix"):
        with EpochRunner(case.theta, case.layers, 3, np.zeros(SETTINGS), np.empty((0, 0), "f"), version) as epochs:
            found += [epochs.mean_error(*case.data, case.rows), epochs.mean_error(*case.data, case.rows[:7])]
            assert version == "matrix" or epochs._version == "few"
    np.testing.assert_allclose(found[:2], found[2:], rtol=1e-5)
