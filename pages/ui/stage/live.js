// Live pictures of a running job: an event stream whose patches replace parts of the picture as they come.

import { unpackText } from "./pack.js";

const TERMINAL = new Set(["done", "stopped", "diverged", "failed"]);

export class Live {
  /** on: { patch(patch, arrays), ended() } */
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
      if (!TERMINAL.has(header.patch.state)) return;
      this.close();
      this.finished = url;
      this.on.ended();
    };
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
