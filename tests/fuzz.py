"""python -m tests.fuzz --mutants N: reads N damaged model files. Each must be refused by a ModelFileError, or be read.

Nothing may be imported, compiled or opened besides the file while it is read: an audit hook watches. Runs in a process
of its own, because a hook stays, and because a crash of the interpreter must be seen from outside (test_files_fuzz.py).
"""

import argparse
import contextlib
import copy
import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import fastbp
from fastbp.files import safetensors

FORBIDDEN = {
    "import", "exec", "compile", "pickle.find_class", "os.system", "subprocess.Popen", "socket.connect", "os.rename",
    "os.remove", "os.mkdir", "ctypes.dlopen",
}  # fmt: skip
SPECIAL = [
    None, True, "", "relu", "none", "nan", "inf", "-1", "1e999", "[]", "[relu]", "network", "table", "classifier",
    -1, 0, 1, 2, 8, 2**31, 2**63, 10**19, [], [0], [1, 2], [2**40, 2**40], {}, {"dtype": "F64"}, "F32", "F64", "U8",
    '{"rule": "sgd"}', '{"pairs": [[1, 2]]}', '{"number": "nan"}', '{"MT19937": [0, 0, 0]}', "[[[[[]]]]]", "\ud800",
    "\x00",
]  # fmt: skip
SECONDS, MEMORY = 2.0, 1e8  # that a mutant may take, and all of them together
LENGTHS = (0, 1, 7, 10**6, 10**6 + 1, 2**63, 2**64 - 1)  # of a header


