"""python -m benchmarks.streams: what a sample costs that is learnt alone, and a network in a function of one's own.

Each side has a process of its own on one core. All begin with the same parameters, and must predict alike after some
steps before anything is timed.
"""

import sys
import time
from statistics import median

import numpy as np

from benchmarks import command, machine
from benchmarks.markdown import digits, ratio_cell, table
from benchmarks.process import Failed, in_turn, processes, say

OURS = "fastbp"
RIVALS = {"PyTorch, eager": "torch", "scikit-learn, partial_fit": "sklearn"}
INPUTS, HIDDEN, RATE = 10, 20, 0.01  # 10-20-1 relu, Adam
CHECKED, STEPS, SAME = 50, 2000, 1e-3
PARTS = {"names": "ten numbers out of a dict", "learn_one": "learn_one", "predict_one": "predict_one"}
INSIDE = {
    "loops.forward": "`loops.forward`", "predict": "`njit.predict`", "rows": "`njit.predict` of rows X[i]",
    "learn": "`njit.learn`", "jacobian": "`njit.jacobian`",
}  # fmt: skip


def samples(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, INPUTS))
    names = [f"feature {i}" for i in range(INPUTS)]
    return [dict(zip(names, row, strict=True)) for row in X.tolist()], np.sin(X.sum(axis=1)).tolist()


def start():
    """The first parameters, as [w, b, w, b] in double precision."""
    import fastbp

    network = fastbp.Network((INPUTS, HIDDEN, 1), "relu", "identity", "float32", seed=1)
    return [part.astype(float) for pair in zip(network.W, network.B, strict=True) for part in pair]


# ---- In the process of a side ----------------------------------------------------------------------------------------


def checked(name):
    """What it predicts for some samples after some steps."""
    learn, predict, _ = SIDES[name]()
    xs, ys = samples(2 * CHECKED)
    for x, y in zip(xs[:CHECKED], ys, strict=False):
        learn(x, y)
    return [float(predict(x)) for x in xs[CHECKED:]]


def lap(name, part="learn_one"):
    """Microseconds a sample."""
    learn, predict, names = SIDES[name]()
    xs, ys = samples(STEPS)
    for x, y in zip(xs[:CHECKED], ys, strict=False):
        learn(x, y)
        predict(x)
    begin = time.perf_counter()
    if part == "learn_one":
        for x, y in zip(xs, ys, strict=True):
            learn(x, y)
    else:
        for x in xs:
            (predict if part == "predict_one" else names)(x)
    return (time.perf_counter() - begin) / STEPS * 1e6


def _fastbp():
    import operator
    import struct

    import fastbp

    model, raw = fastbp.OnlineRegressor((HIDDEN,), "relu", fastbp.Adam(RATE), standardize=False), np.empty(INPUTS)
    x, parts = samples(1)[0][0], start()
    model._grow([*x], 0)
    for place, part in zip((*model.network.W, *model.network.B), parts[::2] + parts[1::2], strict=True):
        place[:] = part
    get, pack = operator.itemgetter(*x), struct.Struct(f"{INPUTS}d").pack_into
    return model.learn_one, model.predict_one, lambda x: pack(raw, 0, *get(x))


def _torch():
    import torch

    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.Linear(INPUTS, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 1))
    with torch.no_grad():
        for place, part in zip(model.parameters(), start(), strict=True):
            place.copy_(torch.tensor(part))
    rule = torch.optim.Adam(model.parameters(), RATE)

    def learn(x, y):
        rule.zero_grad(set_to_none=True)
        (0.5 * (model(torch.tensor([[*x.values()]])) - y).square().sum()).backward()
        rule.step()

    @torch.no_grad()
    def predict(x):
        return model(torch.tensor([[*x.values()]])).item()

    return learn, predict, lambda x: torch.tensor([[*x.values()]])


def _sklearn():
    from sklearn.neural_network import MLPRegressor

    model, parts = MLPRegressor(hidden_layer_sizes=(HIDDEN,), alpha=0.0, learning_rate_init=RATE), start()
    model.partial_fit(np.zeros((1, INPUTS)), np.zeros(1))
    model._optimizer = type(model._optimizer)(model.coefs_ + model.intercepts_, RATE)
    for place, part in zip(model.coefs_, parts[::2], strict=True):
        place[:] = part.T
    for place, part in zip(model.intercepts_, parts[1::2], strict=True):
        place[:] = part

    def learn(x, y):
        model.partial_fit(np.array([[*x.values()]]), np.array([y]))

    return learn, lambda x: model.predict(np.array([[*x.values()]]))[0], lambda x: np.array([[*x.values()]])


