"""Arrays of Arrow as vectors of NumPy, by their buffers.

pyarrow's own `to_numpy` imports pandas where it is installed, which takes longer than all else that a prediction does.
"""

import numpy as np


def vector_of(array, missing):
    """The numbers of an array, read-only where nothing is missing; `missing` stands where a value is.

    Parameters
    ----------
    array : pyarrow.Array or pyarrow.ChunkedArray
        Of floats or integers.
    missing : number
    """
    if hasattr(array, "chunks"):
        parts = [vector_of(chunk, missing) for chunk in array.chunks]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, array.type.to_pandas_dtype()), *parts])
    dtype = np.dtype(array.type.to_pandas_dtype())
    if len(array) == 0:
        return np.empty(0, dtype)
    there, numbers = array.buffers()
    values = np.frombuffer(numbers, dtype, len(array), array.offset * dtype.itemsize)
    if array.null_count == 0:
        return values
    bits = np.unpackbits(np.frombuffer(there, np.uint8), bitorder="little")[array.offset :][: len(array)]
    return np.where(bits, values, dtype.type(missing))
