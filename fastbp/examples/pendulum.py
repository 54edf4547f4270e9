"""A network learns how a pendulum accelerates, and is the right-hand side of a differential equation in compiled code.

The state is angle and speed. The network is trained by Levenberg and Marquardt's steps on 300 states, then a method of
Runge and Kutta calls it four times a step.
"""

import numba
import numpy as np

import fastbp
from fastbp.njit import compiled, predict

DAMPING, STEP = 0.1, 0.02


def acceleration(angle, speed):
    """Of the real pendulum."""
    return -np.sin(angle) - DAMPING * speed


@numba.njit
def slope(net, state, out, change):
    """The derivative of the state by the network."""
    predict(net, state, out)
    change[0], change[1] = state[1], out[0]


@numba.njit
def simulate(net, state, path):
    """Runge and Kutta's fourth order: path (steps, 2) receives the states after each step."""
    out, moved = np.empty(1), np.empty(2)
    k1, k2, k3, k4 = np.empty(2), np.empty(2), np.empty(2), np.empty(2)
    for step in range(path.shape[0]):
        slope(net, state, out, k1)
        moved[:] = state + STEP / 2 * k1
        slope(net, moved, out, k2)
        moved[:] = state + STEP / 2 * k2
        slope(net, moved, out, k3)
        moved[:] = state + STEP * k3
        slope(net, moved, out, k4)
        state[:] = state + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        path[step] = state


def real_path(state, steps):
    """The same of the real pendulum, by smaller steps of Euler's method in the middle."""
    angle, speed, path = *state, np.empty((steps, 2))
    for step in range(steps):
        for _ in range(20):
            h = STEP / 20
            half_angle, half_speed = angle + h / 2 * speed, speed + h / 2 * acceleration(angle, speed)
            angle, speed = angle + h * half_speed, speed + h * acceleration(half_angle, half_speed)
        path[step] = angle, speed
    return path


def main(steps=500):
    """Train and simulate; the largest distance of the angles, in radians."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.5, 2.5, (300, 2))
    network = fastbp.Network((2, 16, 1), "tanh", "identity", "float64", seed=1)
    history = fastbp.train(network, X, acceleration(*X.T), epochs=100, optimizer=fastbp.LevenbergMarquardt())
    path = np.empty((steps, 2))
    simulate(compiled(network), np.array([2.0, 0.0]), path)
    apart = np.abs(path - real_path((2.0, 0.0), steps))[:, 0].max()
    print(f"loss {history.loss[-1]:.1e} after {len(history.loss)} steps of training")
    print(f"after {steps * STEP:g} seconds the angle was never off by more than {apart:.1e} radians")
    return apart


if __name__ == "__main__":
    main()
