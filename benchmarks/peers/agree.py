"""Do two rivals train the same? Parameters after a few steps from one start."""

import numpy as np

# Share of the largest change in an array by which an entry may be off. Float32 rounds the parameters, of which a few
# steps change a hundredth and less.
TOLERANCE = {"float32": 0.02, "float64": 1e-6}

# Adam divides a gradient by its own size, so an entry whose gradient is a sum that cancels down to its rounding
# moves by the learning rate in a direction that the order of the sum decides. So many entries of all may be such.
FREE_IN_ADAM = {"float32": 0.01, "float64": 1e-4}


def difference(row, dtype, start, ours, theirs):
    """What differs, in words, or None."""
    off, entries, worst = 0, 0, 0.0
    for at_start, one, other in zip(start, ours, theirs, strict=True):
        if one.shape != other.shape:
            return f"parameters of shape {other.shape} instead of {one.shape}"
        change = np.abs(one.astype(float) - at_start).max()
        error = np.abs(one.astype(float) - other)
        # Inputs that nobody uses may leave an array as it was: then both must.
        relative = error / change if change > 0 else np.where(error == 0, 0.0, np.inf)
        off += np.count_nonzero(~(relative <= TOLERANCE[dtype]))  # NaN is off too
        entries, worst = entries + error.size, max(worst, float(np.nan_to_num(relative, nan=np.inf).max()))
    free = FREE_IN_ADAM[dtype] * entries if row.rule == "Adam" else 0
    if off <= free:
        return None
    return f"{off} of {entries} parameters are off, by up to {worst:.1e} of the largest change"
