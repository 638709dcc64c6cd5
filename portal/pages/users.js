// Whom tokens speak for: made of the tokens, as there is no user object.
// @ts-check
import { h, useMemo, useState } from '../view.js';
import { order, stateOf, tokens, useRows } from '../rows.js';
import { link, route, setQuery } from '../router.js';
import { Time, plural, useNow } from '../clock.js';
import { Search, Table } from '../parts/basic.js';
import { Empty, Page } from '../parts/frame.js';
import { Refused, Used, useRefused } from '../parts/list.js';

const SHOWN = 200;
/** One line a user, by name. */
export function usersOf(rows, at) {
  const users = new Map();
  for (const row of rows) {
    const user = users.get(row.user) || {
        name: row.user,
        tokens: 0,
        works: 0,
        soon: 0,
        expired: 0,
        next: Infinity,
        used: 0,
      },
      state = stateOf(row, at);
    users.set(row.user, user);
    user.tokens++;
    if (state in user) user[state]++;
    if (state === 'works' || state === 'soon') user.next = Math.min(user.next, row.expiresAt);
    user.used = Math.max(user.used, row.lastUsedAt);
  }
  return [...users.values()].sort((a, b) => order(a.name, b.name));
}

const count = (n, state) => (n > 0 ? h('strong', { class: `is-${state} on` }, n) : '–');

export default function Users() {
  const { synced } = tokens.use(),
    error = useRefused(),
    { q = '', ns } = route.use().query,
    minute = Math.floor(useNow() / 10_000),
    [more, setMore] = useState(SHOWN),
    rows = useRows((row) => !ns || row.ns === ns, [ns]);
  const users = useMemo(() => usersOf(rows, minute * 10_000), [rows, minute]),
    shown = users.filter((user) => user.name.toLowerCase().includes(q.toLowerCase()));
  return h(
    Page,
    { title: 'Users' },
    h(Refused, { error: !users.length && error }),
    synced && !users.length && !error
      ? h(
          Empty,
          { title: 'No token speaks for anybody yet' },
          h('a.button.main', { href: link(['tokens', 'new']) }, 'Create a new token'),
        )
      : [
          h(
            'div.filters',
            h(Search, {
              label: 'Search users',
              value: q,
              onInput: (e) => setQuery({ q: e.target.value }),
            }),
            h(
              'p.tally',
              { role: 'status' },
              synced ? plural(shown.length, 'user') : 'Loading tokens…',
            ),
          ),
          h(Table, {
            heads: [
              'User',
              ' Tokens',
              ' Working',
              ' Expire soon',
              ' Expired',
              'Next expiry',
              'Last used',
            ],
            rows: shown
              .slice(0, more)
              .map((user) => [
                h('a', { href: link(['users', user.name]) }, user.name),
                user.tokens,
                user.works,
                count(user.soon, 'soon'),
                count(user.expired, 'expired'),
                h(Time, { at: Number.isFinite(user.next) && user.next }),
                h(Used, { at: user.used }),
              ]),
          }),
          shown.length > more &&
            h('p', h('button.button', { onClick: () => setMore(more + 1000) }, 'Show more')),
        ],
  );
}
