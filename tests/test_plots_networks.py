"""fastbp.plots.weights and ensemble_spread: images of weights, and how far networks disagree; the README's pictures."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba

import fastbp
from benchmarks import pictures
from fastbp import plots
from fastbp.plots.style import COLOURS
from tests.cases import DTYPES, UNCOMPILED
from tests.plot_cases import constant, drawing, legend, logit, rendered

RNG = np.random.default_rng(0)


@pytest.fixture
def ax():
    return drawing()


# ---- weights ---------------------------------------------------------------------------------------------------------


def tiles(ax, rows, columns, gap):
    """The images in the picture, row by row, without empty places; what lies between them must be empty."""
    picture = np.ma.filled(ax.images[0].get_array(), np.nan)
    high, wide = rows + gap, columns + gap
    down, across = ((size + gap) // part for size, part in zip(picture.shape, (high, wide), strict=True))
    assert picture.shape == (down * high - gap, across * wide - gap)
    padded = np.pad(picture, ((0, gap), (0, gap)), constant_values=np.nan)
    cells = padded.reshape(down, high, across, wide).swapaxes(1, 2).reshape(-1, high, wide)
    assert np.isnan(cells[:, rows:]).all()
    assert np.isnan(cells[:, :, columns:]).all()
    images = cells[:, :rows, :columns]
    there = ~np.isnan(images).all(axis=(1, 2))
    assert there[: there.sum()].all()
    return images[there]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("inputs", "hidden", "options", "form", "gap"),
    [
        (64, 24, {}, (8, 8), 1),
        (784, 5, {}, (28, 28), 3),
        (256, 3, {}, (16, 16), 2),
        (1, 1, {}, (1, 1), 1),
        (4, 7, {}, (2, 2), 1),
        (6, 3, {"shape": (2, 3)}, (2, 3), 1),
        (60, 31, {"shape": [60, 1]}, (60, 1), 1),
        (17, 2, {"shape": (1, 17)}, (1, 17), 1),
        (9, 4, {"shape": np.array([3, 3])}, (3, 3), 1),
    ],
)
def test_each_unit_is_an_image(inputs, hidden, options, form, gap, dtype, ax):
    network = fastbp.Network((inputs, hidden, 2), dtype=dtype)
    rendered(plots.weights(network, ax, **options))
    np.testing.assert_array_equal(tiles(ax, *form, gap), network.W[0].reshape(hidden, *form))
    low, high = ax.images[0].get_clim()
    assert -low == high == np.abs(network.W[0]).max()
    assert min(ax.images[0].cmap(0.5)[:3]) > 0.95, "no weight is white"
    assert max(ax.images[0].cmap(np.ma.masked)[:3]) < 0.8, "what lies between the images is not"
    assert [other.get_ylabel() for other in ax.figure.axes if other is not ax] == ["weight"]
    assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0


@pytest.mark.parametrize(("hidden", "form"), [(1, (1, 1)), (3, (1, 3)), (24, (4, 6)), (25, (5, 5)), (100, (10, 10))])
def test_the_picture_is_somewhat_wider_than_high_and_has_few_empty_places(hidden, form, ax):
    plots.weights(fastbp.Network((4, hidden, 1), output="identity"), ax)
    assert ax.images[0].get_array().shape == tuple(3 * n - 1 for n in form)


def test_chosen_units_in_their_order(ax):
    network = fastbp.Network((4, 5, 2))
    plots.weights(network, ax, units=(4, 0, 4))
    np.testing.assert_array_equal(tiles(ax, 2, 2, 1), network.W[0][[4, 0, 4]].reshape(3, 2, 2))
    assert ax.get_xlabel() == "weights of units 4, 0, 4, row by row"
    assert ax.images[0].get_clim()[1] == np.abs(network.W[0][[4, 0]]).max()
    assert plots.weights(network, drawing(), units=range(2, 3)).get_xlabel() == "weights of unit 2"
    many = plots.weights(fastbp.Network((4, 13, 2)), drawing())
    assert many.get_xlabel() == "weights of units 0, 1, ..., 12, row by row"


def test_weights_of_nothing_are_in_the_middle_of_the_colours(ax):
    rendered(plots.weights(constant(1.0, (4, 2)), ax))
    assert ax.images[0].get_clim() == (-1, 1)


def test_an_estimator_has_coefs(ax):
    coefs = RNG.normal(size=(9, 4))
    plots.weights(SimpleNamespace(coefs_=[coefs, None]), ax)
    np.testing.assert_array_equal(tiles(ax, 3, 3, 1), coefs.T.reshape(4, 3, 3))


BROKEN = fastbp.Network((4, 2))
BROKEN.W[0][1, 1] = np.nan


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (3, {}, TypeError, r"^model must be a fastbp.Network or a fitted estimator with coefs_, got 3$"),
        (BROKEN, {}, ValueError, r"^model must have finite weights, got NaN or infinity in its first layer$"),
        (
            fastbp.Network((6, 2)),
            {},
            ValueError,
            r"^shape must be given, \(rows, columns\), because 6 inputs are no sq",
        ),
        (fastbp.Network((6, 2)), {"shape": (2, 2)}, ValueError, r"^shape must have as many .*, 6, got \(2, 2\)$"),
        (fastbp.Network((6, 2)), {"shape": (-2, -3)}, ValueError, r"^shape\[0\] must be at least 1, got -2$"),
        (fastbp.Network((6, 2)), {"shape": (2.0, 3)}, TypeError, r"^shape\[0\] must be an integer, got 2.0$"),
        (fastbp.Network((6, 2)), {"shape": (6,)}, TypeError, r"^shape must be \(rows, columns\) or None, got \(6,\)$"),
        (fastbp.Network((6, 2)), {"shape": 6}, TypeError, r"^shape must be \(rows, columns\) or None, got 6$"),
        (fastbp.Network((4, 2)), {"units": 1}, TypeError, r"^units must be a sequence of integers or None, got 1$"),
        (fastbp.Network((4, 2)), {"units": [0, -1]}, ValueError, r"^units\[1\] must be at least 0, got -1$"),
        (fastbp.Network((4, 2)), {"units": [True]}, TypeError, r"^units\[0\] must be an integer, got True$"),
        (fastbp.Network((4, 2)), {"units": [0, 2]}, ValueError, r"^units must be at least one number below 2, .* got"),
        (fastbp.Network((4, 2)), {"units": []}, ValueError, r"^units must be at least one number below 2, .* got \[\]"),
    ],
)
def test_weights_that_are_refused(model, options, error, message):
    with pytest.raises(error, match=message):
        plots.weights(model, **options)
    assert plt.get_fignums() == []


# ---- ensemble_spread -------------------------------------------------------------------------------------------------


def lines_of(networks, dtype="float64"):
    """Networks of one input whose output is a x + b, for each (a, b)."""
    made = [constant(b, dtype=dtype) for _, b in networks]
    for network, (a, _) in zip(made, networks, strict=True):
        network.W[0][:] = a
    return made


def band(collection, x):
    """The lower and the upper edge of a band, at x."""
    vertices = collection.get_paths()[0].vertices
    heights = vertices[np.isclose(vertices[:, 0], x), 1]
    return heights.min(), heights.max()


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_input_gives_a_line_with_bands(dtype, ax):
    networks = lines_of([(1, 0), (2, 0), (3, 6)], dtype)
    rendered(plots.ensemble_spread(networks, [[2.0], [-1.0], [0.1]], ax))
    mean, *single = ax.lines
    x = mean.get_xdata()
    assert (x[0], x[-1]) == (-1, 2)
    assert np.isin(0.1, x)
    assert (np.diff(x) > 0).all()
    np.testing.assert_allclose(mean.get_ydata(), 2 * x + 2, rtol=1e-6)
    for line, (a, b) in zip(single, [(1, 0), (2, 0), (3, 6)], strict=True):
        np.testing.assert_allclose(line.get_ydata(), a * x + b, rtol=1e-6, atol=1e-6)
        assert line.get_linewidth() < 1 < mean.get_linewidth()
    for collection, times in zip(ax.collections, (1, 2), strict=True):
        for at in (-1, 2):
            std = np.std([at, 2 * at, 3 * at + 6])
            middle = 2 * at + 2
            assert band(collection, at) == pytest.approx((middle - times * std, middle + times * std))
    bands = ["within 1 standard deviation", "within 2 standard deviations"]
    assert legend(ax) == ["mean of 3 networks", *bands, "single networks"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input", "prediction")


@pytest.mark.parametrize(("n", "shown"), [(1, 1), (50, 50), (51, 50)])
def test_no_more_than_fifty_networks_are_shown_alone(n, shown, ax):
    plots.ensemble_spread(lines_of([(0, number) for number in range(n)]), [[0.0], [1.0]], ax)
    assert len(ax.lines) == 1 + shown
    np.testing.assert_allclose(ax.lines[0].get_ydata(), (n - 1) / 2)
    assert legend(ax)[0] == ("mean of 1 network" if n == 1 else f"mean of {n} networks")


@pytest.mark.parametrize("size", [(2.5, 2), (7, 4)])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 1)])
def test_the_legend_hides_nothing(sizes, size):
    networks = [constant(b, sizes) for b in (1.0, 5.0)]
    X = np.column_stack([[0.0, 1, 2]] * sizes[0])
    ax = rendered(plots.ensemble_spread(networks, X, drawing(figsize=size), y=[9.0, 2, 9]))
    low = ax.transData.transform((0, 9))[1]
    assert low > ax.bbox.y0 + 0.3 * ax.bbox.height
    box = ax.get_legend().get_window_extent()
    assert box.y0 >= low or size == (2.5, 2), "a very small picture has no room for it"


def test_samples_lie_on_top(ax):
    plots.ensemble_spread(lines_of([(1, 0), (2, 0)]), [[2.0], [-1.0]], ax, y=[5, 7])
    assert ax.lines[-1].get_xydata().tolist() == [[2, 5], [-1, 7]]
    assert ax.lines[-1].get_zorder() > max(line.get_zorder() for line in ax.lines[:-1])
    assert legend(ax)[-1] == "samples"


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_one_input_and_two_classes_give_a_line_of_probabilities(output, ax):
    sums = [logit(p) if output == "sigmoid" else np.log([1 - p, p]) for p in (0.1, 0.9, 0.98)]
    networks = [constant(u, (1, np.size(u)), output) for u in sums]
    rendered(plots.ensemble_spread(networks, [[0.0], [1.0], [2.0]], ax, y=[0, 1, 1]))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 0.66)
    assert [round(float(line.get_ydata()[0]), 6) for line in ax.lines[1:4]] == [0.1, 0.9, 0.98]
    assert band(ax.collections[1], 0) == pytest.approx((0, 1))  # though the deviation is 0.4
    assert ax.lines[-1].get_ydata().tolist() == [0, 1, 1]
    assert ax.get_ylabel() == "probability of class 1"


@pytest.mark.parametrize("y", [None, [10.0, 20.0, 30.0]])
def test_several_inputs_give_the_samples_by_their_mean(y, ax):
    networks = [fastbp.Network((2, 1), output="identity", dtype="float64") for _ in range(3)]
    for network, scale in zip(networks, (1, 2, 6), strict=True):
        network.theta[:] = scale, 0, 0
    rendered(plots.ensemble_spread(networks, [[2.0, 0], [-1, 0], [1, 0]], ax, y=y))
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, -3], [2, 3], [3, 6]])
    std = np.std([1, 2, 6])
    ends = [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()]
    np.testing.assert_allclose(ends, [[-3 - std, -3 + std], [3 - std, 3 + std], [6 - 2 * std, 6 + 2 * std]])
    if y:
        assert ax.lines[1].get_xydata().tolist() == [[1, 20], [2, 30], [3, 10]]
    assert legend(ax) == ["mean of 3 networks", "within 1 standard deviation", *(["samples"] if y else [])]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("samples in the order of their mean prediction", "prediction")


def test_a_line_through_one_place_is_none(ax):
    rendered(plots.ensemble_spread(lines_of([(1, 0), (3, 0)]), [[2.0], [2.0]], ax))
    assert ax.lines[0].get_xydata().tolist() == [[1, 4], [2, 4]]


P = np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3]])
OF_CLASSES = [constant(np.log(p), (1, 3), "softmax") for p in P]


@pytest.mark.parametrize(
    ("y", "shown"),
    [
        (None, None),
        ([0, 1, 0, 2], ["right: 2", "wrong: 2"]),
        ([0, 0, 0, 0], ["right: 4"]),
        ([2, 1, 1, 1], ["wrong: 4"]),
    ],
)
def test_classes_are_points_of_probability_and_deviation(y, shown, ax):
    rendered(plots.ensemble_spread(OF_CLASSES, [[0.0]] * 4, ax, y=y))
    points = np.concatenate([line.get_xydata() for line in ax.lines])
    np.testing.assert_allclose(points, [[0.5, 0.2]] * 4)
    assert [line.get_label() for line in ax.lines] == (shown or ["2 networks"])
    assert (ax.get_legend() is not None) == (len(ax.lines) > 1)
    colours = {"right": COLOURS[0], "wrong": COLOURS[1], "2 net": COLOURS[0]}
    assert all(to_rgba(line.get_color()) == to_rgba(colours[line.get_label()[:5]]) for line in ax.lines)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "mean probability of the predicted class",
        "standard deviation over 2 networks",
    )


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fitted_ensembles_say_what_they_predict(ax):
    pytest.importorskip("sklearn")
    frames = pytest.importorskip("pandas")
    X = frames.DataFrame({"a": RNG.normal(size=30), "b": RNG.normal(size=30)})
    network = fastbp.MLPRegressor(hidden_layer_sizes=(4,), max_iter=20)
    model = fastbp.EnsembleRegressor(network, 5, random_state=0).fit(X, X["a"])
    mean, std = model.predict(X, return_std=True)
    rendered(plots.ensemble_spread(model, X, ax, y=X["a"]))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.sort(mean))
    lengths = [np.diff(segment[:, 1])[0] / 2 for segment in ax.collections[0].get_segments()]
    np.testing.assert_allclose(lengths, std[np.argsort(mean)], rtol=1e-6)
    for names in (["l", "r"], ["l", "m", "r"]):
        y = np.array(names)[np.digitize(X["a"], [-0.4, 0.4][: len(names) - 1])]
        model = fastbp.EnsembleClassifier(fastbp.MLPClassifier((4,), max_iter=40), 5, random_state=0).fit(X, y)
        predicted, std = model.predict(X, return_std=True)
        other = rendered(plots.ensemble_spread(model, X, drawing(), y=y))
        assert other.lines[0].get_label() == f"right: {(predicted == y).sum()}"
        points = np.concatenate([line.get_xydata() for line in other.lines])
        order = np.argsort(predicted != y, kind="stable")
        np.testing.assert_allclose(points[:, 1], std[order], rtol=1e-6)
        np.testing.assert_allclose(points[:, 0], model.predict_proba(X).max(axis=1)[order], rtol=1e-6)
    model = fastbp.EnsembleClassifier(fastbp.MLPClassifier((4,), max_iter=9), 3, random_state=0).fit(X[["a"]], y > "l")
    assert plots.ensemble_spread(model, X[["a"]], drawing()).get_ylabel() == "probability of class True"
    for ensemble, of in ((fastbp.EnsembleRegressor, network), (fastbp.EnsembleClassifier, fastbp.MLPClassifier((4,)))):
        several = ensemble(of.set_params(max_iter=2), 2, random_state=0).fit(X, X.to_numpy() > 0)
        with pytest.raises(ValueError, match=r"^model_or_networks must predict one number or class .* with 2 of them$"):
            plots.ensemble_spread(several, X)
    with pytest.raises(TypeError, match=r"^model_or_networks must be a fitted ensemble or .*, got EnsembleRegressor"):
        plots.ensemble_spread(fastbp.EnsembleRegressor(), X)


ONE, TWO = fastbp.Network((1, 1), output="identity"), fastbp.Network((2, 1), output="identity")


@pytest.mark.parametrize(
    ("given", "X", "y", "error", "message"),
    [
        (ONE, [[1.0]], None, TypeError, r"^model_or_networks must be a fitted ensemble or .*, got Network"),
        ([], [[1.0]], None, ValueError, r"^model_or_networks must have at least one network, got an empty sequence$"),
        ([ONE, 3], [[1.0]], None, TypeError, r"^model_or_networks\[1\] must be a fastbp.Network, got 3$"),
        (
            [ONE, TWO], [[1.0]], None, ValueError,
            r"^model_or_networks\[1\] must have inputs and outputs like the first network, Network\(\(1, ..., 1\), "
            r"output='identity'\), got Network\(\(2, ..., 1\), output='identity'\)$",
        ),
        (
            [fastbp.Network((1, 2), output="exponential")], [[1.0]], None, ValueError,
            r"^model_or_networks must have one output, got Network\(\(1, ..., 2\), output='exponential'\)$",
        ),
        ([ONE], [1.0, 2.0], None, ValueError, r"^X must have shape \(samples, 1\), got \(2,\) \(give X\[:, None\]\)$"),
        ([ONE], [[1.0], [2.0]], [1], ValueError, r"^y must be a vector, one for each of the 2 samples, got .* \(1,\)$"),
        ([ONE], [[1.0]], ["a"], TypeError, r"^y must hold real numbers, got an array of dtype <U1$"),
        (OF_CLASSES, [[1.0]], [3], ValueError, r"^y must hold classes of the model, \[0, 1, 2\], got 3$"),
        (OF_CLASSES, [[1.0]], [0.5], TypeError, r"^y must hold integers or strings, got an array of dtype float64$"),
    ],
)  # fmt: skip
def test_ensembles_that_are_refused(given, X, y, error, message):
    with pytest.raises(error, match=message):
        plots.ensemble_spread(given, X, y=y)
    assert plt.get_fignums() == []


# ---- The pictures of the README --------------------------------------------------------------------------------------


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter hours")
def test_the_pictures_of_the_readme_are_small_and_the_same_bytes_again(tmp_path, capsys):
    for folder in ("first", "second"):
        assert pictures.main(["--folder", str(tmp_path / folder)]) == 0
    made = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    assert made.keys() == {f"{name}.png" for name in plots.__all__}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}
    for name, content in made.items():
        assert len(content) < 60_000, name
        assert b"tEXt" not in content, name
        assert b"tIME" not in content, name
        assert 550 <= int.from_bytes(content[16:20]) <= 800, name
    assert capsys.readouterr().out.count(" KB\n") == 2 * len(plots.__all__)
