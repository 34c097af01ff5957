// Sizes of the panels: beside each other with everything in one view on a desktop, stacked on a phone.

const WIDE = 820; // container width from which the small panels stand beside the big one
const TALLEST = 720; // of the whole stage, so that question, figure and controls fit a 900-pixel window
const SHORTEST = 300; // of the figure: below this a plot is no longer worth looking at
const SHARE = 0.62; // most of the width that the big panel may take
const GAP = 28;
const CAPTION = 26;

const span = ({ range, log }) => Math.abs(log ? Math.log10(range[1] / range[0]) : range[1] - range[0]);
const aspect = (def) => (def.equal ? span(def.xaxis) / span(def.yaxis) : null);

/** A plot of the given outer size; with equal scales it shrinks to the shape of its ranges. */
function fit(def, width, height, big, wide) {
  const margin = { l: big ? 58 : 62, r: 12, t: 11, b: big ? 46 : 44 };
  if (!wide) margin.l = 54;
  let plot = { width: width - margin.l - margin.r, height: height - margin.t - margin.b };
  const ratio = aspect(def);
  if (ratio) {
    plot = plot.width / plot.height > ratio
      ? { width: plot.height * ratio, height: plot.height }
      : { width: plot.width, height: plot.width / ratio };
  }
  // Whole pixels, or the canvas under the plot is blurred by the browser.
  plot = { width: Math.round(plot.width), height: Math.round(plot.height) };
  return {
    width: plot.width + margin.l + margin.r, height: plot.height + margin.t + margin.b,
    margin, plot, big, font: big ? 13 : 12,
  };
}

/** panels, the container's width, the height that legend and controls take -> { wide, sizes, columns } */
export function arrange(panels, width, others, windowHeight) {
  const wide = width >= WIDE;
  const bigs = panels.filter(({ size }) => size === "big");
  const smalls = panels.filter(({ size }) => size !== "big");
  const sizes = new Map();
  if (!wide) {
    for (const def of panels) {
      const big = def.size === "big";
      const tallest = aspect(def) ? width * 1.05 : width * (big ? 0.85 : 0.62);
      sizes.set(def.id, fit(def, width, tallest, big, false));
    }
    return { wide, sizes, columns: "minmax(0, 1fr)" };
  }
  const total = Math.min(TALLEST, Math.max(560, windowHeight * 0.8));
  const tall = Math.min(600, Math.max(SHORTEST, total - others));
  if (!bigs.length || !smalls.length) {
    const share = (width - GAP * (panels.length - 1)) / panels.length;
    for (const def of panels) sizes.set(def.id, fit(def, share, tall - CAPTION, bigs.length > 0, true));
    return { wide, sizes, columns: `repeat(${panels.length}, minmax(0, 1fr))` };
  }
  const each = (tall - CAPTION * bigs.length) / bigs.length;
  for (const def of bigs) sizes.set(def.id, fit(def, width * SHARE, each, true, true));
  const first = Math.max(...bigs.map(({ id }) => sizes.get(id).width));
  const beside = smalls.length > 3 ? 2 : 1;
  const rows = Math.ceil(smalls.length / beside);
  const rest = (width - first - GAP * beside) / beside;
  for (const def of smalls) {
    sizes.set(def.id, fit(def, rest, (tall - (rows - 1) * 6) / rows - CAPTION, false, true));
  }
  return { wide, sizes, columns: `${first}px minmax(0, 1fr)`, beside };
}