SIDES = {OURS: _fastbp, "PyTorch, eager": _torch, "scikit-learn, partial_fit": _sklearn}


def inside(rounds=5, n=200_000):
    """Nanoseconds a call, {one of INSIDE: ...}, in functions that are compiled by numba.njit."""
    import numba

    import fastbp
    from fastbp.lecture.loops.passes import forward
    from fastbp.njit import compiled, jacobian, learn, predict

    @numba.njit
    def forwards(net, X, x, y, u, J, n):
        for _ in range(n):
            forward(net.theta, net.layers, x, u[0], u[1])

    @numba.njit
    def predicts(net, X, x, y, u, J, n):
        for _ in range(n):
            predict(net, x, y)

    @numba.njit
    def rows(net, X, x, y, u, J, n):
        for i in range(n):
            predict(net, X[i % 8], y)

    @numba.njit
    def learns(net, X, x, y, u, J, n):
        for _ in range(n):
            learn(net, x, y, 1e-9)

    @numba.njit
    def jacobians(net, X, x, y, u, J, n):
        for _ in range(n):
            jacobian(net, x, J)

    net = compiled(fastbp.Network((4, 8, 3)))
    X = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    arguments = net, X, X[0].copy(), np.eye(3, dtype=np.float32)[0], np.empty((2, 11), np.float32)
    J, found = np.empty((3, 4), np.float32), {name: [] for name in INSIDE}
    ways = dict(zip(INSIDE, (forwards, predicts, rows, learns, jacobians), strict=True))
    for way in ways.values():
        way(*arguments, J, 1)
    for _, name in in_turn(INSIDE, rounds):
        begin = time.perf_counter()
        ways[name](*arguments, J, n)
        found[name].append((time.perf_counter() - begin) / n * 1e9)
    return {name: median(laps) for name, laps in found.items()}


# ---- In the parent ---------------------------------------------------------------------------------------------------


def render(rounds):
    """Markdown of a whole run."""
    names = [OURS, *(name for name, package in RIVALS.items() if machine.has(package))]
    with processes("benchmarks.streams", names, 1) as sides:
        say("  a sample at a time")
        said = {name: np.array(side.ask("checked", name)) for name, side in sides.items()}
        for name, found in said.items():
            apart = float(np.abs(found - said[OURS]).max())
            if not apart <= SAME:
                raise Failed(f"after {CHECKED} steps {name} predicts up to {apart:.1e} otherwise: nothing was timed")
        laps = {name: [] for name in names}
        for _, name in in_turn(names, rounds):
            laps[name].append(sides[name].ask("lap", name))
        parts = {part: median(sides[OURS].ask("lap", OURS, part) for _ in range(rounds)) for part in PARTS}
        say("  in compiled code")
        of_calls = sides[OURS].ask("inside")
    ours = median(laps[OURS])
    body = [[name, digits(median(found), 3), ratio_cell(median(found) / ours)] for name, found in laps.items()]
    own = [[what, digits(parts[part], 2)] for part, what in PARTS.items()]
    calls = [
        [what, digits(of_calls[name], 3), digits(of_calls[name] / of_calls["loops.forward"], 2)]
        for name, what in INSIDE.items()
    ]
    return "\n\n".join([
        f"{machine.line('torch', 'scikit-learn')} float32 (scikit-learn: float64), one core. Medians of {rounds} laps.",
        f"A dict of {INPUTS} numbers, {INPUTS}-{HIDDEN}-1 relu, Adam, one step a sample, Python included:",
        table(["", "us a sample", "over fastbp"], body),
        "What of that is what, fastbp:",
        table(["", "us a sample"], own),
        "Calls of a network of 4-8-3 in a function that is compiled by `numba.njit`:",
        table(["", "ns a call", "over `loops.forward`"], calls),
    ])  # fmt: skip


def main(arguments=None):
    about = "Learn a sample at a time, and call a network in compiled code. A minute."
    options = command.parse(command.parser("streams", about, rounds=5), arguments)
    return command.run("streams", lambda: render(options.rounds), options.write)


if __name__ == "__main__":
    sys.exit(main())
