"""fastbp.plots: where is drawn and what is refused, for all pictures; the losses of trainings."""

import doctest
import itertools
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import fastbp
from fastbp import plots
from fastbp.plots import classes, ensembles, losses, networks, units
from tests.cases import UNCOMPILED
from tests.plot_cases import constant, drawing, legend, rendered

PLANE = np.random.default_rng(0).normal(size=(12, 2))


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return drawing()


def history(loss, validation=(), best=None):
    return fastbp.History(list(loss), [], list(validation), best)


# ---- All of them -----------------------------------------------------------------------------------------------------

DRAWINGS = {
    "loss": ([2.0, 1.0],),
    "confusion": ([0, 1], [1, 1]),
    "decision_regions": (fastbp.Network((2, 2)), PLANE),
    "network": (fastbp.Network((3, 2)),),
    "weights": (fastbp.Network((4, 3)),),
    "ensemble_spread": ([constant(1.0), constant(2.0)], [[0.0], [1.0]]),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_given_axes_are_used_and_nothing_else(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args: pytest.fail("a window"))
    before = dict(matplotlib.rcParams)
    left, right = Figure().subplots(1, 2)
    assert getattr(plots, name)(*DRAWINGS[name], ax=right) is right
    rendered(right)
    assert right.get_xlabel()
    assert not left.has_data()
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", DRAWINGS)
def test_without_axes_the_current_ones_are_used(name):
    _, (left, right) = plt.subplots(1, 2)
    plt.sca(left)
    assert getattr(plots, name)(*DRAWINGS[name]) is left
    assert not right.has_data()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("name", DRAWINGS)
def test_what_is_no_axes_is_refused(name):
    with pytest.raises(TypeError, match=r"^ax must be a matplotlib Axes or None, got 3$"):
        getattr(plots, name)(*DRAWINGS[name], ax=3)


@pytest.mark.parametrize("name", DRAWINGS)
def test_without_matplotlib_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"fastbp\.plots needs matplotlib: pip install 'fastbp\[plot\]'"):
        getattr(plots, name)(*DRAWINGS[name])


def test_matplotlib_is_imported_by_the_first_picture_only():
    script = "import sys, fastbp, fastbp.plots; assert 'matplotlib' not in sys.modules; print(fastbp.plots.__all__)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.strip() == str(sorted(DRAWINGS))


@pytest.mark.parametrize("module", [classes, ensembles, losses, networks, units], ids=lambda module: module.__name__)
def test_the_examples_run(module):
    failures, tried = doctest.testmod(module, extraglobs={"np": np})
    assert tried > 0
    assert failures == 0


# ---- loss ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [[3.0, 1.0, 2.0], (3, 1, 2), np.float32([3, 1, 2]), history([3, 1, 2])])
def test_the_losses_of_one_training(given, ax):
    line, best = plots.loss(given, ax).lines
    assert line.get_xydata().tolist() == [[1, 3], [2, 1], [3, 2]]
    assert best.get_xydata().tolist() == [[2, 1]]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "linear")
    assert legend(ax) == ["training", "best epoch: 2"]
    assert not ax.collections


@pytest.mark.parametrize(("chosen", "shown"), [(None, 2), (3, 3)])
def test_the_validation_loss_and_its_best_epoch(chosen, shown, ax):
    training, validation, best = plots.loss(history([3, 2, 1], [4, 2.5, 3], chosen), ax).lines
    assert training.get_ydata().tolist() == [3, 2, 1]
    assert validation.get_ydata().tolist() == [4, 2.5, 3]
    assert training.get_color() != validation.get_color()
    assert best.get_xydata().tolist() == [[shown, [4, 2.5, 3][shown - 1]]]
    assert legend(ax) == ["training", "validation", f"best epoch: {shown}"]


def test_what_train_returns_can_be_drawn(ax):
    network = fastbp.Network((2, 2), seed=1)
    done = fastbp.train(network, PLANE, np.eye(2)[[0, 1] * 6], epochs=4, validation_rows=[0, 1], patience=4)
    training, validation, best = rendered(plots.loss(done, ax, log=True)).lines
    assert training.get_ydata().tolist() == done.loss
    assert validation.get_ydata().tolist() == done.validation_loss
    assert best.get_xdata().tolist() == [done.best_epoch]
    assert ax.get_yscale() == "log"


def test_one_epoch_is_a_point(ax):
    line, _ = rendered(plots.loss([0.5], ax)).lines
    assert line.get_marker() == "."
    assert [tick for tick in ax.get_xticks() if 0.9 < tick < 1.1] == [1]
    assert plots.loss([0.5, 0.4], ax).lines[2].get_marker() == "None"


def test_epochs_without_a_loss_are_a_gap(ax):
    line, best = plots.loss([np.nan, 1.0, np.inf, 2.0], ax).lines
    np.testing.assert_array_equal(line.get_ydata(), [np.nan, 1, np.nan, 2])
    assert best.get_xdata().tolist() == [2]


def many(loss, validation=None, best=0):
    loss = np.array(loss, float)
    validation = np.full(loss.shape, np.nan) if validation is None else np.array(validation, float)
    trained, n = np.isfinite(loss).sum(axis=1), len(loss)
    outcome, validated = np.full(n, "finished"), np.isfinite(validation).any(axis=1)
    return fastbp.ManyHistory(loss, validation, trained, np.full(n, best), outcome, 1.0, validated)


