"""python -m benchmarks.load: trainings on a machine that is busy, or gives less than it shows.

A process trains, and what else happens on the machine is made from outside: other processes that compute, a CPU quota,
cores that are taken away, a stop. The default number of threads is compared with always one and with always all cores,
in turn and in the same process; the networks must get the same bits, or nothing is printed.
"""

import argparse
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.peers.contest import say
from benchmarks.peers.process import all_cores, confined
from benchmarks.peers.report import this_machine
from benchmarks.tables import digits, table

DEFAULT, ONE, ALL = "default", "one thread", "all cores"
LAP = 0.6  # seconds of a lap by one thread on a quiet machine
BUSY = (0, 1, 2, 4)
SHAPES = {"64-64-10": 1024, "300-400-10": 200, "784-128-10": 128, "784-1024-10": 256}  # and their mini-batches
MANY, OUTPUTS = "train_many, 2,000 x 10-32-1", "predict, 100,000 x 64-100-10"
QUOTA_PERIOD = 100_000  # microseconds
LIMIT = 60  # seconds, after which a random training hangs


# ---- What is trained, in the process that trains ---------------------------------------------------------------------


class Always:
    """Slices of a training whose number of threads does not change."""

    def __init__(self, threads):
        self.best = threads

    def of(self, batches):
        yield slice(0, batches), self.best


class Random:
    """Slices of some mini-batches, with random numbers of threads."""

    def __init__(self, rng, most):
        self.rng, self.best = rng, most

    def of(self, batches):
        done = 0
        while done < batches:
            part = slice(done, min(batches, done + int(self.rng.integers(1, 5))))
            yield part, int(self.rng.integers(1, self.best + 1))
            done = part.stop


class Trainer:
    """The work of one row: `lap` does it once with a choice of threads."""

    def __init__(self, row):
        import fastbp
        from fastbp.engine import evaluation
        from fastbp.threads import slices
        from fastbp.training import runner as epochs

        self.fastbp, self.modules, self.slices, self.row = fastbp, (epochs, evaluation), slices.Slices, row
        rng = np.random.default_rng(0)
        if row == OUTPUTS:
            self.network, self.X = fastbp.Network((64, 100, 10)), rng.standard_normal((100_000, 64), np.float32)
        elif row == MANY:
            self.X = rng.standard_normal((512, 10), np.float32)
            self.D = np.sin(self.X.sum(axis=1, keepdims=True))
        else:
            self.sizes, self.batch = tuple(map(int, row.split("-"))), SHAPES[row]
            samples = self.batch * max(1, 6400 // self.batch)
            self.X = rng.standard_normal((samples, self.sizes[0]), np.float32)
            self.D = np.eye(10, dtype=np.float32)[rng.integers(0, 10, samples)]
        self.times = 1
        self.lap(ONE), self.lap(ALL), self.lap(DEFAULT)  # compiles
        self.times = max(1, round(LAP / min(self.lap(ONE)[0] for _ in range(3))))

    def lap(self, how):
        """Seconds, and a digest of what came of it."""
        cores = {ONE: 1, ALL: len(all_cores()), DEFAULT: None}[how]
        for module in self.modules:
            module.Slices = self.slices if cores is None else lambda *about: Always(cores)
        networks = self.networks()
        begin = time.perf_counter()
        result = self.work(networks, cores)
        return time.perf_counter() - begin, hash(result)

    def networks(self):
        """Fresh ones."""
        if self.row == MANY:
            return [self.fastbp.Network((10, 32, 1), "tanh", "identity", seed=i) for i in range(2000)]
        return [self.network if self.row == OUTPUTS else self.fastbp.Network(self.sizes)]

    def work(self, networks, cores):
        """What is timed; the bits that come of it."""
        if self.row == OUTPUTS:
            return [self.network.predict(self.X) for _ in range(self.times)][-1].tobytes()
        how = {"epochs": self.times, "threads": cores}
        if self.row == MANY:
            self.fastbp.train_many(networks, self.X, self.D, optimizer=self.fastbp.Adam(0.001), **how)
        else:
            how |= {"batch_size": self.batch, "optimizer": self.fastbp.SGD(0.01)}
            self.fastbp.train(*networks, self.X, self.D, **how)
        return b"".join(network.theta.tobytes() for network in networks)

    def at_once(self, number):
        """Seconds of so many trainings, each in a Python thread of its own."""
        for module in self.modules:
            module.Slices = self.slices
        threads = [threading.Thread(target=self.work, args=(self.networks(), None)) for _ in range(number)]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begin


class Lot:
    """Trainings of random networks with random limits of threads, on a machine that seems to have eight cores."""

    def __init__(self, seed):
        from fastbp.engine import heuristics
        from fastbp.threads.cores import trainings
        from fastbp.training import runner as epochs

        heuristics.usable_cores = trainings.cores_of_each = lambda: 8
        self.seed, self.epochs, self.slices = seed, epochs, epochs.Slices

    def training(self, number):
        """Whether a training with many threads comes to the bits of one with one thread."""
        import fastbp

        rng = np.random.default_rng([self.seed, number])
        sizes = [int(n) for n in np.exp(rng.uniform(0, np.log(200), rng.integers(2, 5)))]
        samples, batch = int(rng.integers(1, 400)), int(np.exp(rng.uniform(0, np.log(400))))
        X, D = rng.standard_normal((samples, sizes[0])), rng.standard_normal((samples, sizes[-1]))
        rule = [fastbp.SGD(0.001), fastbp.SGD(0.001, 0.9), fastbp.Adam(0.001)][number % 3]
        how = {"batch_size": batch, "epochs": int(rng.integers(1, 6)), "optimizer": rule, "version": "tiles"}
        found, most = set(), int(rng.integers(2, 9))
        ways = (1, self.slices), (most, self.slices), (most, lambda most, flops: Random(rng, most))
        for threads, self.epochs.Slices in ways:
            network, ended = fastbp.Network(sizes, output="identity", seed=number), None
            try:
                fastbp.train(network, X, D, threads=threads, **how)
            except fastbp.Diverged as problem:
                ended = problem.epoch
            found.add((network.theta.tobytes(), ended))
        return len(found) == 1


def serve(connection, row):
    """The process of a trainer: answers each (method, arguments)."""
    trainer = Lot(row) if isinstance(row, int) else Trainer(row)
    connection.send(None)
    with contextlib.suppress(EOFError):
        while True:
            method, arguments = connection.recv()
            connection.send(getattr(trainer, method)(*arguments))


class Process:
    """A process that trains, which is asked to begin and asked for its answer."""

    def __init__(self, row):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, row), daemon=True)
        with confined(len(all_cores())):
            self.process.start()
        theirs.close()

    def begin(self, method, *arguments):
        self.connection.send((method, arguments))

    def answer(self, seconds=600):
        """Raises TimeoutError if there is none in time."""
        if not self.connection.poll(seconds):
            raise TimeoutError
        return self.connection.recv()

    def ask(self, method, *arguments):
        self.begin(method, *arguments)
        return self.answer()

    def stop(self):
        self.process.kill()
        self.process.join()


