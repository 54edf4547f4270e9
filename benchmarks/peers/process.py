"""The parent's side of a rival's process: how it begins, how it is asked, and how it ends."""

import contextlib
import multiprocessing
import os

from benchmarks.peers.child import serve

# Seconds until an answer is given up. `settle` may compile; a lap takes about one second where it takes long.
PATIENCE = {"settle": 400, "lap": 60, "peak": 60, "versions": 120}


class Failed(Exception):
    """The rival raised, died or gave no answer; the message says which."""


class Unavailable(Exception):
    """The rival says that it cannot run here, and why."""


def all_cores():
    """The numbers of the cores that we may use, or just as many as there are where a system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def environment(cores):
    """How each library learns the number of its threads."""
    threads = {f"{library}_NUM_THREADS": str(cores) for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR")}
    jax = {"JAX_PLATFORMS": "cpu", "NPROC": str(cores)}
    if cores == 1:
        jax["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    # PyTorch compiles in the process itself: workers would be there during the laps.
    return {**threads, "VECLIB_MAXIMUM_THREADS": str(cores), **jax, "TORCHINDUCTOR_COMPILE_THREADS": "1"}


# Ask OpenBLAS for the kernels of another processor than this one: good for old builds, half the speed of new ones.
OF_OTHER_PROCESSORS = "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"


@contextlib.contextmanager
def confined(cores):
    """A process that begins here inherits the cores and the environment, before its Python has even started."""
    before, allowed = dict(os.environ), all_cores()
    for name in OF_OTHER_PROCESSORS:
        os.environ.pop(name, None)
    os.environ.update(environment(cores))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(allowed[-cores:]))  # from the last on: core 0 serves most interrupts
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, set(allowed))


class Process:
    """One rival on one number of cores; a new process where the last one has failed."""

    def __init__(self, name, cores):
        self.name, self.cores, self.process = name, cores, None

    def ask(self, method, *arguments):
        if self.process is None:
            self.start()
        try:
            self.connection.send((method, arguments))
            if not self.connection.poll(PATIENCE[method]):
                raise Failed(f"no answer within {PATIENCE[method]} s")
            kind, value = self.connection.recv()
        except (EOFError, OSError):
            self.process.join(5)
            code = self.process.exitcode
            self.stop()
            raise Failed(f"the process died (exit code {code})") from None
        except BaseException:
            self.stop()
            raise
        if kind == "unavailable":
            raise Unavailable(value)
        if kind == "failed":
            self.stop()  # nobody knows in which state it is
            raise Failed(value)
        return value

    def start(self):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, self.name, self.cores))
        with confined(self.cores):
            self.process.start()
        theirs.close()  # so that its end is seen as the end of the pipe

    def stop(self):
        if self.process is not None:
            self.connection.close()
            self.process.kill()
            self.process.join()
            self.process = None
