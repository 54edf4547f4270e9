"""Levenberg and Marquardt's steps: the normal equations by three ways, each step, and what ends a training.

MacKay's penalty is compared with a fixed point that is found another way.
"""

import sys

import numpy as np
import pytest

import fastbp
from fastbp.lecture import layout, loops, matrix
from fastbp.training import least_squares
from fastbp.training.least_squares import Equations
from tests.cases import DTYPES, Case, assert_close

VERSIONS = "matrix", "loops", "engine"
LM, BR = fastbp.LevenbergMarquardt, fastbp.BayesianRegularization


def curve(n=60, outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 2, (n, 2))
    D = np.sin(2 * X[:, :1]) * X[:, 1:] + np.arange(outputs) * X[:, :1]
    return X, D + 0.05 * rng.normal(size=D.shape)


def network(sizes=(2, 7, 1), dtype="float64", seed=1):
    made = fastbp.Network(sizes, "tanh", "identity", dtype, seed)
    rng = np.random.default_rng(seed)
    for b in made.B:
        b[:] = rng.uniform(-1, 1, b.shape)
    return made


# ---- The normal equations --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("sizes", "samples"), [((1, 1), 1), ((2, 3, 2), 5), ((3, 4, 3, 2), 40), ((5, 9, 3), 300), ((2, 40, 1), 9)]
)
def test_they_are_products_of_the_jacobian(sizes, samples, version):
    """Also where the samples take several blocks, and where a row of J is no whole number of vectors."""
    case = Case(sizes, "tanh", "identity", samples=samples)
    J, Y = np.empty((samples, sizes[-1], case.theta.size)), np.empty((samples, sizes[-1]))
    matrix.parameter_jacobian(case.theta, case.layers, case.X, case.scratch(), J)
    matrix.predict(case.theta, case.layers, case.X, case.scratch(), Y)
    weight = np.random.default_rng(0).integers(0, 3, samples).astype(float)
    weight[0] = 1
    share = weight / weight.sum()
    equations = Equations(case.layers, case.X, case.D, weight, version)
    loss = equations.set_up(case.theta)
    lower = np.tril_indices(case.theta.size)
    assert_close(equations.A[lower], np.einsum("s,skp,skq->pq", share, J, J)[lower], "float64", times=10)
    assert_close(equations.g, np.einsum("s,skp,sk->p", share, J, Y - case.D), "float64", times=10)
    assert_close(loss, (share[:, None] * 0.5 * (Y - case.D) ** 2).sum(), "float64", times=10)
    assert_close(loss, equations.at(case.theta), "float64", times=10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("version", [loops, matrix])
def test_the_lecture_has_them_in_both_precisions_and_nothing_counts_as_nothing(version, dtype):
    case = Case((3, 4, 2), "tanh", "identity", dtype, samples=5)
    case.D = case.D.copy()
    case.D[1] = np.inf
    P, found = case.theta.size, []
    for weight in ([1, 0, 2, 1, 1], [0, 0, 0, 0, 0]):
        A, g, jacobian = np.full((P, P), np.nan, dtype), np.full(P, np.nan, dtype), np.full((10, P), np.nan, dtype)
        samples = case.X, case.D, np.array(weight, dtype)
        J = jacobian[:2].copy() if version is loops else jacobian
        E = version.normal_equations(case.theta, case.layers, samples, np.arange(5), case.scratch(), J, A, g)
        found.append((E, A[np.tril_indices(P)], g))
    samples, dtheta = (case.X, case.D, np.array([1, 0, 2, 1, 1], dtype)), np.empty_like(case.theta)
    E = matrix.gradient(case.theta, case.layers, samples, np.arange(5), case.scratch(), dtheta)
    assert_close(found[0][0], E, dtype, times=10)
    assert_close(found[0][2], dtheta, dtype, times=10)
    assert (found[0][1] != 0).any()
    assert found[1][0] == 0
    assert not found[1][1].any()
    assert not found[1][2].any()


# ---- Steps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_the_first_step_is_that_of_the_formula(version, l2):
    X, D = curve()
    trained = network()
    before = trained.theta.copy()
    history = fastbp.train(trained, X, D, epochs=1, optimizer=LM(damping=0.01), l2=l2, version=version)
    J = network().parameter_jacobian(X)[:, 0]
    penalised = np.zeros(before.size)
    for w in layout.weights(penalised, trained.layers):
        w[:] = l2
    A, g = J.T @ J / len(X), J.T @ (network().predict(X) - D)[:, 0] / len(X) + penalised * before
    mu = 0.01 * np.diag(A).max()
    step = np.linalg.solve(A + np.diag(penalised) + mu * np.eye(len(A)), -g)
    np.testing.assert_allclose(trained.theta, before + step, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(history.loss, [trained.evaluate(X, D)], rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"l2": 1e-3}, {"rows": np.arange(40), "validation_rows": np.arange(40, 60)}])
