// The picture of a network: nodes with their numbers, edges with w and dE/dw.

const SVG = "http://www.w3.org/2000/svg";
const GAP = 112, LEFT = 36, RIGHT = 50, ACROSS = 200, RADIUS = 40; // of the nodes; a column for each layer

function drawn(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function placeOf(sizes, layer, unit) {
  const most = Math.max(...sizes);
  return { x: LEFT + ACROSS * layer, y: GAP * (unit + 0.5 + (most - sizes[layer]) / 2) };
}

/** A number that fits into a node; what is only rounding is said to be 0. */
function brief(number) {
  if (number !== 0 && Math.abs(number) < 1e-9) return "≈ 0";
  const size = Math.abs(number);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return typeset(number.toExponential(1).replace(".0", ""));
  return printed(number, size < 0.1 ? 2 : 3);
}

/** A digit as an index. */
const lowered = (digit) => String.fromCharCode(0x2080 + digit);

/** One line of a node or an edge: a letter with its index, and its number. */
function line(x, y, letter, number, kind) {
  const text = drawn("text", { x, y, class: number.length > 6 ? `${kind} long` : kind });
  text.append(drawn("tspan", { class: "letter" }, letter), ` ${number}`);
  return text;
}

/** Draws the network into `svg`. Numbers appear for the quantities in `known`; what `step` is about is highlighted. */
function drawNetwork(svg, network, trace, known, step = null) {
  const { sizes } = network, value = (name, number) => (known.has(name) ? brief(number) : "?");
  const height = GAP * Math.max(...sizes), width = LEFT + ACROSS * (sizes.length - 1) + RIGHT;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const hot = { nodes: new Set(step?.nodes), edges: new Set(step?.edges) };
  const lines = drawn("g", {}), labels = drawn("g", {}), nodes = drawn("g", {});
  network.W.forEach((w, layer) => w.forEach((row, j) => row.forEach((w_ji, i) => {
    const from = placeOf(sizes, layer, i), to = placeOf(sizes, layer + 1, j), name = named("w", layer, j + 1, i + 1);
    const kind = hot.edges.has(edgeOf(layer, j, i)) ? " hot" : "";
    lines.append(drawn("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: `edge${kind}`, "data-edge": edgeOf(layer, j, i) }));
    const x = from.x + (to.x - from.x) / 3, y = from.y + (to.y - from.y) / 3;
    const label = drawn("g", { class: `label${kind}` });
    const weight = brief(w_ji), slope = value(`dE/d${name}`, trace.dW[layer][j][i]);
    const width = 6 + 7.4 * Math.max(weight.length, slope.length);
    label.append(drawn("rect", { x: x - width / 2, y: y - 15, width, height: 30, rx: 4 }));
    label.append(drawn("text", { x, y: y - 2, class: "weight" }, weight));
    label.append(drawn("text", { x, y: y + 12, class: "slope" }, slope));
    labels.append(label);
  })));
  sizes.forEach((size, layer) => {
    for (let unit = 0; unit < size; unit++) {
      const { x, y } = placeOf(sizes, layer, unit), node = nodeOf(layer - 1, unit);
      const group = drawn("g", { class: `node${hot.nodes.has(node) ? " hot" : ""}`, "data-node": node });
      group.append(drawn("circle", { cx: x, cy: y, r: layer ? RADIUS : 34 }));
      if (layer === 0) {
        group.append(line(x, y + 5, `x${lowered(unit + 1)}`, brief(trace.x[unit]), "of-node"));
      } else {
        const at = (letter) => named(letter, layer - 1, unit + 1);
        group.append(line(x, y - 11, "u", value(at("u"), trace.u[layer - 1][unit]), "of-node"));
        group.append(line(x, y + 4, "y", value(at("y"), trace.y[layer - 1][unit]), "of-node"));
        group.append(line(x, y + 19, "δ", value(at("delta"), trace.delta[layer - 1][unit]), "of-node slope"));
        if (layer === sizes.length - 1) group.append(line(x, y + RADIUS + 15, `d${lowered(unit + 1)}`, brief(trace.d[unit]), "of-node"));
      }
      nodes.append(group);
    }
  });
  const output = placeOf(sizes, sizes.length - 1, sizes.at(-1) - 1);
  const error = line(output.x, output.y + RADIUS + 33, "E", value("E", trace.E), "of-node");
  svg.replaceChildren(drawn("title", {}, words("picture")), drawn("desc", {}, describe(network, trace, known)), lines, labels, nodes, error);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${words("picture")}: ${describe(network, trace, known)}`);
}

/** All numbers of the picture as text. */
function describe(network, trace, known) {
  const parts = [...trace.x.map((x_i, i) => `x_${i + 1} = ${shown(x_i)}`)];
  network.W.forEach((w, layer) => w.forEach((row, j) => {
    row.forEach((w_ji, i) => {
      const name = named("w", layer, j + 1, i + 1);
      parts.push(`${name} = ${shown(w_ji)}`);
      if (known.has(`dE/d${name}`)) parts.push(`dE/d${name} = ${shown(trace.dW[layer][j][i])}`);
    });
    for (const [letter, numbers] of [["u", trace.u], ["y", trace.y], ["delta", trace.delta]]) {
      const name = named(letter, layer, j + 1);
      if (known.has(name)) parts.push(`${name} = ${shown(numbers[layer][j])}`);
    }
  }));
  parts.push(...trace.d.map((d_k, k) => `d_${k + 1} = ${shown(d_k)}`));
  if (known.has("E")) parts.push(`E = ${shown(trace.E)}`);
  return parts.join(", ");
}
