"""fastbp.train: what an epoch does, the same bits for the same seed, arrays of every kind, divergence."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import fastbp
from fastbp import validation
from fastbp.lecture import entries, matrix
from fastbp.lecture.layout import scratch_for
from fastbp.training import runner
from tests.cases import DTYPES, UNCOMPILED, assert_close, teacher


def samples(count=37, inputs=4, outputs=3, output="softmax", dtype="float64"):
    rng = np.random.default_rng(5)
    return rng.normal(size=(count, inputs)).astype(dtype), teacher(rng, count, outputs, output, dtype)


def trained(X, D, dtype="float64", sizes=(4, 6, 3), output="softmax", activation="relu", **how):
    network = fastbp.Network(sizes, activation, output, dtype, seed=1)
    history = fastbp.train(network, X, D, **{"epochs": 3, "batch_size": 8} | how)
    return network, history


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid"])
@pytest.mark.parametrize("activation", ["identity", "sigmoid", "relu"])
def test_loops_train_as_matrix_products_do(activation, output, dtype):
    X, D = samples(output=output, dtype=dtype)
    nets = [trained(X, D, dtype, activation=activation, output=output, version=v) for v in ("loops", "matrix")]
    assert_close(nets[0][0].theta, nets[1][0].theta, dtype, times=10)
    assert_close(nets[0][1].loss, nets[1][1].loss, dtype, times=10)


def test_an_epoch_is_descent_along_the_mean_gradient_of_each_batch():
    X, D = samples(20)
    network, history = trained(X, D, epochs=1, batch_size=8, shuffle=False, optimizer=fastbp.SGD(0.2))
    step = fastbp.Network((4, 6, 3), dtype="float64", seed=1)
    errors = []
    for batch in (slice(0, 8), slice(8, 16), slice(16, 20)):
        E, dW, dB = step.gradient(X[batch], D[batch])
        errors += [E] * len(X[batch])
        for w, dw, b, db in zip(step.W, dW, step.B, dB, strict=True):
            w -= 0.2 * dw
            b -= 0.2 * db
    assert_close(network.theta, step.theta, "float64")
    assert_close(history.loss, [np.mean(errors)], "float64")


def test_history_has_an_entry_an_epoch_and_the_loss_falls():
    X, D = samples(200)
    history = trained(X, D, epochs=20)[1]
    assert len(history.loss) == len(history.seconds) == 20
    assert history.outcome == "finished"
    assert all(isinstance(loss, float) for loss in history.loss)
    assert history.loss[-1] < history.loss[0]
    assert min(history.seconds) > 0


def test_no_epochs_change_nothing():
    network, history = trained(*samples(), epochs=0)
    assert history.loss == []
    assert network.theta.tobytes() == fastbp.Network((4, 6, 3), dtype="float64", seed=1).theta.tobytes()


def test_a_batch_may_be_larger_than_the_data():
    X, D = samples(10)
    np.testing.assert_array_equal(trained(X, D, batch_size=1000)[0].theta, trained(X, D, batch_size=10)[0].theta)


def test_same_seed_same_bits_other_seed_other_order():
    X, D = samples()
    bits = [trained(X, D, seed=seed)[0].theta.tobytes() for seed in (3, 3, 4)]
    assert bits[0] == bits[1] != bits[2]
    unshuffled = [trained(X, D, seed=seed, shuffle=False)[0].theta.tobytes() for seed in (3, 4)]
    assert unshuffled[0] == unshuffled[1] != bits[0]


@pytest.mark.parametrize("version", ["loops", "matrix"])
def test_each_epoch_draws_an_order_of_all_samples(version, monkeypatch):
    home, name = {"loops": (entries, "epoch"), "matrix": (matrix.epoch, "unchecked")}[version]
    orders = []

    def spy(theta, layers, data, order, *rest, epoch=getattr(home, name)):
        orders.append(order.copy())
        return epoch(theta, layers, data, order, *rest)

    monkeypatch.setattr(home, name, spy)
    X, D = samples()
    trained(X, D, epochs=3, version=version)
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(37))
    assert len({order.tobytes() for order in orders}) == 3
    trained(X, D, epochs=2, version=version, shuffle=False)
    np.testing.assert_array_equal(orders[3:], [np.arange(37)] * 2)


def test_same_bits_in_another_process():
    script = (
        "import fastbp, numpy as np, hashlib\n"
        "X = np.sin(np.arange(120.0)).reshape(30, 4); D = np.eye(3)[np.arange(30) % 3]\n"
        "network = fastbp.Network((4, 6, 3))\n"
        "fastbp.train(network, X, D, epochs=5, batch_size=7)\n"
        "print(hashlib.sha256(network.theta.tobytes()).hexdigest())\n"
    )
    printed = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    assert len(printed) == 1


def test_threads_train_networks_at_once():
    X, D = samples(300)
    alone, together = trained(X, D, epochs=20)[0], {}
    threads = [threading.Thread(target=lambda k=k: together.update({k: trained(X, D, epochs=20)[0]})) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {network.theta.tobytes() for network in together.values()} == {alone.theta.tobytes()}
    assert len(together) == 4


def memory_map(array, tmp_path):
    file = tmp_path / f"{array.shape[1]}.npy"
    np.save(file, array)
    return np.load(file, mmap_mode="r")


def unaligned(array, tmp_path):
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


KINDS = {
    "Fortran": lambda a, _: np.asfortranarray(a),
    "strided": lambda a, _: np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda a, _: a[::-1].copy()[::-1],
    "broadcast": lambda a, _: np.broadcast_to(a[None], (2, *a.shape))[1],
    "read-only": lambda a, _: validation.real_matrix("a", a, a.shape[1], a.dtype),
    "float16": lambda a, _: a.astype(np.float16),
    "float32": lambda a, _: a.astype(np.float32),
    "longdouble": lambda a, _: a.astype(np.longdouble),
    "big-endian": lambda a, _: a.astype(">f8"),
    "int8": lambda a, _: a.astype(np.int8),
    "uint16": lambda a, _: a.astype(np.uint16),
    "list": lambda a, _: a.tolist(),
    "memory map": memory_map,
    "unaligned": unaligned,
    "subclass": lambda a, _: a.view(type("Mine", (np.ndarray,), {})),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_arrays_of_every_kind_simply_work(kind, dtype, tmp_path):
    """Small integers and one-hot targets are the same numbers in each of these dtypes."""
    X, D = np.random.default_rng(0).integers(0, 9, (12, 4)).astype(float), np.eye(3)[np.arange(12) % 3]
    expected = trained(X, D, dtype)[0]
    network = trained(KINDS[kind](X, tmp_path), KINDS[kind](D, tmp_path), dtype)[0]
    assert network.theta.tobytes() == expected.theta.tobytes()
    np.testing.assert_array_equal(network.predict(KINDS[kind](X, tmp_path)), expected.predict(X))


def test_booleans_are_numbers_too():
    X = np.array([[True, False], [False, True]])
    network = fastbp.Network((2, 2), dtype="float64")
    np.testing.assert_array_equal(network.predict(X), network.predict(X.astype(float)))


@pytest.mark.parametrize("kind", ["as it is", "read-only", "memory map"])
def test_an_array_of_the_right_kind_is_used_where_it_lies(kind, tmp_path):
    X = np.ones((3, 4), np.float32)
    given = X if kind == "as it is" else KINDS[kind](X, tmp_path)
    laid_out = validation.real_matrix("X", given, 4, np.float32)
    assert np.shares_memory(laid_out, given)
    assert not laid_out.flags.writeable
    assert X.flags.writeable


@pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled")
def test_no_kind_of_array_is_compiled_anew(tmp_path):
    X, D = samples()
    trained(X, D)
    compiled = len(entries.epoch.signatures)
    for kind in KINDS.values():
        trained(kind(X, tmp_path), D)
    assert len(entries.epoch.signatures) == compiled


@pytest.mark.parametrize("version", ["tiles", "loops", "matrix"])
def test_divergence_keeps_the_last_finite_epoch_and_says_what_to_do(version):
    X, D = samples(output="identity")
    network = fastbp.Network((4, 6, 3), output="identity", activation="identity", dtype="float64")
    with pytest.raises(
        fastbp.Diverged, match=r"epoch \d+ with SGD\(learning_rate=1\.5\).*Lower the learning rate"
    ) as caught:
        fastbp.train(network, X, D, epochs=1000, optimizer=fastbp.SGD(1.5), version=version)
    problem = caught.value
    assert isinstance(problem, FloatingPointError)
    assert problem.epoch > 1
    assert len(problem.history.loss) == problem.epoch - 1
    assert problem.history.outcome == "diverged"
    assert f"those of epoch {problem.epoch - 1}" in str(problem)
    again = fastbp.Network((4, 6, 3), output="identity", activation="identity", dtype="float64")
    history = fastbp.train(again, X, D, epochs=problem.epoch - 1, optimizer=fastbp.SGD(1.5), version=version)
    assert again.theta.tobytes() == network.theta.tobytes()
    assert history.loss == problem.history.loss


def test_an_interrupted_epoch_leaves_the_last_whole_one(monkeypatch):
    X, D = samples()
    expected, whole = trained(X, D, epochs=2, version="loops")
    calls = []

    def interrupted(theta, *arguments, epoch=entries.epoch):
        epoch(theta, *arguments)
        calls.append(None)
        if len(calls) == 3:
            theta[0] = np.nan
            raise KeyboardInterrupt

    monkeypatch.setattr(entries, "epoch", interrupted)
    network = fastbp.Network((4, 6, 3), dtype="float64", seed=1)
    with pytest.warns(RuntimeWarning, match="^the training was interrupted after 2 epochs$"):
        history = fastbp.train(network, X, D, epochs=5, batch_size=8, version="loops")
    assert (history.loss, history.outcome) == (whole.loss, "interrupted")
    assert network.theta.tobytes() == expected.theta.tobytes()


@pytest.mark.parametrize("version", ["loops", "matrix"])
def test_losses_are_summed_in_double_precision(version):
    """(3e19)^2 is beyond float32, the mean loss is not beyond a float."""
    network = fastbp.Network((1, 1), output="identity")
    network.theta[:] = 0
    history = fastbp.train(network, [[1.0]], [[3e19]], epochs=2, optimizer=fastbp.SGD(0.5), version=version)
    np.testing.assert_allclose(history.loss, [4.5e38, 0], rtol=1e-6)


@pytest.mark.parametrize("version", ["tiles", "loops", "matrix"])
def test_an_overflow_inside_the_network_is_seen(version):
    """Sums that are infinity, or where products are rounded infinity less infinity: ReLU and softmax hand NaN on."""
    network = fastbp.Network((64, 4, 2))
    network.W[0][:] = np.where(np.arange(64) % 2, -1e30, 1e30)
    with pytest.raises(fastbp.Diverged):
        fastbp.train(network, np.full((3, 64), 1e30), np.eye(2)[[0, 1, 0]], version=version)


def test_a_large_batch_costs_the_loops_no_memory(monkeypatch):
    """They go sample by sample."""
    asked = []
    monkeypatch.setattr(runner, "scratch_for", lambda *how: asked.append(how[1]) or scratch_for(*how))
    X, D = samples(30)
    for version in ("loops", "matrix"):
        trained(X, D, batch_size=10**30, version=version)
    assert asked == [1, 30]


def test_divergence_in_the_first_epoch_leaves_the_start():
    network = fastbp.Network((1, 1), output="identity")
    before = network.theta.tobytes()
    with pytest.raises(fastbp.Diverged, match="those from before the training"):
        fastbp.train(network, [[1e30]], [[1e30]])
    assert network.theta.tobytes() == before


def test_divergence_of_the_loss_alone_is_seen():
    """The loss of the only step is beyond float64; the step is not."""
    network = fastbp.Network((1, 1), output="identity", dtype="float64")
    network.theta[:] = [1, 0]
    with pytest.raises(fastbp.Diverged):
        fastbp.train(network, [[1e200]], [[0.0]], epochs=1, optimizer=fastbp.SGD(1e-300))
    np.testing.assert_array_equal(network.theta, [1, 0])


def test_divergence_of_the_parameters_alone_is_seen():
    """The loss of the only step is finite; the step is not."""
    network = fastbp.Network((1, 1), output="identity")
    with pytest.raises(fastbp.Diverged):
        fastbp.train(network, [[1e15]], [[0.0]], epochs=1, optimizer=fastbp.SGD(1e30))
    assert np.isfinite(network.theta).all()
