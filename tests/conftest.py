"""Hypothesis settings: fewer examples where every loop runs in the interpreter, the same ones on every CI run.

The lecture's page in a browser, for those tests that look at it there.

Processes for trainings that are handed to others.

And Ctrl-C interrupts, as the tests of it expect: a shell that starts a job in the background lets it ignore the signal.
"""

import os
import signal

import pytest
from hypothesis import settings

from fastbp.lecture.page import write
from tests.cases import UNCOMPILED
from tests.page_driver import opened_page, started_browser

settings.register_profile(
    "fastbp", deadline=None, max_examples=40 if UNCOMPILED else 200, derandomize="CI" in os.environ
)
settings.load_profile("fastbp")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--fuzz", type=int, default=20_000, metavar="N", help="damaged model files to read (default: %(default)s)"
    )


@pytest.fixture(scope="module")
def browser():
    """A browser, or a reason to skip the test."""
    driver = started_browser()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A file with the lecture's page."""
    path = tmp_path_factory.mktemp("page") / "lecture.html"
    write(path, seed=3)
    return path


@pytest.fixture
def page(browser, page_file):
    """The page in the browser, as it opens."""
    yield from opened_page(browser, page_file)


@pytest.fixture(scope="module")
def processes():
    """A pool of two processes."""
    from tests.executor_cases import pool

    with pool() as executor:
        yield executor


@pytest.fixture
def small_shards(monkeypatch):
    """Executors get several tasks, however little there is to do."""
    monkeypatch.setattr("fastbp.training.many.executor_scheduler.LEAST", 1e6)
