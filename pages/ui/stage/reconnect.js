// A server that was restarted knows no part of an open page, and answers none, until the whole page has been run once.
// Streamlit asks for that only if the last run was that of a part; so whenever the connection is back, the page asks.

let watched = null;

export function runAgainOnceReconnected() {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!app || app === watched) return;
  watched = app;
  let lost = false;
  new MutationObserver(() => {
    const connected = app.dataset.testConnectionState === "CONNECTED";
    // As if it came by Back: Streamlit then runs the page of the address, and the address holds the settings.
    if (connected && lost) dispatchEvent(new PopStateEvent("popstate"));
    lost = !connected;
  }).observe(app, { attributes: true, attributeFilter: ["data-test-connection-state"] });
}
