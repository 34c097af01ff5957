// From numbers to the `d` of an SVG path: the inner loop of every moving picture.
//
// A view is affine in what the axis is linear in (the value, or log10 of it): exactly Plotly's d2l then l2p, written
// out because calling them per point costs as much as the rest of the picture, and because ax.range follows a
// pan while it happens where l2p does not.

// Beyond this many pixels SVG renderers lose precision. Far points are pulled in towards the view along their
// direction, so that the visible part of a segment that leaves keeps its slope.
const FAR = 1e5;
const APART = 4; // pixels

export function axisView(axis) {
  const log = axis.type === "log";
  const [from, to] = axis.range.map(Number);
  return { log, from, scale: axis._length / (to - from), length: axis._length };
}

export function toPixel(axis, value, flip) {
  let place = value;
  if (axis.log) {
    // Exactly zero on a logarithmic axis is a method that has arrived: it leaves through the bottom, not nowhere.
    if (value === 0) place = -1e6;
    else place = Math.log10(value);
  }
  const pixel = (place - axis.from) * axis.scale;
  return flip ? axis.length - pixel : pixel;
}

export function fromPixel(axis, pixel, flip) {
  const place = (flip ? axis.length - pixel : pixel) / axis.scale + axis.from;
  return axis.log ? 10 ** place : place;
}

const tenth = (value) => Math.round(value * 10) / 10;

function point(view, x, y) {
  let px = toPixel(view.x, x, false);
  let py = toPixel(view.y, y, true);
  if (!Number.isFinite(px) || !Number.isFinite(py)) return null;
  const size = Math.max(Math.abs(px), Math.abs(py));
  if (size > FAR) {
    px *= FAR / size;
    py *= FAR / size;
  }
  return [px, py];
}

/** A path up to the (possibly fractional) step `end`: { d, dots, tip }. It ends where it ceases to be finite. */
export function pathUpTo(view, xs, ys, end, withDots) {
  const last = Math.min(end, xs.length - 1, ys.length - 1);
  const whole = Math.floor(last);
  let d = "";
  let dots = "";
  let tip = null;
  for (let i = 0; i <= whole; i += 1) {
    const next = point(view, xs[i], ys[i]);
    if (!next) return { d, dots, tip };
    const text = `${tenth(next[0])},${tenth(next[1])}`;
    d += (i ? "L" : "M") + text;
    if (withDots && i < last) dots += `M${text}h0`;
    tip = next;
  }
  const share = last - whole;
  const ahead = share > 0 ? point(view, xs[whole + 1], ys[whole + 1]) : null;
  if (ahead && tip) {
    tip = [tip[0] + (ahead[0] - tip[0]) * share, tip[1] + (ahead[1] - tip[1]) * share];
    d += `L${tenth(tip[0])},${tenth(tip[1])}`;
  }
  return { d, dots, tip };
}

/** A whole curve: non-finite points are gaps. */
export function wholePath(view, xs, ys) {
  let d = "";
  let pen = "M";
  const count = Math.min(xs.length, ys.length);
  for (let i = 0; i < count; i += 1) {
    const next = point(view, xs[i], ys[i]);
    if (next) d += `${pen}${tenth(next[0])},${tenth(next[1])}`;
    pen = next ? "L" : "M";
  }
  return d;
}

const beside = (a, b, length) => Math.max(a, b) < 0 || Math.min(a, b) > length;

/** Pixels [x, y] along what is in view of a curve, a few apart. */
export function dense(view, xs, ys) {
  const pixels = [];
  let before = null;
  for (let i = 0; i < Math.min(xs.length, ys.length); i += 1) {
    const next = point(view, xs[i], ys[i]);
    const [from, to] = [before ?? next, next];
    before = next;
    if (!next || beside(from[0], to[0], view.x.length) || beside(from[1], to[1], view.y.length)) continue;
    const pieces = Math.min(500, Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / APART)));
    for (let k = 1; k <= pieces; k += 1) {
      pixels.push([from[0] + ((to[0] - from[0]) * k) / pieces, from[1] + ((to[1] - from[1]) * k) / pieces]);
    }
  }
  return pixels;
}

/** One point in pixels, or null where it is not finite. */
export const place = (view, x, y) => point(view, x, y);
