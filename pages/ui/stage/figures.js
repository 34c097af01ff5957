// All panels of one stage: which there are, how large, what each is given to draw, and where the hand grabs.

import { h } from "./dom.js";
import { Handle } from "./handle.js";
import { arrange, WIDE } from "./layout.js";
import { Panel } from "./panel.js";
import { Pointing } from "./pointing.js";
import { fieldKeys } from "./scale.js";

export class Figures {
  constructor(stage) {
    this.stage = stage;
    this.bigs = h("div", { class: "inv-bigs" });
    this.smalls = h("div", { class: "inv-smalls" });
    this.root = h("div", { class: "inv-figures" }, this.bigs, this.smalls);
    this.panels = new Map();
    this.handles = new Map();
    this.pointed = null; // the step that is pointed at
  }

  clear() {
    for (const handle of this.handles.values()) handle.dispose();
    for (const panel of this.panels.values()) panel.dispose();
    this.pointed = null;
    this.handles.clear();
    this.panels.clear();
  }

  update(header, theme, root, taken) {
    this.header = header;
    this.theme = theme;
    for (const [id, panel] of this.panels) {
      if (header.panels.some((def) => def.id === id)) continue;
      panel.dispose();
      this.panels.delete(id);
    }
    const width = root.clientWidth;
    root.classList.toggle("inv-wide", width >= WIDE);
    const { sizes, columns, beside, abreast } = arrange(header.panels, width, taken, window.innerHeight);
    this.bigs.classList.toggle("inv-abreast", Boolean(abreast));
    this.root.style.gridTemplateColumns = columns;
    this.smalls.style.gridTemplateColumns = `repeat(${beside ?? 1}, minmax(0, 1fr))`;
    this.smalls.hidden = header.panels.every(({ size }) => size === "big");
    header.panels.forEach((def) => this.place(def, header, sizes.get(def.id)));
    this.placeHandles();
  }

  /** What the legend and the controls take; folded-out settings may push the page, not shrink the figure. */
  heightOf(others) {
    let height = 0;
    for (const element of others) {
      if (element.hidden) continue;
      height += element.offsetHeight + 10;
      for (const more of element.querySelectorAll("details[open] > .inv-group")) height -= more.offsetHeight;
    }
    return height;
  }

  place(def, header, size) {
    let panel = this.panels.get(def.id);
    const column = def.size === "big" ? this.bigs : this.smalls;
    if (!panel) {
      panel = new Panel(window.Plotly, def);
      panel.onview = () => this.stage.requestDraw();
      panel.root.addEventListener("pointerenter", () => panel.settle());
      panel.pointing = new Pointing(panel, { step: (step) => this.point(step, panel) });
      this.panels.set(def.id, panel);
    }
    if (panel.root.parentElement !== column) column.append(panel.root);
    panel.root.style.setProperty("--inset", `${size.margin.l}px`);
    // A small plot with equal scales may be narrower than its column; its title may use the whole width.
    panel.root.style.width = size.big ? `${size.width}px` : "";
    panel.update(def, header.lines.filter((line) => line.panel === def.id), this.theme, size);
    const mine = (list) => list.filter((item) => item.panel === def.id);
    panel.fields = mine(header.fields);
    panel.marks = mine(header.marks);
    const visible = panel.fields.filter((field) => !(header.veiled && field.answer));
    const keys = JSON.stringify([visible, this.theme]);
    if (keys === panel.keyed) return;
    panel.keyed = keys;
    panel.keys.replaceChildren(...fieldKeys(visible, this.theme));
  }

  placeHandles() {
    const { stage, header } = this;
    const points = header.controls.filter((def) => def.kind === "point" && !(def.guess && header.guess === "none"));
    const wanted = JSON.stringify(points);
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    for (const handle of this.handles.values()) handle.dispose();
    this.handles.clear();
    for (const def of points) {
      const panel = this.panels.get(def.panel);
      if (!panel) continue;
      this.handles.set(def.name, new Handle(def, panel, {
        value: () => stage.settings.local[def.name] ?? def.default,
        enabled: () => (def.guess ? stage.header.guess === "open" : !stage.header.veiled),
        nearest: (event) => this.nearest(panel, event),
        hold: () => stage.hold(def.name),
        preview: (point) => stage.preview(def.name, point),
        cancel: (point) => {
          stage.release(def.name);
          stage.preview(def.name, point);
        },
        commit: (point) => stage.commit({ [def.name]: point }),
      }));
    }
  }

  point(step, panel) {
    this.pointed = this.header.steps && !this.header.veiled && step !== null ? { step, panel } : null;
    this.stage.requestDraw();
  }

  /** Of several points on a panel a tap moves the one that is nearest to it. */
  nearest(panel, event) {
    const candidates = [...this.handles.values()].filter((handle) => handle.panel === panel && handle.on.enabled());
    return candidates.sort((a, b) => a.distance(event) - b.distance(event))[0];
  }

  draw({ step, hidden, local }) {
    const { stage, header } = this;
    const get = (id) => stage.model.get(id);
    const shown = (def) => !(header.veiled && def.answer) && !(def.group && hidden.has(def.group));
    for (const panel of this.panels.values()) {
      const handles = [...this.handles.values()].filter((handle) => handle.panel === panel);
      panel.root.classList.toggle("inv-stale", !header.elsewhere && handles.some(({ origin }) => origin));
      panel.draw({
        get, step, shown, fields: panel.fields, marks: panel.marks,
        cursor: panel.def.cursor ? (local[panel.def.cursor] ?? null) : null,
        handles: handles.map((handle) => handle.scene()),
        pointed: this.pointed?.step ?? null,
        here: this.pointed?.panel === panel,
      });
    }
  }

  /** One panel a task: together they would hold the main thread for a tenth of a second. */
  settle() {
    const queue = [...this.panels.values()];
    const next = () => {
      const panel = queue.shift();
      if (!panel || this.stage.disposed || this.stage.pending || this.stage.player.playing) return;
      panel.settle();
      setTimeout(next);
    };
    next();
  }
}
