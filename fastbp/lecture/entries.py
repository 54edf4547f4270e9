"""The lecture's loops that this package calls from Python, without the import of Numba where they are compiled already.

They check nothing: callers have checked. What a learner calls is in `loops`.
"""

from fastbp.compiler.entries import Entry

PASSES, JACOBIANS = "fastbp.lecture.loops.passes", "fastbp.lecture.loops.jacobians"

epoch = Entry(PASSES, "epoch", reads=(1, 2, 3))
gradient = Entry(PASSES, "gradient", reads=(1, 2, 3))
gradient_by_differences = Entry("fastbp.lecture.differences", "gradient", reads=(1, 2, 3))
mean_error = Entry(PASSES, "mean_error", reads=(0, 1, 2, 3))
mean_of_batches = Entry(PASSES, "mean_of_batches", reads=(0,))
predict = Entry(PASSES, "predict", reads=(0, 1, 2))

hessian_product = Entry(JACOBIANS, "hessian_product", reads=(0, 1, 2, 3, 4))
input_gradient = Entry(JACOBIANS, "input_gradient", reads=(0, 1, 2, 3))
input_jacobian = Entry(JACOBIANS, "input_jacobian", reads=(0, 1, 2))
normal_equations = Entry(JACOBIANS, "normal_equations", reads=(0, 1, 2, 3))
parameter_jacobian = Entry(JACOBIANS, "parameter_jacobian", reads=(0, 1, 2))
