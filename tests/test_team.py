"""Pieces of work: each is handed out once, a phase ends when all are done; nobody waits for who has nothing in hand."""

import signal
import threading
import time

import numpy as np
import pytest

from fastbp.engine import team, turns
from fastbp.engine.team import GIVEN_UP, SLICE, Team


def board_at(phase=0):
    board = np.zeros(team.BOARD_SIZE, np.int64)
    board[team.NEXT], board[team.SLICE] = phase << team.PIECE_BITS, phase
    return board


def in_another_thread(call):
    """Starts it; returns a function that gives its result, or None while it waits."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()

    def result(wait):
        thread.join(60 if wait else 0.05)
        return found[0] if found else None

    return result


def test_each_piece_is_handed_out_once_and_a_phase_ends_when_all_are_done():
    board = board_at(7)
    taken = [turns.next_piece(board, 7, 3, 2, team.NONE) for _ in range(3)]
    assert taken == [0, 1, 2]
    waiting = in_another_thread(lambda: turns.next_piece(board, 7, 3, 2, team.NONE))  # with nothing left to take
    assert waiting(wait=False) is None
    other = in_another_thread(lambda: turns.next_piece(board, 7, 3, 2, 1))
    third = in_another_thread(lambda: turns.next_piece(board, 7, 3, 2, 2))
    assert waiting(wait=False) is other(wait=False) is third(wait=False) is None, "piece 0 is not done"
    assert turns.next_piece(board, 7, 3, 2, 0) == team.NONE
    assert waiting(wait=True) == other(wait=True) == third(wait=True) == team.NONE
    assert turns.next_piece(board, 8, 5, 2, team.NONE) == 0


def test_one_thread_takes_all_pieces_in_turn_and_leaves_the_board_alone():
    board, piece, taken = board_at(), team.NONE, []
    while (piece := turns.next_piece(board, 0, 4, 1, piece)) != team.NONE:
        taken.append(piece)
    assert taken == [0, 1, 2, 3]
    assert not board.any()


def test_one_of_several_threads_does_all_where_the_others_do_not_come():
    board, piece, taken = board_at(), team.NONE, []
    while (piece := turns.next_piece(board, 0, 4, 9, piece)) != team.NONE:
        taken.append(piece)
    assert taken == [0, 1, 2, 3]
    assert board[team.NEXT] == 1 << team.PIECE_BITS


def test_a_thread_that_comes_late_gets_nothing_and_waits_for_nobody():
    board = board_at(9)
    assert turns.next_piece(board, 9, 2, 2, team.NONE) == 0
    before = board.tobytes()
    for phase in (0, 7, 8):
        assert turns.next_piece(board, phase, 2, 2, team.NONE) == team.NONE
    assert board.tobytes() == before
    assert turns.is_over(board, 8, 2)
    assert not turns.is_over(board, 9, 2)


def test_a_slice_that_was_given_up_ends_for_all_who_wait():
    board = board_at()
    assert turns.next_piece(board, 0, 1, 2, team.NONE) == 0  # and is never done
    waiting = in_another_thread(lambda: turns.next_piece(board, 0, 1, 2, team.NONE))
    assert waiting(wait=False) is None
    board[team.SLICE] = team.GIVEN_UP
    assert waiting(wait=True) == team.NONE


# ---- Teams -----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def ctrl_c_interrupts():
    """Also where the tests run in the background of a shell, which makes its jobs ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_two_interruptions_do_not_leave_a_thread_behind():
    """The second Ctrl-C comes while the first waits for the other thread to leave the kernel."""
    with Team(2) as two:
        came, ended = threading.Event(), []

        def kernel(turn):
            board, _, thread, _ = turn
            if thread == 0:
                assert came.wait(60)
                raise KeyboardInterrupt
            came.set()
            while board[SLICE] != GIVEN_UP:
                time.sleep(0.001)
            signal.raise_signal(signal.SIGINT)
            ended.append(True)

        with pytest.raises(KeyboardInterrupt):
            two.run(kernel, threads=2)
        assert ended == [True]


def test_a_team_runs_one_kernel_after_another():
    """Each thread with its number; what thread 0 returns; a helper that is busy elsewhere may miss a slice."""
    seen, both = [], threading.Barrier(3)

    def kernel(run, turn):
        _, phase, n, threads = turn
        seen.append((run, phase, n, threads))
        both.wait(60)
        return n - 7

    with Team(3) as three:
        for run in range(4):
            assert three.run(kernel, run, threads=3) == -7
            three.board[team.NEXT] = (run + 1) << team.PIECE_BITS
        assert three.run(lambda run, turn: (run, *turn[1:]), 9, threads=1) == (9, 0, 0, 1)
    assert sorted(seen) == [(run, run, n, 3) for run in range(4) for n in range(3)]
