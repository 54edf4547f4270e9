"""The sides of `benchmarks.second_order`, each in a process of its own: a small regression, from the same start."""

import contextlib
import io
import signal
import time
from dataclasses import dataclass
from statistics import median

import numpy as np


@dataclass(frozen=True)
class Row:
    """Sizes of a network with tanh, and the samples that it fits."""

    sizes: tuple
    samples: int


LAPS = 3  # of many starts
ROWS = {
    "1-10-1, 100 samples": Row((1, 10, 1), 100),
    "8-20-1, 1,000 samples": Row((8, 20, 1), 1000),
    "3-30-30-2, 2,000 samples": Row((3, 30, 30, 2), 2000),
}


class Reached(BaseException):
    """The error is low enough, or the time is over. (No Exception: some packages go on after one.)"""


def data(row):
    """X and D, as far as -1 or 1: pyrenn divides them by their largest, and would fit others."""
    return tuple(part / np.abs(part).max(axis=0) for part in _data(row))


def _data(row):
    """A curve; a smooth function of eight inputs with noise; where a robot's arm of three joints ends."""
    rng = np.random.default_rng(0)
    if row.sizes[0] == 1:
        X = np.linspace(-1, 1, row.samples)[:, None]
        return X, np.sin(4 * X) + 0.5 * X**2
    X = rng.uniform(-1, 1, (row.samples, row.sizes[0]))
    if row.sizes[0] == 8:
        hidden = np.tanh(X @ rng.normal(size=(8, 6)))
        return X, hidden @ rng.normal(size=(6, 1)) / 2 + 0.05 * rng.normal(size=(row.samples, 1))
    angles = np.cumsum(1.5 * X, axis=1)
    return X, np.stack([np.cos(angles) @ [0.5, 0.3, 0.2], np.sin(angles) @ [0.5, 0.3, 0.2]], axis=1)


def network(row, seed=0):
    """The start, with biases that are not 0: a network of units that are all odd learns odd functions only."""
    import fastbp

    made, rng = fastbp.Network(row.sizes, "tanh", "identity", "float64", seed), np.random.default_rng(seed)
    for b in made.B:
        b[:] = rng.uniform(-0.5, 0.5, b.shape)
    return made


class Watch:
    """The least error so far; raises Reached where there is nothing more to do."""

    def __init__(self, target):
        self.target, self.least, self.first = target, np.inf, None

    def __call__(self, error):
        self.first = error if self.first is None else self.first
        self.least = min(self.least, error)
        if self.least <= self.target:
            raise Reached


def fit(name, row, target, seconds):
    """Seconds until the mean of 1/2 sum (y - d)^2 is not above the target, the least error, and that at the start.

    The seconds are None if it did not come so far in the time that it has.
    """
    here = ROWS[row]
    X, D = data(here)
    run, watch = WAYS[name](here, X, D), Watch(target)

    def over(*_):
        raise Reached

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    begin = time.perf_counter()
    try:
        with contextlib.suppress(Reached), contextlib.redirect_stdout(io.StringIO()):
            run(watch)
        taken = time.perf_counter() - begin
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return (taken if watch.least <= target else None), float(watch.least), float(watch.first)


def many(row, starts, epochs):
    """Seconds of LM from so many starts, one after the other, and by train_many, medians; the least errors of both."""
    import fastbp

    here = ROWS[row]
    X, D = data(here)
    rule, found = fastbp.LevenbergMarquardt(min_gradient=0.0), []
    for together in (False, True) * (1 + LAPS):
        networks = [network(here, seed) for seed in range(starts)]
        begin = time.perf_counter()
        if together:
            fastbp.train_many(networks, X, D, epochs=epochs, optimizer=rule)
        else:
            for one in networks:
                fastbp.train(one, X, D, epochs=epochs, optimizer=rule)
        found.append((time.perf_counter() - begin, min(one.evaluate(X, D) for one in networks)))
    of_ways = found[2::2], found[3::2]  # the first ones compile
    return [(median(seconds for seconds, _ in laps), laps[0][1]) for laps in of_ways]


