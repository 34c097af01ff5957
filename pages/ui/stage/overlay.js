// What lies over a plot and moves with it: marks, step dots, rings, the cursor and the start handle.
// One svg over the plot area, in the plot area's own pixels; looks are attributes, so that an export keeps them.

import { clamp } from "./numbers.js";
import { put, s, say } from "./dom.js";
import { place } from "./paths.js";
import { lineColour } from "./theme.js";

const LABEL = 12;
const LETTER = 6.2; // pixels, on average
const SIDES = [[true, true], [false, true], [true, false], [false, false]]; // right of the point?  above it?
const DASH = "5 4";

const overlap = (a, b) =>
  a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;

const labelBox = (left, top, content) => ({ left, top, width: (content?.length ?? 0) * LETTER, height: LABEL + 2 });
const pixel = (left, top) => ({ left, top, width: 0, height: 0 });

export class Overlay {
  constructor(id) {
    this.clip = `inv-clip-${id}-${Math.random().toString(36).slice(2, 8)}`;
    this.bounds = s("rect");
    this.layers = {};
    const layer = (name) => (this.layers[name] = s("g", { "data-layer": name }));
    this.root = s(
      "svg", { class: "inv-overlay", "aria-hidden": null, "font-size": LABEL },
      s("defs", {}, s("clipPath", { id: this.clip }, this.bounds)),
      s("g", { "clip-path": `url(#${this.clip})` }, layer("cursor"), layer("dots")),
      layer("rings"), layer("marks"), layer("handle"),
    );
    this.items = new Map();
  }

  /** The element for a name in a layer, made once and kept. */
  item(layer, name, make) {
    const key = `${layer}/${name}`;
    let element = this.items.get(key);
    if (!element) {
      element = make();
      this.items.set(key, element);
      this.layers[layer].append(element);
    }
    this.used.add(key);
    return element;
  }

  /** lines(): pixels [x, y] along all lines, for labels to keep off. */
  begin(view, theme, lines) {
    Object.assign(this, { view, theme, lines, drawn: null, used: new Set(), taken: [] });
    // A line along the edge keeps its full width, so the clip leaves a few pixels.
    put(this.bounds, { x: -4, y: -4, width: view.x.length + 8, height: view.y.length + 8 });
  }

  /** Drop what this picture did not ask for. */
  end() {
    for (const [key, element] of this.items) {
      if (this.used.has(key)) continue;
      element.remove();
      this.items.delete(key);
    }
  }

  inside([x, y], slack = 1) {
    const { view } = this;
    return x >= -slack && y >= -slack && x <= view.x.length + slack && y <= view.y.length + slack;
  }

  cursor(x) {
    const at = place(this.view, x, this.view.y.log ? 10 ** this.view.y.from : this.view.y.from);
    if (!at || at[0] < 0 || at[0] > this.view.x.length) return;
    const line = this.item("cursor", "line", () => s("line", { "stroke-width": 1 }));
    put(line, { x1: at[0], x2: at[0], y1: 0, y2: this.view.y.length, stroke: this.theme.muted });
  }

  dots(def, d) {
    if (!d) return;
    const path = this.item("dots", def.id, () => s("path", { fill: "none", "stroke-linecap": "round" }));
    put(path, { d, stroke: lineColour(this.theme, def.colour), "stroke-width": (def.width ?? 2) + 3 });
  }

  /** The current step. A wider line gets a wider ring, so that rings of coinciding methods lie in each other. */
  ring(def, tip) {
    if (!tip || !this.inside(tip)) return;
    const colour = lineColour(this.theme, def.colour);
    const ring = this.item("rings", def.id, () => s("g", {}, s("circle"), s("circle")));
    const radius = 3.5 + (def.width ?? 2);
    const [halo, edge] = ring.children;
    const at = { cx: tip[0].toFixed(1), cy: tip[1].toFixed(1) };
    put(halo, { ...at, r: radius + 1.5, fill: "none", stroke: this.theme.background, "stroke-width": 1, opacity: 0.8 });
    const fill = { fill: this.theme.background, "fill-opacity": 0.35 };
    put(edge, { ...at, ...fill, r: radius, stroke: colour, "stroke-width": 2 });
  }

  /** A step that is pointed at, here or in another panel. */
  point(def, [x, y], content) {
    if (!this.inside([x, y])) return;
    const group = this.item("rings", `${def.id}-pointed`, () => s("g", {}, s("circle"), s("circle"), s("text")));
    const [halo, dot, label] = group.children;
    put(halo, { cx: x, cy: y, r: 8, fill: "none", stroke: this.theme.text, "stroke-width": 1.5 });
    put(dot, { cx: x, cy: y, r: 4.5, fill: lineColour(this.theme, def.colour) });
    this.labelBeside(label, content, [x, y]);
  }

