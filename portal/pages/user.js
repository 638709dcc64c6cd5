// One user: their tokens, their faults, and the end of all of it when they leave.
// @ts-check
import { html, useMemo, useState } from '../view.js';
import { stateOf, tokens } from '../rows.js';
import { link, route, setQuery } from '../router.js';
import { now, plural } from '../clock.js';
import { BulkDialog, Bulk, useDeeds } from '../deeds.js';
import { Button, Tabs, plain } from '../parts/basic.js';
import { Empty, Page } from '../parts/frame.js';
import { ColumnsMenu, TokenList } from '../parts/list.js';
import { Creating } from '../parts/creating.js';
import { FaultList } from './faults.js';
import { faultsOf } from '../faults.js';

export default function User({ user, creating }) {
  const { rows, version } = tokens.use(),
    { query } = route.use(),
    { deeds, dialog, show } = useDeeds(),
    [ending, setEnding] = useState(false),
    open = query.tab || 'tokens';
  const theirs = useMemo(
    () =>
      [...rows.values()].filter((row) => row.user === user && (!query.ns || row.ns === query.ns)),
    [version, user, query.ns],
  );
  const faults = faultsOf(theirs, [], now()),
    alive = theirs.filter((row) => ['works', 'soon', 'waiting', 'failed'].includes(stateOf(row)));
  const add = html`<a class="button main" href=${link(['users', user, 'new'])}>Add</a>`;
  return html`
    <${Page} wide title=${plain(user)} over=${html`<a href=${link(['users'])}>Users</a>`}
        actions=${html`
          ${open === 'tokens' && html`<${ColumnsMenu} />`}
          <${Button} kind="danger" why=${alive.length ? '' : 'There is nothing to end.'}
              onPress=${() => setEnding(true)}>End all tokens of this user<//>
        `}>
      <div class="head section"><${Tabs} label="About this user" open=${open}
            onOpen=${(tab) => setQuery({ tab: tab === 'tokens' ? '' : tab })} tabs=${[
      ['tokens', 'Tokens'],
      ['faults', `Faults${faults.length ? ` (${faults.length})` : ''}`],
    ]}
            />${open === 'tokens' && add}</div>${
      open === 'faults'
        ? faults.length
          ? html`<${FaultList} faults=${faults} show=${show} />`
          : html`
            <${Empty} title="Nothing of this user needs you">
              <p>${plural(alive.length, 'token')} in order.</p><//>
          `
        : html`
          <${TokenList} all=${theirs} fixed=${{ user }} hide=${['user']} deeds=${deeds}
              bulk=${(some, clear) => html`<${Bulk} rows=${some} clear=${clear} />`}
              emptyTitle=${`No token speaks for ${plain(user)} yet.`}
              emptyText="Make one here, or look at the name again." make=${add} />
        `
    }
      ${ending && html`
        <${BulkDialog} doing="Revoke" rows=${alive} onClose=${() => setEnding(false)} />
      `}${dialog}${creating && html`<${Creating} back=${['users', user]} user=${user} />`}<//>
  `;
}
