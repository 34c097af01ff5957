// The stage's entry: one Stage for each place on the page, kept alive over every new payload that arrives there.
//
// Streamlit calls render() again for each rerun and each change of theme. Axes, sliders and the hand on them must
// not notice, so everything is made once and brought up to date; only commits leave the browser.

import { Controls } from "./controls.js";
import { h } from "./dom.js";
import { Figures } from "./figures.js";
import { Legend } from "./legend.js";
import { Live } from "./live.js";
import { loadScript, loadStyle } from "./loading.js";
import { Meter } from "./meter.js";
import { Model } from "./model.js";
import { nearest } from "./numbers.js";
import { unpack } from "./pack.js";
import { Pictures } from "./pictures.js";
import { Player } from "./player.js";
import { runAgainOnceReconnected } from "./reconnect.js";
import { Saving } from "./saving.js";
import { same, Settings } from "./settings.js";
import { storage } from "./storage.js";
import { Sweeps } from "./sweeps.js";
import { readTheme } from "./theme.js";

const REST = 150; // ms of stillness before Plotly is told: shorter, and its 30 ms would land in the next movement
const PATIENCE = 1000; // the same while an answer of the server is awaited
// What of a header belongs to the page's run and not to the picture.
const OF_THE_RUN = ["veiled", "answered", "guess", "sweeps", "elsewhere", "actions", "progress", "events"];
const FREE = ["slider", "point"]; // controls whose places a picture can be fetched at; choices may need another model
const jobs = storage("sessionStorage"); // of this tab
const places = new WeakMap();
window.__stages ??= {};

export function render(component, urls) {
  const place = component.parentElement;
  if (!places.has(place)) places.set(place, new Stage(place, urls));
  const stage = places.get(place);
  stage.receive(component);
  // Streamlit also calls this when a payload was overtaken before its render had begun: then the place still stands.
  return () => setTimeout(() => {
    if (place.isConnected) return;
    stage.dispose();
    places.delete(place);
  });
}

class Stage {
  constructor(place, urls) {
    this.model = new Model();
    this.settings = new Settings();
    this.meter = new Meter();
    this.counts = { revision: 0, fetched: 0, framesDrawn: 0, sseUpdates: 0 };
    this.step = 0;
    this.player = new Player({ step: (step, now) => this.playTo(step, now), end: () => this.keepStep() });
    this.live = new Live(urls.base, {
      patch: (patch, arrays) => this.patch(patch, arrays),
      news: () => this.port.setTriggerValue("action", "news"),
      ended: () => this.port.setTriggerValue("action", "ended"),
    });
    this.sweeps = new Sweeps(urls.base, {
      came: (name, arrived) => this.sweepCame(name, arrived),
      waits: (name, yes) => this.controls.named.get(name)?.wait?.(yes),
    });
    this.pictures = new Pictures(urls.base, (picture) => this.pictureCame(picture));
    this.legend = new Legend((group) => this.toggleGroup(group));
    this.controls = new Controls({
      hold: (name) => this.hold(name), release: (name) => this.release(name),
      preview: (name, value) => this.preview(name, value),
      commit: (name, value) => this.commit({ [name]: value }),
      preset: (settings) => this.commit(settings),
      action: (name) => this.act(name),
      step: {
        toggle: () => (this.player.playing ? this.pause() : this.play()),
        hold: () => this.hold("step"), release: () => this.release("step"),
        drag: (step) => this.preview("step", step), commit: (step) => this.commit({ step }),
      },
    });
    this.figures = new Figures(this);
    this.saving = new Saving(this);
    this.root = h("section", { class: "inv-stage", role: "group", tabindex: 0, onkeydown: (event) => this.key(event) },
      this.legend.root, this.figures.root, this.controls.root, this.saving.root);
    const near = ({ target }) => this.sweeps.want(target.closest?.("[data-control]")?.dataset.control);
    for (const event of ["pointerover", "pointerdown", "focusin"]) this.controls.root.addEventListener(event, near);
    this.observer = new ResizeObserver(() => this.relayout());
    this.onresize = () => this.relayout();
    this.onpopstate = () => this.leave();
    runAgainOnceReconnected();
    this.ready = Promise.all([loadStyle(urls.css), loadScript(urls.plotly)]).then(() => {
      if (this.disposed) return;
      place.append(this.root);
      this.observer.observe(this.root);
      window.addEventListener("resize", this.onresize);
      window.addEventListener("popstate", this.onpopstate);
    });
  }

  receive(component) {
    this.port = component;
    if (component.data !== this.bytes) {
      this.bytes = component.data;
      this.arrived = unpack(component.data);
    }
    return this.ready.then(() => this.disposed || this.accept());
  }

