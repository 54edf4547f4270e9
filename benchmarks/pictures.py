"""python -m benchmarks.pictures: make the pictures of the README, which show what fastbp.plots draws.

The same command makes the same bytes: seeds are fixed, and the files tell neither date nor versions.
"""

import argparse
import io
import sys
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image  # comes with matplotlib

import fastbp
from fastbp import plots
from fastbp.lecture.example import example

FOLDER = Path(__file__).resolve().parent / "pictures"
TRAINED = 1198  # of 1797 digits
DPI = 100


def loss(figure):
    """A network that learns the digits, until its validation loss falls no more."""
    X, labels = fastbp.load_digits()
    network, rows = fastbp.Network((64, 32, 10), seed=0), np.arange(TRAINED)
    history = fastbp.train(
        network, X, np.eye(10)[labels], epochs=60, optimizer=fastbp.Adam(0.003), rows=rows,
        validation_rows=np.arange(TRAINED, len(X)), patience=10,
    )  # fmt: skip
    ax = plots.loss(history, figure.subplots(), log=True)
    ax.set_title("64-32-10 on handwritten digits")


def confusion(figure):
    """What the lecture's kind of network takes digits for that it has not seen."""
    X, labels = fastbp.load_digits()
    network = fastbp.Network((64, 32, 10), seed=0)
    fastbp.train(network, X[:TRAINED], np.eye(10)[labels[:TRAINED]], epochs=20, optimizer=fastbp.SGD(0.2))
    predicted = network.predict(X[TRAINED:]).argmax(axis=1)
    ax = plots.confusion(labels[TRAINED:], predicted, figure.subplots())
    right = (predicted == labels[TRAINED:]).mean()
    ax.set_title(f"{right:.1%} of {len(predicted)} digits right")


def decision_regions(figure):
    """Three spirals and the network that tells them apart."""
    rng, arms, points = np.random.default_rng(0), 3, 100
    radius, arm = np.tile(np.linspace(0.1, 1, points), arms), np.repeat(np.arange(arms), points)
    angle = 2 * np.pi * arm / arms + 4 * radius + rng.normal(0, 0.15, arms * points)
    X = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    network = fastbp.Network((2, 24, 24, arms), activation="tanh", seed=1)
    fastbp.train(network, X, np.eye(arms)[arm], epochs=400, optimizer=fastbp.Adam(0.01), l2=1e-4)
    ax = plots.decision_regions(network, X, arm, figure.subplots())
    ax.set_title("2-24-24-3 on three spirals")


def network(figure):
    """The network that the lecture works out by hand, with the numbers of its sample."""
    made = example()
    small = fastbp.Network(made["sizes"], made["activation"], made["output"], "float64")
    for place, numbers in zip((*small.W, *small.B), (*made["W"], *made["B"]), strict=True):
        place[...] = numbers
    plots.network(small, figure.subplots(), trace=fastbp.trace(small, made["x"], made["d"]))


def weights(figure):
    """What the hidden units of a network for digits look for."""
    X, labels = fastbp.load_digits()
    network = fastbp.Network((64, 24, 10), activation="tanh", seed=0)
    fastbp.train(network, X, np.eye(10)[labels], epochs=200, optimizer=fastbp.SGD(0.1), l1=0.0005, l2=0.003)
    ax = plots.weights(network, figure.subplots())
    ax.set_title("64-24-10 on handwritten digits of 8 x 8 pixels")


def ensemble_spread(figure):
    """Networks that agree where there were samples, and nowhere else."""
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-3, -0.5, 40), rng.uniform(1, 3, 40)])
    d = np.sin(2 * x) + rng.normal(0, 0.15, x.size)
    networks = [fastbp.Network((1, 32, 16, 1), activation="silu", output="identity", seed=seed) for seed in range(100)]
    rows = [rng.integers(0, x.size, x.size) for _ in networks]
    fastbp.train_many(
        networks, x[:, None], d[:, None], epochs=800, optimizer=fastbp.Adam(0.005), seed=range(100), rows=rows
    )
    ax = plots.ensemble_spread(networks, np.linspace(-4.2, 4.2, 200)[:, None], figure.subplots())
    ax.plot(x, d, "o", color="black", markersize=3, zorder=4, label="samples")
    ax.legend(loc="upper center", ncols=2)  # in room above the data, which it would hide at either end
    ax.set(ylim=(-2.6, 5.2), title="100 networks 1-32-16-1 on a noisy sine")


PICTURES = {
    loss: (7.2, 4.2),
    confusion: (6.0, 5.8),
    decision_regions: (6.4, 5.2),
    network: (7.2, 4.2),
    weights: (7.2, 4.5),
    ensemble_spread: (7.2, 4.2),
}


def made(draw, size):
    """The bytes of a PNG of 256 colours, a third of the size of one of all colours, and without metadata."""
    figure, file = Figure(size, DPI, layout="constrained"), io.BytesIO()
    draw(figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--write", action="store_true", help="write them into benchmarks/pictures")
    parser.add_argument("--folder", type=Path, metavar="F", help="write them into this folder")
    options = parser.parse_args(arguments)
    folder = options.folder or (FOLDER if options.write else None)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user has set
        for draw, size in PICTURES.items():
            picture, name = made(draw, size), f"{draw.__name__}.png"
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(picture)
            print(f"{folder / name if folder else name}: {len(picture) / 1000:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
