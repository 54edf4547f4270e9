"""Trainings come to the bits that they came to before: `bits.json` has a digest of each.

Bits depend on the processor for which the kernels are compiled and on the compiler, so the file has them by both; the
two processors of CI's other runs (`haswell` and `generic`) are there for any machine. A change that means to change
bits makes the file anew: python -m tests.test_bits
"""

import hashlib
import json
import tempfile
import warnings
from pathlib import Path

import numba
import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_name

import fastbp
from fastbp.engine.simd.shapes import VECTOR_BYTES
from tests.cases import UNCOMPILED

KNOWN = Path(__file__).with_name("bits.json")
KIND = f"{numba.config.CPU_NAME or get_host_cpu_name()}, {VECTOR_BYTES} bytes, numba {numba.__version__}"


def digest(*arrays):
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:20]


def digits(n=300):
    X, labels = fastbp.load_digits()
    return X[:n], np.eye(10)[labels[:n]], labels[:n]


def waves(n, inputs, outputs):
    """Samples between -1 and 1 that are the same on every machine."""
    X = (np.arange(n * inputs) * 7919 % 1000 / 500 - 1).reshape(n, inputs)
    return X, np.abs(X[:, :1] * np.arange(1, outputs + 1) % 2 - 1)


def trained(sizes, X, D, hidden="relu", output="softmax", dtype="float32", network=None, **how):
    network = fastbp.Network(sizes, hidden, output, dtype=dtype, seed=3, **(network or {}))
    history = fastbp.train(network, X, D, **{"epochs": 3, **how})
    return digest(network.theta, history.loss, history.validation_loss)


def tiles():
    X, D, _ = digits()
    return trained((64, 32, 10), X, D, optimizer=fastbp.SGD(0.2))


def loops_of_the_lecture():
    X, D = waves(50, 4, 2)
    return trained((4, 8, 2), X, D, output="identity", batch_size=1, optimizer=fastbp.SGD(0.01))


def all_options():
    X, D, _ = digits()
    how = {"l1": 1e-4, "l2": 1e-3, "clip_norm": 0.5, "max_norm": 1.5, "dropout": 0.2}
    weight = np.linspace(0, 2, len(X))
    return trained((64, 40, 33, 10), X, D, "tanh", optimizer=fastbp.Adam(0.01), sample_weight=weight, **how)


def patience():
    X, D, _ = digits()
    rule = fastbp.SGD(0.1, momentum=0.9, nesterov=True)
    how = {"epochs": 30, "rows": range(200), "validation_rows": range(200, 300), "patience": 2, "min_delta": 0.01}
    return trained((64, 20, 10), X, D, "sigmoid", optimizer=rule, **how)


def huber():
    X, D = waves(200, 7, 3)
    network = {"loss": "huber", "huber_delta": 0.3}
    return trained((7, 33, 3), X, D, "gelu", "identity", "float64", network, optimizer=fastbp.RMSprop(0.001))


def quantile():
    X, D = waves(200, 7, 1)
    network = {"loss": "quantile", "quantile": 0.8}
    return trained((7, 16, 9, 1), X, D, ("silu", "elu"), "identity", network=network, optimizer=fastbp.AdamW(0.01))


def poisson():
    X, D = waves(200, 5, 2)
    rule = fastbp.SGD(fastbp.StepDecay(0.1, every=9), momentum=0.5)
    return trained((5, 17, 2), X, np.abs(np.rint(3 * D)), "softplus", "exponential", optimizer=rule, shuffle=False)


def chunks_of_a_large_mini_batch():
    X, D = waves(1500, 50, 3)
    return trained((50, 70, 3), X, D, "leaky_relu", "identity", "float64", batch_size=700, optimizer=fastbp.SGD(0.01))


def many_networks():
    X, D, _ = digits(120)
    networks = [fastbp.Network((64, 4 + i % 5, 10), ("relu", "tanh")[i % 2], seed=i) for i in range(37)]
    rates = [fastbp.Adam(0.001 * (1 + i)) for i in range(37)]
    rows = [np.arange(i, 120, 1 + i % 3) for i in range(37)]
    done = fastbp.train_many(
        networks, X, D, epochs=4, batch_size=16, optimizer=rates, rows=rows, patience=2, dropout=0.1
    )
    return digest(*(network.theta for network in networks), done.loss)


def classifier():
    X, _, y = digits()
    model = fastbp.MLPClassifier((30,), early_stopping=True, max_iter=8, dtype="float32", random_state=1).fit(X, y)
    return digest(*model.coefs_, *model.intercepts_)


def regressor():
    X, D = waves(200, 6, 1)
    how = {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 1, "max_iter": 12}
    model = fastbp.MLPRegressor(hidden_layer_sizes=(20,), activation="tanh", random_state=1, **how)
    model.fit(X, D.ravel())
    return digest(*model.coefs_, *model.intercepts_)


def ensemble():
    X, _, y = digits()
    model = fastbp.EnsembleClassifier(
        fastbp.MLPClassifier((8,), max_iter=5), 12, bootstrap=True, oob_score=True, random_state=0
    ).fit(X, y)
    return digest(*(array for one in model.estimators_ for array in one.coefs_), model.oob_decision_function_)


def search():
    X, _, y = digits()
    grid = {"alpha": [1e-4, 1.0], "learning_rate_init": [0.001, 0.02]}
    found = fastbp.GridSearch(fastbp.MLPClassifier((8,), max_iter=5, random_state=0), grid, cv=3).fit(X, y)
    return digest(found.cv_results_["mean_test_score"], *found.best_estimator_.coefs_)


def table():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        lines = [f"{i * 37 % 100},{'abc'[i % 3]},{i * 37 % 100 * (i % 3)}" for i in range(400)]
        path.write_text("\n".join(["x,kind,y", *lines]))
        result = fastbp.train_table(path, "y", hidden_layer_sizes=(9,), epochs=6, seed=5)
    return digest(result.model.network.theta, result.history.loss, result.history.validation_loss)


TRAININGS = (
    tiles, loops_of_the_lecture, all_options, patience, huber, quantile, poisson, chunks_of_a_large_mini_batch,
    many_networks, classifier, regressor, ensemble, search, table,
)  # fmt: skip
OF_THIS_KIND = json.loads(KNOWN.read_text()).get(KIND) if KNOWN.exists() else None


@pytest.mark.skipif(UNCOMPILED, reason="the interpreter has bits of its own")
@pytest.mark.skipif(OF_THIS_KIND is None, reason=f"bits.json knows no {KIND}")
@pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.__name__)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:.* left out by no network")
def test_bits_are_those_of_before(training):
    assert training() == OF_THIS_KIND[training.__name__]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    known[KIND] = {training.__name__: training() for training in TRAININGS}
    KNOWN.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    print(f"{KIND}: {len(TRAININGS)} trainings")
