"""What an epoch of many networks notes of each mini-batch, and what it tells of all: the rows of two tables."""

# What an epoch notes of each mini-batch (rows of `numbers`), and what it tells of all (rows of `report`).
ETA, STEP, WHOLE, SIZE, SHARE, ERRORS, PENALTY, NUMBERS = range(8)
LOSS, SUM_OF_ERRORS, SUM_OF_PENALTIES, REPORTED = range(4)
