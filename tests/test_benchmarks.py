"""The commands of the benchmarks: what they refuse to publish, where they write, and in which order they go."""

import os
import subprocess
import sys

import pytest

from benchmarks import HANDICAPS, command, machine, markdown, process, shapes, share
from benchmarks import __main__ as benchmarks
from benchmarks.peers.rows import OURS, Row

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


def handicaps():
    return [name for name in HANDICAPS if name in os.environ]


def test_what_is_set_later_does_not_reach_a_rival_either(monkeypatch):
    for name in HANDICAPS:
        monkeypatch.setenv(name, "0")
    with process.confined(1):  # a process begins with this, and may import NumPy before us
        assert handicaps() == []
    assert handicaps() == [*HANDICAPS]


def test_a_rival_has_the_kernels_of_this_processor():
    pytest.importorskip("threadpoolctl")
    script = "from benchmarks.process import Process\n"
    script += "if __name__ == '__main__':\n    with Process('benchmarks.machine', cores=1) as p: print(p.ask('look'))"
    told = [
        subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, **more}, cwd=markdown.FRONT.parent, capture_output=True,
            text=True, check=True,
        ).stdout
        for more in ({}, {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_L2_SIZE": "512"})
    ]  # fmt: skip
    assert "kernels" in told[0]
    assert told[0] == told[1]


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
    markdown.places(markdown.README, benchmarks.PARTS | benchmarks.LONG)


def test_a_part_that_fails_is_told_and_leaves_what_stood_there(page, good, capsys, monkeypatch):
    before = markdown.places(page, ["two"])
    monkeypatch.setattr(markdown, "README", page)
    monkeypatch.setattr(markdown, "FRONT", page)
    monkeypatch.setattr(benchmarks, "QUICK", "one")

    def ended(arguments, **how):
        return subprocess.CompletedProcess(arguments, int("two" in arguments[-1]), "text\n")

    monkeypatch.setattr(benchmarks.subprocess, "run", ended)
    assert benchmarks.everything({"two": []}, True) == 1
    assert "error: two failed, see above; all others were written" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8").count("text\n") == 1
    lines, found = markdown.places(page, ["two"])
    begin, end = found["two"]
    assert lines[begin:end] == before[0][slice(*before[1]["two"])]
    monkeypatch.setattr(benchmarks.subprocess, "run", lambda arguments, **how: ended(arguments[:1], **how))
    assert benchmarks.everything({"two": []}, True) == 0
    assert page.read_text(encoding="utf-8").count("text\n") == 2


def test_digits_have_no_exponent():
    assert [markdown.digits(x, 2) for x in (0.137, 2.96, 51.8, 1296)] == ["0.14", "3.0", "52", "1,300"]
    assert [markdown.ratio_cell(x) for x in (0.994, 0.996, 1)] == ["**0.99**", "1.0", "1.0"]


# ---- Random shapes, and the share of the peak ------------------------------------------------------------------------


def test_shapes_come_from_their_seed_and_are_of_all_kinds():
    rows = shapes.draw(60, 0)
    assert rows == shapes.draw(80, 0)[:60]
    assert rows != shapes.draw(60, 1)
    hidden = [units for row in rows for units in row.sizes[1:-1]]
    assert {len(row.sizes) for row in rows} == {3, 4, 5}
    assert {1, 2, 3} < {*hidden}
    assert max(hidden) in range(100, 501)
    assert {1, 10} <= {row.sizes[-1] for row in rows} <= {*range(1, 11)}
    assert all(row.sizes[0] in range(1, 1001) and row.batch in range(1, 301) for row in rows)
    assert {row.activation for row in rows} == {"tanh", "relu"}
    assert all((row.output == "identity") == (row.sizes[-1] == 1) for row in rows)
    assert any(n > 10 and all(n % k for k in range(2, n)) for n in (*hidden, *(row.batch for row in rows)))


class Laps:
    """A contest in which each has three laps of 8 steps."""

    def __init__(self, **laps):
        self.laps, self.names, self.asked = laps, [OURS, *laps], 0

    def row(self, row, dtype, cores):
        self.asked += 1
        rivals = {OURS: {"status": "ok", "laps": [1.0, 2.0, 1.0], "steps": 8, "us": 1e6 / 8}}
        for name, laps in self.laps.items():
            if laps:
                rivals[name] = {"status": "ok", "laps": laps, "steps": 8, "us": sorted(laps)[1] * 1e6 / 8}
            else:
                rivals[name] = {"status": "failed", "reason": "no such thing", "laps": []}
        return {"row": str(row), "dtype": dtype, "cores": cores, "rivals": rivals}


TINY = Row((2, 3), "relu", 4, "SGD")


def test_ratios_of_shapes_are_taken_lap_by_lap():
    result = shapes.measure(Laps(numpy=[2.0, 4.0, 2.0], jax=[1.5, 1.5, 9.0]), None, TINY, "float32")
    assert result["ratios"] == {"numpy": 2, "jax": 1.5}
    slow = shapes.measure(Laps(numpy=[0.5, 1.9, 0.99], jax=None), None, Row((2, 4), "tanh", 4, "SGD"), "float32")
    failed = shapes.measure(Laps(numpy=None, jax=None), None, Row((2, 5), "tanh", 4, "SGD"), "float32")
    text = shapes.render([result, failed, slow], ["numpy", "jax"], "A machine.")
    first = text.index("| 2-4 tanh, 4, SGD | 125,000 | 124,000 | - | **0.95** | NumPy matrix |")
    assert first < text.index("| 2-3 relu, 4, SGD | 125,000 | 250,000 | 188,000 | 1.5 | JAX scan |")
    assert "| 2-5 tanh, 4, SGD | 125,000 | - | - | - | - |" in text
    assert "Worst ratio: **0.95**, of 2-4 tanh, 4, SGD. Of 2 ratios below 1.0: 1; below 1.1: 1." in text
    assert "JAX scan failed: no such thing (2 of 3 rows)" in text


@pytest.mark.parametrize(("eager", "asked"), [([1.9, 3.8, 1.9], 1), ([2.1, 4.2, 2.1], 0), (None, 0)])
def test_steps_are_compiled_where_eager_ones_are_close(eager, asked):
    compiled = Laps(**{shapes.COMPILED: [0.5, 1.0, 0.5]})
    result = shapes.measure(Laps(numpy=[2.0, 4.0, 2.0], torch=eager), compiled, TINY, "float32")
    assert compiled.asked == asked
    assert (shapes.COMPILED in result["rivals"]) == (shapes.COMPILED in result["ratios"]) == bool(asked)
    assert shapes.best(result)[1] == (0.5 if asked else 2)


def test_steps_are_compiled_where_nobody_asked_for_eager_ones():
    compiled = Laps(**{shapes.COMPILED: [0.5, 1.0, 0.5]})
    assert shapes.measure(Laps(), compiled, TINY, "float32")["ratios"] == {shapes.COMPILED: 0.5}


def test_shapes_from_the_drawing_to_the_table(good, capsys):
    row = str(min(shapes.draw(60, 0), key=lambda row: row.flops))
    assert shapes.main(["--rows", row, "--rivals", "numpy", "--rounds", "1", "--dtypes", "float64", "--busy"]) == 0
    text = capsys.readouterr().out
    assert "60 shapes drawn with seed 0; microseconds of CPU time a step" in text
    assert f"| {row} |" in text
    assert "Of 1 ratios below 1.0: " in text


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--shapes", "3", "--rows", "9999"], "no row has such a name; the rows are: 341-13"),
        (["--shapes", "0"], "no row has such a name"),
        (["--busy", "--write"], "--busy does not go with --write"),
        (["--rivals", "nobody"], "invalid choice: 'nobody'"),
    ],
)
def test_shapes_refuse_what_cannot_be(options, why, capsys):
    with pytest.raises(SystemExit):
        shapes.main(options)
    assert why in capsys.readouterr().err


