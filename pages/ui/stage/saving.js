// "Save this figure": as it stands, as a picture or as numbers, each with what is needed to make it again.

import { h } from "./dom.js";
import { download, drawFigure, fileName, raster, svgText } from "./export.js";

export class Saving {
  constructor(stage) {
    this.stage = stage;
    const ways = [["PNG", () => this.picture("png")], ["SVG", () => this.picture("svg")],
      ["CSV", () => this.save("csv", "text/csv", asCsv(this.content()))],
      ["JSON", () => this.save("json", "application/json", JSON.stringify(this.content(), null, 1))]];
    this.root = h("details", { class: "inv-more inv-saving" }, h("summary", {}, "Save this figure"),
      h("div", { class: "inv-group" },
        ...ways.map(([name, act]) => h("button", { type: "button", class: "inv-plain", onclick: act }, name)),
        h("span", {}, "The picture as it stands; its numbers, with settings, versions and device.")));
  }

  show({ header }) {
    this.root.hidden = header.veiled;
  }

  get panels() { return [...this.stage.figures.panels.values()]; }

  save(suffix, type, content) {
    download(fileName(this.stage.header.slug, suffix), content, type);
  }

  async picture(kind) {
    const { legend, theme, header } = this.stage;
    this.panels.forEach((panel) => panel.settle());
    const drawn = await drawFigure(this.panels, legend.keys(), theme);
    drawn.append(description(this.content()));
    if (kind === "svg") this.save("svg", "image/svg+xml", svgText(drawn));
    else download(fileName(header.slug, "png"), (await raster(drawn)).toDataURL("image/png"));
  }

  /** What is shown, whole: paths with all their steps. */
  content() {
    const { header, model, settings, step } = this.stage;
    const hidden = new Set(settings.local.hide ?? []);
    const mine = (list, id) => list.filter((def) => def.panel === id && !hidden.has(def.group));
    return {
      page: header.slug, title: header.title, address: location.href, settings: settings.local,
      ...(header.steps ? { step: Math.floor(step + 1e-6) } : {}), made_with: header.made,
      numbers: Object.fromEntries(Object.entries(model.numbers).map(([name, value]) => [name, finite(value)])),
      panels: header.panels.map((def) => ({
        panel: def.id, title: def.title, x: def.xaxis.label, y: def.yaxis.label,
        lines: mine(header.lines, def.id).map((line) => ({
          line: line.id, label: line.label, role: line.role, ...rows(model.get(line.id), ["x", "y"]) })),
        marks: mine(header.marks, def.id).map((mark) => ({
          mark: mark.id, label: mark.label, ...rows(model.get(mark.id), ["x", "y"]) })),
        fields: mine(header.fields, def.id).map((field) => ({ ...field, ...rows(model.get(field.id), ["z"]) })),
      })),
    };
  }
}

const finite = (value) => (Number.isFinite(value) ? Number(value.toPrecision(7)) : null); // JSON knows no nan

/** The named arrays of an entry as lists, of lists where they have rows. */
function rows(entry, axes) {
  return Object.fromEntries(axes.filter((axis) => entry?.[axis]).map((axis) => {
    const { data, shape } = entry[axis];
    const all = Array.from(data, finite);
    const width = shape.at(-1);
    if (shape.length < 2) return [axis, all];
    return [axis, Array.from({ length: shape[0] }, (_, i) => all.slice(i * width, (i + 1) * width))];
  }));
}

/** One line for each point: where it is drawn, of which line, at which step, its coordinates. */
function asCsv({ panels, ...about }) {
  const head = Object.entries(about).map(([name, value]) => `# ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  const cell = (value) => (/[",\n]/.test(value ?? "") ? `"${value.replaceAll('"', '""')}"` : (value ?? ""));
  const lines = [[...["panel", "line", "label", "step", "point", "x", "y"]].join(",")];
  for (const panel of panels) {
    for (const one of [...panel.lines, ...panel.marks]) {
      const start = [cell(panel.title || panel.panel), cell(one.line ?? one.mark), cell(one.label)];
      const add = (step, point, x, y) => lines.push([...start, step, point, x, y].join(","));
      const pair = (x, y, step) => x.forEach((value, i) => add(step, i, value, y[i]));
      const along = (i) => (one.role === "path" ? i : "");
      const [x, y] = [one.x ?? [], one.y ?? []];
      if (Array.isArray(y[0])) y.forEach((row, k) => pair(Array.isArray(x[0]) ? x[k] : x, row, k));
      else x.forEach((value, i) => add(along(i), one.role === "path" ? "" : i, value, y[i]));
    }
  }
  return [...head, ...lines, ""].join("\n");
}

/** What an SVG tells who opens it in an editor: how it was made. */
function description({ panels, ...about }) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "desc");
  element.textContent = JSON.stringify(about);
  return element;
}
