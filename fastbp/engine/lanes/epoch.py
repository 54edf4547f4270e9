"""The loops of the lecture on vectors: a network in each lane, so that L of them take the time of one or two.

No formula stands here: what a layer, an error and an update do is called from `lecture/loops`. Each network visits its
own samples in its own order, has its own rates and penalties, may be narrower than its neighbours, and may have nothing
to do in a mini-batch (per_lane.py).

Arrays of a group of L networks have the network as their last axis and begin with a cache line. `values` (rows, S, L)
holds what `workspace.places_of_lanes` lays out, for the S samples of each network that pass through the layers at once.
"""

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import double, where
from fastbp.compiler.views import borrowed, matrix_at, vector_at
from fastbp.engine.lanes.notes import ERRORS, ETA, LOSS, PENALTY, SIZE, STEP, SUM_OF_ERRORS, SUM_OF_PENALTIES, WHOLE
from fastbp.engine.lanes.per_lane import (
    all_count_alike,
    are_finite,
    copy_all,
    gather_samples,
    keep_units,
    largest_of,
    put_back,
    share_samples,
    some_drop,
    some_wait,
    weigh,
)
from fastbp.engine.shuffles import draw_permutations
from fastbp.engine.simd.lane_dispatch import lanes_of, pairs_of, samples_of, sums_of
from fastbp.engine.simd.shapes import FOUR_SAMPLES, ONE_SAMPLE
from fastbp.engine.workspace import INPUTS_AT, KEEP_AT, SHARE_AT, SIGNALS_AT, VALUES_AT
from fastbp.lecture.loops.activations import activate
from fastbp.lecture.loops.derivatives import activation_derivative
from fastbp.lecture.loops.errors import error_delta
from fastbp.lecture.loops.layers import (
    add_bias_gradient,
    add_weight_gradient,
    backward_sum,
    hidden_delta,
    weighted_sum,
)
from fastbp.lecture.loops.parts import biases_of, units_of, weights_of
from fastbp.lecture.loops.passes import error_of_sample
from fastbp.lecture.loops.updates import update

# ---- Samples through the layers --------------------------------------------------------------------------------------


@jit
def unit_count(layers):
    """The number of units without the input layer."""
    last = layers.size - 1
    return layers[last]["units_at"] + layers[last]["receiving"]


@jit
def unit_vectors(values, layers, places):
    """u, y, dy, dh and delta of all units."""
    # values (rows), returns five (units)
    n, at = unit_count(layers), places[VALUES_AT]
    u, y, dy = vector_at(values, at, n), vector_at(values, at + n, n), vector_at(values, at + 2 * n, n)
    return u, y, dy, vector_at(values, at + 3 * n, n), vector_at(values, at + 4 * n, n)


@jit
def units_kept(values, places, layers):
    """keep_j of each unit, sample and network, as numbers."""
    # values (rows, S, L), returns (unit, S L)
    width = values.shape[1] * values.shape[2]
    return matrix_at(values, places[KEEP_AT] * width, unit_count(layers), width)


@jit
def multiply(keep, values):
    """values_j <- values_j keep_j (Srivastava et al. 2014)."""
    for j in range(values.size):
        values[j] *= keep[j]


@jit
def forward(theta, layers, values, places, masked):
    """u_j = sum_i w_ji x_i + b_j, y_j = h(u_j) (slides 7, 8), upwards; if masked, y_j and h'(u_j) times keep_j."""
    # theta (p), values (rows)
    u, y, _, dh, _ = unit_vectors(values, layers, places)
    keep = vector_at(values, places[KEEP_AT], unit_count(layers))
    sending = vector_at(values, places[INPUTS_AT], layers[0]["sending"])
    for layer in range(layers.size):
        u_layer, y_layer = units_of(u, layers, layer), units_of(y, layers, layer)
        weighted_sum(sending, weights_of(theta, layers, layer), biases_of(theta, layers, layer), u_layer)
        activate(layers[layer]["activation"], u_layer, y_layer)
        if masked and layer < layers.size - 1:  # h'(u_j) as long as y_j is h(u_j)
            dh_layer, keep_layer = units_of(dh, layers, layer), units_of(keep, layers, layer)
            activation_derivative(layers[layer]["activation"], u_layer, y_layer, dh_layer)
            multiply(keep_layer, y_layer)
            multiply(keep_layer, dh_layer)
        sending = y_layer


