"""The sides of `benchmarks.many`, each in a process of its own: prepares a row, then takes laps."""

import time
import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np

MIXED = "2,000 x 30-(4 to 64)-1 relu, own rates, early stopping, batch 32"
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
ONE_BY_ONE = 4  # networks that scikit-learn trains; the others would take as long
SHORT = 2  # epochs of which the losses are compared
PATIENCE = 5  # of the mixed networks


@dataclass(frozen=True)
class Row:
    """Networks of one shape, their data, and the epochs of a lap."""

    networks: int
    sizes: tuple
    activation: str
    rule: str
    rate: float
    batch: int
    samples: int
    epochs: int

    @property
    def steps(self):
        return self.samples // self.batch

    @property
    def output(self):
        return "identity" if self.sizes[-1] == 1 else "softmax"


ROWS = {
    "16,384 x 4-8-3 relu, batch 1, SGD": Row(16384, (4, 8, 3), "relu", "SGD", 0.01, 1, 128, 40),
    "1,024 x 10-32-1 tanh, batch 32, Adam": Row(1024, (10, 32, 1), "tanh", "Adam", 0.003, 32, 1024, 10),
    "256 x 64-64-10 relu, batch 32, SGD": Row(256, (64, 64, 10), "relu", "SGD", 0.05, 32, 1024, 10),
    MIXED: Row(2000, (30, 64, 1), "relu", "SGD", 0.05, 32, 455, 100),
}
_PREPARED = {}


def prepare(name, row):
    """Compiles what there is to compile; the losses of the networks in the last of a few epochs."""
    if row == MIXED:
        run = {"fastbp": _mixed, "scikit-learn": _mixed_one_by_one}[name](ROWS[row])
        losses, _ = run(SHORT)
        _PREPARED[row] = lambda: run(ROWS[row].epochs)[1]
        return losses
    here, data = ROWS[row], _data(ROWS[row])
    ways = [way(here, *data) for way in WAYS[name]]
    times = [min(_timed(run, here, 1) for _ in range(3)) for run in ways]  # the first one compiles
    run = ways[int(np.argmin(times))]
    _PREPARED[row] = lambda: _timed(run, here, here.epochs)
    return run(SHORT)[0]


def _timed(run, row, epochs):
    losses, seconds = run(epochs)
    return seconds / (epochs * row.steps * len(losses))


def lap(name, row):
    """Seconds a step and network."""
    return _PREPARED[row]()


def _data(row):
    """X, D and the parameters of all networks: arrays (networks, receiving, sending) and (networks, receiving)."""
    rng, outputs = np.random.default_rng(0), row.sizes[-1]
    X = rng.normal(size=(row.samples, row.sizes[0])).astype(np.float32)
    D = np.sin(X.sum(axis=1, keepdims=True)) if outputs == 1 else np.eye(outputs)[rng.integers(0, outputs, len(X))]
    theta = []
    for sending, receiving in zip(row.sizes[:-1], row.sizes[1:], strict=True):
        bound = (6 / (sending + receiving)) ** 0.5
        theta.append(rng.uniform(-bound, bound, (row.networks, receiving, sending)).astype(np.float32))
        theta.append(np.zeros((row.networks, receiving), np.float32))
    return X, D.astype(np.float32), theta


# ---- fastbp ----------------------------------------------------------------------------------------------------------


def _fastbp(row, X, D, theta):
    import fastbp

    def run(epochs):
        networks = []
        for i in range(row.networks):
            network = fastbp.Network(row.sizes, activation=row.activation, output=row.output)
            for place, array in zip(
                (p for w_b in zip(network.W, network.B, strict=True) for p in w_b), theta, strict=True
            ):
                place[...] = array[i]
            networks.append(network)
        rule = fastbp.Adam(row.rate) if row.rule == "Adam" else fastbp.SGD(row.rate)
        begin = time.perf_counter()
        done = fastbp.train_many(networks, X, D, epochs=epochs, batch_size=row.batch, optimizer=rule, shuffle=False)
        return done.loss[:, -1], time.perf_counter() - begin

    return run


