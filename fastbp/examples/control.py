"""Model predictive control: a network has learnt how a cart moves, and forces are chosen by its derivatives.

In each step of 0.1 s the forces of the next 20 are improved by gradient descent through the network, whose `jacobian`
gives how the next state depends on state and force; the first of them is applied. All of it is compiled.
"""

import numba
import numpy as np

import fastbp
from fastbp.njit import compiled, jacobian, predict

HORIZON, SWEEPS, SECONDS, FRICTION = 20, 30, 0.1, 0.5
PRICE = 0.01  # of a force, squared, beside the square of the distance


def really(state, force):
    """The next state, place and speed, of the real cart, whose friction grows with the speed."""
    place, speed = state[..., 0], state[..., 1]
    change = force - FRICTION * speed * np.abs(speed)
    return np.stack([place + SECONDS * speed, speed + SECONDS * change], axis=-1)


@numba.njit
def plan(net, state, goal, forces, eta):
    """Improve the forces (HORIZON): forward through the model, then the cost's derivatives backward (slide 25)."""
    x, J, y = np.empty(3), np.empty((HORIZON, 2, 3)), np.empty(2)
    states, back = np.empty((HORIZON + 1, 2)), np.empty(2)
    for _ in range(SWEEPS):
        states[0] = state
        for t in range(HORIZON):
            x[0], x[1], x[2] = states[t, 0], states[t, 1], forces[t]
            predict(net, x, y)
            jacobian(net, x, J[t])
            states[t + 1] = states[t] + y
        back[:] = 0.0
        for t in range(HORIZON - 1, -1, -1):
            back[0] += states[t + 1, 0] - goal
            force = J[t, 0, 2] * back[0] + J[t, 1, 2] * back[1]
            place = back[0] + J[t, 0, 0] * back[0] + J[t, 1, 0] * back[1]
            speed = back[1] + J[t, 0, 1] * back[0] + J[t, 1, 1] * back[1]
            back[0], back[1] = place, speed
            forces[t] = min(max(forces[t] - eta * (force + PRICE * forces[t]), -2.0), 2.0)


def main(steps=60):
    """Learn the cart, then drive it from 0 to 1; how far from there it is after each step."""
    rng = np.random.default_rng(0)
    X = rng.uniform([-2, -2, -2], [2, 2, 2], (500, 3))
    D = really(X[:, :2], X[:, 2]) - X[:, :2]
    network = fastbp.Network((3, 12, 2), "tanh", "identity", "float64", seed=1)
    fastbp.train(network, X, D, epochs=60, optimizer=fastbp.LevenbergMarquardt())
    state, forces, apart = np.zeros(2), np.zeros(HORIZON), []
    for _ in range(steps):
        plan(compiled(network), state, 1.0, forces, 1.0)
        state = really(state, forces[0])
        forces = np.append(forces[1:], 0.0)
        apart.append(abs(state[0] - 1.0))
    print(f"from 1 m away the cart is {apart[19]:.3f} m away after 2 seconds, {apart[-1]:.4f} m after {steps / 10:g}")
    return apart


if __name__ == "__main__":
    main()
