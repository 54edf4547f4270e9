// The lecture's formulas as index loops in double precision: pure functions, one for each formula.
// A network is {sizes, activation, output, W, B}; W[layer][j][i] leads from unit i to unit j.

/** u_j = sum_i w_ji x_i + b_j (slides 7, 8). */
function weightedSum(x, w, b) {
  const u = [];
  for (let j = 0; j < w.length; j++) {
    let total = b[j];
    for (let i = 0; i < x.length; i++) total += w[j][i] * x[i];
    u[j] = total;
  }
  return u;
}

/** y_j = 1 / (1 + exp(-u_j)) (slides 5, 35); the exponential is at most 1, so it cannot overflow. */
function sigmoid(u) {
  return u.map((a) => {
    const e = Math.exp(-Math.abs(a));
    return (a >= 0 ? 1 : e) / (1 + e);
  });
}

/** y_j = u_j if u_j >= 0 else 0 (slides 5, 36). */
function relu(u) {
  return u.map((a) => (a < 0 ? 0 : a));
}

/** y_k = exp(u_k) / sum_r exp(u_r) (slides 6, 33), reduced by exp(max u). */
function softmax(u) {
  const top = Math.max(...u);
  const y = u.map((a) => Math.exp(a - top));
  let total = 0;
  for (let r = 0; r < y.length; r++) total += y[r];
  return y.map((a) => a / total);
}

const ACTIVATIONS = { identity: (u) => u.slice(), sigmoid, relu, softmax };

/** h'(u_j): y_j (1 - y_j), or 1 if u_j >= 0 else 0 (slides 35, 36). */
function derivative(activation, u, y) {
  return u.map((a, j) => (activation === "sigmoid" ? y[j] * (1 - y[j]) : a >= 0 ? 1 : 0));
}

/** dy_r/du_k: for softmax y_k (1 - y_k) and -y_r y_k (slide 33), else 1 and 0 (slide 32). */
function outputJacobian(output, y) {
  return y.map((y_r, r) => y.map((y_k, k) => {
    if (output !== "softmax") return r === k ? 1 : 0;
    return r === k ? y_k * (1 - y_k) : -y_r * y_k;
  }));
}

/** E = 1/2 sum_r (y_r - d_r)^2 (slides 9, 32). */
function squaredError(y, d) {
  let total = 0;
  for (let r = 0; r < y.length; r++) total += (y[r] - d[r]) * (y[r] - d[r]);
  return 0.5 * total;
}

/** E = -sum_r d_r ln y_r (slides 9, 33), ln y_r from u, because y_r itself may be rounded to 0. */
function crossEntropy(u, y, d) {
  const top = Math.max(...u), lnSum = -Math.log(Math.max(...y));
  let total = 0;
  for (let r = 0; r < u.length; r++) total -= d[r] * (u[r] - top - lnSum);
  return total;
}

/** dE/dy_r: y_r - d_r (slide 32) or -d_r / y_r (slide 33). */
function errorDerivative(output, y, d) {
  return y.map((y_r, r) => (output === "softmax" ? -d[r] / y_r : y_r - d[r]));
}

/** delta_k = y_k - d_k, in regression and in classification (slides 32, 33). */
function outputDelta(y, d) {
  return y.map((y_k, k) => y_k - d[k]);
}

/** delta_k = sum_r dE/dy_r dy_r/du_k (slide 31). */
function outputDeltaGeneral(dy, jacobian) {
  return dy.map((_, k) => {
    let total = 0;
    for (let r = 0; r < dy.length; r++) total += dy[r] * jacobian[r][k];
    return total;
  });
}

/** dE/dw_ji = delta_j x_i (slides 21, 22, 26, 27). */
function weightGradient(delta, x) {
  return delta.map((delta_j) => x.map((x_i) => delta_j * x_i));
}

/** dE/dy_j = sum_k delta_k w_kj (slide 25). */
function backwardSum(delta, w) {
  const dy = [];
  for (let j = 0; j < w[0].length; j++) {
    dy[j] = 0;
    for (let k = 0; k < w.length; k++) dy[j] += delta[k] * w[k][j];
  }
  return dy;
}

/** delta_j = dE/dy_j h'(u_j) (slide 34). */
function hiddenDelta(dy, dh) {
  return dy.map((dy_j, j) => dy_j * dh[j]);
}

/** w <- w - eta dE/dw (slide 12), of a matrix. */
function gradientStep(w, dw, eta) {
  return w.map((row, j) => row.map((w_ji, i) => w_ji - eta * dw[j][i]));
}

