"""A network balances a pole on a cart: evolved, 256 candidates at a time, or trained by policy gradient.

Each rollout runs in compiled code, some million steps a second. The cart is that of Barto, Sutton and Anderson (1983):
a force of 10 N to the left or to the right, 50 times a second, until the pole leans by 12 degrees or the cart is 2.4 m
away.
"""

import numba
import numpy as np

import fastbp
from fastbp.njit import compiled, learn, predict

LONGEST, CANDIDATES, PARENTS = 500, 256, 32  # steps of a rollout; candidates of a generation, those that live on
DISCOUNT = 0.98  # of a later step against the one before
GRAVITY, CART, POLE, HALF_LENGTH, FORCE, SECONDS = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02


@numba.njit
def moved(state, force):
    """The state after one step of Euler's method, in place; whether the pole still stands."""
    place, speed, angle, turning = state
    total, moment = CART + POLE, POLE * HALF_LENGTH
    push = (force + moment * turning * turning * np.sin(angle)) / total
    bend = (GRAVITY * np.sin(angle) - np.cos(angle) * push) / (
        HALF_LENGTH * (4.0 / 3.0 - POLE * np.cos(angle) ** 2 / total)
    )
    state[0], state[1] = place + SECONDS * speed, speed + SECONDS * (push - moment * bend * np.cos(angle) / total)
    state[2], state[3] = angle + SECONDS * turning, turning + SECONDS * bend
    return abs(state[0]) < 2.4 and abs(state[2]) < 0.2095


@numba.njit
def steps_of(net, state):
    """How many steps the pole stands by the more probable action; state (4), is changed."""
    y = np.empty(2)
    for step in range(LONGEST):
        predict(net, state, y)
        if not moved(state, FORCE if y[1] > y[0] else -FORCE):
            return step
    return LONGEST


@numba.njit
def judge(net, candidates, starts, found):
    """found_c is the mean of the steps of candidate c, whose parameters are a row of candidates, over all starts."""
    for c in range(candidates.shape[0]):
        net.theta[:] = candidates[c]
        found[c] = 0
        for start in range(starts.shape[0]):
            found[c] += steps_of(net, starts[start].copy()) / starts.shape[0]


def evolved(generations=10, seed=0):
    """The best network of the last generation: parents are the best, children are their means, with noise."""
    rng = np.random.default_rng(seed)
    network = fastbp.Network((4, 8, 2), "tanh", dtype="float64", seed=seed)
    net, found = compiled(network), np.empty(CANDIDATES)
    centre, spread = network.theta.copy(), np.full(network.theta.size, 0.5)
    for _ in range(generations):
        candidates = centre + spread * rng.normal(size=(CANDIDATES, len(centre)))
        judge(net, candidates, rng.uniform(-0.05, 0.05, (5, 4)), found)
        best = candidates[np.argsort(-found)[:PARENTS]]
        centre, spread = best.mean(axis=0), best.std(axis=0)
        if found.min() == LONGEST:
            break
    network.theta[:] = centre
    return network


@numba.njit
def policy_gradient(net, rounds, eta, rng):
    """REINFORCE (Williams 1992): an action becomes more probable, if what followed was better than usual.

    For softmax the gradient of ln y_a is minus that of the cross-entropy of the action a, so it is a step of `learn`
    whose rate is eta times the advantage: what followed, discounted, against what usually did. Returns the mean steps.
    """
    y, d, states, gains = np.empty(2), np.empty(2), np.empty((LONGEST, 4)), np.empty(LONGEST)
    actions, usual, total = np.empty(LONGEST, np.int64), 10.0, 0.0
    for _ in range(rounds):
        state, steps, stands = rng.uniform(-0.05, 0.05, 4), 0, True
        while stands and steps < LONGEST:
            states[steps] = state
            predict(net, state, y)
            actions[steps] = 1 if rng.random() < y[1] else 0
            stands = moved(state, FORCE if actions[steps] else -FORCE)
            steps += 1
        gain = 1 / (1 - DISCOUNT) if stands else 0.0  # as if it went on for ever
        for step in range(steps - 1, -1, -1):
            gain = 1 + DISCOUNT * gain
            gains[step] = gain
        for step in range(steps):
            d[:] = 0
            d[actions[step]] = 1
            learn(net, states[step], d, eta * (gains[step] - usual) * (1 - DISCOUNT))
        usual += 0.05 * (gains[:steps].mean() - usual)
        total += steps / rounds
    return total


def taught(blocks=60, seed=0):
    """A network that has learnt by policy gradient: as it was after its best hundred rollouts."""
    network = fastbp.Network((4, 8, 2), "tanh", dtype="float64", seed=seed)
    net, rng, best, kept = compiled(network), np.random.default_rng(seed), 0.0, None
    for _ in range(blocks):
        steps = policy_gradient(net, 100, 0.003, rng)
        if steps > best:
            best, kept = steps, network.theta.copy()
    network.theta[:] = kept
    return network


def mean_steps(network, starts=20):
    """How long the pole stands, at most 500 steps, from other starts."""
    rng, net = np.random.default_rng(99), compiled(network)
    return float(np.mean([steps_of(net, rng.uniform(-0.05, 0.05, 4)) for _ in range(starts)]))


def main():
    """Both ways; the mean steps of each, beside those of a fresh network."""
    found = {"fresh": mean_steps(fastbp.Network((4, 8, 2), "tanh", dtype="float64"))}
    found |= {"evolved": mean_steps(evolved()), "policy gradient": mean_steps(taught())}
    for name, steps in found.items():
        print(f"{name}: the pole stands {steps:.0f} of {LONGEST} steps")
    return found


if __name__ == "__main__":
    main()
