"""Several steps of Levenberg and Marquardt in one call, for small networks, where nothing in Python has to see each.

There the equations take less time than what Python does around them. `LeastSquares` in training/least_squares.py has
the same step for larger ones, in Python, with LAPACK's factor in place of the lecture's.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.views import borrowed
from fastbp.engine.tiles.epoch import mean_error
from fastbp.engine.tiles.normal_equations import normal_equations
from fastbp.engine.tiles.notes import (
    COLUMN,
    DIVERGED,
    DONE,
    DOWN,
    ENOUGH,
    ESTIMATES,
    EXHAUSTED,
    GAMMA,
    GOAL,
    LARGEST,
    LEAST,
    LIMIT,
    MU,
    NU,
    NUMBERS,
    OUTCOME,
    SAMPLES,
    SHORTEST,
    SLOW,
    STEP,
    STRENGTH,
    TINY,
    TRIAL,
    TRIALS,
)
from fastbp.lecture.loops.equations import cholesky, cholesky_solve, trace_of_inverse


@jit(as_written=True)
def sum_of(errors_of):
    """The parts of all chunks, in their order, as Python adds them up where a training begins or goes on."""
    total = 0.0
    for chunk in range(errors_of.size):
        total += errors_of[chunk]
    return total


@jit
def loss_of(theta, layers, samples, rows, memory):
    """E, the mean over the samples (slide 9)."""
    # theta (p), samples (X, D, weight), rows (s), memory: scratch, places, errors (chunks), board
    scratch, places, errors_of, board = memory
    mean_error(theta, layers, samples, rows, (scratch, places), errors_of, (board, 0, 0, 1))
    return sum_of(errors_of)


@jit
def penalty_of(theta, penalised, strength):
    """alpha / 2 sum_p theta_p^2, over what is penalised."""
    squares = 0.0
    for p in range(theta.size):
        if penalised[p]:
            squares += theta[p] * theta[p]
    return 0.5 * strength * squares


@jit
def downhill(theta, g, penalised, strength, down):
    """-(g_p + alpha theta_p), the gradient with that of the penalty, the other way round; returns its length."""
    squares = 0.0
    for p in range(theta.size):
        down[p] = -g[p] - (strength * theta[p] if penalised[p] else 0.0)
        squares += down[p] * down[p]
    return np.sqrt(squares)


@jit
def damp(A, mu, strength, penalised, damped):
    """A + mu I, and alpha on the diagonal for what is penalised; of all that the lower half."""
    for p in range(A.shape[0]):
        for q in range(p + 1):
            damped[p, q] = A[p, q]
        damped[p, p] += mu + (strength if penalised[p] else 0.0)


@jit
def moved_on(theta, step, trial, largest):
    """theta_p + h_p; returns whether all steps are finite, and whether all that they lead to may be parameters."""
    finite, fits = True, True
    for p in range(theta.size):
        trial[p] = theta[p] + step[p]
        finite &= np.isfinite(step[p])
        fits &= abs(trial[p]) <= largest
    return finite, fits


@jit
def promise_of(step, down, mu):
    """What the linear model says that a step gains: sum_p h_p (mu h_p - g_p) / 2 (Nielsen 1999)."""
    total = 0.0
    for p in range(step.size):
        total += step[p] * (mu * step[p] + down[p])
    return 0.5 * total


@jit
def are_finite(A, g, loss, same):
    """Whether the loss is a number, by both its computations, and all of g and of the diagonal of A."""
    finite = np.isfinite(loss) and np.isfinite(same)
    for p in range(g.size):
        finite &= np.isfinite(g[p]) and np.isfinite(A[p, p])
    return finite


@jit
def estimate(theta, loss, equations, rule, state):
    """gamma = P - 2 alpha tr(H^-1), alpha = gamma / (2 sum theta^2), beta = (n - gamma) / (2 S) (MacKay 1992).

    As `LeastSquares` has it; all stays as it is where H is too near to singular.
    """
    (A, _, damped, vectors), (limits, penalised) = equations, rule
    column, squares = vectors[COLUMN], 0.0
    damp(A, 0.0, state[STRENGTH], penalised, damped)
    if not cholesky(damped):
        return
    trace = trace_of_inverse(damped, column)
    if not np.isfinite(trace):
        return
    state[GAMMA] = min(max(theta.size - state[STRENGTH] * trace, 0.0), 1.0 * theta.size)
    for p in range(theta.size):
        squares += theta[p] * theta[p]
    errors, left = 2 * loss * limits[SAMPLES], limits[NUMBERS] - state[GAMMA]
    if errors > 0 and squares > 0:
        beta = left / (2 * errors) if left > 0 else 1.0
        state[STRENGTH] = state[GAMMA] / (2 * squares) / (beta * limits[SAMPLES])


@jit
def damped_steps(theta, layers, samples, rows, memory, equations, rule, course):
    """h of (A + mu I) h = -g, and mu by the gain ratio (Hagan and Menhaj 1994, Nielsen 1999), until one of these:

    there is no room for losses, so many steps were tried as may be, one of the rule's ends is reached (EXHAUSTED), a
    number is no longer finite. `theta` is then what the last step that has lowered the loss has led to, as is `kept`.
    """
    # theta (p), samples (X, D, weight), rows (s) that count,
    # memory: scratch, places, panel and jacobian as in `normal_equations`, errors (chunks), board,
    # equations: A and g at theta, damped (p, p), four vectors (p), rule: limits (columns in notes.py), penalised (p),
    # course: state (columns in notes.py), losses, of which the first is that at theta, gammas, counts, kept (p)
    (scratch, places, panel, jacobian, errors_of, board), (A, g, damped, vectors) = memory, borrowed(equations)
    (limits, penalised), (state, losses, gammas, counts, kept) = borrowed(rule), borrowed(course)
    to_add, of_loss, done = (scratch, places, panel), (scratch, places, errors_of, board), 0
    down, step, trial = vectors[DOWN], vectors[STEP], vectors[TRIAL]
    trials, counts[TRIALS], counts[OUTCOME] = counts[TRIALS], 0, ENOUGH
    while counts[TRIALS] < trials and done < gammas.size:
        mu, strength, loss, gained, promised = state[MU], state[STRENGTH], 0.0, 0.0, 0.0
        if losses[done] <= limits[GOAL] or not downhill(theta, g, penalised, strength, down) > limits[SHORTEST]:
            counts[OUTCOME] = EXHAUSTED
            return
        before, fits = losses[done] + penalty_of(theta, penalised, strength), True
        damp(A, mu, strength, penalised, damped)
        counts[TRIALS] += 1
        if cholesky(damped):
            cholesky_solve(damped, down, step)
            finite, fits = moved_on(theta, step, trial, limits[LARGEST])
            if finite:
                loss = loss_of(trial, layers, samples, rows, of_loss)
                gained = before - loss - penalty_of(trial, penalised, strength)
                promised = promise_of(step, down, mu)
        if not (gained > 0 and promised > 0):
            state[MU], state[NU] = mu * state[NU], 2 * state[NU]
            if not state[MU] <= state[LIMIT]:
                counts[OUTCOME] = EXHAUSTED
                return
            continue
        state[MU], state[NU] = max(mu * max(LEAST, 1 - (2 * gained / promised - 1) ** 3), TINY), 2
        same = normal_equations(trial, layers, samples, rows, to_add, jacobian, A, g)
        if not (fits and are_finite(A, g, loss, same)):
            counts[OUTCOME] = DIVERGED
            return
        for p in range(theta.size):
            theta[p] = kept[p] = trial[p]
        if limits[ESTIMATES] and loss + penalty_of(theta, penalised, strength) >= SLOW * before:
            estimate(theta, loss, (A, g, damped, vectors), (limits, penalised), state)
        losses[done + 1], gammas[done], done = loss, state[GAMMA], done + 1
        counts[DONE] = done
