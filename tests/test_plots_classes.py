"""fastbp.plots.confusion and decision_regions: cells, regions, samples and their colours."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba

import fastbp
from fastbp import plots
from fastbp.plots.classes import DEEPEST, PALEST
from fastbp.plots.style import COLOURS
from tests.cases import DTYPES, UNCOMPILED
from tests.plot_cases import constant, drawing, legend, logit, rendered

PLANE = np.random.default_rng(0).normal(size=(12, 2))
STRING = np.dtypes.StringDType() if hasattr(np.dtypes, "StringDType") else np.dtype("U1")  # NumPy 2 has it


@pytest.fixture
def ax():
    return drawing()


# ---- confusion -------------------------------------------------------------------------------------------------------


def cells(ax):
    """The texts in the cells, as rows."""
    side = len(ax.get_xticks())
    placed = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in ax.texts}
    assert len(placed) == len(ax.texts) == side * side
    return [[placed[row, column] for column in range(side)] for row in range(side)]


def ticks(axis):
    return [tick.get_text() for tick in axis.get_ticklabels()]


@pytest.mark.parametrize(
    ("labels", "predicted", "shown"),
    [
        ([0, 0, 2, 2, 2], [0, 2, 2, 2, 3], ["0", "2", "3"]),
        (np.uint8([0, 0, 2, 2, 2]), np.float32([0, 2, 2, 2, 3]), ["0", "2", "3"]),
        (list("aabbb"), np.array(list("abbbc"), object), ["a", "b", "c"]),
        (np.array(list("aabbb"), STRING), np.array(list("abbbc"), STRING), ["a", "b", "c"]),
    ],
)
def test_rows_are_true_and_columns_are_predicted_classes(labels, predicted, shown, ax):
    rendered(plots.confusion(labels, predicted, ax))
    assert cells(ax) == [["1", "1", "0"], ["0", "2", "1"], ["0", "0", "0"]]
    np.testing.assert_array_equal(ax.images[0].get_array(), [[1, 1, 0], [0, 2, 1], [0, 0, 0]])
    assert ax.images[0].get_clim() == (0, 2)
    assert ticks(ax.xaxis) == ticks(ax.yaxis) == shown
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_shares_of_a_row(ax):
    plots.confusion([0, 0, 0, 2], [0, 0, 1, 2], ax, normalize=True)
    assert cells(ax) == [["0.67", "0.33", "0.00"], ["0.00"] * 3, ["0.00", "0.00", "1.00"]]
    assert ax.images[0].get_clim() == (0, 1)


def test_texts_can_be_read_on_their_cells(ax):
    plots.confusion(np.repeat([0, 1, 2, 3], 4), [0, 0, 0, 0, 1, 1, 1, 0, 2, 2, 0, 0, 0, 1, 2, 3], ax)
    assert [text.get_color() == "white" for text in ax.texts] == [int(t.get_text()) > 2 for t in ax.texts]
    assert [text.get_color() == "black" for text in ax.texts] == [int(t.get_text()) < 3 for t in ax.texts]
    assert [text.get_alpha() for text in ax.texts] == [None if t.get_text() != "0" else 0.4 for t in ax.texts]


def test_nothing_is_the_lightest_colour_even_where_there_is_no_zero(ax):
    plots.confusion([0, 0, 1, 1], [0, 1, 0, 1], ax)
    assert ax.images[0].get_clim() == (0, 1)


def test_names_of_classes(ax):
    plots.confusion([2, 2], [2, 1], ax, names=["cat", "dog", "cow"])
    assert ticks(ax.xaxis) == ["cat", "dog", "cow"]
    assert cells(ax)[2] == ["0", "1", "1"]
    other = drawing()
    plots.confusion(["a", "b"], ["b", "b"], other, names=["c", "b", "a"])
    assert cells(other) == [["0", "0", "0"], ["0", "1", "0"], ["0", "1", "0"]]


def test_booleans_are_labels_and_meet_integers(ax):
    plots.confusion([True, False], [True, True], ax)
    assert ticks(ax.xaxis) == ["False", "True"]
    other = drawing()
    plots.confusion([0, 1], np.array([0.2, 0.7]) > 0.5, other, names=["no", "yes"])
    assert cells(other) == [["1", "0"], ["0", "1"]]


def test_many_classes_have_small_texts_that_stay_within_their_cells(ax):
    labels = np.repeat(np.arange(15), 10_000)
    rendered(plots.confusion(labels, labels, ax))
    side = ax.bbox.width / 15
    widest = max(text.get_window_extent().width for text in ax.texts)
    assert side / 2 < widest < side
    assert {tick.get_rotation() for tick in ax.xaxis.get_ticklabels()} == {0}
    rendered(plots.confusion(["a long name", "b"], ["b", "b"], drawing(figsize=(2, 2))))


def test_long_names_stand_upright():
    ax = plots.confusion(["a rather long name", "b"], ["b", "b"], drawing(figsize=(2, 2)))
    assert {tick.get_rotation() for tick in ax.xaxis.get_ticklabels()} == {90}


@pytest.mark.parametrize(
    ("labels", "predicted", "options", "error", "message"),
    [
        ("ab", [1], {}, TypeError, r"^labels must be a vector, at least one, got 'ab'$"),
        ([], [], {}, ValueError, r"^labels must be a vector, at least one, got an array of shape \(0,\)$"),
        ([[1, 0]], [1], {}, ValueError, r"of shape \(1, 2\); of a row for each sample .* labels.argmax\(axis=1\)$"),
        ([[1], [1, 2]], [1], {}, ValueError, r"^labels must be a vector, .* rows that do not fit together$"),
        ([0.5], [1], {}, TypeError, r"^labels must hold integers or strings, got an array of dtype float64$"),
        ([1e20], [1], {}, TypeError, r"^labels must hold integers or strings, got an array of dtype float64$"),
        ([None], [1], {}, TypeError, r"^labels must hold integers or strings, got an array of dtype object$"),
        ([0, 1], [1], {}, ValueError, r"^predicted must be a vector, one for each of the 2 samples, got .* \(1,\)$"),
        ([0], ["a"], {}, TypeError, r"^predicted must be of the kind of labels, int64, got an array of <U1$"),
        ([0], [1], {"normalize": 1}, TypeError, r"^normalize must be True or False, got 1$"),
        ([0], [1], {"names": "ab"}, TypeError, r"^names must be a sequence of strings or None, got 'ab'$"),
        ([0], [1], {"names": 3}, TypeError, r"^names must be a sequence of strings or None, got 3$"),
        ([0], [1], {"names": ["a", 1]}, TypeError, r"^names\[1\] must be a string, got 1$"),
        ([0], [1], {"names": ["a"]}, ValueError, r"^names must have one for each class, .* without one for 1$"),
        ([0], [-1], {"names": ["a", "b"]}, ValueError, r"^names must have one for each class, .* for -1$"),
        (["a"], ["b"], {"names": ["a"]}, ValueError, r"^names must have one for each class, .* without one for 'b'$"),
        (["a"], ["b"], {"names": list("aba")}, ValueError, r"^names must differ where they are the classes, got "),
    ],
)
def test_labels_that_are_refused(labels, predicted, options, error, message):
    with pytest.raises(error, match=message):
        plots.confusion(labels, predicted, **options)
    assert plt.get_fignums() == []


# ---- decision_regions ------------------------------------------------------------------------------------------------


def halves(output, dtype="float64", steepness=20.0):
    """A network that tells apart what is left and right of 0 in the first input."""
    network = fastbp.Network((2, 1 if output in ("sigmoid", "numbers") else 3), output=output, dtype=dtype)
    network.theta[:] = 0
    network.W[0][-1, 0] = steepness
    if len(network.B[0]) == 3:
        network.B[0][0] = -1000.0  # a class that there is nowhere
    return network


def region(ax, x):
    """The colour at this first input, in the middle of the second one."""
    picture = ax.images[0].get_array()
    left, right, _, _ = ax.images[0].get_extent()
    return picture[len(picture) // 2, int((x - left) / (right - left) * picture.shape[1])]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("output", "left", "right"), [("sigmoid", 0, 1), ("softmax", 1, 2)])
def test_regions_of_a_network_have_the_colours_of_their_samples(output, left, right, dtype, ax):
    X, y = np.array([[-1.0, 0], [-1, 1], [1, 0]]), [left, left, right]
    rendered(plots.decision_regions(halves(output, dtype), X, y, ax, resolution=40))
    assert ax.images[0].get_array().shape == (40, 40, 3)
    assert legend(ax) == [str(left), str(right)]
    drawn = [c for c in ax.collections if len(c.get_offsets()) and len(c.get_facecolors())]
    for samples, label, x in zip(drawn, (left, right), (-0.8, 0.8), strict=True):
        colour = np.array(to_rgba(COLOURS[label]))
        np.testing.assert_array_equal(samples.get_offsets(), X[np.equal(y, label)])
        np.testing.assert_array_equal(samples.get_facecolors(), [colour])
        share = (1 - region(ax, x)) / (1 - colour[:3] + 1e-9)  # the same colour, mixed with white
        np.testing.assert_allclose(share[colour[:3] < 1], DEEPEST, rtol=1e-3)
    (line,) = (c.get_paths()[0].vertices[:, 0] for c in ax.collections if c not in drawn)
    assert np.abs(line).max() < 0.05
    assert ax.get_xlim() == pytest.approx((-1.16, 1.16))
    assert ax.get_ylim() == pytest.approx((-0.08, 1.08))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("first input", "second input")


@pytest.mark.parametrize(
    ("output", "bias", "chosen", "share"),
    [
        ("softmax", [0.0, 0.0], 0, 0),  # a guess
        ("softmax", np.log([0.25, 0.75]), 1, 0.5),
        ("softmax", np.log([0.1, 0.2, 0.7]), 2, 0.55),
        ("sigmoid", [0.0], 0, 0),
        ("sigmoid", [logit(0.75)], 1, 0.5),
        ("sigmoid", logit([0.2, 0.6, 0.1]), 1, 0.4),
        ("sigmoid", logit([0.2, 0.3, 0.1, 0.1]), 1, 0.2 / 3),
        ("sigmoid", logit([0.2, 0.1]), 0, 0),  # none of the classes
        ("identity", [0.0, 9.0], 1, None),  # no probabilities
        ("exponential", [9.0, 0.0], 0, None),
    ],
)
def test_regions_are_the_paler_the_less_sure_the_network_is(output, bias, chosen, share, ax):
    rendered(plots.decision_regions(constant(bias, (2, len(bias)), output), PLANE, ax=ax, resolution=3))
    colour = np.array(to_rgba(COLOURS[chosen]))[:3]
    share = (PALEST + DEEPEST) / 2 if share is None else PALEST + share * (DEEPEST - PALEST)
    np.testing.assert_allclose(region(ax, 0), 1 - share * (1 - colour))
    assert len(ax.collections) == 1  # the samples: there is no line where there is one region
    assert ax.get_legend() is None


class Labels:
    """A classifier by the sign of the first input, with as much more as a test wants it to have."""

    def __init__(self, names, p=None, **more):
        self.names = names
        self.__dict__.update(more)
        if p is not None:
            self.predict_proba = lambda X: np.where(X[:, :1] > 0, [[1 - p, p]], [[p, 1 - p]])

    def predict(self, X):
        return np.asarray(self.names)[(X[:, 0] > 0).astype(int)]


TWO = np.array([[-1.0, 0.0], [1.0, 1.0]])


@pytest.mark.parametrize(
    ("model", "y", "shown"),
    [
        (Labels(["a", "b"], classes_=["a", "b", "c"]), ["b", "c"], ["b", "c"]),
        (Labels(["b", "a"], classes_=["b", "a"], p=0.75), ["b", "a"], ["a", "b"]),
        (Labels([2, 5], classes_=[2.0, 5.0], p=0.75), [5, 2], ["2", "5"]),
        (Labels([2, 5]), [2, 7], ["2", "7"]),
        (Labels(np.array(["a", "b"], object)), None, ["a", "b"]),
        (Labels([False, True]), None, ["False", "True"]),
    ],
)
def test_regions_of_anything_with_predict(model, y, shown, ax):
    rendered(plots.decision_regions(model, TWO, y, ax, resolution=20))
    assert legend(ax) == shown
    found = sorted({*getattr(model, "classes_", model.names), *(y or [])})
    share = PALEST + 0.5 * (DEEPEST - PALEST) if hasattr(model, "predict_proba") else (PALEST + DEEPEST) / 2
    for x, name in zip((-0.5, 0.5), model.names, strict=True):
        colour = np.array(to_rgba(COLOURS[found.index(name)]))[:3]
        np.testing.assert_allclose(region(ax, x), 1 - share * (1 - colour))


def test_a_prediction_that_is_not_the_most_probable_class_is_what_is_drawn(ax):
    """As of scikit-learn's classifiers with a threshold."""
    model = Labels([0, 1], p=0.75, classes_=[0, 1])
    model.predict = lambda X: (X[:, 0] > 0.5).astype(int)
    rendered(plots.decision_regions(model, TWO, [0, 1], ax, resolution=40))
    sure = PALEST + 0.5 * (DEEPEST - PALEST)
    for x, colour, share in ((-0.3, COLOURS[0], sure), (0.3, COLOURS[0], PALEST), (0.7, COLOURS[1], sure)):
        np.testing.assert_allclose(region(ax, x), 1 - share * (1 - np.array(to_rgba(colour))[:3]))
    (line,) = (c for c in ax.collections if not len(c.get_facecolors()))
    np.testing.assert_allclose(line.get_paths()[0].vertices[:, 0], 0.5, atol=0.06)


