// Which settings hold: the local ones lead while a hand is on them, the server's answers follow, strangers win.
//
// Answers may come late, in bunches, or not at all (Streamlit drops a run that a newer one overtakes). So every commit
// carries a number, and every picture says up to which number it knows: an older picture must not move what the hand has
// moved since, a picture that knows the last commit is the truth, be it another one (Back, a preset, a refused value).

const numeric = (a, b) => typeof a === "number" && typeof b === "number";
const close = (a, b) => a === b || (numeric(a, b) && Math.abs(a - b) <= 1e-5 * Math.max(Math.abs(a), Math.abs(b)));

const object = (a) => a !== null && typeof a === "object" && !Array.isArray(a);

/** Equal up to the rounding that a value may suffer on its way through the address bar. */
export function same(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (object(a) && object(b)) return same(Object.keys(a), Object.keys(b)) && same(Object.values(a), Object.values(b));
  return close(a, b);
}

export class Settings {
  constructor() {
    this.local = {};
    this.number = 0;
    this.sent = {};
    this.held = new Set();
  }

  set(name, value) {
    this.local = { ...this.local, [name]: value };
  }

  /** What is sent: all that the hand has changed and no picture knows yet, the number of this commit, the address. */
  commit(changes) {
    this.number += 1;
    this.sent = { ...this.sent, ...changes };
    return { ...this.sent, commit: this.number, address: location.search };
  }

  /** The settings that make a picture; step and hide only choose how much of it is drawn. */
  get places() {
    const { step, hide, ...places } = this.local;
    return places;
  }

  /** Whether a commit is on its way that no picture knows yet. */
  get awaits() { return Object.keys(this.sent).length > 0; }

  /** Another address: whatever the hand has done so far was for the one before. */
  leave() {
    this.held.clear();
    this.sent = {};
  }

  /** The server's settings arrive with a picture that knows the commits up to `answered`. */
  receive(arriving, answered) {
    if (answered < this.number) return;
    this.number = answered;
    this.sent = {};
    const next = { ...this.local };
    for (const [name, value] of Object.entries(arriving)) {
      if (!this.held.has(name) && !same(next[name], value)) next[name] = value;
    }
    this.local = next;
  }
}
