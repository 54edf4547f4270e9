"""Bad values of the options of `train`: an error that names the option, and a network that is as it was."""

import numpy as np
import pytest

import fastbp

X, D = np.arange(8.0).reshape(4, 2) - 2.5, np.eye(3)[[0, 1, 2, 0]]
VERSIONS = "'engine', 'tiles', 'loops', 'matrix'"

BAD = [
    *(
        (option, value, ValueError, f"{option} must be at least 0 and finite, got {shown}")
        for option in ("l1", "l2")
        for value, shown in ((-0.1, "-0.1"), (np.nan, "nan"), (np.inf, "inf"), (10**400, "10"))
    ),
    *(
        (option, value, TypeError, f"{option} must be a number, got {shown}")
        for option in ("l1", "l2", "dropout", "max_norm", "clip_norm")
        for value, shown in (("0.1", "'0.1'"), (1j, "1j"), (True, "True"), ([0.1], r"\[0.1\]"))
    ),
    *((option, None, TypeError, f"{option} must be a number, got None") for option in ("l1", "l2", "dropout")),
    *(
        (option, value, ValueError, f"{option} must be positive and finite, got {shown}")
        for option in ("max_norm", "clip_norm")
        for value, shown in ((0, "0"), (-1.0, "-1.0"), (np.nan, "nan"), (np.inf, "inf"))
    ),
    *(
        ("dropout", value, ValueError, f"dropout must be at least 0 and below 1, got {shown}")
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
    nothing = {"l1": 0, "l2": 0.0, "max_norm": None, "clip_norm": None, "dropout": 0, "sample_weight": None}
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
