"""The page as one HTML document, put together from its template, style, scripts, texts and the lecture's sources."""

import base64
import functools
import hashlib
import html as markup
import json
import re
from pathlib import Path
from string import Template

from fastbp import validation
from fastbp.lecture.example import example
from fastbp.lecture.page.mathml import mathml, plain
from fastbp.lecture.page.sources import VERSIONS, excerpt
from fastbp.lecture.page.texts import languages, words
from fastbp.lecture.slides import SLIDES

FOLDER = Path(__file__).parent
SCRIPTS = (
    "arithmetic", "formulas", "steps", "reading", "picture", "graphs", "panel", "demonstrations", "slides", "training",
    "start",
)  # fmt: skip
LONG = 50  # characters of a formula that is drawn smaller on a phone
SHORT = 34  # lines of a loop and its twin that stand open


def html(seed=0, language="en"):
    """The lecture as one HTML document that needs nothing else: no file, no address, no network.

    Parameters
    ----------
    seed : int
        Of the numbers of the small networks; 0 has the one that is worked out by hand.
    language : str
        The language that the page begins with: "en" or "ja". The others can be chosen in it.

    Returns
    -------
    str
        Each slide is an element with the id "slide-1" ... "slide-40".

    Raises
    ------
    TypeError
        If `seed` is no integer, or `language` no text.
    ValueError
        If `seed` is negative, or there is no such language.

    Examples
    --------
    >>> html(language="ja")[:31]
    '<!DOCTYPE html>\\n<html lang="ja"'
    """
    seed = validation.whole_number("seed", seed, 0)
    language = validation.choice("language", language, languages())
    script = f'(() => {{\n"use strict";\n{"".join(_read(f"{name}.js") for name in SCRIPTS)}}})();'
    style, text = _style(), words(language)
    problems, activations = ("regression", "classification"), ("relu", "sigmoid")
    labels = re.findall(r'aria-label="\$\w+" data-label="([\w-]+)"', _read("template.html"))
    page = Template(_read("template.html")).substitute(
        {label.replace("-", "_"): markup.escape(text[label]) for label in labels},
        language=language,
        policy=_policy(style, script),
        title=text["title"],
        style=style,
        script=script,
        languages="".join(f'<option value="{code}">{words(code)["language"]}</option>' for code in languages()),
        parts=_parts(),
        contents_list=_contents(),
        slides="".join(map(_slide, SLIDES)),
        texts=_json({code: words(code) for code in languages()}),
        examples=_json({f"{p}-{a}": example(seed, p, a) for p in problems for a in activations}),
        by_hand=_json(example(0)),
    )
    page = re.sub(r' value="system" data-text', ' value="system" selected data-text', page)
    page = page.replace(f'<option value="{language}">', f'<option value="{language}" selected>')
    return re.sub(r'(<[^>]* data-text="([^"]+)"[^>]*>)', lambda found: found[1] + text[found[2]], page)


def _read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def _style():
    """The style; a browser without light-dark() has the light colours."""
    style = _read("style.css")
    light = "".join(f"{name}: {colour}; " for name, colour in re.findall(r"(--\w+): light-dark\(([^,]+),", style))
    return style.replace("\n\n", f"\n@supports not (color: light-dark(red, red)) {{ :root {{ {light}}} }}\n\n", 1)


def _policy(style, script):
    """Nothing is loaded, and nothing runs but this script and this style."""
    kinds = (("style", style), ("script", script))
    allowed = [
        f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for kind, t in kinds
    ]
    return "; ".join(["default-src 'none'", *allowed, "img-src data:", "base-uri 'none'", "form-action 'none'"])


def _json(value):
    """JSON that may stand in a <script>."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _firsts():
    """The numbers of the slides that begin a part of the lecture."""
    return [int(key.removeprefix("group-")) for key in words("en") if key.startswith("group-")]


def _parts():
    links = [("by-hand", "by-hand-short"), *((f"part-{n}", f"short-{n}") for n in _firsts()), ("train", "train-short")]
    return "".join(f'<li><a href="#{anchor}" data-text="{key}"></a></li>' for anchor, key in links)


def _contents():
    items = (f'<li><a href="#{slide.anchor}" data-text="slide-{slide.number}.name"></a></li>' for slide in SLIDES)
    return f'<ol class="contents-list">{"".join(items)}</ol>'


@functools.cache
def _homes():
    """For each function the slide that shows its code: the first that its docstring names, too."""
    homes = {}
    for name in dict.fromkeys(name for slide in SLIDES for name in slide.functions):
        about = [slide.number for slide in SLIDES if name in slide.functions]
        named = excerpt("loops", name).slides
        homes[name] = next((number for number in about if number in named), about[0])
    return homes


def _slide(slide):
    """A slide: number, title, text, formulas, code, what moves, exercises; a heading before the first of a part."""
    n, homes = slide.number, _homes()
    opening = f'<h2 id="part-{n}" data-text="group-{n}"></h2>' if n in _firsts() else ""
    formulas = "".join(
        f'<div class="formula wide{" long" * (len(plain(formula)) > LONG)}">{mathml(formula)}</div>'
        for formula in slide.formulas
    )
    here = [name for name in slide.functions if homes[name] == n]
    elsewhere = [name for name in slide.functions if homes[name] != n]
    see = ", ".join(f'<a href="#code-{name}"><code>{name}</code></a>' for name in elsewhere)
    code = "".join(map(_code, here)) + (f'<p class="see"><span data-text="code-at"></span> {see}</p>' if see else "")
    moving = f'<div class="moves" data-demo="{slide.demo}" data-slide="{n}"></div>' if slide.demo else ""
    if slide.demo == "epoch":
        moving += '<p class="see"><a href="#train" data-text="see-train"></a></p>'
    commands = ", ".join(f"<code>fastbp learn show {name}</code>" for name in slide.exercises)
    return (
        f'{opening}<section class="slide" id="{slide.anchor}" aria-labelledby="title-{n}">'
        f'<h3 id="title-{n}"><a class="number" href="#{slide.anchor}">{n}</a> '
        f'<span data-text="slide-{n}.title"></span></h3><p data-text="slide-{n}.text"></p>{formulas}{code}{moving}'
        f'<p class="exercises"><span data-text="exercise"></span> {commands}</p></section>'
    )


def _code(name):
    """A loop and its twin, folded where they are long; the lines that are the formula are marked."""
    both = [excerpt(version, name) for version in VERSIONS]
    opened = " open" * (sum(len(one.lines) for one in both) <= SHORT)
    blocks = "".join(
        f'<figure><figcaption><span data-text="{version}"></span> <span class="file">{one.file}</span></figcaption>'
        f'<pre tabindex="0"><code>{"".join(_line(one, place) for place in range(len(one.lines)))}</code></pre></figure>'
        for version, one in zip(VERSIONS, both, strict=True)
    )
    return f'<details class="code" id="code-{name}"{opened}><summary><code>{name}</code></summary>{blocks}</details>'


def _line(one, place):
    """A line of code, with what it says to people set apart from what it says to machines."""
    line = markup.escape(one.lines[place], quote=False)
    if place in one.documentation:
        return f'<span class="said">{line}</span>\n'
    line = re.sub(r"(#.*)$", r'<span class="said">\1</span>', line)
    return f"<mark>{line}\n</mark>" if place in one.marked else f"{line}\n"
