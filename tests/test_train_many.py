"""Many networks at once: each as if trained alone, whoever shares its lanes; bad input."""

import numpy as np
import pytest

import fastbp
from fastbp.engine import heuristics
from fastbp.lecture.codes import HIDDEN
from tests.cases import DTYPES, UNCOMPILED, assert_close, teacher

N = 13 if UNCOMPILED else 60
RULES = [
    fastbp.SGD(0.05),
    fastbp.SGD(0.05, momentum=0.8),
    fastbp.SGD(0.05, momentum=0.8, nesterov=True),
    fastbp.Adam(0.01),
    fastbp.AdamW(0.01),
    fastbp.RMSprop(0.01),
    fastbp.Rprop(0.01),
]
OUTPUTS = [
    ("softmax", None),
    ("sigmoid", None),
    ("identity", None),
    ("identity", "huber"),
    ("identity", "quantile"),
    ("exponential", None),
]


def networks(n, dtype="float64", sizes=lambda i: (5, 4, 2), **options):
    options = {"activation": "tanh", "output": "identity"} | options
    return [fastbp.Network(sizes(i), dtype=dtype, seed=i, **options) for i in range(n)]


def samples(output="identity", dtype="float64", n=N):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 5)).astype(dtype), teacher(rng, n, 2, output, dtype)


def assert_as_alone(make, X, D, times=10, **options):
    """`options` hold what differs as lists. Compares parameters and histories with those of `train`."""
    many, alone = make(), make()
    done = fastbp.train_many(many, X, D, threads=1, **options)
    for i, network in enumerate(alone):
        mine = {name: value[i] if isinstance(value, list | range) else value for name, value in options.items()}
        history = fastbp.train(network, X, D, threads=1, **mine)
        assert_close(many[i].theta, network.theta, network.dtype, times)
        assert_close(done.history(i).loss, history.loss, network.dtype, times)
        assert_close(done.history(i).validation_loss, history.validation_loss, network.dtype, times)
        assert done.history(i).best_epoch == history.best_epoch
        assert done.history(i).outcome == history.outcome == done.outcome[i]
    return done


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", HIDDEN)
def test_every_activation(activation, dtype):
    X, D = samples(dtype=dtype)
    assert_as_alone(lambda: networks(3, dtype, activation=activation), X, D, epochs=2, batch_size=7, seed=range(3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("output", "loss"), OUTPUTS)
def test_every_loss(output, loss, dtype):
    X, D = samples(output, dtype)
    make = lambda: networks(3, dtype, output=output, loss=loss)  # noqa: E731
    assert_as_alone(make, X, D, epochs=2, batch_size=7, optimizer=fastbp.SGD(0.01), seed=range(3))


def test_class_labels_and_rules_by_their_names():
    X, D = samples("softmax")
    make = lambda: networks(4, output="softmax")  # noqa: E731
    assert_as_alone(make, X, D.argmax(axis=1), epochs=2, batch_size=7, optimizer=["sgd", "adam", "adamw", "rmsprop"])


@pytest.mark.parametrize("batch_size", [1, 2, 32])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: repr(rule))
def test_every_rule_with_penalties_and_limits(rule, batch_size):
    X, D = samples()
    limits = {"l1": 0.001, "l2": 0.01, "max_norm": 1.0, "clip_norm": 0.5}
    assert_as_alone(networks_of_three, X, D, epochs=2, batch_size=batch_size, optimizer=rule, **limits)
    assert_as_alone(networks_of_three, X, D, epochs=2, batch_size=batch_size, optimizer=rule)


def networks_of_three():
    return networks(3, sizes=lambda i: (5, 4, 3, 2))


