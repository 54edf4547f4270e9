"""The forty slides: none without a text, a function, an exercise and a place on the page; and the README about them.

The README's table is made from them: python -m tests.test_slides
"""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.lecture import loops, page, workbook
from fastbp.lecture.example import example
from fastbp.lecture.page.mathml import mathml, plain
from fastbp.lecture.slides import SLIDES
from tests.cases import kernels
from tests.test_readme import slides as numbers_of

ROOT = Path(__file__).parent.parent
README = ROOT / "fastbp" / "lecture" / "README.md"
TEXTS = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (README.parent / "page/texts").glob("*.json")
}
MARKS = "<!-- slides: begin -->\n", "<!-- slides: end -->\n"
each_slide = pytest.mark.parametrize("slide", SLIDES, ids=lambda slide: slide.anchor)
each_language = pytest.mark.parametrize("language", TEXTS)

DEMOS = {
    **dict.fromkeys((1, 2, 3, 4), "shapes"), 6: "softmax", **dict.fromkeys((5, 7, 8), "forward"),
    **dict.fromkeys((9, 10, 11), "error"), 12: "cost", 13: "quotient", 14: "limit", 15: "slope", 16: "partial_x",
    17: "partial_y", 18: "total", 19: "chain_one", 20: "chain_many", **dict.fromkeys((21, 22, 23, 24), "step1"),
    25: "step15", **dict.fromkeys(range(26, 31), "step2"), **dict.fromkeys((31, 32, 33), "output_delta"),
    **dict.fromkeys((34, 35, 36), "hidden_delta"), **dict.fromkeys(range(37, 41), "epoch"),
}  # fmt: skip


# ---- Each slide ------------------------------------------------------------------------------------------------------


def test_there_are_forty():
    assert [slide.number for slide in SLIDES] == [*range(1, 41)]
    assert {slide.number: slide.demo for slide in SLIDES} == DEMOS


@each_slide
def test_a_slide_has_formulas_functions_and_exercises(slide):
    assert slide.formulas
    assert slide.functions
    assert slide.exercises
    assert {*slide.functions} <= kernels(loops).keys()
    assert {*slide.exercises} <= {*workbook.names()}
    for whole in (slide.formulas, slide.functions, slide.exercises):
        assert len({*whole}) == len(whole)


@each_slide
def test_a_slide_leaves_something_blank(slide):
    words = " ".join([*slide.formulas, *(texts["slides"][str(slide.number)]["text"] for texts in TEXTS.values())])
    assert re.search(r"\[[^\]]+\]", words)


OWN = [slide for slide in SLIDES if slide.number not in (*range(1, 5), 10, 11, *range(13, 18), *range(37, 41))]


@pytest.mark.parametrize("slide", OWN, ids=lambda slide: slide.anchor)
def test_a_function_names_its_slide(slide):
    """Of the slides with formulas of their own."""
    firsts = [inspect.getdoc(kernels(loops)[name]).splitlines()[0] for name in slide.functions]
    told = [re.findall(r"slides? ([\d, -]+(?:and \d+)?)", first) for first in firsts]
    named = [set().union(*(numbers_of(part.replace("and", ",")) for part in parts)) for parts in told]
    assert any(slide.number in numbers for numbers in named), firsts


def test_slides_and_exercises_name_each_other():
    for name in workbook.names():
        told = numbers_of(workbook.exercise(name).slides)
        named = {slide.number for slide in SLIDES if name in slide.exercises}
        if name == "by_hand":  # it goes through the whole lecture, and stands where its numbers are asked for
            assert named
            assert named < told
        else:
            assert named == told, name


@each_slide
def test_a_slide_has_a_place_on_the_page(slide, whole_page):
    assert re.search(rf"""\bid=["']?{slide.anchor}["'\s>]""", whole_page)


@pytest.fixture(scope="module")
def whole_page():
    return page.html()


# ---- Formulas and the loops ------------------------------------------------------------------------------------------


