// Fetches the sweeps of the picture's sliders: at once for the one that a hand comes near, the others when all is quiet
// and the server has time (it answers 204 while a whole class is at work).
//
// A sweep's address says all that it depends on, so one that has been here before is not asked for again.

import { unpack } from "./pack.js";

const QUIET = 1000; // ms after a picture: a hand that moves the same slider again needs no other
const KEPT = 16; // some MB at most
const BUSY = 204;
const LATER = 5000; // ms

export class Sweeps {
  /** on.came(name, { header, arrays }): frames have arrived.  on.waits(name, yes): they are on their way. */
  constructor(base, on) {
    Object.assign(this, { base, on, urls: {}, kept: new Map(), coming: new Map() });
  }

  /** The sweeps of a new picture, { name: { url } }. What was asked for and belongs to none of them is given up. */
  follow(sweeps) {
    this.urls = Object.fromEntries(Object.entries(sweeps).map(([name, { url }]) => [name, url]));
    for (const [url, { abort }] of this.coming) if (!Object.values(this.urls).includes(url)) abort.abort();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(this.urls), QUIET);
  }

  /** What is at hand of slider `name`, or nothing. */
  at(name) {
    return this.kept.get(this.urls[name]);
  }

  /** One after the other, in the order of the controls; from where the server has no time on, later. */
  async rest(urls) {
    for (const name of Object.keys(urls)) {
      if (urls !== this.urls) return;
      if ((await this.want(name, true)) !== BUSY) continue;
      if (urls === this.urls) this.timer = setTimeout(() => this.rest(urls), LATER);
      return;
    }
  }

  /** quiet: no hand has come near yet. */
  want(name, quiet = false) {
    const url = this.urls[name];
    if (!url || this.kept.has(url)) return undefined;
    const coming = this.coming.get(url);
    if (coming) return coming.quiet && !quiet ? coming.done.then(() => this.want(name)) : coming.done;
    const abort = new AbortController();
    const done = this.fetch(name, url, quiet, abort.signal).catch(() => {}) // the next hand asks again
      .finally(() => { this.coming.delete(url); this.on.waits(name, false); });
    this.coming.set(url, { abort, done, quiet });
    this.on.waits(name, true);
    return done;
  }

  /** The sweep, kept and told of; else the status that there was instead. */
  async fetch(name, url, quiet, signal) {
    const answer = await fetch(new URL(quiet ? `${url}?quiet` : url, this.base), { signal });
    if (answer.status !== 200) return answer.status;
    const arrived = unpack(new Uint8Array(await answer.arrayBuffer()));
    this.kept.set(url, arrived);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    if (this.urls[name] === url) this.on.came(name, arrived);
    return answer.status;
  }

  close() {
    clearTimeout(this.timer);
    for (const { abort } of this.coming.values()) abort.abort();
    this.urls = {};
  }
}
