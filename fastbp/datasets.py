"""Real handwritten digits, shipped with the package."""

from importlib import resources

import numpy as np


def load_digits():
    """The 1797 images of the test set of the UCI optical digits, 8 x 8 pixels each.

    Returns
    -------
    X : ndarray of float32, shape (1797, 64)
        Images row by row; a pixel is the ink in a 4 x 4 block of the scan, in sixteenths: 0, 1/16, ..., 1.
    labels : ndarray of int64, shape (1797,)
        The digit on each image, 0..9.

    Notes
    -----
    E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits. UCI Machine Learning Repository, 1998,
    https://doi.org/10.24432/C50P49, licence CC BY 4.0. `fastbp/data/README.md` tells what was changed.

    Examples
    --------
    >>> import fastbp
    >>> X, labels = fastbp.load_digits()
    >>> X.shape, labels[:5]
    ((1797, 64), array([0, 1, 2, 3, 4]))
    """
    with resources.files("fastbp").joinpath("data/digits.npz").open("rb") as file, np.load(file) as data:
        return data["images"].astype(np.float32) / 16, data["labels"].astype(np.int64)


def digits_in_two(dtype):
    """The digits for a demonstration: inputs and targets to learn from, inputs and labels of every third to test on.

    Pixels lie about 0, between -2 and 2.
    """
    X, labels = load_digits()
    held_out = np.arange(len(X)) % 3 == 2
    X = (2 * (X - X[~held_out].mean(axis=0, dtype="float64"))).astype(dtype)
    return X[~held_out], np.eye(10, dtype=dtype)[labels[~held_out]], X[held_out], labels[held_out]
