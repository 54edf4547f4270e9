"""python -m benchmarks.executors: what it costs to hand trainings to other processes.

One process with two threads against pools of processes that are warm: the networks must have the same bits, then calls
are timed in turn. What a cluster of many machines would take is computed from what a task costs here.
"""

import concurrent.futures
import heapq
import multiprocessing
import sys
import time
from statistics import median

import numpy as np

from benchmarks import command, machine
from benchmarks.markdown import digits, table
from benchmarks.process import Failed, in_turn, processes, say

HERE = "one process, 2 threads"
POOLS = 2, 4, 8
ROWS = {  # networks, samples, epochs: 4-8-3, mini-batches of 32
    "100 trivial trials": (100, 150, 1), "10,000 trivial trials": (10_000, 150, 1),
    "10,000 networks": (10_000, 150, 20), "1,000 networks": (1000, 1500, 100),
}  # fmt: skip
CLUSTERS = (100, 20_000, 1.0), (1000, 20_000, 1.0), (1000, 200_000, 1.0)  # workers, networks, seconds of each
SPREAD = 0.2  # how much the seconds of networks differ, and nobody knows
ONE_SECOND = 5e9  # multiplications that take about a second


class Claims(concurrent.futures.Executor):
    """A pool that claims to have very many workers, so that it gets as many tasks as can be made."""

    def __init__(self, pool):
        self._pool, self._max_workers = pool, 1_000_000

    def submit(self, *task):
        return self._pool.submit(*task)


class Side:
    """In a process on two cores: networks, and pools that have trained some already."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        self.pools = {n: concurrent.futures.ProcessPoolExecutor(n, mp_context=context) for n in POOLS}

    def lap(self, row, workers):
        """Seconds of a call, and what tells the parameters apart; `workers`: 0 for threads, None for `Claims`."""
        import fastbp
        from fastbp.files.digest import digest

        number, samples, epochs = ROWS[row]
        rng = np.random.default_rng(0)
        X, labels = rng.normal(size=(samples, 4)), rng.integers(0, 3, samples)
        networks = [fastbp.Network((4, 8, 3), seed=seed) for seed in range(number)]
        how = {"threads": 2} if workers == 0 else {"executor": self.pools[workers or 0]}
        begin = time.perf_counter()
        fastbp.train_many(networks, X, labels, epochs=epochs, seed=range(number), **how)
        return time.perf_counter() - begin, digest(network.theta for network in networks)

    def of_task(self):
        """Seconds that a task costs, with all that the two processes do for it."""
        from fastbp.training.many import executor_scheduler

        least, row = executor_scheduler.LEAST, "10,000 trivial trials"
        few = min(self.lap(row, 2)[0] for _ in range(3))
        self.pools[0], executor_scheduler.LEAST = Claims(self.pools[2]), 0.0
        try:
            many = min(self.lap(row, None)[0] for _ in range(3))
        finally:
            del self.pools[0]
            executor_scheduler.LEAST = least
        return max(0.0, many - few) / (ROWS[row][0] / 16)

    def close(self):
        for pool in self.pools.values():
            pool.shutdown()


def simulated(workers, networks, seconds, per_task):
    """How long a cluster would take: the tasks that `train_many` would make, one process that hands them out.

    Parameters
    ----------
    workers, networks : int
    seconds : float
        The mean of a network, about which they differ by SPREAD.
    per_task : float
        Seconds of the process that hands them out.
    """
    from fastbp.training.many.executor_scheduler import AHEAD, shards

    of_each = np.random.default_rng(0).normal(seconds, SPREAD * seconds, networks).clip(0.1 * seconds)
    tasks = [*shards([([*range(networks)], [ONE_SECOND * seconds] * networks, 1)], workers)]
    clock, free, running, left = 0.0, [0.0] * workers, [], tasks[::-1]
    while left or running:
        if left and len(running) < AHEAD * workers:
            clock += per_task
            end = max(clock, heapq.heappop(free)) + float(of_each[left.pop()].sum())
            heapq.heappush(free, end)
            heapq.heappush(running, end)
        else:
            clock = max(clock, heapq.heappop(running))
    return max(clock, *free), len(tasks), float(of_each.sum()) / workers


def measured(rounds):
    """Rows of the table; seconds that a task costs who hands it out."""
    ways, body = {HERE: 0} | {f"{n} processes": n for n in POOLS}, []
    with processes("benchmarks.executors:Side", [None], 2) as sides:
        (side,) = sides.values()
        for row in ROWS:
            say(f"  {row}")
            laps, same = {way: [] for way in ways}, set()
            for way in [*ways, *(way for _, way in in_turn(ways, rounds))]:
                seconds, digest = side.ask("lap", row, ways[way])
                laps[way].append(seconds)
                same.add(digest)
            if len(same) > 1:
                raise Failed(f"{row}: not all ways have the same bits")
            found = {way: median(times[1:]) for way, times in laps.items()}
            share = f"{100 * found[HERE] / found['2 processes']:.0f} %"
            body.append([row, *(digits(found[way], 3) for way in ways), share])
        per_task = side.ask("of_task")
        side.ask("close")
    return ways, body, per_task


def render(rounds):
    """Markdown of a whole run."""
    ways, body, per_task = measured(rounds)
    clusters = []
    for workers, networks, seconds in CLUSTERS:
        took, tasks, ideal = simulated(workers, networks, seconds, per_task)
        shown = [f"{workers:,}", f"{networks:,}", f"{tasks:,}", digits(ideal, 3), digits(took, 3)]
        clusters.append([*shown, f"{100 * (took / ideal - 1):.1f} %"])
    return "\n\n".join([
        f"{machine.line()} Medians of {rounds} calls; two cores, whatever the number of processes. Seconds a call; "
        "the last column is the time of one process by that of two processes.",
        table(["4-8-3", *ways, "efficiency"], body),
        f"Computed, not measured: networks of a second each, {100 * SPREAD:.0f} % more or less by chance, and "
        f"{1000 * per_task:.1f} ms of one process for each task, which is what 625 tasks cost here beyond a few.",
        table(["workers", "networks", "tasks", "seconds, ideal", "seconds", "more"], clusters),
    ])  # fmt: skip


def main(arguments=None):
    about = "Trainings handed to pools of processes. Two minutes."
    options = command.parse(command.parser("executors", about, rounds=9), arguments)
    return command.run("executors", lambda: render(options.rounds), options.write)


if __name__ == "__main__":
    sys.exit(main())
