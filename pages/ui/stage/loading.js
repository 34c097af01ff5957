// Loads plotly.js and the style sheet once for each page, however many stages stand on it.

const pending = new Map();

function once(url, load) {
  if (!pending.has(url)) {
    const promise = new Promise(load).catch((error) => {
      pending.delete(url); // a dropped connection must not stay broken until the page is reloaded
      throw error;
    });
    pending.set(url, promise);
  }
  return pending.get(url);
}

function append(element, resolve, reject) {
  element.onload = () => resolve();
  element.onerror = () => reject(new Error(`${element.src || element.href} did not load`));
  document.head.append(element);
}

export const loadScript = (url) =>
  once(url, (resolve, reject) =>
    append(Object.assign(document.createElement("script"), { src: url }), resolve, reject));

export const loadStyle = (url) =>
  once(url, (resolve, reject) =>
    append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: url }), resolve, reject));
