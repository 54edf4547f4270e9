"""to_casadi: a function of CasADi with the values of the network, its Jacobian, and the right second derivatives."""

import numpy as np
import pytest

import fastbp
from tests.export_cases import COMBINATIONS

casadi = pytest.importorskip("casadi")


def network(hidden, output, sizes=(3, 5, 4, 2), seed=1):
    return fastbp.Network(sizes, hidden, output, "float64", seed)


@pytest.mark.parametrize(("hidden", "output"), COMBINATIONS)
def test_values_and_jacobians_are_those_of_the_network(hidden, output):
    one = network(hidden, output)
    f, X = fastbp.to_casadi(one), np.random.default_rng(0).normal(size=(9, 3))
    np.testing.assert_allclose([f(x).full()[:, 0] for x in X], one.predict(X), rtol=1e-12, atol=1e-14)
    J = f.jacobian()
    np.testing.assert_allclose([J(x, 0).full() for x in X], one.jacobian(X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("hidden", "output"), COMBINATIONS)
def test_second_derivatives_are_differences_of_the_jacobian(hidden, output):
    one = network(hidden, output)
    x = casadi.SX.sym("x", 3)
    hessian = casadi.Function("h", [x], [casadi.hessian(fastbp.to_casadi(one)(x)[0], x)[0]])
    at, step = np.array([0.3, -0.7, 1.1]), 1e-6
    expected = [
        (one.jacobian([at + step * e])[0, 0] - one.jacobian([at - step * e])[0, 0]) / (2 * step) for e in np.eye(3)
    ]
    np.testing.assert_allclose(hessian(at).full(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("hidden", sorted({hidden for hidden, _ in COMBINATIONS}))
def test_it_is_finite_far_from_0_and_has_the_derivative_of_the_lecture_at_a_kink(hidden):
    one = network(hidden, "identity", (1, 1, 1))
    one.theta[:] = 1, 0, 1, 0
    f = fastbp.to_casadi(one)
    for x in (-1e200, -700.0, -40.0, -20.0, 0.0, 30.0, 700.0, 1e200):
        np.testing.assert_allclose(f(x).full()[0], one.predict([[x]])[0], rtol=1e-11, atol=1e-300)
        np.testing.assert_allclose(f.jacobian()(x, 0).full()[0], one.jacobian([[x]])[0, 0], rtol=1e-6, atol=1e-15)


def test_it_is_part_of_a_problem_of_optimisation():
    """The input at which a network's output is least, by Ipopt if it is there."""
    one = network("tanh", "identity", (2, 6, 1))
    f, opti = fastbp.to_casadi(one), casadi.Opti()
    x = opti.variable(2)
    opti.minimize(f(x) + 0.1 * casadi.sumsqr(x))
    opti.solver("ipopt", {"print_time": False}, {"print_level": 0, "sb": "yes"})
    found = opti.solve().value(x)
    slope = one.jacobian([found])[0, 0] + 0.2 * found
    assert np.abs(slope).max() < 1e-6


def test_estimators_and_what_is_none():
    model = fastbp.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0).fit(
        [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    )
    assert float(fastbp.to_casadi(model, "line")(1.5)) == pytest.approx(model.predict([[1.5]])[0])
    with pytest.raises(TypeError, match="model must be a fastbp"):
        fastbp.to_casadi(np.ones(3))
