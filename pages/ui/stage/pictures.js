// Fetches the picture at other places of sliders and points: over and over while a point is dragged, and once when a
// hand lets go of what no sweep follows.
//
// The page's run brings the last of them too, with its texts, some time later: what goes wrong here is not missed.

import { unpack } from "./pack.js";
import { same } from "./settings.js";

export class Pictures {
  /** came({ settings, header, arrays }): a picture has arrived, of what was wanted when it was asked for. */
  constructor(base, came) {
    Object.assign(this, { base, came, url: null, wanted: null, busy: false, last: null });
  }

  /** Where pictures are found from now on; null where there are none. */
  follow(url) {
    if (url === this.url) return;
    Object.assign(this, { url, wanted: null, last: null });
  }

  /** The picture at these settings, if it was the last that came. */
  at(settings) {
    return this.last && same(this.last.settings, settings) ? this.last : null;
  }

  /** passing: under a hand that moves on. What was wanted before and not yet asked for is skipped. */
  want(settings, passing = false) {
    if (!this.url) return;
    this.wanted = { settings, passing };
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.wanted && this.url) {
      const { settings, passing } = this.wanted;
      this.wanted = null;
      if (this.at(settings)) continue;
      const begun = performance.now();
      await this.fetch(settings, passing).catch(() => {});
      // Half of the time is the server's other students', unless the hand has let go meanwhile.
      const rest = performance.now() - begun;
      if (this.wanted?.passing) await new Promise((resolve) => setTimeout(resolve, rest));
    }
    this.busy = false;
  }

  async fetch(settings, passing) {
    const asked = this.url;
    const query = new URLSearchParams({ settings: JSON.stringify(settings), ...(passing ? { passing: 1 } : {}) });
    const answer = await fetch(new URL(`${asked}?${query}`, this.base));
    if (!answer.ok || asked !== this.url) return;
    this.last = { settings, ...unpack(new Uint8Array(await answer.arrayBuffer())) };
    this.came(this.last);
  }
}
