"""fastbp timed against its own matrix version and against other libraries; README.md tells how, and what came out.

What asks a rival for the kernels of an older processor is taken out of the environment here, before anything imports
NumPy: with it some rivals would run at half their speed, and processes that begin later inherit what stands there.
"""

import os

HANDICAPS = (
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NPY_DISABLE_CPU_FEATURES", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR",
    "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE",
    "XLA_FLAGS", "JAX_DISABLE_JIT",
)  # fmt: skip
for name in HANDICAPS:
    os.environ.pop(name, None)
