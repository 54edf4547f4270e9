"""Formulas in the lecture's notation become MathML; what is not in the notation is refused with its place."""

import doctest
import re
from xml.etree import ElementTree

import pytest

from fastbp.lecture.page import mathml as notation
from fastbp.lecture.page.mathml import mathml, plain
from fastbp.lecture.slides import SLIDES

FORMULAS = [(slide.anchor, formula) for slide in SLIDES for formula in slide.formulas]
AS_TYPED = {"\u2212": "-", "\u2032": "'", **{chr(0x1D400 + n): f"bold {chr(65 + n)}" for n in range(26)}}
GREEK = {"δ": "delta", "η": "eta", "θ": "theta"}


def tree(formula, **how):
    return ElementTree.fromstring(mathml(formula, **how))


def drawn(formula):
    """The formula without spaces, as "msub(w,j i)": elements with children of their own, and their texts."""

    def shown(element):
        parts = [shown(child) for child in element if child.tag != "mspace"]
        if element.tag in ("math", "mrow", "mtd") and element.get("class") is None:
            return " ".join(part for part in parts if part)
        name = element.get("class") or element.tag
        text = element.text or ""
        return f"{name}({', '.join(parts)})" if parts else text.strip("\u2061\u2062")

    return typed(shown(tree(formula)))


def typed(text):
    """Without the signs that are easily mistaken for others."""
    for sign, word in AS_TYPED.items():
        text = text.replace(sign, word)
    return text


SAMPLES = {
    "w_ji": "msub(w, j i)",
    "w_11": "msub(w, 11)",
    "w_j1": "msub(w, j 1)",
    "u_j^(1)": "msubsup(u, j, ( 1 ))",
    "y^2": "msup(y, 2)",
    "(y_r - d_r)^2": "msup(( msub(y, r) - msub(d, r) ), 2)",
    "W^(2)^T": "msup(bold W, ( 2 ) T)",
    "h'(u_j)": "msup(h, ') ( msub(u, j) )",
    "delta_j x_i": "msub(δ, j) msub(x, i)",
    "w_[ji]": "msub(w, blank(j i))",
    "u_j = [sum_i w_ji x_i] + b_j": "msub(u, j) = blank(munder(∑, i) msub(w, j i) msub(x, i)) + msub(b, j)",
    "sum_{i = 1}^l x_i": "munderover(∑, i = 1, l) msub(x, i)",
    "sum_{r != k} a": "munder(∑, r ≠ k) a",
    "1/2 sum_r a": "mfrac(1, 2) munder(∑, r) a",
    "exp(u_k) / sum_r exp(u_r)": "mfrac(exp ( msub(u, k) ), munder(∑, r) exp ( msub(u, r) ))",
    "1 / (1 + exp(-u))": "mfrac(1, 1 + exp ( - u ))",
    "[f(x + dx) - f(x)] / [dx]": "mfrac(blank(f ( x + d x ) - f ( x )), blank(d x))",
    "lim_{dx -> 0} a / dx": "munder(lim, d x → 0) mfrac(a, d x)",
    "-sum_r d_r ln y_r": "- munder(∑, r) msub(d, r) ln msub(y, r)",
    "dE/dw_ji": "mfrac(∂ E, ∂ msub(w, j i))",
    "dE/dW^(1)": "mfrac(∂ E, ∂ msup(bold W, ( 1 )))",
    "dE/dtheta_p": "mfrac(∂ E, ∂ msub(θ, p))",
    "df/dx": "mfrac(d f, d x)",
    "∂f/∂x": "mfrac(∂ f, ∂ x)",
    "dE/dy_r dy_r/dx": "mfrac(∂ E, ∂ msub(y, r)) mfrac(d msub(y, r), d x)",
    "y = u if u >= 0 else 0": "y = { cases(mtr(u, ( u ≥ 0 )), mtr(0, ( u < 0 )))",
    "a = [0] for r != k": "a = blank(0) ( r ≠ k )",
    "matrix(a, b)^T": "msup([ mtable(mtr(a, b)) ], T)",
    "matrix(a, ..., b; ...; c, ..., d)": "[ mtable(mtr(a, ⋯, b), mtr(⋮, ⋱, ⋮), mtr(c, ⋯, d)) ]",
    "w <- w - [eta]": "w ← w - blank(η)",
    "1, ..., n": "1 , … , n",
    "a + ... + b": "a + ⋯ + b",
    "a * b": "a ⊙ b",
    "[n times m]": "blank(n \u00d7 m)",
}


