// Finds the token that somebody pasted into a search. Only its hash leaves this page.
// @ts-check
import { h } from './view.js';
import { request, lines } from './api.js';
import { Row, scope, stateOf, STATES } from './rows.js';
import { full } from './clock.js';
import { link } from './router.js';

/** "apt_", 40 characters, and a checksum of 6. One that was copied wrongly is none the less kept
 *  out of the address. */
export const looksLikeToken = (text) => /^\s*apt_\w{46}\s*$/.test(text);

export async function findPasted(token) {
  const digest = new Uint8Array(
    await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)),
  );
  const hash = `sha256:${[...digest].map((b) => b.toString(16).padStart(2, '0')).join('')}`;
  const found = /** @type {any[]} */ ([]);
  let columns = /** @type {string[]} */ ([]);
  try {
    await lines(
      await request('GET', `tokens?${scope()}&hash=${encodeURIComponent(hash)}`),
      (line) => {
        if (line.columns) columns = line.columns;
        for (const cells of line.rows || []) found.push(new Row(columns, cells));
      },
    );
  } catch (error) {
    return h('p', /** @type {Error} */ (error).message);
  }
  if (!found.length)
    return h(
      'p',
      'No token that you may see has this value. It may have been renewed, revoked or ' +
        'deleted. What you pasted was not sent.',
    );
  return found.map((row) => {
    const state = stateOf(row);
    return h(
      'p',
      'This is ',
      h('a', { href: link(['tokens', row.ns, row.name]) }, row.name),
      ' in ',
      row.ns,
      '. ',
      state === 'works' || state === 'soon'
        ? `It works until ${full(row.expiresAt)}.`
        : `State: ${STATES[state].text}.`,
      ' What you pasted was not sent.',
    );
  });
}
