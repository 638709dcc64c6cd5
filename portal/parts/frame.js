// What stands around every page: its heading, the title of the window, and bands that say what is not as it should be.
// @ts-check
import { html, useEffect, useRef } from '../view.js';
import { route } from '../router.js';
import { session } from '../session.js';
import { stale } from '../api.js';
import { secondOf, offset, useNow } from '../clock.js';
import { Icon } from './basic.js';

/** Whether this is not the first page of the visit: there the browser begins at the top by itself. */
let moved = false;
/** @param {any} p */
export function Page({
  title,
  actions = null,
  over = null,
  children,
  documentTitle = title,
  wide = false,
}) {
  const heading = useRef(null),
    { parts } = route.use();
  const path = parts.join('/');
  useEffect(() => {
    document.title = [documentTitle, 'apitoken', session.get()?.cluster]
      .filter(Boolean)
      .join(' · ');
  }, [documentTitle]);
  useEffect(() => {
    if (!moved) {
      moved = true;
      return;
    }
    if (document.querySelector('dialog[open]')) return;
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [path]);
  return html`
    <main id="main" class=${wide ? 'wide' : ''}>
      <div class="head"><div>${over && html`<p class="over">${over}</p>`}
          <h1 tabindex="-1" ref=${heading}>${title}</h1></div>
        ${actions && html`<div class="actions">${actions}</div>`}</div>
      ${children}</main>
  `;
}

export const Band = ({ kind = '', children }) =>
  html`
    <div class=${`band ${kind}`} role="status">
      <${Icon} name="bang" /><span>${children}</span></div>
  `;

export function Bands({ silent }) {
  const since = stale.use();
  useNow();
  const skew = Math.abs(offset.use());
  return html`
    ${since > 0 && html`
      <${Band} kind="stale">${navigator.onLine ? '' : 'You are offline. '}Not updated
          since ${secondOf(since + offset.get())}. Trying again…<//>
    `}
    ${silent && html`
      <${Band}>The operator has not answered for ${silent}. Tokens that exist go on working.<//>
    `}
    ${skew > 120_000 && html`
      <${Band} kind="quiet">The clock of this computer is ${Math.round(skew / 60_000)} minutes off.
          Times here are the server's.<//>
    `}
  `;
}

/** What a list says in place of rows. */
export const Empty = ({ title, children, art = true }) =>
  html`
    <div class="empty">${art && html`
        <svg viewBox="0 0 96 64" aria-hidden="true">
          <rect x="14" y="20" width="68" height="24" rx="12" />
          <circle cx="30" cy="32" r="5" /><path d="M46 32h8M60 32h8" />
          <path class="dash" d="M6 12h20M70 54h20" /></svg>
      `}
      <h2>${title}</h2>${children}</div>
  `;
