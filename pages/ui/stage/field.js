// Landscapes on a canvas under the plot: a grey shade and isolines, redrawn for every picture of a sweep.
// Plotly's contour trace takes 30 ms for what takes 1 ms here, and reports no clicks either.

import { shadeStrength } from "./theme.js";
import { toPixel } from "./paths.js";

/** Pixel places of a refined grid's samples along one axis; evenly spaced in what the axis is linear in. */
function samples(axis, low, high, count, factor, flip) {
  const [from, to] = axis.log ? [Math.log10(low), Math.log10(high)] : [low, high];
  return Float64Array.from({ length: count * factor }, (_, i) => {
    const node = (i + 0.5) / factor - 0.5;
    const at = from + ((to - from) * node) / Math.max(1, count - 1);
    return toPixel(axis, axis.log ? 10 ** at : at, flip);
  });
}

/** One row of Catmull-Rom interpolation: a 48 x 48 grid stretched bilinearly to 450 px shows its diamonds. */
function refineRow(source, count, stride, offset, factor, target, targetStride, targetOffset) {
  const last = count - 1;
  for (let phase = 0; phase < factor; phase += 1) {
    const at = (phase + 0.5) / factor - 0.5;
    const shift = Math.floor(at);
    const t = at - shift;
    const [wa, wb] = [0.5 * t * (t * (2 - t) - 1), 1 + 0.5 * t * t * (3 * t - 5)];
    const [wc, wd] = [0.5 * t * (1 + t * (4 - 3 * t)), 0.5 * t * t * (t - 1)];
    for (let i = 0; i < count; i += 1) {
      const j = i + shift;
      const a = source[offset + Math.max(0, j - 1) * stride];
      const b = source[offset + Math.max(0, j) * stride];
      const c = source[offset + Math.min(last, j + 1) * stride];
      const d = source[offset + Math.min(last, j + 2) * stride];
      target[targetOffset + (i * factor + phase) * targetStride] = wa * a + wb * b + wc * c + wd * d;
    }
  }
}

/** A grid with `factor` samples for each node in both directions. */
function refine(grid, nx, ny, factor) {
  if (factor === 1) return { fine: grid, wide: nx, tall: ny };
  const [wide, tall] = [nx * factor, ny * factor];
  const rows = new Float32Array(wide * ny);
  for (let j = 0; j < ny; j += 1) refineRow(grid, nx, 1, j * nx, factor, rows, 1, j * wide);
  const fine = new Float32Array(wide * tall);
  for (let i = 0; i < wide; i += 1) refineRow(rows, ny, wide, i, factor, fine, wide, i);
  return { fine, wide, tall };
}