# ---- JAX -------------------------------------------------------------------------------------------------------------


def _jax(axis, row, X, D, theta):
    import jax
    import jax.numpy as jnp

    hidden = {"relu": jax.nn.relu, "tanh": jnp.tanh}[row.activation]
    xs, ds = (jnp.array(a).reshape(row.steps, row.batch, -1) for a in (X, D))

    def loss_of(theta, x, d):
        w1, b1, w2, b2 = theta
        u = hidden(x @ w1.T + b1) @ w2.T + b2
        errors = 0.5 * jnp.square(u - d) if row.output == "identity" else -d * jax.nn.log_softmax(u)
        return errors.sum(axis=-1).mean()

    def step(state, sample):
        theta, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(theta, *sample)
        if row.rule == "Adam":
            t = t + 1
            m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, g)
            v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, g)
            one, two = 1 - BETA_1**t, 1 - BETA_2**t
            theta = jax.tree.map(lambda w, m, v: w - row.rate * (m / one) / (jnp.sqrt(v / two) + EPSILON), theta, m, v)
        else:
            theta = jax.tree.map(lambda w, g: w - row.rate * g, theta, g)
        return (theta, m, v, t), loss

    def epoch(state, xs, ds):
        state, losses = jax.lax.scan(step, state, (xs, ds))
        return state, losses.mean()

    axes = ([axis] * 4, [axis] * 4 if row.rule == "Adam" else None, [axis] * 4 if row.rule == "Adam" else None, None)
    together = jax.jit(jax.vmap(epoch, in_axes=(axes, None, None), out_axes=(axes, 0)), donate_argnums=0)

    def run(epochs):
        start = [jnp.array(np.moveaxis(a, 0, axis)) for a in theta]
        memory = [[jnp.zeros_like(a) for a in start] if row.rule == "Adam" else None for _ in range(2)]
        state = jax.block_until_ready((start, *memory, jnp.zeros((), jnp.float32)))
        begin = time.perf_counter()
        for _ in range(epochs):
            state, losses = together(state, xs, ds)
        jax.block_until_ready((state, losses))
        return np.asarray(losses), time.perf_counter() - begin

    return run


# ---- PyTorch ---------------------------------------------------------------------------------------------------------


def _torch(row, X, D, theta):
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    hidden = {"relu": torch.relu, "tanh": torch.tanh}[row.activation]
    batches = list(zip(torch.tensor(X).split(row.batch), torch.tensor(D).split(row.batch), strict=True))

    def loss_of(theta, x, d):
        w1, b1, w2, b2 = theta
        u = functional.linear(hidden(functional.linear(x, w1, b1)), w2, b2)
        errors = 0.5 * (u - d) ** 2 if row.output == "identity" else -d * torch.log_softmax(u, -1)
        return errors.sum(-1).mean()

    gradient = torch.func.vmap(torch.func.grad_and_value(loss_of), in_dims=(0, None, None))

    def run(epochs):
        w = tuple(torch.tensor(a) for a in theta)
        rule = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[row.rule](w, row.rate)
        begin = time.perf_counter()
        for _ in range(epochs):
            total = torch.zeros(row.networks)
            for x, d in batches:
                gradients, losses = gradient(w, x, d)
                for place, g in zip(w, gradients, strict=True):
                    place.grad = g
                rule.step()
                total += losses
        return (total / row.steps).numpy(), time.perf_counter() - begin

    return run


# ---- scikit-learn ----------------------------------------------------------------------------------------------------


