"""Trainings of many networks as a task: what is sent to another process, and what comes back.

Networks of one kind are sent as one template and one long vector of parameters: a pickle of each would take longer than
the training of small ones.
"""

import collections
from operator import itemgetter

import numpy as np

from fastbp.lecture.layout import parameter_count
from fastbp.network import DTYPES, STATE, Network
from fastbp.threads.cores import usable_cores
from fastbp.training.configuration import TrainingConfiguration
from fastbp.training.many.groups import Job, grouped
from fastbp.training.many.scheduler import Scheduler
from fastbp.training.progress import Silent

OUTCOMES = ("waiting", "finished", "stopped", "diverged", "interrupted")
FINAL = OUTCOMES[1:4]  # of networks with which nothing is left to be done
OWN = ("network", "theta", "seed", "layers")  # of a configuration, what a network has for itself
DESCRIPTION = tuple(name for name in STATE if name != "_theta")  # of a network
DESCRIBED = itemgetter(*DESCRIPTION)
BY_SIZE = {np.dtype(name).itemsize: name for name in DTYPES}  # which is found faster than the name of a dtype
PER_NETWORK = 100_000  # multiplications that take as long as what is done for a network besides its training


def description_of(network):
    """All that makes a network but its parameters."""
    return DESCRIBED(vars(network))


def kinds_of(jobs):
    """For each job what it has in common with those that differ from it in their parameters and seeds alone."""
    shared = itemgetter(*(name for name in vars(jobs[0].how) if name not in OWN)) if jobs else None
    for job in jobs:
        values = (*shared(vars(job.how)), *job.data, job.unsmoothed)
        yield *map(id, values), DESCRIBED(vars(job.how.network))


class NetworkShards:
    """How an `ExecutorScheduler` sends jobs of `train_many`.

    Parameters
    ----------
    threads : int
        Of a task.
    """

    task = "fastbp.training.many.shards:train"

    def __init__(self, threads):
        self.threads = threads

    def in_order(self, jobs):
        """The jobs, those that share lanes one after the other: lists of (job, its cost, networks in a vector)."""
        from fastbp.engine import workspace  # here: whoever does not train need not wait for it

        for group in sorted(grouped(jobs), key=lambda group: -group.first.cost):
            lanes = workspace.lanes_of_dtype(group.first.how.network.dtype) if group.shared else 1
            yield [*group.waiting], [job.cost + PER_NETWORK for job in group.waiting], lanes

    def arrays(self, jobs):
        """What many jobs have in common."""
        every, rows = {}, {}
        for job in jobs:
            every.update((id(array), array) for array in (*job.data, job.unsmoothed))
            rows.update((id(array), array) for array in (job.how.rows, job.how.validation_rows))
        times = collections.Counter(id(job.how.rows) for job in jobs)
        times.update(id(job.how.validation_rows) for job in jobs)
        return [*every.values(), *(array for array in rows.values() if times[id(array)] > 1)]

    def pack(self, jobs):
        """What is to be pickled."""
        kinds, numbers = {}, []
        for job, key in zip(jobs, kinds_of(jobs), strict=True):
            if key not in kinds:
                shared = {name: value for name, value in vars(job.how).items() if name not in OWN}
                of_network = description_of(job.how.network), job.how.layers
                kinds[key] = len(kinds), (shared, *of_network, job.data, job.unsmoothed)
            numbers.append(kinds[key][0])
        return {
            "kinds": [kind for _, kind in kinds.values()], "numbers": numbers, "seeds": [job.how.seed for job in jobs],
            "theta": _joined([job.how.theta for job in jobs]), "threads": self.threads,
        }  # fmt: skip

    def absorb(self, jobs, results):
        """The jobs get what `train` has returned."""
        take_results(jobs, results)

    def train_here(self, jobs, time_limit, shown, each_tick):
        """The same in this process; whether Ctrl-C has ended it."""
        scheduler = Scheduler(grouped(jobs), min(usable_cores(), len(jobs)))
        scheduler.train(time_limit, shown, each_tick)
        return scheduler.interrupted


