// One panel: a Plotly plot kept alive for axes, hover, zoom and export, a canvas under it, an overlay above it.
//
// The lines that move are Plotly's own svg paths, whose `d` is written here for every picture: 0.4 ms where
// Plotly.restyle takes 30. Once the hand rests, settle() gives Plotly the same data, so that hover and export agree.

import { h, s } from "./dom.js";
import { axisView, dense, pathUpTo, place, wholePath } from "./paths.js";
import { FieldPainter } from "./field.js";
import { Overlay } from "./overlay.js";
import { lineColour } from "./theme.js";
import { axisLayout, fitRange, plotlyRange } from "./axes.js";
import { savePanel } from "./export.js";

export class Panel {
  constructor(Plotly, def) {
    this.Plotly = Plotly;
    this.title = h("span", { class: "inv-title" });
    this.keys = h("span", { class: "inv-keys" });
    this.canvas = h("canvas", { class: "inv-field" });
    this.graph = h("div", { class: "inv-plotly" });
    this.overlay = new Overlay(def.id);
    this.area = h("div", { class: "inv-area" }, this.canvas, this.graph, this.overlay.root);
    this.root = h("figure", { class: "inv-panel", "data-panel": def.id },
      h("figcaption", {}, this.title, this.keys), this.area);
    this.painter = new FieldPainter(this.canvas);
    this.def = def;
    this.lines = [];
    this.nodes = new Map();
    this.drawn = new Map();
    this.signature = "";
    this.handed = "";
    this.panning = false;
  }

  /** Definitions, size or theme: asks Plotly only when something other than data has changed. */
  update(def, lines, theme, size) {
    // Wide lines first: of two methods that coincide, the narrow one stays visible on the wide one.
    const ordered = [...lines].sort((a, b) => (b.width ?? 2) - (a.width ?? 2));
    const signature = JSON.stringify([def, ordered, theme, size]);
    if (signature === this.signature) return;
    const ranges = JSON.stringify([def.xaxis, def.yaxis]);
    if (ranges !== this.ranges) Object.assign(this, { ranges, fitted: {} });
    Object.assign(this, { def, lines: ordered, theme, size, signature });
    this.title.textContent = this.title.title = def.title ?? "";
    this.graph.style.width = `${size.width}px`;
    this.graph.style.height = `${size.height}px`;
    this.Plotly.react(this.graph, this.traces(), this.layout(), this.config());
    this.handed = "";
    if (!this.listening) this.listen();
    this.findNodes();
  }

  listen() {
    this.listening = true;
    this.graph.on("plotly_afterplot", () => {
      this.findNodes();
      this.panning = false;
      this.onview?.();
    });
    this.graph.on("plotly_relayouting", () => {
      this.panning = true;
      this.onview?.();
    });
    this.graph.on("plotly_relayout", (changes) => {
      this.panning = false;
      // A zoom is one gesture: afterwards a click means the start point again.
      const moved = Object.keys(changes).some((name) => name.includes(".range"));
      if (moved && this.graph.layout.dragmode) this.Plotly.relayout(this.graph, { dragmode: false });
      this.onview?.();
    });
  }

  traces() {
    const { xaxis, yaxis } = this.def;
    return this.lines.map((line, i) => ({
      type: "scatter", mode: "lines", uid: `s${i}`, name: line.label, x: [null], y: [null],
      opacity: line.opacity ?? 1, showlegend: false, connectgaps: false,
      line: {
        color: lineColour(this.theme, line.colour), width: line.width ?? 2, dash: line.dash ?? "solid", simplify: false,
      },
      hovertemplate:
        `${line.label}${line.role === "path" && xaxis.label !== "step" ? " · step %{pointNumber}" : ""}<br>` +
        `${xaxis.label} %{x:.4~g}<br>${yaxis.label} %{y:.4~g}<extra></extra>`,
    }));
  }

