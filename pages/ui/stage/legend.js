// The legend: a button for each method with a sample of its line, and its reading at the current step.

import { h, put, s, say } from "./dom.js";
import { format } from "./numbers.js";
import { lineColour } from "./theme.js";

const VEIL = "Predict first";
const DASHES = { solid: null, dash: "6 4", dot: "2 3", dashdot: "7 3 2 3" };

export class Legend {
  constructor(onToggle) {
    this.onToggle = onToggle;
    this.root = h("div", { class: "inv-legend", role: "group", "aria-label": "methods" });
    this.entries = new Map();
  }

  update(header, theme) {
    const lines = header.lines.filter(({ legend }) => legend);
    const wanted = JSON.stringify(lines.map(({ group, label }) => [group, label]));
    if (wanted !== this.made) {
      this.made = wanted;
      this.entries.clear();
      for (const line of lines) this.entries.set(line.group, this.entry(line));
      this.note = h("span", { class: "inv-reading" });
      // Both have their room from the start: a line more, then or now, would move the figure under the eye.
      const noted = h("span", { class: "inv-note" }, this.note, h("span", { class: "inv-veil" }, VEIL));
      this.root.replaceChildren(...[...this.entries.values()].map(({ button }) => button), noted);
    }
    for (const line of lines) {
      const { sample } = this.entries.get(line.group);
      put(sample, {
        stroke: lineColour(theme, line.colour), "stroke-width": Math.min(5, line.width ?? 2),
        "stroke-dasharray": DASHES[line.dash] ?? null, opacity: line.opacity ?? 1,
      });
    }
    const groupOf = new Map(header.lines.map(({ id, group }) => [id, group]));
    this.readouts = header.readouts.map((readout) => ({ ...readout, group: groupOf.get(readout.line) }));
    const noted = header.readouts.map(({ line, axis }) => {
      const panel = header.panels.find(({ id }) => id === header.lines.find((other) => other.id === line)?.panel);
      return panel?.[`${axis}axis`]?.label || panel?.title; // an axis may leave its name to the title
    });
    this.quantities = [...new Set(noted.filter(Boolean))];
    this.root.hidden = !lines.length && !header.veiled && !this.veiled;
    this.veiled = header.veiled || (this.veiled && header.slug === this.slug); // its line stays when it has been heeded
    this.slug = header.slug;
  }

  entry({ group, label }) {
    const sample = s("line", { x1: 0, y1: 6, x2: 26, y2: 6 });
    const value = h("span", { class: "inv-value" });
    const button = h("button", { type: "button", "aria-pressed": "true", onclick: () => this.onToggle(group) },
      s("svg", { width: 26, height: 12, "aria-hidden": "true" }, sample), h("span", {}, label), value);
    return { button, sample, value, label };
  }

  /** What is shown, for a picture of the figure: [{ label, line }]. */
  keys() {
    return [...this.entries.values()]
      .filter(({ button }) => button.getAttribute("aria-pressed") !== "false")
      .map(({ label, sample }) => ({ label, line: sample }));
  }

  show({ hidden, veiled, value, step, last }) {
    for (const [group, { button, value: slot }] of this.entries) {
      put(button, { "aria-pressed": hidden.has(group) ? "false" : "true" });
      button.disabled = veiled;
      const own = this.readouts.filter((readout) => readout.group === group);
      say(slot, veiled || hidden.has(group) ? "" : own.map((readout) => format(value(readout), readout.digits ?? 3)).join(" · "));
      slot.hidden = !own.length;
      put(button, { title: own.map(({ label }) => label).join(", ") || null });
    }
    if (!this.note) return;
    const what = this.quantities.join(" · ");
    const count = String(step).padStart(String(last).length, "\u2007");
    say(this.note, what && step !== null ? `${what} at step ${count}` : what);
  }
}
