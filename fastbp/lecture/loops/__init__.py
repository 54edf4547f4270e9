"""The lecture, formula by formula, as index loops over one sample.

Read it beside the slides: activations, derivatives, errors, layers, updates, passes, jacobians, equations, streams.
The letters are the lecture's: x inputs, u inputs to the activation, y outputs, d teacher signal, w weights, b biases,
h activation, E error, delta = dE/du, eta learning rate; i counts sending units, j receiving units, k units of the layer
after, r all units of a layer, s samples, p parameters. dy, dw, db and dtheta are derivatives of E, dh is h'(u).

Inputs come first, outputs last and are overwritten, but by functions named `add_...`; the steps, the limits and `epoch`
change in place. The docstring gives shapes, what is written after the arrow; called from Python a function checks them
(guards.py). Errors are summed in double precision, all else in the dtype of the arrays (hence `dtype.type(1)`: a bare 1
would lift float32 to float64). `matrix` has the same names and arguments.
"""

from fastbp.compiler.jit import checked_from_python
from fastbp.lecture import guards
from fastbp.lecture.loops.activations import *
from fastbp.lecture.loops.derivatives import *
from fastbp.lecture.loops.equations import *
from fastbp.lecture.loops.errors import *
from fastbp.lecture.loops.jacobians import *
from fastbp.lecture.loops.layers import *
from fastbp.lecture.loops.passes import *
from fastbp.lecture.loops.streams import *
from fastbp.lecture.loops.updates import *

guards.check_all(globals(), checked_from_python)
