// The small key beside a panel's title: what the grey means, with its ends named, and what the thin lines are.

import { h, s } from "./dom.js";
import { shadeStrength } from "./theme.js";

function shadeKey({ label, low, high, ticks }, theme) {
  const strength = shadeStrength(theme);
  const ink = theme.dark ? "255,255,255" : "0,0,0";
  const bar = h("span", {
    class: "inv-bar", style: `background: linear-gradient(90deg, rgba(${ink},0), rgba(${ink},${strength}))`,
  });
  const places = (ticks ?? []).filter(({ value }) => value >= low && value <= high);
  const at = (value) => (100 * (value - low)) / (high - low);
  const texts = places.map(({ value, text }) => {
    const share = at(value);
    const anchor = share < 15 ? "0" : share > 85 ? "-100%" : "-50%";
    return h("span", { style: `left:${share}%; transform: translateX(${anchor})` }, text);
  });
  const scale = h("span", { class: "inv-scale" }, bar, h("span", { class: "inv-ticks" }, ...texts));
  return h("span", { class: "inv-key" }, label, scale);
}

function lineKey({ label }, theme) {
  const sample = s("svg", { width: 18, height: 10, "aria-hidden": "true" },
    ...[2, 5, 8].map((y) => s("line", { x1: 0, x2: 18, y1: y, y2: y, stroke: theme.text, opacity: 0.35 })));
  return h("span", { class: "inv-key" }, sample, label);
}

export function fieldKeys(fields, theme) {
  return fields.filter(({ label }) => label).map((def) => (def.kind === "shade" ? shadeKey : lineKey)(def, theme));
}

/** The same in words, for a picture of the figure. */
export function fieldWords(fields) {
  const words = fields.filter(({ label }) => label).map(({ label, kind, low, high, ticks }) => {
    const seen = (ticks ?? []).filter(({ value }) => value >= low && value <= high);
    if (kind !== "shade" || seen.length < 2) return label;
    return `${label}: ${seen[0].text} faint, ${seen.at(-1).text} strong`;
  });
  return words.join(" · ");
}
