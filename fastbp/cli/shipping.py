"""Makes the object code that a wheel brings (compiler/shipped.py): what .ci/hatch_build.py runs.

    python -m fastbp.cli.shipping FOLDER host|all|TARGET

First a process without compilation uses all that trainings and predictions use, and writes down with which types of
arguments each kernel is called. Then, for each target and dtype, another one compiles the kernels for these. `host` is
the target of this machine, and of that only what trains one network, in less than a minute.
"""

import ast
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from fastbp.compiler import marshal, targets

# What is not made for the host: kernels of many networks at once, more than half of the work, of sparse samples, of
# steps of second order, of derivatives and of streams.
LEFT_OUT = (
    "fastbp.engine.lanes", "fastbp.engine.shuffles", "fastbp.engine.tiles.sparse", "normal_equations",
    "damped_steps", "fastbp.lecture.loops.jacobians", "fastbp.engine.streams",
)  # fmt: skip
DTYPES = ("float32", "float64")


def main(arguments):
    """What a process does: write down, compile, or have both done by others."""
    if arguments[0] == "--forms":
        print(*forms_used(arguments[1]), sep="\n")
    elif arguments[0] == "--compile":
        compile_forms(targets.TARGETS[arguments[1]], map(ast.literal_eval, sys.stdin), arguments[2])
    else:
        ship(*arguments)


def ship(folder, which):
    """Fill a folder with object code for a target, for all, or for that of this machine."""
    host = targets.fitting()
    chosen = {"host": [host] if host else [], "all": targets.TARGETS.values()}
    chosen |= {target.name: [target] for target in targets.TARGETS.values()}
    if which not in chosen:
        raise ValueError(f"FASTBP_KERNELS is {which!r}: it must be {', '.join(chosen)} or none")
    left_out = LEFT_OUT if which == "host" else ()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        lines = [*pool.map(lambda dtype: _process("--forms", dtype, NUMBA_DISABLE_JIT="1").splitlines(), DTYPES)]
        forms = [[line for line in of_dtype if not any(name in line for name in left_out)] for of_dtype in lines]
        jobs = [(target, "\n".join(of_dtype)) for target in chosen[which] for of_dtype in forms]
        [*pool.map(lambda job: _process("--compile", job[0].name, folder, input=job[1]), jobs)]


def _process(*arguments, input="", **changes):
    command = [sys.executable, "-m", "fastbp.cli.shipping", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(command, input=input, env=kept | changes, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


# ---- Which kernels, for which arguments ------------------------------------------------------------------------------


def forms_used(dtype):
    """A line for each kernel and types of arguments: module, name, described arguments."""
    from fastbp.engine import entries as engine
    from fastbp.lecture import entries as lecture

    found = []

    def noting(entry):
        def call(*args):
            found.append(repr((entry.__module__, entry.__name__, *map(described, entry.compiled_for(args)))))
            return entry(*args)

        return call

    for module in (engine, lecture):
        for name, entry in [*vars(module).items()]:
            if isinstance(entry, engine.Entry):
                setattr(module, name, noting(entry))
    from fastbp.cli import cache  # now: modules take kernels from those two when they are imported

    cache.compile_all(dtype)
    return dict.fromkeys(found)


def described(argument):
    """The type of an argument in plain values."""
    if type(argument) is tuple:
        return ("tuple", *map(described, argument))
    if type(argument) is not np.ndarray:
        return (type(argument).__name__,)
    dtype, flags = argument.dtype, argument.flags
    if not flags.c_contiguous or not flags.aligned:
        raise ValueError("kernels that are shipped take arrays in C order")
    return "array", np.lib.format.dtype_to_descr(dtype), argument.ndim, flags.writeable


def example(description):
    """An argument of that type."""
    kind, *more = description
    if kind == "tuple":
        return tuple(map(example, more))
    if kind != "array":
        return {word.__name__: word for word in marshal.WORDS}[kind](1)
    descr, axes, writable = more
    array = np.zeros((1,) * axes, np.lib.format.descr_to_dtype(descr))
    return array if writable else marshal.read_only(array)


# ---- For another machine ---------------------------------------------------------------------------------------------


def compile_forms(target, forms, folder):
    """The object code of each, written into the folder."""
    from fastbp.compiler import processor

    processor.compile_for(target)
    from importlib import import_module

    from fastbp.compiler import cache, shipped, wrapper  # now: they import Numba

    for module, name, *descriptions in forms:
        args = tuple(map(example, descriptions))
        kernel, signature = f"{module}.{name}", marshal.signature_of(args, name)
        code, found = wrapper.object_of(getattr(import_module(module), name).part, args)
        file, key = shipped.file_of(kernel, signature, target, folder)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        cache.write(file, {"kernel": kernel, "signature": signature, "key": key, "meaning": ""} | found, code)
        if cache.read(file, key) is None:
            raise OSError(f"{file} could not be written")
        os.chmod(file, 0o644)  # all users of an installation read it


if __name__ == "__main__":
    main(sys.argv[1:])