def test_versions_go_the_same_way(options):
    X, D = curve(outputs=2)
    found = []
    for version in VERSIONS:
        trained = network((2, 5, 2))
        history = fastbp.train(trained, X, D, epochs=8, optimizer=LM(), version=version, **options)
        found.append((history.loss, history.validation_loss, trained.theta))
    for other in found[1:]:
        for one, theirs in zip(other, found[0], strict=True):
            np.testing.assert_allclose(one, theirs, rtol=1e-6)
    assert len(found[0][1]) == (8 if "rows" in options else 0)


def test_each_epoch_lowers_the_loss_and_it_comes_far():
    X, D = curve(n=100)
    D = np.sin(2 * X[:, :1]) * X[:, 1:]  # without noise
    trained = network((2, 10, 1))
    first = trained.evaluate(X, D)
    history = fastbp.train(trained, X, D, epochs=150, optimizer=LM())
    assert (np.diff([first, *history.loss]) < 0).all()
    assert history.loss[-1] < 1e-5 * first
    assert history.loss[-1] == pytest.approx(trained.evaluate(X, D), rel=1e-9)


def test_a_linear_network_comes_to_the_least_squares():
    X, D = curve(n=30, outputs=2)
    trained = fastbp.Network((2, 2), output="identity", dtype="float64", seed=1)
    history = fastbp.train(trained, X, D, epochs=50, optimizer=LM(min_gradient=1e-12))
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(30)]), D, rcond=None)[0]
    np.testing.assert_allclose(np.column_stack([trained.W[0], trained.B[0]]).T, expected, rtol=1e-7, atol=1e-8)
    assert history.outcome == "stopped"


def test_weights_of_samples_count_as_copies():
    X, D = curve(n=20)
    copies = np.arange(20) % 3
    weighted, copied = network(), network()
    fastbp.train(weighted, X, D, epochs=5, optimizer=LM(), sample_weight=copies)
    fastbp.train(copied, X, D, epochs=5, optimizer=LM(), rows=np.repeat(np.arange(20), copies))
    np.testing.assert_allclose(weighted.theta, copied.theta, rtol=1e-7)


def test_float32_is_computed_in_double_precision_and_rounded():
    X, D = curve()
    X, D = X.astype("float32"), D.astype("float32")
    single = network(dtype="float32")
    double = network()
    double.theta[:] = single.theta
    seen = []
    fastbp.train(single, X, D, epochs=5, optimizer=LM(), callbacks=lambda state: seen.append(single.theta.copy()))
    fastbp.train(double, X, D, epochs=5, optimizer=LM())
    np.testing.assert_array_equal(single.theta, double.theta.astype("float32"))
    assert len({theta.tobytes() for theta in seen}) == 5  # callbacks see the parameters of their epoch


@pytest.mark.parametrize("version", VERSIONS)
def test_the_damping_grows_where_a_step_gains_nothing(version, monkeypatch):
    """A loss as low as there is none at the start: the training ends without an epoch, the network as it was."""
    monkeypatch.setattr(least_squares.Losses, "at", lambda self, theta: 1e-12)
    X, D = curve()
    trained = network()
    before = trained.theta.copy()
    history = fastbp.train(trained, X, D, epochs=5, optimizer=LM(max_damping=1e3), version=version)
    assert history.outcome == "stopped"
    assert history.loss == []
    np.testing.assert_array_equal(trained.theta, before)


@pytest.mark.parametrize("without", [False, True])
def test_lapack_is_scipys_or_numpys(monkeypatch, without):
    if without:
        monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    rng = np.random.default_rng(0)
    J, b = rng.normal(size=(20, 6)), rng.normal(size=6)
    A = J.T @ J
    half = np.tril(A) + np.triu(np.full((6, 6), 1e9), 1)  # the upper half is not read
    np.testing.assert_allclose(least_squares.solved(half.copy(), b), np.linalg.solve(A, b), rtol=1e-10)
    np.testing.assert_allclose(least_squares.trace_of_inverse(half.copy()), np.trace(np.linalg.inv(A)), rtol=1e-10)
    for singular in (np.zeros((3, 3)), -np.eye(3), np.full((3, 3), np.nan)):
        assert least_squares.solved(singular.copy(), np.ones(3)) is None


# ---- Many networks ---------------------------------------------------------------------------------------------------


def test_many_networks_are_trained_as_one():
    X, D = curve()
    rules = [LM(), fastbp.Adam(), BR(), LM(goal=0.01)]
    together, alone = ([network(seed=seed) for seed in range(4)] for _ in range(2))
    many = fastbp.train_many(together, X, D, epochs=6, optimizer=rules)
    for i, (one, rule) in enumerate(zip(alone, rules, strict=True)):
        history = fastbp.train(one, X, D, epochs=6, optimizer=rule)
        np.testing.assert_allclose(one.theta, together[i].theta, rtol=1e-6)
        assert many.epochs[i] == len(history.loss)


def test_each_of_many_networks_is_checked():
    X, D = curve()
    others = [network(), fastbp.Network((2, 7, 1), "tanh", "identity", "float64", loss="huber")]
    with pytest.raises(ValueError, match="minimises squared errors of real outputs"):
        fastbp.train_many(others, X, D, optimizer=LM())


