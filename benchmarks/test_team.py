"""What it costs threads to share pieces of work inside a compiled epoch (engine/team.py).

A chunk of samples has two such phases, and an update up to three.
"""

import numpy as np
import pytest

from benchmarks.cases import LONG_CALLS
from benchmarks.conftest import CORES
from fastbp.compiler.jit import jit
from fastbp.engine.team import NONE, Team
from fastbp.engine.turns import next_piece

TIMES = 20_000
THREADS = sorted({1, *(n for n in (2, 4, 8, 16, 32) if n < CORES), CORES})

pytestmark = LONG_CALLS


@jit
def share_often(times, done, turn):
    """So many phases of two pieces a thread, with nothing to be done for them; counts those of this thread."""
    (board, phase, thread, threads), count = turn, 0
    for n in range(times):
        piece = next_piece(board, phase + n, 2 * threads, threads, NONE)
        while piece >= 0:
            count += 1
            piece = next_piece(board, phase + n, 2 * threads, threads, piece)
    done[thread] += count  # once, at the end: all counts share a cache line


@pytest.mark.parametrize("threads", THREADS)
def test_team(benchmark, all_cores, threads):
    done = np.zeros(threads, np.int64)
    with Team(threads) as team:
        team.run(share_often, TIMES, done, threads=threads)  # compiles, too
        benchmark.group = "team"
        benchmark.extra_info.update(what="team", threads=threads, times=TIMES)
        benchmark.pedantic(team.run, (share_often, TIMES, done), {"threads": threads}, rounds=50)
