"""Where the numbers of a trace come from: their slides, or who wrote of them where the lecture does not."""

OF_ACTIVATION = {
    "identity": ("5, 32", "32"),
    "sigmoid": ("5, 35", "35"),
    "relu": ("5, 36", "36"),
    "softmax": ("6, 33", "33"),
    "tanh": ("LeCun et al. 1998",) * 2,
    "leaky_relu": ("Maas et al. 2013",) * 2,
    "elu": ("Clevert et al. 2016",) * 2,
    "selu": ("Klambauer et al. 2017",) * 2,
    "softplus": ("Dugas et al. 2001",) * 2,
    "silu": ("Elfwing et al. 2018",) * 2,
    "gelu": ("Hendrycks and Gimpel 2016",) * 2,
    "mish": ("Misra 2020",) * 2,
    "exponential": ("Nelder and Wedderburn 1972",) * 2,
}  # y = h(u), and h'(u)
OF_LOSS = {
    "squared_error": ("9, 32", "31, 32", "32"),
    "cross_entropy": ("9, 33", "31, 33", "33"),
    "binary_cross_entropy": ("9, 33", "31, 33", "33"),
    "huber": ("Huber 1964",) * 3,
    "poisson": ("Nelder and Wedderburn 1972",) * 3,
    "quantile": ("Koenker and Bassett 1978",) * 3,
}  # E, dE/dy, and delta in short


def of_layer(activation, loss):
    """{letter: slides} of a hidden layer, or with a loss of the output layer."""
    y, dh = OF_ACTIVATION[activation]
    slides = {"W": "4, 11", "B": "4, 11", "y": y, "dh": dh, "W_after": "12", "B_after": "12"}
    if loss is None:
        delta = {"sigmoid": "34, 35", "relu": "34, 36"}.get(activation, "34")
        return slides | {"x": "7", "u": "7", "dy": "25", "delta": delta, "dW": "26, 27", "dB": "28, 29"}
    _, dy, delta = OF_LOSS[loss]
    slides |= {"x": "8", "u": "8", "dy": dy, "delta": delta, "dW": "21, 22", "dB": "23, 24"}
    return slides | {"jacobian": dh, "delta_general": "31"}


def of_sample(loss):
    """{letter: slides} of x, d and E."""
    return {"x": "1, 3", "d": "37", "E": OF_LOSS[loss][0]}
