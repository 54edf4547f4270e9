"""Formulas with letters and with numbers: a formula is written once, as Python, and is both, and its value.

`written` puts operands such as ("y_1^(1)", 0.58) into a formula. Numbers are shown with few digits, operands with as
many as it takes: whoever computes what is shown gets the result that is shown.
"""

import itertools

import numpy as np

DIGITS, MOST_DIGITS = 4, 17  # significant ones; the most tell one float64 from all others
WRITTEN_OUT = 5  # terms of a sum; of a longer one the first two and the last are shown
SUM, PRODUCT, ATOM = range(3)  # what stands in brackets within what
BECAUSE, ROUNDING = ", because ", "floats are rounded"
ROUNDED = 1e-14  # what rounding, here and in the steps before, may leave of the largest term of a sum


def shown(value, digits=DIGITS):
    """A number with so many significant digits, or more before its point."""
    value = float(value) + 0.0  # 0 has no sign here
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e7 else text


class Term:
    """A part of a formula: its letters, its numbers, its value, and which of several cases it is."""

    def __init__(self, letters, numbers, value, binds=ATOM, because="", shortened=False):
        self.letters, self.numbers, self.value, self.binds = letters, numbers, np.float64(value), binds
        self.because, self.shortened = because, shortened
        self.size = abs(self.value)  # of a sum that of its largest term

    def _joined(self, other, sign, value, binds, right_binds):
        """Both, with a sign between; brackets where the sign would take less than all of a side."""
        other = _term(other)
        right = other.in_brackets(right_binds, behind=True)
        left = self.in_brackets(binds)
        because = " and ".join(dict.fromkeys(filter(None, (self.because, other.because))))
        signs = (" " if sign == " x " else sign), sign
        letters, numbers = (a + s + b for a, s, b in zip(left, signs, right, strict=True))
        joined = Term(letters, numbers, value, binds, because, self.shortened or other.shortened)
        if binds == SUM:
            joined.size = max(self.size, other.size)
        return joined

    def in_brackets(self, binds, behind=False):
        """(letters, numbers), with brackets around what binds less, and around what has a minus behind a sign."""
        texts = self.letters, self.numbers
        return tuple(f"({text})" if self.binds < binds or (behind and text[0] == "-") else text for text in texts)

    def __add__(self, other):
        return added([self, _term(other)])

    def __radd__(self, other):
        return added([_term(other), self])

    def __sub__(self, other):
        return self._joined(other, " - ", self.value - _term(other).value, SUM, PRODUCT)

    def __rsub__(self, other):
        return _term(other) - self

    def __mul__(self, other):
        return self._joined(other, " x ", self.value * _term(other).value, PRODUCT, PRODUCT)

    def __rmul__(self, other):
        return _term(other) * self

    def __truediv__(self, other):
        return self._joined(other, " / ", self.value / _term(other).value, PRODUCT, ATOM)

    def __rtruediv__(self, other):
        return _term(other) / self

    def __pow__(self, exponent):
        letters, numbers = self.in_brackets(ATOM, behind=True)
        return self._of(f"{letters}^{exponent}", f"{numbers}^{exponent}", self.value**exponent)

    def __neg__(self):
        letters, numbers = self.in_brackets(PRODUCT, behind=True)
        return self._of(f"-{letters}", f"-{numbers}", -self.value, PRODUCT)

    def __abs__(self):
        return self._of(f"|{self.letters}|", f"|{self.numbers}|", abs(self.value))

    def _of(self, letters, numbers, value, binds=ATOM):
        return Term(letters, numbers, value, binds, self.because, self.shortened)


def _term(value):
    """A number as a term, with all its digits: it stands in the formula itself."""
    return value if isinstance(value, Term) else Term(f"{value:g}", f"{value:g}", value)


def named(letters, value):
    """A constant that is written so: 1/2."""
    return Term(letters, letters, value)


def function(name, argument):
    """exp, ln, tanh or sqrt of a term."""
    value = {"exp": np.exp, "ln": np.log, "tanh": np.tanh}[name](argument.value)
    if name == "ln" and argument.binds == ATOM:
        return argument._of(f"ln {argument.letters}", f"ln {argument.numbers}", value, PRODUCT)
    return argument._of(f"{name}({argument.letters})", f"{name}({argument.numbers})", value)


def added(terms):
    """The sum of terms: all of them, or the first two and the last."""
    terms = list(terms)
    total = terms[0].value
    for term in terms[1:]:
        total = total + term.value
    long = len(terms) > WRITTEN_OUT
    chosen = [*terms[:2], None, terms[-1]] if long else terms
    letters, numbers = (_signed([t and getattr(t, side) for t in chosen]) for side in ("letters", "numbers"))
    because = " and ".join(dict.fromkeys(term.because for term in terms if term.because))
    binds = SUM if len(terms) > 1 else terms[0].binds
    whole = Term(letters, numbers, total, binds, because, long or any(term.shortened for term in terms))
    whole.size = max(term.size for term in terms)
    return whole


def _signed(texts):
    """a + b - c from "a", "b", "-c"; None is what is left out."""
    whole = texts[0]
    for text in texts[1:]:
        text = "..." if text is None else text
        whole += f" - {text[1:]}" if text[0] == "-" else f" + {text}"
    return whole


def chosen(a, sign, b, yes, no):
    """`yes` if a stands so to b, else `no`: the letters have both cases, the numbers the one that holds."""
    yes, no, b = _term(yes), _term(no), _term(b)
    holds = {">=": a.value >= b.value, "<": a.value < b.value, ">": a.value > b.value, "<=": a.value <= b.value}[sign]
    opposite = {">=": "<", "<": ">=", ">": "<=", "<=": ">"}[sign]
    case = yes if holds else no
    because = case.because or f"{a.numbers} {sign if holds else opposite} {b.numbers}"
    letters = f"({yes.letters} if {a.letters} {sign} {b.letters} else {no.letters})"
    if np.isnan(a.value):
        because = f"{a.numbers} is not a number"
    return Term(letters, case.numbers, case.value, case.binds, because, case.shortened)


def written(result, *forms):
    """The first of the formulas that gives the result in the digits that are shown, in letters and in numbers.

    Each is a function of a function that makes a term of (letters, number). What is left of a sum whose terms cancel
    is a matter of their order: numbers that come as near to it as rounding allows are enough.
    """
    with np.errstate(all="ignore"):
        for form, digits in itertools.product(forms, range(DIGITS, MOST_DIGITS + 1)):
            term = form(lambda letters, value: Term(letters, shown(value, digits), shown(value, digits)))  # noqa: B023
            distance, rounding = abs(term.value - result), ROUNDED * term.size
            if term.shortened or shown(term.value) == shown(result) or distance <= 1e-9 * abs(result):
                return term.letters, term.numbers + BECAUSE * bool(term.because) + term.because
            if max(distance, abs(result)) <= rounding < np.inf:
                break
    return term.letters, f"{term.numbers}{BECAUSE}{ROUNDING}"
