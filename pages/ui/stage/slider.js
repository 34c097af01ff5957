// A real <input type=range> with a linear or logarithmic track, landmarks that can be clicked, and exact values.
//
// While a sweep exists the value snaps to its frames, so that the number shown is the number drawn.

import { h, put, say } from "./dom.js";
import { format, fromTrack, nearest, tidy, toTrack } from "./numbers.js";

const FINE = 1000; // positions of the native track: finer than a pixel on any screen
const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
const KEY_REST = 300; // ms without a key before a value set by keyboard is committed
let serial = 0;

export class Slider {
  /** on: { hold(), preview(value), commit(value), release() } */
  constructor(def, on) {
    serial += 1;
    const id = `inv-slider-${serial}`;
    this.on = on;
    this.label = h("label", { for: id });
    this.input = h("input", { type: "range", id, min: 0, max: FINE, step: 1 });
    this.output = h("output", { for: id });
    this.marks = h("div", { class: "inv-landmarks" });
    this.root = h("div", { class: "inv-row inv-slider", "data-control": def.name },
      this.label, h("div", { class: "inv-track" }, this.input, this.marks), this.output);
    this.listen();
    this.update(def, null, {});
  }

  listen() {
    const { input, on } = this;
    input.addEventListener("pointerdown", () => {
      this.before = this.value;
      on.hold();
    });
    input.addEventListener("input", () => {
      on.hold();
      this.show(this.snap(fromTrack(this.def, input.value / FINE)), false);
      on.preview(this.value);
    });
    input.addEventListener("change", () => this.cancelled || this.commit());
    // "change" comes after pointerup, and not at all where the value stayed.
    input.addEventListener("pointerup", () => setTimeout(() => this.timer || on.release()));
    input.addEventListener("pointercancel", () => {
      // The finger came to scroll the page and only touched the track on its way.
      this.cancelled = true;
      setTimeout(() => {
        this.cancelled = false;
        this.show(this.before, true);
        on.preview(this.before);
        on.release();
      });
    });
    input.addEventListener("keydown", (event) => {
      const move = KEYS[event.key];
      const end = { Home: 0, End: 1 }[event.key];
      if (move === undefined && end === undefined) return;
      event.preventDefault();
      on.hold();
      this.show(end === undefined ? this.stepped(move) : this.snap(fromTrack(this.def, end)), true);
      on.preview(this.value);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.commit(), KEY_REST);
    });
    input.addEventListener("blur", () => this.timer && this.commit());
  }

  commit() {
    clearTimeout(this.timer);
    this.timer = null;
    this.on.commit(this.value);
  }

  snap(value) {
    const { step, min, max } = this.def;
    if (step) return tidy(Math.min(max, min + Math.round((value - min) / step) * step));
    if (!this.frames) return value;
    return tidy(this.frames[nearest(this.frames, value, this.def.scale)]);
  }

  stepped(move) {
    const { frames, def } = this;
    if (def.step) return this.snap(Math.min(def.max, Math.max(def.min, this.value + move * def.step)));
    if (!frames) return fromTrack(def, Math.min(1, Math.max(0, toTrack(def, this.value) + move / 100)));
    const k = nearest(frames, this.value, def.scale) + move;
    return tidy(frames[Math.min(frames.length - 1, Math.max(0, k))]);
  }

  update(def, frames, numbers) {
    const first = JSON.stringify(def) !== JSON.stringify(this.def);
    this.def = def;
    this.frames = frames;
    if (first) {
      say(this.label, def.label);
      put(this.input, { "aria-label": def.label });
      this.buttons = (def.landmarks ?? []).map((mark) =>
        h("button", {
          type: "button", class: "inv-landmark", title: `${def.symbol ?? def.name} at ${mark.label}`,
          onclick: (event) => this.show(Number(event.currentTarget.dataset.value), true) ?? this.commit(),
        }, mark.label));
      this.ticks = this.buttons.map(() => h("i"));
      this.marks.replaceChildren(...this.ticks, ...this.buttons);
      this.width = 0; // until the next layout
    }
    this.place(numbers);
  }

  /** Sizes of track and labels, read once for each layout: asking for them in every picture costs 2 ms. */
  measure() {
    this.width = this.marks.clientWidth;
    this.widths = this.buttons.map((button) => button.offsetWidth);
    this.placed = "";
  }

  /** Landmarks at their place; a label that would cover its neighbour moves aside, its tick stays. */
  place(numbers) {
    const marks = this.def.landmarks ?? [];
    if (!marks.length || !this.width) return;
    const values = marks.map((mark) => (mark.number ? numbers[mark.number] : mark.value));
    const { width } = this;
    const key = String(values);
    if (key === this.placed) return;
    this.placed = key;
    const { min, max } = this.def;
    const spots = values.map((value, i) => ({
      value, tick: this.ticks[i], button: this.buttons[i], size: this.widths[i], at: toTrack(this.def, value) * width,
      visible: Number.isFinite(value) && value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9),
    }));
    let edge = 0;
    for (const spot of spots) {
      spot.tick.style.visibility = spot.button.style.visibility = spot.visible ? "" : "hidden";
    }
    const shown = spots.filter(({ visible }) => visible).sort((a, b) => a.at - b.at);
    for (const spot of shown) {
      spot.left = Math.max(edge, spot.at - spot.size / 2);
      edge = spot.left + spot.size + 2;
    }
    let limit = width + 8;
    for (const spot of shown.reverse()) {
      spot.left = Math.min(spot.left, limit - spot.size);
      limit = spot.left - 2;
      spot.tick.style.left = `${spot.at}px`;
      spot.button.style.left = `${spot.left}px`;
      spot.button.dataset.value = spot.value;
    }
  }

  /** Show a value; `move` also moves the thumb, which a dragging hand does itself. */
  show(value, move = true) {
    this.value = value;
    const t = toTrack(this.def, value);
    const { input, output, def } = this;
    if (move) input.value = Math.round(t * FINE);
    const at = `${(Number(input.value) / FINE) * 100}%`;
    if (this.at !== at) input.style.setProperty("--at", (this.at = at));
    const text = format(value, def.digits ?? 3, def.unit);
    say(output, text);
    put(input, { "aria-valuetext": text });
  }

  /** The pictures of its places are on their way: until then the figure follows when the hand lets go. */
  wait(yes) {
    put(this.root, { "aria-busy": yes ? "true" : null });
  }

  enable(yes) {
    this.input.disabled = !yes;
    for (const button of this.buttons) button.disabled = !yes;
  }
}
