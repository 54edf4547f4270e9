"""The options of `train`: a bad value ends in an error that names the option, and a network that is as it was.

And other spellings of good ones: labels for rows of D, names for update rules; and what is shown of the history.
"""

from xml.etree import ElementTree

import numpy as np
import pytest

import fastbp

X, D = np.arange(8.0).reshape(4, 2) - 2.5, np.eye(3)[[0, 1, 2, 0]]
ROWS = "numbers of rows of X"
VERSIONS = "'engine', 'tiles', 'loops', 'matrix'"

BAD = [
    *(
        (option, value, ValueError, f"{option} must be at least 0 and finite, got {shown}")
        for option in ("l1", "l2")
        for value, shown in ((-0.1, "-0.1"), (np.nan, "nan"), (np.inf, "inf"), (10**400, "10"))
    ),
    *(
        (option, value, TypeError, f"{option} must be a number, got {shown}")
        for option in ("l1", "l2", "dropout", "label_smoothing", "max_norm", "clip_norm")
        for value, shown in (("0.1", "'0.1'"), (1j, "1j"), (True, "True"), ([0.1], r"\[0.1\]"))
    ),
    *(
        (option, None, TypeError, f"{option} must be a number, got None")
        for option in ("l1", "l2", "dropout", "label_smoothing")
    ),
    *(
        (option, value, ValueError, f"{option} must be positive and finite, got {shown}")
        for option in ("max_norm", "clip_norm")
        for value, shown in ((0, "0"), (-1.0, "-1.0"), (np.nan, "nan"), (np.inf, "inf"))
    ),
    *(
        (option, value, ValueError, f"{option} must be at least 0 and below 1, got {shown}")
        for option in ("dropout", "label_smoothing")
        for value, shown in ((-0.1, "-0.1"), (1, "1"), (1.5, "1.5"), (np.nan, "nan"))
    ),
    ("sample_weight", np.ones(3), ValueError, r"sample_weight must have shape \(4,\), .* got \(3,\)"),
    ("sample_weight", [1, 1, -1, 1], ValueError, "sample_weight must be at least 0 and finite, got -1 in place 2"),
    ("sample_weight", np.zeros(4), ValueError, "sample_weight must have a sum that is positive and finite"),
    ("sample_weight", "abcd", TypeError, "sample_weight must hold real numbers"),
    ("threads", 0, ValueError, "threads must be at least 1, got 0"),
    ("threads", -2, ValueError, "threads must be at least 1, got -2"),
    ("threads", 2.0, TypeError, "threads must be an integer, got 2.0"),
    ("threads", True, TypeError, "threads must be an integer, got True"),
    ("threads", "all", TypeError, "threads must be an integer, got 'all'"),
    ("rows", [X, D], ValueError, f"rows must be {ROWS}, got arrays of samples: append these to X and D, and give"),
    ("validation_rows", [X, D], ValueError, f"validation_rows must be {ROWS}, got arrays of samples: append these"),
    ("validation_rows", (X, [0, 1, 2, 0]), ValueError, f"validation_rows must be {ROWS}, got arrays of samples"),
    ("validation_rows", (X.tolist(), D.tolist()), ValueError, f"validation_rows must be {ROWS}, got arrays of samples"),
    ("validation_rows", X, ValueError, r"validation_rows must be a vector of row numbers, .* got .* shape \(4, 2\)"),
    ("validation_rows", 0.2, ValueError, "validation_rows must be a vector of row numbers, at least one"),
    ("validation_rows", [0.0, 1.0], TypeError, "validation_rows must hold integers, got an array of dtype float64"),
    ("validation_rows", [0, 4], ValueError, "validation_rows must lie between 0 and 3, the rows of X, got 4 in pl"),
    ("time_limit", 0, ValueError, "time_limit must be positive and finite, got 0"),
    ("time_limit", np.inf, ValueError, "time_limit must be positive and finite, got inf"),
    ("time_limit", "1 s", TypeError, "time_limit must be a number, got '1 s'"),
    ("min_delta", -1, ValueError, "min_delta must be at least 0 and finite, got -1"),
    ("min_delta", None, TypeError, "min_delta must be a number, got None"),
    ("patience", 0, ValueError, "patience must be at least 1, got 0"),
    ("callbacks", 3, TypeError, "callbacks must be a callable or a sequence of callables, got 3"),
    ("callbacks", "ab", TypeError, "callbacks must be a callable or a sequence of callables, got 'ab'"),
    ("callbacks", [print, 3], TypeError, r"callbacks\[1\] must be callable, got 3"),
    ("progress", "bar", TypeError, "progress must be True, False or a callable, got 'bar'"),
    ("progress", 1, TypeError, "progress must be True, False or a callable, got 1"),
    ("version", "fast", ValueError, f"version must be one of {VERSIONS}, got 'fast'"),
    ("version", None, TypeError, f"version must be one of {VERSIONS}, got None"),
]


