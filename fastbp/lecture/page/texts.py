"""The words of the page, a file for each language in texts/; another language is another file there."""

import functools
import html
import json
import re
from pathlib import Path

from fastbp.lecture.page.mathml import mathml

FOLDER = Path(__file__).parent / "texts"
PIECE = re.compile(r"`[^`]*`[,.;:?!)、。\uff0c\uff09]*|[][]")  # what follows a formula stays on its line


@functools.cache
def languages():
    """The codes of the languages, English first: ("en", "ja")."""
    return tuple(sorted((file.stem for file in FOLDER.glob("*.json")), key=lambda code: (code != "en", code)))


@functools.cache
def words(language):
    """All texts of a language as HTML by their keys: "step", "slide-1.title", "slide-1.text", "group-1".

    "slide-1.name" is a title without blanks, for a link.
    """
    given = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    found = dict(given["page"])
    found |= {f"group-{number}": title for number, title in given["parts"].items()}
    for number, slide in given["slides"].items():
        found |= {f"slide-{number}.{key}": slide[key] for key in slide}
        found[f"slide-{number}.name"] = re.sub(r"[][]", "", slide["title"])
    return {key: as_html(text) for key, text in found.items()}


def as_html(text):
    """A text as HTML: `formulas` become MathML, and [words] are what a slide leaves blank."""
    made, place = [], 0
    for piece in PIECE.finditer(text):
        made.append(html.escape(text[place : piece.start()], quote=False))
        place = piece.end()
        if piece[0] == "[":
            made.append('<span class="blank"><span>')
        elif piece[0] == "]":
            made.append("</span></span>")
        else:
            _, formula, behind = piece[0].split("`")
            drawn = mathml(formula, inline=True)
            made.append(f'<span class="together">{drawn}{behind}</span>' if behind else drawn)
    return "".join([*made, html.escape(text[place:], quote=False)])
