"""Processes that are confined to their cores before they begin, and that are asked one at a time."""

import contextlib
import importlib
import multiprocessing
import os
import sys
import traceback

from benchmarks import HANDICAPS

PATIENCE = 600  # seconds until an answer is given up; a first one may have to compile


class Failed(Exception):
    """A process raised, died or gave no answer; the message says which."""


class NoAnswer(Failed):
    """Not in the time that was given; the process has been ended."""


class Unavailable(Exception):
    """This cannot run here; the message says why. Nobody's fault, so no failure."""


def say(*words):
    """On stderr: what is printed on stdout are the tables alone."""
    print(*words, file=sys.stderr, flush=True)


def all_cores():
    """The numbers of the cores that we may use, or just as many as there are where a system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def confine(cores):
    """Confine this process to these cores; on a system that cannot, the scheduler moves it as it likes."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(cores))


def environment(cores):
    """How each library learns the number of its threads.

    Flags that forbid XLA a second thread are not there: with one core it has one, and they made it no faster
    (64-64-10 at batch 32: 109 and 113 us a step with two spellings, 91 without).
    """
    libraries = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR")
    threads = {f"{library}_NUM_THREADS": str(cores) for library in libraries}
    jax = {"JAX_PLATFORMS": "cpu", "NPROC": str(cores)}
    # PyTorch compiles in the process itself: workers would be there during the laps.
    return {**threads, "VECLIB_MAXIMUM_THREADS": str(cores), **jax, "TORCHINDUCTOR_COMPILE_THREADS": "1"}


@contextlib.contextmanager
def confined(cores):
    """A process that begins here inherits the cores and the environment, before its Python has even started."""
    before, allowed = dict(os.environ), all_cores()
    for name in HANDICAPS:  # set since we were imported; a process may import NumPy before us
        os.environ.pop(name, None)
    os.environ.update(environment(cores))
    confine(allowed[-cores:])  # from the last on: core 0 serves most interrupts
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        confine(allowed)


def in_turn(names, rounds):
    """(round, name) of laps in turn, backwards in every other round, so that what else happens hits all alike."""
    names = list(names)
    for number in range(rounds):
        for name in names[::-1] if number % 2 else names:
            yield number, name


def serve(connection, target, arguments):
    """In the process: answer each call (method, arguments) with ("ok", value), ("unavailable", why) or ("failed", why).

    `target` is "module", whose functions are called, or "module:class", of which one is made at the first call.
    """
    os.dup2(2, 1)  # what libraries print does not belong into the tables
    one = None
    while True:
        try:
            method, given = connection.recv()
        except EOFError:  # the parent is gone
            return
        try:
            if one is None:
                module, _, name = target.partition(":")
                one = importlib.import_module(module)
                one = getattr(one, name)(*arguments) if name else one
            answer = "ok", getattr(one, method)(*given)
        except Unavailable as problem:
            answer = "unavailable", str(problem)
        except Exception as problem:
            traceback.print_exc()
            answer = "failed", f"{type(problem).__name__}: {(str(problem).splitlines() or [''])[0]}"
        connection.send(answer)


class Process:
    """A process on some cores, begun when it is first asked; a new one where the last one has failed.

    Parameters
    ----------
    target, *arguments
        As in `serve`.
    cores : int
    """

    def __init__(self, target, *arguments, cores):
        self.target, self.arguments, self.cores, self.process = target, arguments, cores, None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop(politely=True)

    def ask(self, method, *arguments):
        self.begin(method, *arguments)
        return self.answer()

    def begin(self, method, *arguments):
        """Ask, and do not wait for the answer."""
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.connection, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, self.target, self.arguments))
            with confined(self.cores):
                process.start()
            self.process = process
            theirs.close()  # so that its end is seen as the end of the pipe
        with contextlib.suppress(OSError):  # it has died: the answer will tell
            self.connection.send((method, arguments))

    def answer(self, patience=None):
        patience = patience or PATIENCE
        try:
            if not self.connection.poll(patience):
                raise NoAnswer(f"no answer within {patience:g} s")
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

    def stop(self, politely=False):
        """End it; politely: it sees the end of the pipe first, and may let go of what it holds."""
        if self.process is not None:
            self.connection.close()
            self.process.join(2 if politely else 0)
            self.process.kill()
            self.process.join()
            self.process = None


@contextlib.contextmanager
def processes(target, names, cores):
    """{name: Process}, one for each name, for as long as the `with` block lasts."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Process(target, cores=cores)) for name in names}