@contextlib.contextmanager
def trainers(row, number=1):
    processes = [Process(row) for _ in range(number)]
    try:
        for process in processes:
            process.answer()
        yield processes
    finally:
        for process in processes:
            process.stop()


# ---- What else happens -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def busy(number):
    """So many processes that do nothing but compute."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        time.sleep(0.3)  # until they have begun
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@contextlib.contextmanager
def quota(pid, cpus):
    """The process may use so many CPUs, by a control group of version 1 or 2; says whether that was possible."""
    name = f"fastbp-load-{os.getpid()}"
    for root, limits in (
        (Path("/sys/fs/cgroup/cpu"), {"cpu.cfs_period_us": QUOTA_PERIOD, "cpu.cfs_quota_us": int(cpus * QUOTA_PERIOD)}),
        (Path("/sys/fs/cgroup"), {"cpu.max": f"{int(cpus * QUOTA_PERIOD)} {QUOTA_PERIOD}"}),
    ):
        folder = root / name
        try:
            folder.mkdir()
            for file, value in limits.items():
                (folder / file).write_text(str(value))
            (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        try:
            yield True
        finally:
            (root / "cgroup.procs").write_text(str(pid))
            folder.rmdir()
        return
    yield False


@contextlib.contextmanager
def throttled(pid):
    """In place of a quota: the process is stopped for every second part of 100 ms."""
    over = threading.Event()

    def stop_and_go():
        while not over.wait(0.05):
            os.kill(pid, signal.SIGSTOP)
            over.wait(0.05)
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def confine(pid, cores):
    """All threads of the process."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task), cores)


# ---- The tables ------------------------------------------------------------------------------------------------------


def laps(process, rounds, around=contextlib.nullcontext):
    """{how: median seconds} of laps in turn; all must come to the same bits."""
    seconds, results = {ONE: [], ALL: [], DEFAULT: []}, set()
    for turn in range(rounds):
        for how in [*seconds] if turn % 2 else [*seconds][::-1]:
            with around():
                took, result = process.ask("lap", how)
            seconds[how].append(took)
            results.add(result)
    if len(results) > 1:
        raise SystemExit("error: the trainings came to different bits, so their times say nothing")
    return {how: median(found) for how, found in seconds.items()}


def cell(found):
    """The default over the better of the two others, and how these compare."""
    best = min(found[ONE], found[ALL])
    return f"{found[DEFAULT] / best:.2f} ({found[ALL] / found[ONE]:.2f})"


def busy_table(rows, rounds):
    body = []
    for row in rows:
        line = [f"{row}, batch {SHAPES[row]}" if row in SHAPES else row]
        with trainers(row) as (process,):
            for number in BUSY:
                say(f"  {row}, {number} busy")
                with busy(number):
                    line.append(cell(laps(process, rounds)))
        body.append(line)
    return table(["", *(f"{number} busy" for number in BUSY)], body, left=(0,))


def quota_cells(row, rounds):
    """Under a quota of one CPU: what the default makes of it if it sees it, and if it does not."""
    with trainers(row) as (process,):
        pid = process.process.pid
        with quota(pid, 1) as possible:
            if possible:
                return [cell(laps(process, rounds)), "control group"]
        with throttled(pid):
            return [cell(laps(process, rounds)), "stopped half of the time"]


