"""The lecture's page in a real browser, as its readers have it: blanks, languages, colours, keyboard, phone, print."""

import pytest

from tests.cases import UNCOMPILED

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="nothing of the page is compiled by Numba")


def covered(page, selector):
    return page.script(
        "return getComputedStyle(document.querySelector(arguments[0]).firstElementChild).visibility", selector
    )


def test_blanks_are_covered_and_uncovered(page):
    formula, word = "#slide-26 math .blank", "#slide-9 p .blank"
    assert covered(page, formula) == covered(page, word) == "visible"
    assert page.script("return document.querySelectorAll('.blank[tabindex]').length") == 0
    page.find("#blanks").click()
    assert covered(page, formula) == covered(page, word) == "hidden"
    assert page.find(formula).get_attribute("role") == "button"
    assert page.find(formula).get_attribute("aria-label")
    page.script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", word)
    page.find(word).click()
    assert (covered(page, word), covered(page, formula)) == ("visible", "hidden")
    page.script("document.querySelector(arguments[0]).focus()", formula)
    page.browser.switch_to.active_element.send_keys("\ue007")
    assert covered(page, formula) == "visible"
    assert covered(page, "#slide-25 math .blank") == "hidden"
    page.find("#uncover-all").click()
    assert covered(page, "#slide-25 math .blank") == "visible"
    page.find("#blanks").click()
    page.find("#blanks").click()
    assert covered(page, formula) == "hidden"


def test_blanks_cover_what_would_tell_them(page):
    """The numbers beside a slide, its code and a title that has the word; where they were open they are again."""
    opened = "return [...document.querySelectorAll('details.code[open]')].map((code) => code.id)"
    before = page.script(opened)
    page.find("#blanks").click()
    for selector in ("#slide-16 .result", "#slide-25 .moves .blank", "#by-hand .blank", "#slide-14 h3 .blank"):
        assert covered(page, selector) == "hidden", selector
        assert page.find(selector).get_attribute("role") == "button"
    assert page.script(opened) == []
    assert not page.script(
        "return document.querySelectorAll('#slide-25 .show')[0].checkVisibility({visibilityProperty: true})"
    )
    page.script("document.querySelector('#slide-25 .moves .blank').click()")
    page.script("document.querySelector('#slide-25').scrollIntoView()")
    page.put("x_1", 3)  # what is uncovered stays so
    assert covered(page, "#slide-25 .moves .blank") == "visible"
    page.find("#blanks").click()
    assert page.script(opened) == before


def test_a_printed_sheet_with_blanks_does_not_open_the_code(page):
    opened = "return document.querySelectorAll('main details:not([open])').length"
    page.script("window.dispatchEvent(new Event('beforeprint'))")
    assert page.script(opened) == 0
    page.script("window.dispatchEvent(new Event('afterprint'))")
    assert page.script(opened) > 0
    page.find("#blanks").click()
    closed = page.script(opened)
    page.script("window.dispatchEvent(new Event('beforeprint'))")
    assert page.script(opened) == closed > 20


PLACE = "return document.getElementById('slide-25').getBoundingClientRect().top"


def test_the_reader_stays_at_a_slide(page):
    """Where the focus goes above, and when language or blanks make the slides before it shorter or longer."""
    page.browser.get(f"{page.address}#slide-25")
    before = page.script(PLACE)
    assert 0 < before < 150
    blanks = page.find("#blanks")
    for change in (lambda: page.choose("language", "ja"), blanks.click, blanks.click):
        change()
        page.browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        assert abs(page.script(PLACE) - before) < 5


def test_what_was_chosen_is_kept_when_the_page_is_loaded_anew(page):
    page.choose("language", "ja")
    page.choose("scheme", "dark")
    page.browser.refresh()
    assert page.script("return document.documentElement.lang") == page.find("#language").get_attribute("value") == "ja"
    assert page.find("#scheme").get_attribute("value") == "dark"
    assert page.find("#slide-18 h3").text.endswith("全微分")
    page.script("sessionStorage.setItem('fastbp-language', 'xx')")
    page.browser.refresh()
    assert page.script("return document.documentElement.lang") == "en"


def test_slides_out_of_sight_follow_the_numbers(page):
    page.put("x_1", 8)
    steps = "return document.querySelector('#slide-26 .steps').textContent.includes('8')"
    followed = """
      const done = arguments[0];
      const wait = () => {
        if (document.querySelector("#slide-40 .steps").textContent.includes("8")) done();
        else setTimeout(wait, 20);
      };
      wait();
    """
    page.browser.execute_async_script(followed)
    assert page.script(steps)
    page.put("x_1", 9)
    page.script("window.dispatchEvent(new Event('beforeprint'))")  # nothing old is printed
    assert page.script(steps.replace("8", "9"))