@jit
def weighted_error(layers, values, places):
    """share_s E_s of each sample (slides 9, 32, 33); 0 of one that counts nothing, even if its error is infinite."""
    # values (rows)
    u, y, _, _, _ = unit_vectors(values, layers, places)
    d = vector_at(values, places[SIGNALS_AT], layers[layers.size - 1]["receiving"])
    share = double(values[places[SHARE_AT]])
    return where(share > 0, share * error_of_sample(layers, u, y, d), share * 0)


@jit
def backward(theta, layers, values, places, masked):
    """delta of each layer, downwards (slides 25, 31-36)."""
    # theta (p), values (rows)
    (u, y, dy, dh, delta), last = unit_vectors(values, layers, places), layers.size - 1
    d, share = vector_at(values, places[SIGNALS_AT], layers[last]["receiving"]), values[places[SHARE_AT]]
    above, zero = units_of(delta, layers, last), delta.dtype.type(0)
    error_delta(layers[last]["error"], layers[last]["level"], units_of(y, layers, last), d, above)
    for k in range(above.size):
        above[k] = where(share > zero, above[k] * share, zero)  # 0 even if delta is infinite
    for layer in range(last - 1, -1, -1):
        dy_layer, dh_layer = units_of(dy, layers, layer), units_of(dh, layers, layer)
        backward_sum(above, weights_of(theta, layers, layer + 1), dy_layer)
        if not masked:
            u_layer, y_layer = units_of(u, layers, layer), units_of(y, layers, layer)
            activation_derivative(layers[layer]["activation"], u_layer, y_layer, dh_layer)
        above = units_of(delta, layers, layer)
        hidden_delta(dy_layer, dh_layer, above)


@jit
def gradient(layers, values, places, dtheta):
    """dE/dw_ji += delta_j x_i, dE/db_j += delta_j (slides 21-24, 26-29)."""
    # values (rows), dtheta (p)
    _, y, _, _, delta = unit_vectors(values, layers, places)
    sending = vector_at(values, places[INPUTS_AT], layers[0]["sending"])
    for layer in range(layers.size):
        delta_layer = units_of(delta, layers, layer)
        add_weight_gradient(delta_layer, sending, weights_of(dtheta, layers, layer))
        add_bias_gradient(delta_layer, biases_of(dtheta, layers, layer))
        sending = units_of(y, layers, layer)


# ---- Steps -----------------------------------------------------------------------------------------------------------


@jit
def step_of_group(theta, layers, settings, moments, counts, spare, numbers):
    """`update` of the lecture, for those networks that have a mini-batch."""
    # theta (p, L), moments (rows of the rule, p, L), spare (1 + 1 + rows of the rule, p, L), numbers (7, L)
    w, note, L = lanes_of(theta), pairs_of(numbers, lanes_of(theta)), counts.size
    n, waits = moments.shape[0] * theta.shape[0], some_wait(numbers, counts)
    memory, saved_memory = matrix_at(moments, 0, n, L), matrix_at(spare, 2 * theta.size, n, L)
    if waits:
        copy_all(theta, spare[1])
        copy_all(memory, saved_memory)
    note[PENALTY] = update(
        pairs_of(settings, w), layers, note[ETA], note[STEP], note[WHOLE], w, lanes_of(spare[0]), lanes_of(moments)
    )
    if waits:
        put_back(numbers, spare[1], theta)
        put_back(numbers, saved_memory, memory)


