// On every page, unseen: keeps the marks, and tells a new session what has been answered before it.

import { keepMarks, latest } from "./keeping.js";

let told = ""; // the session that this page has told

/** data: { session, told, marks } */
export function render({ data, setTriggerValue }) {
  const { session, marks } = data;
  keepMarks(marks);
  if (data.told || told === session) return;
  told = session;
  const kept = latest().map(({ id, slug, kind, query, said, verdict, right }) =>
    ({ id, slug, kind, query, said, verdict, right }));
  // Somebody who has never answered is not worth a run of the page.
  if (kept.length || marks.done.length) setTriggerValue("kept", kept);
}
