"""Activations by number: Numba can neither cache nor quickly call a function that is passed as an argument."""

IDENTITY, SIGMOID, RELU, SOFTMAX = range(4)
HIDDEN = {"identity": IDENTITY, "sigmoid": SIGMOID, "relu": RELU}
OUTPUT = {"identity": IDENTITY, "sigmoid": SIGMOID, "softmax": SOFTMAX}
