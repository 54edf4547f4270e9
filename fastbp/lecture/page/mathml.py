"""The lecture's formulas as MathML, from a notation that is read as it stands: "dE/dw_ji = [delta_j x_i]".

    x, w, E, h, l       one letter, a variable; W, B, D, X, Y, U are bold, because they are matrices or columns
    delta, eta, theta   Greek letters
    w_ji  sum_{r != k}  below: letters and digits, or anything in braces; w_[ji] has blank indices
    y^2  W^(2)  Y^T     above: one letter or digit, a layer in parentheses, or anything in braces; h'(u) is a prime
    dx  dE              a differential: d before one letter
    dE/dw_ji            a derivative. It is partial, with its own sign, where the letter below is one of several: where
                        it has an index or is a matrix. Elsewhere that sign is written: ∂f/∂x
    a b  a * b  n times m    product, product element by element, sizes of a matrix
    a / b               a fraction of what stands next to the stroke; the parentheses of (a + b) / c are not drawn
    sum_k a b           the sum of a product, up to the next + or -; sum_{i = 1}^l has both limits; so has lim_{dx -> 0}
    h(u)  exp(u)  ln y  a function of what follows without a space, and of what follows a word: exp, ln, max, softmax
    = != < <= > >= ≈ -> <-    between two sides
    u if u >= 0 else 0  two cases; the second is drawn with the opposite of the condition
    0 for r != k        where a statement holds; it stands at the end
    matrix(a, ..., b; ...; c, ..., d)   in brackets, row by row; a row of dots alone has dots in each column
    [a + b]             what a slide leaves blank: <mrow class="blank">, for a page to cover

A style sheet gives `math` a font for mathematics, in which brackets and sums grow, and has one rule more:
`.cases mtd { text-align: left }`.
"""

import html
import re
from typing import NamedTuple