def test_the_second_input_grows_upwards_and_a_pixel_lies_around_its_point(ax):
    model = SimpleNamespace(predict=lambda X: (X[:, 1] > 0.5).astype(int))
    rendered(plots.decision_regions(model, [[0.0, 0.0], [0.0, 1.0]], ax=ax, resolution=3))
    image = ax.images[0]
    assert image.origin == "lower"
    below, above = image.get_array()[0, 0], image.get_array()[2, 0]
    for colour, found in ((COLOURS[0], below), (COLOURS[1], above)):
        np.testing.assert_allclose(found, 1 - (PALEST + DEEPEST) / 2 * (1 - np.array(to_rgba(colour))[:3]))
    assert image.get_extent() == pytest.approx([-1.5, 1.5, -0.37, 1.37])


def test_more_classes_than_colours(ax):
    model = constant(np.arange(9.0), (2, 9), "softmax")
    rendered(plots.decision_regions(model, np.tile(TWO, (5, 1))[:9], range(9), ax, resolution=2))
    assert legend(ax) == [*map(str, range(9))]
    colours = {tuple(c.get_facecolors()[0]) for c in ax.collections}
    assert len(colours) == 9


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ["identity", "exponential"])
def test_numbers_are_contours_and_samples_in_the_same_colours(output, dtype, ax):
    network = constant(0.5, (2, 1), output, dtype)
    network.W[0][:] = 1, 0
    y = [-3.0, 8.0]
    rendered(plots.decision_regions(network, TWO, y, ax, resolution=11))
    contours, samples = ax.collections
    assert contours.levels[0] <= -3
    assert contours.levels[-1] >= 8
    assert samples.get_array().tolist() == y
    assert samples.norm is contours.norm
    assert samples.cmap == contours.cmap
    np.testing.assert_array_equal(samples.get_offsets(), TWO)
    assert [other.get_ylabel() for other in ax.figure.axes if other is not ax] == ["prediction"]
    assert ax.get_legend() is None


