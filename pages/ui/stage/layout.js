// Sizes of the panels: beside each other with everything in one view on a desktop, stacked on a phone.

export const WIDE = 700; // container width from which the small panels stand beside the big one
const TALLEST = 860; // of the whole stage: more would be farther than the eye travels
const VISIBLE = 0.87; // of the window: the navigation takes the rest, so question, figure and controls are seen together
const SHORTEST = 300; // of the figure: below this a plot is no longer worth looking at
const SHARE = 0.62; // most of the width that the big panel may take
const ABREAST = 0.8; // that share for several big panels of equal scales together
const GAP = 28;
const CAPTION = 26;
const NAME = 20; // of an axis, below its numbers

const span = ({ range, log }) => Math.abs(log ? Math.log10(range[1] / range[0]) : range[1] - range[0]);
const aspect = (def) => (def.equal ? span(def.xaxis) / span(def.yaxis) : null);

/** A plot of the given outer size; with equal scales it shrinks to the shape of its ranges. */
function fit(def, width, height, big, wide, shared = false) {
  const margin = { l: big ? 58 : 62, r: 12, t: 11, b: (big ? 46 : 44) - (shared ? NAME : 0) };
  if (!wide) margin.l = 54;
  const names = (def.yaxis.ticks ?? []).map(({ text }) => text.length);
  // Names for ticks need more room than numbers, and the axis may have a name of its own.
  if (names.length) margin.l = (def.yaxis.label ? 26 : 12) + 6.5 * Math.max(...names);
  const last = def.xaxis.ticks?.at(-1); // at the very end it needs room for half of its name, or Plotly leaves it out
  if (last?.value === def.xaxis.range?.[1]) margin.r = Math.max(margin.r, 4 + 3.5 * (last?.text.length ?? 0));
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
    margin, plot, big, shared, font: big ? 13 : 12,
  };
}

/** panels, the container's width, the height that legend and controls take -> { wide, sizes, columns, beside, abreast } */
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
  const total = Math.min(TALLEST, Math.max(560, windowHeight * VISIBLE));
  const tall = Math.min(600, Math.max(SHORTEST, total - others));
  if (!bigs.length || !smalls.length) {
    const share = (width - GAP * (panels.length - 1)) / panels.length;
    for (const def of panels) sizes.set(def.id, fit(def, share, tall - CAPTION, bigs.length > 0, true));
    return { wide, sizes, columns: `repeat(${panels.length}, minmax(0, 1fr))` };
  }
  // Two maps side by side can be compared point by point; wide curves lie better under each other.
  const abreast = bigs.length > 1 && bigs.every(aspect);
  const each = abreast ? tall - CAPTION : (tall - CAPTION * bigs.length) / bigs.length;
  const part = abreast ? (width * ABREAST - GAP * (bigs.length - 1)) / bigs.length : width * SHARE;
  for (const def of bigs) sizes.set(def.id, fit(def, part, each, true, true));
  const widths = bigs.map(({ id }) => sizes.get(id).width);
  const first = abreast ? widths.reduce((sum, one) => sum + one + GAP, -GAP) : Math.max(...widths);
  const reach = abreast ? Math.max(...bigs.map(({ id }) => sizes.get(id).height)) + CAPTION : tall;
  const room = width - first - GAP;
  const beside = smalls.length > 2 && room >= 480 ? 2 : 1;
  const rows = Math.ceil(smalls.length / beside);
  // Under each other with the same x axis, only the lowest names it.
  const shared = smalls.map((def, i) =>
    beside === 1 && i + 1 < smalls.length && JSON.stringify(def.xaxis) === JSON.stringify(smalls[i + 1].xaxis));
  const saved = NAME * shared.filter(Boolean).length;
  const height = (reach + saved - (rows - 1) * 6) / rows - CAPTION;
  smalls.forEach((def, i) => {
    const alone = i === smalls.length - 1 && smalls.length % beside === 1; // an odd last one takes the whole row
    const share = alone || beside === 1 ? room : (room - GAP) / 2;
    sizes.set(def.id, fit(def, share, height - (shared[i] ? NAME : 0), false, true, shared[i]));
  });
  return { wide, sizes, columns: `${first}px minmax(0, 1fr)`, beside, abreast };
}
