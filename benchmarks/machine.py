"""What a table was measured on, and whether the rivals could be there as fast as they are."""

import contextlib
import functools
import importlib.util
import platform
import time
from importlib import metadata
from pathlib import Path

from benchmarks.process import Process, all_cores

# OpenBLAS's names of the kernels that are made for processors with these instructions, best first.
KERNELS = {
    "avx512f": {"SkylakeX", "Cooperlake", "SapphireRapids"},
    "avx2": {"Haswell", "Zen", "Excavator"},
}


def has(package):
    """Whether it can be imported here."""
    return importlib.util.find_spec(package) is not None


def line(*packages):
    """Processor, system, versions of Python and of installed packages, the BLAS of NumPy and SciPy, and the date."""
    found, versions = _look(), [f"Python {platform.python_version()}"]
    for package in dict.fromkeys(("numba", "llvmlite", *packages, "numpy", "scipy")):
        with contextlib.suppress(metadata.PackageNotFoundError):
            mine = [_blas_words(blas) for blas in found["blas"] if blas["of"] == package]
            versions.append(" with ".join([f"{package} {metadata.version(package)}", *mine]))
    versions += [_blas_words(blas) for blas in found["blas"] if not blas["of"]]
    cores, system = len(all_cores()), f"{platform.system()}, {', '.join(versions)}"
    slow = " PyTorch's MKL has slower kernels for AMD's processors than for Intel's."
    return (
        f"{_cpu()[0]} ({found['compiled for']}), {cores} core{'s' * (cores != 1)}; {system}; "
        f"{time.strftime('%Y-%m-%d')}.{slow if 'AMD' in _cpu()[0] and 'torch' in packages and has('torch') else ''}"
    )


def faults():
    """Why nothing measured here can be published: BLAS kernels for another processor than this one."""
    found, flags = _look()["blas"], _cpu()[1]
    if not has("threadpoolctl"):
        return ['which kernels the BLAS took is not known without threadpoolctl: pip install -e ".[bench]"']
    return [why for why in (fault(blas, flags) for blas in found) if why]


def judged():
    """Whether the right kernels are known here: of OpenBLAS, where the system lists the processor's instructions."""
    return bool(_cpu()[1]) and all(blas["library"] == "openblas" for blas in _look()["blas"])


def fault(blas, flags):
    """What is wrong with the kernels of one BLAS on a processor with these flags; None if nothing is, or can be told.

    Parameters
    ----------
    blas : dict
        "of" (a package), "library", "version" and "kernels".
    flags : set of str
        As in /proc/cpuinfo; empty where that is not known.
    """
    wanted = next((kernels for flag, kernels in KERNELS.items() if flag in flags), None)
    if blas["library"] != "openblas" or wanted is None:
        return None
    if blas["kernels"].lower() in map(str.lower, wanted):
        return None
    return (
        f"the BLAS of {blas['of'] or 'NumPy'} took its kernels for {blas['kernels']}, but those for this processor are "
        f"{' or '.join(sorted(wanted))}: the rivals would be slower than they are"
    )


def look():
    """In a process whose environment is that of the measurements: the BLAS's kernels, and what Numba compiles for."""
    import llvmlite.binding
    import numba

    return {
        "blas": _blas_libraries(),
        "compiled for": numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
    }


def _blas_libraries():
    if not has("threadpoolctl"):
        return []
    from threadpoolctl import threadpool_info

    for module in ("numpy", "scipy.linalg"):  # each loads a BLAS of its own
        if has(module.split(".")[0]):
            importlib.import_module(module)
    found = []
    for info in threadpool_info():
        if info["user_api"] == "blas":
            folders = Path(info["filepath"]).parts
            of = next((name for name in ("numpy", "scipy") if {name, f"{name}.libs", f".{name}"} & {*folders}), "")
            found.append({
                "of": of, "library": info["internal_api"], "version": info["version"],
                "kernels": info.get("architecture", "unknown"),
            })  # fmt: skip
    return sorted(found, key=lambda blas: blas["of"])  # threadpoolctl has no order


def _blas_words(blas):
    return f"{blas['library']} {blas['version']} (kernels: {blas['kernels']})"


@functools.cache
def _look():
    with Process("benchmarks.machine", cores=1) as process:
        return process.ask("look")


@functools.cache
def _cpu():
    """The processor's name and its flags; no flags where the system does not list them."""
    with contextlib.suppress(OSError):
        rows = [row.split(":", 1) for row in Path("/proc/cpuinfo").read_text().splitlines() if ":" in row]
        about = {name.strip(): value.strip() for name, value in rows}
        if "flags" in about:
            return about["model name"], {*about["flags"].split()}
    with contextlib.suppress(Exception):
        from cpuinfo import get_cpu_info

        return get_cpu_info()["brand_raw"], set()
    return platform.processor() or platform.machine(), set()