def of_many_kinds():
    """Networks and options that differ in all that may differ, and yet often share lanes."""
    rng, n = np.random.default_rng(2), 40
    options = {
        "epochs": [1 + i % 4 for i in range(n)],
        "optimizer": [fastbp.Adam(0.001 * (1 + i)) if i % 7 else fastbp.SGD(0.01) for i in range(n)],
        "l2": [0.001 * (i % 5 + 1) for i in range(n)],
        "dropout": [0.2 * (1 + i % 2) if i < 20 else 0.0 for i in range(n)],
        "shuffle": [i % 3 > 0 for i in range(n)],
        "seed": [int(seed) for seed in rng.integers(0, 10, n)],
        "rows": [rng.integers(0, N, 1 + int(rng.integers(N))) for _ in range(n)],
        "validation_rows": [rng.integers(0, N, 5) if i % 2 else None for i in range(n)],
        "patience": [1 if i % 5 == 0 else None for i in range(n)],
        "sample_weight": [rng.random(N) + 0.1 if i % 6 == 0 else None for i in range(n)],
        "batch_size": [1 if i % 8 == 0 else 6 for i in range(n)],
    }
    return lambda: networks(n, sizes=lambda i: (5, 3 + i % 6, 2)), options


def test_each_is_as_alone_whatever_it_shares_its_lanes_with():
    X, D = samples()
    make, options = of_many_kinds()
    if UNCOMPILED:
        options, make_all = {name: value[:12] for name, value in options.items()}, make
        make = lambda: make_all()[:12]  # noqa: E731
    assert_as_alone(make, X, D, **options)


@pytest.mark.skipif(UNCOMPILED, reason="takes the loops minutes in the interpreter")
def test_the_same_bits_for_any_order_threads_and_company():
    X, D = samples()
    make, options = of_many_kinds()
    expected, backwards, company = make(), make(), make()
    fastbp.train_many(expected, X, D, threads=1, **options)
    turned = {name: value[::-1] for name, value in options.items()}
    fastbp.train_many(backwards[::-1], X, D, threads=3, **turned)
    some = range(0, len(company), 3)
    few = {name: [value[i] for i in some] for name, value in options.items()}
    fastbp.train_many([company[i] for i in some], X, D, **few)
    for network, other in zip(expected, backwards, strict=True):
        np.testing.assert_array_equal(network.theta, other.theta)
    for i in some:
        np.testing.assert_array_equal(company[i].theta, expected[i].theta)


def test_large_networks_are_trained_alone_with_the_bits_of_train():
    X, D = samples("softmax", "float32")
    make = lambda: networks(2, "float32", sizes=lambda i: (5, 400 + i, 2), output="softmax")  # noqa: E731
    many, alone = make(), make()
    assert not heuristics.prefers_lanes(many[0].layers, 32, many[0].dtype)
    fastbp.train_many(many, X, D, epochs=1, batch_size=32)
    for network, other in zip(many, alone, strict=True):
        fastbp.train(other, X, D, epochs=1, batch_size=32)
        np.testing.assert_array_equal(network.theta, other.theta)


@pytest.mark.skipif(UNCOMPILED, reason="takes the loops minutes in the interpreter")
def test_more_networks_than_slots():
    X, D = samples()
    epochs = [1 + i % 5 for i in range(700)]
    done = fastbp.train_many(networks(700), X, D, epochs=epochs, seed=range(700), threads=2)
    assert done.epochs.tolist() == epochs
    assert set(done.outcome) == {"finished"}
    assert np.isfinite(done.loss).sum(axis=1).tolist() == epochs


def test_early_stopping_keeps_the_best():
    X, D = samples()
    validation = np.arange(5)
    made = networks(3)
    done = fastbp.train_many(
        made, X, D, epochs=30, rows=np.arange(5, N), validation_rows=validation, patience=1, optimizer=fastbp.SGD(0.3)
    )
    for i, network in enumerate(made):
        loss = 0.5 * ((network.predict(X[validation]) - D[validation]) ** 2).sum(axis=1).mean()
        assert_close(loss, done.validation_loss[i, done.best_epoch[i] - 1], "float64", 10)
        assert done.outcome[i] == ("stopped" if done.epochs[i] < 30 else "finished")
    assert (done.best_epoch <= done.epochs).all()


