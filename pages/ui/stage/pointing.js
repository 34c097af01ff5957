// Pointing at a step of a path in one panel marks the same step in all of them.

import { place } from "./paths.js";

const NEAR = 9; // pixels

export class Pointing {
  /** on: { step(k or null) }: what is pointed at has changed. */
  constructor(panel, on) {
    Object.assign(this, { panel, on, step: null });
    this.look = (event) => this.tell(event.buttons ? null : this.at(event));
    this.tap = (event) => this.tell(this.at(event));
    this.leave = () => this.tell(null);
    panel.area.addEventListener("pointermove", this.look);
    panel.area.addEventListener("pointerdown", this.tap);
    panel.area.addEventListener("pointerleave", this.leave);
  }

  tell(step) {
    if (step === this.step) return;
    this.step = step;
    this.on.step(step);
  }

  /** The step of the drawn point that the pointer is on, or null. */
  at(event) {
    const { panel } = this;
    const scene = panel.current;
    if (!scene) return null;
    const box = panel.overlay.root.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const view = panel.view();
    let [best, found] = [NEAR, null];
    for (const line of panel.lines) {
      const data = line.role === "path" && scene.shown(line) ? scene.get(line.id) : null;
      if (!data?.x || !data?.y) continue;
      const last = Math.min(Math.floor(scene.step), data.x.data.length - 1);
      for (let k = 0; k <= last; k += 1) {
        const at = place(view, data.x.data[k], data.y.data[k]);
        const away = at ? Math.hypot(at[0] - px, at[1] - py) : Infinity;
        if (away < best) [best, found] = [away, k];
      }
    }
    return found;
  }

  dispose() {
    const { area } = this.panel;
    area.removeEventListener("pointermove", this.look);
    area.removeEventListener("pointerdown", this.tap);
    area.removeEventListener("pointerleave", this.leave);
  }
}
