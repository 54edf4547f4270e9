"""fastbp.train on blocks: the bits of a training on arrays, where blocks may come from, and what is in memory."""

import itertools
import threading
import weakref

import numpy as np
import pytest

import fastbp
from fastbp.threads import ahead
from fastbp.training import runner
from tests.cases import UNCOMPILED

rng = np.random.default_rng(4)
X, LABELS, WEIGHT = rng.normal(size=(60, 4)), rng.integers(0, 3, 60), rng.integers(0, 3, 60).astype(float)
WEIGHT[20:40] = 0  # of a whole block
CUTS = [[], [30], [20, 40], [1, 2, 3, 59], [7, 7, 21], [*range(1, 60)]]
SECONDS = 60  # after which a test has failed


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(ahead, "usable_cores", lambda: 2)


def cut(*arrays, at=(20, 40)):
    """A function that returns the rows of some arrays in blocks."""
    return lambda: zip(*(np.split(array, at) for array in arrays), strict=True)


def network(seed=3, dtype="float32"):
    return fastbp.Network((4, 6, 3), dtype=dtype, seed=seed)


def trained(*data, start=3, dtype="float32", **how):
    """The bits of the parameters, and the history."""
    made = network(start, dtype)
    history = fastbp.train(made, *data, **{"epochs": 3, "batch_size": 8} | how)
    return made.theta.tobytes(), history


# ---- What is learnt --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 7, 8, 100])
@pytest.mark.parametrize("at", CUTS, ids=len)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_in_order_have_the_bits_of_arrays_however_they_are_cut(dtype, at, batch_size):
    how = {"shuffle": False, "batch_size": batch_size, "optimizer": "adam", "dtype": dtype}
    expected, history = trained(X, LABELS, **how)
    bits, came = trained(blocks=cut(X, LABELS, at=at), **how)
    assert bits == expected
    np.testing.assert_allclose(came.loss, history.loss, rtol=1e-12)
    assert (len(came.seconds), came.outcome, came.best_epoch) == (3, "finished", None)


