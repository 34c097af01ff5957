// An ordinary click on a link of the course stays in the session, which a link in HTML alone would leave.

/** href: a page and its query, such as "crux?alpha=2". */
export function go(event, href) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  // As if it came by Forward: Streamlit then goes to the page and the query of the address, in this session.
  history.pushState({}, "", href);
  dispatchEvent(new PopStateEvent("popstate"));
}
