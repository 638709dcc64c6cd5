// Finds the token that somebody pasted into a search. Only its hash leaves this page.
// @ts-check
import { html } from './view.js';
import { request, lines } from './api.js';
import { scope, stateOf, STATES } from './rows.js';
import { full } from './clock.js';
import { link } from './router.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
function crc32(text) {
  let crc = ~0;
  for (const c of text) {
    crc ^= c.charCodeAt(0);
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
/** "apt_", 40 characters, and their checksum in base 62. */
export function looksLikeToken(text) {
  const [, body, sum] = /^\s*apt_([0-9A-Za-z]{40})([0-9A-Za-z]{6})\s*$/.exec(text) || [];
  return !!body && [...sum].reduce((n, c) => n * 62 + ALPHABET.indexOf(c), 0) === crc32(body);
}

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
        for (const cells of line.rows || [])
          found.push(Object.fromEntries(columns.map((c, i) => [c, cells[i]])));
      },
    );
  } catch (error) {
    return html`<p>${/** @type {Error} */ (error).message}</p>`;
  }
  if (!found.length)
    return html`
      <p>No token that you may see has this value. It may have been renewed, revoked or deleted.
          What you pasted was not sent.</p>
    `;
  return found.map((cells) => {
    const row = {
        ...cells,
        expiresAt: Date.parse(cells.expiresAt) || 0,
        warnAt: Date.parse(cells.warnAt) || 0,
      },
      state = stateOf(row);
    return html`
      <p>This is <a href=${link(['tokens', row.ns, row.name])}>
          ${row.name}
        </a> in ${row.ns}. ${state === 'works' || state === 'soon' ? `It works until ${full(row.expiresAt)}.` : `State: ${STATES[state].text}.`} What
          you pasted was not sent.</p>
    `;
  });
}
