"""`partial_fit` on blocks: on one after the other, while a thread makes the next one."""

import contextlib
import itertools

from fastbp import validation
from fastbp.estimators.mlp import checks
from fastbp.threads.ahead import ahead
from fastbp.training.blocks import checked_function, made, parts_of, without_rows

EXPECTED = "(X, y) or (X, y, sample_weight)"


def learn(partial_fit, blocks, X, y, sample_weight):
    """Learn from X and y, or from blocks.

    Parameters
    ----------
    partial_fit : callable
        Called with X, y and sample_weight: those given, or those of each block.
    blocks : callable or None
    X, y, sample_weight
        As they came.
    """
    if blocks is None:
        if X is None:
            raise TypeError("X must be an array, got None: partial_fit needs X and y, or blocks in place of both")
        partial_fit(X, y, sample_weight)
        return
    for name, value in (("X", X), ("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(f"{name} must be None with blocks, which are {EXPECTED}, got {validation.shown(value)}")
    seen, numbers = 0, itertools.count(1)
    with contextlib.closing(ahead(made(checked_function(blocks, EXPECTED), EXPECTED))) as given:
        for block in given:
            with checks.told_of(f"blocks: block {next(numbers)}"):
                parts = parts_of(block, EXPECTED)
                if not without_rows(*parts[:2]):
                    seen += 1
                    partial_fit(*parts)
            del block, parts
    if not seen:
        raise ValueError("blocks must return blocks with rows, and there were none")
