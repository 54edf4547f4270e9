"""The lecture's page in a real browser: its numbers are those of `fastbp.trace`, and a reader can move all of it."""

import numpy as np
import pytest

import fastbp
from fastbp.lecture.example import example
from tests.cases import UNCOMPILED
from tests.page_driver import Page, served_page

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="nothing of the page is compiled by Numba")

EXAMPLES = [(p, a) for p in ("regression", "classification") for a in ("relu", "sigmoid")]
EXACT = {"rtol": 1e-12, "atol": 1e-15}


def traced(given, eta=0.1):
    network = fastbp.Network(given["sizes"], activation=given["activation"], output=given["output"], dtype="float64")
    for layer, (W, B) in enumerate(zip(given["W"], given["B"], strict=True)):
        network.W[layer][...], network.B[layer][...] = W, B
    return fastbp.trace(network, given["x"], given["d"], learning_rate=eta)


def expected_tables(trace):
    """The two tables of the panel, from the trace."""
    edges, units = {}, {}
    for n, layer in enumerate(trace.layers, 1):
        for (j, i), dw in np.ndenumerate(layer.dW):
            edges[f"w_{j + 1}{i + 1}^({n})"] = {"gradient": dw, "new": layer.W_after[j, i]}
        for j, db in enumerate(layer.dB):
            edges[f"b_{j + 1}^({n})"] = {"gradient": db, "new": layer.B_after[j]}
            units[f"u_{j + 1}^({n})"] = {"value": layer.u[j], "gradient": layer.delta[j]}
            units[f"y_{j + 1}^({n})"] = {"value": layer.y[j], "gradient": layer.dy[j]}
    return {"edges": edges, "units": units}


def assert_numbers(page, given, eta=0.1):
    found, expected = page.numbers(), expected_tables(traced(given, eta))
    for table in ("edges", "units"):
        assert found[table].keys() == expected[table].keys()
        for row, numbers in expected[table].items():
            for column, number in numbers.items():
                np.testing.assert_allclose(found[table][row][column], number, **EXACT, err_msg=f"{row}: {column}")
            assert found[table][row]["quotient"] == pytest.approx(numbers["gradient"], rel=1e-6, abs=1e-6), row
    np.testing.assert_allclose(page.script("return lecture.state.trace.E"), traced(given, eta).E, **EXACT)


def choose(page, problem, activation):
    page.choose("problem", problem)
    page.choose("activation", activation)
    return example(3, problem, activation)


@pytest.mark.parametrize(("problem", "activation"), EXAMPLES)
def test_every_number_is_that_of_the_trace(page, problem, activation):
    assert_numbers(page, choose(page, problem, activation))


@pytest.mark.parametrize(("problem", "activation"), EXAMPLES)
def test_the_steps_are_those_of_the_trace(page, problem, activation):
    given = choose(page, problem, activation)
    found, expected = page.steps(), list(traced(given).steps())
    assert len(found) == len(expected)
    for (part, slides, quantity, formula, result, links), step in zip(found, expected, strict=True):
        assert (part, slides, quantity) == (step.part, step.slide, step.quantity)
        sign = " <- " if part == "update" else " = "
        assert formula.removeprefix(quantity + sign) == step.formula.removeprefix("(").removesuffix("else 0)") + (
            "else 0" if step.formula.endswith("else 0)") else ""
        )
        np.testing.assert_allclose(result, step.result, **EXACT, err_msg=quantity)
        assert links == slides


@pytest.mark.parametrize(("problem", "activation"), EXAMPLES)
def test_numbers_follow_what_is_edited(page, problem, activation):
    given = choose(page, problem, activation)
    page.put("x_2", 0.375)
    page.put("w_21^(1)", -0.625)
    page.put("b_1^(2)", 0.3)
    given["x"][1], given["W"][0][1][0], given["B"][1][0] = 0.375, -0.625, 0.3
    for k, d in enumerate([0.3, 0.7][: len(given["d"])], 1):
        page.put(f"d_{k}", d)
        given["d"][k - 1] = d
    page.put("eta", 0.25)
    assert_numbers(page, given, 0.25)
    page.find("#reset").click()
    page.find("#all").click()
    assert_numbers(page, example(3, problem, activation))


