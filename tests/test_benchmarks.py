"""The commands of the benchmarks: what they refuse to publish, where they write, and in which order they go."""

import subprocess
import sys

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import command, machine, markdown, process

OPENBLAS = {"of": "numpy", "library": "openblas", "version": "0.3"}


@pytest.fixture
def page(tmp_path):
    """A file with places for two parts."""
    file = tmp_path / "page.md"
    begin, end = markdown.markers("one"), markdown.markers("two")
    file.write_text("\n".join(["before", begin[0], "old", begin[1], "between", *end, "after", ""]), encoding="utf-8")
    return file


@pytest.fixture
def good(monkeypatch):
    monkeypatch.setattr(machine, "faults", list)
    monkeypatch.setattr(machine, "judged", lambda: True)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")


@pytest.mark.parametrize("kernels", ["SkylakeX", "Cooperlake", "SapphireRapids", "Sapphirerapids"])
def test_avx_512_wants_its_kernels(kernels):
    assert machine.fault({**OPENBLAS, "kernels": kernels}, {"sse2", "avx2", "avx512f"}) is None


@pytest.mark.parametrize("kernels", ["Haswell", "Zen", "Prescott", "unknown"])
def test_kernels_for_older_processors_are_a_fault(kernels):
    why = machine.fault({**OPENBLAS, "kernels": kernels}, {"sse2", "avx2", "avx512f"})
    assert f"the BLAS of numpy took its kernels for {kernels}" in why
    assert "Cooperlake or SapphireRapids or SkylakeX" in why


def test_avx_2_wants_haswell_or_zen():
    flags = {"sse2", "avx2"}
    assert machine.fault({**OPENBLAS, "kernels": "Haswell"}, flags) is None
    assert machine.fault({**OPENBLAS, "kernels": "Zen"}, flags) is None
    assert "Nehalem" in machine.fault({**OPENBLAS, "kernels": "Nehalem"}, flags)


def test_what_cannot_be_told_is_no_fault():
    assert machine.fault({**OPENBLAS, "kernels": "armv8"}, set()) is None
    assert machine.fault({**OPENBLAS, "kernels": "unknown", "library": "mkl"}, {"avx512f"}) is None


def test_nothing_that_slows_rivals_down_reaches_a_process():
    script = "import os, benchmarks; print(*sorted(name for name in os.environ if 'OPENBLAS' in name))"
    told = subprocess.run(
        [sys.executable, "-c", script], env={"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512"},
        cwd=markdown.FRONT.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "\n"


def test_a_command_prints_and_writes_only_if_asked(page, good, capsys):
    before = page.read_text(encoding="utf-8")
    assert command.run("one", lambda: "new", False, page) == 0
    assert page.read_text(encoding="utf-8") == before
    assert command.run("one", lambda: "new", True, page) == 0
    assert page.read_text(encoding="utf-8") == before.replace("old", "new")
    assert capsys.readouterr().out == "new\nnew\n"


def test_wrong_kernels_are_refused_before_the_run_if_it_shall_be_published(page, good, capsys, monkeypatch):
    monkeypatch.setattr(machine, "faults", lambda: ["kernels for an older processor"])
    assert command.run("one", lambda: pytest.fail("ran"), True, page) == 1
    assert "error: kernels for an older processor" in capsys.readouterr().err
    assert command.run("one", lambda: "new", False, page) == 0
    assert "warning: kernels for an older processor" in capsys.readouterr().err


def test_where_kernels_cannot_be_judged_a_note_says_so(page, good, capsys, monkeypatch):
    monkeypatch.setattr(machine, "judged", lambda: False)
    assert command.run("one", lambda: "new", True, page) == 0
    assert "note: whether the BLAS" in capsys.readouterr().err


def test_without_a_place_nothing_runs(page, good, capsys):
    assert command.run("three", lambda: pytest.fail("ran"), True, page) == 1
    assert "must have the line <!-- three: begin --> once" in capsys.readouterr().err


def test_parts_are_written_together(page):
    markdown.write(page, {"two": "2a\n2b", "one": "1"})
    one, two = markdown.markers("one"), markdown.markers("two")
    lines = ["before", one[0], "1", one[1], "between", two[0], "2a", "2b", two[1], "after"]
    assert page.read_text(encoding="utf-8").splitlines() == lines
    assert [path.name for path in page.parent.iterdir()] == ["page.md"]


def test_laps_go_forth_and_back():
    assert list(process.in_turn("ab", 3)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_the_page_has_a_place_for_every_part():
    markdown.places(markdown.README, benchmarks.PARTS | benchmarks.LARGE)


def test_where_one_part_fails_nothing_is_written(page, good, capsys, monkeypatch):
    before = page.read_text(encoding="utf-8")
    monkeypatch.setattr(markdown, "README", page)
    monkeypatch.setattr(markdown, "FRONT", page)
    monkeypatch.setattr(benchmarks, "QUICK", "one")

    def ended(arguments, **how):
        return subprocess.CompletedProcess(arguments, int("two" in arguments[-1]), "text\n")

    monkeypatch.setattr(benchmarks.subprocess, "run", ended)
    assert benchmarks.everything({"two": []}, True) == 1
    assert "error: two failed" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == before
    monkeypatch.setattr(benchmarks.subprocess, "run", lambda arguments, **how: ended(arguments[:1], **how))
    assert benchmarks.everything({"two": []}, True) == 0
    assert page.read_text(encoding="utf-8").count("text\n") == 2


def test_digits_have_no_exponent():
    assert [markdown.digits(x, 2) for x in (0.137, 2.96, 51.8, 1296)] == ["0.14", "3.0", "52", "1,300"]
    assert [markdown.ratio_cell(x) for x in (0.994, 0.996, 1)] == ["**0.99**", "1.0", "1.0"]
