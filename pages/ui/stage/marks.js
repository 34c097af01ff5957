// The student's progress marks, kept in a cookie: the next session reads them from there.

const YEAR = 31536000;

const told = new Set(); // what this tab has written: if it is gone, another tab has forgotten it

/** marks: { cookie, done: [slug], replace }. What another tab has marked stays, unless the marks are to be replaced. */
export function keepMarks(marks) {
  if (!marks) return;
  const { cookie, done, replace } = marks;
  const before = document.cookie.split("; ").find((pair) => pair.startsWith(`${cookie}=`))?.slice(cookie.length + 1);
  const fresh = done.filter((slug) => !told.has(slug));
  const all = new Set(replace ? done : [...fresh, ...(before ? before.split(".") : [])]);
  if (replace) told.clear();
  for (const slug of done) told.add(slug);
  const value = [...all].sort().join(".");
  if (value !== (before ?? "")) document.cookie = `${cookie}=${value}; path=/; max-age=${YEAR}; SameSite=Lax`;
}
