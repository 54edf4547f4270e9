"""The lecture's loops that this package calls from Python, without the import of Numba where they are compiled already.

They check nothing: callers have checked. What a learner calls is in `loops`.
"""

from fastbp.compiler.entries import Entry

PASSES = "fastbp.lecture.loops.passes"

epoch = Entry(PASSES, "epoch")
gradient = Entry(PASSES, "gradient")
mean_error = Entry(PASSES, "mean_error")
mean_of_batches = Entry(PASSES, "mean_of_batches")
predict = Entry(PASSES, "predict")
