"""What is written for readers, README.md and its kin: examples, commands, links and numbers of slides must be true."""

import inspect
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from fastbp import cli
from fastbp.__main__ import GENERAL
from fastbp.cli.options import Parser
from fastbp.lecture import loops, matrix
from tests.cases import UNCOMPILED, kernels
from tests.test_house_rules import CONTRACT, MODULES, source

ROOT = Path(__file__).parent.parent
PLACES = ["README.md", *(f"{place}/README.md" for place in ("fastbp", "fastbp/lecture", "fastbp/engine", "benchmarks"))]
PLACES += ["fastbp/data/README.md", ".github/CONTRIBUTING.md"]
PLACES += sorted({file.relative_to(ROOT).as_posix() for file in (ROOT / ".github").glob("*.md")} - {*PLACES})
LECTURE = "fastbp/lecture/README.md"
documents = pytest.mark.parametrize("place", PLACES)
of_today = pytest.mark.parametrize("place", [place for place in PLACES if "CHANGELOG" not in place])


def text_of(place):
    return (ROOT / place).read_text(encoding="utf-8") if (ROOT / place).is_file() else ""


def prose(text):
    """Without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)


README = text_of("README.md")


@documents
def test_the_page_is_there(place):
    assert text_of(place).startswith("# ")


# ---- The first page --------------------------------------------------------------------------------------------------


def test_the_first_page_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= 10_240


def test_its_pictures_are_seen_wherever_it_is_shown():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)", README) + re.findall(r"<img[^>]*\bsrc=\"([^\"]+)\"", README)
    assert [address for address in pictures if not address.startswith("https://")] == []


EXAMPLES = re.findall(r"^```python\n(.*?)^```\n(?:\nprints\n\n```\n(.*?)^```)?", README, re.DOTALL | re.MULTILINE)


def promised(example, block):
    """The lines that an example prints: those of the block behind it, and of its comments, some of them "about" so."""
    return [("", line) for line in block.splitlines()] + re.findall(r"# prints (about )?(.+)$", example, re.MULTILINE)


def test_each_example_says_what_it_prints():
    assert EXAMPLES
    assert all(promised(*found) for found in EXAMPLES)


@pytest.mark.skipif(UNCOMPILED, reason="takes the loops a minute in the interpreter")
@pytest.mark.parametrize(("example", "block"), EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_the_examples_print_what_they_promise(example, block, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    rows = [f"{length + species / 2:.2f},{'red' if species else 'green'},{'ab'[species]}" for length in range(60)
            for species in range(2)]  # fmt: skip
    (tmp_path / "data.csv").write_text("\n".join(["length,colour,species", *rows]) + "\n")
    assert len(re.sub(r"^# prints .*\n", "", example, flags=re.MULTILINE).strip().splitlines()) <= 12
    exec(compile(example, "README.md", "exec"), {"__name__": "__main__"})
    printed, expected = capsys.readouterr().out.splitlines(), promised(example, block)
    assert len(printed) == len(expected)
    for line, (about, told) in zip(printed, expected, strict=True):
        if about:
            assert float(line) == pytest.approx(float(told), abs=0.01)
        else:
            assert line == told


COMMANDS = ("pip install . && python -m fastbp", 'pip install -e ".[test]" && pytest')


@pytest.mark.parametrize("command", COMMANDS)
def test_the_two_commands_are_those_that_ci_runs(command):
    assert re.search(rf"^(    )?{re.escape(command)}$", README, re.MULTILINE)
    assert f"\nbash -c '{command}'\n" in text_of(".ci/run")
    assert re.search(rf"(run: |^ +){re.escape(command)}$", text_of(".github/workflows/tests.yml"), re.MULTILINE)


def test_the_top_level_is_what_it_should_be():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {Path(line).parts[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if name[0] != "."} == {
        "pyproject.toml", "fastbp", "benchmarks", "tests", "README.md", "LICENSE",
    }  # fmt: skip


# ---- All pages: links, commands, marks ------------------------------------------------------------------------------


def links(text):
    text = prose(text)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"<(?:img|a)[^>]*\b(?:src|href)=\"([^\"]+)\"", text)


def anchors(text):
    """What GitHub makes of headings."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    headings = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@documents
