// The network beside the slides: its numbers are edited, its steps are gone through, its tables follow.

const EXAMPLES = read("examples");
const whenNumbersChange = [];
const state = { name: "regression-relu", position: 0, eta: 0.1 };
const byId = (id) => document.getElementById(id);

/** Takes one of the four examples as it was at first. */
function load(name) {
  state.name = name;
  Object.assign(state, structuredClone(EXAMPLES[name]));
  compute();
  buildFields();
}

/** All numbers anew, after anything has changed. The slides follow only this, not each step. */
function compute() {
  state.trace = traceOf(state, state.x, state.d, state.eta);
  state.quotients = quotientsOf(state, state.x, state.d);
  state.steps = stepsOf(state, state.trace, state.quotients);
  state.position = Math.min(state.position, everything());
  whenNumbersChange.forEach((tell) => tell());
}

/** The position behind the last step: all is shown, and nothing highlighted. */
const everything = () => state.steps.length + 1;

/** What has been computed up to the step that is shown. */
function knownQuantities() {
  const done = state.steps.slice(0, state.position);
  return new Set(done.filter((step) => step.part !== "update").map((step) => step.quantity));
}

function goTo(position) {
  state.position = Math.max(0, Math.min(position, everything()));
  show();
}

// ---- What is edited ---------------------------------------------------------------------------------------------------

/** A field for list[place]; the page follows while it is typed into, and keeps the last number that was one. */
function numberField(label, list, place, step = 0.25) {
  const field = element("input", { type: "number", step, value: list[place], "aria-label": label, "data-field": label });
  field.addEventListener("input", () => {
    const good = Number.isFinite(field.valueAsNumber);
    setAttributeIf(field, "aria-invalid", !good, "true");
    byId("no-number").hidden = !document.querySelector("#panel [aria-invalid]");
    if (!good) return;
    list[place] = field.valueAsNumber;
    compute();
    show();
  });
  return field;
}

function buildFields() {
  const line = (letter, list) => list.map((_, i) => {
    const label = formulaIn("label", `${letter}_${i + 1}`);
    label.append(numberField(`${letter}_${i + 1}`, list, i));
    return label;
  });
  byId("inputs").replaceChildren(...line("x", state.x), ...line("d", state.d));
  const rate = formulaIn("label", "eta");
  rate.append(numberField("eta", state, "eta", 0.05));
  byId("inputs").append(rate);
  byId("no-number").hidden = true;
  buildEdges();
  const [problem, activation] = state.name.split("-");
  byId("problem").value = problem;
  byId("activation").value = activation;
}

/** A row for each w and b: its field, dE/dw, the quotient, the value after the step. */
function buildEdges() {
  const rows = [];
  const row = (name, list, place) => rows.push(element("tr", { "data-row": name },
    formulaIn("th", name, { scope: "row" }), element("td", {}, numberField(name, list, place)),
    element("td", { class: "slope", "data-of": "gradient" }), element("td", { "data-of": "quotient" }), element("td", { "data-of": "new" })));
  state.W.forEach((w, layer) => w.forEach((list, j) => {
    list.forEach((_, i) => row(named("w", layer, j + 1, i + 1), list, i));
    row(named("b", layer, j + 1), state.B[layer], j);
  }));
  byId("edges").replaceChildren(...rows);
}

// ---- What is shown ----------------------------------------------------------------------------------------------------

function setNumber(cell, value, visible) {
  cell.textContent = visible ? printed(value, 6) : "?";
  if (visible) cell.dataset.value = value;
  else delete cell.dataset.value;
}

function showEdges(known) {
  const updated = new Set(state.steps.slice(0, state.position).filter((s) => s.part === "update").map((s) => s.quantity));
  const current = state.steps[state.position - 1];
  const fill = (name, gradient, quotient, later) => {
    const row = byId("edges").querySelector(`[data-row="${name}"]`), cell = (of) => row.querySelector(`[data-of=${of}]`);
    row.classList.toggle("hot", [name, `dE/d${name}`].includes(current?.quantity));
    setNumber(cell("gradient"), gradient, known.has(`dE/d${name}`));
    setNumber(cell("quotient"), quotient, true);
    setNumber(cell("new"), later, updated.has(name));
  };
  const { trace, quotients } = state;
  state.W.forEach((w, layer) => w.forEach((list, j) => {
    list.forEach((_, i) => fill(named("w", layer, j + 1, i + 1), trace.dW[layer][j][i], quotients.dW[layer][j][i], trace.newW[layer][j][i]));
    fill(named("b", layer, j + 1), trace.dB[layer][j], quotients.dB[layer][j], trace.newB[layer][j]);
  }));
}