def test_the_share_is_that_of_the_peak_before_each_lap():
    flops = TINY.flops
    seconds = {1: [1e-3, 2e-3, 4e-3], share.TWO: [1e-3, 4e-3, 2e-3], share.PAIR: [5e-4, 1e-3, 4e-3]}
    cells = share.line(TINY, seconds, [flops * 4e-6, flops * 1e-6, flops * 1e-6])
    assert cells[1] == "2,000"
    assert cells[4:] == ["25%", "50%", "1.0", "2.0"]
    assert share.line(TINY, {1: [1e-3], share.PAIR: []}, [1.0])[-2:] == ["-", "-"], "where there is one core"


def test_two_trainings_at_once_each_go_at_their_own_pace():
    class Side:
        def __init__(self, seconds):
            self.seconds, self.asked = seconds, []

        def begin(self, method):
            self.asked.append(method)

        def answer(self):
            assert all(side.asked == ["lap"] for side in pair), "both are at work"
            return self.seconds

    pair = Side(2.0), Side(6.0)
    assert share.at_once(pair) == pytest.approx(1.5), "two thirds of a lap in a second"


def test_the_share_from_the_row_to_the_table(good, capsys, monkeypatch):
    monkeypatch.setattr(share, "ROWS", [TINY])
    assert share.main(["--rounds", "1", "--dtypes", "float32"]) == 0
    assert f"| {TINY} |" in capsys.readouterr().out
