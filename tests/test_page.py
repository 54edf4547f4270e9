"""The lecture's page without a browser: it is complete, needs nothing else, and shows the sources as they are."""

import ast
import http.client
import json
import os
import re
import socket
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fastbp.lecture import page
from fastbp.lecture.page import document, sources, texts
from fastbp.lecture.slides import SLIDES
from tests.page_driver import served_page

LECTURE = Path(sources.LECTURE)
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in Path(document.FOLDER).glob("*.js")}
STYLE = (Path(document.FOLDER) / "style.css").read_text(encoding="utf-8")
VOID = {"meta", "link", "input", "br"}


class Outline(HTMLParser):
    """The elements of a page: (tag, attributes) in order, the text in each, and whether all are closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.texts.append("")
        if tag not in VOID:
            self.open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        for _, place in self.open:
            self.texts[place] += data

    def by_id(self, name):
        """The text of an element."""
        return next(text for (_, given), text in zip(self.elements, self.texts, strict=True) if given.get("id") == name)


@pytest.fixture(scope="module", params=["en", "ja"])
def outline(request):
    outline = Outline(page.html(language=request.param))
    assert not outline.open
    return outline


def test_every_slide_has_its_place(outline):
    ids = [given["id"] for _, given in outline.elements if "id" in given]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if name.startswith("slide-")] == [f"slide-{n}" for n in range(1, 41)]
    for _, given in outline.elements:
        if given.get("href", "").startswith("#"):
            assert given["href"][1:] in ids
        for reference in given.get("aria-labelledby", "").split() + given.get("aria-controls", "").split():
            assert reference in ids


def test_a_slide_shows_its_title_formulas_code_and_exercises(outline):
    for slide in SLIDES:
        text = outline.by_id(slide.anchor)
        assert text.startswith(f"{slide.number} ")
        for name in (*slide.functions, *(f"fastbp learn show {name}" for name in slide.exercises)):
            assert name in text, (slide.number, name)
    formulas = sum(tag == "math" and given.get("display") == "block" for tag, given in outline.elements)
    assert formulas == sum(len(slide.formulas) for slide in SLIDES)


def test_the_language_is_that_of_the_page():
    for language in texts.languages():
        outline = Outline(page.html(language=language))
        assert outline.elements[0] == ("html", {"lang": language, "data-scheme": "system"})
        assert outline.by_id("step") == texts.words(language)["step"]
        chosen = [given["value"] for tag, given in outline.elements if tag == "option" and "selected" in given]
        assert chosen == [language, "system"]


def test_every_language_has_the_same_texts():
    assert texts.languages()[:2] == ("en", "ja")
    for language in texts.languages():
        for key, english in texts.words("en").items():
            there = texts.words(language)[key]
            assert there, key
            assert sorted(re.findall(r"\{\w+\}", there)) == sorted(re.findall(r"\{\w+\}", english)), (language, key)
        assert texts.words(language).keys() == texts.words("en").keys()


def test_scripts_ask_for_texts_that_are_there():
    asked = {key for script in SCRIPTS.values() for key in re.findall(r'words\("([^"]+)"', script)}
    parts = re.search(r"const PARTS = (\[.*\]);", SCRIPTS["steps"])[1]
    asked |= {f"part {part}" for part in json.loads(parts)}
    asked |= {f"switch to {kind}" for kind in re.findall(r'\d: "(\w+)"', SCRIPTS["slides"])}
    assert len(asked) > 20
    assert asked <= texts.words("en").keys()


def test_texts_become_html():
    assert texts.as_html("a < b & c") == "a &lt; b &amp; c"
    assert texts.as_html("the [input layer]") == 'the <span class="blank"><span>input layer</span></span>'
    assert texts.as_html("of `x_i` and").startswith('of <math alttext="x_i">')


def test_no_line_begins_with_the_sign_behind_a_formula():
    for text, sign in (("`u`, and", ","), ("それを `u` とし、`v`、`w` は", "、")):
        assert re.search(rf'<span class="together"><math[^>]*>.*?</math>{sign}</span>', texts.as_html(text))
    for language in texts.languages():
        for key, text in texts.words(language).items():
            assert not re.search(r"</math>[.,;:、。]", re.sub(r'<span class="together">.*?</span>', "", text)), (
                language,
                key,
            )


def test_nothing_is_fetched(outline):
    for tag, given in outline.elements:
        assert tag not in {"img", "iframe", "object", "embed", "video", "audio"}
        for name in ("src", "srcset", "action", "data", "poster"):
            assert name not in given, (tag, name)
        assert given.get("href", "#").startswith(("#", "data:,"))
        assert not any(name.startswith("on") or name == "style" for name in given), given
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    for name, script in SCRIPTS.items():
        assert not re.search(
            r"\bfetch\b|XMLHttpRequest|\bimport\b|WebSocket|\beval\b|https?:(?!//www\.w3\.org/2000/svg)", script
        ), name


def test_the_policy_allows_this_script_and_this_style_only():
    text = page.html()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert len(re.findall(r"'sha256-[\w+/=]{44}'", policy)) == 2
    assert text.count("<style") == 1


def test_a_seed_gives_other_numbers_and_the_same_network_by_hand():
    def data(text, name):
        return json.loads(re.search(f'id="{name}">(.*?)</script>', text)[1])

    one, other = page.html(0), page.html(1)
    assert data(one, "by-hand-network") == data(other, "by-hand-network") == data(one, "examples")["regression-relu"]
    for name, network in data(one, "examples").items():
        assert network["x"] != data(other, "examples")[name]["x"]


def test_the_page_is_small():
    assert len(page.html(language="ja").encode()) < 500_000


def test_it_is_built_without_numba():
    script = "import sys, fastbp.lecture.page as page; page.html(); assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


# ---- Code ------------------------------------------------------------------------------------------------------------

NAMES = sorted({name for slide in SLIDES for name in slide.functions})


@pytest.mark.parametrize("version", sources.VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_code_is_what_stands_in_the_files(version, name, outline):
    one = sources.excerpt(version, name)
    text = (LECTURE.parent / one.file).read_text(encoding="utf-8")
    blocks = "\n".join(one.lines).split("\n\ndef ")
    assert blocks[0].startswith(f"def {name}(")
    for block in (blocks[0], *(f"def {rest}" for rest in blocks[1:])):
        assert f"\n{block}\n" in text
        ast.parse(block)
    assert "\n".join(one.lines) in outline.by_id(f"code-{name}")
    assert one.marked
    assert not one.marked & one.documentation
    for place in one.marked:
        assert one.lines[place].strip()
        assert not one.lines[place].strip().startswith(("#", "def ", "for ", "if "))


def test_the_lines_of_a_formula_are_marked():
    def marked(version, name):
        one = sources.excerpt(version, name)
        return [one.lines[place].strip() for place in sorted(one.marked)]

    assert marked("loops", "hidden_delta") == ["delta[j] = dy[j] * dh[j]"]
    assert marked("matrix", "hidden_delta") == ["np.multiply(dy, dh, out=delta)"]
    assert marked("loops", "weighted_sum") == ["total = b[j]", "total += w[j, i] * x[i]", "u[j] = total"]
    assert "return 0.5 * total" in marked("loops", "squared_error")


def test_what_a_function_calls_in_private_is_shown_with_it():
    one = sources.excerpt("loops", "sigmoid")
    assert [one.lines[place].split()[0] for place in sorted(one.marked)] == ["y[j]", "e", "return"]
    assert "def _largest(u):" in sources.excerpt("loops", "softmax").lines
    with pytest.raises(KeyError):
        sources.excerpt("loops", "_largest")


def test_slides_of_a_docstring():
    assert sources.slides_in("E = f(y) (slides 9, 31-33).") == {9, 31, 32, 33}
    assert sources.slides_in("STEP 1 (slides 21, 22) and STEP 2 (slide 26)") == {21, 22, 26}
    assert sources.slides_in("Polyak 1964") == frozenset()


# ---- Contrast --------------------------------------------------------------------------------------------------------

COLOURS = dict(re.findall(r"--(\w+): light-dark\((#\w{6}, #\w{6})\)", STYLE))
PAIRS = [
    *((ink, paper) for ink in ("ink", "quiet", "ahead", "back") for paper in ("paper", "sheet")),
    *((ink, "mark") for ink in ("ink", "quiet", "back")),
    ("paper", "ahead"), ("ink", "blank"),
]  # fmt: skip


def luminance(colour):
    """Of WCAG 2: 0 is black, 1 is white."""
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other, scheme):
    dark, light = sorted(luminance(COLOURS[name].split(", ")[scheme]) for name in (one, other))
    return (light + 0.05) / (dark + 0.05)


each_scheme = pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])


@each_scheme
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_contrast(ink, paper, scheme):
    assert contrast(ink, paper, scheme) >= 4.5


@each_scheme
@pytest.mark.parametrize("paper", ["paper", "sheet", "blank"])
def test_frames_of_fields_and_lines_of_blanks_are_seen(paper, scheme):
    assert contrast("frame", paper, scheme) >= 3


def test_a_browser_without_light_and_dark_has_the_light_colours():
    style = re.search(r"<style>(.*?)</style>", page.html(), re.DOTALL)[1]
    fallback = re.search(r"@supports not \(color: light-dark\(.*?\)\) {(.*?)}", style)[1]
    assert dict(re.findall(r"--(\w+): (#\w+);", fallback)) == {
        name: both.split(", ")[0] for name, both in COLOURS.items()
    }


def test_colours_stand_in_one_place():
    assert set(re.findall(r"var\(--(\w+)\)", STYLE)) <= COLOURS.keys() | {"serif", "sans", "code"}
    rest = STYLE[STYLE.index("}") :]
    assert not re.findall(r"(?<=[ :])#[0-9a-f]{3,8}\b|rgb\(|hsl\(", rest)
    assert set(re.findall(r"[^-]color: ([^;v]\w+)", rest)) <= {"inherit"}


# ---- Files and addresses ---------------------------------------------------------------------------------------------


def test_a_file_appears_whole_and_nothing_else_beside_it(tmp_path):
    path = tmp_path / "lecture.html"
    path.write_text("before")
    page.write(path, seed=2, language="ja")
    assert path.read_text(encoding="utf-8") == page.html(2, "ja")
    assert os.listdir(tmp_path) == ["lecture.html"]


def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch):
    with pytest.raises(IsADirectoryError, match="path must be a file for the page, got a folder"):
        page.write(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"lecture\.html"):
        page.write(tmp_path / "missing" / "lecture.html")
    path = tmp_path / "lecture.html"
    path.write_text("before")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        with pytest.raises(PermissionError, match=r"lecture\.html"):
            page.write(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device: .*lecture.html"):
        page.write(path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["lecture.html"]


@pytest.mark.parametrize("call", [page.html, lambda *given: page.write("x.html", *given)])
def test_seeds_and_languages_are_checked(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError, match="seed must be an integer, got 'a'"):
        call("a")
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        call(-1)
    with pytest.raises(ValueError, match="language must be one of 'en', 'ja', got 'jp'"):
        call(0, "jp")
    assert os.listdir(tmp_path) == []


def test_addresses_are_checked():
    with pytest.raises(ValueError, match="port must be at most 65535, got 70000"):
        page.serve(70000)
    with pytest.raises(TypeError, match="port must be an integer"):
        page.serve("8000")
    with pytest.raises(TypeError, match="ready must be callable, got 1"):
        page.serve(ready=1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1 cannot be used"):
            page.serve(port)


def ask(address, path, method="GET", host=None):
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    try:
        connection.request(method, path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Content-Type")
    finally:
        connection.close()


def test_the_page_is_served_to_this_machine_until_it_is_stopped():
    with served_page() as (address, end):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert ask(address, "/") == (200, page.html(), "text/html; charset=utf-8")
        assert ask(address, "/?x=1")[0] == 200
        for other in ("/etc/passwd", "/../README.md", "/page.html"):
            assert ask(address, other)[:2] == (404, "The page is at /")
        assert ask(address, "/", "POST")[0] == 501
        assert ask(address, "/", "HEAD")[:2] == (200, "")
        assert end() == (0, "")