/** A row for each u and y: its value, dE/du or dE/dy, the quotient. */
function showUnits(known) {
  const rows = [], { trace, quotients } = state;
  state.B.forEach((b, layer) => b.forEach((_, j) => {
    for (const [letter, slope, quotient] of [["u", trace.delta, quotients.delta], ["y", trace.dy, quotients.dy]]) {
      const name = named(letter, layer, j + 1), slopeName = letter === "u" ? named("delta", layer, j + 1) : `dE/d${name}`;
      const cells = [["value", trace[letter][layer][j], known.has(name)], ["gradient", slope[layer][j], known.has(slopeName)], ["quotient", quotient[layer][j], true]];
      rows.push(element("tr", { "data-row": name }, formulaIn("th", name, { scope: "row" }), ...cells.map(([of, value, visible]) => {
        const cell = element("td", of === "gradient" ? { "data-of": of, class: "slope" } : { "data-of": of });
        setNumber(cell, value, visible);
        return cell;
      })));
    }
  }));
  byId("units").replaceChildren(...rows);
}

/** A step on lines of its own: formula with letters, with numbers, result, quotient. */
function stepLines(step, withSlides = true) {
  const parts = [];
  if (withSlides) {
    const links = step.slides.flatMap((n, i) => [i ? ", " : "", element("a", { href: `#slide-${n}` }, String(n))]);
    parts.push(element("p", { class: "where" }, element("b", {}, words(`part ${step.part}`)), " · ", words("slide"), " ", ...links));
  }
  parts.push(formulaLines("p", step.formula, { class: "formula" }));
  const same = step.numbers === shown(step.result);
  const said = same && step.formula.endsWith(`= ${step.numbers}`);
  if (!said) parts.push(formulaLines("p", same ? `= ${step.numbers}` : `= ${step.numbers} = ${shown(step.result)}`, { class: "numbers" }));
  if (step.because) parts.push(formulaIn("p", `(${step.because})`, { class: "because" }));
  if (step.quotient !== undefined) parts.push(element("p", { class: "quotient" }, words("by-difference", { number: printed(step.quotient, 6) })));
  return parts;
}

function showStep() {
  const step = state.steps[state.position - 1], place = byId("step-text");
  byId("place").textContent = words("place", { position: Math.min(state.position, state.steps.length), steps: state.steps.length });
  place.dataset.quantity = step?.quantity ?? "";
  place.dataset.value = step?.result ?? "";
  place.replaceChildren(...(step ? stepLines(step) : [element("p", {}, words(state.position ? "complete" : "begin"))]));
  for (const button of document.querySelectorAll("#parts button")) {
    setAttributeIf(button, "aria-current", button.dataset.part === step?.part, "step");
  }
}

/** A hidden u of exactly 0 is where ReLU has a kink: the quotient is then the mean of both slopes. */
function atKink() {
  return state.activation === "relu" && state.trace.u.slice(0, -1).some((u) => u.some((u_j) => Math.abs(u_j) < 1e-5));
}

/** Slide 33 needs teacher signals that add up to 1: else y - d is not the derivative. */
function isNoShare() {
  return state.output === "softmax" && Math.abs(state.d.reduce((sum, d_k) => sum + d_k) - 1) > 1e-9;
}

function show() {
  const known = knownQuantities();
  drawNetwork(byId("picture"), state, state.trace, known, state.steps[state.position - 1]);
  byId("error-now").textContent = printed(state.trace.E, 6);
  byId("overflow").hidden = Number.isFinite(state.trace.E);
  byId("kink").hidden = !atKink();
  byId("no-share").hidden = !isNoShare();
  showEdges(known);
  showUnits(known);
  showStep();
}

/** The parameters after the step of gradient descent become those of the network. */
function takeStep() {
  state.W = state.trace.newW;
  state.B = state.trace.newB;
  compute();
  buildFields();
  goTo(everything());
}

/** On narrow screens the panel is a line below the page until it is unfolded. */
function unfold(open) {
  const button = byId("fold");
  byId("panel").classList.toggle("open", open);
  button.setAttribute("aria-expanded", String(open));
  button.dataset.text = open ? "fold" : "unfold";
  button.textContent = words(button.dataset.text);
}

/** The panel goes to a step, is unfolded, and shows its picture. */
function showStepOf(step) {
  unfold(true);
  byId("panel").scrollTop = 0;
  goTo(state.steps.findIndex((one) => one.quantity === step.quantity && one.formula === step.formula) + 1);
}

function startPanel() {
  const choose = () => { load(`${byId("problem").value}-${byId("activation").value}`); goTo(everything()); };
  byId("problem").addEventListener("change", choose);
  byId("activation").addEventListener("change", choose);
  byId("step").addEventListener("click", () => goTo(state.position < everything() ? state.position + 1 : 1));
  byId("back").addEventListener("click", () => goTo(state.position - 1));
  byId("all").addEventListener("click", () => goTo(everything()));
  byId("reset").addEventListener("click", () => { state.eta = 0.1; load(state.name); goTo(0); });
  byId("take").addEventListener("click", takeStep);
  byId("parts").append(...PARTS.map((part) => {
    const button = element("button", { type: "button", "data-part": part, "data-text": `part ${part}` }, words(`part ${part}`));
    button.addEventListener("click", () => goTo(state.steps.findIndex((step) => step.part === part) + 1));
    return button;
  }));
  byId("fold").addEventListener("click", () => unfold(!byId("panel").classList.contains("open")));
  load(state.name);
  goTo(everything());
  whenLanguageChanges.push(show);
}
