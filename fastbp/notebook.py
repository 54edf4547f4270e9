"""What a notebook shows of a network and of a training: small drawings, as HTML, which need no other package."""

import html
import itertools
import math

UNITS, STEP, LAYER = 6, 16, 90  # units of a layer that are drawn, and pixels between units and layers
WIDTH, HEIGHT, MARGIN = 320, 120, 28
BLUE, ORANGE = "#2a6fb0", "#d9822b"
BOX = 'style="max-width: 100%; font: 12px sans-serif; color: inherit"'


def network_html(network):
    """The layers as columns of units, with their activations."""
    columns, text = [], [*map(html.escape, ("input", *network.activations))]
    most = min(UNITS, max(network.sizes))
    for layer, size in enumerate(network.sizes):
        drawn, x = min(UNITS, size), 30 + layer * LAYER
        top = 24 + (most - drawn) * STEP / 2
        columns.append([(x, top + unit * STEP) for unit in range(drawn)])
    lines = "".join(
        f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}"/>'
        for left, right in itertools.pairwise(columns)
        for a, b in left
        for c, d in right
    )
    circles = "".join(f'<circle cx="{x}" cy="{y}" r="5"/>' for column in columns for x, y in column)
    bottom = 24 + most * STEP + 10
    words = "".join(
        f'<text x="{column[0][0]}" y="12">{size:,}</text><text x="{column[0][0]}" y="{bottom}">{name}</text>'
        for column, size, name in zip(columns, network.sizes, text, strict=True)
    )
    about = f"{network.theta.size:,} parameters in {network.dtype.name}, loss {network.loss}"
    return (
        f'<div {BOX}><svg width="{60 + (len(columns) - 1) * LAYER}" height="{bottom + 6}" role="img" '
        f'aria-label="{html.escape(network._description)}"><g stroke="currentColor" stroke-opacity="0.25">{lines}</g>'
        f'<g fill="{BLUE}">{circles}</g><g fill="currentColor" text-anchor="middle" font-size="11">{words}</g></svg>'
        f"<div>{html.escape(about)}</div></div>"
    )


def history_html(history):
    """The loss of each epoch, and that of the validation rows, as curves."""
    curves = [(history.loss, BLUE, "loss")]
    if history.validation_loss:
        curves.append((history.validation_loss, ORANGE, "validation loss"))
    numbers = [value for values, _, _ in curves for value in values if math.isfinite(value)]
    if not numbers:
        return f"<div {BOX}>{html.escape(repr(history))}</div>"
    low, high, last = min(numbers), max(numbers), max(len(history.loss) - 1, 1)
    span, paths = high - low or 1.0, []
    for values, colour, _ in curves:
        every = 1 + len(values) // WIDTH  # more points than pixels would be seen by nobody
        points = " ".join(
            f"{MARGIN + epoch / last * (WIDTH - 2 * MARGIN):.1f},{10 + (high - value) / span * (HEIGHT - 30):.1f}"
            for epoch, value in enumerate(values)
            if math.isfinite(value) and (epoch % every == 0 or epoch == last)
        )
        paths.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    legend = " ".join(f'<span style="color: {colour}">{name}</span>' for _, colour, name in curves)
    return (
        f'<div {BOX}><svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{html.escape(repr(history))}">'
        f'{"".join(paths)}<g fill="currentColor" font-size="10"><text x="2" y="14">{high:.3g}</text>'
        f'<text x="2" y="{HEIGHT - 18}">{low:.3g}</text><text x="{MARGIN}" y="{HEIGHT - 4}">epoch 1</text>'
        f'<text x="{WIDTH - 2}" y="{HEIGHT - 4}" text-anchor="end">{len(history.loss):,}</text></g></svg>'
        f"<div>{legend}; {html.escape(repr(history))}</div></div>"
    )