@jit
def descend(layers, values, places, eta, theta):
    """The step of a mini-batch of one sample, w <- w - eta dE/dw (slide 12), without a gradient in memory."""
    # values (rows), theta (p)
    _, _, _, _, delta = unit_vectors(values, layers, places)
    for j in range(delta.size):
        delta[j] = delta[j] * -delta.dtype.type(eta)
    gradient(layers, values, places, theta)


@jit
def epoch_of_group(shape, theta, layers, data, visits, steps, units, memory, report):
    """The lecture's `epoch` for the networks of one group."""
    # as in `epochs`, without the axis of the groups
    (rows, counts, weight_of, batch_size), (rates, first_step, settings, moments, plain) = visits, steps
    (X, D, weight), (widths, masked), (places, values, spare, numbers) = data, units, memory
    S, drops = values.shape[1], some_drop(settings)
    w, inside, dtheta = lanes_of(theta), samples_of(values, shape), lanes_of(spare[0])
    shares, keep = values[places[SHARE_AT]], units_kept(values, places, layers)
    note, told = pairs_of(numbers, w), pairs_of(report, w)
    sums, at_once = sums_of(note), batch_size == 1 and plain
    if masked and not drops:
        keep_units(layers, widths, settings, numbers, 0, drops, keep)
    told[LOSS] = told[SUM_OF_ERRORS] = told[SUM_OF_PENALTIES] = 0.0
    alike, largest, most, settled = all_count_alike(weight_of, counts), largest_of(counts), 0, False
    for b in range(-(-largest // batch_size)):
        first, size = b * batch_size, min(batch_size, largest - b * batch_size)
        settled = alike and size == most and size % S == 0  # each sample counts as in the mini-batch before
        if not settled:
            most = weigh(weight, weight_of, rows, counts, batch_size, b, numbers)
        note[ETA], note[STEP] = pairs_of(rates, w)[b], pairs_of(first_step, w)[0] + (b + 1.0)
        note[ERRORS] = note[PENALTY] = 0.0
        for p in range(0 if at_once else w.size):
            dtheta[p] = 0
        for s in range(0, most, S):
            gather_samples(X, D, rows, first + s, values, places)
            if not settled:
                share_samples(weight, weight_of, rows, first + s, s, numbers, shares)
            if drops:
                keep_units(layers, widths, settings, numbers, s, drops, keep)
            forward(w, layers, inside, places, masked or drops)
            sums[ERRORS] += weighted_error(layers, inside, places)
            backward(w, layers, inside, places, masked or drops)
            if at_once:
                descend(layers, inside, places, note[ETA], sums_of(w))
            else:
                gradient(layers, inside, places, sums_of(dtheta))
        if not at_once:
            step_of_group(theta, layers, settings, moments, counts, spare, numbers)
        told[LOSS] += note[WHOLE] * note[ERRORS]
        told[SUM_OF_ERRORS] += note[SIZE] * note[ERRORS]
        told[SUM_OF_PENALTIES] += where(note[WHOLE] > 0, note[SIZE] * note[PENALTY], note[SIZE] * 0)


@jit
def epochs(shape, theta, layers, data, visits, steps, units, memory, told):
    """Epochs of each network of some groups (slide 12), each over its own rows of X and D: so many as report has.

    Rows behind the `counts` of a network must be valid, too; a weight of number -1 is 1 for all samples. `masked`: some
    are narrower than `layers`, and what is beside them in `theta` is 0 and stays so. `plain`: the rule is SGD without
    penalties and limits (`tiles.updates.is_plain`), for all. `report` gets the sum of the errors times what their
    samples weigh, and the sums of error and penalty of the mini-batches times their samples. A group stops after the
    epoch, in `done`, in which a network is no longer finite; `kept`, if there are several, is theta before that one.
    """
    # theta (g, p, L), data: X (N, i), D (N, k), weight (w, N),
    # visits: rows (g, n, L), counts (g, L), number of the weight (g, L), samples of a mini-batch,
    # steps: rates (g, b, L), steps before (g, 1, L), settings (g, columns in codes.py, L),
    #     moments (g, rows of the rule, p, L), plain, units: widths (g, layer, L), masked,
    # memory: places, values (rows, S, L), spare (rows, p, L), numbers (7, L),
    # told: orders, kept (g, p, L), report (g, epochs, 3, L), done (g),
    # orders: streams (g, L, words), number of the stream (g, L), own rows (g, n, L),
    #     order (epochs, n), drawn (epochs, 2, words + 1)
    theta, layers, data, visits, steps = borrowed((theta, layers, data, visits, steps))
    (rows, counts, weight_of, batch_size), (rates, first_step, settings, moments, plain) = visits, steps
    (widths, masked), memory, (orders, kept, report, done) = borrowed((units, memory, told))
    streams, stream_of, own_rows, order, drawn = orders
    for g in range(theta.shape[0]):
        for e in range(report.shape[1]):
            if report.shape[1] > 1:
                copy_all(theta[g], kept[g])
            draw_permutations(streams[g], stream_of[g], own_rows[g], counts[g], order[e], drawn[e], rows[g])
            epoch_of_group(
                shape, theta[g], layers, data, (rows[g], counts[g], weight_of[g], batch_size),
                (rates[g], first_step[g], settings[g], moments[g], plain), (widths[g], masked),
                memory, report[g, e],
            )  # fmt: skip
            for lane in range(counts.shape[1]):
                first_step[g, 0, lane] += -(-counts[g, lane] // batch_size)
            done[g] = e + 1
            if not (are_finite(report[g, e]) and are_finite(theta[g])):
                break


@jit
def errors(shape, theta, layers, data, visits, settings, units, memory, E):
    """The mean error of each network over its own rows (slide 9), no unit dropped."""
    # as in `epochs`; E (g, L)
    theta, layers, (X, D, weight), (rows, counts, weight_of) = borrowed((theta, layers, data, visits))
    settings, (widths, masked), (places, values, numbers), E = borrowed((settings, units, memory, E))
    inside = samples_of(values, shape)
    shares, keep = values[places[SHARE_AT]], units_kept(values, places, layers)
    for g in range(theta.shape[0]):
        w = lanes_of(theta[g])
        note = pairs_of(numbers, w)
        sums = sums_of(note)
        if masked:
            keep_units(layers, widths[g], settings[g], numbers, 0, False, keep)
        most = weigh(weight, weight_of[g], rows[g], counts[g], rows.shape[1], 0, numbers)
        note[ERRORS] = 0.0
        for s in range(0, most, values.shape[1]):
            gather_samples(X, D, rows[g], s, values, places)
            share_samples(weight, weight_of[g], rows[g], s, s, numbers, shares)
            forward(w, layers, inside, places, masked)
            sums[ERRORS] += weighted_error(layers, inside, places)
        pairs_of(E, w)[g] = note[ERRORS]


# ---- For Python, a sample at a time or four --------------------------------------------------------------------------


@jit
def epochs_by_one(theta, layers, data, visits, steps, units, memory, told):
    epochs(ONE_SAMPLE, theta, layers, data, visits, steps, units, memory, told)


@jit
def epochs_by_four(theta, layers, data, visits, steps, units, memory, told):
    epochs(FOUR_SAMPLES, theta, layers, data, visits, steps, units, memory, told)


@jit
def errors_by_one(theta, layers, data, visits, settings, units, memory, E):
    errors(ONE_SAMPLE, theta, layers, data, visits, settings, units, memory, E)


@jit
def errors_by_four(theta, layers, data, visits, settings, units, memory, E):
    errors(FOUR_SAMPLES, theta, layers, data, visits, settings, units, memory, E)
