"""How epochs are cut into slices, and the number of threads that follows the machine: on a clock of our own."""

import numpy as np
import pytest

from fastbp.threads import cores, slices
from fastbp.threads.slices import ALONE, SECONDS, Costs, Slices, Whole


class Machine:
    """A clock, and what a mini-batch takes with each number of threads: a number, or a function of the time."""

    def __init__(self, **seconds):
        self.seconds, self.now, self.spent, self.batches = seconds, 1000.0, {}, {}

    def clock(self):
        return self.now

    def epoch(self, plan, batches):
        """Runs the slices of an epoch; [(mini-batches, threads)]."""
        made = []
        for part, threads in plan.of(batches):
            each = self.seconds[f"t{threads}"]
            took = (each(self.now) if callable(each) else each) * (part.stop - part.start)
            self.now += took
            self.spent[threads] = self.spent.get(threads, 0.0) + took
            self.batches[threads] = self.batches.get(threads, 0) + part.stop - part.start
            made.append((part.stop - part.start, threads))
        return made

    def plan(self, most, flops=1e7):
        return Slices(most, flops, clock=self.clock)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is remembered, and there are as many cores as anybody may want."""
    monkeypatch.setattr(Slices, "_last", (-np.inf, 1))
    monkeypatch.setattr(cores.Trainings, "cores_of_each", lambda self: 64)


@pytest.mark.parametrize("most", [1, 2, 3, 7])
@pytest.mark.parametrize("batches", [1, 2, 7, 1000])
def test_slices_are_all_of_an_epoch_in_its_order(most, batches):
    machine = Machine(**{f"t{n}": 0.0007 / n for n in range(1, 8)})
    plan, at = machine.plan(most), 0
    for _ in range(3):
        at = 0
        for part, threads in plan.of(batches):
            assert part.start == at < part.stop
            assert 1 <= threads <= most
            at, machine.now = part.stop, machine.now + 0.0007 * (part.stop - part.start)
        assert at == batches


def test_what_is_not_cut():
    assert [*Whole().of(7)] == [(slice(0, 7), 1)]


def test_a_short_epoch_is_one_slice():
    machine = Machine(t1=1e-6, t2=1e-6)
    assert machine.epoch(machine.plan(2, flops=1e4), 1000) == [(1000, 2)]


def test_slices_get_the_length_that_they_should_have():
    machine = Machine(t1=0.001)
    made = machine.epoch(machine.plan(1), 1000)
    assert made[0][0] == slices.FIRST / (1e7 / slices.GUESS)
    assert {number for number, _ in made[1:-1]} <= {int(ALONE / 0.001), int(ALONE / 0.001) - 1}
    machine = Machine(t1=0.001, t2=0.0005)
    made = machine.epoch(machine.plan(2), 2000)
    assert SECONDS / 0.0005 - 2 < [number for number, threads in made if threads == 2][5] <= SECONDS / 0.0005


def test_a_mini_batch_that_takes_long_is_a_slice():
    machine = Machine(t1=3.0, t2=2.0)
    assert {number for number, _ in machine.epoch(machine.plan(2, flops=1e12), 20)} == {1}


@pytest.mark.parametrize(("one", "two", "best"), [(0.001, 0.0006, 2), (0.001, 0.013, 1), (0.001, 0.0011, 1)])
def test_the_cheaper_number_of_threads_is_taken_and_the_other_tried_seldom(one, two, best):
    machine = Machine(t1=one, t2=two)
    plan = machine.plan(2)
    for _ in range(20):
        machine.epoch(plan, 500)
    assert plan.best == best
    ideal = 20 * 500 * min(one, two)
    assert sum(machine.spent.values()) <= 1.08 * ideal
    assert machine.batches[3 - best] > 0, "it is tried at all"


@pytest.mark.parametrize("counts", [(1, 2, 4, 8, 11), (1, 2, 4, 8)])
@pytest.mark.parametrize("best", [0, 1, 2, 3])
def test_the_best_of_many_numbers_is_found(counts, best):
    machine = Machine(**{f"t{n}": 0.001 * (1 + abs(i - best)) for i, n in enumerate(counts)})
    plan = machine.plan(counts[-1])
    for _ in range(20):
        machine.epoch(plan, 300)
    assert plan.best == counts[best]


def test_a_load_that_comes_and_goes_is_followed():
    """Between 1002 and 1004 another process takes a core: two threads take ten times as long."""
    machine = Machine(t1=0.001, t2=lambda now: 0.01 if 1002 < now < 1004 else 0.0006)
    plan, best = machine.plan(2), {}
    while machine.now < 1006:
        machine.epoch(plan, 20)
        best[round(machine.now, 1)] = plan.best
    assert best[1001.9] == 2
    assert best[1002.7] == best[1003.9] == 1
    assert best[1005.5] == 2


def test_noise_does_not_lead_astray():
    """Every third slice takes twice as long, whatever the threads."""
    turns = iter(range(10**9))
    machine = Machine(
        t1=lambda now: 0.001 * (1 + (next(turns) % 3 == 0)), t2=lambda now: 0.0006 * (1 + (next(turns) % 3 == 0))
    )
    plan = machine.plan(2)
    for _ in range(40):
        machine.epoch(plan, 500)
    assert machine.batches[2] > 8 * machine.batches[1]


def test_a_process_that_was_stopped_for_a_while_goes_on_as_before():
    machine = Machine(t1=0.001, t2=0.0006)
    plan = machine.plan(2)
    machine.epoch(plan, 1000)
    stopped = iter([20.0])  # seconds, in the first slice from here on
    machine.seconds["t2"] = lambda now: 0.0006 + next(stopped, 0.0)
    machine.epoch(plan, 3000)
    assert plan.best == 2
    machine.batches.clear()
    machine.epoch(plan, 3000)
    assert machine.batches[2] > 10 * machine.batches.get(1, 0)


def test_cores_that_are_taken_away_are_not_used_any_more(monkeypatch):
    machine = Machine(t1=0.001, t2=0.0006, t4=0.0004)
    plan = machine.plan(4)
    machine.epoch(plan, 1000)
    assert plan.best == 4
    for left in (2, 1):
        monkeypatch.setattr(cores.Trainings, "cores_of_each", lambda self, left=left: left)
        assert max(threads for _, threads in machine.epoch(plan, 1000)) == left
    monkeypatch.setattr(cores.Trainings, "cores_of_each", lambda self: 3)
    machine.epoch(plan, 2000)
    assert plan.best == 2, "and 4 are more than 3"
    monkeypatch.setattr(cores.Trainings, "cores_of_each", lambda self: 64)
    assert machine.epoch(machine.plan(4), 10)[0][1] == 4, "a new training begins with what was best with all cores"


def test_a_new_training_begins_with_what_the_last_one_found():
    machine = Machine(t1=0.001, t2=0.01)
    machine.epoch(machine.plan(2), 1000)
    assert machine.epoch(machine.plan(2), 10)[0][1] == 1
    machine.now += slices.REMEMBERED + 1
    assert machine.epoch(machine.plan(2), 10)[0][1] == 2, "that is long ago"


def test_a_mean_that_forgets():
    costs = Costs()
    assert costs.add(10, 1.0, 0.0)
    assert costs.seconds == pytest.approx(0.1)
    assert costs.add(10, 1.5, slices.HALF_LIFE)  # counts double
    assert costs.seconds == pytest.approx((0.5 * 0.1 + 0.15) / 1.5)


def test_a_slice_out_of_all_proportion_counts_if_it_is_not_alone():
    costs = Costs()
    costs.add(10, 1.0, 0.0)
    assert not costs.add(10, 100.0, 0.0)
    assert costs.seconds == pytest.approx(0.1)
    assert costs.add(10, 1.0, 0.0)
    assert not costs.add(10, 100.0, 0.0)
    assert costs.add(10, 100.0, 0.0)
    assert costs.seconds > 1


def test_old_slices_are_forgotten_where_the_last_ones_are_others():
    costs = Costs()
    for _ in range(1000):
        costs.add(10, 1.0, 0.0)
    for _ in range(5):
        costs.add(10, 4.0, 0.0)
    assert costs.seconds > 0.2
