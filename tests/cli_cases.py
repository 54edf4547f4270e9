"""A folder with tables and a model, and commands that run there, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import fastbp
from fastbp.compiler import notice

COMPILES = f"{notice.MESSAGE}\n"  # where kernels are new
RUN = [sys.executable, "-m", "fastbp"]
QUICK = ["--hidden-layer-sizes", "4", "--epochs", "3"]
FRUIT = "size,colour,id,kind\n" + "".join(
    f"{(9 if i % 2 else 1.5) + 0.01 * (i % 7)},{'red' if i % 3 else ''},{i},{('cherry', 'apple')[i % 2]}\n"
    for i in range(60)
)
NEW = "size,colour\n1.5,red\n9,red\n,\n"


def filled(folder):
    """The folder, with tables and a model."""
    (folder / "fruit.csv").write_text(FRUIT)
    (folder / "new.csv").write_text(NEW)
    assert run(folder, "train", "fruit.csv", "--target", "kind", "--drop", "id", "--out", "model.safetensors", *QUICK)
    return folder


def run(folder, *arguments, code=0, stdin=None, **environment):
    """Runs a command in a process of its own; its standard output and error, but for the word about a compilation."""
    done = subprocess.run(
        [*RUN, *arguments], cwd=folder, input=stdin, capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(Path(fastbp.__file__).parent.parent), **environment},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr.replace(COMPILES, "")


def fails(folder, *arguments, code=1, **how):
    """The one line on standard error of a command that fails, and prints nothing else."""
    before = sorted(path.name for path in folder.iterdir())
    out, err = run(folder, *arguments, code=code, **how)
    assert out == ""
    assert sorted(path.name for path in folder.iterdir()) == before
    return err
