// XOR: a 2-4-1 network is trained by the same functions, a step of gradient descent for each sample.

const XOR = { X: [[0, 0], [0, 1], [1, 0], [1, 1]], D: [[0], [1], [1], [0]] };
const GRID = 60; // cells of the picture in each direction
const training = { network: null, errors: [], eta: 0.2, timer: null };

/** Numbers between -1 and 1 that are the same on every machine. */
function* fixedNumbers(seed) {
  for (let n = seed; ; ) {
    n = (Math.imul(n, 1664525) + 1013904223) >>> 0;
    yield n / 2 ** 31 - 1;
  }
}

function freshNetwork() {
  const numbers = fixedNumbers(7), row = (size, scale) => Array.from({ length: size }, () => scale * numbers.next().value);
  return {
    sizes: [2, 4, 1], activation: "sigmoid", output: "identity",
    W: [Array.from({ length: 4 }, () => row(2, 3)), [row(4, 1)]], B: [row(4, 1), row(1, 0.5)],
  };
}

/** An epoch: forward, backward and a step for each of the samples; the mean error before their steps (slide 12). */
function epoch(network, X, D, eta) {
  let total = 0;
  X.forEach((x, s) => {
    const trace = traceOf(network, x, D[s], eta);
    total += trace.E;
    network.W = trace.newW;
    network.B = trace.newB;
  });
  return total / X.length;
}

const outputOf = (x) => forward(training.network, x).y[1][0];

/** Regions from y = 0, blue, to y = 1, orange; the four samples on top. */
function drawRegions(canvas) {
  const paint = canvas.getContext("2d"), size = canvas.width, cell = size / GRID;
  for (let a = 0; a < GRID; a++) {
    for (let b = 0; b < GRID; b++) {
      const y = outputOf([-0.25 + (1.5 * (a + 0.5)) / GRID, 1.25 - (1.5 * (b + 0.5)) / GRID]);
      const share = Math.min(Math.max(y, 0), 1);
      paint.fillStyle = `rgb(${Math.round(86 + 150 * share)} ${Math.round(137 + 27 * share)} ${Math.round(196 - 105 * share)})`;
      paint.fillRect(Math.floor(a * cell), Math.floor(b * cell), Math.ceil(cell), Math.ceil(cell));
    }
  }
  XOR.X.forEach(([x_1, x_2], s) => {
    paint.beginPath();
    paint.arc((size * (x_1 + 0.25)) / 1.5, (size * (1.25 - x_2)) / 1.5, 13, 0, 2 * Math.PI);
    paint.fillStyle = XOR.D[s][0] ? "#ffffff" : "#1b1f24";
    paint.fill();
    paint.lineWidth = 2;
    paint.strokeStyle = XOR.D[s][0] ? "#1b1f24" : "#ffffff";
    paint.stroke();
    paint.fillStyle = XOR.D[s][0] ? "#1b1f24" : "#ffffff";
    paint.font = "14px sans-serif";
    paint.textAlign = "center";
    paint.textBaseline = "middle";
    paint.fillText(String(XOR.D[s][0]), (size * (x_1 + 0.25)) / 1.5, (size * (1.25 - x_2)) / 1.5 + 1);
  });
}

/** The mean error of each epoch, from the first on. */
function drawErrors() {
  const { errors } = training, most = Math.max(...errors, 0.01);
  const curve = (n) => errors[Math.min(Math.round(n), errors.length - 1)];
  const parts = errors.length > 1 ? [{ curve }] : [];
  const said = errors.length ? words("errors", { epochs: errors.length, error: printed(errors.at(-1), 4) }) : words("no epoch");
  const svg = graph([0, Math.max(errors.length - 1, 1), 0, 1.05 * most], parts, said);
  byId("errors").replaceChildren(svg, element("p", {}, said));
}

function showTraining() {
  drawRegions(byId("regions"));
  drawErrors();
  const outputs = XOR.X.map(outputOf);
  byId("outputs").replaceChildren(...XOR.X.map((x, s) => {
    const right = outputs[s] > 0.5 === (XOR.D[s][0] === 1), cell = element("td", {}, printed(outputs[s], 4));
    cell.dataset.value = outputs[s];
    return element("tr", {}, element("td", {}, String(x[0])), element("td", {}, String(x[1])), element("td", {}, String(XOR.D[s][0])),
      cell, element("td", {}, words(right ? "right" : "wrong")));
  }));
  byId("regions").setAttribute("aria-label", `${words("regions")}: ${XOR.X.map((x, s) => `(${x}) → ${shown(outputs[s])}`).join(", ")}`);
}

function train(epochs) {
  for (let n = 0; n < epochs; n++) training.errors.push(epoch(training.network, XOR.X, XOR.D, training.eta));
  showTraining();
}

function pause() {
  clearInterval(training.timer);
  training.timer = null;
  byId("play").setAttribute("aria-pressed", "false");
}

/** Ten epochs a picture; in larger and rarer steps for readers who want little motion. */
function play() {
  if (training.timer) return pause();
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  training.timer = setInterval(() => train(calm ? 200 : 10), calm ? 2000 : 60);
  return byId("play").setAttribute("aria-pressed", "true");
}

function startTraining() {
  const fresh = () => { Object.assign(training, { network: freshNetwork(), errors: [] }); showTraining(); };
  byId("epoch-1").addEventListener("click", () => train(1));
  byId("epochs-100").addEventListener("click", () => train(100));
  byId("play").addEventListener("click", play);
  byId("fresh").addEventListener("click", () => { pause(); fresh(); });
  byId("rate").addEventListener("input", () => {
    const rate = byId("rate").valueAsNumber, good = rate > 0 && rate <= 1;
    setAttributeIf(byId("rate"), "aria-invalid", !good, "true");
    byId("bad-rate").hidden = good;
    if (good) training.eta = rate;
  });
  fresh();
  whenLanguageChanges.push(showTraining);
}
