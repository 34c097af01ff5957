// Numbers as people read them, and the way between a value and its place on a linear or logarithmic track.

const raise = (digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);

/** Significant digits with a true minus sign; powers of ten outside 0.001 .. 100,000. */
export function format(value, digits = 3, unit = "") {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const tail = unit && unit !== "°" ? ` ${unit}` : unit;
  if (!Number.isFinite(value)) return (value > 0 ? "∞" : "−∞") + tail;
  if (value === 0) return `0${tail}`;
  const size = Math.abs(value);
  let text;
  if (size < 1e-3 || size >= 1e5) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    text = `${mantissa}×10${[...String(Number(exponent))].map(raise).join("")}`;
  } else {
    text = value.toPrecision(digits);
    if (text.includes("e")) text = value.toFixed(0); // 12,345 to three digits, but 999.7 too
  }
  return text.replace("-", "−") + tail;
}

/** Where a value lies on a track from 0 to 1. */
export function toTrack({ min, max, scale }, value) {
  const t = scale === "log" ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min);
  return Math.min(1, Math.max(0, Number.isFinite(t) ? t : 0));
}

export function fromTrack({ min, max, scale }, t) {
  const value = scale === "log" ? min * (max / min) ** t : min + (max - min) * t;
  return tidy(value);
}

/** Six digits: what float32 carries, without the tail that its conversion to float64 shows (0.0500000007). */
export const tidy = (value) => Number(value.toPrecision(6));

export function nearest(values, value, scale) {
  const place = scale === "log" ? Math.log : (v) => v;
  const goal = place(value);
  let best = 0;
  let gap = Infinity;
  for (let k = 0; k < values.length; k += 1) {
    const distance = Math.abs(place(values[k]) - goal);
    if (distance < gap) [best, gap] = [k, distance];
  }
  return best;
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