def test_a_network_that_diverges_does_not_disturb_the_others():
    X, D = samples()
    rates = [fastbp.SGD(0.01), fastbp.SGD(1e200), fastbp.SGD(0.02)]
    many, alone = networks(3), networks(3)
    with pytest.warns(RuntimeWarning, match=r"1 of 3 networks diverged: networks\[1\] in epoch \d+ with SGD\(learni"):
        done = fastbp.train_many(many, X, D, epochs=5, batch_size=4, optimizer=rates)
    assert done.outcome.tolist() == ["finished", "diverged", "finished"]
    assert np.isnan(done.loss[1, -1])
    assert np.isfinite(many[1].theta).all()
    for i in (0, 2):
        fastbp.train(alone[i], X, D, epochs=5, batch_size=4, optimizer=rates[i])
        assert_close(many[i].theta, alone[i].theta, "float64")
    with pytest.raises(fastbp.Diverged) as problem:
        fastbp.train(alone[1], X, D, epochs=5, batch_size=4, optimizer=rates[1])
    np.testing.assert_allclose(alone[1].theta, many[1].theta, rtol=1e-10)
    assert problem.value.epoch == done.epochs[1] + 1


def test_zero_epochs_change_nothing():
    X, D = samples()
    made = networks(2)
    before = [network.theta.copy() for network in made]
    done = fastbp.train_many(made, X, D, epochs=0)
    assert done.loss.shape == (2, 0)
    assert done.outcome.tolist() == ["finished"] * 2
    for network, start in zip(made, before, strict=True):
        np.testing.assert_array_equal(network.theta, start)


TWO = networks(2)
BAD = [
    ({"networks": TWO[0]}, TypeError, "networks must be a sequence of fastbp.Network, got"),
    ({"networks": []}, ValueError, "networks must be at least one, got none"),
    ({"networks": [TWO[0], 3]}, TypeError, r"networks\[1\] must be"),
    ({"networks": [TWO[0], TWO[0]]}, ValueError, "must be different ones, got the same in places 0 and 1"),
    ({"networks": [*TWO, *networks(1, sizes=lambda i: (4, 2))]}, ValueError, r"5 and 2, got \(4, 2\) in place 2"),
    ({"epochs": [1, 2, 3]}, ValueError, "epochs must be one for all or one for each of the 2 networks, got 3"),
    ({"epochs": [1, -2]}, ValueError, r"epochs\[1\] must be"),
    ({"optimizer": [fastbp.SGD(0.1), "sdg"]}, ValueError, r"optimizer\[1\] must be .*; did you mean 'sgd'\?"),
    ({"rows": []}, ValueError, "rows must be a vector of row numbers, at least one"),
    ({"rows": [0, [1]]}, ValueError, r"rows\[0\] must be a vector of row numbers, at least one"),
    ({"rows": np.array(0)}, ValueError, r"rows must be a vector of row numbers, .* got array\(0\)"),
    ({"rows": [[0, 1], [0, N]]}, ValueError, rf"rows\[1\] must lie between 0 and {N - 1}, the rows of X, got {N}"),
    ({"validation_rows": [0.5]}, TypeError, "validation_rows must"),
    ({"patience": 0}, ValueError, "patience must be at least 1, got 0"),
    ({"min_delta": -1.0}, ValueError, "min_delta must be"),
    ({"sample_weight": [np.ones(N)] * 3}, ValueError, "sample_weight must be one for all or one for each of the 2"),
    ({"sample_weight": np.r_[1.0, np.zeros(N - 1)], "rows": [1, 2]}, ValueError, "sample_weight must be above 0"),
    ({"epochs": 2**70}, ValueError, rf"epochs must be at most \d+, so .* got {2**70}"),
    ({"epochs": [1, 2**70], "batch_size": N}, ValueError, rf"epochs\[1\] must be at most {2**53}, so .* got {2**70}"),
    ({"patience": 10**400}, ValueError, r"patience must be at most 2\*\*53, got 1000"),
    ({"threads": 0}, ValueError, "threads must be at least 1, got 0"),
    ({"time_limit": 0}, ValueError, "time_limit must be"),
    ({"progress": "yes"}, TypeError, "progress must be"),
]