export class FieldPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.small = document.createElement("canvas");
    this.painted = "";
    this.sources = [];
  }

  /** fields: [{ def, z: { data, shape } }]. Draws only when a grid, the view or the theme has changed. */
  draw(fields, view, theme) {
    const ratio = window.devicePixelRatio || 1;
    const key = JSON.stringify([view, theme.text, theme.background, ratio, fields.map(({ def }) => def)]);
    const same = fields.every(({ z }, i) => z.data === this.sources[i]);
    if (key === this.painted && same && fields.length === this.sources.length) return;
    this.painted = key;
    this.sources = fields.map(({ z }) => z.data);
    const [width, height] = [Math.round(view.x.length * ratio), Math.round(view.y.length * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const { def, z } of fields.filter(({ def }) => def.kind === "shade")) this.shade(def, z, view, theme);
    for (const { def, z } of fields.filter(({ def }) => def.kind !== "shade")) this.isolines(def, z, view, theme);
  }

  shade(def, z, view, theme) {
    const [ny, nx] = z.shape;
    const level = new Float32Array(nx * ny);
    for (let i = 0; i < level.length; i += 1) {
      const t = (z.data[i] - def.low) / (def.high - def.low);
      level[i] = Number.isNaN(t) ? 1 : Math.min(1, Math.max(0, t)); // where the map has no value it promises nothing
    }
    const factor = Math.max(1, Math.min(4, Math.round(150 / nx)));
    const { fine, wide, tall } = refine(level, nx, ny, factor);
    Object.assign(this.small, { width: wide, height: tall });
    const brush = this.small.getContext("2d");
    const image = brush.createImageData(wide, tall);
    const pixels = new Uint32Array(image.data.buffer);
    const strength = 255 * shadeStrength(theme);
    const grey = theme.dark ? 0xffffff : 0;
    for (let j = 0; j < tall; j += 1) {
      const row = (tall - 1 - j) * wide; // row 0 of the data lies at the bottom
      for (let i = 0; i < wide; i += 1) {
        const t = Math.min(1, Math.max(0, fine[j * wide + i]));
        pixels[row + i] = (Math.round(strength * t) << 24) | grey;
      }
    }
    brush.putImageData(image, 0, 0);
    this.within(def, view, () => {
      const xs = samples(view.x, def.extent[0], def.extent[1], nx, factor, false);
      const ys = samples(view.y, def.extent[2], def.extent[3], ny, factor, true);
      const half = { x: (xs[1] - xs[0]) / 2, y: (ys[0] - ys[1]) / 2 };
      this.context.imageSmoothingQuality = "high";
      const [left, top] = [xs[0] - half.x, ys[tall - 1] - half.y];
      this.context.drawImage(this.small, left, top, xs[wide - 1] + half.x - left, ys[0] + half.y - top);
    });
  }

  isolines(def, z, view, theme) {
    const [ny, nx] = z.shape;
    const factor = nx < 100 ? 2 : 1;
    const { fine, wide, tall } = refine(z.data, nx, ny, factor);
    const xs = samples(view.x, def.extent[0], def.extent[1], nx, factor, false);
    const ys = samples(view.y, def.extent[2], def.extent[3], ny, factor, true);
    const levels = [...def.levels].sort((a, b) => a - b);
    this.within(def, view, () => {
      const { context } = this;
      context.beginPath();
      marchingSquares(fine, wide, tall, levels, xs, ys, context);
      context.strokeStyle = theme.text;
      context.globalAlpha = theme.dark ? 0.3 : 0.26;
      context.lineWidth = 1;
      context.stroke();
    });
  }

  /** Samples reach half a cell beyond the outer nodes; what lies outside the field's extent is cut off. */
  within(def, view, paint) {
    const [x0, x1, y0, y1] = def.extent;
    const [left, right] = [toPixel(view.x, x0, false), toPixel(view.x, x1, false)];
    const [bottom, top] = [toPixel(view.y, y0, true), toPixel(view.y, y1, true)];
    this.context.save();
    this.context.beginPath();
    this.context.rect(left, top, right - left, bottom - top);
    this.context.clip();
    paint();
    this.context.restore();
  }
}

/** Straight pieces of every level in every cell; the saddle's two pieces are paired by the cell's mean. */
function marchingSquares(z, nx, ny, levels, xs, ys, pen) {
  const crossings = new Float64Array(8);
  for (let j = 0; j + 1 < ny; j += 1) {
    for (let i = 0; i + 1 < nx; i += 1) {
      const a = z[j * nx + i];
      const b = z[j * nx + i + 1];
      const c = z[(j + 1) * nx + i + 1];
      const d = z[(j + 1) * nx + i];
      const low = Math.min(a, b, c, d);
      const high = Math.max(a, b, c, d);
      if (!(high - low < Infinity)) continue; // NaN or inf at a corner: no honest line through this cell
      const left = xs[i];
      const right = xs[i + 1];
      const bottom = ys[j];
      const top = ys[j + 1];
      for (const level of levels) {
        if (level < low) continue;
        if (level >= high) break;
        let n = 0;
        if (a < level !== b < level) {
          crossings[n] = left + ((level - a) / (b - a)) * (right - left);
          crossings[n + 1] = bottom;
          n += 2;
        }
        if (b < level !== c < level) {
          crossings[n] = right;
          crossings[n + 1] = bottom + ((level - b) / (c - b)) * (top - bottom);
          n += 2;
        }
        if (d < level !== c < level) {
          crossings[n] = left + ((level - d) / (c - d)) * (right - left);
          crossings[n + 1] = top;
          n += 2;
        }
        if (a < level !== d < level) {
          crossings[n] = left;
          crossings[n + 1] = bottom + ((level - a) / (d - a)) * (top - bottom);
          n += 2;
        }
        // Four crossings stand in the order bottom, right, top, left.
        const swap = n === 8 && (a + b + c + d) / 4 < level === a < level;
        const order = n === 8 ? (swap ? [0, 2, 4, 6] : [0, 6, 2, 4]) : [0, 2];
        for (let k = 0; k < (n >> 2) * 2; k += 2) {
          pen.moveTo(crossings[order[k]], crossings[order[k] + 1]);
          pen.lineTo(crossings[order[k + 1]], crossings[order[k + 1] + 1]);
        }
      }
    }
  }
}
