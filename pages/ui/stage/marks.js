// The student's progress marks, kept in a cookie: the next session reads them from there.

const YEAR = 31536000;

/** marks: { cookie, done: [slug], replace }. What another tab has marked stays, unless the marks are to be replaced. */
export function keepMarks(marks) {
  if (!marks) return;
  const { cookie, done, replace } = marks;
  const before = document.cookie.split("; ").find((pair) => pair.startsWith(`${cookie}=`))?.slice(cookie.length + 1);
  const all = new Set(replace ? done : [...done, ...(before ? before.split(".") : [])]);
  const value = [...all].sort().join(".");
  if (value !== (before ?? "")) document.cookie = `${cookie}=${value}; path=/; max-age=${YEAR}; SameSite=Lax`;
}
