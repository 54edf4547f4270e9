"""The workbook's judge and functions that raise: what it says of the line, and of what stands there most likely."""

import sys

import numpy as np
import pytest

from tests.test_workbook_bad import line_of, message_of

TWO = 2


def past_the_end(u, y):
    for j in range(u.size + 1):
        y[j] = u[j]


def reads_past_the_end(x, w, b, u):
    for j in range(u.size):
        for i in range(x.size + 1):
            u[j] = w[j, i - 1] + x[i]


def too_many_indices(u, y):
    for j in range(u.size):
        y[j] = u[j, 0]


def exits(u, y):
    sys.exit(3)


def recurses(u, y):
    recurses(u, y)


def asks(u, y):
    y[0] = float(input("u? "))


def misspelt(u, y):
    for j in range(u.size):
        y[j] = max(U[j], 0)  # noqa: F821


def before_its_value(u, y):
    for j in range(u.size):
        total += u[j]  # noqa: F821, F841


def whole_array(u, y):
    y[:] = u if u >= 0 else 0


def calls_an_array(u, y):
    for j in range(u.size):
        y[j] = u(j)


def divides(u, y):
    for j in range(u.size):
        y[j] = 1 / (j - j)


def no_product(u, y):
    for j in range(u.size):
        y[j] = TWO(u[j])


def no_brackets(u, y):
    y[:] = u - u.max


def other_name(u, y):
    for j in range(u.size):
        y[j] = np.epx(u[j])


def ln(u, y):
    y[:] = np.ln(u)


def appends(u, y):
    for j in range(u.size):
        y.append(u[j])


def resizes(u, y):
    y.resize(u.size + 1)


def takes_what_none_returns(u, y):
    y = np.copyto(y, u)
    y.size = 3


def an_entry_of_an_entry(u, y):
    y[0] = u[0][0]


def far_too_large(u, y):
    y[0] = np.ones(10**15)[0]


def without_words(u, y):
    raise ValueError


def in_another(u, y):
    past_the_end(u, y)


def other_shapes(u, y):
    y[:] = np.ones(u.size + 1)


@pytest.mark.parametrize(
    ("function", "text", "sentence"),
    [
        (past_the_end, "y[j] = u[j]", "with the index 2, but {} has 2 entries: the index goes over 0..1"),
        (too_many_indices, "y[j] = u[j, 0]", "u has 1 index, not 2"),
        (exits, "sys.exit", "ends the whole program"),
        (recurses, "def recurses", "calls the function itself without end"),
        (asks, "input", "waits for input, and there is none"),
        (misspelt, "max(U", "name 'U' is not defined"),
        (before_its_value, "total +=", "it needs a first value before the loop"),
        (whole_array, "if u >= 0", "ask for each entry, u[j] >= 0"),
        (calls_an_array, "u(j)", "round brackets call a function"),
        (divides, "1 / (j - j)", "divides by 0"),
        (other_shapes, "np.ones", "the shapes do not fit"),
        (no_product, "TWO(u", "A product is written with `*`"),
        (no_brackets, "u.max", "a function is called with brackets, as in `u.max()`"),
        (other_name, "np.epx", "has no attribute 'epx'; did you mean 'exp'?"),
        (ln, "np.ln", "the natural logarithm is np.log"),
        (appends, "y.append", "an array keeps its size; its entries are written, `y[j] = ...`"),
        (resizes, "y.resize", "an array keeps its size"),
        (takes_what_none_returns, "y.size", "`relu(u, y)` stands alone in its line, without `y =`"),
        (an_entry_of_an_entry, "u[0][0]", "a single number has no entries"),
        (far_too_large, "10**15", "there is not enough memory"),
        (without_words, "raise ValueError", "(`raise ValueError`) raises ValueError (for two units)"),
        (in_another, "past_the_end", "(`past_the_end(u, y)`) calls past_the_end, and there line "),
    ],
)
def test_what_a_function_raises_is_told_with_its_line(function, text, sentence):
    message = message_of("relu", function)
    assert f"line {line_of(function, text)} (`" in message
    assert any(sentence.format(letter) in message for letter in "uy"), message


def test_an_index_past_the_end_names_the_array_and_its_size():
    message = message_of("weighted_sum", reads_past_the_end)
    assert "reads x[i] with the index 2, but x has 2 entries: the index goes over 0..1" in message
