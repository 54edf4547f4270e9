"""The commands, as their users meet them: what is printed and where, exit codes, help, pipes, and files left alone."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp import cli
from tests.cases import UNCOMPILED
from tests.cli_cases import FRUIT, NEW, QUICK, RUN, fails, filled, run


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("cli"))


# ---- From a table to predictions -------------------------------------------------------------------------------------


def test_three_commands_from_a_table_to_predictions(here):
    out, err = run(
        here, "train", "fruit.csv", "--target", "kind", "--drop", "id", "--test-size", "0.25", "--out", "m.safetensors",
        *QUICK,
    )  # fmt: skip
    assert out.splitlines()[:4] == [
        "fruit.csv: 60 rows, 4 columns",
        "target 'kind': classification, 2 classes: apple, cherry",
        "numbers, standardised: size",
        "texts, an input for each: colour (2)",
    ]
    assert "left out, as asked: id\n" in out
    assert "missing values, they are a text of their own: colour (20)\n" in out
    assert "network 4-4-2" not in out
    found = re.search(
        r"^network 3-4-2, 26 parameters; (\d+) rows to train with, 0 for .*, (\d+) for the test$", out, re.M
    )
    n_train, n_test = map(int, found.groups())
    assert n_train + n_test == 60
    assert 13 <= n_test <= 17
    assert re.search(
        rf"^test accuracy: [\d.]+% of {n_test} rows\nbaseline: [\d.]+%, if it were always '", out, re.MULTILINE
    )
    assert out.endswith("written: m.safetensors\n")
    assert "epoch 3: loss" in err
    out, err = run(here, "predict", "m.safetensors", "new.csv")
    model = fastbp.load(here / "m.safetensors")
    assert out.splitlines() == ["kind", *model.predict(here / "new.csv")]
    assert err == ""
    out, _ = run(here, "evaluate", "m.safetensors", "fruit.csv")
    right = np.mean(model.predict(here / "fruit.csv") == ["cherry", "apple"] * 30)
    assert out.startswith(f"accuracy: {right:.1%} of 60 rows\nbaseline: 50.0%, if it were always '")
    table = np.array([line.split()[1:] for line in out.splitlines()[-2:]], int)
    assert table.sum() == 60
    assert table.trace() == round(right * 60)


def test_quiet_prints_the_scores_alone(here):
    out, err = run(here, "train", "fruit.csv", "--target", "kind", "--drop", "id", "--quiet", "--out", "quiet", *QUICK)
    assert re.fullmatch(
        r"test accuracy: .*\nbaseline: .*\nbalanced accuracy .*, macro F1 .*, log loss .*, AUC .*\n", out
    )
    assert err == ""


def test_what_becomes_of_each_column(here):
    out, _ = run(here, "train", "fruit.csv", "--target", "kind", "--explain", "--quiet", "--out", "explained", *QUICK)
    assert [line.split() for line in out.splitlines()[:5]] == [
        ["column", "values", "missing", "numbers", "texts", "becomes", "inputs"],
        ["kind", "60", "0", "0", "2", "classes", "the", "target"],
        ["size", "60", "0", "60", "0", "number", "1"],
        ["colour", "40", "20", "0", "1", "text", "2"],
        ["id", "60", "0", "60", "0", "left", "out", "0"],
    ]


def test_regression(here):
    out, _ = run(here, "train", "fruit.csv", "--target", "size", "--drop", "id", "kind", "--out", "r", *QUICK)
    assert "target 'size': regression, mean 5.1" in out
    assert re.search(r"^test RMSE: [\d.]+ on \d+ rows \(mean error [\d.]+, R\^2 [-\d.]+\)$", out, re.MULTILINE)
    out, _ = run(here, "predict", "r", "new.csv")
    name, *values = out.splitlines()
    assert name == "size"
    np.testing.assert_array_equal(np.array(values, float), fastbp.load(here / "r").predict(here / "new.csv"))
    assert "--probabilities needs a model of classes" in fails(here, "predict", "r", "new.csv", "--probabilities")


def test_probabilities(here):
    out, _ = run(here, "predict", "model.safetensors", "new.csv", "--probabilities")
    lines = [line.split(",") for line in out.splitlines()]
    assert lines[0] == ["kind", "kind=apple", "kind=cherry"]
    P = fastbp.load(here / "model.safetensors").predict_proba(here / "new.csv")
    np.testing.assert_allclose(np.array([line[1:] for line in lines[1:]], float), P, rtol=1e-6)


def test_pipes(here):
    expected, _ = run(here, "predict", "model.safetensors", "new.csv")
    out, _ = run(here, "predict", "model.safetensors", "-", stdin=NEW)
    assert out == expected
    assert run(here, "evaluate", "model.safetensors", "-", stdin=FRUIT)[0].startswith("accuracy: ")


def test_what_is_no_regular_file_is_read_once(here):
    expected, _ = run(here, "predict", "model.safetensors", "new.csv")
    assert run(here, "predict", "model.safetensors", "/dev/stdin", stdin=NEW)[0] == expected
    command = f"cat new.csv | {sys.executable} -m fastbp predict model.safetensors <(cat new.csv)"
    done = subprocess.run(["bash", "-c", command], cwd=here, capture_output=True, text=True)
    assert done.stdout == expected, done.stderr


def test_a_dash_is_standard_output(here):
    expected, _ = run(here, "predict", "model.safetensors", "new.csv")
    assert run(here, "predict", "model.safetensors", "new.csv", "--out", "-") == (expected, "")
    assert not (here / "-").exists()


def test_rows_without_a_target_are_told(here):
    out, _ = run(here, "evaluate", "model.safetensors", "-", stdin="size,colour,kind\n1,red,apple\n2,red,\n")
    assert "left out: 1 row without a target\n" in out


def test_a_table_without_rows_has_no_predictions(here):
    assert run(here, "predict", "model.safetensors", "-", stdin="size,colour\n")[0] == "kind\n"
    assert run(here, "evaluate", "model.safetensors", "-", stdin="size,colour,kind\n")[0].startswith("rows: none")


def test_predictions_go_into_a_file_whole_or_not_at_all(here):
    expected, _ = run(here, "predict", "model.safetensors", "new.csv")
    run(here, "predict", "model.safetensors", "new.csv", "--out", "out.csv")
    assert (here / "out.csv").read_text() == expected
    (here / "late.csv").write_text(NEW * 1 + "1,red\n" * 20_000 + "x,red\n")
    err = fails(here, "predict", "model.safetensors", "late.csv", "--out", "out.csv")
    assert err == "error: late.csv, line 20005, column 'size': 'x' is no number\n"
    assert (here / "out.csv").read_text() == expected
    assert fails(here, "predict", "model.safetensors", "late.csv") == err  # and nothing on standard output


def test_names_of_all_alphabets(here):
    table = "größe;色;ziel\n" + "1;ä;ja\n2;'ö\";nein\n3;ü;ja\n".replace('"', "") * 10
    (here / "ü.csv").write_text(table)
    run(here, "train", "ü.csv", "--target", "ziel", "--out", "ü", *QUICK, PYTHONIOENCODING="ascii:backslashreplace")
    out = subprocess.run([*RUN, "predict", "ü", "ü.csv"], cwd=here, capture_output=True, check=True).stdout
    assert set(out.decode().splitlines()) <= {"ziel", "ja", "nein"}


def test_columns_of_names_are_told(here):
    table = "name,x,y\n" + "".join(f"Mr {chr(65 + i % 26)}{i},{i % 5},{i % 2}\n" for i in range(50))
    (here / "names.csv").write_text(table)
    out, _ = run(here, "train", "names.csv", "--target", "y", "--out", "names", "--epochs", "1")
    assert "left out, since nearly every row has a text of its own: name\n" in out


@pytest.mark.parametrize("options", [[], ["--text", "size"], ["--task", "classification"]])
def test_numbers_that_become_texts_are_told(options, here):
    table = "size,y\n" + "".join(f"{i % 4},{i % 3 + 0.5}\n" for i in range(30)) + "unknown,free\n" * 10
    (here / "mixed.csv").write_text(table)
    out, _ = run(here, "train", "mixed.csv", "--target", "y", "--out", "mixed", "--epochs", "1", *options)
    notes = [line for line in out.splitlines() if line.startswith("note: ")]
    told = [
        f"note: 30 of 40 values in {name} are numbers, but all are taken for texts because of others, such as: "
        f"mixed.csv, line 32, column '{name}': '{text}' is no number"
        for name, text in (("size", "unknown"), ("y", "free"))
    ]
    assert notes == [note for note, option in zip(told, ("--text", "--task"), strict=True) if option not in options]


def test_terminals_obey_no_cell(here):
    table = "a,t\n" + "1,\x1b[31mred\n2,blue\n" * 10
    (here / "escape.csv").write_text(table)
    out, _ = run(here, "train", "escape.csv", "--target", "t", "--out", "escape", "--epochs", "1")
    out += run(here, "evaluate", "escape", "escape.csv")[0] + run(here, "inspect", "escape")[0]
    assert "\x1b" not in out
    assert r"'\x1b[31mred'" in out


# ---- What is in a file -----------------------------------------------------------------------------------------------


def test_inspect(here):
    out, _ = run(here, "inspect", "model.safetensors")
    assert re.match(r"model.safetensors: table, format 'fastbp 2', [\d,]+ bytes\nNetwork\(\(3, 4, 2\), ", out)
    assert out.count("26 parameters\n") == out.count("parameters") == 1
    assert "target 'kind': classes 'apple', 'cherry'\ncolumn 'size': number, mean 5." in out
    assert "column 'colour': texts 'red', or missing\nignored: 'id'\n" in out


def test_inspect_a_checkpoint_and_a_network(here):
    network = fastbp.Network((2, 3, 1), output="identity")
    fastbp.train(network, [[0, 1]], [[1]], epochs=2, version="matrix", checkpoint=here / "run")
    assert "run: checkpoint, format 'fastbp 2'" in run(here, "inspect", "run")[0]
    assert "\nepoch 2 of 2, finished\nNetwork((2, 3, 1), " in run(here, "inspect", "run")[0]
    network.save(here / "network")
    assert "layers.0.weight          float32  (3, 2)\n" in run(here, "inspect", "network")[0]


# ---- Exports ---------------------------------------------------------------------------------------------------------


def test_export_to_c(here):
    assert run(here, "export", "model.safetensors", "model.c") == ("written: model.c\n", "")
    assert "void predict(const double *x, float *y)" in (here / "model.c").read_text()


def test_export_to_onnx(here):
    runtime = pytest.importorskip("onnxruntime")
    assert run(here, "export", "model.safetensors", "model.onnx") == ("written: model.onnx\n", "")
    session = runtime.InferenceSession(here / "model.onnx", providers=["CPUExecutionProvider"])
    feed = {"size": np.array([[1.5], [9.0], [np.nan]]), "colour": np.array([["red"], ["red"], [""]], object)}
    expected, _ = run(here, "predict", "model.safetensors", "new.csv")
    assert session.run(["label"], feed)[0].tolist() == expected.splitlines()[1:]


@pytest.mark.skipif(UNCOMPILED, reason="minutes, of hundreds of epochs")
def test_the_three_commands_of_the_readme(tmp_path):
    """From a table of one's own to a saved model, predictions and an ONNX file."""
    pytest.importorskip("onnx")
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    commands = [line.split() for line in re.findall(r"^    fastbp (.*)$", readme, re.MULTILINE)[:3]]
    assert [command[0] for command in commands] == ["train", "predict", "export"]
    (tmp_path / "data.csv").write_text(FRUIT.replace("kind", "species"))
    (tmp_path / "new.csv").write_text("size,colour,id\n1.5,red,7\n")
    assert "written: model.safetensors" in run(tmp_path, *commands[0])[0]
    *predict, to, _ = commands[1]
    assert to == ">"
    assert run(tmp_path, *predict)[0].startswith("species\n")
    run(tmp_path, *commands[2])
    assert (tmp_path / "model.onnx").stat().st_size > 1000


