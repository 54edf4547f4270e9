// The steps of one sample in the lecture's order: forward, error, STEP 1, STEP 1.5, STEP 2, update.
// A step is {part, slides, quantity, formula, numbers, result, nodes, edges}: formula with letters, the same with numbers,
// what it gives, and what of the picture it is about; where there is one, `quotient`, the same by differences, and
// `because`, the case that holds. Nodes are "layer-unit", edges "layer-j-i". `fastbp.trace` has the same steps.

const PARTS = ["forward", "error", "STEP 1", "STEP 1.5", "STEP 2", "update"];

/** "w_21^(1)": weights of the first layer carry (1); x has no layer. */
const named = (letter, layer, ...units) => `${letter}_${units.join("")}^(${layer + 1})`;
const inputOf = (layer, i) => (layer === 0 ? `x_${i + 1}` : named("y", layer - 1, i + 1));
const nodeOf = (layer, unit) => `${layer + 1}-${unit + 1}`;
const edgeOf = (layer, j, i) => `${layer + 1}-${j + 1}-${i + 1}`;

const SLIDES_OF = { identity: [5, 32], sigmoid: [5, 35], relu: [5, 36], softmax: [6, 33] };

function forwardSteps(network, trace) {
  const steps = [], last = network.W.length - 1;
  network.W.forEach((w, layer) => {
    const x = layer === 0 ? trace.x : trace.y[layer - 1], slides = [layer < last ? 7 : 8];
    w.forEach((row, j) => {
      const terms = row.map((_, i) => `${named("w", layer, j + 1, i + 1)} ${inputOf(layer, i)}`);
      const products = row.map((w_ji, i) => `${shown(w_ji)} x ${factor(x[i])}`);
      steps.push({
        part: "forward", slides, quantity: named("u", layer, j + 1),
        formula: `${named("u", layer, j + 1)} = ${terms.join(" + ")} + ${named("b", layer, j + 1)}`,
        numbers: summed([...products, shown(network.B[layer][j])]), result: trace.u[layer][j],
        nodes: [nodeOf(layer, j), ...row.map((_, i) => nodeOf(layer - 1, i))], edges: row.map((_, i) => edgeOf(layer, j, i)),
      });
    });
    const activation = layer < last ? network.activation : network.output;
    trace.u[layer].forEach((_, j) => {
      steps.push({
        part: "forward", slides: SLIDES_OF[activation],
        quantity: named("y", layer, j + 1), ...activationText(activation, trace.u[layer], layer, j),
        result: trace.y[layer][j], nodes: [nodeOf(layer, j)], edges: [],
      });
    });
  });
  return steps;
}

function activationText(activation, u, layer, j) {
  const y = named("y", layer, j + 1), u_j = named("u", layer, j + 1);
  if (activation === "sigmoid") return { formula: `${y} = 1 / (1 + exp(-${u_j}))`, numbers: `1 / (1 + exp(-${factor(u[j])}))` };
  if (activation === "relu") {
    const [numbers, because] = u[j] < 0 ? ["0", `${shown(u[j])} < 0`] : [shown(u[j]), `${shown(u[j])} >= 0`];
    return { formula: `${y} = ${u_j} if ${u_j} >= 0 else 0`, numbers, because };
  }
  if (activation === "identity") return { formula: `${y} = ${u_j}`, numbers: shown(u[j]) };
  return {
    formula: `${y} = exp(${u_j}) / (${u.map((_, r) => `exp(${named("u", layer, r + 1)})`).join(" + ")})`,
    numbers: `exp(${shown(u[j])}) / (${u.map((u_r) => `exp(${shown(u_r)})`).join(" + ")})`,
  };
}

function errorStep(network, trace) {
  const last = network.W.length - 1, y = trace.y[last], d = trace.d;
  const text = network.output === "softmax"
    ? {
      formula: `E = -(${y.map((_, r) => `d_${r + 1} ln ${named("y", last, r + 1)}`).join(" + ")})`,
      numbers: `-(${y.map((y_r, r) => `${factor(d[r])} x ln ${shown(y_r)}`).join(" + ")})`,
    }
    : {
      formula: `E = ${y.map((_, r) => `1/2 (${named("y", last, r + 1)} - d_${r + 1})^2`).join(" + ")}`,
      numbers: y.map((y_r, r) => `1/2 x (${shown(y_r)} - ${factor(d[r])})^2`).join(" + "),
    };
  const slides = [9, network.output === "softmax" ? 33 : 32];
  return { part: "error", slides, quantity: "E", ...text, result: trace.E, nodes: y.map((_, k) => nodeOf(last, k)), edges: [] };
}

