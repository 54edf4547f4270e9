// Numbers and formulas in print: "dE/dw_21^(2) = delta_2^(2) y_1^(1)" becomes MathML.

/** A number in few digits, as programs write it. */
function shown(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value); // Infinity, NaN
  return String(Number(value.toPrecision(digits)));
}

/** What programs write for a reader: a minus sign of the right length, powers of ten, ∞. */
function typeset(text) {
  const power = (_, sign, digits) => `·10${sign === "-" ? "⁻" : ""}${[...digits].map((n) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[n]).join("")}`;
  return text.replace(/e([-+])(\d+)/, power).replace("-", "−").replace("Infinity", "∞");
}

/** A number for a reader. */
const printed = (value, digits = 5) => typeset(shown(value, digits));

/** A factor of a product: negative ones in brackets. */
function factor(value) {
  return value < 0 ? `(${shown(value)})` : shown(value);
}

/** Terms of a sum: a minus in front of a term becomes that between it and the one before. */
function summed(terms) {
  return terms.reduce((sum, term) => (term.startsWith("-") ? `${sum} - ${term.slice(1)}` : `${sum} + ${term}`));
}

const SYMBOL = "(?:delta|eta|exp|ln|[A-Za-z])'?(?:_[A-Za-z0-9]+)?(?:\\^\\([0-9a-z]\\))?";
const TOKEN = new RegExp(
  `(?<ratio>d${SYMBOL}/d${SYMBOL})|(?<half>1/2)|(?<number>\\d+(?:\\.\\d+)?(?:e[-+]?\\d+)?|Infinity|NaN)|\\^(?<power>\\d)` +
  `|(?<differential>d[Exy](?:_\\d)?)|(?<times>(?<=[0-9)]|NaN|Infinity) x (?=[-(0-9lNI]))|(?<word>(?:if|else)\\b)|(?<letter>${SYMBOL})|(?<operator><-|>=|[-+=<(),/])|\\s+`, "gy");
const UPRIGHT_D = '<mi mathvariant="normal">d</mi>';
const LETTERS = { delta: "δ", eta: "η" };
const OPERATORS = { "<-": "←", ">=": "≥", "<": "&lt;", "-": "−" };

function symbol(text) {
  const [, letter, prime, , below, , above] = /^([A-Za-z]+)('?)(_([A-Za-z0-9]+))?(\^(\(.\)))?$/.exec(text);
  const one = `<mi>${LETTERS[letter] ?? letter}</mi>`;
  const base = prime ? `<mrow>${one}<mo>′</mo></mrow>` : one;
  const inside = (part) => `<mrow>${[...part].map((c) => (/\d/.test(c) ? `<mn>${c}</mn>` : /\w/.test(c) ? `<mi>${c}</mi>` : `<mo stretchy="false">${c}</mo>`)).join("")}</mrow>`;
  if (below && above) return `<msubsup>${base}${inside(below)}${inside(above)}</msubsup>`;
  if (below) return `<msub>${base}${inside(below)}</msub>`;
  return above ? `<msup>${base}${inside(above)}</msup>` : base;
}

/** A derivative: partial where the letter below has an index, so is one of several, and for f(x, y). */
function fraction(text) {
  const [above, below] = text.split("/").map((differential) => differential.slice(1));
  const sign = below.includes("_") || above === "f" ? "<mo>∂</mo>" : UPRIGHT_D;
  return `<mfrac><mrow>${sign}${symbol(above)}</mrow><mrow>${sign}${symbol(below)}</mrow></mfrac>`;
}

/** Brackets keep their size; a minus behind another sign belongs to its number. */
function formOf(operator, before) {
  if ("()".includes(operator)) return ' stretchy="false"';
  return operator === "-" && before && before !== ")" ? ' form="prefix"' : "";
}

/** A number; one with a power of ten is written as such. */
function numberOf(text) {
  const [digits, power] = text.split("e");
  if (power === undefined) return text === "Infinity" ? "<mi>∞</mi>" : `<mn>${text}</mn>`;
  const exponent = power.replace("+", "").replace("-", "−");
  return `<mrow><mn>${digits}</mn><mo>·</mo><msup><mn>10</mn><mn>${exponent}</mn></msup></mrow>`;
}

/** A formula that may go on in the next line before a sign outside brackets, for lines in print do not break by themselves. */
function linesOf(formula) {
  let depth = 0, begin = 0;
  const pieces = [];
  for (let place = 0; place < formula.length; place++) {
    depth += formula[place] === "(" ? 1 : formula[place] === ")" ? -1 : 0;
    if (depth === 0 && place > begin && /^ (?:=|<-|\+|-|\/) /.test(formula.slice(place, place + 4))) {
      pieces.push(formula.slice(begin, place));
      begin = place + 1;
    }
  }
  return [...pieces, formula.slice(begin)].map(mathOf).join("<wbr>");
}

/** Presentation MathML of a formula, or of a piece that begins with a sign, in the notation of the steps. */
function mathOf(formula) {
  const parts = [], sign = /^(?:=|<-|\+|-|\/) /.test(formula);
  let place = 0, before = "(";
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(formula); found; found = TOKEN.exec(formula)) {
    const { ratio, half, number, power, differential, times, word, letter, operator } = found.groups;
    place = TOKEN.lastIndex;
    if (ratio) parts.push(fraction(ratio));
    else if (half) parts.push("<mfrac><mn>1</mn><mn>2</mn></mfrac>");
    else if (number) parts.push(numberOf(number));
    else if (power) parts.push(`<msup>${parts.pop()}<mn>${power}</mn></msup>`);
    else if (differential) parts.push(`<mrow>${UPRIGHT_D}${symbol(differential.slice(1))}</mrow>`);
    else if (times) parts.push("<mo>×</mo>");
    else if (word) parts.push(`<mtext>&nbsp;${word}&nbsp;</mtext>`);
    else if (letter) parts.push(symbol(letter));
    else if (operator) parts.push(`<mo${sign && !parts.length ? ' form="infix"' : formOf(operator, before)}>${OPERATORS[operator] ?? operator}</mo>`);
    if (found[0].trim()) before = operator ?? "";
    if (letter === "ln") parts.push('<mspace width="0.17em"></mspace>');
  }
  if (place !== formula.length) throw new Error(`no formula: ${formula}`);
  return `<math displaystyle="true">${parts.join("")}</math>`;
}
