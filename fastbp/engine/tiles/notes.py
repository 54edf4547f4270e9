"""What a call of several epochs notes, and the rule by which it ends: the columns of two vectors."""

DONE, OUTCOME, POSITION, COUNTS = range(4)  # whole epochs; why it ended; numbers that the key has handed out
NOT_BEGUN, ENOUGH, EXHAUSTED, DIVERGED = range(4)  # outcomes
# The lowest loss, epochs without improvement, what an improvement is, so many epochs without are enough; what the error
# is divided by in the loss; the sum of the errors of the last epoch.
BEST, WAITED, TOL, PATIENCE, OUTPUTS, ERRORS, RULE = range(7)
