"""Tables of all kinds at the command line: what is new in them, what is passed on, what is said or asked."""

import re

import pytest

from tests.cli_cases import QUICK, fails, filled, run


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("tables"))


def test_columns_that_are_new_are_told_or_refused(here):
    table = "size,colour,more\n1,red,1\n"
    out, err = run(here, "predict", "model.safetensors", "-", stdin=table)
    assert len(out.splitlines()) == 2
    assert err == "note: standard input has the column 'more', which was not there in training\n"
    err = fails(here, "predict", "model.safetensors", "-", "--strict", stdin=table)
    assert err == "error: standard input: it has the column 'more', which was not there in training\n"


def test_why_a_column_is_left_out(here):
    rows = "".join(f"{i},,{i % 7}.5,name {i},1,{i}.5\n" for i in range(40))
    (here / "left.csv").write_text(f"id,,x,name,same,y\n{rows}")
    out, _ = run(here, "train", "left.csv", "--target", "y", "--out", "left", *QUICK)
    assert [line for line in out.splitlines() if line.startswith("left out")] == [
        "left out, without two different values in the rows to train with: column 2, same",
        "left out, since it only numbers the rows (--keep-all keeps it): id",
        "left out, since nearly every row has a text of its own: name",
    ]


def test_columns_that_are_kept(here):
    table = "id,size,colour,kind\n007,1.5,red,x\n008,9,red,y\n"
    out, err = run(here, "predict", "model.safetensors", "-", "--keep", "id,kind", stdin=table)
    _, *predicted = run(here, "predict", "model.safetensors", "-", stdin=table)[0].splitlines()
    assert out.splitlines() == ["id,kind,predicted kind", f"007,x,{predicted[0]}", f"008,y,{predicted[1]}"]
    assert err == ""
    err = fails(here, "predict", "model.safetensors", "-", "--keep", "name", stdin=table)
    assert err == "error: --keep must be columns of standard input, it has no 'name'\n"


def test_how_a_table_is_written_is_said_or_asked(here):
    rows = "".join(f"{i},5;{'xy'[i % 2]}\n" for i in range(30))
    (here / "plain.csv").write_bytes(("größe;art\n" + rows).encode("cp1252"))
    train = ["train", "plain.csv", "--target", "art", "--out", "plain", *QUICK]
    assert "line 1, byte 3: it must be UTF-8, or its encoding must be said (--encoding cp1252" in fails(here, *train)
    run(here, *train, "--encoding", "cp1252")
    assert run(here, "evaluate", "plain", "plain.csv")[0].startswith("accuracy: "), "the model remembers it"
    (here / "nameless.csv").write_text(rows)
    train = ["train", "nameless.csv", "--target", "column 2", "--out", "nameless", *QUICK]
    assert "looks like data" in fails(here, *train)
    assert "nameless.csv: 30 rows, 2 columns" in run(here, *train, "--no-header")[0]
    assert run(here, "predict", "nameless", "nameless.csv")[0].count("\n") == 31


def test_unseen_texts_are_told_or_refused(here):
    table = "size,colour\n1,red\n1,blue\n"
    out, err = run(here, "predict", "model.safetensors", "-", stdin=table)
    assert len(out.splitlines()) == 3
    assert err == "note: texts that were not there in training: 1 row of 'colour' ('blue')\n"
    err = fails(here, "predict", "model.safetensors", "-", "--strict", stdin=table)
    assert err == "error: standard input, line 3, column 'colour': 'blue' was not there in training, which had 'red'\n"


def test_scaling_limits_and_the_logarithm(here):
    rows = "".join(f"{i % 7 if i % 9 else ''},{2.0 ** (i % 11)}\n" for i in range(300))
    (here / "prices.csv").write_text(f"x,price\n{rows}")
    train = ["train", "prices.csv", "--target", "price", "--task", "regression", "--out", "prices", *QUICK]
    out, _ = run(here, *train, "--scaling", "robust", "--target-transform", "log", "--clamp-output")
    for line in (
        "the logarithm of the target is learnt", "predictions are clamped to 1 ... 1024",
        "numbers, scaled by median and quartiles, and clipped: x",
        "missing values, the median of the column stands for them, and an input tells: x (34)",
    ):  # fmt: skip
        assert line in out.splitlines()
    out, _ = run(here, "inspect", "prices")
    assert ", of which the logarithm was learnt, predicted from 1 to 1024\n" in out
    assert "column 'x': number, median 3, scale " in out
    predicted = [float(line) for line in run(here, "predict", "prices", "prices.csv")[0].splitlines()[1:]]
    assert 1 <= min(predicted) <= max(predicted) <= 1024
    out, _ = run(here, *train, "--target-transform", "auto")
    assert "note: the logarithm is " in out
    (here / "owed.csv").write_text(f"x,price\n{rows}1,-5\n")
    train[1] = "owed.csv"
    expected = "error: owed.csv, line 302, column 'price': -5 must be above 0 to have a logarithm\n"
    assert fails(here, *train, "--quiet", "--target-transform", "log") == expected


def test_a_likely_leak_is_told(here):
    rows = "".join(f"{i * 7 % 11},{'xy'[i % 2]}{i % 6},{'no' if i % 2 else 'yes'}\n" for i in range(200))
    (here / "leak.csv").write_text(f"x,code,y\n{rows}")
    train = ["train", "leak.csv", "--target", "y", "--out", "leak", *QUICK]
    out, _ = run(here, *train, "--explain")
    assert "note: likely a leak: 'code', which alone predicts the target nearly perfectly; if" in out
    assert "leave it out: --drop NAME" in out
    assert re.search(r"^code .* text, likely a leak +6$", out, re.M)
    out, _ = run(here, *train, "--drop", "code", "--explain")
    assert "leak:" not in out
    assert "likely a leak" not in out


def test_cross_validation_and_rows_that_were_trained_with(here):
    train = ["train", "fruit.csv", "--target", "kind", "--drop", "id", "--out", "cv", *QUICK, "--quiet"]
    out, _ = run(here, *train, "--cv", "3")
    *_, line = out.splitlines()
    assert re.fullmatch(r"3-fold cross-validation: accuracy \d+\.\d% \+- \d+\.\d%, balanced accuracy .*, AUC .*", line)
    assert "--cv: must be at least 2" in fails(here, *train, "--cv", "1", code=2)
    assert "error: cv must be at most the number of rows of the smallest class" in fails(here, *train, "--cv", "50")
    out, _ = run(here, "evaluate", "cv", "fruit.csv")
    assert re.search(r"^\d+ of 60 rows are the same as rows it was trained with: the score of new ", out, re.M)
    out, _ = run(here, "evaluate", "cv", "-", stdin="size,colour,kind\n77,red,apple\n")
    assert "trained" not in out
