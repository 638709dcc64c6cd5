// Addresses of the pages. Filters stand in the query, so that a link shows the same rows.
// @ts-check
import { store, useEffect } from './view.js';
import { pathOf } from './api.js';

const parse = () => ({
  parts: location.pathname.split('/').filter(Boolean).map(decoded),
  query: Object.fromEntries(new URLSearchParams(location.search)),
});
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = store(parse());

/** Asked before leaving: false if work would be lost and the person stays; null if there is none.
 *  `silent`: the browser asks by itself. */
export const leaving = { ask: /** @type {null | ((silent?: boolean) => boolean)} */ (null) };
/** Has `ask` asked before leaving, while it is given. */
export function useLeaving(ask, inputs) {
  useEffect(() => {
    leaving.ask = ask || null;
    return () => {
      leaving.ask = null;
    };
  }, inputs);
}

let here = location.pathname + location.search;
function arrived() {
  here = location.pathname + location.search;
  route.set(parse());
}
addEventListener('popstate', () => {
  if (!leaving.ask || leaving.ask()) arrived();
  else history.pushState(null, '', here); // the address follows the page, which stays
});

/** A local address of encoded parts; the only way to an href. The namespace scope goes along. */
export function link(parts, query = {}) {
  const scope = route.get().query.ns;
  const text = new URLSearchParams(
    Object.entries({ ns: scope, ...query }).filter(([, v]) => v),
  ).toString();
  return `/${pathOf(...parts)}${text ? `?${text}` : ''}`;
}

export function go(parts, query, replace = false) {
  if (!replace && leaving.ask && !leaving.ask()) return;
  history[replace ? 'replaceState' : 'pushState'](
    null,
    '',
    Array.isArray(parts) ? link(parts, query) : parts,
  );
  arrived();
}
/** Changes filters of the present page in place. */
export const setQuery = (change) =>
  go(route.get().parts, { ...route.get().query, ...change }, true);

addEventListener('beforeunload', (event) => {
  if (leaving.ask && !leaving.ask(true)) event.preventDefault();
});
addEventListener('click', (event) => {
  const anchor = event.target instanceof Element && event.target.closest('a');
  if (
    !anchor ||
    anchor.target ||
    anchor.download ||
    anchor.origin !== location.origin ||
    event.button ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey ||
    anchor.hash
  )
    return;
  event.preventDefault();
  go(anchor.pathname + anchor.search);
});
