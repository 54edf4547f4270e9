"""python -m benchmarks --quick: six rows of `benchmarks.peers` on one core, in about a minute.

PyTorch runs eagerly here: to compile a step takes it longer than all of this; `python -m benchmarks.peers` has it.
"""

from benchmarks import machine
from benchmarks.markdown import digits, is_lost, table
from benchmarks.peers.contest import Contest
from benchmarks.peers.report import excuses, ratio
from benchmarks.peers.rows import OURS, ROWS

RIVALS = {"numpy": "NumPy matrix", "sklearn": "scikit-learn", "jax": "JAX", "torch": "PyTorch"}
CHOSEN = [
    "4-8-3 relu, 1, SGD", "10-32-1 tanh, 32, SGD", "64-64-10 sigmoid, 32, Adam", "784-100-10 relu, 32, Adam",
    "784-128-10 relu, 128, SGD", "784-1024-10 relu, 256, SGD",
]  # fmt: skip
ROUNDS = 5


def render():
    """Markdown of the table."""
    with Contest(list(RIVALS), ROUNDS) as contest:
        results = [contest.row(row, "float32", 1) for row in ROWS if str(row) in CHOSEN]
    heads = ["network, batch, rule", "fastbp, us a step", *(f"{name}, us (ratio)" for name in RIVALS.values())]
    body = [[result["row"], *(cell(result, name) for name in (OURS, *RIVALS))] for result in results]
    told = (
        f"{machine.line('jax', 'torch', 'scikit-learn')} float32, one core; medians of {ROUNDS} laps in turn, after a "
        "check that all find the same parameters. Ratio: the other's time over ours, **bold where we lose**."
    )
    return "\n\n".join([told, table(heads, body), *excuses(results)])


def cell(result, name):
    """The time of a step, and for others how many times ours it is."""
    one, factor = result["rivals"].get(name, {}), ratio(result, name)
    if factor is None:
        return "-"
    shown = digits(factor, 2)
    return digits(one["us"], 3) + (f" ({f'**{shown}**' if is_lost(factor) else shown})" if name != OURS else "")