def shrinking_cell(row, rounds):
    """In the middle of each lap all cores but one are taken away."""
    every = set(all_cores())
    with trainers(row) as (process,):
        pid = process.process.pid

        @contextlib.contextmanager
        def taken_away():
            timer = threading.Timer(LAP / 3, confine, (pid, {min(every)}))
            timer.start()
            try:
                yield
            finally:
                timer.cancel()
                timer.join()
                confine(pid, every)

        return cell(laps(process, rounds, taken_away))


def stopped_cell(row, rounds):
    """A second of SIGSTOP in each second lap, over the other laps and that second."""
    with trainers(row) as (process,):
        seconds = {False: [], True: []}
        for turn in range(2 * rounds):
            stopped = bool(turn % 2)
            process.begin("lap", DEFAULT)
            if stopped:
                time.sleep(LAP / 4)
                os.kill(process.process.pid, signal.SIGSTOP)
                time.sleep(1)
                os.kill(process.process.pid, signal.SIGCONT)
            seconds[stopped].append(process.answer()[0] - stopped)
    return f"{median(seconds[True]) / median(seconds[False]):.2f}"


def together_cells(row, rounds, number=4):
    """Four trainings at once, in processes and in threads, over the four one after the other."""
    with trainers(row, number) as processes:
        found = {"one": [], "processes": [], "threads": []}
        for _ in range(rounds):
            begin = time.perf_counter()
            for process in processes:
                process.ask("lap", DEFAULT)
            found["one"].append(time.perf_counter() - begin)
            begin = time.perf_counter()
            for process in processes:
                process.begin("lap", DEFAULT)
            for process in processes:
                process.answer()
            found["processes"].append(time.perf_counter() - begin)
            found["threads"].append(processes[0].ask("at_once", number))
    alone = median(found["one"])
    return [f"{median(found[how]) / alone:.2f}" for how in ("processes", "threads")]


def less_table(rows, rounds):
    body, ways = [], set()
    for row in rows:
        say(f"  {row}, quota")
        under_quota, way = quota_cells(row, rounds)
        ways.add(way)
        say(f"  {row}, cores taken away")
        shrinking = shrinking_cell(row, rounds)
        say(f"  {row}, stopped")
        stopped = stopped_cell(row, rounds)
        say(f"  {row}, four at once")
        body.append([row, under_quota, shrinking, stopped, *together_cells(row, rounds)])
    heads = [
        f"quota of one CPU ({', '.join(ways)})", "one core left in the middle", "stopped for a second",
        "4 processes at once", "4 threads at once",
    ]  # fmt: skip
    return table(["", *heads], body, left=(0,))


def random_trainings(number, others=2):
    """A sentence on so many random trainings, each with a limit of its own, in two processes beside others."""
    hung = differed = 0
    processes = [Process(seed) for seed in range(2)]
    try:
        with busy(others):
            for process in processes:
                process.answer()
            for n in range(0, number, len(processes)):
                if n % 1000 == 0:
                    say(f"  random trainings: {n:,} of {number:,}")
                for process in processes:
                    process.begin("training", n)
                for place, process in enumerate(processes):
                    try:
                        differed += not process.answer(LIMIT)
                    except TimeoutError:
                        hung += 1
                        process.stop()
                        processes[place] = Process(place)
                        processes[place].answer()
    finally:
        for process in processes:
            process.stop()
    return (
        f"{number:,} trainings of random networks with random limits of threads, two at a time beside {others} busy "
        f"processes: {hung} hung (no end within {LIMIT} s), {differed} came to other bits than with one thread."
    )


def render(rows, rounds):
    """Markdown of a whole run."""
    return "\n\n".join([
        f"{this_machine('numba', 'numpy')} float32, {len(all_cores())} cores. Medians of {rounds} laps of about "
        f"{digits(LAP, 1)} s, taken in turn.",
        "Default threads over the better of one thread and all cores, with so many other processes that compute; in "
        "brackets all cores over one thread:",
        busy_table(rows, rounds),
        "The same where the machine gives less than it shows; then a training that is stopped for a second, over one "
        "that is not and that second; and four trainings at once, in all, over the four one after the other:",
        less_table(rows, rounds),
    ])  # fmt: skip


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description="Train while other processes compute, under a quota, with cores taken away. About twenty minutes; "
        "nothing else should run then.",
    )
    names = [*SHAPES, MANY, OUTPUTS]
    parser.add_argument("--rows", nargs="+", metavar="PART", help="only rows whose name has one of these parts")
    parser.add_argument(
        "--random", type=int, default=0, metavar="N", help="also N random trainings, which must all end"
    )
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="laps of each (default: 10)")
    options = parser.parse_args(arguments)
    rows = [row for row in names if options.rows is None or any(part in row for part in options.rows)]
    if not rows:
        parser.error("no row has such a name; the rows are: " + "; ".join(names))
    text = [random_trainings(options.random)] if options.random else []
    print("\n\n".join([render(rows, options.rounds), *text]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
