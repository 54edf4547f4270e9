// What moves beside a slide: its demonstration, or the steps of the network that are about it.

const SIMILAR = { 10: [9], 11: [7, 8], 30: [21, 22, 23, 24, 26, 27, 28, 29], 37: [9], 38: [21, 22, 23, 24], 39: [26, 27, 28, 29], 40: [26, 27, 28, 29] };
const ONLY_FOR = { 6: "classification", 32: "regression", 33: "classification", 35: "sigmoid", 36: "relu", 39: "sigmoid", 40: "relu" };

/** A slider with its number, which calls `changed` with the number. */
function slider({ letter, value, least, most, step }, changed) {
  const range = element("input", { type: "range", min: least, max: most, step, value });
  const number = element("output", {}, printed(value));
  const label = formulaIn("label", letter);
  range.setAttribute("aria-label", letter);
  range.addEventListener("input", () => {
    number.textContent = printed(range.valueAsNumber);
    changed(range.valueAsNumber);
  });
  label.append(range, number);
  return label;
}

function rowsOf(rows) {
  const lines = rows.map(([formula, number]) => {
    const cell = element("td", {}, printed(number, 7));
    cell.dataset.value = number;
    return element("tr", {}, formulaIn("th", formula, { scope: "row" }), cell);
  });
  return element("div", { class: "wide" }, element("table", { class: "rows" }, element("tbody", {}, ...lines)));
}

function tableOf({ head, lines, names }) {
  const top = element("tr", {}, ...head.map((formula) => formulaIn("th", formula, { scope: "col" })));
  const body = lines.map((numbers, n) => element("tr", {}, ...numbers.map((number, place) => (
    place === 0 && names ? formulaIn("td", `${names[n]} = ${shown(number)}`) : element("td", {}, printed(number, 7))))));
  return element("div", { class: "wide" }, element("table", {}, element("thead", {}, top), element("tbody", {}, ...body)));
}

/** Sliders above, what becomes of them below. */
function demonstrate(place, name) {
  const { inputs, show: showValues, about } = DEMONSTRATIONS[name];
  const values = Object.fromEntries(inputs.map(({ letter, value }) => [letter, value]));
  const result = element("div", { class: "result blank" }); // it says what the slide leaves blank
  const draw = () => {
    const { said, rows, table, picture } = showValues(values), numbers = element("div", {});
    if (table) numbers.append(tableOf(table));
    if (rows) numbers.append(rowsOf(rows));
    if (said) numbers.append(element("p", { "aria-live": "polite" }, said));
    result.replaceChildren(numbers, ...(picture ? [picture] : []));
  };
  const sliders = element("div", { class: "sliders" }, ...inputs.map((one) => slider(one, (value) => { values[one.letter] = value; draw(); })));
  place.append(...(about ? [formulaIn("p", about, { class: "about" })] : []), sliders, result);
  draw();
  whenLanguageChanges.push(draw);
}

/** The steps about a slide with the numbers of the network as it is now; each can be shown in the network. */
function showSteps(place, number) {
  const wanted = ONLY_FOR[number];
  const other = Boolean(wanted) && !state.name.split("-").includes(wanted);
  place.classList.toggle("other", other);
  if (other) {
    const button = element("button", { type: "button" }, words(`switch to ${wanted}`));
    button.addEventListener("click", () => {
      const [problem, activation] = state.name.split("-");
      load(["regression", "classification"].includes(wanted) ? `${wanted}-${activation}` : `${problem}-${wanted}`);
      goTo(everything());
      showSteps(place, number);
      place.querySelector("button")?.focus({ preventScroll: true });
    });
    place.replaceChildren(element("p", {}, words("other network")), button);
    return;
  }
  const slides = SIMILAR[number] ?? [number];
  const steps = state.steps.filter((step) => step.slides.some((n) => slides.includes(n)));
  const lines = steps.map((step) => {
    const button = element("button", { type: "button", class: "show", "aria-label": `${words("show")}: ${step.quantity}`, title: words("show") }, "→");
    button.addEventListener("click", () => showStepOf(step));
    return element("li", {}, element("div", { class: "line" }, ...stepLines(step, false)), button);
  });
  const focused = [...place.querySelectorAll("button")].indexOf(document.activeElement);
  const list = place.querySelector(".blank") ?? element("div", { class: "blank" }); // one that is open stays open
  list.replaceChildren(element("ul", { class: "steps" }, ...lines));
  place.replaceChildren(element("p", { class: "of-now" }, words("of now")), list);
  coverBlank(list);
  if (focused >= 0) place.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
}

/** The network worked out by hand, all of it, before the first slide. */
function showByHand() {
  const network = read("by-hand-network"), place = byId("by-hand-steps");
  const trace = traceOf(network, network.x, network.d, 0.1), quotients = quotientsOf(network, network.x, network.d);
  const steps = stepsOf(network, trace, quotients);
  const known = new Set(steps.filter((step) => step.part !== "update").map((step) => step.quantity));
  drawNetwork(byId("by-hand-picture"), network, trace, known);
  place.replaceChildren(...PARTS.flatMap((part) => {
    const lines = steps.filter((step) => step.part === part).map((step) => element("li", { class: "line" }, ...stepLines(step, false)));
    const list = element("div", { class: "blank" }, element("ol", { class: "by-hand" }, ...lines));
    coverBlank(list);
    return [element("h3", {}, words(`part ${part}`)), list];
  }));
}

/** Slides in sight follow each key; those out of sight follow one by one, when no key has come for a while. */
function follow(drawings) {
  const stale = new Set();
  let waiting = null;
  const inSight = (place) => {
    const { top, bottom } = place.getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  };
  const next = () => {
    const [draw] = stale;
    stale.delete(draw);
    draw?.();
    waiting = stale.size ? setTimeout(next) : null;
  };
  whenNumbersChange.push(() => {
    const now = [...drawings].filter(([place]) => inSight(place)); // asked before anything is drawn, so only once laid out
    drawings.forEach((draw) => stale.add(draw));
    now.forEach(([, draw]) => { stale.delete(draw); draw(); });
    clearTimeout(waiting);
    waiting = setTimeout(next, 150);
  });
  window.addEventListener("beforeprint", () => { stale.forEach((draw) => draw()); stale.clear(); });
}

function startSlides() {
  const drawings = new Map();
  for (const place of document.querySelectorAll("[data-demo]")) {
    const number = Number(place.dataset.slide), name = place.dataset.demo;
    if (DEMONSTRATIONS[name]) {
      demonstrate(place, name);
    } else {
      const draw = () => showSteps(place, number);
      draw();
      drawings.set(place, draw);
      whenLanguageChanges.push(draw);
    }
  }
  follow(drawings);
  showByHand();
  whenLanguageChanges.push(showByHand);
}
