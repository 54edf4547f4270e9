"""The workbook: the lecture's blanks as exercises, and a judge that says in words what is wrong.

In a notebook, or wherever Python runs:

    from fastbp.lecture import workbook
    workbook.names()                                # the exercises, in the lecture's order
    print(workbook.exercise("relu").blank)          # a function to fill in, with its task
    workbook.check("relu", relu)                    # how you answered it
    print(workbook.hint("relu", 1))                 # hints come in steps; the solution after the last

`fastbp learn` does the same with a file. The reader of the exercises knows the chain rule, but neither NumPy nor Numba.
"""

from fastbp.lecture.workbook.contents import exercise, hint, names, solution, solution_parts
from fastbp.lecture.workbook.digits import Training, train_digits
from fastbp.lecture.workbook.judge import check
from fastbp.lecture.workbook.results import Result, table

__all__ = [
    "Result", "Training", "check", "exercise", "hint", "names", "solution", "solution_parts", "table", "train_digits",
]  # fmt: skip
