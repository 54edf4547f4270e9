"""One network with the checked options of its training."""

import numpy as np

from fastbp import caller, validation
from fastbp.learning_rate import LARGEST_STEP, number_of_steps
from fastbp.lecture import codes
from fastbp.lecture.layout import rated
from fastbp.optimizers import settings_of
from fastbp.rules import as_optimizer
from fastbp.second_order import LBFGS, SecondOrder, refuse, refuse_network
from fastbp.training import label_smoothing, lbfgs, rates
from fastbp.validation import NOT_NEGATIVE, real_number


class TrainingConfiguration:
    """One network with the checked options of its training.

    Attributes
    ----------
    network, theta
        The network and its parameters, which the training changes.
    settings : ndarray
        What kernels read of the rule, the penalties and the limits.
    rows, validation_rows : ndarray of int64; None for no validation, and for blocks
    label_smoothing : float
        How much the targets of the training are smoothed, not those of the validation.
    both : int
        Validation rows that are trained with, too.
    layers : ndarray
        The table of the network, with the rates of its parameters.
    epochs, batch_size, steps, patience, min_delta, shuffle, seed, optimizer, moments, callbacks
        `steps`: mini-batches of an epoch, None for blocks, which may have other rows in each; `moments`: rows of memory
        of the rule; `callbacks`: a tuple.

    Parameters
    ----------
    network : Network
    options : dict
        Of `train`, as they came.
    weight : ndarray or None
    samples : int or None
        Those of X; None for blocks.
    """

    def __init__(self, network, options, weight, samples):
        options = {name: validation.single(value) for name, value in options.items()}
        self.network, self.optimizer = network, as_optimizer("optimizer", options["optimizer"])
        self.epochs = validation.whole_number("epochs", options["epochs"], 0)
        self.batch_size = validation.whole_number("batch_size", options["batch_size"], 1)
        whole = self.optimizer._takes_all
        if whole and samples is None:
            name = type(self.optimizer).__name__
            raise ValueError(f"optimizer {name} takes all samples in each step: give X and D, not blocks")
        if isinstance(self.optimizer, SecondOrder):
            refuse(self.optimizer, network, options)
            if isinstance(self.optimizer, LBFGS):
                lbfgs.scipys_optimize()  # which must be there
        elif not hasattr(self.optimizer.learning_rate, "rates"):
            validation.positive_number("learning_rate", self.optimizer.learning_rate, network.dtype)
        self.seed = validation.whole_number("seed", options["seed"], 0)
        self.shuffle = validation.flag("shuffle", options["shuffle"]) and not whole
        patience = options["patience"]
        self.patience = None if patience is None else number_of_steps("patience", patience, 1)
        self.min_delta = real_number("min_delta", options["min_delta"], *NOT_NEGATIVE)
        self.callbacks = validation.callables("callbacks", options["callbacks"])
        self.settings = _settings(self.optimizer, options, self.seed)
        self.label_smoothing = label_smoothing.checked(options["label_smoothing"], network.output, network.sizes[-1])
        self.rows = self.validation_rows = self.steps = None
        self.both = 0
        if samples is not None:
            self._take_rows(options, weight, samples, whole)
        self.theta, self.moments = network.theta, self.optimizer.moments
        self.rate_factors = rates.checked_factors(options["rate_factors"], len(network.layers))
        self.diagonal = rates.checked_diagonal(options["diagonal"])
        self.layers = rated(network.layers, self.rate_factors, self.diagonal)

    def _take_rows(self, options, weight, samples, whole):
        """The rows of X to train and to validate with, and what follows from their number."""
        self.rows = validation.row_numbers("rows", options["rows"], samples)
        if options["validation_rows"] is not None:
            self.validation_rows = validation.row_numbers("validation_rows", options["validation_rows"], samples)
            trained = np.zeros(samples, bool)
            trained[self.rows] = True
            self.both = int(trained[self.validation_rows].sum())
        for name, rows in (("rows", self.rows), ("validation_rows", self.validation_rows)):
            if rows is not None and not weight[rows].sum(dtype=np.float64) > 0:
                raise ValueError(f"sample_weight must be above 0 for some of the {name}, got 0 for all of them")
        self.batch_size = len(self.rows) if whole else min(self.batch_size, len(self.rows))
        self.steps = -(-len(self.rows) // self.batch_size)
        if self.epochs * self.steps > LARGEST_STEP:
            raise ValueError(
                f"epochs must be at most {LARGEST_STEP // self.steps}, so that there are at most 2**53 steps (an epoch "
                f"has {self.steps}), got {validation.shown(options['epochs'])}"
            )

    def of_other(self, network, seed):
        """That of another network of this dtype, with the same options but for the seed."""
        other = object.__new__(TrainingConfiguration)
        other.__dict__.update(self.__dict__)  # as copy.copy, in a fourth of the time
        other.network, other.theta = network, network.theta
        if isinstance(self.optimizer, SecondOrder):
            refuse_network(self.optimizer, network)
        other.rate_factors = rates.checked_factors(self.rate_factors, len(network.layers))
        other.layers = rated(network.layers, other.rate_factors, other.diagonal)
        label_smoothing.checked(self.label_smoothing, network.output, network.sizes[-1])
        other.seed = validation.whole_number("seed", validation.single(seed), 0)
        if other.settings[codes.DROPOUT] and other.seed != self.seed:
            other.settings = self.settings.copy()
            other.settings[codes.SEED] = other.seed % 2**53
        return other

    def rates(self, epoch):
        """The learning rates of an epoch's steps; the first epoch is 1."""
        return self.optimizer.rates((epoch - 1) * self.steps, self.steps, self.epochs * self.steps)

    def rates_of_blocks(self, first_step, count):
        """The learning rates of some steps of a training on blocks: nobody knows how many there will be.

        Raises
        ------
        TypeError, ValueError
            Also if the rates of a schedule depend on that.
        """
        rates = self.optimizer.rates(first_step, count, first_step + count)
        if not np.array_equal(rates, self.optimizer.rates(first_step, count, LARGEST_STEP)):
            raise ValueError(
                "learning_rate must not depend on the number of steps of the whole training, which nobody knows with "
                f"blocks, got {validation.shown(self.optimizer.learning_rate)}: give the schedule its own `steps`, "
                "epochs times ceil(rows / batch_size)"
            )
        return rates


def warn_of_rows_in_both(how, whose=""):
    """Says that some rows are trained and validated with, if there are some."""
    if how.both:
        all_of_them = f"{len(how.validation_rows):,} validation_rows"
        caller.warn(
            f"{whose}{how.both:,} of the {all_of_them} are trained with, too, so their loss does not tell how the "
            "network does on others: leave them out of rows (None is all)"
        )


def _settings(optimizer, options, seed):
    """The vector that kernels read, of options that are checked here."""
    checked = {name: real_number(name, options[name], *NOT_NEGATIVE) for name in ("l1", "l2")}
    for name in ("max_norm", "clip_norm"):
        checked[name] = None if options[name] is None else validation.positive_number(name, options[name])
    checked["dropout"] = real_number("dropout", options["dropout"], lambda x: 0 <= x < 1, "at least 0 and below 1")
    return settings_of(optimizer, seed=seed, **checked)
