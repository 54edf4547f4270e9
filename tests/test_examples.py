"""The programs of fastbp/examples do what they say."""

import pytest

from fastbp.examples import cart_pole, cluster, control, pendulum
from tests.cases import UNCOMPILED

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="their loops are made to be compiled")


def test_the_pendulum_swings_as_the_real_one():
    assert pendulum.main(steps=300) < 1e-3


def test_the_pole_stands_after_both_ways_of_learning():
    found = cart_pole.main()
    assert found["fresh"] < 100
    assert found["evolved"] > 400
    assert found["policy gradient"] > 300


def test_the_cart_comes_to_its_goal():
    apart = control.main()
    assert apart[0] > 0.9
    assert apart[-1] < 0.01
    assert max(apart[40:]) < 0.05


def test_a_sweep_by_processes_goes_on_from_its_file(tmp_path):
    path = tmp_path / "sweep.safetensors"
    first = cluster.main(path, epochs=40)
    assert first[0] < 0.01
    assert first[1] < first[0]
    assert cluster.main(path, epochs=40) == first, "all of it was there"