@pytest.mark.parametrize("formula", SAMPLES)
def test_what_is_drawn(formula):
    assert drawn(formula) == SAMPLES[formula]


def test_a_function_takes_what_follows_without_a_space():
    assert "\u2061" in "".join(tree("y(1 - y)").itertext())
    assert "\u2062" in "".join(tree("y (1 - y)").itertext())


def test_parentheses_grow_only_around_what_is_high():
    def grow(formula):
        return [each.get("stretchy") != "false" for each in tree(formula).iter("mo") if each.text in ("(", ")")]

    assert grow("h'(u_j) W^(2)") == [False] * 4
    assert grow("(sum_k delta_k w_kj) h(u_j)") == [True, True, False, False]
    assert grow("(dE/dy) x") == [True, True]


@pytest.mark.parametrize(("anchor", "formula"), FORMULAS, ids=[f"{anchor}: {formula}" for anchor, formula in FORMULAS])
@pytest.mark.parametrize("inline", [False, True])
def test_formulas_of_the_slides_are_drawn(anchor, formula, inline):
    """Well-formed, every blank one of its own, and nothing of the formula is lost."""
    element = tree(formula, inline=inline)
    assert element.tag == "math"
    assert element.get("display") == (None if inline else "block")
    assert element.get("alttext") == plain(formula)
    assert not re.search(r"[\[\]]", plain(formula))
    blanks = [each for each in element.iter() if each.get("class") == "blank"]
    assert len(blanks) == formula.count("[")
    assert all(blank.tag == "mrow" and "".join(blank.itertext()).strip() for blank in blanks)
    assert letters("".join(element.itertext())) == letters(plain(formula))


def letters(text):
    """Letters and numbers, each as often as it is there; once where a condition is drawn twice."""
    text = typed(text).replace("bold ", "").replace("∂", "d")
    for sign, word in GREEK.items():
        text = text.replace(sign, word)
    found = re.findall(r"[A-Za-z0-9]", re.sub(r"matrix|sum|lim|times|if|else| for ", "", text))
    return {*found} if " if " in text or "≥" in text else sorted(found)


def test_every_element_is_mathml_and_has_as_many_children_as_it_takes():
    takes = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
    known = {*takes, "math", "mrow", "mi", "mn", "mo", "mspace", "mtable", "mtr", "mtd"}
    for _, formula in FORMULAS:
        for element in tree(formula).iter():
            assert element.tag in known
            assert len(element) == takes.get(element.tag, len(element)), formula
            assert (element.tag in ("mi", "mn", "mo")) == bool((element.text or "").strip()), formula


def test_the_example_runs():
    assert doctest.testmod(notation) == (0, 1)


def test_signs_of_html_are_escaped():
    assert 'alttext="u &lt; 0, u &gt;= 0"' in mathml("u < 0, u >= 0")
    assert tree("u < 0").get("alttext") == "u < 0"
    assert "<mo>&lt;</mo>" in mathml("u < 0")


REFUSED = {
    "": (1, "the end"),
    "u_j = (w": (9, "the end"),
    "u = [w": (7, "the end"),
    "a b]": (4, "']'"),
    "a)": (2, "')'"),
    "a / b / c": (7, "'/'"),
    "a +": (4, "the end"),
    "word": (1, "'word'"),
    "a # b": (3, "'#'"),
    "<script>": (1, "'<'"),
    "w_": (2, "'_'"),
    "w_{a": (5, "the end"),
    "w _ji": (3, "'_ji'"),
    "u if u + 1 else 0": (12, "'else'"),
    "u if u >= 0": (12, "the end"),
    "sum_k": (6, "the end"),
    "matrix(a, b": (12, "the end"),
    "matrix a": (8, "'a'"),
    "0 for r": (8, "the end"),
    "dE/": (4, "the end"),
    "a = = b": (5, "'='"),
    "a\nb": (2, r"'\n'"),
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_is_not_in_the_notation_is_refused_with_its_place(formula):
    place, came = REFUSED[formula]
    with pytest.raises(ValueError, match="formula must have") as caught:
        mathml(formula)
    assert f" at character {place}, got {came}: {formula!r}" in str(caught.value)


@pytest.mark.parametrize("formula", [None, 3, b"u", ["u"]])
def test_only_texts_are_formulas(formula):
    with pytest.raises(TypeError, match="formula must be a text, got"):
        mathml(formula)