/** u and y of each layer (slides 7, 8). `nudge` {letter, layer, unit, by} moves one u or y, for a difference. */
function forward(network, x, nudge = null) {
  const u = [], y = [];
  let sending = x;
  network.W.forEach((w, layer) => {
    const last = layer === network.W.length - 1;
    u[layer] = weightedSum(sending, w, network.B[layer]);
    if (nudge && nudge.layer === layer && nudge.letter === "u") u[layer][nudge.unit] += nudge.by;
    y[layer] = ACTIVATIONS[last ? network.output : network.activation](u[layer]);
    if (nudge && nudge.layer === layer && nudge.letter === "y") y[layer][nudge.unit] += nudge.by;
    sending = y[layer];
  });
  return { u, y };
}

/** E of a sample that has passed `forward`. An output y that was moved by itself has no u: then ln y is taken of y. */
function errorOf(network, pass, d, ofOutputs = false) {
  const last = network.W.length - 1, u = pass.u[last], y = pass.y[last];
  if (network.output !== "softmax") return squaredError(y, d);
  if (!ofOutputs) return crossEntropy(u, y, d);
  let total = 0;
  for (let r = 0; r < y.length; r++) total -= d[r] * Math.log(y[r]);
  return total;
}

/** STEP 1, 1.5 and 2: all quantities of the way back, a list for each layer (slides 21-36). */
function backward(network, x, d, pass) {
  const last = network.W.length - 1, dy = [], dh = [], delta = [], dW = [], dB = [];
  dy[last] = errorDerivative(network.output, pass.y[last], d);
  delta[last] = outputDelta(pass.y[last], d);
  for (let layer = last; layer >= 0; layer--) {
    if (layer < last) {
      dy[layer] = backwardSum(delta[layer + 1], network.W[layer + 1]);
      dh[layer] = derivative(network.activation, pass.u[layer], pass.y[layer]);
      delta[layer] = hiddenDelta(dy[layer], dh[layer]);
    }
    dW[layer] = weightGradient(delta[layer], layer > 0 ? pass.y[layer - 1] : x);
    dB[layer] = delta[layer].slice();
  }
  return { dy, dh, delta, dW, dB, jacobian: outputJacobian(network.output, pass.y[last]) };
}

/** Every number of one sample, and the parameters after a step of size eta. */
function traceOf(network, x, d, eta) {
  const pass = forward(network, x), back = backward(network, x, d, pass);
  return {
    x, d, eta, ...pass, ...back,
    E: errorOf(network, pass, d),
    newW: network.W.map((w, layer) => gradientStep(w, back.dW[layer], eta)),
    newB: network.B.map((b, layer) => gradientStep([b], [back.dB[layer]], eta)[0]),
  };
}

const PRECISION = 2 ** -52;

/** How far to go for a difference: the error of the formula and that of the rounding are alike. */
function stepFrom(middle) {
  return Math.cbrt(PRECISION) * Math.max(Math.abs(middle), 1);
}

/** dE/dw or dE/db by two forward passes, (E(w + dx) - E(w - dx)) / 2dx (slides 13-17): list[place] is w. */
function quotientOfParameter(network, x, d, list, place) {
  const middle = list[place], dx = stepFrom(middle);
  list[place] = middle + dx;
  const above = errorOf(network, forward(network, x), d);
  list[place] = middle - dx;
  const below = errorOf(network, forward(network, x), d);
  list[place] = middle;
  return (above - below) / (2 * dx);
}

/** dE/du or dE/dy of one unit in the same way: everything behind it is computed anew. */
function quotientOfUnit(network, x, d, letter, layer, unit) {
  const dx = stepFrom(forward(network, x)[letter][layer][unit]);
  const ofOutputs = letter === "y" && layer === network.W.length - 1;
  const at = (by) => errorOf(network, forward(network, x, { letter, layer, unit, by }), d, ofOutputs);
  return (at(dx) - at(-dx)) / (2 * dx);
}

/** All quotients, in the shapes of dW, dB, dE/dy and delta. */
function quotientsOf(network, x, d) {
  const ofUnits = (letter) => network.B.map((b, layer) => b.map((_, j) => quotientOfUnit(network, x, d, letter, layer, j)));
  return {
    dW: network.W.map((w) => w.map((row) => row.map((_, i) => quotientOfParameter(network, x, d, row, i)))),
    dB: network.B.map((b) => b.map((_, j) => quotientOfParameter(network, x, d, b, j))),
    dy: ofUnits("y"),
    delta: ofUnits("u"),
  };
}
