// The numeric demonstrations of the slides. Each is {inputs, show}: what is moved, and what becomes of it.
// `show(values)` gives rows [formula, number] and, where it helps, a picture.

const cubic = (x) => x ** 3 / 3 - x, slopeOfCubic = (x) => x * x - 1;
const surface = (x, y) => x * x * y / 2 + y * y / 2; // z: dz/dx = x y, dz/dy = x^2 / 2 + y
const input = (letter, value, least, most, step = 0.1) => ({ letter, value, least, most, step });
const CUBIC_RANGE = [-2.6, 2.6, -2.4, 2.4];

function curveWith(x, slope, points) {
  const parts = [{ curve: cubic }, { line: [x, cubic(x), slope], kind: "slope-line" }, { points }];
  return graph(CUBIC_RANGE, parts, words("graph", { x: shown(x), y: shown(cubic(x)), slope: shown(slope) }));
}

/** Slide 13: the difference quotient is the slope of a secant. */
function showQuotientOf({ x, dx }) {
  const rise = cubic(x + dx) - cubic(x), slope = rise / dx;
  return {
    rows: [["f(x)", cubic(x)], ["f(x + dx)", cubic(x + dx)], ["f(x + dx) - f(x)", rise], ["(f(x + dx) - f(x)) / dx", slope]],
    picture: curveWith(x, slope, [[x, cubic(x)], [x + dx, cubic(x + dx)]]),
  };
}

/** Slide 14: dx goes to 0; beside it the central quotient, which is nearer. */
function showLimit({ x }) {
  const table = [0.5, 0.1, 0.01, 0.001, 0.0001].map((dx) => [
    dx, (cubic(x + dx) - cubic(x)) / dx, (cubic(x + dx) - cubic(x - dx)) / (2 * dx),
  ]);
  return {
    table: { head: ["dx", "(f(x + dx) - f(x)) / dx", "(f(x + dx) - f(x - dx)) / (2 dx)"], lines: table },
    rows: [["f'(x) = x^2 - 1", slopeOfCubic(x)]],
    picture: curveWith(x, slopeOfCubic(x), [[x, cubic(x)]]),
  };
}

/** Slide 15: the derivative is the slope of the tangent. */
function showSlope({ x }) {
  const slope = slopeOfCubic(x);
  return { rows: [["f(x) = x^3/3 - x", cubic(x)], ["f'(x) = x^2 - 1", slope]], picture: curveWith(x, slope, [[x, cubic(x)]]) };
}

/** Slides 16 and 17: one variable moves, the other stays. */
function showPartial(letter) {
  return ({ x, y, [`d${letter}`]: change }) => {
    const at = (by) => (letter === "x" ? surface(x + by, y) : surface(x, y + by));
    const slope = letter === "x" ? x * y : x * x / 2 + y, moved = letter === "x" ? x : y;
    const moving = letter === "x" ? "f(x + dx, y)" : "f(x, y + dy)";
    const curve = (v) => (letter === "x" ? surface(v, y) : surface(x, v));
    return {
      rows: [["f(x, y)", surface(x, y)], [moving, at(change)], [`(${moving} - f(x, y)) / d${letter}`, (at(change) - at(0)) / change],
        [letter === "x" ? "df/dx = x y" : "df/dy = x^2/2 + y", slope]],
      picture: graph([-2.4, 2.4, -3, 5], [{ curve }, { line: [moved, at(0), slope], kind: "slope-line" }, { points: [[moved, at(0)]] }],
        words("graph", { x: shown(moved), y: shown(at(0)), slope: shown(slope) })),
    };
  };
}

/** Slide 18: dE from both partial derivatives, beside the real difference. E = 1/2 y_1^2 + y_1 y_2. */
function showTotal({ y_1, y_2, dy_1, dy_2 }) {
  const E = (a, b) => a * a / 2 + a * b, one = y_1 + y_2, two = y_1;
  const real = E(y_1 + dy_1, y_2 + dy_2) - E(y_1, y_2), total = one * dy_1 + two * dy_2;
  return {
    rows: [["dE/dy_1 = y_1 + y_2", one], ["dE/dy_2 = y_1", two], ["dE = dE/dy_1 dy_1 + dE/dy_2 dy_2", total],
      ["E(y_1 + dy_1, y_2 + dy_2) - E(y_1, y_2)", real]],
  };
}

/** Slide 19: E = 1/2 (y - 1)^2, y = x^2. */
function showChainOfOne({ x }) {
  const E = (a) => (a * a - 1) ** 2 / 2, y = x * x, dx = stepFrom(x);
  return {
    rows: [["y = x^2", y], ["dE/dy = y - 1", y - 1], ["dy/dx = 2 x", 2 * x], ["dE/dx = dE/dy dy/dx", (y - 1) * 2 * x],
      ["(E(x + dx) - E(x - dx)) / (2 dx)", (E(x + dx) - E(x - dx)) / (2 * dx)]],
    picture: graph([-2, 2, -0.6, 4], [{ curve: E }, { line: [x, E(x), (y - 1) * 2 * x], kind: "slope-line" }, { points: [[x, E(x)]] }],
      words("graph", { x: shown(x), y: shown(E(x)), slope: shown((y - 1) * 2 * x) })),
  };
}

