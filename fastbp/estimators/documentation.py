"""The parts of the docstrings that the two classes share."""

PARAMETERS = """hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer; empty for none.
    activation : str or sequence of str, default="relu"
        Of the hidden layers, or one for each: "identity", "logistic" (or "sigmoid"), "tanh", "relu", "leaky_relu",
        "elu", "selu", "softplus", "silu", "gelu" or "mish".
    solver : {"adam", "sgd", "lbfgs", "lm", "adamw", "rmsprop", "rprop"} or Optimizer, default="adam"
        The update rule. An instance, `fastbp.RMSprop(0.003, decay=0.9)` say, brings its learning rate and constants
        with it, and the parameters below that name such are not used. "lbfgs" is SciPy's L-BFGS-B over all samples
        with scikit-learn's constants; `fastbp.LBFGS()` brings its own. "lm" is
        `fastbp.LevenbergMarquardt(min_gradient=tol)`, for regressors with the squared error, dense X and at most some
        thousand parameters; `fastbp.BayesianRegularization()` does without alpha. What is said of "lbfgs" below holds
        for these, too.
    alpha : float, default=0.0001
        Strength of the penalty on the weights, divided by the number (or the weight) of the samples of a mini-batch.
    batch_size : int or "auto", default="auto"
        Samples of a mini-batch; "auto" is min(200, samples). "lbfgs" and "rprop" take all.
    learning_rate : {"constant", "invscaling", "adaptive"} or Schedule, default="constant"
        The two that change are for "sgd": learning_rate_init / t^power_t after t samples; a fifth, each time that the
        training does not improve for n_iter_no_change epochs. A schedule is for any solver but "lbfgs" and "rprop", and
        brings its rates with it.
    learning_rate_init : float, default=0.001
    power_t : float, default=0.5
    max_iter : int, default=200
        Epochs at most; for "lbfgs" iterations.
    shuffle : bool, default=True
        A new order of the samples for each epoch.
    random_state : int, RandomState or None, default=None
        Of the first weights, the validation split and the orders. The same number gives the same bits, whatever the
        number of threads.
    tol : float, default=1e-4
        Less improvement than this is none.
    verbose : bool or int, default=False
        1: a progress bar if tqdm is installed, else lines; 2: lines.
    warm_start : bool, default=False
        `fit` goes on with the parameters that there are.
    momentum : float, default=0.9
        For "sgd".
    nesterovs_momentum : bool, default=True
        For "sgd".
    early_stopping : bool, default=False
        Stop when the validation score does not improve for n_iter_no_change epochs, and restore the best weights.
        Otherwise it is the training loss that has to improve. `partial_fit` counts its calls; after the last useful one
        `stopped_` is True, and further calls change nothing.
    validation_fraction : float, default=0.1
        Part of the samples that is held out for that, if there is no X_val.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of Adam's means.
    epsilon : float, default=1e-8
        For "adam" added before the correction of the means, as in scikit-learn; otherwise after it.
    n_iter_no_change : int or inf, default=10
    max_fun : int, default=15000
        Evaluations of the loss, for "lbfgs"."""

MORE_PARAMETERS = """l1_ratio : float, default=0.0
        The penalty is alpha (l1_ratio sum |w| + (1 - l1_ratio) / 2 sum w^2).
    dropout : float, default=0.0
        Probability that a hidden unit is left out of a step.
    max_norm, clip_norm : float or None, default=None
        Largest norm of the weights that lead to a unit; of the gradient of a step.
    rate_factors : array-like of shape (hidden layers + 1, 2), or None, default=None
        How many times the learning rate the weights and the biases of each layer learn with; 0: they stay, but for
        max_norm. None: 1. Not for "lbfgs".
    diagonal : float or None, default=None
        Train a factor f_i of each input, too, u_j = sum_i w_ji f_i x_i + b_j, which begins at 1 and learns with so many
        times the learning rate. The model's weights are w_ji f_i. Each `fit` begins anew; `partial_fit` goes on, unless
        the weights of the first layer have been changed. Not for "lbfgs".
    dtype : {"float32", "float64"} or None, default=None
        Of the training. None: float32 if X is, else float64. float32 is up to twice as fast.
        Less than 64 samples are trained in float64, and the parameters rounded then.
    n_jobs : int or None, default=None
        The most threads that share the training, which takes as many of them as are cheapest at the moment. None: 1,
        unless a `joblib.parallel_config` says otherwise; -1: as many as the process may use cores.
    time_limit : float or None, default=None
        Seconds, after which the training ends with its last whole epoch. The first one is always completed.
    callbacks : callable, sequence of callable, or None, default=None
        Called with a `fastbp.TrainingState` after each epoch (iteration of "lbfgs"); what returns something true ends
        the training.
    restore_best_weights : bool or None, default=None
        Those of the epoch with the best validation score, or without validation data the least training loss. None:
        with early_stopping."""