  /** A payload, or the same payload under another theme. */
  accept() {
    const { header } = this.arrived;
    const before = this.header;
    if (this.arrived !== this.shown) {
      this.shown = this.arrived;
      if (before && before.slug !== header.slug) this.startOver();
      this.header = header;
      this.model.load(this.arrived);
      this.sweeps.follow(header.sweeps);
      for (const name of this.model.sweeps.keys()) {
        const atHand = this.sweeps.at(name);
        if (atHand) this.model.sweep(name, atHand);
      }
      this.settings.receive(header.settings, header.answered ?? 0);
      this.counts.revision += 1;
      this.pictures.follow(header.veiled ? null : header.elsewhere);
      // This may be an older picture than the one that the hand has already been shown.
      const newer = this.pictures.at(this.settings.places);
      newer ? this.lay(newer) : this.layDragged();
      this.live.follow(header.events);
      this.rejoin();
      this.publish();
    }
    this.theme = readTheme(this.root);
    this.root.classList.toggle("inv-veiled", header.veiled);
    this.root.setAttribute("aria-label", header.alt);
    this.legend.update(header, this.theme);
    this.controls.update(header, this.model);
    this.saving.show(this);
    this.takeStep();
    this.showLegend(); // what it says takes room from the figure
    this.relayout(true);
    this.drawNow();
    if (header.autoplay && !header.veiled && !(before?.autoplay && before.slug === header.slug)) {
      this.play(0, this.settings.local.step ?? this.count); // no farther than the address says
    }
  }

  /** A reloaded page is a new session to the server; the tab remembers its job and asks once to have it back. */
  rejoin() {
    const { slug, events, progress, actions } = this.header;
    const place = `inversion.job.${slug}`;
    if (events) jobs.set(place, events);
    if (events || progress || !actions.length || this.rejoined) return;
    this.rejoined = true;
    const job = jobs.get(place);
    if (job) this.port.setTriggerValue("action", `attach:${job.split("/")[1]}`);
  }

  startOver() {
    this.unpublish();
    this.player.stop();
    this.live.close();
    this.pictures.follow(null);
    this.settings = new Settings();
    this.figures.clear();
  }

  get count() { return this.header.steps?.count ?? 0; }

  /** Where the local settings differ from the picture's, the nearest frame of that sweep is closer than the still. */
  layDragged() {
    const { local } = this.settings;
    const name = [...this.model.sweeps.keys()].find((key) => !same(local[key], this.header.settings[key]));
    if (name) this.layFrame(name, local[name]);
    else this.model.frame(null);
  }

  sweepCame(name, arrived) {
    this.model.sweep(name, arrived);
    if (same(this.settings.local[name], this.header.settings[name])) return;
    this.layFrame(name, this.settings.local[name]);
    this.requestDraw();
  }

  /** A picture that was fetched: shown unless the settings have meanwhile been changed, by another hand or by the page. */
  pictureCame(picture) {
    const { local, held } = this.settings;
    const current = Object.entries(picture.settings).every(([name, value]) => held.has(name) || same(local[name], value));
    if (this.disposed || !current) return;
    this.counts.fetched += 1;
    this.lay(picture);
    this.controls.update(this.header, this.model);
    this.takeStep();
    this.relayout(true);
    this.drawNow();
  }

  lay(picture) {
    const kept = Object.fromEntries(OF_THE_RUN.filter((key) => key in this.header).map((key) => [key, this.header[key]]));
    this.header = { ...picture.header, ...kept };
    this.model.lay(picture);
  }

  layFrame(name, value) {
    const values = this.model.sweepValues(name);
    if (!values) return;
    const scale = this.header.controls.find((def) => def.name === name)?.scale;
    this.model.frame(name, nearest(values, value, scale));
  }

  takeStep() {
    if (this.player.playing || this.settings.held.has("step")) this.step = Math.min(this.step, this.count);
    else this.step = Math.min(this.settings.local.step ?? this.count, this.count);
  }

  // What hands do

  hold(name) {
    this.settings.held.add(name);
    if (name === "step") this.player.stop();
  }

  release(name) { this.settings.held.delete(name); }

  preview(name, value) {
    const begun = performance.now();
    this.settings.set(name, value);
    if (name === "step") this.step = value;
    else this.layFrame(name, value);
    if (this.kindOf(name) === "point") this.pictures.want(this.settings.places, true);
    this.spent = (this.spent ?? 0) + performance.now() - begun;
    this.requestDraw();
  }

  commit(changes) {
    if (changes.step !== undefined) {
      this.player.stop();
      this.step = Math.min(changes.step, this.count);
    }
    for (const [name, value] of Object.entries(changes)) {
      this.settings.set(name, value);
      this.settings.held.delete(name);
      this.layFrame(name, value);
    }
    this.port.setStateValue("settings", this.settings.commit(changes));
    const names = Object.keys(changes);
    const moved = names.filter((name) => FREE.includes(this.kindOf(name)) && !this.model.follows(name));
    if (moved.length && names.every((name) => FREE.includes(this.kindOf(name)))) this.pictures.want(this.settings.places);
    this.requestDraw();
  }

  kindOf(name) { return this.header.controls.find((def) => def.name === name)?.kind; }