def test_a_field_without_a_number_says_so_and_changes_nothing(page):
    given = choose(page, "regression", "relu")
    field = page.find('[data-field="x_1"]')
    field.send_keys("\ue009a\ue000\ue003")  # control and a, backspace
    assert field.get_attribute("aria-invalid") == "true"
    assert page.find("#no-number").is_displayed()
    assert_numbers(page, given)
    page.put("x_1", 2)
    assert field.get_attribute("aria-invalid") is None
    assert not page.find("#no-number").is_displayed()
    assert_numbers(page, given | {"x": [2, *given["x"][1:]]})


def test_arrow_keys_move_a_number(page):
    given = choose(page, "regression", "sigmoid")
    page.find('[data-field="w_11^(1)"]').send_keys("\ue013")  # up
    given["W"][0][0][0] += 0.25
    assert_numbers(page, given)


def test_a_step_can_be_taken(page):
    given = choose(page, "classification", "sigmoid")
    page.find("#take").click()
    after = traced(given)
    given["W"], given["B"] = (
        [getattr(layer, name).tolist() for layer in after.layers] for name in ("W_after", "B_after")
    )
    assert_numbers(page, given)


def test_a_kink_is_told_of(page):
    choose(page, "regression", "relu")
    assert not page.find("#kink").is_displayed()
    for name, number in (("x_1", 0), ("x_2", 0), ("x_3", 0), ("b_1^(1)", 0)):
        page.put(name, number)
    assert page.find("#kink").is_displayed()
    assert page.script("""return lecture.state.trace.dh[0][0]""") == 1


def test_teacher_signals_that_are_no_shares_are_told_of(page):
    choose(page, "classification", "sigmoid")
    assert not page.find("#no-share").is_displayed()
    page.put("d_1", 0.5)
    assert page.find("#no-share").is_displayed()


def test_numbers_that_overflow_are_shown_as_what_they_are(page):
    choose(page, "regression", "relu")
    page.put("x_1", 1e300)
    page.put("w_11^(1)", 1e300)
    page.put("w_21^(1)", 1e300)
    page.put("w_11^(2)", -2)
    assert page.find("#error-now").text in ("∞", "NaN")
    assert page.find("#overflow").is_displayed()
    assert len(page.steps()) == page.script("return lecture.state.steps.length")
    page.find("#reset").click()
    page.put("x_1", 1e300)
    page.put("w_11^(1)", 1e300)
    page.find("#step").click()
    numbers = page.find("#step-text .numbers").text
    assert "∞" in numbers
    assert "Infinity" not in numbers


def test_the_keyboard_alone_goes_through_an_example(page):
    tab, enter = "\ue004", "\ue007"

    def focused():
        return page.browser.switch_to.active_element

    focused().send_keys(tab)
    focused().send_keys(tab)
    focused().send_keys(enter)  # the second link leads to the network
    for _ in range(12):
        focused().send_keys(tab)
        if focused().get_attribute("id") == "step":
            break
    assert focused().get_attribute("id") == "step"
    steps, seen = page.script("return lecture.state.steps.length"), []
    for _ in range(steps):
        focused().send_keys(enter)
        seen.append(page.find("#step-text").get_attribute("data-quantity"))
    assert seen == page.script("return lecture.state.steps.map((step) => step.quantity)")
    assert page.script("return document.querySelectorAll('#edges td[data-of=new]:not([data-value])').length") == 0


def test_what_is_not_computed_yet_is_not_shown(page):
    page.find("#reset").click()
    page.find("#step").click()
    numbers = page.numbers()["units"]
    assert numbers["u_1^(1)"]["value"] is not None
    assert numbers["u_2^(1)"]["value"] is None
    assert numbers["u_1^(1)"]["gradient"] is None
    page.find("#back").click()
    assert page.numbers()["units"]["u_1^(1)"]["value"] is None
    assert page.script("return document.querySelectorAll('#picture .hot').length") == 0
    page.find("#step").click()
    assert page.script("return document.querySelectorAll('#picture .edge.hot').length") == 3


DEMONSTRATIONS = ["quotient", "limit", "slope", "partial_x", "partial_y", "total", "chain_one", "chain_many"]


@pytest.mark.parametrize("slide", range(13, 21))
def test_demonstrations_move(page, slide):
    place = f"#slide-{slide} .moves"
    assert page.find(place).get_attribute("data-demo") == DEMONSTRATIONS[slide - 13]
    before = page.find(f"{place} .result").text
    page.script("document.querySelector(arguments[0]).focus()", f"{place} input")
    page.browser.switch_to.active_element.send_keys("\ue014")  # right
    assert page.find(f"{place} .result").text != before


