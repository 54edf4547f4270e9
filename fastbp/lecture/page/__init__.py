"""The lecture as a page: slides, formulas, loops and a network whose numbers move, in one HTML file.

`html(seed, language)` is the document, `write(path)` puts it into a file, `serve(port)` shows it to browsers on this
machine. What it is made of: template.html, style.css, the scripts, texts/ (a file for each language), the slides of
`fastbp.lecture.slides` and the source files of the loops and their twins.
"""

from fastbp.lecture.page.document import html
from fastbp.lecture.page.serving import serve, write

__all__ = ["html", "serve", "write"]
