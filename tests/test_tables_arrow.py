"""Arrays of Arrow as vectors: missing values, parts of arrays, several chunks; and no pandas on the way."""

import subprocess
import sys

import numpy as np
import pytest

from fastbp.tables.arrow_vectors import vector_of

pa = pytest.importorskip("pyarrow")


@pytest.mark.parametrize("kind", ["float64", "int32", "int64"])
@pytest.mark.parametrize("missing", [[], [0], [3, 4], [*range(20)]])
@pytest.mark.parametrize(("start", "length"), [(0, 20), (3, 9), (9, 11), (5, 0)])
def test_values_and_what_is_missing(kind, missing, start, length):
    numbers = np.arange(20).astype(kind)
    mask = np.isin(np.arange(20), missing)
    array = pa.array(numbers, mask=mask).slice(start, length)
    expected = np.where(mask, -7, numbers)[start : start + length]
    for given in (array, pa.chunked_array([array]), pa.chunked_array([array.slice(0, 4), array.slice(4)])):
        found = vector_of(given, -7)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.dtype(kind)
    assert vector_of(pa.chunked_array([], pa.float64()), 0).shape == (0,)


def test_no_table_is_read_by_pandas(tmp_path):
    """Its import takes longer than all else that a prediction of a row does."""
    from pyarrow import feather, parquet

    (tmp_path / "table.csv").write_text("a,b,c\n1.5,x,\n,y,2\n3,x,4\n")
    columns = {"a": [1.5, None, 3.0], "b": ["x", None, "x"], "c": [None, 2, 4]}
    parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    feather.write_feather(pa.table(columns), str(tmp_path / "table.feather"), compression="uncompressed")
    script = """
import sys
from fastbp.tables.sources import opened
for name in ("table.csv", "table.parquet", "table.feather"):
    (block,) = opened(name).blocks()
    a, b, c = (block.column(column) for column in "abc")
    print(name, a.tolist(), b.cells(), c.tolist(), "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    missing = {"table.csv": "'y'", "table.parquet": "''", "table.feather": "''"}
    assert done.stdout.splitlines() == [
        f"{name} [1.5, nan, 3.0] ['x', {cell}, 'x'] [nan, 2.0, 4.0] False" for name, cell in missing.items()
    ]
