"""The engine's epochs against the lecture's matrix products: every size, activation, error, rule, limit and weight."""

import numpy as np
import pytest

import fastbp
from fastbp.engine import entries as epoch
from fastbp.engine import workspace
from fastbp.engine.team import ALONE
from fastbp.lecture import matrix
from fastbp.lecture.codes import CLIP_NORM, ERRORS_OF, HIDDEN, L1, L2, MAX_NORM, REPORTED
from tests.cases import DTYPES, UNCOMPILED, Case, assert_close, teacher
from tests.engine_cases import Tiles
from tests.test_updates import OPTIONS, RULES, by, settings_of

OUTPUTS = [(output, error) for output, errors in ERRORS_OF.items() for error in errors]
ACTIVATIONS = list(HIDDEN)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Uncompiled, chunks are small, so that few samples fill several of them."""
    if UNCOMPILED:
        for name in ("FEWEST", "MOST", "CHUNK_BYTES"):
            monkeypatch.setattr(workspace, name, 32)


def compare(case, batch_size, rate=0.1, settings=None, moments=2, first_step=0, version=None, times=10):
    """An epoch by the engine makes the step that the matrix version makes, from moments that are not 0."""
    start = np.abs(np.random.default_rng(2).normal(size=(moments, case.theta.size))).astype(case.dtype)
    found = []
    for v in (version or Tiles(), matrix):
        m = start.copy()
        E, theta = case.epoch(v, batch_size, rate, settings, m, first_step)
        found.append((E, theta - case.theta, m))
    assert abs(found[1][1]).max() > 1e-5
    for by_tiles, by_matrix in zip(*found, strict=True):
        assert_close(by_tiles, by_matrix, case.dtype, times)
    return found[0]


# sizes, samples, batch size: tails of vectors and of tiles, ragged last batches, a batch over several chunks
SHAPES = [
    ((1, 1), 3, 1),
    ((1, 1, 1), 5, 2),
    ((15, 16), 31, 15),
    ((16, 17, 1), 33, 16),
    ((17, 31, 15), 40, 17),
    ((31, 33, 16, 17), 64, 31),
    ((33, 1, 33), 66, 33),
    ((5, 3, 4, 2, 7), 50, 64),
    ((2, 47, 3), 70, 65),
]
if not UNCOMPILED:
    SHAPES += [
        ((47, 49, 3), 100, 50),
        ((65, 100, 65), 130, 64),
        ((100, 65, 47, 2), 260, 130),
        ((4, 33, 3), 700, 700),
        ((3, 300, 2, 1), 1100, 513),
        ((300, 1), 600, 257),
        ((49, 130, 130, 49), 200, 100),
        ((1, 257, 3), 97, 96),
    ]


@dtypes
@pytest.mark.parametrize(("sizes", "samples", "batch_size"), SHAPES, ids=str)
def test_networks_of_every_size(sizes, samples, batch_size, dtype):
    """Activations change from layer to layer, and from network to network."""
    at = SHAPES.index((sizes, samples, batch_size))
    hidden = [ACTIVATIONS[(at + layer) % len(ACTIVATIONS)] for layer in range(len(sizes) - 2)]
    output, error = OUTPUTS[at % len(OUTPUTS)]
    case = Case(sizes, hidden, output, dtype, samples, seed=at, error=error)
    compare(case, batch_size, 0.05, times=30)


@dtypes
@pytest.mark.parametrize(("output", "error"), OUTPUTS)
def test_every_output_and_error(output, error, dtype):
    case = Case((7, 9, 5), "tanh", output, dtype, 41, error=error, level=0.3)  # of a cross-entropy a limit
    compare(case, 20)


@dtypes
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_hidden_activation(hidden, dtype):
    compare(Case((6, 19, 11, 3), hidden, dtype=dtype, samples=35, seed=4), 18)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(("output", "error"), OUTPUTS)
def test_far_out_sums(output, error, hidden):
    """|u| up to 1000: no exponential overflows on the way to a finite error and step."""
    case = Case((3, 17, 4), hidden, output, samples=20, error=error)
    case.theta *= 1 if output == "exponential" else 100
    compare(case, 20, 1e-3, times=1e3)


@dtypes
@pytest.mark.parametrize("batch_size", [1, 2, 15, 16, 17, 50])
def test_batches_of_every_size(batch_size, dtype):
    """The last batch is smaller but for one."""
    compare(Case((9, 18, 3), dtype=dtype, samples=50, seed=1), batch_size, 0.05, times=100 if batch_size < 3 else 10)


@dtypes
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_with_penalties_and_limits(rule, option, dtype):
    """Rates of their own for each batch; the numbers of the steps go on from an epoch before."""
    settings = settings_of(RULES[rule], **by(OPTIONS[option]))
    case = Case((5, 17, 3), "tanh", dtype=dtype, samples=20)
    compare(case, 8, [0.1, 0.02, 0.3], settings, first_step=4, times=30)


@pytest.mark.skipif(UNCOMPILED, reason="a large network")
@pytest.mark.parametrize("threads", [1, 3])
def test_limits_of_a_network_of_several_blocks(threads):
    """More parameters than are summed at once for the clipping."""
    settings = settings_of(RULES["momentum"], **by({CLIP_NORM: 0.01, MAX_NORM: 1.0, L2: 0.01, L1: 0.001}))
    case = Case((90, 100, 5), samples=40)
    assert case.theta.size > 2 * workspace.BLOCK
    compare(case, 20, 0.1, settings, version=Tiles(threads))


@pytest.mark.skipif(UNCOMPILED, reason="a large network")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("rule", RULES)
def test_rules_of_a_network_of_several_blocks(rule, threads):
    """Without sums over the blocks, some of them are a single step; the last one is not whole."""
    case = Case((90, 100, 5), samples=40)
    assert case.theta.size > 2 * workspace.BLOCK
    assert case.theta.size % workspace.BLOCK
    compare(case, 20, 0.1, settings_of(RULES[rule]), version=Tiles(threads))


# ---- Weights of samples ----------------------------------------------------------------------------------------------


@dtypes
def test_weights_of_samples(dtype):
    """Any weights, some of them 0."""
    case = Case((4, 18, 3), dtype=dtype, samples=50, seed=1)
    case.weight = (np.random.default_rng(0).random(50) * 3).astype(dtype)
    case.weight[::4] = 0
    compare(case, 17)


def test_weight_k_is_k_copies():
    case = Case((4, 9, 3), samples=20, seed=1)
    counts = np.random.default_rng(3).integers(0, 4, 20)
    case.rows = np.arange(20)
    case.weight = counts.astype(float)
    E, theta = case.epoch(Tiles(), 20, 0.5)
    case.rows = np.repeat(np.arange(20), counts)
    case.weight = np.ones(20)
    E_copies, theta_copies = case.epoch(Tiles(), len(case.rows), 0.5)
    assert_close(E, E_copies, "float64", 10)
    assert_close(theta, theta_copies, "float64", 10)


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_a_batch_of_weight_0_makes_no_step(rule):
    """Nor does it move the moments; the step after it has its own number."""
    case = Case((4, 9, 3), samples=24, seed=1)
    case.weight = np.ones(24)
    case.weight[case.rows[8:16]] = 0
    compare(case, 8, [0.1, 0.2, 0.3], settings_of(RULES[rule]))
    case.weight[:] = 0
    theta = case.theta.copy()
    assert (
        case.epoch(Tiles(), 8, 0.1, settings_of(RULES[rule]), np.ones((2, theta.size)))[1].tobytes() == theta.tobytes()
    )


def test_a_sample_of_weight_0_may_be_beyond_all_numbers():
    """Its error and delta are infinite; the sums are not."""
    case = Case((2, 5, 2), "identity", "identity", samples=6)
    X = case.X.copy()
    X[case.rows[2]] = 1e200
    case.X, case.weight = X, np.ones(6)
    case.weight[case.rows[2]] = 0
    E, step, _ = compare(case, 6)
    assert np.isfinite(E)
    assert np.isfinite(step).all()


# ---- Training --------------------------------------------------------------------------------------------------------


def data(samples, sizes, output, dtype):
    rng = np.random.default_rng(7)
    return rng.normal(size=(samples, sizes[0])).astype(dtype), teacher(rng, samples, sizes[-1], output, dtype)


def train(version, sizes=(6, 20, 3), hidden="tanh", output="softmax", dtype="float64", samples=45, **how):
    network = fastbp.Network(sizes, hidden, output, dtype, seed=1)
    X, D = data(samples, sizes, output, dtype)
    history = fastbp.train(network, X, D, version=version, **{"epochs": 4, "batch_size": 16} | how)
    return network.theta, history.loss


OPTIMIZERS = {
    "SGD": fastbp.SGD(0.5),
    "momentum": fastbp.SGD(0.1, momentum=0.9),
    "Nesterov": fastbp.SGD(0.1, momentum=0.9, nesterov=True),
    "Adam": fastbp.Adam(0.01),
    "AdamW": fastbp.AdamW(0.01),
    "RMSprop": fastbp.RMSprop(0.01),
    "Rprop": fastbp.Rprop(0.01),
    "schedule": fastbp.SGD(fastbp.CosineDecay(0.5)),
}


@dtypes
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_over_several_epochs(optimizer, dtype):
    how = {"dtype": dtype, "optimizer": OPTIMIZERS[optimizer], "l2": 1e-3, "clip_norm": 1.0}
    (theta, loss), (expected, expected_loss) = (train(version, **how) for version in ("tiles", "matrix"))
    assert_close(theta, expected, dtype, 100)
    assert_close(loss, expected_loss, dtype, 100)
    assert loss[-1] < loss[0]


def test_limits_and_weights_reach_the_engine():
    how = {
        "l1": 1e-3, "max_norm": 0.9, "sample_weight": np.arange(45) % 3, "shuffle": False,
        "hidden": ("gelu", "relu"), "sizes": (6, 7, 17, 3), "threads": 2,
    }  # fmt: skip
    (theta, loss), (expected, expected_loss) = (train(version, **how) for version in ("tiles", "matrix"))
    assert_close(theta, expected, "float64", 100)
    assert_close(loss, expected_loss, "float64", 100)
    for plain in ("l1", "max_norm", "sample_weight"):
        assert np.abs(train("tiles", **{k: v for k, v in how.items() if k != plain})[0] - theta).max() > 1e-4


def test_the_engine_takes_its_better_version():
    """A sample at a time, or tiles; few.py has few samples, for which nobody can ask."""
    for batch_size, version in ((1, "loops"), (16, "tiles")):
        theta, loss = train("engine", batch_size=batch_size, dtype="float32")
        same, same_loss = train(version, batch_size=batch_size, dtype="float32")
        assert theta.tobytes() == same.tobytes()
        assert loss == same_loss


def test_a_memory_map_is_used_where_it_lies(tmp_path, monkeypatch):
    X, D = data(45, (6, 3), "softmax", "float32")
    np.save(tmp_path / "X.npy", X)
    mapped, met = np.load(tmp_path / "X.npy", mmap_mode="r"), []

    def seen(theta, layers, samples, *rest, kernel=epoch.epoch):
        met.append(samples[0])
        kernel(theta, layers, samples, *rest)

    monkeypatch.setattr(epoch, "epoch", seen)
    bits = []
    for given in (mapped, X):
        network = fastbp.Network((6, 9, 3))
        fastbp.train(network, given, D, epochs=2, version="tiles")
        bits.append(network.theta.tobytes())
        assert all(np.shares_memory(array, given) for array in met)
        met.clear()
    assert bits[0] == bits[1]


# ---- Predictions, and memory -----------------------------------------------------------------------------------------


def predicted(case):
    places, scratch = workspace.plan(case.layers, case.samples, case.theta.dtype, 1)
    Y = np.full((case.samples, case.outputs), np.nan, case.dtype)
    scratch[:] = np.nan
    epoch.predict(case.theta, case.layers, case.X, (scratch, places), Y, (ALONE, 0, 0, 1))
    return Y


@dtypes
@pytest.mark.parametrize("output", ERRORS_OF)
@pytest.mark.parametrize(("sizes", "samples"), [((3, 2), 1), ((17, 33, 5), 50), ((2, 7, 9, 1), 75)], ids=str)
def test_predictions_are_those_of_the_lecture(sizes, samples, output, dtype):
    case = Case(sizes, "gelu", output, dtype, samples)
    expected = np.empty((samples, sizes[-1]), dtype)
    matrix.predict(case.theta, case.layers, case.X, case.scratch(), expected)
    assert_close(predicted(case), expected, dtype, 10)


def test_predictions_in_several_chunks(monkeypatch):
    case = Case((3, 20, 2), samples=90)
    whole = predicted(case)
    for name in ("FEWEST", "MOST"):
        monkeypatch.setattr(workspace, name, 40)
    np.testing.assert_array_equal(predicted(case), whole)


@pytest.mark.parametrize("chunk", [1, 7, 16, 27, 80])
def test_chunks_of_any_size(chunk, monkeypatch):
    for name in ("FEWEST", "MOST"):
        monkeypatch.setattr(workspace, name, chunk)
    case = Case((5, 17, 3), samples=90)
    assert workspace.chunk_of(case.layers, 80, case.theta.dtype) == chunk
    compare(case, 80)


@pytest.mark.parametrize(("sizes", "batch_size"), [((10, 3), 64), ((784, 100, 10), 4096), ((4, 5000, 2), 10**5)])
def test_a_chunk_is_a_batch_or_what_a_cache_holds(sizes, batch_size):
    layers = fastbp.Network(sizes).layers
    chunk = workspace.chunk_of(layers, batch_size, np.dtype("float32"))
    assert chunk <= batch_size
    assert min(batch_size, workspace.FEWEST) <= chunk <= workspace.MOST
    places, scratch = workspace.plan(layers, batch_size, np.dtype("float32"), 3)
    assert scratch.ctypes.data % 64 == 0
    assert places[workspace.ROW] >= chunk
    assert places[workspace.SLOPES_AT] >= layers["receiving"].sum() * chunk
    assert scratch.size == places[workspace.PANELS_AT] + 3 * places[workspace.OWN]


@pytest.mark.skipif(UNCOMPILED, reason="the interpreter allocates all the time")
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_an_epoch_allocates_nothing(rule):
    """As many allocations for twenty batches as for one: those of the arguments on their way in."""
    from numba.core.runtime import _nrt_python, rtsys

    case = Case((9, 17, 5), samples=100)
    settings = settings_of(RULES[rule], **by(OPTIONS["all"]))
    places, scratch = workspace.plan(case.layers, 5, case.theta.dtype, 1)
    moments, dtheta = np.zeros((2, case.theta.size)), np.zeros_like(case.theta)
    sums, report = np.zeros((2, workspace.blocks_of(case.theta.size))), np.zeros((20, REPORTED))
    rates, made = np.full(20, 0.1), []
    _nrt_python.memsys_enable_stats()
    try:
        for samples in (5, 5, 100):
            before = rtsys.get_allocation_stats()
            batches = -(-samples // 5)
            epoch.epoch(
                case.theta, case.layers, case.data, case.rows[:samples], 5, (rates[:batches], 0, settings, moments),
                (scratch, dtheta, places, sums), report[:batches], (ALONE, 0, 0, 1),
            )  # fmt: skip
            made.append(np.subtract(rtsys.get_allocation_stats(), before).tolist())
    finally:
        _nrt_python.memsys_disable_stats()
    assert made[2] == made[1]
    assert made[1][0] == made[1][1]
