// A figure as a picture: landscape, plot, overlay and legend laid over each other in one SVG, or in a PNG made of it.
// Plotly exports only its own svg, and knows neither the landscape under it nor what is drawn over it.

import { h, s } from "./dom.js";
import { fieldWords } from "./scale.js";

const SCALE = 2; // pixels of a PNG for each pixel of the page
const HEAD = 28; // a panel's title
const KEY = 26; // the row of the legend
const SVG = "http://www.w3.org/2000/svg";
const PLAIN = "sans-serif";

/** Panel -> an <svg> of `width` x `height` with everything that the panel shows, its title above it. */
export async function drawPanel(panel) {
  const { size, theme, title, canvas, overlay, graph, Plotly } = panel;
  const { xaxis, yaxis } = graph._fullLayout;
  const area = { x: xaxis._offset, y: HEAD + yaxis._offset, width: xaxis._length, height: yaxis._length };
  const plot = await Plotly.toImage(graph, { format: "svg", width: size.width, height: size.height });
  const plotted = parsed(decodeURIComponent(plot.slice(plot.indexOf(",") + 1)));
  plotted.setAttribute("y", HEAD);
  const laid = overlay.root.cloneNode(true);
  laid.querySelectorAll("[data-hit]").forEach((hit) => hit.remove());
  for (const name of ["style", "class"]) laid.removeAttribute(name);
  for (const [name, value] of Object.entries(area)) laid.setAttribute(name, value);
  laid.setAttribute("overflow", "visible");
  const landscape = canvas.width && canvas.height
    ? [s("image", { ...area, href: canvas.toDataURL(), preserveAspectRatio: "none" })] : [];
  return s("svg", { width: size.width, height: size.height + HEAD },
    s("text", { x: size.margin.l, y: 19, fill: theme.text, "font-size": 14 }, title.textContent),
    s("text", { x: area.x + area.width, y: 19, fill: theme.muted, "font-size": 12, "text-anchor": "end" },
      fieldWords(panel.fields)),
    ...landscape, plotted, laid);
}

/** All panels of a stage where they stand on the page, and the legend above them -> one <svg>. */
export async function drawFigure(panels, keys, theme) {
  const frames = panels.map((panel) => panel.root.getBoundingClientRect());
  const [left, top] = [Math.min(...frames.map((frame) => frame.left)), Math.min(...frames.map((frame) => frame.top))];
  const head = keys.length ? KEY : 0;
  const drawn = [];
  for (const [i, panel] of panels.entries()) {
    const one = await drawPanel(panel);
    one.setAttribute("x", frames[i].left - left);
    one.setAttribute("y", frames[i].top - top + head);
    drawn.push(one);
  }
  const reach = (side, size) => Math.max(...drawn.map((one) => Number(one.getAttribute(side)) + Number(one.getAttribute(size))));
  return page(reach("x", "width"), reach("y", "height"), theme, legend(keys, theme), ...drawn);
}

/** One panel alone on a page. */
export async function drawAlone(panel) {
  const drawn = await drawPanel(panel);
  return page(Number(drawn.getAttribute("width")), Number(drawn.getAttribute("height")), panel.theme, drawn);
}

function page(width, height, theme, ...children) {
  return s("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}`, "font-family": `${theme.font}, ${PLAIN}` },
    s("rect", { width, height, fill: theme.background }), ...children);
}

/** A row of samples and names; keys: [{ label, line }] with `line` the legend's own sample. */
function legend(keys, theme) {
  const group = s("g", { "font-size": 13, fill: theme.text });
  const brush = document.createElement("canvas").getContext("2d");
  brush.font = `13px ${PLAIN}`; // wider than the page's, which is not at hand where the file is opened
  let x = 12;
  for (const { label, line } of keys) {
    const sample = line.cloneNode(true);
    sample.setAttribute("transform", `translate(${x}, 7)`);
    group.append(sample, s("text", { x: x + 32, y: 17 }, label));
    x += 32 + brush.measureText(label).width + 22;
  }
  return group;
}

const parsed = (text) => document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);

export const svgText = (drawn) => new XMLSerializer().serializeToString(drawn);

/** <svg> -> a canvas, at twice its size. */
export async function raster(drawn) {
  const [width, height] = ["width", "height"].map((side) => Number(drawn.getAttribute(side)));
  const target = h("canvas", { width: width * SCALE, height: height * SCALE });
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(drawn))}`;
  await image.decode();
  target.getContext("2d").drawImage(image, 0, 0, width * SCALE, height * SCALE);
  return target;
}

/** Hand a file to the browser's downloads. content: text, or a URL that holds the data. */
export function download(name, content, type = "") {
  const url = type ? URL.createObjectURL(new Blob([content], { type })) : content;
  h("a", { href: url, download: name }).click();
  if (type) setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export const fileName = (title, suffix) => `${title}.${suffix}`.replace(/[^\p{L}\p{N}.-]+/gu, "-");

export async function savePanel(panel) {
  const canvas = await raster(await drawAlone(panel));
  download(fileName(panel.def.title || panel.def.id, "png"), canvas.toDataURL("image/png"));
}
