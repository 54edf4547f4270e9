"""fastbp/compiler/calls.py: the function that is written for the arguments of a call takes no others."""

import collections
import ctypes
import enum
import threading

import numba
import numpy as np
import pytest

from fastbp.compiler import calls, marshal
from fastbp.compiler.jit import jit
from fastbp.lecture import entries as lecture
from tests.cases import UNCOMPILED, Case

compiled_only = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")

A, B, C = np.zeros(2), np.zeros((2, 3), np.float32), np.zeros(4, np.int64)
GIVEN = (A, 7, (B, (2.5, True), ()), np.float32(0.5), (C,))


class Equal(type):
    """The kind of a class that says it is any other."""

    def __eq__(cls, other):
        return True

    __hash__ = type.__hash__


class Pretender(metaclass=Equal):
    __class__ = np.ndarray


class One(enum.IntEnum):
    ONE = 1


Pair = collections.namedtuple("Pair", "x y")


def entry_in_python(status=marshal.FIT, count=9, result=b""):
    """What stands for object code: an address, the words of each call, and what must be kept."""
    seen = []

    def entry(words, out):
        seen.append(ctypes.string_at(words, 8 * count))
        if out:
            ctypes.memmove(out, result, len(result))
        return status

    kept = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(entry)
    return ctypes.cast(kept, ctypes.c_void_p).value, seen, kept


def test_arguments_become_words_in_their_order():
    address, seen, kept = entry_in_python()
    call = calls.call_of(address, "", GIVEN)
    assert call(GIVEN) is None
    words = np.frombuffer(seen[0], np.int64)
    assert [*words[:5]] == [id(A.dtype), id(B.dtype), id(C.dtype), id(A), 7]
    assert words[5] == id(B)
    assert words[6:7].view(float) == 2.5
    assert words[7] == 1
    assert words[8:9].view(float) == 0.5
    other = (C, -7, (A, (-0.5, False), ()), np.float32(2), (B,))  # dtypes are compared in compiled code
    assert call(other) is None
    assert [*np.frombuffer(seen[1], np.int64)[[0, 3, 4, 5, 7]]] == [id(A.dtype), id(C), -7, id(A), 0]
    del kept


@pytest.mark.parametrize(
    "args",
    [
        (), GIVEN[:-1], (*GIVEN, 1), [*GIVEN], (A, *GIVEN[:-1]),
        (A, True, *GIVEN[2:]), (A, 7.0, *GIVEN[2:]), (A, np.int64(7), *GIVEN[2:]), (A, One.ONE, *GIVEN[2:]),
        (A, None, *GIVEN[2:]), (A, C, *GIVEN[2:]), (3, *GIVEN[1:]), ((A,), *GIVEN[1:]), ([0.0, 0.0], *GIVEN[1:]),
        (Pretender(), *GIVEN[1:]), (A, Pretender(), *GIVEN[2:]), (A.view(np.recarray), *GIVEN[1:]), (None, *GIVEN[1:]),
        (*GIVEN[:2], B, *GIVEN[3:]), (*GIVEN[:2], [B, (2.5, True), ()], *GIVEN[3:]), (*GIVEN[:2], None, *GIVEN[3:]),
        (*GIVEN[:2], (B, (2.5, True)), *GIVEN[3:]), (*GIVEN[:2], (B, (2.5, True), (), ()), *GIVEN[3:]),
        (*GIVEN[:2], (B, (2.5,), ()), *GIVEN[3:]), (*GIVEN[:2], (B, A, ()), *GIVEN[3:]),
        (*GIVEN[:2], (B, Pair(2.5, True), ()), *GIVEN[3:]), (*GIVEN[:2], (B, (2.5, 1), ()), *GIVEN[3:]),
        (*GIVEN[:2], (B, (2.5, np.True_), ()), *GIVEN[3:]), (*GIVEN[:2], (B, (np.float64(2.5), True), ()), *GIVEN[3:]),
        (*GIVEN[:2], (B, (2.5, True), (1,)), *GIVEN[3:]), (*GIVEN[:2], (B, (2.5, True), []), *GIVEN[3:]),
        (*GIVEN[:2], (B, (2.5, True), ""), *GIVEN[3:]), (*GIVEN[:3], 0.5, (C,)), (*GIVEN[:4], C), (*GIVEN[:4], [C]),
    ],
)  # fmt: skip
def test_what_differs_in_any_type_does_not_reach_the_kernel(args):
    address, seen, kept = entry_in_python()
    assert calls.call_of(address, "", GIVEN)(args) is marshal.MISFIT
    assert not seen
    del kept


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 1 << 200])
def test_integers_that_are_too_long_are_refused(number):
    address, seen, kept = entry_in_python()
    call = calls.call_of(address, "", GIVEN)
    with pytest.raises(OverflowError, match="integers of 64 bits"):
        call((A, number, *GIVEN[2:]))
    assert not seen
    for longest in ((1 << 63) - 1, -(1 << 63)):
        call((A, longest, *GIVEN[2:]))
        assert np.frombuffer(seen[-1], np.int64)[4] == longest
    del kept


