"""Each public name once, for `mypy --strict`: run by nothing but the type checker."""

from typing import Any, assert_type

import numpy as np

import fastbp
from fastbp import plots

X, labels = fastbp.load_digits()
network: fastbp.Network = fastbp.Network((64, 32, 10), activation=("relu",), output="softmax", dtype="float32", seed=1)
print(network.sizes[0] + 1, network.activations, network.theta.sum(), network.W[0].shape, network.B[0].size)


def enough(state: fastbp.TrainingState) -> bool:
    """A callback."""
    return state.loss < 0.1 and state.network.sizes[0] > 1


history = fastbp.train(
    network, X, labels, epochs=3, optimizer=fastbp.Adam(1e-3), callbacks=enough, validation_rows=range(100), patience=2
)
assert_type(history, fastbp.History)
assert_type(history.loss, list[float])
assert_type(network.evaluate(X, labels), float)
E, dW, dB = network.gradient(X, labels)
print(E + 1.0, dW[0] @ X[0], dB[0])
print(network.jacobian(X)[0] @ X[0], network.parameter_jacobian(X).shape, network.input_gradient(X, labels) + 1)
print(network.hessian_product(X, labels, dW[0].ravel(), sample_weight=[1.0]) + 1)
line = fastbp.Network((1, 3, 1), "tanh", "identity")
for rule in (
    fastbp.LevenbergMarquardt(goal=1e-3), fastbp.BayesianRegularization(damping=0.01), fastbp.Rprop(etas=(0.5, 1.1)),
    fastbp.LBFGS(20, max_fun=100),
):  # fmt: skip
    print(fastbp.train(line, [[0.0], [1.0]], [0.0, 1.0], optimizer=rule).effective_parameters[-1:])
net: fastbp.CompiledNetwork = fastbp.compiled(network)
print(net.theta + 1, fastbp.to_casadi(network, name="f"))
stream = fastbp.OnlineClassifier((8,), optimizer="adam", seed=1)
stream.learn_one({"a": 1.0}, "yes", 2.0)
assert_type(stream.predict_proba_one({"a": 1.0}), dict[Any, float])
print(stream.predict_one({"a": 2.0}), stream.classes, stream.clone({"l2": 0.1}).feature_names)
assert_type(fastbp.OnlineRegressor(standardize=False).predict_one({"a": 1.0}), float)
trace: fastbp.Trace = fastbp.trace(network, X[0], labels[0], learning_rate=0.5)
print(trace.E, trace.layers[0].delta, [f"{step.slide} {step}" for step in trace.steps()], trace.check().ok)
fastbp.train(network, X, labels, label_smoothing=0.1)
fastbp.train(network, blocks=lambda: [(X, labels), (X, labels)], validation_data=(X, labels))
network.save("network.safetensors")

rules: list[fastbp.Optimizer] = [
    fastbp.SGD(fastbp.StepDecay(0.1, every=100), momentum=0.9, nesterov=True), fastbp.RMSprop(decay=0.9),
    fastbp.Adam(fastbp.LogCosine(0.04, cycles=4)),
    fastbp.AdamW(fastbp.WarmUp(10, then=fastbp.CosineDecay(0.001, steps=100)), weight_decay=0.1),
    fastbp.SGD(fastbp.Constant(0.1)), fastbp.SGD(fastbp.OneCycle(0.1)), fastbp.SGD(fastbp.InverseScaling(0.1)),
]  # fmt: skip
schedule: fastbp.Schedule = fastbp.Constant(0.1)
print(rules[0].moments, schedule.rates([0, 1], total=2)[0])

networks = [fastbp.Network((64, 10), seed=seed) for seed in range(len(rules))]
many = fastbp.train_many(networks, X, labels, optimizer=rules, epochs=[1, 2, 3, 1, 2, 3], label_smoothing=0.1)
fastbp.train_many(networks, X, labels, progress=True)
assert_type(many, fastbp.ManyHistory)
assert_type(many.history(0), fastbp.History)

try:
    result = fastbp.train_table("data.csv", "target", hidden_layer_sizes=(8,), task="classification", drop=["id"], cv=5)
    assert_type(result, fastbp.TableResult)
    fastbp.train_table("data.csv", "price", scaling="robust", target_transform="auto", clamp_output=True)
    model: fastbp.TableModel = result.model
    print(result.leaks, result.cv and result.cv.mean["accuracy"], model.evaluate("new.csv").trained)
    print(result.test.accuracy, model.predict_proba({"x": [1.0]}), model.predict("new.csv"))
except (fastbp.TableError, fastbp.ModelFileError, fastbp.CheckpointError) as problem:
    print(problem)
except fastbp.Diverged as diverged:
    print(diverged.epoch + 1, diverged.history.loss[-1], diverged.optimizer.learning_rate)

loaded = fastbp.load("network.safetensors")
fastbp.to_onnx(network, "network.onnx")
fastbp.to_c(network, "network.c", name="answer", jacobian=True)
module = fastbp.to_torch(network)
assert_type(fastbp.from_torch(module, loss="cross_entropy"), fastbp.Network)

classifier = fastbp.MLPClassifier((32, 16), solver="adamw", callbacks=[enough], n_jobs=-1, label_smoothing=0.1).fit(
    X, labels
)
assert_type(classifier, fastbp.MLPClassifier)
assert_type(classifier.score(X, labels), float)
print(classifier.predict_proba(X).argmax(axis=1), classifier.coefs_[0].shape, fastbp.to_sklearn(classifier))
fastbp.MLPClassifier(rate_factors=[[0.0, 0.0], [1.0, 0.1]], diagonal=6.0).partial_fit(X, labels, classes=[0, 1, 2])
fastbp.MLPRegressor().partial_fit(blocks=lambda: [(X, labels)])
regressor = fastbp.MLPRegressor("quantile", quantile=0.9, early_stopping=True).fit(X, labels, X_val=X, y_val=labels)
print(regressor.predict(X), fastbp.from_sklearn(fastbp.to_sklearn(regressor)))
ensemble = fastbp.EnsembleClassifier(classifier, 20, bootstrap=True, oob_score=True).fit(X, labels)
print(ensemble.oob_score_ + 1, ensemble.estimators_[0].n_iter_)
fastbp.to_onnx(ensemble, "ensemble.onnx", sample=X[:9])
spread = fastbp.EnsembleRegressor(fastbp.MLPRegressor(), 5).fit(X, labels).predict(X, return_std=True)
search = fastbp.GridSearch(fastbp.MLPClassifier(), {"alpha": [1e-4, 1e-3]}, cv=3, halving=True).fit(X, labels)
print(search.best_params_["alpha"], search.best_score_ + 1)
fastbp.to_onnx(search, "search.onnx")
print(fastbp.RandomSearch(regressor, {"alpha": np.logspace(-5, -1)}, n_iter=5, time_limit=10).fit(X, labels).predict(X))

plots.loss(history, log=True)
plots.network(network, trace=trace)
plots.weights(network, shape=(8, 8), units=[0, 1])
plots.confusion(labels, classifier.predict(X), names=list("0123456789"), normalize=True)
plots.decision_regions(classifier, X[:, :2], labels, resolution=50)
plots.ensemble_spread(ensemble, X)