ATTRIBUTES = """coefs_ : list of ndarray of shape (sending, receiving)
        Weights of each layer.
    intercepts_ : list of ndarray of shape (receiving,)
        Biases of each layer.
    loss_ : float
        Of the last epoch, penalties included.
    loss_curve_ : list of float
        Of each epoch (not for "lbfgs").
    best_loss_ : float or None
        The least of them; None with early stopping (not for "lbfgs").
    validation_scores_, best_validation_score_ : list of float and float, or None
        Of each epoch, and the best; None without validation data.
    n_iter_ : int
        Epochs of the last call.
    t_ : int
        Samples seen.
    stopped_ : bool
        Whether early stopping has ended the training by `partial_fit`.
    n_layers_, n_outputs_, n_features_in_ : int
        Layers, that of the inputs included; output units; inputs.
    feature_names_in_ : ndarray of str
        If X was a data frame whose column names are all strings.
    out_activation_ : str
        "softmax", "logistic", "identity" or "exp"."""

RAISES = """ValueError, TypeError
        scikit-learn's own for what scikit-learn refuses too; else one that names the parameter, what came and what was
        expected. Dates are no numbers, and neither are texts where targets must be numbers. Also if the training
        diverges: the model then has the parameters from before that epoch. With early_stopping, once an epoch has had a
        score, it has the best ones, and there is a ConvergenceWarning."""

OF_ENSEMBLE = """n_networks : int, default=100
    bootstrap : bool, default=False
        Each network sees a sample of the rows, drawn with replacement (bagging); else all see all (deep ensembles).
    max_samples : int or float, default=1.0
        Rows that each network sees, or their part of all; below 1.0 and without bootstrap, none of them twice.
    oob_score : bool, default=False
        Score each sample with the networks that have not seen it; needs bootstrap.
    n_jobs : int or None, default=None
        Threads. None: 1, unless a `joblib.parallel_config` says otherwise; -1: one for each core that the process may
        use; -2: one less.
    random_state : int, RandomState or None, default=None
        Of the networks' own random_state, and of their rows. The same number gives the same bits, whatever n_jobs.
    time_limit : float or None, default=None
        Seconds; the ensemble is without those networks that are not done. So it is after Ctrl-C.
    progress : bool or callable, default=False
        As in `train_many`.
    executor : as in `train_many`, default=None
        Where the networks are trained; None: by threads of this process, or by the workers of a
        `joblib.parallel_config(backend="dask")`."""

ATTRIBUTES_OF_ENSEMBLE = """estimators_ : list
        The networks.
    estimators_samples_ : list of ndarray of int
        The rows that each was trained with.
    n_outputs_, n_features_in_ : int
        Output units; inputs.
    feature_names_in_ : ndarray of str
        If X was a data frame whose column names are all strings."""

RAISES_OF_ENSEMBLE = """ValueError, TypeError
        scikit-learn's own, and those of the estimator. Also if all networks diverge."""


def _filled(**parts):
    """A class decorator that puts shared parts into the docstring."""

    def decorate(kind):
        if kind.__doc__:  # there is none under python -OO
            for name, text in parts.items():
                kind.__doc__ = kind.__doc__.replace(f"<{name}>", text)
        return kind

    return decorate


documented = _filled(PARAMETERS=PARAMETERS, MORE=MORE_PARAMETERS, ATTRIBUTES=ATTRIBUTES, RAISES=RAISES)
documented_ensemble = _filled(PARAMETERS=OF_ENSEMBLE, ATTRIBUTES=ATTRIBUTES_OF_ENSEMBLE, RAISES=RAISES_OF_ENSEMBLE)
