// Stacked columns, as paths of an SVG.

const GAP = 0.14; // between two columns of the full width

// Yields [label, path] for each label with a share, in the order of the bars of a face, from the top:
// neutral is at the bottom. A column is at most 1 wide.
export function* column(labels, shares, x, width, fullHeight) {
  let top = 0;
  for (const label of labels) {
    const height = (shares[label] ?? 0) * fullHeight;
    if (height > 0) yield [label, block(x, top, width, height)];
    top += height;
  }
}

function block(x, y, width, height) {
  const drawn = (1 - GAP) * width;
  return `M${(x + GAP / 2).toFixed(3)} ${y.toFixed(2)}h${drawn.toFixed(3)}v${height.toFixed(2)}h${-drawn.toFixed(3)}z`;
}
