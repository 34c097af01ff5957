// How long pictures take, for the benchmark and the tests: main-thread work and the time between animation frames.

const KEPT = 4000;
const PAUSE = 100; // ms: a longer interval is a rest between two movements, not a slow picture

export class Meter {
  constructor() {
    this.reset();
  }

  reset() {
    Object.assign(this, { work: [], intervals: [], previous: null });
  }

  add(work, now = null) {
    this.work.push(work);
    if (now !== null) {
      const interval = this.previous === null ? 0 : now - this.previous;
      if (interval > 0 && interval < PAUSE) this.intervals.push(interval);
      this.previous = now;
    }
    for (const list of [this.work, this.intervals]) if (list.length > KEPT) list.splice(0, list.length - KEPT);
  }

  read() {
    return { work: [...this.work], intervals: [...this.intervals] };
  }
}