  layout() {
    const { def, theme, size } = this;
    const { muted, background, text } = theme;
    return {
      width: size.width, height: size.height, margin: { ...size.margin, pad: 0 }, autosize: false,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false,
      hovermode: "closest", hoverdistance: 12, uirevision: this.ranges,
      font: { family: theme.font, size: size.font, color: muted },
      hoverlabel: {
        bgcolor: background, bordercolor: theme.hairline, font: { family: theme.font, size: 13, color: text },
      },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: text, orientation: "h" },
      xaxis: axisLayout(def, "x", theme, size, this.fitted.x),
      yaxis: axisLayout(def, "y", theme, size, this.fitted.y),
    };
  }

  config() {
    const icons = this.Plotly.Icons;
    const toggle = (mode) => (graph) =>
      this.Plotly.relayout(graph, { dragmode: graph._fullLayout.dragmode === mode ? false : mode });
    const button = (name, title, icon, click) => ({ name, title, icon, click });
    return {
      displaylogo: false, displayModeBar: "hover", scrollZoom: false, doubleClick: false, showTips: false,
      modeBarButtons: [[
        button("inv-zoom", "Zoom: draw a frame", icons.zoombox, toggle("zoom")),
        button("inv-pan", "Move the view", icons.pan, toggle("pan")),
        button("inv-home", "The whole view again", icons.home, () => this.home()),
        button("inv-png", "Save as a picture", icons.camera, () => this.save()),
      ]],
    };
  }

  home() {
    const range = (letter) => this.fitted[letter] ?? plotlyRange(this.def[`${letter}axis`]);
    this.Plotly.relayout(this.graph, { "xaxis.range": range("x"), "yaxis.range": range("y") });
  }

  async save() {
    this.settle();
    await savePanel(this);
  }

  findNodes() {
    this.nodes.clear();
    this.lines.forEach((line, i) => {
      const group = this.graph.querySelector(`.scatterlayer .traces${i} .lines`);
      if (!group) return;
      // Plotly makes no path for a line without a piece in view, but this one may move into view without Plotly.
      if (!group.querySelector(".js-line")) group.append(linePath(line, lineColour(this.theme, line.colour)));
      this.nodes.set(line.id, [...group.querySelectorAll(".js-line")]);
    });
    this.drawn.clear();
    this.place();
  }

  /** Canvas and overlay lie exactly on the plot area. */
  place() {
    const { xaxis, yaxis } = this.graph._fullLayout;
    const box = [xaxis._offset, yaxis._offset, xaxis._length, yaxis._length];
    if (String(box) === this.box) return;
    this.box = String(box);
    for (const element of [this.canvas, this.overlay.root]) {
      const [left, top, width, height] = box.map((value) => `${value}px`);
      Object.assign(element.style, { left, top, width, height });
    }
  }

  view() {
    const { xaxis, yaxis } = this.graph._fullLayout;
    return { x: axisView(xaxis), y: axisView(yaxis) };
  }

  /** One picture. scene: { get(id), step, shown(def), fields, marks, cursor, handles, pointed, here } */
  draw(scene) {
    this.fit(scene);
    const view = this.view();
    this.current = scene;
    this.painter.draw(
      scene.fields.filter(scene.shown).map((def) => ({ def, z: scene.get(def.id)?.z })).filter(({ z }) => z),
      view, this.theme,
    );
    const { overlay } = this;
    overlay.begin(view, this.theme, () => this.pixels(scene, view));
    if (scene.cursor !== null) overlay.cursor(scene.cursor);
    // A frame's label stands where it stands; the others keep off it.
    const framesFirst = [...scene.marks].sort((a, b) => (b.symbol === "box") - (a.symbol === "box"));
    for (const def of framesFirst.filter(scene.shown)) {
      const data = scene.get(def.id);
      if (data?.x && data?.y) overlay.mark(def, data.x.data, data.y.data);
    }
    for (const line of this.lines) {
      const picture = this.picture(line, scene, view);
      this.write(line, picture.d);
      overlay.dots(line, picture.dots);
      overlay.ring(line, picture.tip);
    }
    if (scene.pointed !== null) this.point(scene, view);
    for (const handle of scene.handles) overlay.handle(...handle);
    overlay.end();
  }

  /** The step that is pointed at, in whichever panel, on every path. */
  point({ get, shown, step, pointed, here }, view) {
    let labelled = here; // where the pointer is, Plotly's own label says it
    for (const line of this.lines.filter((one) => one.role === "path" && shown(one))) {
      const data = get(line.id);
      if (!data?.x || !data?.y || pointed > step) continue;
      const at = place(view, data.x.data[pointed], data.y.data[pointed]);
      if (at) this.overlay.point(line, at, labelled ? "" : `step ${pointed}`);
      labelled = true;
    }
  }

  /** Pixels along every line, whole, whether it is drawn yet or not: [[x, y]]. */
  pixels(scene, view) {
    return this.lines.flatMap((line) => {
      const data = scene.get(line.id);
      return data?.x && data?.y ? dense(view, row(data.x, line, scene.step), row(data.y, line, scene.step)) : [];
    });
  }

  picture(line, scene, view) {
    const data = scene.shown(line) ? scene.get(line.id) : null;
    if (!data?.x || !data?.y) return { d: "" };
    const [x, y] = [data.x.data, data.y.data];
    if (line.role === "path") return pathUpTo(view, x, y, scene.step, line.dots);
    return { d: wholePath(view, row(data.x, line, scene.step), row(data.y, line, scene.step)) };
  }

  write(line, d) {
    // During a pan Plotly moves its group as a whole; new coordinates inside it would move twice.
    if (this.panning || this.drawn.get(line.id) === d) return;
    const nodes = this.nodes.get(line.id);
    if (!nodes) return;
    this.drawn.set(line.id, d);
    nodes.forEach((node, i) => node.setAttribute("d", i ? "M0,0" : d || "M0,0"));
  }

  /** Axes marked "autorange" follow their data in wide strides: a relayout costs as much as fifty pictures. */
  fit(scene) {
    const changes = {};
    for (const letter of ["x", "y"]) {
      const axis = this.def[`${letter}axis`];
      if (!axis.autorange) continue;
      const values = this.lines.filter(scene.shown).map((line) => scene.get(line.id)?.[letter]?.data);
      const range = fitRange(axis, values, this.fitted[letter]);
      if (range) changes[`${letter}axis.range`] = this.fitted[letter] = range;
    }
    if (Object.keys(changes).length) this.Plotly.relayout(this.graph, changes);
  }

  /** Tell Plotly what is drawn. */
  settle() {
    const scene = this.current;
    if (!scene || this.panning || !this.lines.length) return;
    const [xs, ys] = [[], []];
    for (const line of this.lines) {
      const data = scene.shown(line) ? scene.get(line.id) : null;
      let [x, y] = data?.x && data?.y ? [row(data.x, line, scene.step), row(data.y, line, scene.step)] : [[], []];
      if (line.role === "path") [x, y] = finiteStart(x, y, scene.step);
      // Plotly drops a trace of no points altogether; one of a single gap keeps its place.
      xs.push(x.length ? Array.from(x) : [null]);
      ys.push(x.length ? Array.from(y) : [null]);
    }
    const handed = JSON.stringify([xs, ys]);
    if (handed === this.handed) return;
    this.handed = handed;
    this.Plotly.restyle(this.graph, { x: xs, y: ys });
  }

  dispose() {
    this.pointing?.dispose();
    this.Plotly.purge(this.graph);
    this.root.remove();
  }
}

/** A line's path as Plotly would make it; Plotly adopts it when it next draws. */
function linePath({ width = 2, dash = "solid" }, stroke) {
  const unit = Math.max(width, 3);
  const dashes = { dash: [3, 3], dot: [1, 1], dashdot: [3, 1, 1, 1] }[dash]?.map((n) => `${n * unit}px`).join(", ");
  const path = s("path", { class: "js-line", d: "M0,0" });
  Object.assign(path.style, {
    vectorEffect: "non-scaling-stroke", fill: "none", stroke, strokeWidth: `${width}px`, strokeDasharray: dashes ?? "",
  });
  return path;
}

/** The values to draw: a segment's row of the current step, anything else whole. */
function row({ data, shape }, line, step) {
  if (line.role !== "segment" || shape.length < 2) return data;
  const k = Math.min(Math.floor(step), shape[0] - 1);
  return data.subarray(k * shape[1], (k + 1) * shape[1]);
}

function finiteStart(x, y, step) {
  const end = Math.min(Math.floor(step) + 1, x.length, y.length);
  let n = 0;
  while (n < end && Number.isFinite(x[n]) && Number.isFinite(y[n])) n += 1;
  return [x.slice(0, n), y.slice(0, n)];
}