  mark(def, xs, ys) {
    const at = place(this.view, xs[0], ys[0]);
    if (!at) return;
    const { text, background } = this.theme;
    const group = this.item("marks", def.id, () => s("g", {}, s("path"), s("path"), s("text")));
    const [halo, shape, label] = group.children;
    if (def.symbol === "box") {
      const other = place(this.view, xs[1], ys[1]);
      if (!other) return;
      const { x, y } = this.view;
      const [left, right] = [at[0], other[0]].sort((a, b) => a - b).map((v) => clamp(v, -1, x.length + 1));
      const [top, bottom] = [at[1], other[1]].sort((a, b) => a - b).map((v) => clamp(v, -1, y.length + 1));
      put(shape, {
        d: `M${left},${top}H${right}V${bottom}H${left}Z`, fill: "none",
        stroke: text, "stroke-opacity": 0.65, "stroke-width": 1, "stroke-dasharray": DASH, // seen on any shade
      });
      const [x0, y0] = [Math.max(left, 0) + 6, Math.max(top, 0) + 15];
      this.label(label, def.label, x0, y0, "start", text);
      if (def.label) this.taken.push(labelBox(x0, y0 - LABEL, def.label));
      return;
    }
    put(group, { display: this.inside(at) ? null : "none" });
    const [x, y] = at.map((v) => Math.round(v * 10) / 10);
    const circle = (r) => `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`;
    const cross = `M${x - 7},${y}h14M${x},${y - 7}v14`;
    const d = { cross, ring: circle(7), dot: circle(4), label: "" }[def.symbol] ?? cross;
    put(halo, { d, fill: "none", stroke: background, "stroke-width": 5, opacity: 0.7 });
    put(shape, { d, fill: def.symbol === "dot" ? text : "none", stroke: text, "stroke-width": 2 });
    this.labelBeside(label, def.label, [x, y]);
  }

  /** Beside the point, best to the right and a little up; elsewhere near an edge, on a line or on another label. */
  labelBeside(element, content, [x, y], colour = this.theme.text) {
    const { width } = labelBox(0, 0, content);
    const boxes = SIDES.map(([right, up]) => ({
      ...labelBox(right ? x + 10 : x - 10 - width, y + (up ? -21 : 6), content),
      anchor: right ? "start" : "end", right, up,
    }));
    const inside = (from, size, length) => from >= -4 && from + size <= length + 4;
    const fits = (box) =>
      inside(box.left, width, this.view.x.length) && inside(box.top, box.height, this.view.y.length);
    const free = (box) => !this.taken.some((other) => overlap(box, other));
    // A label stays on its side while it can: what is being dragged past must not make it jump.
    let best = boxes[element.side ?? 0];
    if (content && !(element.side !== undefined && fits(best) && free(best))) {
      const ranked = this.clearest(boxes);
      best = ranked.find((box) => fits(box) && free(box)) ?? ranked.find(fits) ?? boxes[0];
    }
    if (content) {
      element.side = boxes.indexOf(best);
      this.taken.push(best);
    }
    this.label(element, content, best.right ? x + 10 : x - 10, y + (best.up ? -9 : 18), best.anchor, colour);
  }

  /** The boxes by how much of the lines they would cover; of equals the first stays first. */
  clearest(boxes) {
    this.drawn ??= this.lines();
    const covers = new Map(boxes.map((box) => [box, this.drawn.filter(([x, y]) => overlap(box, pixel(x, y))).length]));
    return [...boxes].sort((a, b) => covers.get(a) - covers.get(b));
  }

  label(element, content, x, y, anchor, colour) {
    say(element, content ?? "");
    put(element, {
      x, y, "text-anchor": anchor, fill: colour, stroke: this.theme.background,
      "stroke-width": 3, "stroke-opacity": 0.75, "paint-order": "stroke", "stroke-linejoin": "round",
    });
  }

  /** Where the start lies, and, while it is dragged, a faint ring where it came from. */
  handle(def, point, { origin, fresh, disabled, make }) {
    const at = place(this.view, point[0], point[1]);
    if (!at || !this.inside(at)) return; // zoomed away
    const group = this.item("handle", def.name, make);
    const [hit, dot, label] = group.children;
    const [x, y] = at;
    put(hit, { cx: x, cy: y });
    put(dot, { cx: x, cy: y, fill: this.theme.background, stroke: this.theme.text });
    put(group, {
      "aria-disabled": disabled ? "true" : null, tabindex: disabled ? "-1" : "0",
      // A slider has one value by its role: the first coordinate; the text names both.
      "aria-valuenow": point[0], "aria-valuemin": def.min[0], "aria-valuemax": def.max[0],
      "aria-valuetext": point.map((value) => Number(value.toPrecision(3))).join(", "),
    });
    this.labelBeside(label, fresh && !disabled ? `${def.label} – drag me` : def.label, [x, y]);
    const from = origin ? place(this.view, origin[0], origin[1]) : null;
    if (!from) return;
    const ghost = this.item("handle", `${def.name}-ghost`, () => s("circle", { r: 6, fill: "none" }));
    put(ghost, {
      cx: from[0], cy: from[1], stroke: this.theme.muted, "stroke-width": 1.5, "stroke-dasharray": "2 2",
    });
  }
}
