"""An installed wheel trains everything without a compiler, to the bits of what is compiled on the spot."""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from fastbp.compiler import targets

# Trains and predicts in all ways in a dtype, and prints a digest of all that came of it.
PROGRAM = """
import hashlib, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, fastbp
digest = hashlib.sha256()
X, labels = fastbp.load_digits()
dtype = np.dtype(sys.argv[1])
x, d = X[:170].astype(dtype), np.eye(10, dtype=dtype)[labels[:170]]
x.flags.writeable = dtype == np.float32
how = dict(epochs=2, rows=range(10, 170), validation_rows=range(10), optimizer=fastbp.Adam())
wide = [fastbp.Network((64, 64, 10), dtype=dtype, seed=seed) for seed in range(2)]
names = ("tanh", "gelu", *["tanh"] * 4)
networks = [fastbp.Network((64, 8, 10), name, dtype=dtype, seed=seed) for seed, name in enumerate(names)]
fastbp.train(networks[0], x, d, version="loops", **how)
fastbp.train(networks[1], x, d, version="tiles", threads=2, **how)
for network, batch_size in zip(wide, (3, 9)):  # few samples; units along the vectors
    fastbp.train(network, x, d, batch_size=batch_size, **how)
for batch_size, some in ((1, networks[2:4]), (16, networks[4:])):
    fastbp.train_many(some, x, d, batch_size=batch_size, patience=2, **how)
for network in networks + wide:
    found = network.theta, network.predict(x[:1]), network.predict(x), *network.gradient(x, d)[1]
    for array in (*found, np.float64(network.evaluate(x, d))):
        digest.update(np.asarray(array).tobytes())
print(digest.hexdigest(), "numba" in sys.modules, "llvmlite.binding" in sys.modules)
"""


def run(dtype, **changes):
    """What the program prints, with an empty cache of kernels."""
    with tempfile.TemporaryDirectory() as folder:
        changes["NUMBA_CACHE_DIR"] = folder
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, dtype], env=os.environ | changes, stdout=-1, text=True, check=True
        )
        return done.stdout.split()


def compare(dtype):
    """What was shipped and what is compiled give the same bits, and only the latter needs Numba."""
    target = targets.fitting()
    from_wheel = run(dtype)
    on_the_spot = run(dtype, NUMBA_CPU_NAME=target.cpu, NUMBA_CPU_FEATURES=target.features)
    print(f"{target.name}, {dtype}: from the wheel {from_wheel}, compiled on the spot {on_the_spot}")
    assert from_wheel[:2] == [on_the_spot[0], "False"]
    assert on_the_spot[1] == "True"


def main():
    if targets.fitting() is None:
        print("no object code of the wheel is for this processor")
        return
    with ThreadPoolExecutor() as pool:
        [*pool.map(compare, ("float32", "float64"))]


if __name__ == "__main__":
    main()
