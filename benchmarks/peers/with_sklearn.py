"""scikit-learn: its MLPClassifier and MLPRegressor, an epoch by `partial_fit`, from our start."""

import math

from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer

from benchmarks.peers.problem import Trainer

HIDDEN = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}


class SameEpsilon(AdamOptimizer):
    """Adam whose epsilon stands where the paper's Algorithm 1 has it, outside the correction of the bias.

    For the check only: scikit-learn has the shorter form from the end of the paper's section 2, whose epsilon means
    something else in the first steps.
    """

    epsilon = property(
        lambda self: 1e-8 * math.sqrt(1 - self.beta_2**self.t) if self.t else 1e-8, lambda self, value: None
    )


def prepare(problem, cores):
    """How many threads BLAS has was said in the environment of this process."""
    row, start = problem.row, problem.start()
    regression = row.output == "identity"
    model = (MLPRegressor if regression else MLPClassifier)(
        hidden_layer_sizes=row.sizes[1:-1],
        activation=HIDDEN[row.activation],
        solver=row.rule.lower(),
        alpha=0,
        batch_size=row.batch,
        learning_rate_init=row.rate,
        momentum=0,
        nesterovs_momentum=False,
        shuffle=False,
    )
    y = problem.D if regression else problem.labels
    if regression and row.sizes[-1] == 1:
        y = y.ravel()
    classes = {} if regression else {"classes": range(row.sizes[-1])}
    model.partial_fit(problem.X[: row.batch], y[: row.batch], **classes)

    def reset():
        for coefs, intercepts, (w, b) in zip(model.coefs_, model.intercepts_, start, strict=True):
            coefs[...], intercepts[...] = w.T, b
        model.__dict__.pop("_optimizer", None)  # the next epoch makes a fresh one
        if problem.check and row.rule == "Adam":
            model._optimizer = SameEpsilon(model.coefs_ + model.intercepts_, row.rate)

    def run(epochs):
        for _ in range(epochs):
            model.partial_fit(problem.X, y)

    def parameters():
        pairs = zip(model.coefs_, model.intercepts_, strict=True)
        return [array.copy() for coefs, intercepts in pairs for array in (coefs.T, intercepts)]

    reset()
    return Trainer(reset, run, parameters)