@pytest.mark.parametrize("y", [None, [2.0, 2.0]])
def test_numbers_that_are_all_the_same(y, ax):
    model = SimpleNamespace(predict=lambda X: np.full((len(X), 1), 2.0))
    rendered(plots.decision_regions(model, TWO, y, ax, resolution=2))
    assert len(ax.collections) == 2


def test_inputs_without_extent_have_a_margin(ax):
    rendered(plots.decision_regions(constant(1.0, (2, 1)), [[3.0, 4.0]], ax=ax, resolution=2))
    assert (ax.get_xlim(), ax.get_ylim()) == ((2, 4), (3, 5))


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
def test_fitted_estimators_and_the_names_of_their_inputs(ax):
    pytest.importorskip("sklearn")
    frames = pytest.importorskip("pandas")
    X, y = frames.DataFrame({"length": PLANE[:, 0], "width": PLANE[:, 1]}), np.where(PLANE[:, 0] > 0, "r", "l")
    model = fastbp.MLPClassifier((4,), solver="lbfgs", random_state=0).fit(X, y)
    rendered(plots.decision_regions(model, X, frames.Series(y), ax, resolution=20))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "width")
    assert legend(ax) == ["l", "r"]
    other = drawing()
    regressor = fastbp.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0).fit(X, PLANE[:, 0])
    rendered(plots.decision_regions(regressor, X, X["length"], other, resolution=20))
    assert len(other.collections) == 2
    several = fastbp.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0).fit(X, PLANE)
    with pytest.raises(ValueError, match=r"^model must predict one number or class for a sample, got .* \(9, 2\)$"):
        plots.decision_regions(several, X, resolution=3)


