// All tokens that the viewer may see.
// @ts-check
import { html, useMemo } from '../view.js';
import { tokens } from '../rows.js';
import { link, route, setQuery } from '../router.js';
import { space, useRights, why } from '../session.js';
import { DAY, useNow } from '../clock.js';
import { Page } from '../parts/frame.js';
import { ColumnsMenu, TokenList } from '../parts/list.js';
import { Weeks } from '../parts/bar.js';
import { Bulk, useDeeds } from '../deeds.js';
import { Creating } from '../parts/creating.js';
import { NoNamespace } from '../parts/nonamespace.js';

export default function Tokens({ creating }) {
  const { rows, version } = tokens.use(),
    { query } = route.use(),
    { all: everywhere, names } = space.use(),
    rights = useRights(query.ns || (everywhere ? '' : names[0]) || '');
  const all = useMemo(
    () => [...rows.values()].filter((row) => !query.ns || row.ns === query.ns),
    [version, query.ns],
  );
  const day = Math.floor(useNow() / DAY) * DAY,
    { deeds, dialog } = useDeeds();
  const chart = useMemo(
    () =>
      all.length > 0 &&
      html`
        <${Weeks} rows=${all} at=${day} chosen=${query.week}
            onChoose=${(week) => setQuery({ week })} />
      `,
    [all, day, query.week],
  );
  const make = (text) =>
    html`
      <a class="button main" href=${link(['tokens', 'new'])} aria-describedby="new-why">
        ${text}</a>
    `;
  if (!everywhere && !names.length) return html`<${NoNamespace} />`;
  const reason = why(rights, 'create');
  return html`
    <${Page} wide title="Tokens" actions=${html`
          <${ColumnsMenu} />${make('Create a new token')}
          <span id="new-why" class="unseen">${reason}</span>
        `}>
      ${chart}<${TokenList} all=${all} deeds=${deeds}
          bulk=${(some, clear) => html`<${Bulk} rows=${some} clear=${clear} />`}
          make=${make('Create the first one')} />
      ${dialog}${creating && html`<${Creating} back=${['tokens']} />`}<//>
  `;
}