@pytest.mark.parametrize("result", [*marshal.RESULTS])
def test_a_kernel_may_misfit_and_fail(result):
    address, seen, kept = entry_in_python(status=1)
    assert calls.call_of(address, result, GIVEN)(GIVEN) is marshal.MISFIT
    assert len(seen) == 1
    address, _, kept = entry_in_python(status=marshal.FAILED)
    with pytest.raises(RuntimeError, match="out of range"):
        calls.call_of(address, result, GIVEN)(GIVEN)
    del kept


@pytest.mark.parametrize(
    ("letter", "result", "expected"),
    [
        ("", None, None), ("d", np.float64(0.1), 0.1), ("q", np.int64(-3), -3), ("?", np.int64(1), True),
        ("?", np.int64(0), False),
    ],
)  # fmt: skip
def test_what_a_kernel_returns(letter, result, expected):
    address, _, kept = entry_in_python(result=b"" if result is None else result.tobytes(), count=0)
    found = calls.call_of(address, letter, ())(())
    assert found == expected
    assert type(found) is type(expected)
    del kept


def test_nothing_that_a_user_has_named_is_in_the_source(monkeypatch):
    sources, compiled = [], calls._code
    monkeypatch.setattr(calls, "_code", lambda source: sources.append(source) or compiled(source))
    address, seen, kept = entry_in_python(count=2)
    table = np.zeros(3, [("dropped() #\n", float)])
    calls.call_of(address, "", (table,))((table,))
    assert seen == [np.array([id(table.dtype), id(table)]).tobytes()]
    assert "dropped" not in sources[0]
    del kept


def test_forms_that_differ_in_dtypes_alone_share_their_source():
    calls.call_of(1 << 12, "", GIVEN)
    before = calls._code.cache_info().misses
    calls.call_of(1 << 12, "", (C, 7, (A, (2.5, True), ()), np.float32(0.5), (B,)))
    assert calls._code.cache_info().misses == before


# ---- Kernels ---------------------------------------------------------------------------------------------------------


@jit
def total(pair, factor):
    x, y = pair
    return (x.sum() + y) * factor


@compiled_only
def test_arguments_of_new_types_get_a_form_of_their_own():
    x = np.ones(3)
    assert total((x, 2), 4) == 20.0
    for number, factor in ((2, True), (True, 4), (2.5, 4), (2, np.int64(4)), (np.uint8(255), 4), (2, np.float32(0.5))):
        before = len(total.entry.signatures)
        for _ in range(2):
            assert total((x, number), factor) == (3.0 + float(number)) * float(factor)
            assert len(total.entry.signatures) == before + 1
    before = len(total.entry.signatures)
    assert total((x, 2), 4) == 20.0
    assert total((x.astype(np.float32), 2), 4) == 20.0
    assert len(total.entry.signatures) == before + 1
    with pytest.raises(OverflowError, match="integers of 64 bits"):
        total((x, 2), 1 << 63)


@compiled_only
def test_a_call_with_too_few_or_too_many_arguments_is_refused():
    x = np.ones(3)
    assert total((x, 2), 4) == 20.0
    for args in ((), ((x, 2),), ((x, 2), 4, 4)):
        with pytest.raises((TypeError, numba.TypingError)):
            total(*args)
    for pair in ((x,), (x, 2, 2), x):
        with pytest.raises((TypeError, numba.TypingError)):
            total(pair, 4)


@compiled_only
def test_threads_that_call_the_same_entry_get_their_own_results():
    """Words and results of a call are its own: the kernel runs without the GIL."""
    cases, wrong, begin = [Case((4, 5, 3), samples=2, seed=seed) for seed in range(4)], [], threading.Barrier(4)

    def outcome(case, Y, scratch):
        lecture.predict(case.theta, case.layers, case.X, scratch, Y)
        return Y.tobytes(), lecture.mean_error(case.theta, case.layers, case.data, case.rows, scratch)

    memory = [(np.empty((2, 3)), case.scratch()) for case in cases]
    expected = [outcome(case, *each) for case, each in zip(cases, memory, strict=True)]
    assert len({E for _, E in expected}) == 4

    def run(at):
        begin.wait()
        for _ in range(5000):
            memory[at][0].fill(np.nan)
            if outcome(cases[at], *memory[at]) != expected[at]:
                wrong.append(at)

    threads = [threading.Thread(target=run, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
