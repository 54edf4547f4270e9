"""Choices by number: Numba can neither cache nor quickly call a function that is passed as an argument."""

# Activations.
IDENTITY, SIGMOID, RELU, SOFTMAX, TANH, LEAKY_RELU, ELU, SOFTPLUS, SILU, GELU, EXPONENTIAL, SELU, MISH = range(13)
HIDDEN = {
    "identity": IDENTITY,
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "relu": RELU,
    "leaky_relu": LEAKY_RELU,
    "elu": ELU,
    "selu": SELU,
    "softplus": SOFTPLUS,
    "silu": SILU,
    "gelu": GELU,
    "mish": MISH,
}
OUTPUT = {"identity": IDENTITY, "sigmoid": SIGMOID, "softmax": SOFTMAX, "exponential": EXPONENTIAL}

# Errors, and which of them go with an output activation; the first is the usual one.
SQUARED, CROSS_ENTROPY, BINARY_CROSS_ENTROPY, HUBER, POISSON, QUANTILE = range(6)
ERROR = {
    "squared_error": SQUARED,
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "huber": HUBER,
    "poisson": POISSON,
    "quantile": QUANTILE,
}
ERRORS_OF = {
    "identity": ("squared_error", "huber", "quantile"),
    "sigmoid": ("binary_cross_entropy",),
    "softmax": ("cross_entropy",),
    "exponential": ("poisson",),
}

# Update rules, and what the vector `settings` of an epoch holds.
SGD, MOMENTUM, NESTEROV, ADAM, ADAMW, RMSPROP, RPROP, NO_STEP = range(8)
RULES = {
    "sgd": SGD,
    "momentum": MOMENTUM,
    "nesterov": NESTEROV,
    "adam": ADAM,
    "adamw": ADAMW,
    "rmsprop": RMSPROP,
    "rprop": RPROP,
}
RULE, FIRST_DECAY, SECOND_DECAY, EPSILON, WEIGHT_DECAY, L1, L2, MAX_NORM, CLIP_NORM, DROPOUT, SEED = range(11)
PER_SAMPLE, EPSILON_HAT = range(11, 13)  # penalties are divided by the mini-batch's weight; what Adam's epsilon means
SETTINGS = 13
SHRINKING, GROWING, LEAST_SIZE, LARGEST_SIZE = FIRST_DECAY, SECOND_DECAY, EPSILON, WEIGHT_DECAY  # what Rprop has there

# The columns of `report`, in which an epoch notes of each mini-batch: its mean error, the penalty on the weights before
# its step, and what its samples weigh together.
MEAN_ERROR, PENALTY, WEIGHT, REPORTED = range(4)

# Of a stream: the largest number that a sample may have, so that squares of sums have room; what a step returns, having
# done nothing, where a number is larger, or none.
LARGEST, REFUSED = 1e100, -1.0