NETWORK, NUMBERS = fastbp.Network((2, 3)), fastbp.Network((2, 1), output="identity")


@pytest.mark.parametrize(
    ("model", "X", "y", "options", "error", "message"),
    [
        (3, TWO, None, {}, TypeError, r"^model must be a fastbp.Network or have a method predict, got 3$"),
        (fastbp.Network((3, 2)), TWO, None, {}, ValueError, r"^model must have 2 inputs, got one with 3: Network\(\(3"),
        (Labels([0, 1], n_features_in_=1), TWO, None, {}, ValueError, r"^model must have 2 inputs, got one with 1"),
        (NETWORK, [[1.0, 2.0, 3.0]], None, {}, ValueError, r"^X must have shape \(samples, 2\), got \(1, 3\)$"),
        (NETWORK, [[1.0, np.nan]], None, {}, ValueError, r"^X must be finite"),
        (NETWORK, TWO, None, {"resolution": 1}, ValueError, r"^resolution must be at least 2, got 1$"),
        (NETWORK, TWO, None, {"resolution": 9.5}, TypeError, r"^resolution must be an integer, got 9.5$"),
        (NETWORK, TWO, [0], {}, ValueError, r"^y must be a vector, one for each of the 2 samples, got .* \(1,\)$"),
        (NETWORK, TWO, [[0, 1], [1, 0]], {}, ValueError, r"make labels with y.argmax\(axis=1\)$"),
        (NETWORK, TWO, [0, 3], {}, ValueError, r"^y must hold classes of the model, \[0, 1, 2\], got 3$"),
        (NETWORK, TWO, ["0", "1"], {}, ValueError, r"^y must hold classes of the model, \[0, 1, 2\], got '0'$"),
        (fastbp.Network((2, 99)), TWO, ["0", "1"], {}, ValueError, r"^y must hold classes of the model, .*, got '0'$"),
        (NETWORK, TWO, [0.5, 1], {}, TypeError, r"^y must hold integers or strings"),
        (Labels([0, 1]), TWO, ["0", "1"], {}, ValueError, r"^y must hold classes of the model, \[0, 1\], got '0'$"),
        (Labels([1j, 2j]), TWO, None, {}, TypeError, r"^predictions of the model must hold integers or strings"),
        (NUMBERS, TWO, ["a", "b"], {}, TypeError, r"^y must hold real numbers, got an array of dtype <U1$"),
        (NUMBERS, TWO, [1.0, np.inf], {}, ValueError, r"^y must be finite, got inf$"),
        (NUMBERS, TWO, 3.0, {}, TypeError, r"^y must be a vector, one for each of the 2 samples, got 3.0$"),
    ],
)
def test_regions_that_are_refused(model, X, y, options, error, message):
    with pytest.raises(error, match=message):
        plots.decision_regions(model, X, y, **options)
    assert plt.get_fignums() == []