OF_ONE = {  # an option for each of two networks, of which the second is wrong
    "epochs": [1, 2.5], "batch_size": [1, 0], "optimizer": [fastbp.SGD(0.1), 3], "l1": [0.0, -1.0], "l2": [0.0, "x"],
    "max_norm": [None, -1.0], "clip_norm": [None, 0.0], "dropout": [0.0, 1.0], "shuffle": [True, 3], "seed": [0, -1],
    "label_smoothing": [0.0, 1.0],
    "rows": [None, [N]], "validation_rows": [None, [0.5]], "patience": [None, 0], "min_delta": [0.0, -1.0],
}  # fmt: skip
NONE_BUT_0 = np.r_[1.0, np.zeros(N - 1)]
BAD += [
    *(({name: values}, (TypeError, ValueError), rf"^{name}\[1\] must ") for name, values in OF_ONE.items()),
    ({"optimizer": [1, 2]}, TypeError, r"^optimizer\[0\] must "),
    ({"sample_weight": [None, np.r_[1.0, -np.ones(N - 1)]]}, ValueError, r"^sample_weight\[1\] must be .* in place 1$"),
    ({"sample_weight": np.array([np.ones(N), -np.ones(N)])}, ValueError, r"^sample_weight\[1\] must be .* in place 0$"),
    ({"sample_weight": [np.ones(N), 3.0]}, ValueError, r"^sample_weight\[1\] must have shape"),
    ({"sample_weight": [3.0, np.ones(N)]}, ValueError, r"^sample_weight\[0\] must have shape"),
    ({"sample_weight": [None, ["a"] * N]}, TypeError, r"^sample_weight\[1\] must hold real numbers"),
    ({"sample_weight": [None, NONE_BUT_0], "rows": [1]}, ValueError, r"^sample_weight\[1\] .* of the rows, got 0"),
    ({"sample_weight": NONE_BUT_0, "rows": [[0], [1]]}, ValueError, r"^sample_weight must .* of the rows\[1\], got 0"),
    (
        {"sample_weight": [None, NONE_BUT_0], "validation_rows": [None, [1]]},
        ValueError,
        r"\[1\] .* validation_rows\[1\], got 0",
    ),
]


