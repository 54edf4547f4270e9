"""How much a row of each class counts in a training."""

from collections.abc import Mapping

import numpy as np

from fastbp import validation
from fastbp.tables.target import CLASSES
from fastbp.validation import real_number, short_list


def check_class_weight(class_weight):
    """What can be said of it before the table is read."""
    if isinstance(class_weight, str):
        validation.choice("class_weight", class_weight, ("balanced",))
    elif class_weight is not None and not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be 'balanced', a mapping or None, got {validation.shown(class_weight)}")


def weights_of(class_weight, target, counts, dtype):
    """How much a row of each class counts; None: all the same."""
    if class_weight is None:
        return None
    if target.kind != CLASSES:
        raise ValueError(
            f"class_weight must be None where the target is a number, got {validation.shown(class_weight)}"
        )
    if isinstance(class_weight, str):
        rows = [counts[text] for text in target.texts]
        return np.array([sum(rows) / (len(rows) * n) if n else 1.0 for n in rows])
    unknown = [str(name) for name in class_weight if str(name) not in target.texts]
    if unknown:
        raise ValueError(f"class_weight must be of {short_list(target.texts)}, got {short_list(unknown)}")
    named = {
        str(name): real_number(f"class_weight[{str(name)!r}]", value, *validation.NOT_NEGATIVE)
        for name, value in class_weight.items()
    }
    weights = np.array([named.get(text, 1.0) for text in target.texts])
    most = float(np.finfo(dtype).max) / max(1, sum(counts[text] for text in target.texts))  # else their sum has no end
    for name, weight in named.items():
        if weight > most:
            raise ValueError(
                f"class_weight[{name!r}] must be at most {most:.3g} for so many rows in {np.dtype(dtype)}, got {weight}"
            )
    if not weights[[counts[text] > 0 for text in target.texts]].any():
        raise ValueError(f"class_weight must leave rows to train with, got {validation.shown(class_weight)}")
    return weights
