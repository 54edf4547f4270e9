"""What is made ahead by another thread comes as it would without one: in its order, errors in their place."""

import gc
import os
import signal
import threading
import weakref

import pytest

from fastbp.threads import ahead as module
from fastbp.threads.ahead import ahead

SECONDS = 60  # after which a test has failed


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(module, "usable_cores", lambda: 2)


def numbers(n, seen=None, problem=None):
    """0 to n - 1, each noted in `seen` when it is made; then the problem is raised, if there is one."""
    try:
        for number in range(n):
            if seen is not None:
                seen.append((number, threading.get_ident()))
            yield number
        if problem is not None:
            raise problem
    finally:
        if seen is not None:
            seen.append("closed")


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_all_items_come_in_their_order(n):
    assert [*ahead(numbers(n))] == [*range(n)]


def test_one_item_is_made_while_the_caller_has_the_one_before_and_no_more():
    made = [threading.Event() for _ in range(4)]

    def items():
        for number, event in enumerate(made):
            event.set()
            yield number

    one = ahead(items())
    for number in range(3):
        assert next(one) == number
        assert made[number + 1].wait(SECONDS)  # by another thread: this one does nothing else
        assert not any(event.is_set() for event in made[number + 2 :])


def test_an_error_comes_behind_the_items_before_it_and_is_the_same():
    problem = KeyError("here")
    one = ahead(numbers(3, problem=problem))
    assert [next(one), next(one), next(one)] == [0, 1, 2]
    with pytest.raises(KeyError) as came:
        next(one)
    assert came.value is problem


def test_who_leaves_closes_the_generator_and_leaves_no_thread():
    seen = []
    one = ahead(numbers(1000, seen))
    assert next(one) == 0
    one.close()
    assert seen[-1] == "closed"
    assert len(seen) <= 4  # two items, one more while the caller left
    assert seen[0][1] != threading.get_ident()


def test_the_garbage_collector_may_end_it_in_its_own_thread():
    left, closed = threading.Event(), threading.Event()

    class Holder:
        pass

    def items():
        try:
            yield 0
            assert left.wait(SECONDS)
            gc.collect()  # finds the generator that waits for this item
            yield 1
        finally:
            closed.set()

    def use():
        holder = Holder()
        holder.one, holder.itself = ahead(items()), holder
        assert next(holder.one) == 0

    gc.disable()
    try:
        use()
        left.set()
        assert closed.wait(SECONDS)
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_a_fork_can_leave_it():
    one = ahead(numbers(10))
    assert next(one) == 0
    child = os.fork()
    if child == 0:
        one.close()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert [*one] == [*range(1, 10)]


def test_one_core_needs_no_thread(monkeypatch):
    monkeypatch.setattr(module, "usable_cores", lambda: 1)
    seen = []
    assert [*ahead(numbers(3, seen))] == [0, 1, 2]
    assert {ident for _, ident in seen[:-1]} == {threading.get_ident()}


def test_an_item_is_freed_before_the_one_after_the_next_is_made():
    class Item:
        pass

    alive = weakref.WeakSet()

    def items():
        for _ in range(20):
            gc.collect()
            assert len(alive) <= 2  # what the caller has, and what it has just left
            item = Item()
            alive.add(item)
            yield item
            del item

    assert sum(1 for _ in ahead(items())) == 20


def test_ctrl_c_ends_the_waiting_and_the_thread():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main, seen = threading.get_ident(), []

    def items():
        try:
            yield 0
            signal.pthread_kill(main, signal.SIGINT)  # while the caller waits for the next one
            yield 1
            yield 2
        finally:
            seen.append("closed")

    def taken():
        for _ in ahead(items()):
            threading.Event().wait(0.05)
        threading.Event().wait(SECONDS)  # it may come behind the last item

    try:
        with pytest.raises(KeyboardInterrupt):
            taken()
        assert seen == ["closed"]
    finally:
        signal.signal(signal.SIGINT, before)