FORMULAS = {
    "sigmoid": 5, "relu": 5, "softmax": 6, "weighted_sum": 7, "squared_error": 9, "cross_entropy": 9,
    "backward_sum": 25, "weight_gradient": 27, "bias_gradient": 29, "output_delta_general": 31, "output_delta": 32,
    "hidden_delta": 34, "sigmoid_derivative": 35, "relu_derivative": 36,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_that_of_its_loop(name):
    """The slide may have further steps between its two sides."""
    formula = re.split(r" \(slide|[:,;] ", inspect.getdoc(kernels(loops)[name]).splitlines()[0])[0]
    sides = re.split(r" = ", formula)
    written = [re.split(r" = ", plain(each)) for each in SLIDES[FORMULAS[name] - 1].formulas]
    assert any({*sides} <= {*each} for each in written), formula


# ---- Texts -----------------------------------------------------------------------------------------------------------


@each_language
def test_every_slide_and_part_has_its_text(language):
    texts = TEXTS[language]
    assert [*texts["slides"]] == [str(slide.number) for slide in SLIDES]
    assert [*texts["parts"]] == [*TEXTS["en"]["parts"]] == ["1", "13", "21", "31", "37"]
    assert all(texts["parts"].values())
    for number, slide in texts["slides"].items():
        assert slide.keys() == {"title", "text"}, number
        assert 0 < len(slide["title"]) <= 55, number
        assert not re.search(r"[\[\]`<>]", uncovered(slide["title"])), number
        sentences = re.findall(r"[.?!](?: |$)|。", slide["text"].replace("1.5", ""))
        assert 1 <= len(sentences) <= 6, number
    assert len({slide["title"] for slide in texts["slides"].values()}) == 40


def uncovered(text):
    """Without the marks of its blanks."""
    return re.sub(r"\[([^\[\]]+)\]", r"\1", text)


@each_language
def test_what_is_blank_stands_nowhere_beside_it(language):
    """Neither in the title nor elsewhere in the text or in the formulas of its slide."""
    for slide in SLIDES:
        texts = TEXTS[language]["slides"][str(slide.number)]
        whole = f"{texts['title']}. {texts['text']}".lower()
        words = {word for word in re.findall(r"\[([^\[\]]+)\]", whole) if re.search(r"[a-z]{3}|[ぁ-ヿ一-鿿]{2}", word)}
        shown = re.sub(r"\[[^\[\]]+\]", "", whole)
        assert [word for word in words if word in shown] == [], slide.number
        given = " ; ".join([*re.findall(r"`([^`]+)`", texts["text"]), *slide.formulas])
        formulas = {blank for blank in re.findall(r"\[([^\[\]]+)\]", given) if len(blank) > 5}
        shown = re.sub(r"\[[^\[\]]+\]", "", given)
        assert [formula for formula in formulas if formula in shown] == [], slide.number


@each_language
def test_texts_hold_formulas_and_blanks_that_are_closed(language):
    for number, slide in TEXTS[language]["slides"].items():
        pieces = slide["text"].split("`")
        assert len(pieces) % 2, number
        for formula in pieces[1::2]:
            mathml(formula, inline=True)
        for words in pieces[::2]:
            assert not re.sub(r"\[[^\[\]]+\]", "", words).strip("[]").count("["), number
            assert not re.search(r"[\[\]<>]", re.sub(r"\[[^\[\]]+\]", "", words)), number


TERMS = """
    伝搬の流れ 入力層 中間層 出力層 ノード 変数と定数 ウェイトパラメータ バイアス 活性化関数 シグモイド関数
    ソフトマックス関数 恒等関数 回帰問題 分類問題 誤差 依存性 最小化 最適化 勾配降下法 解析的に 微分の基本
    傾き 偏微分 全微分 連鎖率 変化率 対パラメータ勾配 対ウェイト勾配 対バイアス勾配 出力層デルタ 中間層デルタ
    教師信号 まとめ
"""


def test_japanese_uses_the_terms_of_the_lecture():
    words = uncovered(json.dumps([[*TEXTS["ja"]["slides"].values()], TEXTS["ja"]["parts"]], ensure_ascii=False)[1:-1])
    for term in TERMS.split():
        assert term in words, term
    assert "連鎖律" not in words
    assert not re.search(r"[ぁ-ん]。(?<!す。)(?<!ん。)(?<!か。)", words)  # sentences end politely


# ---- The README ------------------------------------------------------------------------------------------------------


def table():
    """All slides: number, what it says, functions, exercises, anchor."""
    lines = ["| slide | what it says | functions | exercises | on the page |", "|---|---|---|---|---|"]
    for slide in SLIDES:
        functions, exercises = (
            ", ".join(f"`{name}`" for name in names) for names in (slide.functions, slide.exercises)
        )
        title = uncovered(TEXTS["en"]["slides"][str(slide.number)]["title"])
        lines.append(f"| {slide.number} | {title} | {functions} | {exercises} | #{slide.anchor} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_the_readme_is_that_of_the_slides():
    text = README.read_text(encoding="utf-8")
    assert text.split(MARKS[0])[1].split(MARKS[1])[0] == table(), "python -m tests.test_slides writes it"


def test_the_readme_tells_how_many_exercises_there_are():
    assert f"`fastbp learn` has {len(workbook.names())} exercises" in README.read_text(encoding="utf-8")


def test_the_readme_is_short():
    assert README.stat().st_size <= 19_456  # more than a fourth of it are rows of formulas


def worked_out():
    """{quantity: (numbers before the equals sign, numbers behind it)} of the network worked out in the README."""
    found, block = {}, README.read_text(encoding="utf-8").split("```")[1]
    for name, middle, result in re.findall(r"^    (\S+) += (.*\S) += (.*)$", block, re.MULTILINE):
        values = [eval(each.replace("^", "**"), {"__builtins__": {}}) for each in middle.split(", ")]
        found[name] = values, [float(each) for each in result.split(", ")]
    return found


def of_the_loops(eta):
    """The same quantities, by the loops."""
    given = example(0)
    network = fastbp.Network(given["sizes"], given["activation"], given["output"], dtype="float64")
    for layer in range(2):
        network.W[layer][...], network.B[layer][...] = given["W"][layer], given["B"][layer]
    x, d, count = np.array(given["x"]), np.array(given["d"]), sum(given["sizes"][1:])
    u, y, dy, dh, delta = np.zeros((5, count))
    loops.forward(network.theta, network.layers, x, u, y)
    E, dtheta = loops.error_of_sample(network.layers, u, y, d), np.zeros_like(network.theta)
    loops.backward(network.theta, network.layers, x, d, 1.0, (u, y, dy, dh, delta), False, dtheta)
    dW1, db1, dW2, db2 = dtheta[:6].reshape(2, 3), dtheta[6:8], dtheta[8:10], dtheta[10:]
    loops.gradient_step(network.theta, dtheta, eta)
    values = {
        "u_1^(1)": u[0], "u_2^(1)": u[1], "y_j^(1)": y[:2], "u_1^(2)": u[2], "y_1^(2)": y[2], "E": E,
        "delta_1^(2)": delta[2], "dE/dw_1j^(2)": dW2, "dE/db_1^(2)": db2, "dE/dy_j^(1)": dy[:2],
        "delta_j^(1)": delta[:2], "dE/dw_1i^(1)": dW1[0], "dE/dw_2i^(1)": dW1[1], "dE/db_j^(1)": db1,
        "w_2i^(1)": network.W[0][1], "b_2^(1)": network.B[0][1], "w_1j^(2)": network.W[1][0], "b_1^(2)": network.B[1],
    }  # fmt: skip
    u, y = np.zeros((2, count))
    loops.forward(network.theta, network.layers, x, u, y)
    return values, y[2], loops.error_of_sample(network.layers, u, y, d)


def test_the_network_worked_out_by_hand_has_the_numbers_of_the_loops():
    (by_loops, y, E), text = of_the_loops(0.1), README.read_text(encoding="utf-8")
    by_hand = worked_out()
    assert by_hand.keys() == by_loops.keys()
    for name, (middle, result) in by_hand.items():
        np.testing.assert_allclose(middle, result, rtol=1e-14, atol=1e-14, err_msg=name)
        np.testing.assert_allclose(result, np.ravel(by_loops[name]), rtol=1e-14, atol=1e-14, err_msg=name)
    said = re.search(r"parameters y = (\S+) and E = (\S+), where it was (\S+)\.\n", text)
    np.testing.assert_allclose([float(each) for each in said.groups()], [y, E, by_loops["E"]], rtol=1e-12)


def test_the_network_that_is_given_is_that_of_the_example():
    text, given = README.read_text(encoding="utf-8"), example(0)
    found = re.findall(r"([xdwb]\S*) += ((?:-?[\d.]+(?:, )?)+)", text.split("Cover")[0])
    told = {name: [float(number) for number in numbers.split(", ")] for name, numbers in found}
    assert told == {
        "x": given["x"], "d": given["d"], "w_1i^(1)": given["W"][0][0], "w_2i^(1)": given["W"][0][1],
        "w_1j^(2)": given["W"][1][0], "b_1^(1)": given["B"][0][:1], "b_2^(1)": given["B"][0][1:],
        "b_1^(2)": given["B"][1],
    }  # fmt: skip


def write():
    """The table into the README."""
    before, rest = README.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    README.write_text("".join([before, MARKS[0], table(), MARKS[1], after]), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
