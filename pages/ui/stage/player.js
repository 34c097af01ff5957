// Time for the steps: eight a second while that stays short, the whole path in six seconds where it does not.

import { reducedMotion } from "./dom.js";

const RATE = 8;
const LONGEST = 6;

export class Player {
  /** on: { step(value), end() }; step may be fractional, for rings that glide between steps. */
  constructor(on) {
    this.on = on;
    this.frame = null;
  }

  get playing() {
    return this.frame !== null;
  }

  play(from, count) {
    this.stop();
    if (!count) return;
    const rate = Math.max(RATE, count / LONGEST);
    const start = from >= count ? 0 : from;
    let begun = null;
    const tick = (now) => {
      begun ??= now;
      const step = Math.min(count, start + ((now - begun) / 1000) * rate);
      this.frame = step < count ? requestAnimationFrame(tick) : null;
      this.on.step(reducedMotion() ? Math.floor(step) : step);
      if (step >= count) this.on.end();
    };
    this.frame = requestAnimationFrame(tick);
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
  }
}