# ---- The ways: each prepares, and returns what runs and tells a Watch the error of each iteration --------------------


def _by_train(rule, batch):
    def way(row, X, D):
        import fastbp

        def run(watch):
            made = network(row)
            watch(made.evaluate(X, D))
            goal = rule(fastbp, watch.target)
            fastbp.train(
                made, X, D, epochs=10**8, batch_size=len(X) if batch else 1, optimizer=goal, shuffle=False,
                callbacks=lambda state: watch(state.loss),
            )  # fmt: skip

        fastbp.train(network(row), X, D, epochs=2, batch_size=len(X), optimizer=rule(fastbp, 0.0))  # compiles
        return run

    return way


def _by_lbfgs(row, X, D):
    from scipy.optimize import minimize

    made = network(row)
    made.gradient(X, D)  # compiles

    def run(watch):
        def error(theta):
            made.theta[:] = theta
            E, dW, _ = made.gradient(X, D)
            return E, dW[0].base

        watch(made.evaluate(X, D))
        options = {"maxiter": 10**8, "maxfun": 10**8, "ftol": 0.0, "gtol": 0.0}

        def ended(intermediate_result):
            watch(float(intermediate_result.fun))

        minimize(error, made.theta.copy(), jac=True, method="L-BFGS-B", options=options, callback=ended)

    return run


def _by_scipy(row, X, D):
    from scipy.optimize import least_squares

    made = network(row)
    made.parameter_jacobian(X)  # compiles

    def run(watch):
        def residuals(theta):
            made.theta[:] = theta
            apart = (made.predict(X) - D).ravel()
            watch(float(apart @ apart) / 2 / len(X))
            return apart

        def jacobian(theta):
            made.theta[:] = theta
            return made.parameter_jacobian(X).reshape(-1, len(theta))

        exact = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
        least_squares(residuals, made.theta.copy(), jacobian, method="lm", max_nfev=10**6, **exact)

    return run


def _by_torch(row, X, D):
    import torch
    from torch_levenberg_marquardt.training import LevenbergMarquardtModule

    torch.set_num_threads(1)
    start, x, d = network(row), torch.tensor(X), torch.tensor(D)
    layers = []
    for w, b in zip(start.W, start.B, strict=True):
        layers += [torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64), torch.nn.Tanh()]
        with torch.no_grad():
            layers[-2].weight.copy_(torch.tensor(w))
            layers[-2].bias.copy_(torch.tensor(b))
    model = torch.nn.Sequential(*layers[:-1])

    def run(watch):
        module = LevenbergMarquardtModule(model, solve_method="cholesky")
        with torch.no_grad():
            watch(float((model(x) - d).square().sum()) / 2 / len(x))
        while True:
            _, loss, _, _ = module.training_step(x, d)
            watch(float(loss) * d.shape[1] / 2)

    return run


def _by_pyrenn(row, X, D):
    import pyrenn

    start = network(row)

    def run(watch):
        net = pyrenn.CreateNN(list(row.sizes))
        parts = zip(start.W, start.B, strict=True)
        net["w"] = np.concatenate([part for w, b in parts for part in (w.flatten("F"), b)])
        loss = pyrenn.calc_error

        def told(*arguments):
            error = loss(*arguments)
            watch(float(error) / 2 / len(X))
            return error

        pyrenn.calc_error = told
        try:
            told(net, pyrenn.prepare_data(X.T, D.T, net)[0])
            pyrenn.train_LM(X.T, D.T, net, k_max=10**5, E_stop=0.0)
        finally:
            pyrenn.calc_error = loss

    return run


WAYS = {
    "fastbp": _by_train(lambda fastbp, goal: fastbp.LevenbergMarquardt(goal=goal, min_gradient=0.0), True),
    "SciPy least_squares": _by_scipy,
    "torch-levenberg-marquardt": _by_torch,
    "pyrenn": _by_pyrenn,
    "L-BFGS": _by_lbfgs,
    "Adam": _by_train(lambda fastbp, goal: fastbp.Adam(0.01), True),
}
