// Live pictures of a running job: an event stream whose patches replace parts of the picture as they come.
//
// A browser opens six connections to a server at most, over all its tabs, and a stream holds one for as long as it lasts:
// so a tab that nobody sees lets go of its stream, and has the latest picture as soon as it is looked at.

import { unpackText } from "./pack.js";

const STRIDE = 700; // ms between two script runs
const TERMINAL = new Set(["done", "stopped", "diverged", "failed"]);

export class Live {
  /** on: { patch(patch, arrays), news(), ended() } */
  constructor(base, on) {
    Object.assign(this, { base, on, url: null, source: null, finished: null, updates: 0 });
    this.onvisibility = () => this.listen();
    document.addEventListener("visibilitychange", this.onvisibility);
  }

  /** Follow this address, or none. A stream that has ended is not asked again until something new was started. */
  follow(url) {
    if (!url) this.finished = null;
    if (url === this.url || (url && url === this.finished)) return;
    this.close();
    this.url = url;
    this.listen();
  }

  listen() {
    const { url } = this;
    if (document.hidden) this.hush();
    if (!url || document.hidden || this.source) return;
    this.source = new EventSource(new URL(url, this.base));
    // A lost connection is tried again by the browser; an answer that is no stream means that the job is gone.
    this.source.onerror = ({ target }) => target.readyState === EventSource.CLOSED && this.end(url);
    this.source.onmessage = ({ data }) => {
      if (!data) return;
      const { header, arrays } = unpackText(data);
      this.updates += 1;
      this.on.patch(header.patch, arrays);
      if (!TERMINAL.has(header.patch.state)) {
        this.tell(header.patch.news);
        return;
      }
      this.end(url);
    };
  }

  /** Nothing more will come: a script run tells what there is. */
  end(url) {
    this.close();
    this.finished = url;
    this.on.ended();
  }

  hush() {
    this.source?.close();
    this.source = null;
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
    this.hush();
    this.url = null;
  }

  dispose() {
    this.close();
    document.removeEventListener("visibilitychange", this.onvisibility);
  }
}
