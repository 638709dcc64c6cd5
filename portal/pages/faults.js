// Everything that needs somebody, worst first.
// @ts-check
import { html, useMemo } from '../view.js';
import { stateOf, tokens } from '../rows.js';
import { settings } from '../settings.js';
import { KINDS, faultsOf } from '../faults.js';
import { link, route } from '../router.js';
import { Time, full, now, useNow } from '../clock.js';
import { csv, useDeeds } from '../deeds.js';
import { Button, Icon, copyText, download, plain } from '../parts/basic.js';
import { Empty, Page } from '../parts/frame.js';
import { Refused } from '../parts/list.js';

const SHOWN = 100;
const TINT = {
  expired: 'expired',
  soon: 'soon',
  failed: 'failed',
  mail: 'soon',
  settings: 'failed',
  silent: 'waiting',
  rotation: 'soon',
};

export function FaultList({ faults, show }) {
  const groups = Object.entries(KINDS)
    .map(([kind, words]) => ({ kind, ...words, of: faults.filter((f) => f.kind === kind) }))
    .filter((g) => g.of.length);
  return html`
    <div class="faults">${groups.map(
    (
      group,
    ) => html`
      <h2 key=${group.kind}>${group.text}<span class="muted">
          ${group.of.length.toLocaleString('en')}</span></h2>
      <p class="muted">${group.todo} Runbook: <code>docs/runbooks/${group.book}.md</code></p>
      ${group.of.slice(0, SHOWN).map(
      (
        fault,
      ) => html`
        <article class=${`fault is-${TINT[fault.kind]}`}
            key=${`${fault.kind}${fault.ns}/${fault.name}`}>
          <${Icon} name=${group.icon} /><div><h3><a
                  href=${link(fault.row ? ['tokens', fault.ns, fault.name] : ['settings', fault.config])}>
                ${plain(fault.name)}</a> <small class="inline">
                ${fault.ns && `in ${fault.ns}, `}${plain(fault.whose)}</small></h3>
            <p>${plain(fault.what)}</p><small>since <${Time} at=${fault.since} /></small></div>
          <div class="actions">
            ${fault.row && ['expired', 'soon', 'rotation'].includes(fault.kind) && html`
              <${Button} onPress=${() => show('Renew', fault.row)}>Renew<//>
            `}
            ${fault.kind === 'expired' && html`
              <${Button} kind="danger" onPress=${() => show('Delete', fault.row)}>Delete<//>
            `}${(fault.kind === 'failed' || fault.kind === 'silent') && html`
              <a class="button" href=${link(['tokens', fault.ns, fault.name])}>Look at it</a>
            `}${fault.config && html`
              <a class="button" href=${link(['settings', fault.config])}>Open settings</a>
            `}</div></article>
      `,
    )}
      ${group.of.length > SHOWN && html`
        <p class="muted">and ${(group.of.length - SHOWN).toLocaleString('en')} more; the export has
            all.</p>
      `}
    `,
  )}</div>
  `;
}

const message = (faults) =>
  faults
    .map(
      (f) =>
        `${KINDS[f.kind].text}: ${f.ns ? `${f.ns}/` : ''}${f.name} (${f.whose}). ${f.what} ${KINDS[f.kind].todo}`,
    )
    .join('\n');
const exported = (faults) =>
  csv([
    ['Fault', 'Namespace', 'Name', 'Whose', 'What', 'Since'],
    ...faults.map((f) => [
      KINDS[f.kind].text,
      f.ns,
      f.name,
      f.whose,
      f.what,
      f.since ? new Date(f.since).toISOString() : '',
    ]),
  ]);

export default function Faults() {
  const { rows, version, synced, error } = tokens.use(),
    { items } = settings.use(),
    { query } = route.use(),
    tick = Math.floor(useNow() / 1000),
    { dialog, show } = useDeeds();
  const all = useMemo(() => [...rows.values()], [version]);
  const faults = useMemo(
    () => faultsOf(all, items, now(), query.ns),
    [all, items, query.ns, all.length > 2000 ? Math.floor(tick / 2) : tick],
  );
  const next = useMemo(
    () =>
      all.reduce(
        (first, row) =>
          row.warnAt > now() && stateOf(row) === 'works' && (!first || row.warnAt < first.warnAt)
            ? row
            : first,
        /** @type {any} */ (null),
      ),
    [all],
  );
  const n = faults.length;
  return html`
    <${Page} title="Faults" documentTitle=${n ? `Faults (${n})` : 'Faults'} actions=${n > 0 && html`
          <${Button} icon="copy"
                onPress=${() => copyText(message(faults), 'Copied as a message.')}>Copy as
                message<//><${Button}
              onPress=${() => download('faults.csv', 'text/csv;charset=utf-8', exported(faults))}>Export
              CSV<//>
        `}>
      ${error && html`<${Refused} error=${error} />`}${!synced && !error && html`<p class="loading" role="status">Loading tokens…</p>`}
      ${n > 0 ? html`<${FaultList} faults=${faults} show=${show} />` : synced && html`
        <${Empty} title="Nothing needs you"><p>${next ? html`
              The next warning is due on ${full(next.warnAt)}, for <a
                  href=${link(['tokens', next.ns, next.name])}>
                ${next.name}</a>.
            ` : 'No warning is due.'}</p><//>
      `}${dialog}<//>
  `;
}