  /** Back, Forward or a link: a walk that goes on would commit its step to the wrong address. */
  leave() {
    this.player.stop();
    this.settings.leave();
  }

  toggleGroup(group) {
    const hide = new Set(this.settings.local.hide ?? []);
    if (!hide.delete(group)) hide.add(group);
    this.commit({ hide: [...hide] });
  }

  act(name) {
    this.live.forget();
    this.rejoined = true;
    if (name === "reset") jobs.remove(`inversion.job.${this.header.slug}`);
    this.port.setTriggerValue("action", name);
  }

  play(from = this.step, to = this.count) {
    if (this.header.veiled || !this.count) return;
    this.hold("step");
    this.player.play(from, to);
    this.requestDraw();
  }

  playTo(step) {
    this.step = step;
    this.settings.set("step", Math.floor(step));
    this.drawNow(performance.now());
  }

  pause() {
    if (!this.player.playing) return;
    this.player.stop();
    this.keepStep();
  }

  keepStep() { this.commit({ step: Math.floor(this.step + 1e-6) }); }

  key(event) {
    if (this.header.veiled || !this.count) return;
    const busy = event.target.closest("button, select, summary, input[type=radio]");
    if (event.key === " " && !busy) {
      event.preventDefault();
      this.player.playing ? this.pause() : this.play();
    } else if (event.target === this.root) {
      this.controls.steps?.key(event);
    }
  }

  // What the job sends

  patch(patch, arrays) {
    this.counts.sseUpdates += 1;
    this.model.patch(patch, arrays);
    for (const name of ["progress", "actions"]) if (name in patch) this.header[name] = patch[name];
    this.jobMoved = true;
    this.requestDraw();
  }

  // Drawing
  requestDraw() {
    this.pending ??= requestAnimationFrame((now) => {
      this.pending = null;
      if (!this.disposed) this.drawNow(now);
    });
  }

  drawNow(now = null) {
    const begun = performance.now();
    const { header, model } = this;
    const { local, held } = this.settings;
    this.figures.draw({ step: header.steps ? this.step : Infinity, hidden: new Set(local.hide ?? []), local });
    this.controls.show(local, held);
    this.controls.steps?.show(this.step, this.player.playing);
    if (model.numbers !== this.numbered) this.controls.numbers(header, (this.numbered = model.numbers));
    if (this.jobMoved) this.controls.showJob(header);
    this.jobMoved = false;
    this.showLegend();
    this.counts.framesDrawn += 1;
    const work = performance.now() - begun + (this.spent ?? 0);
    this.spent = 0;
    this.meter.add(work, now);
    clearTimeout(this.rest);
    const rest = this.settings.awaits ? PATIENCE : REST;
    if (!this.player.playing) this.rest = setTimeout(() => this.figures.settle(), rest);
    return work;
  }

  showLegend() {
    const { header, model, step, count } = this;
    this.legend.show({
      hidden: new Set(this.settings.local.hide ?? []), veiled: header.veiled,
      step: header.steps ? Math.floor(step + 1e-6) : null, last: count,
      value: ({ line, axis }) => model.at(line, axis, header.steps ? step : Infinity),
    });
  }

  relayout(force = false) {
    if (!this.header || this.disposed || !this.root.clientWidth) return;
    const taken = this.figures.heightOf([this.legend.root, this.controls.root]);
    const key = `${this.root.clientWidth}/${window.innerHeight}/${taken}`;
    if (key === this.laidOut && !force) return;
    this.laidOut = key;
    this.figures.update(this.header, this.theme, this.root, taken);
    this.controls.measure();
    this.controls.numbers(this.header, this.model.numbers);
    this.requestDraw();
  }

  // For tests and benchmarks

  publish() {
    window.__stages[this.header.slug] = this.window ??= {
      scrub: (name, k) => this.scrub(name, k),
      frames: () => this.meter.read(), resetFrames: () => this.meter.reset(),
      state: () => ({ settings: this.settings.local, step: this.step, playing: this.player.playing, ...this.counts }),
      play: () => this.play(), pause: () => this.pause(), follows: (name) => this.model.follows(name),
    };
  }

  unpublish() {
    if (this.header && window.__stages[this.header.slug] === this.window) delete window.__stages[this.header.slug];
  }

  scrub(name, k) {
    const value = name === "step" ? k : Number(this.model.sweepValues(name)[k].toPrecision(6));
    this.preview(name, value);
    return this.drawNow();
  }

  dispose() {
    this.disposed = true;
    this.unpublish();
    this.live.dispose();
    this.sweeps.close();
    this.pictures.follow(null);
    this.player.stop();
    cancelAnimationFrame(this.pending);
    clearTimeout(this.rest);
    this.observer.disconnect();
    window.removeEventListener("resize", this.onresize);
    window.removeEventListener("popstate", this.onpopstate);
    this.figures.clear();
    this.root.remove();
  }
}
