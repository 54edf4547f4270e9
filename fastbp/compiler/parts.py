"""Kernels as parts of others: compiled without a wrapper, and without machine code of their own."""

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class PartLibrary(JITCodeLibrary):
    """The code of a kernel for others that call it. LLVM optimises it there, with what surrounds it, and need not do so
    here, nor make machine code of it: without this a fresh process compiles an epoch for twice as long."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name):
        self._ensure_finalized()
        return 0

    @property
    def codegen(self):
        return WithoutEnvironments(self._codegen)


class WithoutEnvironments:
    """Numba's code generator for a library that is never loaded, so has no place for Python's globals."""

    def __init__(self, codegen):
        self._codegen = codegen

    def __getattr__(self, name):
        return getattr(self._codegen, name)

    def set_env(self, name, environment):
        pass


class PartCompiler(Compiler):
    def define_pipelines(self):
        state = self.state
        state.library = PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return super().define_pipelines()
