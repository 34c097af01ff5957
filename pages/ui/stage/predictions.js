// All that a student has answered, as the browser has kept it: in the course's order, to be opened again or taken away.

import { h } from "./dom.js";
import { download } from "./export.js";
import { go } from "./going.js";
import { answers, forgetAnswers, lasting } from "./keeping.js";
import { loadStyle } from "./loading.js";

const KEEPS = "Your answers stay in this browser. They are kept nowhere else.";
const KEEPS_NOT = "This browser keeps nothing: the list is gone when the page is closed or loaded again. Save it as a file.";
const COLUMNS = ["page", "kind", "question", "settings", "answer", "right", "run", "when", "link"];

const places = new WeakMap();

/** data: { lessons: [{ slug, title, names: { setting: { label, options } } }] } in the course's order. */
export function render(component, urls) {
  const place = component.parentElement;
  loadStyle(urls.css);
  if (!places.has(place)) {
    const root = h("div", { class: "inv-said" });
    places.set(place, root);
    place.append(root);
    addEventListener("storage", () => root.isConnected && root.again()); // another tab has answered, or forgotten
  }
  const root = places.get(place);
  root.again = () => root.replaceChildren(...content(component, root));
  root.again();
}

function content({ data, setTriggerValue }, root) {
  const known = new Map(data.lessons.map((lesson) => [lesson.slug, lesson]));
  const all = answers().filter(({ slug }) => known.has(slug)); // an address is made of the slug
  const kept = h("p", {}, lasting() ? KEEPS : KEEPS_NOT);
  if (!all.length) return [h("p", { class: "inv-count" }, "You have answered nothing yet."), kept];
  const pages = data.lessons.filter(({ slug }) => all.some((one) => one.slug === slug));
  const forget = () => {
    forgetAnswers();
    setTriggerValue("forget", true);
    root.again();
    root.querySelector(".inv-count").focus();
  };
  return [
    h("p", { class: "inv-count", tabindex: -1 }, counted(all, pages.length, data.lessons.length)), kept,
    h("div", { class: "inv-commit" },
      button("Save as JSON", () => download("predictions.json", JSON.stringify(rows(all, pages), null, 1), "application/json")),
      button("Save as CSV", () => download("predictions.csv", csv(rows(all, pages)), "text/csv")),
      ...forgetting(forget)),
    ...pages.map((lesson) => section(lesson, all.filter(({ slug }) => slug === lesson.slug))),
  ];
}

const button = (name, onclick, look = "inv-plain") => h("button", { type: "button", class: look, onclick }, name);

const many = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

function counted(all, pages, total) {
  const right = all.filter((one) => one.right === true).length;
  const wrong = all.filter((one) => one.right === false).length;
  return `${many(all.length, "answer")} on ${pages} of ${total} pages: ${right} right, ${wrong} not, `
    + `${all.length - right - wrong} not judged.`;
}

/** A button that asks once more before it does what cannot be undone. */
function forgetting(forget) {
  const ask = button("Forget all my answers", () => show(true), "inv-unsure");
  const sure = h("span", { class: "inv-sure", role: "group", "aria-label": "Forget all answers?", hidden: true },
    h("span", {}, "They cannot be brought back."), button("Forget them", forget), button("Keep them", () => show(false)));
  const show = (yes) => {
    sure.hidden = !yes;
    ask.hidden = yes;
    (yes ? sure.querySelector("button:last-child") : ask).focus();
  };
  return [ask, sure];
}

function section(lesson, mine) {
  const items = mine.map((one) => {
    const href = `${lesson.slug}?${new URLSearchParams(one.query)}`;
    const open = h("a", { href, onclick: (event) => go(event, href) }, "Open the page at these settings");
    return h("li", {},
      h("p", {}, one.kind === "quiz" ? h("b", {}, "Second question. ") : null, one.question),
      h("p", { class: "inv-run" }, told(one)),
      h("p", { class: "inv-about" }, open, settings(lesson, one), h("time", { datetime: one.when }, day(one.when))));
  });
  return h("section", {}, h("h2", {}, lesson.title), h("ol", {}, ...items));
}

/** What was said and what the run said of it: a verdict names both. */
function told({ words, verdict }) {
  const said = words ? `You said “${words}”.` : "You asked to be shown.";
  if (!verdict) return `${said} The run has not told yet.`;
  return words ? verdict : `${said} ${verdict}`;
}

/** The settings at which it was asked, in the words of the page; those at their defaults are not named. */
function settings({ names }, { query }) {
  const changed = [...new URLSearchParams(query)].filter(([name]) => name in names);
  const words = changed.map(([name, value]) => `${names[name].label} ${names[name].options[value] ?? value}`);
  return h("span", {}, words.length ? `Settings: ${words.join(" · ")}` : "Settings: as the page opens");
}

const day = (when) => {
  const date = new Date(when);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
};

/** As they are saved: an object for each answer. */
function rows(all, pages) {
  return pages.flatMap(({ slug, title }) => all.filter((one) => one.slug === slug).map((one) => ({
    page: title, kind: one.kind, question: one.question, settings: one.query, answer: one.words, right: one.right,
    run: one.verdict, when: one.when, link: new URL(`${slug}?${new URLSearchParams(one.query)}`, document.baseURI).href,
  })));
}

function csv(all) {
  const cell = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
  return "\ufeff" + [COLUMNS.join(","), ...all.map((row) => COLUMNS.map((name) => cell(row[name])).join(",")), ""].join("\n");
}
