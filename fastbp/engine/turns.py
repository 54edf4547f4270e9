"""How the threads of a team take turns at the pieces of work of a phase, as kernels; team.py tells what a board is.

Taking a piece costs a tenth of a microsecond (benchmarks/test_team.py). Numba's own threads abort the process when two
Python threads use them at once, or after a fork.
"""

from fastbp.compiler.jit import jit
from fastbp.engine.simd.dispatch import address, atomic_add, atomic_load, atomic_replace, atomic_store, nap, pause
from fastbp.engine.team import DONE, GIVEN_UP, NEXT, NONE, PATIENCE, PIECE_BITS, SLICE


@jit(inline=False)
def next_piece(board, phase, pieces, threads, done):
    """Piece `done` is done (NONE at first): the next one; or NONE, when all of the phase are done."""
    if threads == 1:
        return done + 1 if done + 1 < pieces else NONE
    word, count = address(board, NEXT), address(board, DONE)
    if done != NONE and atomic_add(count, 1) == pieces - 1:
        atomic_store(count, 0)
        atomic_store(word, (phase + 1) << PIECE_BITS)
        return NONE
    now = atomic_load(word)
    while now >> PIECE_BITS == phase and now & ((1 << PIECE_BITS) - 1) < pieces:
        if atomic_replace(word, now, now + 1):
            return now & ((1 << PIECE_BITS) - 1)
        now = atomic_load(word)
    pauses = 0
    while now >> PIECE_BITS == phase:
        if pauses < board[PATIENCE]:
            pause()
            pauses += 1
        elif atomic_load(address(board, SLICE)) == GIVEN_UP:
            return NONE
        else:
            nap()
        now = atomic_load(word)
    return NONE


@jit
def is_over(board, first_phase, threads):
    """Whether the slice that began with this phase is done, or given up: who sees that has come late."""
    return threads > 1 and atomic_load(address(board, SLICE)) != first_phase


@jit
def part_of(n, piece, pieces, unit):
    """Where a piece begins if n is cut into so many, all but the last in whole units."""
    return min(n, -(-n // unit) * piece // pieces * unit)


@jit
def pause_often(times):
    """For the measurement of a pause, which takes 3 to 50 ns, depending on the machine."""
    for _ in range(times):
        pause()
