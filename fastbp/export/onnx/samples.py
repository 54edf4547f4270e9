"""Samples to try an ONNX model with: rows as the first step of a pipeline, or a model of tables, takes them."""

import numbers

import numpy as np

from fastbp import validation
from fastbp.export.onnx.pipelines import inputs_of
from fastbp.tables.target import NUMBER

ROWS, MISSING = 32, 0.2  # the second is the share of numbers that are missing, where some may be
CENTRES, WIDTHS = ("mean_", "center_", "statistics_"), ("scale_",)  # attributes that tell what a column was like


def rows_of_table(model):
    """Columns for a TableModel: numbers around the means, texts that were there in training, and missing ones."""
    rng, rows = np.random.default_rng(0), {}
    for column in model.encoding.used:
        if column.kind == NUMBER:
            values = column.mean + column.deviation * rng.standard_normal(ROWS)
            values[rng.random(ROWS) < MISSING] = np.nan
            rows[column.name] = values
        else:
            rows[column.name] = rng.permutation(np.resize(np.array([*column.texts, ""], object), ROWS))
    return rows


def samples_for(steps, network):
    """Matrices to choose from, the first that the model takes: with missing values, if a step imputes, and without.

    Parameters
    ----------
    steps : list of (str, estimator)
        As `convert.steps_of` has them.
    network : Network
        That of the last step.

    Returns
    -------
    list of (ndarray, ndarray)
        For the model, and for the runtime; here they are the same.

    Raises
    ------
    ValueError
        If the first step takes something else than numbers.
    """
    columns, first = inputs_of(steps) or network.sizes[0], [step for _, step in steps]
    try:
        matrices = [_rows(first, columns, missing, np.random.default_rng(0)) for missing in (True, False)]
    except (TypeError, ValueError, IndexError) as problem:
        came = validation.shown(first[0])
        raise ValueError(f"model must be a pipeline that begins with one matrix of numbers, got {came}") from problem
    return [(X, X) for X in (matrix.astype(network.dtype) for matrix in matrices)]


def _rows(steps, columns, missing, rng):
    """A matrix that the steps, one after the other, can take."""
    first, *others = steps
    if hasattr(first, "steps"):
        return _rows([*(step for _, step in first.steps), *others], columns, missing, rng)
    if hasattr(first, "transformers_"):  # a ColumnTransformer
        X = rng.standard_normal((ROWS, columns))
        for _, step, chosen in first.transformers_:
            at = np.atleast_1d(np.arange(columns)[chosen])
            X[:, at] = _rows([step], len(at), missing, rng)
    elif hasattr(first, "transformer_list"):  # a FeatureUnion
        X = _rows([first.transformer_list[0][1]], columns, missing, rng)
    else:
        X = _like(first, columns, rng)
    value = _missing_value(steps) if missing else None
    if value is not None:
        X[rng.random(X.shape) < MISSING] = value
    return X


def _missing_value(steps):
    """What stands for a missing number, if one of the steps imputes and those before it let it pass; else None."""
    for number, step in enumerate(steps):
        value = getattr(step, "missing_values", None)
        if isinstance(value, numbers.Real) and (number == 0 or np.isnan(value)):
            return value
        if not getattr(_tags(step), "allow_nan", False):
            return None
    return None


def _like(step, columns, rng):
    """Categories that the step knows, or numbers like those that it was fitted with."""
    X, categories = rng.standard_normal((ROWS, columns)), getattr(step, "categories_", None)
    if categories is not None:
        return np.stack([rng.permutation(np.resize(known, ROWS)) for known in categories], axis=1).astype(np.float64)
    edges = getattr(step, "bin_edges_", np.transpose(getattr(step, "quantiles_", [])))
    if hasattr(step, "data_min_"):
        edges = np.stack([step.data_min_, step.data_max_], axis=1)
    if len(edges):
        low, high = np.array([(edge[0], edge[-1]) for edge in edges], np.float64).T
        X = (low + high) / 2 + (high - low) / 4 * X
    else:
        X = _attribute(step, CENTRES, columns, 0.0) + _attribute(step, WIDTHS, columns, 1.0) * X
    positive = getattr(_tags(step), "positive_only", False) or getattr(step, "method", None) == "box-cox"
    return 1 + np.abs(X) if positive else X  # powers of 0 are infinite


def _attribute(step, names, columns, otherwise):
    """The first of these attributes that has a number for each column."""
    for name in names:
        found = getattr(step, name, None)
        if np.shape(found) == (columns,):
            found = np.asarray(found, np.float64)
            return np.where(np.isfinite(found), found, otherwise)
    return otherwise


def _tags(step):
    """scikit-learn's tags of what a step takes, or None."""
    return step.__sklearn_tags__().input_tags if hasattr(step, "__sklearn_tags__") else None