/** Slides 31-33: delta of the outputs as the general sum, and in short. */
function outputSteps(network, trace, quotients) {
  const last = network.W.length - 1, y = trace.y[last], d = trace.d, soft = network.output === "softmax", steps = [];
  const slide = soft ? 33 : 32, of = (letter, r) => named(letter, last, r + 1);
  const about = (...units) => ({ part: "STEP 1", nodes: units.map((k) => nodeOf(last, k)), edges: [] });
  y.forEach((y_r, r) => steps.push({
    ...about(r), slides: [31, slide], quantity: `dE/d${of("y", r)}`,
    formula: `dE/d${of("y", r)} = ${soft ? `-d_${r + 1} / ${of("y", r)}` : `${of("y", r)} - d_${r + 1}`}`,
    numbers: soft ? `-${factor(d[r])} / ${shown(y_r)}` : `${shown(y_r)} - ${factor(d[r])}`,
    result: trace.dy[last][r], quotient: quotients.dy[last][r],
  }));
  y.forEach((y_r, r) => y.forEach((y_k, k) => {
    if (!soft && r !== k) return; // y_r is no function of u_k
    const letters = !soft ? "1" : r === k ? `${of("y", k)} (1 - ${of("y", k)})` : `-${of("y", r)} ${of("y", k)}`;
    const numbers = !soft ? letters : r === k ? `${shown(y_k)} x (1 - ${shown(y_k)})` : `-${shown(y_r)} x ${shown(y_k)}`;
    const quantity = `d${of("y", r)}/d${of("u", k)}`;
    steps.push({ ...about(...new Set([k, r])), slides: [slide], quantity, formula: `${quantity} = ${letters}`, numbers, result: trace.jacobian[r][k] });
  }));
  const general = outputDeltaGeneral(trace.dy[last], trace.jacobian);
  y.forEach((y_k, k) => {
    steps.push({
      ...about(k), slides: [31], quantity: of("delta", k), result: general[k], quotient: quotients.delta[last][k],
      formula: `${of("delta", k)} = ${y.map((_, r) => `dE/d${of("y", r)} d${of("y", r)}/d${of("u", k)}`).join(" + ")}`,
      numbers: summed(y.map((_, r) => `${shown(trace.dy[last][r])} x ${factor(trace.jacobian[r][k])}`)),
    });
  });
  y.forEach((y_k, k) => {
    steps.push({
      ...about(k), slides: [slide], quantity: of("delta", k), formula: `${of("delta", k)} = ${of("y", k)} - d_${k + 1}`,
      numbers: `${shown(y_k)} - ${factor(d[k])}`, result: trace.delta[last][k], quotient: quotients.delta[last][k],
    });
  });
  return steps;
}

/** Gradients of a layer: STEP 1 for the last, STEP 2 for those before. */
function gradientSteps(network, trace, quotients, layer) {
  const first = layer === network.W.length - 1, part = first ? "STEP 1" : "STEP 2", steps = [];
  const x = layer === 0 ? trace.x : trace.y[layer - 1];
  trace.delta[layer].forEach((delta, j) => {
    const delta_j = named("delta", layer, j + 1);
    x.forEach((x_i, i) => {
      const quantity = `dE/d${named("w", layer, j + 1, i + 1)}`;
      steps.push({
        part, slides: first ? [21, 22] : [26, 27], quantity, formula: `${quantity} = ${delta_j} ${inputOf(layer, i)}`,
        numbers: `${shown(delta)} x ${factor(x_i)}`, result: trace.dW[layer][j][i], quotient: quotients.dW[layer][j][i],
        nodes: [nodeOf(layer, j), nodeOf(layer - 1, i)], edges: [edgeOf(layer, j, i)],
      });
    });
  });
  trace.delta[layer].forEach((delta, j) => {
    const quantity = `dE/d${named("b", layer, j + 1)}`;
    steps.push({
      part, slides: first ? [23, 24] : [28, 29], quantity, formula: `${quantity} = ${named("delta", layer, j + 1)}`, numbers: shown(delta),
      result: trace.dB[layer][j], quotient: quotients.dB[layer][j], nodes: [nodeOf(layer, j)], edges: [],
    });
  });
  return steps;
}

