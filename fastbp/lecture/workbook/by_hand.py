"""Exercise 7: the small network of the lecture's pages, worked out on paper (slides 7-39)."""

import math
from numbers import Real

import numpy as np

from fastbp.lecture.example import example
from fastbp.lecture.workbook.exercise import Exercise

DIGITS = 1e-3  # what is rounded, or cut, to three digits behind the point is right


def quantities(seed):
    """[(letters, formula, value)]: what is asked for, in the lecture's order."""
    network = example(seed)
    (w1, w2), (b1, b2), x, d = network["W"], network["B"], network["x"], network["d"][0]
    u1 = [math.fsum(w * a for w, a in zip(row, x, strict=True)) + b for row, b in zip(w1, b1, strict=True)]
    y1 = [max(u, 0.0) for u in u1]
    y = math.fsum(w * a for w, a in zip(w2[0], y1, strict=True)) + b2[0]
    delta, units = y - d, range(len(u1))
    dy = [delta * w for w in w2[0]]
    hidden = [slope if u >= 0 else 0.0 for slope, u in zip(dy, u1, strict=True)]
    rows = [(f"u_{j + 1}", f"sum_i w_{j + 1}i x_i + b_{j + 1} of the hidden layer", u1[j]) for j in units]
    rows += [(f"y_{j + 1}", f"u_{j + 1} if u_{j + 1} >= 0, else 0", y1[j]) for j in units]
    rows += [("y", "sum_j w_1j y_j + b_1 of the output layer", y), ("E", "1/2 (y - d)^2", 0.5 * delta**2)]
    rows += [("delta", "y - d (STEP 1)", delta)]
    rows += [(f"dE/dw_1{j + 1} of the output layer", f"delta y_{j + 1}", delta * y1[j]) for j in units]
    rows += [("dE/db_1 of the output layer", "delta", delta)]
    rows += [(f"dE/dy_{j + 1}", f"delta w_1{j + 1} (STEP 1.5)", dy[j]) for j in units]
    rows += [
        (f"delta_{j + 1}", f"dE/dy_{j + 1} h'(u_{j + 1}), h' = 1 if u_{j + 1} >= 0, else 0 (STEP 2)", hidden[j])
        for j in units
    ]
    rows += [
        (f"dE/dw_{j + 1}{i + 1} of the hidden layer", f"delta_{j + 1} x_{i + 1}", hidden[j] * x[i])
        for j in units
        for i in range(len(x))
    ]
    return rows + [(f"dE/db_{j + 1} of the hidden layer", f"delta_{j + 1}", hidden[j]) for j in units]


def judged(returned, seed):
    """What is wrong with the numbers that were worked out, "" if nothing is: the first one that is wrong."""
    rows = quantities(seed)
    if not isinstance(returned, list | tuple | np.ndarray):
        return f"returns {returned!r:.60}: a list of {len(rows)} numbers is asked for, `return [..., ..., ...]`"
    for place, (letters, formula, value) in enumerate(rows):
        if place == len(returned):
            return f"right so far, {place} of {len(rows)} numbers: the next is {letters} = {formula}"
        came = returned[place]
        if came is ...:
            return f"right so far, {place} of {len(rows)} numbers: the next is {letters} = {formula}"
        if isinstance(came, bool) or not isinstance(came, Real):
            return f"{letters}, number {place + 1} of the list, is {came!r:.40}: a number is expected"
        if not abs(came - value) <= DIGITS * max(1.0, abs(value)):
            hint = " (the sign)" if abs(came + value) <= DIGITS * max(1.0, abs(value)) else ""
            return f"{letters} = {formula}: you have {came:.6g}, which is not right{hint}"
    if len(returned) > len(rows):
        return f"the first {len(rows)} numbers are right; there are {len(returned)}, more than are asked for"
    return ""


def task(seed):
    """The text, with the numbers of this seed."""
    network = example(seed)
    (w1, w2), (b1, b2) = network["W"], network["B"]
    names = [letters for letters, _, _ in quantities(seed)]

    def numbers(values):
        return ", ".join(f"{value:g}" for value in values)

    return (
        f"On paper: a network with 3 inputs, 2 hidden units (ReLU) and 1 output (identity), and one sample. The inputs "
        f"are x = ({numbers(network['x'])}), the target is d = {numbers(network['d'])}. The hidden layer has the "
        f"weights w_1i = ({numbers(w1[0])}), w_2i = ({numbers(w1[1])}) and the biases b_j = ({numbers(b1)}); the "
        f"output layer has the weights w_1j = ({numbers(w2[0])}) and the bias b_1 = {numbers(b2)}.\n\n"
        f"Return a list of these {len(names)} numbers, in this order: {', '.join(names)}. Three digits behind the "
        "point are enough. An unfinished list is checked, too: `return [..., ..., ...]` with what you have."
    )


def exercise(seed):
    """The exercise with the numbers of this seed."""
    return Exercise(
        "by_hand", "7-39", (), "u_1, u_2, ..., E, ..., dE/db_2 = ____", task(seed),
        (
            "Upwards first: u_1 = w_11 x_1 + w_12 x_2 + w_13 x_3 + b_1, and in the same way u_2. ReLU makes 0 of what "
            "is below 0. The output is the weighted sum of y_1 and y_2, and its activation does nothing.",
            "STEP 1: delta = y - d; dE/dw_1j = delta y_j. STEP 1.5: dE/dy_j = delta w_1j.",
            "STEP 2: delta_j = dE/dy_j where u_j >= 0, else 0; dE/dw_ji = delta_j x_i; dE/db_j = delta_j.",
        ),
        lambda rng: [], lambda: None, (), returns="the numbers", judge=judged,
    )  # fmt: skip


def solution(seed):
    """The function that returns the right numbers, as text."""
    lines = [f"        {value:g},  # {letters} = {formula}" for letters, formula, value in quantities(seed)]
    return "\n".join(["def by_hand():", '    """Slides 7-39, on paper."""', "    return [", *lines, "    ]"])
