"""The small networks of the lecture's pages: short numbers, both cases of ReLU, others for each seed."""

import numpy as np
import pytest

import fastbp
from fastbp.lecture.example import OUTPUT, SIZES, example

KINDS = [(problem, activation) for problem in SIZES for activation in ("relu", "sigmoid")]


@pytest.mark.parametrize(("problem", "activation"), KINDS)
def test_numbers_are_short_and_nothing_is_near_a_kink(problem, activation):
    for seed in range(50):
        made = example(seed, problem, activation)
        assert (made["sizes"], made["activation"], made["output"]) == (SIZES[problem], activation, OUTPUT[problem])
        W, B = [np.array(w) for w in made["W"]], [np.array(b) for b in made["B"]]
        assert [w.shape[::-1] for w in W] == [*zip(SIZES[problem], SIZES[problem][1:], strict=False)]
        for numbers in (*W, *B, np.array(made["x"])):
            assert (numbers * 4 == np.round(numbers * 4)).all()
            assert seed == 0 or np.abs(numbers).min() > 0
        u = W[0] @ made["x"] + B[0]
        assert u.min() <= -0.5
        assert u.max() >= 0.5
        if problem == "classification":
            assert sorted(made["d"]) == [0, 1]
        network = fastbp.Network(made["sizes"], activation, made["output"], "float64")
        for place, numbers in zip((*network.W, *network.B), (*W, *B), strict=True):
            place[...] = numbers
        hidden, output = fastbp.trace(network, made["x"], made["d"]).layers
        assert min(np.abs(hidden.dy).min(), np.abs(output.delta).min()) >= 0.1


def test_each_student_has_other_numbers_and_always_the_same():
    assert example(3, "classification") == example(3, "classification")
    drawn = [str(example(seed, *kind)) for seed in range(100) for kind in KINDS]
    assert len({*drawn}) == len(drawn)