class Asks:
    """Interrupts a scheduler when `stops` says so; called now and then.

    Attributes
    ----------
    is_told : bool
        Whether it has.
    """

    def __init__(self, scheduler, stops):
        self._scheduler, self._stops, self.is_told = scheduler, stops, False

    def __call__(self):
        if self._stops():
            self.is_told = True
            self._scheduler.interrupt()


def train(packed, time_limit, stops):
    """The other process: trains; what became of the networks, a dict of arrays, and whether Ctrl-C came there alone.

    Parameters
    ----------
    packed : dict
        By `NetworkShards.pack`.
    time_limit : float or None
    stops : callable
        Whether to stop, asked now and then.
    """
    kinds, at = [], dict.fromkeys(DTYPES, 0)
    for shared, description, *others in packed["kinds"]:
        network = Network.__new__(Network)
        network.__dict__.update(zip(DESCRIPTION, description, strict=True))
        kinds.append((shared, network, parameter_count(network.sizes), *others))
    jobs = []
    for index, (number, seed) in enumerate(zip(packed["numbers"], packed["seeds"], strict=True)):
        shared, network, size, layers, data, unsmoothed = kinds[number]
        dtype = BY_SIZE[network.dtype.itemsize]
        theta, at[dtype] = packed["theta"][dtype][at[dtype] : at[dtype] + size], at[dtype] + size
        if "_layers" not in vars(network):  # one for all of its kind, whose table and outputs are asked for alone
            network._hold(theta)
        how = object.__new__(TrainingConfiguration)
        same = layers.tobytes() == network.layers.tobytes() and layers.dtype == network.layers.dtype
        own = {"network": network, "theta": theta, "seed": seed, "layers": network.layers if same else layers}
        how.__dict__.update(shared, **own)
        jobs.append(Job(index, how, data, unsmoothed))
    scheduler = Scheduler(grouped(jobs), min(packed["threads"], len(jobs)))

    asks = Asks(scheduler, stops)
    scheduler.train(time_limit, Silent(), asks)
    return results_of(jobs), scheduler.interrupted and not asks.is_told


# ---- Results ---------------------------------------------------------------------------------------------------------


def results_of(jobs):
    """What became of some jobs, as a dict of arrays."""
    losses, validated = (
        [np.asarray(getattr(job, name), float) for job in jobs] for name in ("loss", "validation_loss")
    )
    return {
        "outcome": np.array([OUTCOMES.index(job.outcome) for job in jobs], np.int64),
        "best_epoch": np.array([job.best_epoch or 0 for job in jobs], np.int64),
        "epochs": np.array([*map(len, losses)], np.int64), "validated": np.array([*map(len, validated)], np.int64),
        "loss": np.concatenate([np.zeros(0), *losses]), "validation_loss": np.concatenate([np.zeros(0), *validated]),
        **_joined([job.how.theta for job in jobs]),
    }  # fmt: skip


def take_results(jobs, results):
    """The other way round, with the same jobs in the same order."""
    at, best = dict.fromkeys((*DTYPES, "loss", "validation_loss"), 0), results["best_epoch"].tolist()

    def following(name, n):
        at[name] += n
        return results[name][at[name] - n : at[name]]

    counts = (results[name].tolist() for name in ("outcome", "epochs", "validated"))
    for job, best_epoch, outcome, epochs, validated in zip(jobs, best, *counts, strict=True):
        np.copyto(job.how.theta, following(BY_SIZE[job.how.theta.itemsize], job.how.theta.size))
        job.loss, job.validation_loss = following("loss", epochs), following("validation_loss", validated)
        job.best_epoch, job.outcome = best_epoch or None, OUTCOMES[outcome]


def _joined(thetas):
    """Vectors one behind the other, those of each dtype for themselves."""
    return {
        name: np.concatenate([np.zeros(0, name), *(t for t in thetas if BY_SIZE[t.itemsize] == name)])
        for name in DTYPES
    }