# ---- What goes wrong -------------------------------------------------------------------------------------------------

WRONG = {
    "nowhere.csv: No such file or directory": ["predict", "model.safetensors", "nowhere.csv"],
    "nowhere: No such file or directory": ["predict", "nowhere", "new.csv"],
    "new.csv: it is no model file, or a damaged one": ["predict", "new.csv", "new.csv"],
    "fruit.csv: it has no column 'Kind' (target); did you mean 'kind'?": [
        "train", "fruit.csv", "--target", "Kind", "--out", "x"
    ],
    "-: it must be a regular file, because it is read twice": ["train", "-", "--target", "kind", "--out", "x"],
    "--out must be another file than fruit.csv, which is read": [
        "train", "fruit.csv", "--target", "kind", "--out", "fruit.csv"
    ],
    "--out must be another file than model.safetensors": [
        "predict", "model.safetensors", "new.csv", "--out", "./model.safetensors"
    ],
    "fruit.csv: drop must be columns of inputs, 'kind' is the target": [
        "train", "fruit.csv", "--target", "kind", "--drop", "kind", "--out", "x"
    ],
    "no folder/x: No such file": ["train", "fruit.csv", "--target", "kind", "--out", "no folder/x", "--quiet", *QUICK],
    "no folder/x.csv: No such file": ["predict", "model.safetensors", "new.csv", "--out", "no folder/x.csv"],
    "no folder/x.c: No such file": ["export", "model.safetensors", "no folder/x.c"],
    "no folder/x.onnx: No such file": ["export", "model.safetensors", "no folder/x.onnx"],
    ".: it is there and no regular file": ["predict", "model.safetensors", "new.csv", "--out", "."],
    "new.csv: it has no column 'kind'": ["evaluate", "model.safetensors", "new.csv"],
    "Lower --learning-rate, which was 1e+37. Nothing was written.": [
        "train", "fruit.csv", "--target", "kind", "--out", "x", "--learning-rate", "1e37"
    ],
}  # fmt: skip


