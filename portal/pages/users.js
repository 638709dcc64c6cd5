// Whom tokens speak for: made of the tokens, as there is no user object.
// @ts-check
import { html, useMemo, useState } from '../view.js';
import { stateOf, tokens } from '../rows.js';
import { link, route, setQuery } from '../router.js';
import { Time, plural, useNow } from '../clock.js';
import { Icon, plain } from '../parts/basic.js';
import { Empty, Page } from '../parts/frame.js';
import { Refused } from '../parts/list.js';

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
        next: 0,
        used: 0,
      },
      state = stateOf(row, at);
    users.set(row.user, user);
    user.tokens++;
    if (state in user) user[state]++;
    if ((state === 'works' || state === 'soon') && (!user.next || row.expiresAt < user.next))
      user.next = row.expiresAt;
    user.used = Math.max(user.used, row.lastUsedAt);
  }
  return [...users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export default function Users() {
  const { rows, version, synced, error } = tokens.use(),
    { query } = route.use(),
    minute = Math.floor(useNow() / 10_000),
    [more, setMore] = useState(SHOWN);
  const users = useMemo(
    () =>
      usersOf(
        [...rows.values()].filter((row) => !query.ns || row.ns === query.ns),
        minute * 10_000,
      ),
    [version, query.ns, minute],
  );
  const shown = users.filter((user) =>
    user.name.toLowerCase().includes((query.q || '').toLowerCase()),
  );
  return html`
    <${Page} title="Users">${error && !users.length && html`<${Refused} error=${error} />`}
      ${
      synced && !users.length && !error
        ? html`
          <${Empty} title="No token speaks for anybody yet">
            <p>Here stands everybody for whom there is an API token. Make the first one on the page
                of tokens.</p><a class="button main" href=${link(['tokens', 'new'])}>Create a new
                token</a><//>
        `
        : html`
          <div class="filters"><div class="search">
              <${Icon} name="search" /><input type="search" aria-label="Search users"
                  placeholder="Search users" value=${query.q || ''}
                  onInput=${(e) => setQuery({ q: e.target.value })} /></div>
            <p class="tally" role="status">
              ${synced ? plural(shown.length, 'user') : 'Loading tokens…'}</p></div>
          <div class="scroll" tabindex="0" role="group" aria-label="Table"><table class="plain">
              <thead><tr><th scope="col">User</th><th scope="col" class="n">Tokens</th>
                  <th scope="col" class="n">Working</th><th scope="col" class="n">Expire soon</th>
                  <th scope="col" class="n">Expired</th><th scope="col">Next expiry</th>
                  <th scope="col">Last used</th></tr></thead>
              <tbody>${shown.slice(0, more).map((user) => html`
                  <tr key=${user.name}><th scope="row"><a href=${link(['users', user.name])}>
                        ${plain(user.name)}</a></th><td class="n">
                      ${user.tokens}</td><td class="n">${user.works}</td>
                    <td class="n">
                      ${user.soon > 0 ? html`<strong class="is-soon on">${user.soon}</strong>` : '–'}
                    </td><td class="n">${user.expired > 0 ? html`
                        <strong class="is-expired on">${user.expired}</strong>
                      ` : '–'}</td>
                    <td><${Time} at=${user.next} /></td><td>
                      ${user.used ? html`<${Time} at=${user.used} />` : html`
                        <span class="muted">never</span>
                      `}</td></tr>
                `)}</tbody></table></div>
          ${shown.length > more && html`
            <p><button type="button" class="button" onClick=${() => setMore(more + 1000)}>Show
                  more</button></p>
          `}
        `
    }<//>
  `;
}
