"""PyTorch, eager: a Sequential and an optimizer; compiled: a whole step as one graph."""

import os
import shutil
from functools import lru_cache, partial

import torch
from torch.nn import functional as F

from benchmarks.peers.problem import Trainer, fastest
from benchmarks.process import Unavailable

LAYERS = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}
HIDDEN = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def prepare_eager(problem, cores):
    """Which way of stepping is fastest differs from row to row."""
    torch.set_num_threads(cores)
    return fastest(_eager(problem, **way) for way in ({"foreach": False}, {"foreach": True}, {"fused": True}))


def _batches(problem):
    """Sliced once: a data loader would only cost time. PyTorch's cross-entropy is fastest on the numbers of classes."""
    d = problem.labels if problem.row.output == "softmax" else problem.D
    batch = problem.row.batch
    return list(zip(torch.tensor(problem.X).split(batch), torch.tensor(d).split(batch), strict=True))


def _error(row, u, d):
    return F.cross_entropy(u, d) if row.output == "softmax" else F.mse_loss(u, d, reduction="sum") * (0.5 / row.batch)


def _eager(problem, **way):
    row, start = problem.row, [torch.tensor(array) for pair in problem.start() for array in pair]
    modules = []
    for w, _ in problem.start():
        receiving, sending = w.shape
        modules += [torch.nn.Linear(sending, receiving, dtype=start[0].dtype), LAYERS[row.activation]()]
    model = torch.nn.Sequential(*modules[:-1])
    if row.rule == "Adam":
        optimizer = torch.optim.Adam(model.parameters(), row.rate, (BETA_1, BETA_2), EPSILON, **way)
    else:
        optimizer = torch.optim.SGD(model.parameters(), row.rate, **way)
    batches = _batches(problem)

    @torch.no_grad()
    def reset():
        for parameter, value in zip(model.parameters(), start, strict=True):
            parameter.copy_(value)
        for state in optimizer.state.values():
            for value in filter(torch.is_tensor, state.values()):
                value.zero_()

    def run(epochs):
        for _ in range(epochs):
            for x, d in batches:
                optimizer.zero_grad(set_to_none=True)
                _error(row, model(x), d).backward()
                optimizer.step()

    def parameters():
        return [parameter.detach().numpy().copy() for parameter in model.parameters()]

    reset()
    return Trainer(reset, run, parameters)


def prepare_compiled(problem, cores):
    """Gradient and update in one compiled graph.

    Compiling the loss alone, with or without the optimizer's step, was 2 to 8 times as slow on small networks as this
    and up to 60 % slower on 784-128-10 at batch 128.
    """
    torch.set_num_threads(cores)
    if not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
        raise Unavailable("torch.compile needs a C++ compiler")
    row, start = problem.row, [torch.tensor(array) for pair in problem.start() for array in pair]
    theta = [value.clone() for value in start]
    moments = [[torch.zeros_like(value) for value in theta] for _ in range(2 * (row.rule == "Adam"))]
    t = torch.zeros((), dtype=torch.float64)
    batches, step = _batches(problem), _compiled_step(row, problem.dtype)

    def reset():
        for value, at_start in zip(theta, start, strict=True):
            value.copy_(at_start)
        for value in [t, *(value for moment in moments for value in moment)]:
            value.zero_()

    def run(epochs):
        for _ in range(epochs):
            for x, d in batches:
                step(theta, moments, t, x, d)

    if problem.check:
        try:
            step(theta, moments, t, *batches[0])
        except Exception as problem_of_the_compiler:  # of many types: the compiler's, its tools', the platform's
            raise Unavailable(f"torch.compile: {str(problem_of_the_compiler).splitlines()[0]}") from None
        reset()
    return Trainer(reset, run, lambda: [value.numpy().copy() for value in theta])


@lru_cache(maxsize=1)
def _compiled_step(row, dtype):
    """One compilation for the check and for the laps of a row."""
    torch.compiler.reset()  # else the second batch size would be compiled for all sizes at once, which is slower
    return torch.compile(partial(_step, row), dynamic=False)


def _step(row, theta, moments, t, x, d):
    gradient = torch.func.grad(partial(_loss, row))(theta, x, d)
    if row.rule == "SGD":
        for p, g in zip(theta, gradient, strict=True):
            p.sub_(g, alpha=row.rate)
        return
    t += 1
    unbias_1, unbias_2 = 1 / (1 - BETA_1**t), 1 / (1 - BETA_2**t)
    for p, g, m, v in zip(theta, gradient, *moments, strict=True):
        m.lerp_(g, 1 - BETA_1)
        v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
        p.sub_(row.rate * unbias_1 * m / ((unbias_2 * v).sqrt() + EPSILON))


def _loss(row, theta, x, d):
    *hidden, (w, b) = zip(theta[::2], theta[1::2], strict=True)
    for w_hidden, b_hidden in hidden:
        x = HIDDEN[row.activation](F.linear(x, w_hidden, b_hidden))
    return _error(row, F.linear(x, w, b), d)