/** STEP 1.5, then h' and delta of STEP 2 of a hidden layer (slides 25, 34-36). */
function hiddenSteps(network, trace, quotients, layer) {
  const w = network.W[layer + 1], delta = trace.delta[layer + 1], sums = [], derivatives = [], deltas = [];
  const sigmoidal = network.activation === "sigmoid", slide = sigmoidal ? 35 : 36;
  trace.dy[layer].forEach((dy_j, j) => {
    const quantity = `dE/d${named("y", layer, j + 1)}`, u_j = named("u", layer, j + 1), y_j = named("y", layer, j + 1);
    sums.push({
      part: "STEP 1.5", slides: [25], quantity, result: dy_j, quotient: quotients.dy[layer][j],
      formula: `${quantity} = ${delta.map((_, k) => `${named("delta", layer + 1, k + 1)} ${named("w", layer + 1, k + 1, j + 1)}`).join(" + ")}`,
      numbers: summed(delta.map((delta_k, k) => `${shown(delta_k)} x ${factor(w[k][j])}`)),
      nodes: [nodeOf(layer, j), ...delta.map((_, k) => nodeOf(layer + 1, k))], edges: delta.map((_, k) => edgeOf(layer + 1, k, j)),
    });
    const u = trace.u[layer][j], y = trace.y[layer][j], dh = trace.dh[layer][j];
    derivatives.push({
      part: "STEP 2", slides: [slide], quantity: `h'(${u_j})`, result: dh, nodes: [nodeOf(layer, j)], edges: [],
      formula: `h'(${u_j}) = ${sigmoidal ? `${y_j} (1 - ${y_j})` : `1 if ${u_j} >= 0 else 0`}`,
      numbers: sigmoidal ? `${shown(y)} x (1 - ${shown(y)})` : `${dh}`,
      because: sigmoidal ? undefined : `${shown(u)} ${u >= 0 ? ">= 0" : "< 0"}`,
    });
    deltas.push({
      part: "STEP 2", slides: [34, slide], quantity: named("delta", layer, j + 1), result: trace.delta[layer][j],
      quotient: quotients.delta[layer][j], formula: `${named("delta", layer, j + 1)} = ${quantity} h'(${u_j})`,
      numbers: `${shown(dy_j)} x ${factor(dh)}`, nodes: [nodeOf(layer, j)], edges: [],
    });
  });
  return [...sums, ...derivatives, ...deltas];
}

function updateSteps(network, trace) {
  const steps = [], eta = shown(trace.eta);
  const step = (quantity, old, slope, result, nodes, edges) => steps.push({
    part: "update", slides: [12], quantity, formula: `${quantity} <- ${quantity} - eta dE/d${quantity}`,
    numbers: `${shown(old)} - ${eta} x ${factor(slope)}`, result, nodes, edges,
  });
  network.W.forEach((w, layer) => {
    w.forEach((row, j) => row.forEach((w_ji, i) => {
      step(named("w", layer, j + 1, i + 1), w_ji, trace.dW[layer][j][i], trace.newW[layer][j][i], [], [edgeOf(layer, j, i)]);
    }));
    network.B[layer].forEach((b_j, j) => step(named("b", layer, j + 1), b_j, trace.dB[layer][j], trace.newB[layer][j], [nodeOf(layer, j)], []));
  });
  return steps;
}

/** All steps of a sample in the lecture's order. */
function stepsOf(network, trace, quotients) {
  const last = network.W.length - 1;
  const steps = [...forwardSteps(network, trace), errorStep(network, trace), ...outputSteps(network, trace, quotients)];
  for (let layer = last; layer >= 0; layer--) {
    if (layer < last) steps.push(...hiddenSteps(network, trace, quotients, layer));
    steps.push(...gradientSteps(network, trace, quotients, layer));
  }
  return [...steps, ...updateSteps(network, trace)];
}