def demonstrated(page, slide):
    return page.script(
        f"return [...document.querySelectorAll('#slide-{slide} .rows td')].map((c) => Number(c.dataset.value))"
    )


def test_demonstrations_are_right(page):
    x, dx = 1, 0.8
    rise = ((x + dx) ** 3 / 3 - (x + dx)) - (x**3 / 3 - x)
    assert demonstrated(page, 13)[2:] == pytest.approx([rise, rise / dx])
    assert demonstrated(page, 14) == pytest.approx([1.5**2 - 1])
    assert demonstrated(page, 15) == pytest.approx([-(1.5**3) / 3 + 1.5, 1.25])
    for slide, slope in ((16, 1 * 1.5), (17, 1 / 2 - 1)):
        quotient, derivative = demonstrated(page, slide)[2:]
        assert derivative == pytest.approx(slope)
        assert quotient == pytest.approx(slope, abs=0.1)  # dx is 0.1
    assert demonstrated(page, 18)[2:] == pytest.approx([1.5 * 0.1 + 1 * 0.05, 0.55 * 1.1 + 1.1**2 / 2 - 0.5 - 0.5])
    for slide, slope in ((19, (1.96 - 1) * 2.8), (20, 0.25 * 1 - 0.5 + 1 * 2)):
        assert demonstrated(page, slide)[-2:] == pytest.approx([slope, slope], rel=1e-8)


def test_steps_beside_a_slide_lead_into_the_network(page):
    page.find("#reset").click()
    page.script("document.querySelector('#slide-25 .show').click()")
    assert page.find("#step-text").get_attribute("data-quantity") == "dE/dy_1^(1)"
    page.script("document.querySelector('#slide-33 .moves button').click()")
    assert page.find("#problem").get_attribute("value") == "classification"
    assert len(page.browser.find_elements("css selector", "#slide-33 .show")) > 4


def test_the_network_by_hand_stands_first(page):
    text = page.find("#by-hand desc").get_attribute("textContent")
    for number in ("u_1^(1) = -2", "y_2^(1) = 1.5", "dE/dw_12^(2) = -1.5", "dE/dw_22^(1) = 2", "E = 0.5"):
        assert number in text


def test_xor_is_learnt(page):
    outputs = "return [...document.querySelectorAll('#outputs [data-value]')].map((cell) => Number(cell.dataset.value))"
    page.find("#epoch-1").click()
    first = page.script("return lecture.training.errors[0]")
    page.find("#epochs-100").click()
    page.find("#epochs-100").click()
    assert page.script("return lecture.training.errors.length") == 201
    assert page.script("return lecture.training.errors.at(-1)") < first / 100
    np.testing.assert_allclose(page.script(outputs), [0, 1, 1, 0], atol=0.2)
    assert page.find("#regions").get_attribute("aria-label").count("→") == 4
    page.find("#fresh").click()
    assert page.script("return lecture.training.errors.length") == 0
    assert page.find("#errors p").text == "No epoch yet."
    page.put_into("#rate", 2)
    assert page.find("#bad-rate").is_displayed()
    page.put_into("#rate", 0.5)
    assert not page.find("#bad-rate").is_displayed()
    assert page.script("return lecture.training.eta") == 0.5
    page.find("#play").click()
    assert page.find("#play").get_attribute("aria-pressed") == "true"
    page.browser.execute_async_script("setTimeout(arguments[0], 200)")
    page.find("#play").click()
    assert page.script("return lecture.training.errors.length") > 0


def test_xor_has_the_gradients_of_the_lecture(page):
    before = page.script("return structuredClone(lecture.training.network)")
    page.find("#epoch-1").click()
    for x, d in zip([[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]], strict=True):
        layers = traced(before | {"x": x, "d": d}, eta=0.2).layers
        before |= {"W": [layer.W_after for layer in layers], "B": [layer.B_after for layer in layers]}
    after = page.script("return lecture.training.network")
    for layer in range(2):
        np.testing.assert_allclose(after["W"][layer], before["W"][layer], **EXACT)
        np.testing.assert_allclose(after["B"][layer], before["B"][layer], **EXACT)


def test_the_page_at_its_address(browser):
    """As it is served: with the same numbers, and nothing asked for but the page."""
    with served_page() as (address, _):
        page = Page(browser, address)
        page.requests()
        page.browser.refresh()
        assert_numbers(page, example(0))
        assert page.complaints() == []
        assert set(page.requests()) <= {address, "data:,"}
