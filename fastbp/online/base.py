"""What the classifier and the regressor of streams have in common: features that come and go, and a step a sample."""

import copy
import importlib.util
import math
import operator
import struct
from numbers import Real

import numpy as np

from fastbp import validation
from fastbp.engine import entries
from fastbp.learning_rate import Schedule
from fastbp.lecture import layout
from fastbp.lecture.codes import HIDDEN, LARGEST, REFUSED
from fastbp.network import DTYPES, Network
from fastbp.online.frames import rows_and_targets
from fastbp.optimizers import settings_of
from fastbp.rules import as_optimizer
from fastbp.validation import NOT_NEGATIVE, real_number

NAMES = "hidden_layer_sizes", "activation", "optimizer", "standardize", "l2", "dtype", "seed"


class OnlineLearner:
    """Not for direct use: see OnlineClassifier and OnlineRegressor."""

    _river = ""  # the class of River's that it stands for
    _output, _first_outputs, _label = "identity", 1, -1

    def __init__(self, hidden_layer_sizes, activation, optimizer, standardize, l2, dtype, seed):
        hidden = hidden_layer_sizes if hasattr(hidden_layer_sizes, "__iter__") else [hidden_layer_sizes]
        self.hidden_layer_sizes = tuple(validation.hidden_units(hidden))
        self.activation = validation.hidden_activations(activation, HIDDEN, len(self.hidden_layer_sizes))
        self.optimizer, self.dtype = as_optimizer("optimizer", optimizer), validation.dtype(dtype, DTYPES).name
        if self.optimizer._takes_all or isinstance(self.optimizer.learning_rate, Schedule):
            raise ValueError(
                "optimizer must be one of mini-batches, with a number as learning rate, since a stream has no end, got "
                f"{self.optimizer!r}"
            )
        self.standardize = validation.flag("standardize", standardize)
        self.seed = validation.whole_number("seed", seed, 0)
        self.l2 = real_number("l2", l2, *NOT_NEGATIVE)
        self._settings = settings_of(self.optimizer, l2=self.l2)
        self._eta, self._scaled = float(self.optimizer.learning_rate), int(self.standardize)
        self._features, self._network, self._steps = {}, None, 0

    # ---- What River asks ---------------------------------------------------------------------------------------------

    _supervised, _multiclass = True, True

    @property
    def _tags(self):
        return set()

    @property
    def _mutable_attributes(self):
        return set()

    @classmethod
    def _unit_test_params(cls):
        yield {}

    def _get_params(self):
        return {name: getattr(self, name) for name in NAMES}

    def clone(self, new_params=None, include_attributes=False):
        """A learner with the same parameters that has not learnt anything.

        Parameters
        ----------
        new_params : dict, optional
            Parameters that differ.
        include_attributes : bool
            Whether it shall have learnt the same. With another optimizer the memory of its rule begins anew.

        Returns
        -------
        OnlineClassifier or OnlineRegressor

        Raises
        ------
        ValueError
            If it shall have learnt the same in another network.

        Examples
        --------
        >>> import fastbp
        >>> fastbp.OnlineRegressor(l2=0.1).clone({"seed": 3})
        OnlineRegressor(l2=0.1, seed=3)
        """
        other = type(self)(**(self._get_params() | (new_params or {})))
        if include_attributes and self._network is not None:
            for name in ("hidden_layer_sizes", "activation", "dtype"):
                if getattr(other, name) != getattr(self, name):
                    raise ValueError(
                        f"new_params: {name} must stay {getattr(self, name)!r} with include_attributes=True, got "
                        f"{getattr(other, name)!r}"
                    )
            other._take_over(self)
        return other

    def __copy__(self):
        return self.clone(include_attributes=True)

    def _take_over(self, other):
        """What another one has learnt."""
        self._hold(copy.deepcopy(other._network), other._moments, other._stats, other._features, other._steps)

    def __repr__(self):
        usual = type(self)()
        given = [f"{name}={getattr(self, name)!r}" for name in NAMES if getattr(self, name) != getattr(usual, name)]
        return f"{type(self).__name__}({', '.join(given)})"

    # ---- Learning ----------------------------------------------------------------------------------------------------

    @property
    def network(self):
        """The Network, whose inputs are in the order of `feature_names`; None before the first sample."""
        return self._network

    @property
    def feature_names(self):
        """The features in the order in which they were first seen, a list."""
        return [*self._features]

    def learn_many(self, X, y):
        """Learn the rows of a data frame, one after the other, as by `learn_one`.

        Parameters
        ----------
        X : data frame
        y : sequence of labels, or of float
            As of `learn_one`, one for each row.

        Raises
        ------
        TypeError, ValueError
            As by `learn_one`; the rows before it are learnt then.

        Examples
        --------
        >>> import fastbp, pandas
        >>> model = fastbp.OnlineClassifier()
        >>> model.learn_many(pandas.DataFrame({"a": [0.0, 1.0]}), pandas.Series(["low", "high"]))
        >>> model.classes
        ['low', 'high']
        """
        for x, target in zip(*rows_and_targets(X, y), strict=True):
            self.learn_one(x, target)

    def _learn(self, x, y, label, weight):
        """One step; raises if a number is not finite, and then nothing has changed."""
        missing = 0
        if type(x) is not dict:  # others may answer for names that they do not have
            x = _as_dict(x)
        if type(weight) is not float or not 0 <= weight < math.inf:
            weight = _weight(weight)
        try:
            self._pack(self._raw, 0, *self._get(x), y)
            if len(x) != self._count:
                missing = self._put(x, y, True)
        except (AttributeError, KeyError, TypeError, OverflowError, struct.error):  # other features, or no numbers
            missing = self._put(x, y, True)
        inputs = self._raw, self._stats, self._scaled, missing
        rule = self._settings, self._eta, self._steps + 1, self._moments
        E = entries.learn_sample(self._theta, self._layers, inputs, label, weight, rule, self._memory)
        if not 0 <= E < math.inf:
            self._refuse(x, y, E)
        self._steps += 1

    def _would_learn(self, x, w):
        """Raises what `_learn` would raise of a sample with a new class, before anything grows."""
        _weight(w)
        _check(x if type(x) is dict else _as_dict(x), 0.0, self._count)

    def _outputs(self, x):
        """What the network says of a sample: out (k), which the next call overwrites."""
        missing = 0
        if type(x) is not dict:
            x = _as_dict(x)
        try:
            self._pack(self._raw, 0, *self._get(x), 0.0)
        except (KeyError, TypeError, OverflowError, struct.error):
            missing = self._put(x, 0.0, False)
        inputs = self._raw, self._stats, self._scaled, missing
        sound, out = entries.predict_sample(self._theta, self._layers, inputs, self._label, self._of_outputs), self._out
        if not (sound and math.isfinite(out[0])):
            self._refuse(x, 0.0, REFUSED if not sound else math.nan)
        return out

    def _put(self, x, y, grows):
        """The numbers of a sample, NaN for a feature that is not there; whether there is such a one.

        New features get an input each if it `grows`; otherwise they are passed over.
        """
        _check(x, y, self._count if self._network is not None else 0)
        new = [name for name in x if name not in self._features] if grows else []
        if new:
            self._grow(new, 0)
        self._pack(self._raw, 0, *(x.get(name, math.nan) for name in self._features), y)
        return int(any(name not in x for name in self._features))

    def _refuse(self, x, y, E):
        """Says why a sample was not learnt, or cannot be predicted: it is none, or the network has diverged."""
        if E == REFUSED:
            _check(x, y, self._count)
        raise FloatingPointError(
            f"the network has diverged after {self._steps:,} samples: it says what is not finite. Begin anew with a "
            f"lower learning rate than that of {self.optimizer!r}, with standardize=True, or without samples that are "
            "far from all others"
        )

    # ---- Features and outputs that appear later ----------------------------------------------------------------------

    def _grow(self, names, outputs):
        """New features, whose weights begin at 0, and new outputs, whose weights begin at 0 and whose bias at the least
        of the others: what the network says of the samples so far stays as it is, or nearly so."""
        old, features = self._network, self._features | dict.fromkeys(names)
        inputs = max(1, len(features))
        if old is None:
            sizes = (inputs, *self.hidden_layer_sizes, self._first_outputs)
            network = Network(sizes, self.activation, self._output, self.dtype, self.seed)
            moments, stats, steps = np.zeros((self.optimizer.moments, network.theta.size), network.dtype), None, 0
        else:
            sizes = (inputs, *self.hidden_layer_sizes, old.sizes[-1] + outputs)
            network = Network(sizes, self.activation, self._output, self.dtype, self.seed)
            moments, steps = np.zeros((len(self._moments), network.theta.size), network.dtype), self._steps
            _move(old.theta, old.layers, network.theta, network.layers)
            network.B[-1][old.sizes[-1] :] = old.B[-1].min()
            for row, before in zip(moments, self._moments, strict=True):
                _move(before, old.layers, row, network.layers)
            stats = np.zeros((3, inputs + 1))
            stats[:, : self._stats.shape[1] - 1], stats[:, -1] = self._stats[:, :-1], self._stats[:, -1]
        self._hold(network, moments, stats, features, steps)

    def _hold(self, network, moments, stats, features, steps):
        """What a step needs, laid out once."""
        inputs, outputs = network.sizes[0], network.sizes[-1]
        fit = self.optimizer.moments, network.theta.size  # of another rule, they would not
        moments = moments.copy() if moments.shape == fit else np.zeros(fit, network.dtype)
        self._network, self._moments, self._steps = network, moments, steps
        self._stats = np.zeros((3, inputs + 1)) if stats is None else stats.copy()
        self._features, self._theta, self._layers = dict(features), network.theta, network.layers
        self._raw, self._count, self._out = np.zeros(inputs + 1), len(features), np.empty(outputs)
        self._pack = struct.Struct(f"{inputs + 1}d").pack_into
        names = [*features]
        self._get = operator.itemgetter(*names) if len(names) > 1 else lambda x: (x[names[0]],)
        scratch, x = layout.scratch_for(network.layers, 1, network.dtype), np.empty(inputs, network.dtype)
        self._memory = scratch, np.empty_like(network.theta), x, np.empty(outputs, network.dtype)
        self._of_outputs = scratch, x, self._out

    def __getstate__(self):
        kept = {name: getattr(self, name) for name in NAMES}
        return kept | {"_state": None if self._network is None else self._state()}

    def _state(self):
        return {
            "network": self._network, "moments": self._moments, "stats": self._stats, "features": self._features,
            "steps": self._steps,
        }  # fmt: skip

    def __setstate__(self, state):
        held = state.pop("_state")
        self.__init__(**state)
        if held is not None:
            self._hold(**held)

    # ---- Files -------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write all that it has learnt to a file, from which `fastbp.load` reads it; whole, or not at all.

        Parameters
        ----------
        path : str or path-like
            Usually ends in ".safetensors".

        Raises
        ------
        ValueError
            If it has not seen a sample yet.
        TypeError
            If features are not named by texts, or labels are neither numbers nor texts.
        OSError
            Naming the path, if it cannot be written; what was there before is still there.

        Examples
        --------
        >>> import fastbp, pathlib, tempfile
        >>> model = fastbp.OnlineRegressor()
        >>> model.learn_one({"a": 1.0}, 2.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "model.safetensors")
        ...     model.save(path)
        ...     fastbp.load(path).predict_one({"a": 1.0}) == model.predict_one({"a": 1.0})
        True
        """
        from fastbp.online.saving import save  # here: a stream need not wait for it

        save(self, path)


def _move(theta, layers, to, to_layers):
    """The parameters of a network into one that has more inputs and outputs; the others there are 0."""
    to.fill(0)
    for here, there in zip(layout.weights(theta, layers), layout.weights(to, to_layers), strict=True):
        there[: here.shape[0], : here.shape[1]] = here
    for here, there in zip(layout.biases(theta, layers), layout.biases(to, to_layers), strict=True):
        there[: len(here)] = here


def _as_dict(x):
    if not (hasattr(x, "items") and hasattr(x, "get")):
        raise TypeError(f"x must be a dict of features, got {validation.shown(x)}")
    return dict(x)


def _weight(w):
    if not isinstance(w, Real) or not 0 <= w < math.inf:
        raise ValueError(f"w must be a finite number, at least 0, got {validation.shown(w)}")
    return float(w)


def _check(x, y, known):
    """Raises a TypeError or ValueError that names what is wrong with a sample; `known` features are there already."""
    if not x and not known:
        raise ValueError("x must have at least one feature in the first sample, got {}")
    for name, value in [*((f"x[{name!r}]", value) for name, value in x.items()), ("y", y)]:
        try:
            number = None if isinstance(value, str | bytes) else float(value)
        except OverflowError:
            number = math.inf
        except (TypeError, ValueError):
            number = None
        if number is None:
            hint = ": make numbers of it, by river.preprocessing.OneHotEncoder say" if isinstance(value, str) else ""
            raise TypeError(f"{name} must be a real number, got {validation.shown(value)}{hint}")
        if not abs(number) <= LARGEST:
            hint = ", or leave the feature out where it is missing" if name != "y" else ""
            raise ValueError(f"{name} must be finite, and at most {LARGEST:g}, got {validation.shown(value)}{hint}")


def known_to_river(kind):
    """A decorator. River's functions ask for their own classes: where it is installed, ours count as such."""
    if importlib.util.find_spec("river"):
        from river import base

        getattr(base, kind._river).register(kind)
    return kind