def refused(error, message, **how):
    network = fastbp.Network((2, 4, 3))
    before = network.theta.tobytes()
    with pytest.raises(error, match=message):
        fastbp.train(network, X, D, **how)
    assert network.theta.tobytes() == before


@pytest.mark.parametrize(("option", "value", "error", "message"), BAD, ids=lambda v: repr(v)[:40])
def test_options_of_train(option, value, error, message):
    refused(error, message, **{option: value})


@pytest.mark.parametrize("version", ["loops", "matrix"])
def test_dropout_is_the_engines(version):
    message = f"dropout must be 0 for version='{version}', got 0.5: only the engine's tiles have it"
    refused(ValueError, message, dropout=0.5, version=version)


@pytest.mark.parametrize("version", ["engine", "tiles", "loops", "matrix"])
def test_options_that_do_nothing_change_no_bit(version):
    bits = []
    nothing = {"l1": 0, "l2": 0.0, "max_norm": None, "clip_norm": None, "dropout": 0}
    nothing |= {"label_smoothing": 0, "sample_weight": None}
    for how in ({}, nothing, {"sample_weight": np.ones(4)}):
        network = fastbp.Network((2, 4, 3), seed=3)
        fastbp.train(network, X, D, version=version, epochs=2, **how)
        bits.append(network.theta.tobytes())
    assert len(set(bits)) == 1
    fastbp.train(limited := fastbp.Network((2, 4, 3), seed=3), X, D, version=version, epochs=2, clip_norm=1e30)
    np.testing.assert_allclose(limited.theta, np.frombuffer(bits[0], np.float32), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("version", ["engine", "tiles", "loops", "matrix"])
@pytest.mark.parametrize("option", ["l1", "l2", "max_norm", "clip_norm", "sample_weight"])
def test_every_version_heeds_the_options(option, version):
    value = {"sample_weight": np.float32([1, 2, 0, 4]), "clip_norm": 0.01}.get(option, np.float32(0.25))
    plain, other = (fastbp.Network((2, 4, 3), dtype="float64", seed=3) for _ in range(2))
    fastbp.train(plain, X, D, version=version, epochs=2)
    fastbp.train(other, X, D, version=version, epochs=2, **{option: value})
    assert np.abs(plain.theta - other.theta).max() > 1e-4
    if option == "max_norm":
        assert max(np.linalg.norm(w, axis=1).max() for w in other.W) <= 0.25 * (1 + 1e-12)


def trained(network, D, **how):
    """The bits of the network after some epochs, and its losses."""
    history = fastbp.train(network, X, D, epochs=3, batch_size=3, validation_rows=[1, 2], **how)
    return network.theta.tobytes(), history.loss, history.validation_loss


@pytest.mark.parametrize("version", ["engine", "tiles", "loops", "matrix"])
@pytest.mark.parametrize("labels", [[0, 1, 2, 0], (0.0, 1.0, 2.0, 0.0), np.array([0, 1, 2, 0], np.uint8)])
def test_labels_for_softmax_train_the_bits_of_their_rows(labels, version):
    expected = trained(fastbp.Network((2, 4, 3)), D, version=version)
    assert trained(fastbp.Network((2, 4, 3)), labels, version=version) == expected


@pytest.mark.parametrize("version", ["engine", "tiles", "loops", "matrix"])
@pytest.mark.parametrize("output", ["sigmoid", "identity", "exponential"])
@pytest.mark.parametrize("dtype", [bool, int, float])
def test_a_vector_for_one_unit_trains_the_bits_of_its_column(dtype, output, version):
    d = np.array([0, 1, 1, 0], dtype)
    expected = trained(fastbp.Network((2, 4, 1), output=output), d[:, None], version=version)
    assert trained(fastbp.Network((2, 4, 1), output=output), d, version=version) == expected


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "rprop"])
def test_the_name_of_an_optimizer_is_the_one_with_its_defaults(name):
    kinds = {"sgd": fastbp.SGD, "adam": fastbp.Adam, "adamw": fastbp.AdamW, "rmsprop": fastbp.RMSprop}
    kind = (kinds | {"rprop": fastbp.Rprop})[name]
    expected = trained(fastbp.Network((2, 4, 3)), D, optimizer=kind())
    assert trained(fastbp.Network((2, 4, 3)), D, optimizer=name) == expected


