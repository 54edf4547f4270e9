"""The side of a rival: a process that prepares a row when it is told to, and trains one lap when it is asked.

This file imports nothing numeric: threads and cores were set by the parent before the process began, and what is
imported here is imported by all of its rivals' processes.
"""

import gc
import importlib
import math
import time

# Rival -> module and function that prepares it.
PREPARE = {
    "fastbp": ("ours", "prepare_fastbp"),
    "fastbp-threads": ("ours", "prepare_threads"),
    "numpy": ("ours", "prepare_numpy"),
    "jax": ("with_jax", "prepare"),
    "torch": ("with_torch", "prepare_eager"),
    "torch-compiled": ("with_torch", "prepare_compiled"),
    "sklearn": ("with_sklearn", "prepare"),
}

LAP_SECONDS = 0.05  # at least: an epoch of a small network is over before the clock is sharp
LONGEST_LAP = 1.0  # about: slow rivals get fewer samples, whole steps all the same


class Rival:
    """One rival in its process, and the row that it is at."""

    def __init__(self, name, cores):
        module, function = PREPARE[name]
        self.prepare, self.cores = getattr(importlib.import_module(f"benchmarks.peers.{module}"), function), cores
        self.trainer = self.epochs = None

    def peak(self, dtype):
        from benchmarks.peers.peak import peak_gflops

        return peak_gflops(dtype)

    def settle(self, row, dtype, longest=LONGEST_LAP):
        """Parameters after a few steps, for the check; then everything warm for laps of `longest` seconds at most."""
        from benchmarks.peers import problem

        check, epochs = problem.check_problem(row, dtype)
        trainer = self.prepare(check, self.cores)
        trainer.reset()
        trainer.run(epochs)
        parameters = trainer.parameters()
        step = problem.seconds_of(trainer, epochs) / problem.CHECK_STEPS

        samples = min(row.samples, row.batch * max(1, int(longest / step)))
        self.trainer = self.prepare(problem.problem(row, dtype, samples), self.cores)
        self.trainer.run(1)  # compiles for this number of samples
        epoch = min(problem.seconds_of(self.trainer) for _ in range(2))
        self.epochs = math.ceil(1.1 * LAP_SECONDS / epoch)  # all of them get faster by some when run in a row
        steps = self.epochs * samples // row.batch
        return {"parameters": parameters, "samples": samples, "epochs": self.epochs, "steps": steps}

    def lap(self, clock="perf_counter"):
        """Seconds of one lap by that clock of `time`, always from the same start."""
        now = getattr(time, clock)
        self.trainer.reset()
        gc.collect()
        gc.disable()
        try:
            begin = now()
            self.trainer.run(self.epochs)
            return now() - begin
        finally:
            gc.enable()
