// Which settings hold: the local ones lead while a hand is on them, the server's answers follow, strangers win.
//
// Answers may come late, in bunches, or not at all (Streamlit drops a run that a newer one overtakes). So every commit
// is remembered until its answer comes: an answer to an older commit must not move what the hand has moved since.

const numeric = (a, b) => typeof a === "number" && typeof b === "number";
const close = (a, b) => a === b || (numeric(a, b) && Math.abs(a - b) <= 1e-5 * Math.max(Math.abs(a), Math.abs(b)));

/** Equal up to the rounding that a value may suffer on its way through the address bar. */
export function same(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  return close(a, b);
}

const sameAll = (a, b) => Object.keys({ ...a, ...b }).every((name) => same(a[name], b[name]));

export class Settings {
  constructor() {
    this.local = {};
    this.sent = [];
    this.held = new Set();
  }

  set(name, value) {
    this.local = { ...this.local, [name]: value };
  }

  /** Remember that these were sent, and return them. */
  commit() {
    this.sent.push(this.local);
    if (this.sent.length > 50) this.sent.shift();
    return { ...this.local };
  }

  /** The server's settings arrive with a picture. Returns true where the local ones followed something new. */
  receive(arriving) {
    const answered = this.sent.findIndex((sent) => sameAll(sent, arriving));
    if (answered >= 0) {
      this.sent.splice(0, answered + 1);
      this.last = arriving;
      return false;
    }
    if (this.sent.length && sameAll(this.last ?? {}, arriving)) return false; // the picture from before the commits
    this.last = arriving;
    let followed = false;
    const next = { ...this.local };
    for (const [name, value] of Object.entries(arriving)) {
      if (this.held.has(name) || same(next[name], value)) continue;
      next[name] = value;
      followed = true;
    }
    this.local = next;
    if (followed) this.sent = [];
    return followed;
  }
}