def test_links_lead_somewhere(place):
    for link in links(text_of(place)):
        if re.match(r"(https?|mailto):", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / place).parent / path if path else ROOT / place
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


@of_today
def test_files_that_are_named_are_there(place):
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", prose(text_of(place)))
    listed = [path for folder in ("fastbp", "tests", "benchmarks") for path in (ROOT / folder).rglob("*")]
    there = [f"/{path.relative_to(ROOT).as_posix()}" for path in listed]
    missing = [name for name in named if not any(path.endswith(f"/{name.rstrip('/')}") for path in there)]
    assert [name for name in missing if not (ROOT / name).exists()] == []


@of_today
def test_names_stand_in_the_files_that_they_are_said_to_stand_in(place):
    for name, link in re.findall(r"`(\w+(?:\.\w+)?)` in \[[^\]]*\]\(([^)]+\.py)\)", text_of(place)):
        content = ((ROOT / place).parent / link).read_text(encoding="utf-8")
        for part in name.split("."):
            assert re.search(rf"^ *(def|class) {part}\b|^{part} = ", content, re.MULTILINE), f"{name} in {link}"


@documents
def test_generated_tables_stand_between_marks(place):
    marks = re.findall(r"<!-- ([\w-]+): (\w+) -->", text_of(place))
    assert marks == [(name, mark) for name, _ in marks[::2] for mark in ("begin", "end")]
    for name in {name for name, _ in marks}:
        between = text_of(place).split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]
        assert between.strip(), f"{name}: nothing has been written there"


def test_no_two_pages_have_a_table_of_one_name():
    names = [name for place in PLACES for name in re.findall(r"<!-- ([\w-]+): begin -->", text_of(place))]
    assert len(names) == len(set(names))


def commands(text, program):
    """The calls of a program in a page, as (arguments, whether it stands on a line of its own)."""
    blocks = re.findall(r"^```(?:bash|sh|shell|console|)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    whole = "\n".join([*blocks, *re.findall(r"(?:(?<=\n\n)|(?<=  \n))((?:    .*\n)+)", text)])
    for line in re.sub(r"\\\n", " ", whole).splitlines():
        for part in re.split(r"&&|\||;", line.strip().removeprefix("$ ").partition("  #")[0]):
            yield from ((words, True) for words in called(part, program))
    for part in re.findall(r"`([^`\n]+)`", prose(text)):
        yield from ((words, False) for words in called(part, program))


def called(part, program):
    found = re.match(rf"(?:python3? -m )?{program}(?=[ .]|$)(.*)", part.strip())
    if found and (part.strip().startswith("python") or (program == "fastbp" and not found[1].startswith("."))):
        yield shlex.split(re.sub(r"[<>]+ *\S+", "", found[1]))


def parser():
    """The command line's, with its commands by name."""
    whole = Parser(prog="fastbp")
    whole.add_argument("--version", action="store_true")
    subparsers = whole.add_subparsers(dest="command", required=True)
    for module in cli.modules_for(None):
        module.add(subparsers)
    return whole, subparsers.choices


@of_today
def test_commands_and_their_options_are_there(place):
    for words, alone in commands(text_of(place), "fastbp"):
        if not words or (words[0].startswith("-") and words[0] not in GENERAL):
            words = ["demo", *words]  # as __main__.py does
        if words[0] in GENERAL or words[0] == "COMMAND":
            continue
        whole, by_name = parser()
        assert words[0] in by_name, words
        known = {option for action in by_name[words[0]]._actions for option in action.option_strings}
        assert {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)} <= known, words
        if alone and "--help" not in words:
            whole.parse_args(words)  # exits where something is missing, or wrong