OPTIONS = {
    "momentum, penalties, limits": {
        "optimizer": fastbp.SGD(0.1, momentum=0.9), "l1": 0.01, "l2": 0.1, "max_norm": 1.0, "clip_norm": 0.1
    },
    "label smoothing": {"label_smoothing": 0.2},
    "rates of their own": {"rate_factors": [[1, 0], [0.5, 2]]},
    "diagonal": {"diagonal": 2.0},
    "schedule": {"optimizer": fastbp.RMSprop(fastbp.StepDecay(0.01, every=3))},
    "schedule with steps": {"optimizer": fastbp.SGD(fastbp.WarmUp(5, fastbp.CosineDecay(0.5, steps=20)))},
    "loops": {"version": "loops"},
    "matrix": {"version": "matrix"},
    "dropout": {"dropout": 0.3},
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_options_mean_the_same(name):
    if UNCOMPILED and name == "dropout":
        pytest.skip("the tiles take the interpreter long")
    how = {"shuffle": False} | OPTIONS[name]
    assert trained(blocks=cut(X, LABELS, at=[13, 50]), **how)[0] == trained(X, LABELS, **how)[0]
    assert trained(blocks=cut(X, LABELS), **how)[0] != trained(blocks=cut(X, LABELS))[0]


def test_weights_stand_in_the_blocks_and_some_may_count_nothing():
    expected, history = trained(X, LABELS, sample_weight=WEIGHT, shuffle=False)
    bits, came = trained(blocks=cut(X, LABELS, WEIGHT), shuffle=False)
    assert bits == expected
    np.testing.assert_allclose(came.loss, history.loss, rtol=1e-6)


def test_rows_are_shuffled_within_their_block():
    orders = np.random.default_rng(5)
    order = np.concatenate([start + orders.permutation(20) for start in (0, 20, 40)])
    bits, _ = trained(blocks=cut(X, LABELS), seed=5, epochs=1)
    assert bits == trained(X[order], LABELS[order], shuffle=False, epochs=1)[0]
    assert bits != trained(blocks=cut(X, LABELS), seed=6, epochs=1)[0]
    assert trained(blocks=cut(X, LABELS), seed=5)[0] == trained(blocks=cut(X, LABELS), seed=5)[0]


def test_one_block_is_shuffled_as_arrays_are():
    assert trained(blocks=cut(X, LABELS, at=[]), seed=7)[0] == trained(X, LABELS, seed=7)[0]


def test_each_epoch_may_have_other_blocks():
    epochs, expected = itertools.count(), network()

    def blocks():
        return cut(X, LABELS, at=[9])() if next(epochs) == 0 else iter([[X[:10].tolist(), LABELS[:10].tolist()]])

    for rows in (slice(60), slice(10)):
        fastbp.train(expected, X[rows], LABELS[rows], epochs=1, batch_size=8, shuffle=False)
    assert trained(blocks=blocks, epochs=2, shuffle=False)[0] == expected.theta.tobytes()


def test_blocks_without_rows_are_passed_over():
    some = [(X[:0], LABELS[:0]), (X, LABELS), (X[:0], LABELS[:0]), ([], [])]
    assert trained(blocks=lambda: some)[0] == trained(X, LABELS)[0]


def test_validation_data_are_validated_with():
    both = np.concatenate([X, X[:9] + 1]), np.concatenate([LABELS, LABELS[:9]])
    how = {"rows": range(60), "validation_rows": range(60, 69), "label_smoothing": 0.1}
    _, expected = trained(*both, shuffle=False, **how)
    smoothing = {"shuffle": False, "label_smoothing": 0.1}
    _, history = trained(blocks=cut(X, LABELS), validation_data=(X[:9] + 1, LABELS[:9]), **smoothing)
    assert history.validation_loss == expected.validation_loss
    weight = np.arange(9.0)
    _, history = trained(blocks=cut(X, LABELS), validation_data=(X[:9] + 1, LABELS[:9], weight), **smoothing)
    assert history.validation_loss != expected.validation_loss


def test_patience_ends_it_with_the_best_parameters():
    how = {"validation_data": (X, -LABELS + 2), "optimizer": fastbp.SGD(0.5)}
    bits, history = trained(blocks=cut(X, LABELS), epochs=50, patience=2, **how)
    assert history.outcome == "stopped"
    assert len(history.loss) == history.best_epoch + 2
    assert bits == trained(blocks=cut(X, LABELS), epochs=history.best_epoch, **how)[0]


def test_callbacks_and_progress_see_each_epoch():
    states, shown = [], []
    _, history = trained(
        blocks=cut(X, LABELS), epochs=9, callbacks=lambda state: states.append(state) or state.epoch == 2,
        validation_data=(X, LABELS), progress=lambda done, total, seconds: shown.append((done, total)),
    )  # fmt: skip
    assert [(state.loss, state.validation_loss) for state in states] == [
        *zip(history.loss, history.validation_loss, strict=True)
    ]
    assert (shown, history.outcome) == ([(1, 9), (2, 9)], "stopped")


def test_inputs_that_are_not_scaled_are_told():
    with pytest.warns(RuntimeWarning, match="the network has learnt nothing: .*scale its columns"):
        trained(blocks=cut(1000 * X, LABELS), epochs=6, optimizer=fastbp.SGD(1e-9))


# ---- Where they come from --------------------------------------------------------------------------------------------


def test_blocks_of_parquet_row_groups(tmp_path):
    pyarrow, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {f"x{i}": X[:, i] for i in range(4)}
    pq.write_table(pyarrow.table(columns | {"label": LABELS}), tmp_path / "rows.parquet", row_group_size=13)

    def blocks():
        with pq.ParquetFile(tmp_path / "rows.parquet") as file:
            for batch in file.iter_batches(batch_size=13):
                yield np.column_stack([batch[name] for name in columns]), batch["label"]

    assert trained(blocks=blocks, shuffle=False)[0] == trained(X, LABELS, shuffle=False)[0]


def test_blocks_of_a_dask_data_frame():
    frames, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    columns = [f"x{i}" for i in range(4)]
    frame = frames.from_pandas(pandas.DataFrame(X, columns=columns).assign(label=LABELS), npartitions=4)

    def blocks():
        for part in frame.partitions:
            part = part.compute(scheduler="synchronous")
            yield part[columns], part["label"]

    assert trained(blocks=blocks, shuffle=False)[0] == trained(X, LABELS, shuffle=False)[0]


def test_the_next_block_is_made_while_this_one_is_trained_with(two_cores, monkeypatch):
    begun, run = [threading.Event() for _ in range(4)], runner.EpochRunner.run
    waited, threads = iter(begun[1:]), set()

    def blocks():
        for event, block in zip(begun, [*cut(X, LABELS)(), None], strict=True):
            event.set()
            threads.add(threading.get_ident())
            if block:
                yield block

    def watched(*arguments):
        assert next(waited).wait(SECONDS)
        return run(*arguments)

    monkeypatch.setattr(runner.EpochRunner, "run", watched)
    trained(blocks=blocks, epochs=1, batch_size=20)
    assert threading.get_ident() not in threads


def test_kernels_see_arrays_that_are_read_only_as_always(monkeypatch):
    """Else they would be compiled once more."""
    run, seen = runner.EpochRunner.run, set()

    def watched(own, *arguments):
        seen.update((array.flags.writeable, array.flags.c_contiguous) for array in arguments[:3])
        return run(own, *arguments)

    monkeypatch.setattr(runner.EpochRunner, "run", watched)
    trained(blocks=cut(np.asfortranarray(X), LABELS, WEIGHT, at=[13, 50]), label_smoothing=0.1)
    assert seen == {(False, True)}


class Counted(np.ndarray):
    """An array with attributes. It owns its memory: views keep it alive, and so what it has."""


class Item:
    """An attribute, to see how long an array lives: arrays have no weak references that `WeakSet` takes."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])  # of which one takes a copy
@pytest.mark.parametrize("batch_size", [3, 20])
def test_three_blocks_are_in_memory_at_most(dtype, batch_size, two_cores, monkeypatch):
    run, alive, most = runner.EpochRunner.run, weakref.WeakSet(), []

    def blocks():
        for start in range(0, 60, 5):
            block = Counted((5, 4))
            block[:], block.item = X[start : start + 5], Item()
            alive.add(block.item)
            yield block, LABELS[start : start + 5]

    def watched(*arguments):
        most.append(len(alive))
        return run(*arguments)

    monkeypatch.setattr(runner.EpochRunner, "run", watched)
    trained(blocks=blocks, batch_size=batch_size, dtype=dtype)
    assert 1 <= max(most) <= 3
    assert len(alive) == 0
