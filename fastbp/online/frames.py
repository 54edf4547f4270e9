"""Data frames, row by row."""

from fastbp import validation


def rows_of(X):
    """The rows of a data frame as dicts of plain numbers."""
    if not hasattr(X, "columns"):
        raise TypeError(f"X must be a data frame, got {validation.shown(X)}")
    columns = [*X.columns]
    if len({*columns}) < len(columns):
        raise ValueError(f"X must have columns of different names, got {validation.short_list(columns)}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*(plain(X[name]) for name in columns), strict=True)]


def rows_and_targets(X, y):
    """The rows, and a target for each."""
    rows, targets = rows_of(X), plain(y)
    if len(rows) != len(targets):
        raise ValueError(f"y must have a target for each of the {len(rows)} rows of X, got {len(targets)}")
    return rows, targets


def plain(column):
    """A list of Python's own numbers or texts."""
    for name in ("tolist", "to_list"):
        if hasattr(column, name):
            return getattr(column, name)()
    return list(column)


def beside(X, values, **options):
    """A Series, or with `columns` a DataFrame, beside the rows of a data frame of pandas."""
    import pandas

    if not isinstance(X, pandas.DataFrame):
        raise TypeError(f"X must be a pandas.DataFrame, got {validation.shown(X)}")
    kind = pandas.DataFrame if "columns" in options else pandas.Series
    return kind(values, index=X.index, **options)
