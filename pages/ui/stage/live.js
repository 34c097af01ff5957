// Live pictures of a running job: an event stream whose patches replace parts of the picture as they come.

import { unpackText } from "./pack.js";

const STRIDE = 700; // ms between two script runs
const TERMINAL = new Set(["done", "stopped", "diverged", "failed"]);

export class Live {
  /** on: { patch(patch, arrays), news(), ended() } */
  constructor(base, on) {
    Object.assign(this, { base, on, url: null, source: null, finished: null, updates: 0 });
  }

  /** Follow this address, or none. A stream that has ended is not asked again until something new was started. */
  follow(url) {
    if (!url) this.finished = null;
    if (url === this.url || (url && url === this.finished)) return;
    this.close();
    this.url = url;
    if (!url) return;
    this.source = new EventSource(new URL(url, this.base));
    this.source.onmessage = ({ data }) => {
      if (!data) return;
      const { header, arrays } = unpackText(data);
      this.updates += 1;
      this.on.patch(header.patch, arrays);
      if (!TERMINAL.has(header.patch.state)) {
        this.tell(header.patch.news);
        return;
      }
      this.close();
      this.finished = url;
      this.on.ended();
    };
  }

  /** What only a script run can draw, a table, has grown: it is asked for, but not more often than it can be read. */
  tell(news) {
    if (news === undefined || news === this.told) return;
    this.told = news;
    this.telling ??= setTimeout(() => {
      this.telling = null;
      if (this.source) this.on.news();
    }, STRIDE);
  }

  forget() {
    this.finished = null;
  }

  close() {
    this.source?.close();
    this.source = null;
    this.url = null;
  }
}