@of_today
def test_benchmarks_and_their_options_are_there(place):
    sources = {file: file.read_text(encoding="utf-8") for file in (ROOT / "benchmarks").rglob("*.py")}
    for words, _ in commands(text_of(place), "benchmarks"):
        home = ROOT / "benchmarks" / (words[0][1:] if words and words[0].startswith(".") else "__main__")
        own = [file for file in (home.with_suffix(".py"), home / "__main__.py") if file in sources]
        assert own, words
        for option in [word.partition("=")[0] for word in words if word.startswith("--")]:
            assert option == "--help" or any(f'"{option}"' in text for text in sources.values()), words


def test_pages_with_commands_are_seen():
    assert [*commands("see `fastbp bench --threads 1`", "fastbp")] == [(["bench", "--threads", "1"], False)]
    block = "\n    fastbp predict a.safetensors b.csv > c.csv\n    python -m fastbp\n\n"
    assert [*commands(f"text:\n{block}", "fastbp")] == [(["predict", "a.safetensors", "b.csv"], True), ([], True)]
    assert [*commands("`fastbp.load(path)`, `fastbp/engine`, `import fastbp`", "fastbp")] == []
    assert [*commands("```\n$ python -m benchmarks.many --write\n```\n", "benchmarks")] == [
        ([".many", "--write"], True)
    ]
    assert [*commands(README, "fastbp")]


# ---- The package, and the lecture's formulas -------------------------------------------------------------------------


def test_the_contract_of_the_folders_is_the_one_that_is_tested():
    assert "\n".join(f"    {line}" for line in CONTRACT.strip().splitlines()) in text_of("fastbp/README.md")


def test_the_package_s_page_links_all_that_is_in_it():
    there = {path.name for path in (ROOT / "fastbp").iterdir() if path.is_dir() or path.suffix in (".py", ".pyi")}
    assert there - {"__pycache__"} <= {link.split("/")[0] for link in links(text_of("fastbp/README.md"))}


def slides(text):
    """The numbers of the slides in "(slides 7, 8, 21-36)" or in a cell of the table: {7, 8, 21, ..., 36}."""
    ranges = [part.split("-") for part in re.sub(r"[^\d,-]", "", text).split(",") if part]
    return {slide for first, *last in ranges for slide in range(int(first), int((last or [first])[0]) + 1)}


def rows(text):
    """(slides or source, functions) of each row of a table of formulas."""
    found = re.findall(r"^\| ([^|]*\d[^|]*) \| .* \| (`.*`) \|$", text, re.MULTILINE)
    return [(cell, re.findall(r"`(\w+)`", functions)) for cell, functions in found]


def test_the_table_has_every_formula_once():
    named = [name for _, functions in rows(text_of(LECTURE)) for name in functions]
    assert sorted(named) == sorted(kernels(loops))


@pytest.mark.parametrize("module", MODULES)
def test_formulas_stand_beside_their_loops_and_their_matrices(module):
    """Each table belongs to a module, whose heading links both of its files."""
    heading = f"### {module}: [loops](loops/{module}.py), [matrix](matrix/{module}.py)\n"
    assert heading in text_of(LECTURE)
    table = text_of(LECTURE).split(heading)[1].split("\n#")[0]
    named = {name for _, functions in rows(table) for name in functions}
    for version in (loops, matrix):
        homes = {name: function.__module__.rpartition(".")[2] for name, function in kernels(version).items()}
        assert named == {name for name, home in homes.items() if home == module}


def test_the_table_and_the_docstrings_name_the_same_slides():
    assert rows(text_of(LECTURE))
    for cell, functions in rows(text_of(LECTURE)):
        firsts = [inspect.getdoc(kernels(loops)[name]).splitlines()[0] for name in functions]
        if not cell[0].isdigit():
            assert {source(first) for first in firsts} == {cell}, functions
            continue
        told = [re.findall(r"slides? ([\d, -]+?(?:and \d+)?)(?:[^\d, -]|$)", first) for first in firsts]
        assert set().union(*(slides(",".join(numbers).replace("and", ",")) for numbers in told)) == slides(cell), cell


def test_slides_are_read():
    assert slides("(slides 7, 8, 21-24)") == {7, 8, *range(21, 25)}
    assert rows("| 7, 8 | u = w x | `weighted_sum` |\n") == [("7, 8", ["weighted_sum"])]
