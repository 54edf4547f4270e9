"""The types of the public names, for editors and type checkers; tests compare them with what is there."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastbp import plots as plots

__version__: str

class _Sparse(Protocol):
    """A matrix of scipy.sparse."""

    def tocsr(self) -> Any: ...

_Floats: TypeAlias = NDArray[np.floating[Any]]
_Path: TypeAlias = str | PathLike[str]
_Activation: TypeAlias = str | Sequence[str]
_DType: TypeAlias = str | type[np.floating[Any]] | np.dtype[Any]
_Samples: TypeAlias = ArrayLike | _Sparse
_Rate: TypeAlias = float | Schedule
_Rule: TypeAlias = Optimizer | Literal["sgd", "adam", "adamw", "rmsprop", "rprop", "lbfgs"]
_Callback: TypeAlias = Callable[[TrainingState], object]
_Callbacks: TypeAlias = _Callback | Sequence[_Callback] | None
_Executor: TypeAlias = Executor | Callable[[], Any] | Any | None  # a distributed.Client, which may not be installed
_Progress: TypeAlias = bool | Callable[[int, int, float], object]
_Seed: TypeAlias = int | np.random.RandomState | None
_Outcome: TypeAlias = Literal["finished", "stopped", "interrupted", "diverged"]
_Model: TypeAlias = Network | MLPClassifier | MLPRegressor

# ---- Networks and their training -------------------------------------------------------------------------------------

class Network:
    def __init__(
        self,
        sizes: Sequence[int],
        activation: _Activation = "relu",
        output: Literal["softmax", "sigmoid", "identity", "exponential"] = "softmax",
        dtype: _DType = "float32",
        seed: int = 0,
        loss: str | None = None,
        huber_delta: float | None = None,
        quantile: float | None = None,
    ) -> None: ...
    @property
    def sizes(self) -> tuple[int, ...]: ...
    @property
    def activation(self) -> str | tuple[str, ...]: ...
    @property
    def activations(self) -> list[str]: ...
    @property
    def output(self) -> str: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def loss(self) -> str: ...
    @property
    def huber_delta(self) -> float | None: ...
    @property
    def quantile(self) -> float | None: ...
    @property
    def layers(self) -> NDArray[np.void]: ...
    @property
    def theta(self) -> _Floats: ...
    @property
    def W(self) -> tuple[_Floats, ...]: ...
    @property
    def B(self) -> tuple[_Floats, ...]: ...
    def predict(self, X: ArrayLike) -> _Floats: ...
    def evaluate(self, X: ArrayLike, D: ArrayLike, sample_weight: ArrayLike | None = None) -> float: ...
    def gradient(
        self, X: ArrayLike, D: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[float, tuple[_Floats, ...], tuple[_Floats, ...]]: ...
    def input_gradient(self, X: ArrayLike, D: ArrayLike) -> _Floats: ...
    def jacobian(self, X: ArrayLike) -> _Floats: ...
    def parameter_jacobian(self, X: ArrayLike) -> _Floats: ...
    def hessian_product(
        self, X: ArrayLike, D: ArrayLike, v: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> _Floats: ...
    def save(self, path: _Path) -> None: ...

class CompiledNetwork(NamedTuple):
    theta: _Floats
    layers: NDArray[np.void]
    gradient: _Floats

def compiled(network: Network) -> CompiledNetwork: ...

class _OnlineLearner:
    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (20,),
        activation: _Activation = "relu",
        optimizer: _Rule = ...,
        standardize: bool = True,
        l2: float = 0.0,
        dtype: _DType = "float32",
        seed: int = 0,
    ) -> None: ...
    @property
    def network(self) -> Network | None: ...
    @property
    def feature_names(self) -> list[Any]: ...
    def clone(self, new_params: dict[str, Any] | None = None, include_attributes: bool = False) -> Self: ...
    def learn_one(self, x: Mapping[Any, float], y: Any, w: float = 1.0) -> None: ...
    def learn_many(self, X: Any, y: Any) -> None: ...
    def predict_many(self, X: Any) -> Any: ...
    def save(self, path: _Path) -> None: ...

class OnlineClassifier(_OnlineLearner):
    @property
    def classes(self) -> list[Any]: ...
    def predict_proba_one(self, x: Mapping[Any, float]) -> dict[Any, float]: ...
    def predict_one(self, x: Mapping[Any, float]) -> Any: ...
    def predict_proba_many(self, X: Any) -> Any: ...

class OnlineRegressor(_OnlineLearner):
    def predict_one(self, x: Mapping[Any, float]) -> float: ...

def train(
    network: Network,
    X: ArrayLike | None = None,
    D: ArrayLike | None = None,
    *,
    blocks: Callable[[], Iterable[Sequence[Any]]] | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    optimizer: _Rule = ...,
    l1: float = 0.0,
    l2: float = 0.0,
    max_norm: float | None = None,
    clip_norm: float | None = None,
    dropout: float = 0.0,
    label_smoothing: float = 0.0,
    rate_factors: ArrayLike | None = None,
    diagonal: float | None = None,
    sample_weight: ArrayLike | None = None,
    shuffle: bool = True,
    seed: int = 0,
    rows: ArrayLike | None = None,
    validation_rows: ArrayLike | None = None,
    validation_data: Sequence[Any] | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    threads: int | None = None,
    version: Literal["engine", "tiles", "loops", "matrix"] = "engine",
    time_limit: float | None = None,
    callbacks: _Callbacks = None,
    progress: _Progress = False,
    checkpoint: _Path | None = None,
    checkpoint_every: float = 30.0,
    resume: bool = False,
) -> History: ...

@dataclass
class History:
    loss: list[float] = ...
    seconds: list[float] = ...
    validation_loss: list[float] = ...
    best_epoch: int | None = None
    outcome: _Outcome = "finished"
    effective_parameters: list[float] = ...
    def plot(self, ax: Any = None) -> Any: ...

@dataclass(frozen=True)
class TrainingState:
    epoch: int
    epochs: int
    loss: float
    seconds: float
    network: Network
    validation_loss: float | None = None
    validation_score: float | None = None
    estimator: MLPClassifier | MLPRegressor | None = None
    index: int = 0

class Diverged(FloatingPointError):
    epoch: int
    optimizer: Optimizer
    history: History
    def __init__(self, epoch: int, optimizer: Optimizer, history: History) -> None: ...

class CheckpointError(OSError):
    history: History
    def __init__(self, problem: OSError, history: History) -> None: ...

def train_many(
    networks: Sequence[Network],
    X: ArrayLike,
    D: ArrayLike,
    *,
    epochs: int | Sequence[int] = 10,
    batch_size: int | Sequence[int] = 32,
    optimizer: _Rule | Sequence[_Rule] = ...,
    l1: float | Sequence[float] = 0.0,
    l2: float | Sequence[float] = 0.0,
    max_norm: float | Sequence[float | None] | None = None,
    clip_norm: float | Sequence[float | None] | None = None,
    dropout: float | Sequence[float] = 0.0,
    label_smoothing: float | Sequence[float] = 0.0,
    rate_factors: ArrayLike | Sequence[ArrayLike | None] | None = None,
    diagonal: float | Sequence[float | None] | None = None,
    sample_weight: ArrayLike | None = None,
    shuffle: bool | Sequence[bool] = True,
    seed: int | Sequence[int] = 0,
    rows: ArrayLike | Sequence[ArrayLike] | None = None,
    validation_rows: ArrayLike | Sequence[ArrayLike | None] | None = None,
    patience: int | Sequence[int | None] | None = None,
    min_delta: float | Sequence[float] = 0.0,
    threads: int | None = None,
    time_limit: float | None = None,
    callbacks: _Callbacks = None,
    progress: _Progress = False,
    executor: _Executor = None,
    checkpoint: _Path | None = None,
    checkpoint_every: float = 30.0,
    resume: bool = False,
) -> ManyHistory: ...

@dataclass(frozen=True)
class ManyHistory:
    loss: NDArray[np.float64]
    validation_loss: NDArray[np.float64]
    epochs: NDArray[np.int64]
    best_epoch: NDArray[np.int64]
    outcome: NDArray[np.str_]
    seconds: float
    validated: NDArray[np.bool_]
    def history(self, index: int) -> History: ...

def load_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...

# ---- The lecture, number by number -----------------------------------------------------------------------------------

class _Step(NamedTuple):
    part: str
    slide: str
    quantity: str
    formula: str
    numbers: str
    result: float

class _CheckRow(NamedTuple):
    quantity: str
    slides: str
    analytic: float
    matrix: float
    difference: float
    note: str

class _Check:
    rows: tuple[_CheckRow, ...]
    largest_difference: float
    ok: bool

class _TracedLayer:
    activation: str
    W: NDArray[np.float64]
    B: NDArray[np.float64]
    x: NDArray[np.float64]
    u: NDArray[np.float64]
    y: NDArray[np.float64]
    dh: NDArray[np.float64]
    dy: NDArray[np.float64]
    delta: NDArray[np.float64]
    dW: NDArray[np.float64]
    dB: NDArray[np.float64]
    W_after: NDArray[np.float64]
    B_after: NDArray[np.float64]
    jacobian: NDArray[np.float64] | None
    delta_general: NDArray[np.float64] | None
    slides: dict[str, str]

@dataclass(frozen=True, eq=False)
class Trace:
    sizes: tuple[int, ...]
    loss: str
    level: float
    learning_rate: float
    x: NDArray[np.float64]
    d: NDArray[np.float64]
    E: float
    layers: tuple[_TracedLayer, ...]
    slides: dict[str, str]
    def steps(self) -> Iterator[_Step]: ...
    def check(self) -> _Check: ...

def trace(network: Network, x: ArrayLike, d: ArrayLike, learning_rate: float = 0.1) -> Trace: ...

# ---- Update rules and learning rates ---------------------------------------------------------------------------------

class Optimizer(ABC):
    learning_rate: _Rate
    @property
    def moments(self) -> int: ...
    def settings(self) -> NDArray[np.float64]: ...
    def rates(self, first_step: int, count: int, total: int) -> NDArray[np.float64]: ...

@dataclass(frozen=True)
class SGD(Optimizer):
    learning_rate: _Rate = 0.1
    momentum: float = 0.0
    nesterov: bool = False

@dataclass(frozen=True)
class Adam(Optimizer):
    learning_rate: _Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = False

@dataclass(frozen=True)
class AdamW(Adam):
    weight_decay: float = 0.01

@dataclass(frozen=True)
class LevenbergMarquardt(Optimizer):
    damping: float = 1e-3
    goal: float = 0.0
    min_gradient: float = 1e-7
    max_damping: float = 1e10

@dataclass(frozen=True)
class BayesianRegularization(Optimizer):
    damping: float = 5e-3
    goal: float = 0.0
    min_gradient: float = 1e-7
    max_damping: float = 1e10

@dataclass(frozen=True)
class LBFGS(Optimizer):
    history_size: int = 10
    gtol: float = 1e-7
    ftol: float = 1e-12
    max_fun: int | None = None

@dataclass(frozen=True)
class RMSprop(Optimizer):
    learning_rate: _Rate = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8

@dataclass(frozen=True)
class Rprop(Optimizer):
    learning_rate: float = 0.01
    etas: tuple[float, float] = (0.5, 1.2)
    step_sizes: tuple[float, float] = (1e-6, 50.0)

class Schedule(ABC):
    @abstractmethod
    def rates(self, steps: ArrayLike, total: int) -> NDArray[np.float64]: ...

@dataclass(frozen=True)
class Constant(Schedule):
    rate: float
    def rates(self, steps: ArrayLike, total: int) -> NDArray[np.float64]: ...

@dataclass(frozen=True)
class StepDecay(Schedule):
    rate: float
    every: int
    factor: float = 0.1
    def rates(self, steps: ArrayLike, total: int) -> NDArray[np.float64]: ...

@dataclass(frozen=True)
class CosineDecay(Schedule):
    rate: float
    end: float = 0.0
    steps: int | None = None
    def rates(self, steps: ArrayLike, total: int) -> NDArray[np.float64]: ...

@dataclass(frozen=True)
class LogCosine(Schedule):
    rate: float
    cycles: int = 4
    steps: int | None = None
    def rates(self, steps: ArrayLike, total: int) -> NDArray[np.float64]: ...

@dataclass(frozen=True)
class InverseScaling(Schedule):
    rate: float
    power: float = 0.5
    def rates(self, steps: ArrayLike, total: int) -> NDArray[np.float64]: ...

@dataclass(frozen=True)
class OneCycle(Schedule):
    peak: float
    start_factor: float = 0.04
    end_factor: float = 1e-4
    rise: float = 0.3
    steps: int | None = None
    def rates(self, steps: ArrayLike, total: int) -> NDArray[np.float64]: ...

@dataclass(frozen=True)
class WarmUp(Schedule):
    steps: int
    then: _Rate
    def rates(self, steps: ArrayLike, total: int) -> NDArray[np.float64]: ...

# ---- Tables and files ------------------------------------------------------------------------------------------------

def train_table(
    table: _Path | Mapping[str, Any],
    target: str,
    *,
    recipe: Literal["default", "realmlp"] = "default",
    ensemble: int = 1,
    hidden_layer_sizes: int | Sequence[int] | None = None,
    activation: _Activation | None = None,
    task: Literal["classification", "regression"] | None = None,
    test_size: float = 0.2,
    cv: int | None = None,
    drop: Sequence[str] = (),
    text: Sequence[str] = (),
    keep_all: bool = False,
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
    scaling: Literal["standard", "robust"] | None = None,
    target_transform: Literal["log", "auto"] | None = None,
    clamp_output: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    decimal: Literal[".", ","] | None = None,
    day_first: bool | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    dtype: _DType = "float32",
    seed: int = 0,
    threads: int | None = None,
    time_limit: float | None = None,
    callbacks: _Callbacks = None,
    progress: _Progress = False,
) -> TableResult: ...

class _Column:
    name: str
    rows: int
    missing: int
    numeric: int
    trained: int
    mean: float
    whole: bool
    texts: Counter[str] | None
    @property
    def deviation(self) -> float: ...
    @property
    def is_numeric(self) -> bool: ...

class _Scores:
    rows: int
    left_out: int
    confusion: NDArray[np.int64]
    @property
    def trained(self) -> int | None: ...
    @property
    def accuracy(self) -> float: ...
    @property
    def usual_accuracy(self) -> float: ...
    @property
    def balanced_accuracy(self) -> float: ...
    @property
    def f1(self) -> float: ...
    @property
    def log_loss(self) -> float: ...
    @property
    def roc_auc(self) -> float: ...
    @property
    def rmse(self) -> float: ...
    @property
    def usual_rmse(self) -> float: ...
    @property
    def mae(self) -> float: ...
    @property
    def r2(self) -> float: ...
    def lines(self, what: str = "") -> list[str]: ...

class _CrossValidation:
    folds: list[_Scores]
    interrupted: bool
    diverged: int
    mean: dict[str, float]
    deviation: dict[str, float]

@dataclass
class TableResult:
    model: TableModel
    columns: dict[str, _Column]
    history: History
    rows: int
    validated: int
    left_out: int
    test: _Scores
    notes: list[str]
    leaks: list[str]
    cv: _CrossValidation | None

class TableModel:
    network: Network
    networks: list[Network]
    encoding: Any
    trained_rows: Any
    def __init__(
        self, network: Network, encoding: Any, others: Sequence[Network] = (), trained_rows: Any = None
    ) -> None: ...
    @property
    def classes(self) -> list[str] | None: ...
    def predict(self, table: _Path | Mapping[str, Any], *, strict: bool = False) -> NDArray[Any]: ...
    def predict_proba(self, table: _Path | Mapping[str, Any], *, strict: bool = False) -> _Floats: ...
    def evaluate(self, table: _Path | Mapping[str, Any], *, strict: bool = False) -> _Scores: ...
    def save(self, path: _Path) -> None: ...

class TableError(ValueError): ...
class ModelFileError(ValueError): ...

def load(path: _Path) -> Any: ...
def to_onnx(model: _Model | _Ensemble | _Search | TableModel, path: _Path, sample: Any = None) -> Any: ...
def to_c(model: _Model | TableModel, path: _Path, name: str = "predict", *, jacobian: bool = False) -> None: ...
def to_casadi(network: _Model, name: str = "network") -> Any: ...
def to_torch(model: _Model) -> Any: ...
def from_torch(
    module: Any,
    output: str | None = None,
    loss: str | None = None,
    huber_delta: float | None = None,
    quantile: float | None = None,
) -> Network: ...
def to_sklearn(model: _Model) -> Any: ...
def from_sklearn(model: Any) -> Any: ...

# ---- Of scikit-learn's kind ------------------------------------------------------------------------------------------

class _Estimator(ABC):
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...
    def get_metadata_routing(self) -> Any: ...

class _MLP(_Estimator):
    coefs_: list[_Floats]
    intercepts_: list[_Floats]
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    out_activation_: str
    t_: int
    def fit(
        self,
        X: _Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: _Samples | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self: ...
    def predict(self, X: _Samples) -> NDArray[Any]: ...
    def score(self, X: _Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float: ...
    def save(self, path: _Path) -> None: ...

class MLPClassifier(_MLP):
    classes_: NDArray[Any]
    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: _Activation = "relu",
        *,
        solver: Literal["lbfgs", "sgd", "adam", "adamw", "rmsprop", "rprop"] | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Literal["constant", "invscaling", "adaptive"] | Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: _Seed = None,
        tol: float = 0.0001,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        label_smoothing: float = 0.0,
        l1_ratio: float = 0.0,
        dropout: float = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        rate_factors: ArrayLike | None = None,
        diagonal: float | None = None,
        dtype: _DType | None = None,
        n_jobs: int | None = None,
        time_limit: float | None = None,
        callbacks: _Callbacks = None,
        restore_best_weights: bool | None = None,
    ) -> None: ...
    def partial_fit(
        self,
        X: _Samples | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        *,
        X_val: _Samples | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        blocks: Callable[[], Iterable[Sequence[Any]]] | None = None,
    ) -> Self: ...
    def predict_proba(self, X: _Samples) -> _Floats: ...
    def predict_log_proba(self, X: _Samples) -> _Floats: ...

class MLPRegressor(_MLP):
    def __init__(
        self,
        loss: Literal["squared_error", "poisson", "huber", "quantile"] = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: _Activation = "relu",
        *,
        solver: Literal["lbfgs", "lm", "sgd", "adam", "adamw", "rmsprop", "rprop"] | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Literal["constant", "invscaling", "adaptive"] | Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: _Seed = None,
        tol: float = 0.0001,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        huber_delta: float | None = None,
        quantile: float | None = None,
        l1_ratio: float = 0.0,
        dropout: float = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        rate_factors: ArrayLike | None = None,
        diagonal: float | None = None,
        dtype: _DType | None = None,
        n_jobs: int | None = None,
        time_limit: float | None = None,
        callbacks: _Callbacks = None,
        restore_best_weights: bool | None = None,
    ) -> None: ...
    def partial_fit(
        self,
        X: _Samples | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: _Samples | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        blocks: Callable[[], Iterable[Sequence[Any]]] | None = None,
    ) -> Self: ...

class _Ensemble(_Estimator):
    n_outputs_: int
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    oob_score_: float
    def __init__(
        self,
        estimator: MLPClassifier | MLPRegressor | None = None,
        n_networks: int = 100,
        *,
        bootstrap: bool = False,
        max_samples: float = 1.0,
        oob_score: bool = False,
        n_jobs: int | None = None,
        random_state: _Seed = None,
        time_limit: float | None = None,
        progress: _Progress = False,
        executor: _Executor = None,
    ) -> None: ...
    @property
    def estimators_samples_(self) -> list[NDArray[np.int64]]: ...
    def fit(self, X: _Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: _Samples, return_std: bool = False) -> Any: ...
    def score(self, X: _Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float: ...
    def save(self, path: _Path) -> None: ...

class EnsembleClassifier(_Ensemble):
    estimators_: list[MLPClassifier]
    classes_: NDArray[Any]
    oob_decision_function_: _Floats
    def predict_proba(self, X: _Samples) -> _Floats: ...

class EnsembleRegressor(_Ensemble):
    estimators_: list[MLPRegressor]
    oob_prediction_: _Floats

class _Search(_Estimator):
    best_estimator_: Any
    best_index_: int
    best_params_: dict[str, Any]
    best_score_: float
    cv_results_: dict[str, Any]
    multimetric_: bool
    n_splits_: int
    refit_time_: float
    scorer_: Any
    feature_names_in_: NDArray[Any]
    @property
    def classes_(self) -> NDArray[Any]: ...
    @property
    def n_features_in_(self) -> int: ...
    def fit(self, X: Any, y: ArrayLike | None = None, **params: Any) -> Self: ...
    def predict(self, X: Any) -> NDArray[Any]: ...
    def predict_proba(self, X: Any) -> _Floats: ...
    def predict_log_proba(self, X: Any) -> _Floats: ...
    def decision_function(self, X: Any) -> NDArray[Any]: ...
    def score_samples(self, X: Any) -> NDArray[Any]: ...
    def transform(self, X: Any) -> Any: ...
    def inverse_transform(self, X: Any) -> Any: ...
    def score(self, X: Any, y: ArrayLike | None = None, **params: Any) -> float: ...

class GridSearch(_Search):
    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., Any] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: float | Literal["raise"] = ...,
        return_train_score: bool = False,
        halving: bool | dict[str, Any] | None = None,
        time_limit: float | None = None,
        progress: _Progress = False,
        executor: _Executor = None,
    ) -> None: ...

class RandomSearch(_Search):
    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., Any] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: _Seed = None,
        error_score: float | Literal["raise"] = ...,
        return_train_score: bool = False,
        halving: bool | dict[str, Any] | None = None,
        time_limit: float | None = None,
        progress: _Progress = False,
        executor: _Executor = None,
    ) -> None: ...