def test_many_networks_are_thin_lines_and_their_median_a_thick_one(ax):
    nan = np.nan
    loss = [[5, 3, 2, nan, nan], [6, 4, nan, nan, nan], [9, 9, 9, 9, nan], [nan] * 5, [7, 3, 1, nan, nan]]
    (median,) = rendered(plots.loss(many(loss), ax)).lines
    np.testing.assert_array_equal(median.get_ydata(), [6.5, 3.5, 2, nan])  # of one of four it tells nothing
    (single,) = ax.collections
    assert isinstance(single, LineCollection)
    assert [segment[:, 1].tolist() for segment in single.get_segments()] == [[5, 3, 2], [6, 4], [9] * 4, [7, 3, 1]]
    assert single.get_segments()[1].tolist() == [[1, 6], [2, 4]]
    assert single.get_linewidth()[0] < 1 < median.get_linewidth()
    assert 0 < single.get_alpha() < 1
    assert median.get_label() == "training, median of 4 networks"
    assert ax.get_legend() is None
    assert ax.get_ylim()[0] < 1
    assert ax.get_ylim()[1] > 9


def test_many_networks_and_their_validation(ax):
    plots.loss(many([[2, 1], [4, 3]], [[3, 2], [6, 5]]), ax)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[3, 2], [4.5, 3.5]]
    assert len(ax.collections) == 2
    assert legend(ax) == ["training, median of 2 networks", "validation, median of 2 networks"]


@pytest.mark.parametrize(("best", "shown"), [(0, 2), (1, 1)])
def test_a_history_of_many_with_one_network_is_that_of_the_one(best, shown, ax):
    plots.loss(many([[2, 1, np.nan]], best=best), ax)
    assert legend(ax) == ["training", f"best epoch: {shown}"]
    assert not ax.collections


def test_the_scores_of_an_estimator_have_an_axis_of_their_own(ax):
    fitted = SimpleNamespace(loss_curve_=[3.0, 2.0, 1.0], validation_scores_=[0.5, 0.9, 0.8])
    plots.loss(fitted, ax)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[3, 2, 1]]
    (right,) = (other for other in ax.figure.axes if other is not ax)
    scores, best = right.lines
    assert scores.get_ydata().tolist() == [0.5, 0.9, 0.8]
    assert best.get_xydata().tolist() == [[2, 0.9]]
    assert right.get_ylabel() == "validation score"
    assert legend(right) == ["training", "validation score", "best epoch: 2"]


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early", [True, False])
def test_fitted_estimators(early, ax):
    pytest.importorskip("sklearn")
    model = fastbp.MLPClassifier((3,), max_iter=3, random_state=0, early_stopping=early, validation_fraction=0.4)
    plots.loss(model.fit(PLANE, list("ab") * 6), ax)
    assert ax.lines[0].get_ydata().tolist() == model.loss_curve_
    assert [len(other.lines) for other in ax.figure.axes] == ([1, 2] if early else [2])
    regressor = fastbp.MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs").fit(PLANE, PLANE[:, 0])
    with pytest.raises(TypeError, match=r"by a solver of mini-batches.*got MLPRegressor"):
        plots.loss(regressor, ax)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("low", [1e-9, 1e-4, 0.03, 0.3, 2.0, 2.2999])
@pytest.mark.parametrize("size", [(2, 1.5), (4, 3), (8, 6)])
def test_the_numbers_at_the_losses_can_be_read(low, log, size):
    ax = rendered(plots.loss(np.geomspace(2.3, low, 20), drawing(figsize=size), log=log))
    low, high = ax.get_ylim()
    shown = [label for label in ax.yaxis.get_ticklabels() if low <= label.get_position()[1] <= high]
    assert len(shown) >= 2
    assert all("$" not in label.get_text() for label in shown) or high / low > 1e4
    assert not any(label.get_text() for label in ax.yaxis.get_ticklabels(minor=True))
    boxes = sorted((label.get_window_extent() for label in shown), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 for below, above in itertools.pairwise(boxes))
    assert "+" not in ax.yaxis.get_offset_text().get_text()


def test_the_legend_of_many_networks_lies_above_all_of_them():
    for log in (True, False):
        ax = rendered(plots.loss(many([[2, 1], [4, 3]], [[3, 2], [60, 50]]), drawing(), log=log))
        assert ax.get_legend().get_window_extent().y0 >= ax.transData.transform((1, 60))[1]


@pytest.mark.parametrize(
    "given", [3, "123", None, {1.0}, ["1", "2"], [[1, 2], [3]], [[1.0, 2.0]], [True], object(), fastbp.Network((1, 2))]
)
def test_what_has_no_losses_is_refused(given):
    with pytest.raises(TypeError, match=r"^history must be a fastbp.History or ManyHistory, .*, got "):
        plots.loss(given)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([], {}, r"^history must have at least one epoch, got \[\]$"),
        ([np.nan], {}, r"^history must have at least one epoch, got \[nan\]$"),
        (history([]), {}, r"^history must have at least one epoch, got <History: 0 epochs, finished>$"),
        (many([[np.nan], [np.nan]]), {}, r"^history must have at least one epoch, got <ManyHistory: 2 networks, .*>$"),
        ([1.0, -0.5], {"log": True}, r"^log must be False where a loss is not above 0, got True and a loss of -0.5$"),
        (history([1], [0]), {"log": True}, r"^log must be False .* a loss of 0$"),
        (
            SimpleNamespace(loss_curve_=[1.0, 2.0], validation_scores_=[0.5]), {},
            r"^history must have a validation score for each epoch or none, got 1 scores in 2 epochs$",
        ),
    ],
)  # fmt: skip
def test_losses_that_cannot_be_drawn(given, options, message):
    with pytest.raises(ValueError, match=message):
        plots.loss(given, **options)