/** Slide 20: E = 1/2 (y_1^2 + y_2^2 + y_3^2), y_1 = x^2, y_2 = 1 - x, y_3 = 2 x. */
function showChainOfMany({ x }) {
  const yOf = (a) => [a * a, 1 - a, 2 * a], E = (a) => squaredError(yOf(a), [0, 0, 0]);
  const y = yOf(x), slopes = [2 * x, -1, 2], dx = stepFrom(x);
  const total = y[0] * slopes[0] + y[1] * slopes[1] + y[2] * slopes[2];
  const names = ["y_1 = x^2", "y_2 = 1 - x", "y_3 = 2 x"];
  return {
    table: {
      head: ["y_r", "dE/dy_r = y_r", "dy_r/dx", "dE/dy_r dy_r/dx"], names,
      lines: y.map((y_r, r) => [y_r, y_r, slopes[r], y_r * slopes[r]]),
    },
    rows: [["dE/dx = dE/dy_1 dy_1/dx + dE/dy_2 dy_2/dx + dE/dy_3 dy_3/dx", total],
      ["(E(x + dx) - E(x - dx)) / (2 dx)", (E(x + dx) - E(x - dx)) / (2 * dx)]],
  };
}

/** Slides 1-4: a matrix has a row for each receiving unit. */
function showShapes({ l, m, n }) {
  return {
    said: words("shapes", { w1: `${m} × ${l}`, b1: `${m} × 1`, w2: `${n} × ${m}`, b2: `${n} × 1`, number: m * (l + 1) + n * (m + 1) }),
  };
}

/** Slide 12: what the analytic gradient saves. */
function showCost({ l, m, n }) {
  const parameters = m * (l + 1) + n * (m + 1);
  return { said: words("cost", { parameters: printed(parameters, 9), passes: printed(2 * parameters, 9) }) };
}

/** Slide 6: one u moves, and all y change. */
function showSoftmax({ u_1, u_2, u_3 }) {
  const y = softmax([u_1, u_2, u_3]);
  return {
    rows: y.map((y_k, k) => [`y_${k + 1} = exp(u_${k + 1}) / (exp(u_1) + exp(u_2) + exp(u_3))`, y_k]),
    picture: bars(y, y.map((y_k, k) => `y_${k + 1} = ${shown(y_k)}`).join(", ")),
  };
}

const SIZES = [input("l", 3, 1, 1000, 1), input("m", 2, 1, 1000, 1), input("n", 1, 1, 1000, 1)];
const ofX = (value) => input("x", value, -2, 2), ofY = (value) => input("y", value, -2, 2);
const DEMONSTRATIONS = {
  shapes: { inputs: SIZES, show: showShapes },
  softmax: { inputs: [input("u_1", 1, -5, 5), input("u_2", 0, -5, 5), input("u_3", -1, -5, 5)], show: showSoftmax },
  cost: { inputs: [input("l", 64, 1, 1000, 1), input("m", 128, 1, 1000, 1), input("n", 10, 1, 1000, 1)], show: showCost },
  quotient: { inputs: [ofX(1), input("dx", 0.8, 0.05, 1, 0.05)], show: showQuotientOf, about: "f(x) = x^3/3 - x" },
  limit: { inputs: [ofX(1.5)], show: showLimit, about: "f(x) = x^3/3 - x" },
  slope: { inputs: [ofX(-1.5)], show: showSlope },
  partial_x: { inputs: [ofX(1), ofY(1.5), input("dx", 0.1, 0.01, 1, 0.01)], show: showPartial("x"), about: "f(x, y) = x^2 y/2 + y^2/2" },
  partial_y: { inputs: [ofX(1), ofY(-1), input("dy", 0.1, 0.01, 1, 0.01)], show: showPartial("y"), about: "f(x, y) = x^2 y/2 + y^2/2" },
  total: {
    inputs: [input("y_1", 1, -2, 2), input("y_2", 0.5, -2, 2), input("dy_1", 0.1, -0.5, 0.5, 0.01), input("dy_2", 0.05, -0.5, 0.5, 0.01)],
    show: showTotal, about: "E = y_1^2/2 + y_1 y_2",
  },
  chain_one: { inputs: [ofX(1.4)], show: showChainOfOne, about: "E = 1/2 (y - 1)^2" },
  chain_many: { inputs: [ofX(0.5)], show: showChainOfMany, about: "E = 1/2 (y_1^2 + y_2^2 + y_3^2)" },
};
