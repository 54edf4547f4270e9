"""Which processor code is made for, and how: as Numba finds it out, but without the import of Numba or, mostly, LLVM.

Numba's variables count (NUMBA_CPU_NAME, NUMBA_CPU_FEATURES, NUMBA_ENABLE_AVX, NUMBA_OPT ...). Where there is a file
`.numba_config.yaml`, or Numba has been imported anyway, it is asked itself.
"""

import functools
import os
import platform
import sys

from fastbp.compiler import cpuinfo

# What changes the code of a kernel, beside its source and the processor, and what it is if nothing else is said.
SETTINGS = {"OPT": 3, "BOUNDSCHECK": None, "LOOP_VECTORIZE": 1, "SLP_VECTORIZE": 0, "DEBUGINFO": 0}
NAMES_OF_NUMBA = {"DEBUGINFO": "DEBUGINFO_DEFAULT"}  # where its variable has another name than its setting
# Numba does not use AVX on these, because it was slow there, or because a virtual machine only says that it has it.
WITHOUT_AVX = {"corei7-avx", "core-avx-i", "sandybridge", "ivybridge", "nocona"}


def uncompiled():
    """Whether everything runs in the interpreter (NUMBA_DISABLE_JIT=1)."""
    config = _numba()
    return bool(config.DISABLE_JIT if config else _number("DISABLE_JIT", 0))


def usual_settings():
    """What `settings` are if nothing is said."""
    return {name: value if value is None else str(value) for name, value in SETTINGS.items()}


@functools.cache
def settings():
    """Numba's settings that change the code."""
    config = _numba()
    if config:
        found = {name: getattr(config, NAMES_OF_NUMBA.get(name, name), usual) for name, usual in SETTINGS.items()}
    else:
        found = {name: _number(name, usual) for name, usual in SETTINGS.items()}
    return {name: value if value is None else str(getattr(value, "_raw_value", value)) for name, value in found.items()}


@functools.cache
def name_and_features():
    """The name of the processor and its features, as LLVM writes them; what Numba's `magic_tuple` ends with."""
    llvm = _llvm()
    name, features = _chosen()
    config = _numba()
    avx = config.ENABLE_AVX if config else _number("ENABLE_AVX", None)
    avx = _usually_avx(name) if avx is None else avx
    return name or llvm.get_host_cpu_name(), _features_of_this(avx) if features is None else features


@functools.cache
def _llvm():
    """LLVM, ready for this machine; its import takes long."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def _chosen():
    """The name and the features of a processor that Numba was told to compile for; None where nothing was said."""
    config = _numba()
    if config:
        return config.CPU_NAME, config.CPU_FEATURES
    name, features = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    return name, "" if features is None and str(name).lower() == "generic" else features


def is_chosen():
    """Whether Numba was told for which processor to compile, or which vectors to use."""
    config = _numba()
    other_avx = "NUMBA_ENABLE_AVX" in os.environ or (config and bool(config.ENABLE_AVX) != _usually_avx(None))
    return bool(other_avx) or any(what is not None for what in _chosen())


@functools.cache
def identity():
    """What the processor and what it is used for is told apart by."""
    return (not is_chosen() and cpuinfo.identity()) or name_and_features()


@functools.cache
def level():
    """The level of x86-64 that says which vectors there are; "" where only LLVM can tell."""
    return "" if is_chosen() else cpuinfo.level()


def triple():
    """LLVM's name of the machine's architecture and system."""
    return _llvm().get_process_triple()


def target_machine(opt=2, **more):
    """LLVM's description of the processor."""
    (name, features), target = name_and_features(), _llvm().Target.from_triple(triple())
    return target.create_target_machine(cpu=name, features=features, opt=opt, **more)


def compile_for(target):
    """Have this process compile for another machine, before anything is compiled. It cannot run what comes of that."""
    llvm = _llvm()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.get_process_triple = lambda: target.triple  # Numba asks there, too
    os.environ |= {"NUMBA_CPU_NAME": target.cpu, "NUMBA_CPU_FEATURES": target.features}


@functools.cache
def vector_bytes():
    """The length of the registers that LLVM uses on this machine."""
    return {"x86-64-v3": 32, "x86-64-v4": 64}.get(level()) or _vector_bytes_of_llvm()


def _vector_bytes_of_llvm():
    """What it makes of the sum of two long vectors tells."""
    add = """
        define void @add(<16 x float>* %a, <16 x float>* %b) {
            %x = load <16 x float>, <16 x float>* %a
            %y = load <16 x float>, <16 x float>* %b
            %z = fadd <16 x float> %x, %y
            store <16 x float> %z, <16 x float>* %a
            ret void
        }"""
    assembly = target_machine().emit_assembly(_llvm().parse_assembly(add))
    return 64 if "zmm" in assembly else 32 if "ymm" in assembly else 16


def _numba():
    """Numba's settings, where it is there already, or must be asked."""
    if "numba.core.config" in sys.modules or os.path.isfile(".numba_config.yaml"):
        import numba

        return numba.config
    return None


def _number(name, usual):
    text = os.environ.get(f"NUMBA_{name}")
    if text is None or (name == "OPT" and text == "max"):
        return text or usual
    try:
        return int(text)
    except ValueError:
        return usual


def _features_of_this(avx):
    try:
        features = _llvm().get_host_cpu_features()
    except RuntimeError:
        return ""
    for feature in features:
        if feature.startswith("avx") and not avx:
            features[feature] = False
    return features.flatten()


def _usually_avx(name):
    return _system_supports_avx() and (name or _llvm().get_host_cpu_name()) not in WITHOUT_AVX


def _system_supports_avx():
    """An old kernel may not, whatever the processor says."""
    if not sys.platform.startswith("linux") or platform.machine() not in ("i386", "i586", "i686", "x86_64"):
        return True
    try:
        with open("/proc/cpuinfo") as file:
            return any(line.startswith("flags") and "avx" in line.split() for line in file)
    except OSError:
        return True
