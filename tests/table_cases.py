"""A table with numbers, texts and missing values that the tests share, and options for a short training."""

from fastbp.tables import fitting
from tests.cases import UNCOMPILED

FRUIT = "size,colour,id,kind\n" + "".join(
    f"{(9 if i % 2 else 1.5) + 0.01 * (i % 7)},{'' if i % 11 == 3 else ['red', 'green'][i % 3 > 1]},{i},"
    f"{'' if i == 30 else ('cherry', 'apple')[i % 2]}\n"
    for i in range(140)
)
QUICK = {"hidden_layer_sizes": (4,), "epochs": 2 if UNCOMPILED else 30, "learning_rate": 0.01}


def seen_by_train_many(monkeypatch):
    """Of each call of `train_many` by a training on a table what it is given, X, the networks, and what comes back."""
    calls, real = [], fitting.train_many

    def watched(networks, X, **how):
        done = real(networks, X, **how)
        calls.append(how | {"X": X, "networks": networks, "done": done})
        return done

    monkeypatch.setattr(fitting, "train_many", watched)
    return calls
