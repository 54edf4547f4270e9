"""What a call of several epochs notes, and the rule by which it ends: the columns of two vectors."""

DONE, OUTCOME, POSITION, COUNTS = range(4)  # whole epochs; why it ended; numbers that the key has handed out
NOT_BEGUN, ENOUGH, EXHAUSTED, DIVERGED = range(4)  # outcomes
# The lowest loss, epochs without improvement, what an improvement is, so many epochs without are enough; what the error
# is divided by in the loss; the sum of the errors of the last epoch.
BEST, WAITED, TOL, PATIENCE, OUTPUTS, ERRORS, RULE = range(7)

# ---- Of steps of second order (damped_steps.py) ----------------------------------------------------------------------

# What a training remembers from step to step, and a checkpoint holds: the damping mu, what it grows by and up to where;
# the strength of the penalty, and the effective number of parameters.
MU, NU, LIMIT, STRENGTH, GAMMA, MEMORY = range(6)
# Loss and length of the gradient that are small enough; the largest number that a parameter may be; how many samples
# and how many numbers of D count; whether the strength is estimated.
GOAL, SHORTEST, LARGEST, SAMPLES, NUMBERS, ESTIMATES, LIMITS = range(7)
TRIALS, COUNTS_OF_STEPS = 2, 3  # behind DONE and OUTCOME: how many steps may be tried; how many were, afterwards
DOWN, COLUMN, STEP, TRIAL, VECTORS = range(5)  # rows of what a step needs
LEAST, TINY = 1 / 3, 1e-300  # of the damping is left after a good step (Nielsen 1999); damping is not less
# The first penalty is a thousandth of what would follow from the first loss, which is mostly not noise, and it is
# estimated anew only after steps that leave most of the penalised loss: else some networks shrink to a constant before
# they have learnt anything. Of 20 starts of 2-7-1 on 40 samples of a curve: 1, with a hundredth and a half 3.
FIRST, SLOW = 0.001, 0.95
