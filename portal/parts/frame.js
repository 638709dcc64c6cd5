// What stands around every page: its heading, the title of the window, and bands that say what is
// not as it should be.
// @ts-check
import { h, plain, useEffect, useRef } from '../view.js';
import { route } from '../router.js';
import { session } from '../session.js';
import { stale } from '../api.js';
import { secondOf, offset, useNow } from '../clock.js';
import { Icon } from './basic.js';

/** Whether this is not the first page of the visit: there the browser begins at the top by
 *  itself. */
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
    document.title = plain(
      [documentTitle, 'apitoken', session.get()?.cluster].filter(Boolean).join(' · '),
    );
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
  return h(
    'main',
    { id: 'main', class: wide ? 'wide' : '' },
    h(
      'div.head',
      h('div', over && h('p.over', over), h('h1', { tabindex: '-1', ref: heading }, title)),
      actions && h('div.actions', actions),
    ),
    children,
  );
}

export const Band = ({ kind = '', children }) =>
  h(
    'div',
    { class: `band ${kind}`, role: 'status' },
    h(Icon, { name: 'bang' }),
    h('span', children),
  );

export function Bands({ silent }) {
  const since = stale.use();
  useNow();
  const skew = Math.abs(offset.use());
  return [
    since > 0 &&
      h(
        Band,
        { kind: 'stale' },
        navigator.onLine ? '' : 'You are offline. ',
        'Not updated since ',
        secondOf(since + offset.get()),
        '. Trying again…',
      ),
    silent &&
      h(Band, 'The operator has not answered for ', silent, '. Tokens that exist go on working.'),
    skew > 120_000 &&
      h(
        Band,
        { kind: 'quiet' },
        'The clock of this computer is ',
        Math.round(skew / 60_000),
        " minutes off. Times here are the server's.",
      ),
  ];
}

/** What a list says in place of rows. */
export const Empty = ({ title, children, art = true }) =>
  h(
    'div.empty',
    art &&
      h(
        'svg',
        { viewBox: '0 0 96 64', 'aria-hidden': 'true' },
        h('path', {
          d: 'M26 20h44a12 12 0 0 1 0 24H26a12 12 0 0 1 0-24M30 27a5 5 0 1 0 .1 0M46 32h8M60 32h8',
        }),
        h('path.dash', { d: 'M6 12h20M70 54h20' }),
      ),
    h('h2', title),
    children,
  );
