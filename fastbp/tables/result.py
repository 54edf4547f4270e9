"""What `train_table` returns."""

from dataclasses import dataclass

from fastbp.tables.cross_validation import CrossValidation
from fastbp.tables.model import TableModel
from fastbp.tables.scores import Scores
from fastbp.training.history import History


@dataclass(repr=False)
class TableResult:
    """What `train_table` returns.

    Attributes
    ----------
    model : TableModel
    columns : dict of str to Column
        What was found in each column.
    history : History or ManyHistory
        Of an ensemble the latter.
    rows, validated, left_out : int
        Rows to train with, to validate with (of few rows they are trained with, too, at last), and without a target.
    test : Scores
        Of the rows held out for the test.
    notes : list of str
        What was passed over or guessed when the table was read.
    leaks : list of str
        Columns that alone predict the target nearly perfectly, so they are perhaps not known before it is.
    cv : CrossValidation or None
        Its `folds` are the Scores of each fold, its `mean` and `deviation` dicts of each score by its name.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "signs.csv")
    ...     _ = path.write_text("x,sign\\n" + "-1,minus\\n1,plus\\n" * 100)
    ...     result = fastbp.train_table(path, "sign", test_size=0.25)
    >>> result.rows, result.validated, result.left_out, *list(result.test.lines())[:2]
    (120, 30, 0, 'accuracy: 100.0% of 50 rows', "baseline: 50.0%, if it were always 'minus', the most frequent class")
    """

    model: TableModel
    columns: dict
    history: History
    rows: int
    validated: int
    left_out: int
    test: Scores
    notes: list
    leaks: list
    cv: CrossValidation | None

    def __repr__(self):
        lines = [repr(self.model), repr(self.history), *self.test.lines("test "), *(self.cv.lines() if self.cv else ())]
        return (
            f"<TableResult: {self.rows:,} rows to train with, {self.validated:,} to validate with; "
            + "; ".join(lines)
            + ">"
        )
