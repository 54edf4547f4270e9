"""What it costs threads to meet inside a compiled epoch (engine/team.py).

They meet twice in each chunk of samples, and up to twice more in an update.
"""

import numpy as np
import pytest

from benchmarks.cases import LONG_CALLS
from benchmarks.conftest import CORES
from fastbp.engine.team import Team, meet
from fastbp.jit import jit

TIMES = 20_000
THREADS = sorted({1, *(n for n in (2, 4, 8, 16, 32) if n < CORES), CORES})

pytestmark = LONG_CALLS


@jit
def meet_often(times, met, meeting, thread, threads):
    """How often this thread has met the others goes to met[thread]; returns whether they were abandoned."""
    count = 0
    for _ in range(times):
        if meet(meeting, threads):
            return True
        count += 1
    met[thread] = count  # once, at the end: all counts share a cache line
    return False


@pytest.mark.parametrize("threads", THREADS)
def test_team(benchmark, all_cores, threads):
    met = np.zeros(threads, np.int64)
    with Team(threads) as team:
        assert not team.run(meet_often, TIMES, met)  # compiles, too
        assert (met == TIMES).all()
        benchmark.group = "team"
        benchmark.extra_info.update(what="team", threads=threads, times=TIMES)
        benchmark.pedantic(team.run, (meet_often, TIMES, met), rounds=50)
