"""The operations on one number that the lecture's loops use, in plain Python: solutions run without a compiler, too."""


def where(condition, yes, no):
    """`yes` where the condition holds, else `no`."""
    return yes if condition else no


def larger(a, c):
    """The larger of the two; NaN if a is."""
    return c if c > a else a


def smaller(a, c):
    """The smaller of the two; NaN if a is."""
    return c if c < a else a


def double(x):
    """x in double precision."""
    return float(x)
