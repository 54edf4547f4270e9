"""The page at an address of this machine, and in a file."""

import contextlib
import errno
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fastbp import validation
from fastbp.atomic import replacing
from fastbp.lecture.page.document import html

LOOPBACK = "127.0.0.1"


def write(path, seed=0, language="en"):
    """Writes the page into a file, which appears whole or not at all.

    Parameters
    ----------
    path : str or path-like
        Of the file; one that is there is replaced.
    seed : int
        As in `html`.
    language : str
        As in `html`.

    Raises
    ------
    OSError
        If `path` is a folder or cannot be written; what was there is still there.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(pathlib.Path(folder) / "lecture.html")
    ...     print((pathlib.Path(folder) / "lecture.html").read_text(encoding="utf-8")[:15])
    <!DOCTYPE html>
    """
    path = validation.path("path", path)
    page = html(seed, language).encode()
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "path must be a file for the page, got a folder", path)
    with replacing(path) as file:
        file.write(page)


def serve(port=0, seed=0, language="en", ready=None):
    """Serves the page to browsers on this machine, and to no other, until Ctrl-C.

    Parameters
    ----------
    port : int
        Of the address http://127.0.0.1:port/; 0 takes one that is free.
    seed : int
        As in `html`.
    language : str
        As in `html`.
    ready : callable, optional
        Is given the address as soon as the page can be opened.

    Raises
    ------
    OSError
        If the port is taken.
    """
    port = validation.whole_number("port", port, 0)
    if port > 65535:
        raise ValueError(f"port must be at most 65535, got {port}")
    if ready is not None and not callable(ready):
        raise TypeError(f"ready must be callable, got {validation.shown(ready)}")
    page = html(seed, language).encode()

    class Handler(BaseHTTPRequestHandler):
        """Gives the page at /, and nothing else."""

        def do_GET(self):
            self.wfile.write(self.do_HEAD())

        def do_HEAD(self):
            found = self.path.partition("?")[0] == "/"
            body = page if found else b"The page is at /"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", f"text/{'html' if found else 'plain'}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body

        def log_message(self, *_):
            """Says nothing: whoever serves has the address."""

    try:
        server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    except OSError as problem:
        raise OSError(problem.errno, f"port {port} of {LOOPBACK} cannot be used: {problem.strerror}") from problem
    with server, contextlib.suppress(KeyboardInterrupt):
        if ready is not None:
            ready(f"http://{LOOPBACK}:{server.server_address[1]}/")
        server.serve_forever()
