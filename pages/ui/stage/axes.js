// Plotly's axis settings in the stage's style, and ranges that follow live data.

/** The contract gives ranges in data values; Plotly wants exponents on a logarithmic axis. */
export const plotlyRange = (axis) => {
  const range = axis.range ?? [axis.log ? 1e-3 : 0, 1];
  return axis.log ? range.map((value) => Math.log10(value)) : [...range];
};

export function axisLayout(def, letter, theme, size, fitted) {
  const axis = def[`${letter}axis`];
  const range = fitted ?? plotlyRange(axis);
  const decades = Math.abs(range[1] - range[0]);
  const room = letter === "x" ? size.plot.width / 60 : size.plot.height / 45;
  return {
    type: axis.log ? "log" : "linear", range, autorange: false, fixedrange: false,
    title: {
      text: letter === "x" && size.shared ? "" : (axis.label ?? ""), standoff: 6,
      font: { size: size.font + 1, color: theme.text },
    },
    showgrid: false, zeroline: false, showline: true, mirror: size.big, linecolor: theme.hairline, linewidth: 1,
    ticks: "outside", ticklen: 4, tickcolor: theme.hairline,
    // Plotly enlarges powers by 1.25.
    tickfont: { size: axis.log && !axis.ticks?.length ? size.font * 0.82 : size.font, color: theme.muted },
    exponentformat: "power", minexponent: 5, separatethousands: true,
    nticks: Math.max(size.big ? 5 : 3, Math.min(7, Math.round(room))),
    // Whole decades only, as many as there is room for: minor labels (2, 5) read as noise on a small panel.
    ...(axis.log ? { dtick: Math.max(1, Math.ceil(decades / Math.max(2, room))) } : {}),
    ...(axis.ticks?.length ? { tickvals: axis.ticks.map((t) => t.value), ticktext: axis.ticks.map((t) => t.text), ticks: "" } : {}),
    ...(def.equal && letter === "y" ? { scaleanchor: "x", scaleratio: 1, constrain: "range" } : {}),
  };
}

/** Lowest and highest drawable value over typed arrays, in what the axis is linear in. */
function extent(axis, arrays) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of arrays) {
    for (let i = 0; i < (values?.length ?? 0); i += 1) {
      const value = axis.log ? Math.log10(values[i]) : values[i];
      if (value < low && value > -Infinity) low = value;
      if (value > high && value < Infinity) high = value;
    }
  }
  return [low, high];
}

/** A new range, or null while the present one still fits: it grows in strides and shrinks only when far too wide. */
export function fitRange(axis, arrays, present) {
  const [low, high] = extent(axis, arrays);
  if (!(low <= high)) return present ? null : plotlyRange(axis);
  const fits = present && low >= present[0] && high <= present[1];
  if (fits && high - low > 0.3 * (present[1] - present[0])) return null;
  if (axis.log) {
    const range = [Math.floor(low), Math.max(Math.ceil(high), Math.floor(low) + 1)];
    return present && String(range) === String(present) ? null : range;
  }
  const span = high - low || Math.abs(high) || 1;
  // A count from zero (training steps) keeps its zero; other values get air on both sides.
  const floor = low >= 0 && low < 0.1 * span ? low : low - 0.15 * span;
  const range = [floor, high + 0.3 * span];
  return fits && range[1] - range[0] > 0.6 * (present[1] - present[0]) ? null : range;
}