@pytest.mark.parametrize("expected", WRONG)
def test_what_fails_ends_in_one_line(expected, here):
    if UNCOMPILED and "learning" in expected:
        pytest.skip("NumPy warns besides")
    out, err = run(here, *WRONG[expected], code=1)
    last = err.splitlines()[-1]
    assert last.startswith("error: ")
    assert expected in last
    assert "Traceback" not in err
    assert "written" not in out


TABLES = {
    "standard input: it has no column 'size', 'colour'": "id\n1\n",
    "standard input, line 2, column 'size': '1.5cm' is no number": "size,colour\n1.5cm,red\n",
    "standard input, line 3: it has 1 cells, and 2 columns": "size,colour\n1,red\n1\n",
    "standard input: it must begin with a line of column names": "",
}


@pytest.mark.parametrize("expected", TABLES)
def test_tables_that_do_not_fit(expected, here):
    assert expected in fails(here, "predict", "model.safetensors", "-", stdin=TABLES[expected])


USAGE = {
    "the following arguments are required: COMMAND": [],
    "invalid choice: 'fly'": ["fly"],
    "the following arguments are required: --target, --out": ["train", "fruit.csv"],
    "argument --hidden-layer-sizes: must be at least 1, got 0": [
        "train", "x", "--target", "x", "--out", "x", "--hidden-layer-sizes", "8,0"
    ],
    "--hidden-layer-sizes: must be whole numbers with commas between them, as 64,32, or none, got '64 32'": [
        "train", "x", "--target", "x", "--out", "x", "--hidden-layer-sizes", "64 32"
    ],
    "unrecognized arguments: --hiden 4; did you mean '--hidden-layer-sizes'?": [
        "train", "x", "--target", "x", "--out", "x", "--hiden", "4"
    ],
    "unrecognized arguments: --prob; did you mean '--probabilities'?": ["predict", "x", "x", "--prob"],
    "unrecognized arguments: -target x; did you mean '--target'?": [
        "train", "x", "--target", "x", "--out", "x", "-target", "x"
    ],
    "unrecognized arguments: --Batch_Size 4; did you mean '--batch-size'?": [
        "train", "x", "--target", "x", "--out", "x", "--Batch_Size", "4"
    ],
    "unrecognized arguments: --lr 4; what there is: fastbp train --help": [
        "train", "x", "--target", "x", "--out", "x", "--lr", "4"
    ],
    "required: --target; unrecognized: --traget; did you mean '--target'?": ["train", "x", "--traget=y", "--out", "x"],
    "required: data; --drop takes all names that follow it: write the file before it": [
        "train", "--target", "y", "--out", "m", "--drop", "id", "data.csv"
    ],
    "argument COMMAND: invalid choice: 'tain' (choose from": ["tain"],
    "'bench', 'demo'); did you mean 'train'?": ["tain"],
    "got 'Relu'; did you mean 'relu'?": ["train", "x", "--target", "x", "--out", "x", "--activation", "Relu"],
    "unrecognized arguments: --hiden-layer-sizes 4; did you mean '--hidden-layer-sizes'?": [
        "train", "x", "--target", "x", "--out", "x", "--hiden-layer-sizes", "4"
    ],
    "unrecognized arguments: --hiden-layer-sizes=4; did you mean '--hidden-layer-sizes'?": [
        "train", "x", "--target", "x", "--out", "x", "--hiden-layer-sizes=4"
    ],
    "invalid choice: 'tran' (choose from 'train', 'predict', 'evaluate', ": ["tran"],
    "got 'tain'; did you mean 'tanh'?": ["train", "x", "--target", "x", "--out", "x", "--activation", "tain"],
    "argument --dtype: invalid choice: 'float23' (choose from 'float32', 'float64'); did you mean 'float32'?": [
        "train", "x", "--target", "x", "--out", "x", "--dtype", "float23"
    ],
    "argument --time-limit: must be above 0 and finite, got 0": [
        "train", "x", "--target", "x", "--out", "x", "--time-limit", "0"
    ],
    "argument --test-size: must be at least 0 and below 1, got 1": [
        "train", "x", "--target", "x", "--out", "x", "--test-size", "1"
    ],
    "argument --learning-rate: must be above 0 and finite, got 0": [
        "train", "x", "--target", "x", "--out", "x", "--learning-rate", "0"
    ],
    "argument --learning-rate: must be above 0 and finite, got nan": [
        "train", "x", "--target", "x", "--out", "x", "--learning-rate", "nan"
    ],
    "error: --learning-rate must be positive and finite in float32, got 1e+39": [
        "train", "x", "--target", "x", "--out", "x", "--learning-rate", "1e39"
    ],
    "error: --activation must be one of 'identity', ": [
        "train", "x", "--target", "x", "--out", "x", "--activation", "best"
    ],
    "error: --activation must have a name for each of the 1 hidden layers": [
        "train", "x", "--target", "x", "--out", "x", "--hidden-layer-sizes", "8", "--activation", "relu,tanh"
    ],
    "argument --delimiter: must be a single character": ["predict", "x", "x", "--delimiter", "::"],
    "argument out: must end in .onnx or .c, got 'model.pt'": ["export", "model", "model.pt"],
}  # fmt: skip


@pytest.mark.parametrize("expected", USAGE)
def test_wrong_usage_exits_with_2(expected, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(USAGE[expected])
    assert stop.value.code == 2
    assert expected in capsys.readouterr().err
