"""A table with numbers, texts and missing values that the tests share, and options for a short training."""

from tests.cases import UNCOMPILED

FRUIT = "size,colour,id,kind\n" + "".join(
    f"{(9 if i % 2 else 1.5) + 0.01 * (i % 7)},{'' if i % 11 == 3 else ['red', 'green'][i % 3 > 1]},{i},"
    f"{'' if i == 30 else ('cherry', 'apple')[i % 2]}\n"
    for i in range(140)
)
QUICK = {"hidden_layer_sizes": (4,), "epochs": 2 if UNCOMPILED else 30, "learning_rate": 0.01}
