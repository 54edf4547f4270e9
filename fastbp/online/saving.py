"""Learners of streams as strings and arrays of a model file: what they have learnt, and how they go on."""

import numpy as np

from fastbp.files import values
from fastbp.files.safetensors import write


def save(learner, path):
    """A file of a learner that has seen a sample."""
    if learner.network is None:
        raise ValueError("the learner must have seen a sample: there is nothing to save")
    names = learner.feature_names
    if not all(isinstance(name, str) for name in names):
        raise values.CannotBeStored("features must be named by texts to be stored")
    strings, arrays = learner.network._record()
    strings |= {f"parameter {name}": values.encoded(getattr(learner, name)) for name in learner._get_params()}
    strings["steps"] = str(learner._steps)
    arrays |= values.texts_record("features", names) | {"moments": learner._moments, "running": learner._stats}
    if hasattr(learner, "classes"):
        labels = learner.classes
        plain = {type(label) for label in labels} <= {bool, int, float, str} and len({*map(type, labels)}) == 1
        made = np.array(labels) if plain else np.empty(0, object)
        if made.tolist() != labels:
            raise values.CannotBeStored(f"classes must be all numbers of one type or all texts to be stored: {labels}")
        more, of_labels = values.labels_record("classes", made)
        strings, arrays = strings | more, arrays | of_labels
    write(path, learner._file_kind, strings, arrays)