# ---- Bayesian regularisation -----------------------------------------------------------------------------------------


def test_the_strength_is_mackays_fixed_point():
    """Of a linear network: alpha and beta by the evidence, from eigenvalues (MacKay 1992, equations 4.8 to 4.10)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 6)) * [3, 1, 0.3, 0.1, 0.03, 0.01]
    D = X @ rng.normal(size=(6, 1)) + 0.3 * rng.normal(size=(40, 1))
    trained = fastbp.Network((6, 1), output="identity", dtype="float64", seed=1)
    history = fastbp.train(trained, X, D, epochs=300, optimizer=BR(min_gradient=0.0))
    J = np.column_stack([X, np.ones(40)])
    values, alpha, beta = np.linalg.eigvalsh(J.T @ J), 1.0, 1.0
    for _ in range(2000):  # the penalty alpha / 2 sum theta^2, the error beta / 2 sum e^2
        theta = np.linalg.solve(beta * J.T @ J + alpha * np.eye(7), beta * J.T @ D[:, 0])
        gamma = (beta * values / (beta * values + alpha)).sum()
        alpha, beta = gamma / (theta @ theta), (40 - gamma) / np.square(D[:, 0] - J @ theta).sum()
    assert history.effective_parameters[-1] == pytest.approx(gamma, rel=1e-4)
    np.testing.assert_allclose([*trained.W[0][0], *trained.B[0]], theta, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n", [60, 80])
def test_no_start_shrinks_to_a_constant(n):
    X, D = curve(n=n)
    for seed in range(4):
        trained = network(seed=seed)
        history = fastbp.train(trained, X, D, epochs=150, optimizer=BR())
        assert history.effective_parameters[-1] > 15
        assert history.loss[-1] < 0.005


def test_it_overfits_less_and_counts_fewer_parameters_than_there_are():
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (40, 1))
    D, new = np.sin(X) + 0.2 * rng.normal(size=X.shape), np.linspace(-3, 3, 100)[:, None]
    errors = {}
    for rule in (LM(), BR()):
        trained = network((1, 20, 1))
        history = fastbp.train(trained, X, D, epochs=100, optimizer=rule)
        errors[type(rule)] = np.square(trained.predict(new) - np.sin(new)).mean()
        assert len(history.effective_parameters) == (len(history.loss) if rule == BR() else 0)
    assert 3 < history.effective_parameters[-1] < 20 < trained.theta.size
    assert errors[BR] < 0.5 * errors[LM]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_scale_of_the_weights_of_samples_changes_nothing(scale):
    X, D = curve(n=80)
    one, other = network(), network()
    first = fastbp.train(one, X, D, epochs=20, optimizer=BR())
    second = fastbp.train(other, X, D, epochs=20, optimizer=BR(), sample_weight=np.full(80, scale))
    np.testing.assert_allclose(second.effective_parameters, first.effective_parameters, rtol=1e-3)
    np.testing.assert_allclose(other.predict(X), one.predict(X), atol=1e-4)


# ---- Bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [LM(), BR()])
@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        (
            {"output": "softmax"},
            {},
            "squared errors of real outputs: the network must have output='identity'",
        ),
        ({"output": "identity", "loss": "huber"}, {}, "got output='identity', loss='huber'"),
        (
            {"sizes": (2, 200, 200, 2), "output": "identity"},
            {},
            "most 16,384 of them, got 41,202: take fastbp.LBFGS",
        ),
        ({"output": "identity"}, {"dropout": 0.5}, "dropout must be 0 for optimizer"),
        ({"output": "identity"}, {"l1": 0.1}, "l1 must be 0 for optimizer"),
        ({"output": "identity"}, {"l1": np.zeros(2)}, "l1 must be 0 for optimizer"),
        ({"output": "identity"}, {"clip_norm": 1.0}, "clip_norm must be None for optimizer"),
        ({"output": "identity"}, {"rate_factors": [[1, 1], [1, 1]]}, "rate_factors must be None for optimizer"),
        ({"output": "identity"}, {"diagonal": 1.0}, "diagonal must be None for optimizer"),
    ],
)
def test_what_does_not_suit_is_refused(rule, made, options, message):
    one = fastbp.Network(**({"sizes": (2, 3, 2)} | made))
    before = one.theta.copy()
    with pytest.raises(ValueError, match=message):
        fastbp.train(one, np.ones((4, 2)), np.ones((4, 2)) / 2, optimizer=rule, **options)
    np.testing.assert_array_equal(one.theta, before)


def test_the_penalty_of_bayesian_regularization_is_its_own():
    with pytest.raises(ValueError, match="l2 must be 0 for optimizer BayesianRegularization, which estimates it"):
        fastbp.train(network(), *curve(), optimizer=BR(), l2=0.1)


@pytest.mark.parametrize("kind", [LM, BR])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"damping": 0}, "damping must be"),
        ({"goal": -1}, "goal must be at least 0"),
        ({"min_gradient": "a"}, "min_gradient must be"),
        ({"max_damping": 1e-6}, "max_damping must be at least damping"),
    ],
)
def test_constants_are_checked(kind, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        kind(**options)
