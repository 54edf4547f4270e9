"""The lecture as NumPy matrix products (slides 30, 38-40): the oracle of the loops, and their rival in every benchmark.

Same names and arguments as `loops`, where a letter stands for a row of samples: x is (s, i), u and y are (s, j), and
one sample, x (i), is allowed too. An error has shape (s,). Outputs go into the arrays given; gradients of a mini-batch
are sums, as matrix products are. The passes make their views of `theta` once for an epoch.
"""

from fastbp.lecture import guards
from fastbp.lecture.matrix.activations import *
from fastbp.lecture.matrix.derivatives import *
from fastbp.lecture.matrix.equations import *
from fastbp.lecture.matrix.errors import *
from fastbp.lecture.matrix.jacobians import *
from fastbp.lecture.matrix.layers import *
from fastbp.lecture.matrix.passes import *
from fastbp.lecture.matrix.streams import *
from fastbp.lecture.matrix.updates import *

guards.check_all(globals())
