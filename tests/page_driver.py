"""A headless browser for the lecture's page: started once, skipped where there is none.

`python -m tests.page_driver` takes the pictures of the page that the lecture's README shows.
"""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import fastbp
from fastbp.lecture import page as lecture_page

NUMBERS = """
const value = (cell) => ("value" in cell.dataset ? Number(cell.dataset.value) : null);
const cells = (row) => [...row.querySelectorAll("[data-of]")].map((cell) => [cell.dataset.of, value(cell)]);
const rows = (table) => Object.fromEntries([...document.querySelectorAll(`#${table} tr`)].map((row) => [
  row.dataset.row, Object.fromEntries(cells(row)),
]));
return {edges: rows("edges"), units: rows("units")};
"""
STEPS = """
document.getElementById("reset").click();
const seen = [], text = document.getElementById("step-text");
for (let n = 0; n < lecture.state.steps.length; n++) {
  document.getElementById("step").click();
  const { part, slides, formula } = lecture.state.steps[n];
  const links = [...text.querySelectorAll(".where a")].map((link) => link.textContent).join(", ");
  seen.push([part, slides.join(", "), text.dataset.quantity, formula, Number(text.dataset.value), links]);
}
return seen;
"""


def started_browser(*more):
    """A WebDriver of Chromium; skips the test where there is none, or fails it if FASTBP_BROWSER is "required"."""
    missing = [program for program in ("chromedriver", "chromium") if shutil.which(program) is None]
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        missing.append("selenium")
    if missing:
        say = pytest.fail if os.environ.get("FASTBP_BROWSER") == "required" else pytest.skip
        say(f"the page is tested in a browser, and there is no {' and no '.join(missing)}")
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *more):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


@contextlib.contextmanager
def served_page():
    """The page served by a process of its own: its address, and a function that ends it by Ctrl-C: (status, stderr)."""
    script = "import fastbp.lecture.page as page; page.serve(ready=lambda address: print(address, flush=True))"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def end():
        process.send_signal(signal.SIGINT)
        return process.wait(20), process.communicate()[1]

    try:
        yield process.stdout.readline().strip(), end
    finally:
        process.kill()
        process.communicate()


class Page:
    """The page in a browser, as a reader sees and moves it."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address
        self.browser.get(address)

    def script(self, text, *arguments):
        """What JavaScript returns."""
        return self.browser.execute_script(text, *arguments)

    def find(self, selector):
        """The first element of a CSS selector."""
        return self.browser.find_element("css selector", selector)

    def choose(self, name, value):
        """One of the options of a <select>."""
        self.find(f"#{name} option[value={value}]").click()

    def put(self, field, value):
        """A number into the field with this label, typed."""
        self.put_into(f'[data-field="{field}"]', value)

    def put_into(self, selector, value):
        """A number into a field, typed."""
        box = self.find(selector)
        box.clear()
        box.send_keys(repr(value))

    def numbers(self):
        """The two tables of the panel as they stand in the page: {"edges": {name: {...}}, "units": {...}}."""
        return self.script(NUMBERS)

    def steps(self):
        """Each step that a reader sees from "Reset" on: part, slides, quantity, formula, result, links to slides."""
        return self.script(STEPS)

    def size(self, width, height, mobile=False):
        """The size of the window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def requests(self):
        """The addresses of all that was asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """What the console has said since the last call."""
        return self.browser.get_log("browser")


def opened_page(browser, file):
    """The page for a test, which ends with nothing to complain about, and nothing fetched but the page itself."""
    page = Page(browser, file.as_uri())
    page.size(1280, 900)
    yield page
    assert page.complaints() == []
    assert {address.partition("#")[0] for address in page.requests()} <= {file.as_uri(), "data:,"}
    assert page.script("return performance.getEntriesByType('resource').length") == 0
    page.script("sessionStorage.clear()")


PICTURES = {  # name: width, height, slide, steps that are done
    "desktop": (1280, 900, 25, 16),
    "phone": (390, 844, 36, 20),
}


def take_pictures(folder):
    """Of the page as it is: a slide beside the network, on a desktop and on a phone."""
    from PIL import Image  # comes with matplotlib

    with tempfile.TemporaryDirectory() as place, started_browser("--hide-scrollbars") as driver:
        lecture_page.write(Path(place, "page.html"))
        for name, (width, height, slide, steps) in PICTURES.items():
            shown = Page(driver, f"file://{place}/page.html#slide-{slide}")
            shown.size(width, height, mobile=width < 600)
            shown.browser.refresh()
            if shown.find("#fold").is_displayed():
                shown.find("#fold").click()
            shown.script("document.getElementById('reset').click()")
            for _ in range(steps):
                shown.script("document.getElementById('step').click()")
            shown.script(
                "document.activeElement.blur(); document.getElementById(arguments[0]).scrollIntoView()",
                f"slide-{slide}",
            )
            picture = Image.open(io.BytesIO(shown.browser.get_screenshot_as_png())).convert("RGB")
            picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
                folder / f"{name}.png", "PNG", optimize=True
            )


if __name__ == "__main__":
    take_pictures(Path(fastbp.__file__).parent / "lecture" / "pictures")
