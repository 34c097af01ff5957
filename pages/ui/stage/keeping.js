// What a student did belongs to the browser: answers in its storage, marks in a cookie, which a new session reads first.
//
// An answer: { id, slug, kind, question, query, said, words, verdict, right, when }. What is read back may have been
// written by anybody: it is cut, and only ever shown as text.

import { cookie, setCookie, storage } from "./storage.js";

const NAME = "inversion.answers";
const MOST = 200;
const LONGEST = 800;
const YEAR = 31536000;
const TEXTS = ["id", "slug", "kind", "question", "query", "words", "verdict", "when"];

const store = storage("localStorage");
const marked = new Set(); // what this tab has written: if it is gone, another tab has forgotten it
let forgotten = ""; // the last wish to forget that was followed

/** Whether an answer outlives the page. */
export const lasting = () => store.lasting;

/** All answers, the oldest first. */
export function answers() {
  let found = [];
  try {
    found = JSON.parse(store.get(NAME) ?? "[]");
  } catch {
    // Not ours: as if there were none.
  }
  return Array.isArray(found) ? found.slice(-MOST).map(clean).filter((one) => one?.id && one.slug) : [];
}

/** The latest answer of each kind to each lesson. */
export function latest() {
  return [...new Map(answers().map((one) => [`${one.kind} ${one.slug}`, one])).values()];
}

export function note(answer) {
  write([...answers().filter(({ id }) => id !== answer.id), answer]);
}

/** What the server says of an answer that is still kept: its verdict, the settings in full. */
export function amend(id, changes) {
  const all = answers();
  const found = all.find((one) => one.id === id);
  if (!found) return; // forgotten meanwhile, perhaps in another tab
  const before = JSON.stringify(found);
  Object.assign(found, changes);
  if (JSON.stringify(clean(found)) !== before) write(all);
}

export function forgetAnswers() { store.remove(NAME); }

/** marks: { cookie, done: [slug], forgotten }. What another tab has marked stays, unless all is to be forgotten. */
export function keepMarks({ cookie: name, done, forgotten: wish }) {
  const before = cookie(name);
  const replace = wish && wish !== forgotten;
  forgotten = wish;
  if (replace) forgetAnswers();
  const fresh = done.filter((slug) => !marked.has(slug));
  const all = new Set(replace ? done : [...fresh, ...(before ? before.split(".") : [])]);
  if (replace) marked.clear();
  for (const slug of done) marked.add(slug);
  const value = [...all].sort().join(".");
  if (value !== before) setCookie(name, value, YEAR);
}

function write(all) { store.set(NAME, JSON.stringify(all.slice(-MOST).map(clean))); }

function clean(one) {
  if (one === null || typeof one !== "object") return null;
  const cut = (value) => (typeof value === "string" ? value.slice(0, LONGEST) : value);
  const texts = Object.fromEntries(TEXTS.map((name) => [name, typeof one[name] === "string" ? cut(one[name]) : ""]));
  const said = Array.isArray(one.said) ? one.said.slice(0, 2).map(Number) : (cut(one.said) ?? null);
  return { ...texts, said: typeof said === "object" && !Array.isArray(said) ? null : said,
    right: typeof one.right === "boolean" ? one.right : null };
}