@pytest.mark.parametrize(("given", "kind", "message"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_input_is_named(given, kind, message):
    X, D = samples()
    before = [network.theta.copy() for network in TWO]
    with pytest.raises(kind, match=message):
        fastbp.train_many(given.get("networks", TWO), X, D, **{k: v for k, v in given.items() if k != "networks"})
    for network, start in zip(TWO, before, strict=True):
        np.testing.assert_array_equal(network.theta, start)


def test_a_network_with_parameters_that_cannot_be_trained_is_named():
    X, D = samples()
    made = networks(2)
    made[1].theta[3] = np.nan
    with pytest.raises(
        ValueError, match=r"^networks\[1\] must have finite parameters, got NaN or .* networks\[1\]\.theta"
    ):
        fastbp.train_many(made, X, D)
    made[1].theta[3] = 0
    made[1].theta.flags.writeable = False
    with pytest.raises(ValueError, match=r"^networks\[1\] must have parameters that can be changed, got a read-only"):
        fastbp.train_many(made, X, D)


def test_a_learning_rate_that_rounds_to_zero_is_named():
    X, D = samples()
    rates = [fastbp.SGD(0.1), fastbp.SGD(1e-60)]
    with pytest.raises(ValueError, match=r"^optimizer\[1\]\.learning_rate must be positive and finite in float32"):
        fastbp.train_many(networks(2, "float32"), X, D, optimizer=rates)


@pytest.mark.parametrize(("epochs", "schedule"), [(2**70, False), (2**53, False), (2**53, True)])
def test_more_steps_than_can_be_counted(epochs, schedule):
    X, D = samples()
    rate = fastbp.CosineDecay(0.1) if schedule else 0.1
    options = {"epochs": epochs, "batch_size": -(-N // 2), "optimizer": fastbp.SGD(rate)}
    message = (
        rf"epochs must be at most {2**52}, so that there are at most 2\*\*53 steps \(an epoch has 2\), got {epochs}"
    )
    made = networks(2)
    before = [network.theta.copy() for network in made]
    with pytest.raises(ValueError, match=f"^{message}$"):
        fastbp.train(made[0], X, D, **options)
    with pytest.raises(ValueError, match=f"^{message}$"):
        fastbp.train_many(made, X, D, **options)
    for network, start in zip(made, before, strict=True):
        np.testing.assert_array_equal(network.theta, start)
    fastbp.train_many(made, X, D, **(options | {"epochs": 2**52}), time_limit=0.1)


def test_an_array_of_no_dimension_is_one_value_for_all():
    X, D = samples()
    given = {
        "epochs": 3, "batch_size": 7, "optimizer": fastbp.Adam(0.01), "l1": 0.001, "l2": 0.01, "max_norm": 1.0,
        "clip_norm": 0.5, "dropout": 0.2, "shuffle": True, "seed": 5, "patience": 2, "min_delta": 0.001,
    }  # fmt: skip
    many, alone, expected = networks(2), networks(2), networks(2)
    arrays = {name: np.array(value) for name, value in given.items()}
    done = fastbp.train_many(many, X, D, **arrays)
    assert fastbp.train_many(expected, X, D, **given).loss.tolist() == done.loss.tolist()
    for i in range(2):
        np.testing.assert_array_equal(many[i].theta, expected[i].theta)
        fastbp.train(alone[i], X, D, **arrays)
        assert_close(many[i].theta, alone[i].theta, "float64", 10)
    with pytest.raises(TypeError, match=r"^epochs must be an integer, got (np\.float64\()?3\.0"):
        fastbp.train_many(many, X, D, epochs=np.array(3.0))


@pytest.mark.parametrize("units", [2, 5000], ids=["lanes", "alone"])
@pytest.mark.parametrize("second", [1.0, -1.0], ids=["infinite", "NaN"])
def test_a_validation_loss_that_is_not_finite_is_there(second, units):
    def make():
        made = [fastbp.Network((1, units, 1), output="identity", dtype="float64") for _ in range(2)]
        for network in made:
            network.theta[:] = 0
            network.W[0].flat[:2], network.W[1].flat[:2] = 1e10, (1, second)
        return made

    X, D = [[0.0], [0.0], [1e300]], np.ones((3, 1))
    options = {"epochs": 2, "rows": [0, 1], "optimizer": fastbp.SGD(1e-30)}
    assert heuristics.prefers_lanes(make()[0].layers, 2, np.dtype("float64")) == (units == 2)
    done = fastbp.train_many(make(), X, D, validation_rows=[[2], None], **options)
    for history in (fastbp.train(make()[0], X, D, validation_rows=[2], **options), done.history(0)):
        assert len(history.validation_loss) == 2
        largest = np.finfo("float64").max  # where tiles end
        assert all(loss >= largest if second > 0 else not loss < largest for loss in history.validation_loss)
    assert done.history(1).validation_loss == []
    assert done.validated.tolist() == [True, False]


def test_train_with_rows_is_train_with_those_samples():
    X, D = samples()
    rows = np.random.default_rng(3).integers(0, N, 2 * N)
    one, other = networks(1)[0], networks(1)[0]
    fastbp.train(one, X, D, epochs=2, rows=rows, seed=4)
    fastbp.train(other, X[rows], D[rows], epochs=2, seed=4)
    np.testing.assert_array_equal(one.theta, other.theta)


@pytest.mark.parametrize("version", ["engine", "tiles", "loops", "matrix"])
def test_train_with_patience_keeps_the_best_in_each_version(version):
    X, D = samples()
    network, validation = networks(1)[0], np.arange(5)
    options = {"rows": np.arange(5, N), "validation_rows": validation, "patience": 2, "optimizer": fastbp.SGD(0.3)}
    history = fastbp.train(network, X, D, epochs=25, version=version, **options)
    best = int(np.argmin(history.validation_loss))
    assert history.best_epoch == best + 1
    assert len(history.loss) == min(25, best + 3)
    loss = 0.5 * ((network.predict(X[validation]) - D[validation]) ** 2).sum(axis=1).mean()
    assert_close(loss, history.validation_loss[best], "float64", 10)
