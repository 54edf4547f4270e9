"""The computation of a trace step by step, in the lecture's order, each formula with letters and with numbers."""

from typing import NamedTuple

import numpy as np

from fastbp.lecture.tracing.formulas import (
    DERIVATIVES,
    ERRORS,
    activation_forms,
    error_derivative,
    jacobian_forms,
    short_delta,
)
from fastbp.lecture.tracing.terms import BECAUSE, added, shown, written


class Step(NamedTuple):
    """One number of the lecture, and how it comes about; as a str one line."""

    part: str
    slide: str
    quantity: str
    formula: str
    numbers: str
    result: float

    def __str__(self):
        numbers, because, case = self.numbers.partition(BECAUSE)
        sign = "<-" if self.part == "update" else "="
        texts = dict.fromkeys([self.formula, numbers, shown(self.result)])  # each but once
        return f"{self.quantity} {sign} {' = '.join(texts)}{because}{case}"


def of_unit(letter, unit, layer):
    """y_2^(1); of layer 0, the inputs, x_2."""
    return f"{letter}_{unit + 1}^({layer})" if layer else f"x_{unit + 1}"


def of_weight(j, i, layer):
    """w_21^(1), or w_2,13^(1) where a number has two digits."""
    return f"w_{j + 1}{',' if max(j, i) > 8 else ''}{i + 1}^({layer})"


def steps(trace):
    """Yields all steps: forward, error, STEP 1, STEP 1.5 and STEP 2 downwards, update."""
    for number, layer in enumerate(trace.layers, start=1):
        yield from _forward(number, layer)
    yield from _error(trace)
    last = len(trace.layers)
    yield from _output_delta(trace, last)
    yield from _gradients("STEP 1", last, trace.layers[-1])
    for number in range(last - 1, 0, -1):
        yield from _backward_sum(number, *trace.layers[number - 1 : number + 1])
        yield from _hidden_delta(number, trace.layers[number - 1])
        yield from _gradients("STEP 2", number, trace.layers[number - 1])
    for number, layer in enumerate(trace.layers, start=1):
        yield from _update(number, layer, trace.learning_rate)


def _step(part, slide, quantity, result, *forms):
    return Step(part, slide, quantity, *written(result, *forms), float(result))


def _forward(number, layer):
    """u_j = sum_i w_ji x_i + b_j, then y_j = h(u_j)."""
    for j, u in enumerate(layer.u):

        def form(t, j=j):
            products = (
                t(of_weight(j, i, number), layer.W[j, i]) * t(of_unit("y", i, number - 1), x)
                for i, x in enumerate(layer.x)
            )
            return added([*products, t(of_unit("b", j, number), layer.B[j])])

        yield _step("forward", layer.slides["u"], of_unit("u", j, number), u, form)
    names = [of_unit("u", j, number) for j in range(layer.u.size)]
    for j, y in enumerate(layer.y):
        forms = activation_forms(layer.activation, names, layer.u, j, number)
        yield _step("forward", layer.slides["y"], of_unit("y", j, number), y, *forms)


def _units_at_the_output(trace):
    """For each unit the letters of its y, u and d with their numbers."""
    last, layer = len(trace.layers), trace.layers[-1]
    return [
        ((of_unit("y", k, last), y), (of_unit("u", k, last), u), (f"d_{k + 1}", d))
        for k, (y, u, d) in enumerate(zip(layer.y, layer.u, trace.d, strict=True))
    ]


def _error(trace):
    units = _units_at_the_output(trace)
    yield _step("error", trace.slides["E"], "E", trace.E, *ERRORS[trace.loss](units, trace.level))