def test_a_long_history_is_shown_in_a_line():
    network = fastbp.Network((2, 4, 3))
    history = fastbp.train(network, X, D, epochs=300, validation_rows=[1], patience=300)
    first, last = history.loss[0], history.loss[-1]
    shown = repr(history)
    assert shown.startswith(f"<History: 300 epochs, loss {last:.4g} (first {first:.4g}), validation loss ")
    assert f", best in epoch {history.best_epoch}, " in shown
    assert shown.endswith(" s, finished>")
    assert len(shown) < 160
    assert "\n" not in shown


def test_short_histories_are_shown():
    assert repr(fastbp.History()) == "<History: 0 epochs, finished>"
    assert repr(fastbp.History([0.25], [0.5])) == "<History: 1 epoch, loss 0.25, 0.5 s, finished>"
    assert "0 epochs" in fastbp.History()._repr_html_()
    ended = fastbp.History([0.5, 0.25], [1.0, 1.5], best_epoch=2, outcome="stopped")
    assert repr(ended) == "<History: 2 epochs, loss 0.25 (first 0.5), best in epoch 2, 2.5 s, stopped>"


@pytest.mark.parametrize("validation_loss", [[], [0.5] * 300])
def test_a_notebook_shows_curves(validation_loss):
    history = fastbp.History([1 / epoch for epoch in range(1, 301)], [0.1] * 300, validation_loss)
    shown = history._repr_html_()
    curves = ElementTree.fromstring(shown).findall(".//polyline")  # well-formed
    assert len(curves) == 1 + bool(validation_loss)
    points = [tuple(map(float, point.split(","))) for point in curves[0].get("points").split()]
    assert points == sorted(points), "from left to right"
    assert (points[0][1], points[-1][1]) == (10, max(y for _, y in points)), "y grows downwards"
    assert ("validation loss</span>" in shown) == bool(validation_loss)
    assert "300 epochs" in shown
    assert len(shown) < 10_000


def test_a_notebook_leaves_out_losses_that_are_not_finite():
    shown = fastbp.History([1.0, np.inf, 0.5, np.nan], [0.1] * 4)._repr_html_()
    assert len(ElementTree.fromstring(shown).find(".//polyline").get("points").split()) == 2
    assert "<svg" not in fastbp.History([np.nan], [0.1])._repr_html_()


def test_what_a_callback_gets_is_shown_in_a_line():
    seen = []
    rows = {"rows": [0, 1], "validation_rows": [2, 3]}
    history = fastbp.train(fastbp.Network((2, 3)), X, D, epochs=2, callbacks=lambda state: seen.append(state), **rows)
    shown = f"loss {history.loss[1]:.4g}, validation loss {history.validation_loss[1]:.4g}, {seen[1].seconds:.3g} s"
    assert repr(seen[1]) == f"<TrainingState: epoch 2 of 2, {shown}, network 0: 2-3>"


# ---- Rows that are trained and validated with ------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("rows", "told"), [(None, "2 of the 2"), ([0, 1, 2], "1 of the 2"), ([3, 3, 0], "1 of the 2"), ([0, 1], None)]
)
def test_rows_in_both_are_told_of(rows, told):
    """The default of rows is all of them: who gives validation_rows alone may think that they are held out."""
    how, networks = {"epochs": 1, "rows": rows}, [fastbp.Network((2, 3), seed=seed) for seed in range(3)]
    alone = {"validation_rows": [2, 3], **how}
    several = {"validation_rows": [None, [2, 3], [2, 3]], **how, "rows": [rows] * 3}
    if told is None:
        fastbp.train(networks[0], X, D, **alone)
        fastbp.train_many(networks, X, D, **several)
        return
    message = f"{told} validation_rows are trained with, too, so their loss does not tell how"
    with pytest.warns(RuntimeWarning, match=f"^{message}") as warned:
        fastbp.train(networks[0], X, D, **alone)
    assert [warning.filename for warning in warned] == [__file__]
    with pytest.warns(RuntimeWarning, match=rf"^networks\[1\]: {message}") as warned:
        fastbp.train_many(networks, X, D, **several)
    assert [warning.filename for warning in warned] == [__file__]
