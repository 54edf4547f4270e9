"""Whether a training has learnt nothing, and why that is likely."""

import numpy as np

from fastbp.validation import counted

ENOUGH, LARGE = 5, 10.0  # epochs after which a network should have learnt something; inputs that are far from -1..1
SOME, FEW = 1000, 100  # rows whose targets are looked at, and whose inputs: those may be wide, and tell it sooner
STUCK, HUGE = 0.99, 10.0  # parts of the loss of the best constant outputs, after ENOUGH epochs and after any


def advice(history, network, X, D, weight, rows):
    """A sentence with a remedy, if the loss is no better than that of constant outputs and X is not scaled; or None."""
    if len(history.loss) == 0 or not np.isfinite(history.loss[-1]):
        return None
    loss, rows = history.loss[-1], rows[weight[rows] > 0]
    rows = rows[:: 1 + len(rows) // SOME]
    largest = float(np.abs(X[rows[:: 1 + len(rows) // FEW]]).max(initial=0))
    if largest <= LARGE or (D[rows] == D[rows[:1]]).all():  # targets that are all the same are learnt by the biases
        return None
    constant = _loss_of_constant(network, D[rows], weight[rows])
    stuck = loss >= STUCK * constant and len(history.loss) >= ENOUGH
    if not (stuck or loss > HUGE * constant):
        return None
    after = counted(len(history.loss), "epoch")
    return (
        f"the network has learnt nothing: its loss is {loss:.4g} after {after}, and {constant:.4g} for outputs that "
        f"are always the same. X has values up to {largest:.4g}: scale its columns to about -1..1, by "
        "(X - X.mean(axis=0)) / X.std(axis=0) for example"
    )


def _loss_of_constant(network, D, weight):
    """The mean loss if all outputs were the weighted mean of the targets; their quantile; or for the loss of Huber the
    better of mean and median."""
    share = weight / weight.sum(dtype=np.float64)
    mean = share @ D.astype(np.float64)
    if network.loss == "quantile":
        mean = np.quantile(D, network.quantile, axis=0)
    if network.loss == "huber":
        median = np.quantile(D, 0.5, axis=0)
        return min(_loss_at(network, D, share, constant) for constant in (mean, median))
    return _loss_at(network, D, share, mean)


def _loss_at(network, D, share, constant):
    """The mean loss if all outputs were these."""
    tiny = np.finfo(np.float64).tiny
    with np.errstate(all="ignore"):
        y = np.broadcast_to(constant, D.shape)
        if network.output in ("softmax", "exponential"):
            u = np.log(np.maximum(y, tiny))
        elif network.output == "sigmoid":
            u = np.log(np.maximum(y, tiny)) - np.log(np.maximum(1 - y, tiny))
        else:
            u = y
        error, level = network.layers[["error", "level"]][-1].item()
        from fastbp.lecture import matrix  # here, because few trainings are suspected of having learnt nothing

        return float(share @ matrix.output_error(error, level, u, y, D.astype(np.float64)))
