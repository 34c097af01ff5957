// What the browser keeps, behind one guard. Storage may be denied (a private window, a frame of another site, a full
// disk) and then throws at the first touch: what is kept lasts as long as the page then, and `lasting` says so.

const memories = { localStorage: new Map(), sessionStorage: new Map() };
const PROBE = "inversion.probe";

/** kind: "localStorage" or "sessionStorage" -> { lasting, get(name), set(name, text), remove(name) } */
export function storage(kind) {
  const memory = memories[kind];
  const guarded = (act, otherwise) => {
    try {
      return act(window[kind]);
    } catch {
      return otherwise();
    }
  };
  return {
    get lasting() {
      return guarded((place) => {
        place.setItem(PROBE, "1");
        place.removeItem(PROBE);
        return memory.size === 0;
      }, () => false);
    },
    // What could not be written is newer than what could.
    get: (name) => memory.get(name) ?? guarded((place) => place.getItem(name), () => null),
    set: (name, text) => guarded((place) => {
      place.setItem(name, text);
      memory.delete(name);
    }, () => memory.set(name, text)),
    remove: (name) => {
      memory.delete(name);
      guarded((place) => place.removeItem(name), () => null);
    },
  };
}

/** The value of a cookie, "" where there is none or cookies are denied. */
export function cookie(name) {
  try {
    return document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  } catch {
    return "";
  }
}

export function setCookie(name, value, seconds) {
  try {
    document.cookie = `${name}=${value}; path=/; max-age=${seconds}; SameSite=Lax`;
  } catch {
    // The marks then last as long as the session.
  }
}
