"""What `train_many` has trained, in a file, so that a process that is killed leaves it to the next one.

The file holds the networks whose training has ended, whole: a network that was under way begins again, and ends with
the same bits, since they depend on it alone.
"""

import hashlib
import time

import numpy as np

from fastbp import atomic, caller, validation
from fastbp.files.digest import digest
from fastbp.files.safetensors import ModelFile, write
from fastbp.network import DTYPES
from fastbp.training.checkpoints import HASHED, LIMITS, dependencies
from fastbp.training.many.shards import FINAL, OUTCOMES, description_of, kinds_of, results_of, take_results
from fastbp.validation import NOT_NEGATIVE, counted, real_number

KIND = "checkpoint of many"
RESULTS = {
    "outcome": np.int64, "best_epoch": np.int64, "epochs": np.int64, "validated": np.int64, "loss": np.float64,
    "validation_loss": np.float64, "float32": np.float32, "float64": np.float64,
}  # fmt: skip
# What is compared first is named where several differ, because one follows from the other.
ORDER = (
    "networks", "epochs", "batch_size", "X", "D", "sample_weight", "rows", "validation_rows", "shuffle", "seed",
    "patience", "min_delta", "label_smoothing", "rate_factors", "diagonal", *LIMITS, "number of the loss", "optimizer",
    "learning_rate", "version",
)  # fmt: skip


def kept_jobs(jobs, path, every, resume):
    """The jobs with their file, if the arguments name one."""
    resume = validation.flag("resume", resume)
    if path is None:
        if resume:
            raise ValueError("resume needs a checkpoint, got checkpoint=None")
        return KeptJobs(jobs)
    return KeptInFile(jobs, validation.path("checkpoint", path), every, resume)


class KeptJobs:
    """Jobs without a file.

    Attributes
    ----------
    left : list of Job
        Those that are to be trained.
    """

    def __init__(self, jobs):
        self.left = jobs

    def look(self):
        """Called now and then: it may be time to write the file."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


class KeptInFile(KeptJobs):
    """Jobs whose results go into a file.

    Raises
    ------
    ValueError, OSError
        If there is a file that must not be overwritten, or one of another training.
    """

    def __init__(self, jobs, path, every, resume):
        self._jobs, self._path, self._held, self._warned = jobs, path, None, False
        self._every = real_number("checkpoint_every", every, *NOT_NEGATIVE)
        self._depends_on = depends_on(jobs)
        self._take(resume)
        self.left = [job for job in jobs if job.outcome not in FINAL]
        atomic.remove_leftovers(path)

    def _take(self, resume):
        """What an earlier process has left."""
        try:
            file = ModelFile(self._path)
        except FileNotFoundError:
            return
        with file.refusing():
            if file.kind != KIND:
                raise ValueError(f"it holds a {file.kind}, not networks of train_many: give another path, or delete it")
            total, ended = file.integer("networks"), file.array("ended", np.int64, (None,))
            if len(np.unique(ended)) != len(ended) or not np.isin(ended, np.arange(total)).all():
                raise ValueError(f"its networks must be some of {total}")
        if not resume:
            if len(ended) in (0, total):  # nothing is lost
                return
            raise FileExistsError(
                f"checkpoint {self._path!r} holds {len(ended):,} of {counted(total, 'network')}: give resume=True to "
                "go on with the others, or delete the file"
            )
        with file.refusing():
            before = {name: file.string(f"depends on {name}") for name in self._depends_on}
        if total != len(self._jobs):
            raise ValueError(f"networks must be those of checkpoint {self._path!r}, {total:,}, got {len(self._jobs):,}")
        for name, value in self._depends_on.items():
            if before[name] != value:
                raise ValueError(f"{name} must be that of checkpoint {self._path!r}")
        with file.refusing():
            results = {name: file.array(name, dtype, (None,)) for name, dtype in RESULTS.items()}
            file.done()
            jobs = [self._jobs[index] for index in ended.tolist()]
            _check(jobs, results)
            take_results(jobs, results)

    def __enter__(self):
        self._write()  # to see whether that works
        return self

    def look(self):
        if time.monotonic() - self._written >= self._every:
            self._write_or_warn()

    def __exit__(self, *exception):
        self._write_or_warn()

    def _write_or_warn(self):
        """What cannot be written now is told, once, and tried again later: the networks are trained in any case."""
        try:
            self._write()
        except OSError as problem:
            self._written = time.monotonic()
            if not self._warned:
                self._warned = True
                caller.warn(f"a checkpoint could not be written: {problem}")

    def _write(self):
        ended = [job for job in self._jobs if job.outcome in FINAL]
        if len(ended) != self._held:
            strings = {"networks": str(len(self._jobs))}
            strings |= {f"depends on {name}": value for name, value in self._depends_on.items()}
            arrays = results_of(ended) | {"ended": np.array([job.index for job in ended], np.int64)}
            write(self._path, KIND, strings, arrays)
            self._held = len(ended)
        self._written = time.monotonic()


def _check(jobs, results):
    """Refuses results that do not fit the jobs; what the digest of the file has let pass was written by somebody."""
    counts = [len(results[name]) for name in ("outcome", "best_epoch", "epochs", "validated")]
    sizes = {name: sum(job.how.theta.size for job in jobs if job.how.theta.dtype == name) for name in DTYPES}
    fits = (
        {*counts} <= {len(jobs)} and all(len(results[name]) == size for name, size in sizes.items())
        and (results["epochs"] >= 0).all() and results["epochs"].sum() == len(results["loss"])
        and (results["validated"] >= 0).all() and results["validated"].sum() == len(results["validation_loss"])
        and (results["best_epoch"] >= 0).all() and (results["best_epoch"] <= results["epochs"]).all()
        and np.isin(results["outcome"], [*map(OUTCOMES.index, FINAL)]).all()
        and all(np.isfinite(results[name]).all() for name in sizes)
    )  # fmt: skip
    if not fits:
        raise ValueError("its results do not fit its networks")


def depends_on(jobs):
    """All that the bits of the trainings depend on, as strings: digests of what the jobs have, one after the other."""
    known, kinds, of_jobs = {}, {}, {}

    def digest_of(array):
        if id(array) not in known:
            known[id(array)] = "none" if array is None else digest([array])
        return known[id(array)]

    for job, key in zip(jobs, kinds_of(jobs), strict=True):
        how = job.how
        if key not in kinds:
            X, _, weight = job.data
            arrays = X, job.unsmoothed, weight, how.rows, how.validation_rows
            kinds[key] = dependencies(how, dict(zip(HASHED, map(digest_of, arrays), strict=True)), "engine")
            kinds[key] |= {"epochs": str(how.epochs), "networks": str(description_of(how.network))}
        for name, value in (kinds[key] | {"seed": str(how.seed)}).items():
            of_jobs.setdefault(name, []).append(value)
    found = {name: hashlib.blake2b("\n".join(values).encode(), digest_size=16) for name, values in of_jobs.items()}
    for job in jobs:
        found["networks"].update(job.how.theta)
    return {name: found[name].hexdigest() for name in sorted(found, key=ORDER.index)}