GREEK = {"delta": "δ", "eta": "η", "theta": "θ"}
MATRICES = "BDUWXY"
BOLD_A = 0x1D400  # the first of the bold letters: browsers know no other bold in MathML
FUNCTIONS = ("exp", "ln", "max", "softmax")
RELATIONS = {"=": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥", "≈": "≈", "->": "→", "<-": "←"}
OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
PRODUCTS = {"*": "⊙", "times": "\u00d7"}
SIGNS = {"+": "+", "-": "\u2212"}
ENDS = (None, *")]},;/", "if", "else", "for", *SIGNS, *PRODUCTS, *RELATIONS)  # no factor begins with these

TOKEN = re.compile(
    r"""\.\.\. | <- | -> | != | <= | >= | [-+*/=<>≈()\[\]{},;']
    | _[A-Za-z0-9]+ | _\[[A-Za-z0-9]+\] | \^\([A-Za-z0-9]+\) | \^[A-Za-z0-9] | [_^](?={)
    | [0-9]+(?:\.[0-9]+)? | ∂?[A-Za-z]+""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of the notation, its place, and whether it follows the piece before it without a space."""

    text: str | None  # None: the end of the formula
    place: int
    adjacent: bool


class Part(NamedTuple):
    """A factor in MathML, and what a fraction has to know of it."""

    markup: str
    bare: str  # without its parentheses
    differential: str = ""  # without its d
    partial: bool = False  # a differential that is written with ∂
    several: bool = False  # ... of a letter that is one of several


def mathml(formula, inline=False):
    """The formula as a `<math>` element.

    Parameters
    ----------
    formula : str
        In the notation of this module.
    inline : bool
        In a line of text, in place of on a line of its own: smaller fractions, limits beside the sum.

    Returns
    -------
    str
        HTML that is XML, too. Its `alttext` is the formula without the marks of blanks.

    Raises
    ------
    TypeError
        If the formula is no text.
    ValueError
        If it is not in the notation; the message shows the place.

    Examples
    --------
    >>> mathml("[u]", inline=True)
    '<math alttext="u"><mrow><mrow><mrow class="blank"><mrow><mi>u</mi></mrow></mrow></mrow></mrow></math>'
    """
    if not isinstance(formula, str):
        raise TypeError(f"formula must be a text, got {formula!r}")
    reader = _Reader(formula)
    markup = reader.statements()
    reader.take(None)
    display = "" if inline else ' display="block"'
    return f'<math{display} alttext="{html.escape(plain(formula))}">{markup}</math>'


def plain(formula):
    """The formula as a line of text, without the marks of blanks."""
    return re.sub(r"[\[\]]", "", formula)


def tokens(formula):
    """The pieces of a formula, and the end behind them."""
    found, place, adjacent = [], 0, False
    while place < len(formula):
        if formula[place] == " ":
            place, adjacent = place + 1, False
            continue
        token = TOKEN.match(formula, place)
        if not token:
            raise ValueError(refusal(formula, place, "what the notation has", repr(formula[place])))
        found.append(Token(token[0], place, adjacent))
        place, adjacent = token.end(), True
    return [*found, Token(None, place, False)]


def refusal(formula, place, expected, came):
    return f"formula must have {expected} at character {place + 1}, got {came}: {formula!r}"


# ---- MathML ----------------------------------------------------------------------------------------------------------


def row(*markup):
    return f"<mrow>{''.join(markup)}</mrow>"


def parenthesised(inside):
    """In parentheses that grow only around what is high: those of h(u_j) stay as they are."""
    stays = "" if re.search(r"<(mfrac|munder|munderover|mtable)\b", inside) else ' stretchy="false"'
    return row(operator("(", stays), inside, operator(")", stays))


def operator(sign, attributes=""):
    return f"<mo{attributes}>{html.escape(sign)}</mo>"


TIMES = operator("\u2062", ' lspace="0.06em" rspace="0.12em"')  # invisible, but for a little room
COMMA = operator(",", ' lspace="0" rspace="0.3em"')
OF = operator("\u2061")  # invisible, between a function and its argument


def letter(name):
    """A variable: Greek, a bold matrix, or italic, as browsers draw a single letter."""
    if name in MATRICES:
        return f"<mi>{chr(BOLD_A + ord(name) - ord('A'))}</mi>"
    return f"<mi>{GREEK.get(name, name)}</mi>"


def upright(name):
    return f'<mi mathvariant="normal">{name}</mi>'


def characters(text):
    """Indices side by side: each letter is one, digits that follow each other are a number."""
    found = re.findall(r"[0-9]+|[A-Za-z]", text)
    drawn = [f"<mn>{each}</mn>" if each.isdigit() else f"<mi>{each}</mi>" for each in found]
    return row('<mspace width="0.06em"/>'.join(drawn)) if len(drawn) > 1 else drawn[0]


def power(text):
    """A power, or the number of a layer in its parentheses."""
    inside = characters(text.strip("()"))
    return parenthesised(inside) if "(" in text else inside


def blank(markup):
    """The <mrow> as one that a page can cover."""
    return markup.replace("<mrow>", '<mrow class="blank">', 1)


def scripted(base, below, above, limits=False):
    """The base with what stands below and above it, either of which may be missing."""
    name = {
        (True, False): "munder" if limits else "msub",
        (False, True): "mover" if limits else "msup",
        (True, True): "munderover" if limits else "msubsup",
    }.get((bool(below), bool(above)))
    return f"<{name}>{base}{below}{above}</{name}>" if name else base


def fraction(above, below):
    """A derivative where both parts are differentials."""
    if not (above.differential and below.differential):
        return f"<mfrac>{row(above.bare)}{row(below.bare)}</mfrac>"
    sign = upright("∂" if above.partial or below.partial or below.several else "d")
    return f"<mfrac>{row(sign, above.differential)}{row(sign, below.differential)}</mfrac>"


def table(rows):
    """A matrix in brackets, from rows of cells; a row of dots alone is as wide as the first."""
    first, drawn = rows[0], []
    for cells in rows:
        if cells == ["..."] and len(rows) > 1:
            cells = ["⋱" if cell == "..." else "⋮" for cell in first]
        cells = [operator({"...": "⋯"}.get(cell, cell)) if cell in ("...", "⋱", "⋮") else cell for cell in cells]
        drawn.append(f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in cells)}</mtr>")
    return row(operator("["), f"<mtable>{''.join(drawn)}</mtable>", operator("]"))


def condition(left, relation, right):
    return parenthesised(f"{left}{operator(RELATIONS[relation])}{right}")


def cases(yes, no, left, relation, right):
    """yes where the relation holds between left and right, no where the opposite does."""
    drawn = ""
    for value, sign in ((yes, relation), (no, OPPOSITE[relation])):
        drawn += f"<mtr><mtd>{value}</mtd><mtd>{condition(left, sign, right)}</mtd></mtr>"
    return row(operator("{", ' form="prefix"'), f'<mtable class="cases" columnalign="left">{drawn}</mtable>')


# ---- The notation ----------------------------------------------------------------------------------------------------


class _Reader:
    """Reads a formula from left to right; each method reads one kind of piece and returns its MathML."""

    def __init__(self, formula):
        self.formula, self.tokens, self.at = formula, tokens(formula), 0

    @property
    def next(self):
        return self.tokens[self.at]

    def refuse(self, expected):
        came = "the end" if self.next.text is None else repr(self.next.text)
        raise ValueError(refusal(self.formula, self.next.place, expected, came))

    def take(self, *expected):
        """The next token, which must be one of those, if there are any."""
        token = self.next
        if expected and token.text not in expected:
            self.refuse(" or ".join("its end" if text is None else repr(text) for text in expected))
        self.at += token.text is not None
        return token.text

    def statements(self):
        """Relations between commas."""
        found = [self.relation()]
        while self.next.text == ",":
            self.take()
            found.append(self.relation())
        return row(COMMA.join(found))

    def relation(self):
        """Expressions with =, <- and the like between them, and for what they hold."""
        found = [self.expression()]
        while self.next.text in RELATIONS:
            found += [operator(RELATIONS[self.take()]), self.expression()]
        if self.next.text == "for":
            self.take()
            found += ['<mspace width="0.7em"/>', condition(self.sum(), self.take(*OPPOSITE), self.sum())]
        return "".join(found)

    def expression(self):
        """A sum, or two cases of it."""
        yes = self.sum()
        if self.next.text != "if":
            return yes
        self.take()
        left, relation, right = self.sum(), self.take(*OPPOSITE), self.sum()
        self.take("else")
        return cases(yes, self.sum(), left, relation, right)

    def sum(self):
        """Products with + and - between them, the first perhaps with a sign."""
        found = [operator(SIGNS[self.take()], ' form="prefix" rspace="0.12em"')] if self.next.text == "-" else []
        found.append(self.product())
        while self.next.text in SIGNS:
            found += [operator(SIGNS[self.take()]), self.product()]
        return row(*found)

    def product(self):
        """Factors and fractions side by side, or with a sign between them."""
        found = [self.ratio()]
        while self.next.text in PRODUCTS or self.next.text not in ENDS:
            found += [operator(PRODUCTS[self.take()]) if self.next.text in PRODUCTS else TIMES, self.ratio()]
        return "".join(found)

    def ratio(self):
        above = self.factor()
        if self.next.text != "/":
            return above.markup
        self.take()
        return fraction(above, self.factor())

    def factor(self):
        """What has indices, powers and arguments of its own."""
        if self.next.text in ENDS:
            self.refuse("a letter, a number or a bracket")
        text = self.take()
        if text in ("(", "[", "matrix"):
            return self.bracketed(text)
        if text in ("sum", "lim"):
            sign = operator("∑") if text == "sum" else operator("lim", ' movablelimits="true"')
            return self.same(row(scripted(sign, *self.scripts(), limits=True), self.product()))
        if text in FUNCTIONS:
            function = scripted(f"<mi>{text}</mi>", *self.scripts())
            space = "" if self.next.text == "(" else '<mspace width="0.17em"/>'
            return self.same(row(function, OF, space, self.factor().markup))
        if text == "...":
            listed = {self.tokens[self.at - 2].text if self.at > 1 else None, self.next.text} & {",", "->"}
            return self.same(upright("…") if listed else operator("⋯"))
        if text[0].isdigit():
            return self.applied(scripted(f"<mn>{text}</mn>", *self.scripts()))
        name = text.removeprefix("∂")
        if name == text and (len(text) == 1 or text in GREEK):
            return self.applied(scripted(letter(text), *self.scripts()))
        name = name if name != text else text[1:]
        if (text[0] in "d∂") and (len(name) == 1 or name in GREEK):
            return self.differential(name, text[0] == "∂")
        self.at -= 1
        return self.refuse("a letter or a word of the notation")

    def same(self, markup):
        return Part(markup, markup)

    def applied(self, markup):
        """A function and its arguments, if an opening parenthesis follows without a space."""
        if self.next.text == "(" and self.next.adjacent:
            self.take()
            markup = row(markup, OF, self.bracketed("(").markup)
        return self.same(markup)

    def differential(self, name, partial):
        below, above = self.scripts()
        variable = scripted(letter(name), below, above)
        sign = upright("∂" if partial else "d")
        return Part(row(sign, variable), row(sign, variable), variable, partial, bool(below) or name in MATRICES)

    def bracketed(self, opening):
        """What stands in parentheses, in the brackets of a blank or of a matrix, and the scripts of that."""
        if opening == "[":
            bare = blank(self.statements())
            self.take("]")
            return Part(scripted(bare, *self.scripts()), bare)
        if opening == "matrix":
            self.take("(")
            rows = [self.cells()]
            while self.next.text == ";":
                self.take()
                rows.append(self.cells())
            self.take(")")
            return self.same(scripted(table(rows), *self.scripts()))
        bare = self.statements()
        self.take(")")
        scripts = self.scripts()
        markup = scripted(parenthesised(bare), *scripts)
        return Part(markup, markup if any(scripts) else bare)

    def cells(self):
        """A row of a matrix; dots stay dots, because their direction depends on the other rows."""
        found = []
        while not found or self.next.text == ",":
            if found:
                self.take()
            if self.next.text == "...":
                found.append(self.take())
            else:
                found.append(self.relation())
        return found

    def scripts(self):
        """(below, above), "" where there is nothing."""
        below, above = "", []
        while self.next.adjacent and self.next.text and self.next.text[0] in "_^'":
            text = self.take()
            if text[0] == "'":
                above.append(operator("\u2032"))
            elif text == "_":
                below = self.braces()
            elif text == "^":
                above.append(self.braces())
            elif text[0] == "_":
                below = blank(row(characters(text.strip("_[]")))) if "[" in text else characters(text[1:])
            else:
                above.append(upright("T") if text == "^T" else power(text[1:]))
        return below, row(*above) if len(above) > 1 else "".join(above)

    def braces(self):
        self.take("{")
        inside = self.statements()
        self.take("}")
        return inside
