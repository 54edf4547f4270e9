// Small graphs: a curve, straight lines through points of it, and points.

const WIDTH = 320, HEIGHT = 200;

/** A graph over `range` = [x0, x1, y0, y1]; `parts` are {curve: f}, {line: [x, y, slope]}, {points: [[x, y], ...]}. */
function graph(range, parts, description) {
  const [x0, x1, y0, y1] = range;
  const right = (x) => (WIDTH * (x - x0)) / (x1 - x0), down = (y) => HEIGHT - (HEIGHT * (y - y0)) / (y1 - y0);
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": description, class: "graph" });
  svg.append(drawn("title", {}, description));
  if (y0 < 0 && y1 > 0) svg.append(drawn("line", { class: "axis", x1: 0, x2: WIDTH, y1: down(0), y2: down(0) }));
  if (x0 < 0 && x1 > 0) svg.append(drawn("line", { class: "axis", x1: right(0), x2: right(0), y1: 0, y2: HEIGHT }));
  for (const { curve, line: through, points, kind = "" } of parts) {
    if (curve) {
      const path = Array.from({ length: 81 }, (_, n) => x0 + ((x1 - x0) * n) / 80)
        .map((x) => `${right(x).toFixed(1)} ${down(curve(x)).toFixed(1)}`);
      svg.append(drawn("path", { class: `curve ${kind}`, d: `M ${path.join(" L ")}` }));
    } else if (through) {
      const [x, y, slope] = through;
      svg.append(drawn("line", { class: `straight ${kind}`, x1: 0, y1: down(y + slope * (x0 - x)), x2: WIDTH, y2: down(y + slope * (x1 - x)) }));
    } else {
      points.forEach(([x, y]) => svg.append(drawn("circle", { class: `point ${kind}`, cx: right(x), cy: down(y), r: 4.5 })));
    }
  }
  return svg;
}

/** Bars between 0 and 1, each with its number. */
function bars(numbers, description) {
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} 120`, role: "img", "aria-label": description, class: "graph" });
  svg.append(drawn("title", {}, description));
  numbers.forEach((number, n) => {
    const width = WIDTH / numbers.length, x = width * n + width / 4;
    svg.append(drawn("rect", { class: "bar-of-graph", x, width: width / 2, y: 100 - 84 * number, height: 84 * number }));
    svg.append(drawn("text", { class: "bar-number", x: x + width / 4, y: 94 - 84 * number }, printed(number, 3)));
  });
  svg.append(drawn("line", { class: "axis", x1: 0, x2: WIDTH, y1: 100, y2: 100 }));
  return svg;
}