def models(folder):
    """A small file of each kind, and what to do with it once it is read."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), np.array(list("aab") * 10)
    made = {"network": fastbp.Network((3, 4, 2), activation=("tanh",), seed=1)}
    made["huber"] = fastbp.Network((3, 2), output="identity", loss="huber", huber_delta=0.5)
    checkpointed = fastbp.Network((3, 2, 2), dtype="float64")
    path = Path(folder, "checkpoint")
    fastbp.train(checkpointed, X, np.eye(2)[[0, 1, 1] * 10], epochs=2, version="matrix", checkpoint=path)
    files = [path.read_bytes()]
    try:
        from fastbp.estimators import EnsembleClassifier, EnsembleRegressor, MLPClassifier, MLPRegressor
    except ImportError:
        pass
    else:
        quick = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
        generator = np.random.RandomState(1)
        made["classifier"] = MLPClassifier(**quick, solver=fastbp.RMSprop(0.01), class_weight={"a": 2.0}).fit(X, y)
        made["regressor"] = MLPRegressor(**quick | {"random_state": generator}).fit(X, X[:, 0])
        made["ensemble"] = EnsembleRegressor(MLPRegressor(**quick), 3, bootstrap=True, oob_score=True).fit(X, X[:, 0])
        made["classes"] = EnsembleClassifier(MLPClassifier(**quick), 2).fit(X, np.array([3, 5, 7] * 10, np.uint8))
        made["several"] = MLPClassifier(**quick).fit(X, np.eye(3, dtype=int)[[0, 1, 2] * 10])
    made["table"] = table_model(folder, "kind")
    made["number"] = table_model(folder, "size", scaling="robust", target_transform="log", clamp_output=True)
    made["online classes"] = fastbp.OnlineClassifier((3,))
    made["online numbers"] = fastbp.OnlineRegressor((3, 2), "tanh")
    for i in range(3):
        made["online classes"].learn_one({"a": i, "b": -i}, "pqr"[i])
        made["online numbers"].learn_one({"a": i, "b": -i}, i / 2)
    for model in made.values():
        model.save(path)
        files.append(path.read_bytes())
    return files


def table_model(folder, target, **options):
    """A model of a table with numbers, texts and missing values."""
    path = Path(folder, "table.csv")
    path.write_text("size,weight,colour,id,kind\n" + "1,7,red,1,a\n2,5,,1,b\n3.5,,blue,1,a\n,9,red,1,b\n" * 5)
    return fastbp.train_table(path, target, hidden_layer_sizes=(3,), epochs=1, **options).model


def mutant(rng, files):
    """A damaged file: its bytes or its header have changed."""
    data = bytearray(files[rng.integers(len(files))])
    of_header = rng.random() < 0.7
    if of_header:
        data = changed_header(rng, data)
    for _ in range(0 if of_header and rng.random() < 0.8 else rng.integers(1, 3)):
        data = changed_bytes(rng, data)
    return bytes(data)


def changed_bytes(rng, data):
    at, length = (int(rng.integers(0, len(data) + 1)) for _ in range(2))
    kind = rng.integers(6)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + rng.bytes(int(rng.integers(1, 9))) + data[at:]
    if kind == 2:
        return data[:at] + data[at + length % 9 :]
    if kind == 3:
        return data[:at] + data[at // 2 :]
    if kind == 4 and len(data) >= 8:
        data[:8] = LENGTHS[rng.integers(len(LENGTHS))].to_bytes(8, "little")
        return data
    for _ in range(int(rng.integers(1, 4)) if data else 0):
        data[rng.integers(len(data))] = rng.integers(256)
    return data


def special(rng):
    return copy.deepcopy(SPECIAL[rng.integers(len(SPECIAL))])


def changed_header(rng, data):
    """JSON that is well formed, but says something else; the digest, which would tell, is taken out."""
    length = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    strings = header[safetensors.STRINGS]
    del strings[safetensors.DIGEST]
    for _ in range(int(rng.integers(1, 3))):
        group = strings if rng.random() < 0.6 else header
        names = [*group]
        name = names[rng.integers(len(names))]
        kind = rng.integers(5)
        if kind == 0:
            del group[name]
        elif kind == 1:
            group[str(special(rng))] = copy.deepcopy(group[name])
        elif kind == 2 and isinstance(group[name], dict) and group[name] is not strings:
            key = ["dtype", "shape", "data_offsets"][rng.integers(3)]
            group[name][key] = special(rng)
        elif kind == 3:
            other = names[rng.integers(len(names))]
            group[name], group[other] = group[other], group[name]
        else:
            group[name] = special(rng)
        if group is header and not isinstance(header.get(safetensors.STRINGS), dict):
            break
    text = json.dumps(header).encode()
    return bytearray(len(text).to_bytes(8, "little") + text + rest)


def use(model):
    """What was read can be used."""
    if isinstance(model, fastbp.Network):
        model.predict(np.zeros((2, model.sizes[0])))
    elif hasattr(model, "n_features_in_"):
        model.predict(np.zeros((2, model.n_features_in_)))
    elif hasattr(model, "learn_one"):
        sample = dict.fromkeys(model.feature_names, 1.0)
        with contextlib.suppress(FloatingPointError):  # other weights may be anything
            model.predict_one(sample)
            model.learn_one(sample | {"another one": 2.0}, model.classes[0] if hasattr(model, "classes") else 1.0)
            model.predict_one(sample)
    else:
        names = [column.name for column in model.encoding.inputs if column.width]
        model.predict({name: [None, None] for name in names})


def peak_memory():
    """The most memory that the process has had resident, in bytes; 0 where nobody tells."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Watch:
    """The audit hook: what happens while a file is read."""

    def __init__(self, path):
        self.path, self.on, self.seen = os.fspath(path), False, []
        sys.addaudithook(self)

    def __call__(self, event, arguments):
        if self.on and (event in FORBIDDEN or (event == "open" and arguments[0] != self.path)):
            self.seen.append((event, arguments))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split(":", 1)[0])
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng, refused, read = np.random.default_rng(options.seed), 0, 0
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            files = models(folder)
        path = Path(folder, "mutant")
        for data in files:  # everything is imported now
            path.write_bytes(data)
            use(fastbp.load(path))
        watch, memory = Watch(path), peak_memory()
        for number in range(options.mutants):
            data = mutant(rng, files)
            path.write_bytes(data)
            begin = time.process_time()
            try:
                watch.on = True
                model = fastbp.load(path)
                watch.on = False
                read += 1
                if read % 10 == 0:
                    use(model)
            except fastbp.ModelFileError as problem:
                watch.on = False
                refused += 1
                if not str(problem).startswith(f"{path}: "):
                    raise AssertionError("an error must name the file") from problem
            except BaseException:
                kept = Path(tempfile.gettempdir(), "mutant.safetensors")
                kept.write_bytes(data)
                print(f"mutant {number} is kept in {kept}", file=sys.stderr)
                raise
            assert not watch.seen, watch.seen
            assert time.process_time() - begin < SECONDS, f"mutant {number} takes too long"
        assert peak_memory() - memory < MEMORY, "some mutant takes too much memory"
    print(f"{refused} refused, {read} read")


if __name__ == "__main__":
    main()
