// Play, and the slider over steps. It only reports; player.js keeps the time.

import { h, put, say } from "./dom.js";

const FINE = 100; // positions between two steps, so that the thumb glides while playing
const KEY_REST = 300;

export class StepRow {
  /** on: { toggle(), hold(), drag(step), commit(step), release() } */
  constructor(on) {
    this.on = on;
    this.count = 0;
    this.noun = "step";
    this.icon = h("span", { class: "inv-icon", "aria-hidden": "true" });
    this.word = h("span");
    this.button = h("button", { type: "button", class: "inv-play", onclick: () => on.toggle() }, this.icon, this.word);
    this.input = h("input", { type: "range", min: 0, step: 1 });
    this.output = h("output", { class: "inv-stepcount" });
    this.root = h("div", { class: "inv-row inv-steps", "data-control": "step" },
      this.button, h("div", { class: "inv-track" }, this.input), this.output);
    const read = () => Math.round(this.input.value / FINE);
    this.input.addEventListener("pointerdown", () => {
      this.before = Math.floor(this.step);
      on.hold();
    });
    this.input.addEventListener("input", () => on.drag(read()));
    this.input.addEventListener("change", () => this.cancelled || on.commit(read()));
    this.input.addEventListener("pointerup", () => setTimeout(() => this.timer || on.release()));
    this.input.addEventListener("pointercancel", () => {
      this.cancelled = true; // a scroll that began on the track, as in slider.js
      setTimeout(() => {
        this.cancelled = false;
        on.drag(this.before);
        on.release();
      });
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.show(0, false);
  }

  key(event) {
    const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
    const ends = { Home: 0, End: this.count };
    const goal = ends[event.key] ?? Math.round(this.step) + moves[event.key];
    if (!Number.isFinite(goal)) return;
    event.preventDefault();
    event.stopPropagation();
    this.on.hold();
    this.show(Math.min(this.count, Math.max(0, goal)), this.playing); // the next key may come before the next picture
    this.on.drag(this.step);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.on.commit(Math.round(this.step));
    }, KEY_REST);
  }

  /** noun: what one of them is called. */
  update({ count, noun }) {
    Object.assign(this, { count, noun });
    put(this.input, { max: count * FINE, "aria-label": noun });
    this.show(this.step, this.playing);
  }

  show(step, playing) {
    this.step = step;
    const whole = Math.min(this.count, Math.floor(step + 1e-6));
    this.input.value = Math.round(step * FINE);
    this.input.style.setProperty("--at", `${this.count ? (100 * step) / this.count : 0}%`);
    const told = `${this.noun} ${whole} of ${this.count}`;
    say(this.output, told);
    put(this.input, { "aria-valuetext": told });
    if (playing === this.playing) return;
    this.playing = playing;
    put(this.icon, { "data-icon": playing ? "pause" : "play" });
    say(this.word, playing ? "Pause" : "Play");
  }

  enable(yes) {
    this.input.disabled = this.button.disabled = !yes || !this.count;
  }
}