def _output_delta(trace, last):
    """dE/dy_r, dy_r/du_k, delta by the sum of slide 31, and delta in short."""
    units, layer, slides = _units_at_the_output(trace), trace.layers[-1], trace.layers[-1].slides
    y, u = ([of_unit(letter, k, last) for k in range(layer.y.size)] for letter in "yu")
    for r, unit in enumerate(units):
        forms = error_derivative(trace.loss, trace.level, *unit)
        yield _step("STEP 1", slides["dy"], f"dE/d{y[r]}", layer.dy[r], *forms)
    for r, k in np.ndindex(layer.jacobian.shape):
        if r == k or layer.activation == "softmax":  # y_r of the others is no function of u_k
            forms = jacobian_forms(layer.activation, units[r][0], units[k][0], r == k)
            yield _step("STEP 1", slides["jacobian"], f"d{y[r]}/d{u[k]}", layer.jacobian[r, k], *forms)
    for k, delta in enumerate(layer.delta_general):

        def form(t, k=k):
            return added(
                t(f"dE/d{y[r]}", dy) * t(f"d{y[r]}/d{u[k]}", layer.jacobian[r, k]) for r, dy in enumerate(layer.dy)
            )

        yield _step("STEP 1", slides["delta_general"], of_unit("delta", k, last), delta, form)
    for k, unit in enumerate(units):
        forms = short_delta(trace.loss, trace.level, *unit)
        yield _step("STEP 1", slides["delta"], of_unit("delta", k, last), layer.delta[k], *forms)


def _gradients(part, number, layer):
    """dE/dw_ji = delta_j x_i and dE/db_j = delta_j."""
    names = [of_unit("delta", j, number) for j in range(layer.delta.size)]
    for (j, i), dw in np.ndenumerate(layer.dW):

        def form(t, j=j, i=i):
            return t(names[j], layer.delta[j]) * t(of_unit("y", i, number - 1), layer.x[i])

        yield _step(part, layer.slides["dW"], f"dE/d{of_weight(j, i, number)}", dw, form)
    for j, db in enumerate(layer.dB):
        quantity = f"dE/d{of_unit('b', j, number)}"
        yield _step(part, layer.slides["dB"], quantity, db, lambda t, j=j: t(names[j], layer.delta[j]))


def _backward_sum(number, layer, above):
    """dE/dy_j = sum_k delta_k w_kj."""
    for j, dy in enumerate(layer.dy):

        def form(t, j=j):
            return added(
                t(of_unit("delta", k, number + 1), delta) * t(of_weight(k, j, number + 1), above.W[k, j])
                for k, delta in enumerate(above.delta)
            )

        yield _step("STEP 1.5", layer.slides["dy"], f"dE/d{of_unit('y', j, number)}", dy, form)


def _hidden_delta(number, layer):
    """h'(u_j), then delta_j = dE/dy_j h'(u_j)."""
    derivative = DERIVATIVES[layer.activation]
    for j, dh in enumerate(layer.dh):
        u, y = (of_unit("u", j, number), layer.u[j]), (of_unit("y", j, number), layer.y[j])
        yield _step("STEP 2", layer.slides["dh"], f"h'({u[0]})", dh, lambda t, u=u, y=y: derivative(t(*u), t(*y)))
    for j, delta in enumerate(layer.delta):

        def form(t, j=j):
            dy, dh = t(f"dE/d{of_unit('y', j, number)}", layer.dy[j]), t(f"h'({of_unit('u', j, number)})", layer.dh[j])
            return dy * dh

        yield _step("STEP 2", layer.slides["delta"], of_unit("delta", j, number), delta, form)


def _update(number, layer, eta):
    """w <- w - eta dE/dw."""
    weights = [(of_weight(*place, number), place, "W") for place in np.ndindex(layer.W.shape)]
    biases = [(of_unit("b", j, number), j, "B") for j in range(layer.B.size)]
    for name, place, letter in weights + biases:
        before, derivative, after = (getattr(layer, form)[place] for form in (letter, f"d{letter}", f"{letter}_after"))

        def form(t, name=name, before=before, derivative=derivative):
            return t(name, before) - t("eta", eta) * t(f"dE/d{name}", derivative)

        yield _step("update", layer.slides[f"{letter}_after"], name, after, form)
