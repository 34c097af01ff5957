// The question of a page: choose, then confirm; then what the run says of the answer, and another try.
//
// The answer is noted in the browser at the moment it is confirmed, so that neither a lost network nor a lost session can
// lose it. What the server says of it follows, and is noted, too.

import { h, say } from "./dom.js";
import { go } from "./going.js";
import { amend, latest, note } from "./keeping.js";
import { loadStyle } from "./loading.js";

const CONFIRM = "That is my prediction";
const UNSURE = "I don’t know; show me";
const WAITS = "The run will tell.";
const AWAY = "The server cannot be reached now. Your answer is kept in this browser and counts as soon as it is back.";

const RETRY = 500; // ms between two looks for the server

const places = new WeakMap();
let count = 0;

export function render(component, urls) {
  const place = component.parentElement;
  loadStyle(urls.css);
  if (!places.has(place)) {
    const asking = new Asking();
    places.set(place, asking);
    place.append(asking.root);
  }
  places.get(place).receive(component);
}

class Asking {
  constructor() {
    this.name = `inv-answer-${(count += 1)}`;
    this.question = h("div");
    // Stands from the start: a region that comes with its text is not read aloud.
    this.verdict = h("div", { class: "inv-verdict", role: "status", "aria-live": "polite", tabindex: -1 });
    this.again = h("div");
    this.root = h("div", { class: "inv-ask" }, this.question, this.verdict, this.again);
  }

  /** data: { slug, kind, form, mode, question, ... } as pages/ui/asking.py makes it. */
  receive({ data, setStateValue }) {
    this.send = (message) => setStateValue("done", message);
    this.data = data;
    const { sent } = this;
    // The server may not know yet what has been confirmed here, or answered in an earlier session; it may refuse it.
    const refused = data.seen === `answer ${sent?.id}` || (data.session !== this.session && !data.awaited);
    if (data.mode !== "ask" || data.slug !== sent?.slug || refused) this.sent = null;
    const mine = ({ slug, kind }) => slug === data.slug && kind === data.kind;
    this.given = this.sent ?? (data.mode === "ask" && data.awaited ? latest().find(mine) : null) ?? null;
    if (data.answer) amend(data.answer.id, data.answer.note);
    this.show();
  }

  show() {
    const { data, given } = this;
    const shown = JSON.stringify([data, given]);
    if (shown === this.shown) return; // what is chosen but not confirmed stays
    const before = this.state;
    this.state = given ? "said" : data.mode;
    const focused = this.root.contains(document.activeElement);
    const asking = this.state === "ask";
    this.shown = shown;
    // A question that comes again, as after a change of theme, is the same: what is chosen stays chosen.
    const asked = asking && JSON.stringify([data.slug, data.question, data.options]);
    if (!asking || asked !== this.asked) this.question.replaceChildren(...(asking ? this.ask() : [this.old()]));
    this.asked = asked;
    this.verdict.replaceChildren(...this.said());
    this.again.replaceChildren(...(this.state === "said" && !given ? [this.retry()] : []));
    if (!focused || before === this.state) return;
    const next = asking ? this.question.querySelector("input:enabled, button:enabled") : this.verdict;
    next?.focus({ preventScroll: true });
  }

  /** The question and what it is answered with. */
  ask() {
    const { data } = this;
    const confirm = h("button", { type: "button", class: "inv-confirm", onclick: () => this.confirm(this.read()) }, CONFIRM);
    const unsure = h("button", { type: "button", class: "inv-unsure", onclick: () => this.confirm(null) }, UNSURE);
    this.read = () => undefined;
    const field = { choice: () => this.choices(confirm), number: () => this.scale(), point: () => this.pointing() };
    const legend = h("legend", {}, h("b", {}, data.lead), ` ${data.question}`);
    return [
      h("fieldset", {}, legend, ...field[data.form]()),
      h("div", { class: "inv-commit" }, confirm, unsure),
    ];
  }