def test_all_controls_have_names_for_a_screen_reader(page):
    """Those of slides far away, too; and a covered blank says nothing but that it is one."""
    page.find("#blanks").click()
    nodes = page.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    found = {}
    for node in nodes:
        if not node["ignored"]:
            found.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    assert len(found["slider"]) == page.script("return document.querySelectorAll('input[type=range]').length") > 30
    for role in ("button", "combobox", "spinbutton", "slider", "link", "image", "region", "heading"):
        assert all(found[role]), role
    assert found["button"].count("Blank: uncover it") == page.script(
        "return document.querySelectorAll('.blank').length"
    )
    assert found["heading"].count("14 The Blank: uncover it as a limit") == 1


def test_languages(page):
    title = page.find("h1").text
    page.find("#blanks").click()
    page.choose("language", "ja")
    assert page.script("return document.documentElement.lang") == "ja"
    assert page.find("h1").text != title
    assert page.find("#step").text == "進む"
    assert page.find("#slide-18 h3").text.endswith("全微分")
    assert covered(page, "#slide-9 p .blank") == "hidden"
    assert page.script("return document.title") == page.find("h1").text
    page.choose("language", "en")
    assert (page.find("h1").text, page.script("return document.documentElement.lang")) == (title, "en")


def test_light_and_dark(page):
    brightness = (
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b)"
    )
    page.choose("scheme", "dark")
    assert page.script(brightness) < 150
    page.choose("scheme", "light")
    assert page.script(brightness) > 700


def test_numbers_of_any_size_fit_into_the_picture(page):
    numbers = ("x_1", -1.234567e-7), ("x_2", -123456.7), ("x_3", -1.25), ("w_11^(1)", -1.5e22), ("w_21^(1)", 1e-200)
    for name, number in numbers:
        page.put(name, number)
    outside = """
      const outside = [];
      for (const node of document.querySelectorAll("#picture .node")) {
        const circle = node.querySelector("circle").getBBox();
        for (const text of node.querySelectorAll("text")) {
          const { x, y, width } = text.getBBox(), below = y > circle.y + circle.height - 5;
          if (!below && (x < circle.x || x + width > circle.x + circle.width)) outside.push(text.textContent);
        }
      }
      return outside;
    """
    assert page.script(outside) == []


@pytest.mark.parametrize("width", [1100, 1280, 1600])
def test_a_desktop_shows_all_of_every_number(page, width):
    """No table, sentence or formula needs scrolling or sticks out, wherever the sliders are."""
    page.size(width, 900)
    cut = """
      const cut = [];
      for (const end of ["min", "max"]) {
        for (const slider of document.querySelectorAll(".sliders input[type=range]")) {
          slider.value = slider[end];
          slider.dispatchEvent(new Event("input", { bubbles: true }));
        }
        for (const part of document.querySelectorAll(".moves, .result, .result .wide, .result p, .line p, .formula")) {
          if (part.scrollWidth > part.clientWidth + 1) cut.push(`${part.closest("section").id} ${part.className}`);
        }
      }
      return cut;
    """
    assert page.script(cut) == []


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_phone_has_no_horizontal_scrolling(page, language):
    page.size(390, 844, mobile=True)
    page.browser.refresh()
    page.choose("language", language)
    for prepare in ("", "document.getElementById('blanks').click()", "document.getElementById('fold').click()"):
        page.script(prepare)
        assert page.script("return [document.documentElement.scrollWidth, innerWidth]") == [390, 390], prepare
        assert page.find("header").size["height"] < 60, prepare  # a slide that is jumped to begins below it
    wide = """return [...document.querySelectorAll('.moves p, .formula.long')]
      .filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.closest("section").id)"""
    assert page.script(wide) == []
    every_step = """
      const text = document.getElementById("step-text"), wide = [];
      document.getElementById("reset").click();
      for (const { formula } of lecture.state.steps) {
        document.getElementById("step").click();
        if (text.scrollWidth > text.clientWidth) wide.push(formula);
      }
      return wide;
    """
    page.choose("problem", "classification")
    assert page.script(every_step) == []
    assert page.find("#step-text").is_displayed()
    page.find("#fold").click()
    assert not page.find("#step-text").is_displayed()