def _sklearn_model(kind, row, epochs, hidden_units, rate, arrays, X, y):
    """A model that begins with these parameters."""
    from sklearn import neural_network

    options = {"solver": row.rule.lower(), "activation": row.activation, "alpha": 0, "batch_size": row.batch, "tol": 0}
    model = getattr(neural_network, kind)(
        hidden_layer_sizes=(hidden_units,), learning_rate_init=rate, momentum=0, shuffle=False, max_iter=1,
        warm_start=True, n_iter_no_change=10**9, **options,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of epochs that are too few to converge
        model.fit(X, y)
    model.coefs_ = [w.T.copy() for w in arrays[::2]]
    model.intercepts_ = [b.copy() for b in arrays[1::2]]
    return model.set_params(max_iter=epochs)


def _fitted(models, X_y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begin = time.perf_counter()
        for model, (X, y) in zip(models, X_y, strict=True):
            model.fit(X, y)
        return np.array([model.loss_curve_[-1] for model in models]), time.perf_counter() - begin


def _sklearn(row, X, D, theta):
    classes = row.output == "softmax"
    kind, y = ("MLPClassifier", D.argmax(axis=1)) if classes else ("MLPRegressor", D[:, 0])

    def run(epochs):
        models = [
            _sklearn_model(kind, row, epochs, row.sizes[1], row.rate, [a[i] for a in theta], X, y)
            for i in range(ONE_BY_ONE)
        ]
        return _fitted(models, [(X, y)] * len(models))

    return run


# ---- Networks of mixed sizes, with early stopping --------------------------------------------------------------------


def _mixed_networks(row):
    """Networks, learning rates, X, labels, rows to train and to validate with."""
    from sklearn.datasets import load_breast_cancer

    import fastbp

    X, y = load_breast_cancer(return_X_y=True)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
    rng = np.random.default_rng(0)
    units = rng.integers(4, 65, row.networks)
    networks = [
        fastbp.Network((X.shape[1], int(n), 1), activation=row.activation, output="sigmoid", seed=i)
        for i, n in enumerate(units)
    ]
    rates = np.exp(rng.uniform(np.log(0.01), np.log(0.3), row.networks)).tolist()
    order = rng.permutation(len(X))
    return networks, rates, X, y, order[: row.samples], order[row.samples :]


def _mixed_trained(row, epochs):
    import fastbp

    networks, rates, X, y, rows, validation = _mixed_networks(row)
    begin = time.perf_counter()
    done = fastbp.train_many(
        networks, X, y[:, None], epochs=epochs, batch_size=row.batch, optimizer=[fastbp.SGD(r) for r in rates],
        shuffle=False, rows=rows, validation_rows=validation, patience=PATIENCE,
    )  # fmt: skip
    return done, time.perf_counter() - begin


def _steps(row, epochs):
    return -(-row.samples // row.batch) * int(np.sum(epochs))


def _mixed(row):
    def run(epochs):
        done, seconds = _mixed_trained(row, epochs)
        return done.loss[:, epochs - 1 if epochs == SHORT else 0], seconds / _steps(row, done.epochs)

    return run


def _mixed_one_by_one(row):
    """Some of the networks, each for as many epochs as early stopping gave it; scikit-learn does not validate."""
    networks, rates, X, y, rows, _ = _mixed_networks(row)
    some = ONE_BY_ONE * 4
    done, _ = _mixed_trained(row, row.epochs)

    def run(epochs):
        epochs = np.minimum(done.epochs[:some], epochs)
        models = []
        for network, rate, n in zip(networks, rates, epochs.tolist(), strict=False):
            arrays = [array for pair in zip(network.W, network.B, strict=True) for array in pair]
            models.append(_sklearn_model("MLPClassifier", row, n, network.sizes[1], rate, arrays, X[rows], y[rows]))
        losses, seconds = _fitted(models, [(X[rows], y[rows])] * some)
        return losses, seconds / _steps(row, epochs)

    return run


WAYS = {
    "fastbp": [_fastbp],
    "JAX": [partial(_jax, 0), partial(_jax, -1)],
    "PyTorch": [_torch],
    "scikit-learn": [_sklearn],
}