  choices(confirm) {
    confirm.disabled = true;
    return this.data.options.map((text) => {
      const choose = () => {
        this.read = () => text;
        confirm.disabled = false;
      };
      return h("label", {}, h("input", { type: "radio", name: this.name, onchange: choose }), h("span", {}, text));
    });
  }

  scale() {
    const { options, question } = this.data;
    const middle = Math.floor(options.length / 2);
    const output = h("output");
    const input = h("input", { type: "range", min: 0, max: options.length - 1, step: 1, value: middle, "aria-label": question });
    this.read = () => options[input.value][0];
    const show = () => {
      const words = options[input.value][1];
      say(output, words);
      input.setAttribute("aria-valuetext", words);
      input.style.setProperty("--at", `${(100 * input.value) / (options.length - 1)}%`);
    };
    input.addEventListener("input", show);
    show();
    const ends = h("div", { class: "inv-ends" }, ...[0, options.length - 1].map((end) => h("span", {}, options[end][1])));
    return [output, input, ends];
  }

  pointing() {
    const { slug, point } = this.data;
    this.read = () => pointed(slug, point);
    return [h("p", { class: "inv-how" }, "Drag the ring in the figure, or move it with the arrow keys.")];
  }

  confirm(said) {
    if (said === undefined) return;
    const { slug, kind, question, query, session } = this.data;
    const when = new Date().toISOString();
    this.session = session;
    this.given = this.sent = { id: when, slug, kind, question, query, said, words: this.words(said), verdict: "", right: null, when };
    note(this.given);
    this.show();
    const message = { act: "answer", id: when, said };
    away() ? this.sendOnceBack(message) : this.send(message);
  }

  /** A server that was restarted runs the whole page first, and may have the answer from the browser by then. */
  sendOnceBack(message) {
    const timer = setInterval(() => {
      const settled = this.sent?.id !== message.id || !this.root.isConnected;
      if (!settled && (away() || app()?.dataset.testScriptState !== "notRunning")) return;
      clearInterval(timer);
      if (!settled) this.send(message);
    }, RETRY);
  }

  words(said) {
    if (said === null) return "";
    if (Array.isArray(said)) return `(${said.map((value) => Number(value.toPrecision(3))).join(", ")})`;
    return this.data.form === "number" ? this.data.options.find(([value]) => value === said)[1] : said;
  }

  /** The question that was answered, or nothing where none is asked. */
  old() {
    const question = this.given?.question ?? this.data.question;
    return this.state === "said" ? h("p", { class: "inv-asked" }, question) : "";
  }

  /** What stands in the live region. */
  said() {
    const { data, given, state } = this;
    if (state === "ask") return [];
    if (state === "unasked") return [h("p", {}, data.reason)];
    const pieces = given ? [[given.verdict, false]] : data.verdict;
    if (pieces.some(([text]) => text)) return [h("p", {}, ...pieces.map(([text, bold]) => (bold ? h("b", {}, text) : text)))];
    const words = given ? given.words : data.words;
    const said = words ? `You said “${words}”.` : "You asked to be shown.";
    return [h("p", {}, `${said} ${given && away() ? AWAY : data.waits || WAITS}`)];
  }

  retry() {
    const { answer } = this.data;
    const ask = () => {
      again.setAttribute("aria-disabled", "true"); // disabled, it would lose the focus
      this.send({ act: "again", id: answer.id });
    };
    const href = "predictions";
    const list = h("a", { href, onclick: (event) => go(event, href) }, "All my predictions");
    const again = h("button", { type: "button", class: "inv-unsure", onclick: ask }, answer.note.right ? "Ask me again" : "Try again");
    return h("div", { class: "inv-commit" }, again, list);
  }
}

/** Where the ring in the figure is, as far as the figure stands. */
const pointed = (slug, name) => window.__stages?.[slug]?.state().settings[name];

const app = () => document.querySelector('[data-testid="stApp"]');
const away = () => app()?.dataset.testConnectionState !== "CONNECTED";
