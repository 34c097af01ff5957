// A point as a thing to grab: dragged, moved with the arrow keys, or set by a click or tap on its panel.

import { clamp } from "./numbers.js";
import { s } from "./dom.js";
import { fromPixel, place } from "./paths.js";

const KEY_REST = 300;
const KEY_STEP = 0.02; // of the range
const STILL = 8; // pixels a tap may wander
const HIT = 22; // half of a 44-pixel target
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Handle {
  /** on: { value(), hold(), preview(point), commit(point), enabled(), nearest(event) -> Handle } */
  constructor(def, panel, on) {
    Object.assign(this, { def, panel, on, fresh: true, origin: null });
    this.make = () => this.element();
    this.tap = this.tap.bind(this);
    panel.area.addEventListener("pointerdown", this.tap);
  }

  element() {
    const hit = s("circle", { r: HIT, fill: "transparent", "data-hit": "" });
    const dot = s("circle", { r: 6, "stroke-width": 2 });
    const group = s("g", {
      class: "inv-handle", role: "slider", "aria-label": this.def.label, "aria-roledescription": "point",
      tabindex: 0, onpointerdown: (event) => this.drag(event), onkeydown: (event) => this.key(event),
    }, hit, dot, s("text"));
    this.group = group;
    return group;
  }

  /** What overlay.handle draws. */
  scene() {
    const { def, origin, fresh, make } = this;
    return [def, this.on.value(), { origin, fresh, make, disabled: !this.on.enabled() }];
  }

  at(event) {
    const box = this.panel.overlay.root.getBoundingClientRect();
    const view = this.panel.view();
    return this.bound([
      fromPixel(view.x, event.clientX - box.left, false),
      fromPixel(view.y, event.clientY - box.top, true),
    ]);
  }

  /** From the pointer to the point, in pixels. */
  distance(event) {
    const box = this.panel.overlay.root.getBoundingClientRect();
    const { x, y } = this.panel.view();
    const at = place({ x, y }, ...this.on.value());
    return at ? Math.hypot(event.clientX - box.left - at[0], event.clientY - box.top - at[1]) : Infinity;
  }

  bound(point) {
    return point.map((value, i) => Number(clamp(value, this.def.min[i], this.def.max[i]).toPrecision(4)));
  }

  drag(event) {
    if (!this.on.enabled() || event.button > 0) return;
    // Where two targets overlap, the pointer meets the one drawn last: it hands on to the one that is meant.
    const meant = this.on.nearest(event);
    if (meant && meant !== this) {
      meant.drag(event);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const target = this.group;
    target.focus({ preventScroll: true });
    target.setPointerCapture(event.pointerId);
    const before = this.on.value();
    let moved = false;
    this.on.hold();
    const move = (next) => {
      if (!moved && Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) < 3) return;
      moved = true;
      this.origin = before;
      this.on.preview(this.at(next));
    };
    const end = (last) => {
      for (const [name, listener] of Object.entries(listeners)) target.removeEventListener(name, listener);
      this.origin = null;
      if (last.type === "pointercancel" || !moved) this.on.cancel(before);
      else this.finish(this.on.value());
    };
    const listeners = { pointermove: move, pointerup: end, pointercancel: end };
    for (const [name, listener] of Object.entries(listeners)) target.addEventListener(name, listener);
  }

  /** A press and release at one place; a scroll or a drag is neither. */
  tap(down) {
    const { graph } = this.panel;
    if (!this.on.enabled() || down.button > 0 || this.on.nearest(down) !== this) return;
    if (graph._fullLayout?.dragmode || down.target.closest?.(".modebar")) return;
    const end = (up) => {
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      const still = Math.hypot(up.clientX - down.clientX, up.clientY - down.clientY) < STILL;
      const box = this.panel.overlay.root.getBoundingClientRect();
      const [x, y] = [up.clientX, up.clientY];
      const inside = x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
      if (up.type === "pointerup" && up.pointerId === down.pointerId && still && inside) this.finish(this.at(up));
    };
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  key(event) {
    const move = KEYS[event.key];
    if (!move || !this.on.enabled()) return;
    event.preventDefault();
    event.stopPropagation();
    const value = this.on.value();
    const point = this.bound(value.map((v, i) => v + move[i] * KEY_STEP * (this.def.max[i] - this.def.min[i])));
    this.origin ??= value;
    this.on.hold();
    this.on.preview(point);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.finish(this.on.value()), KEY_REST);
  }

  finish(point) {
    this.origin = null;
    this.fresh = false;
    this.on.commit(point);
  }

  dispose() {
    clearTimeout(this.timer);
    this.panel.area.removeEventListener("pointerdown", this.tap);
  }
}
