// One token: what it is, what happened to it, what will.
// @ts-check
import { Fragment, html, useEffect, useMemo, useRef, useState } from '../view.js';
import { rowOf, stateOf, tokens } from '../rows.js';
import { call, pathOf } from '../api.js';
import { Time, full, lasting, ms, now, secondOf, span, timeOf, useNow } from '../clock.js';
import { go, link, route, setQuery } from '../router.js';
import { useRights, why } from '../session.js';
import { useDeeds } from '../deeds.js';
import {
  Badge,
  Button,
  Code,
  CopyButton,
  Icon,
  Menu,
  Problem,
  Tabs,
  plain,
} from '../parts/basic.js';
import { Band, Page } from '../parts/frame.js';
import { Life } from '../parts/bar.js';
import { yaml } from '../yaml.js';
import { Edit } from './edit.js';

const USE_PRECISION = 10 * 60_000;

/** Follows one object: asks anew when its row changes, and keeps the last answer when it is gone. */
function useToken(ns, name) {
  const { rows, version, synced } = tokens.use(),
    [found, setFound] = useState(/** @type {any} */ ({}));
  const row = useMemo(
    () => [...rows.values()].find((r) => r.ns === ns && r.name === name),
    [version, ns, name],
  );
  const seen = useRef('');
  useEffect(() => {
    let wanted = true;
    call('GET', `tokens/${pathOf(ns, name)}`).then(
      (value) => wanted && setFound({ value }),
      (error) =>
        wanted &&
        setFound((old) =>
          error.status === 404 && old.value
            ? { ...old, deleted: old.deleted || now() }
            : { ...old, error },
        ),
    );
    return () => {
      wanted = false;
    };
  }, [
    ns,
    name,
    row?.uid,
    row?.reason,
    row?.revision,
    row?.expiresAt,
    row?.lastUsedAt,
    row?.description,
    row?.rotateAt,
    row?.message,
  ]);
  if (row) seen.current = row.uid;
  const gone = synced && seen.current && !row;
  useEffect(() => {
    if (gone) setFound((old) => ({ ...old, deleted: old.deleted || now() }));
  }, [gone]);
  return { ...found, row: row || (found.value && rowOf(found.value.object)) };
}

const list = (items) =>
  items?.length ? items.map(plain).join(', ') : html`<span class="muted">none</span>`;
const SECRETS = {
  present: 'is there',
  missing: 'is not there',
  forbidden: 'is not yours to see',
  foreign: 'exists, but belongs to something else',
};

function used(status, at) {
  if (!status.lastUsedAt)
    return html`
      <span class="muted">never, as far as is recorded (only if the verification endpoints are
          on)</span>
    `;
  const t = ms(status.lastUsedAt);
  return html`
    <${Time} at=${t} />, between ${timeOf(t)} and ${timeOf(Math.min(t + USE_PRECISION, at))} <small
        class="inline">(recorded every ten minutes)</small>
  `;
}

function Overview({ object, row, state, at, warnings, secret }) {
  const { spec, status = {} } = object,
    facts = /** @type {any[]} */ ([]),
    fact = (name, value) => value && facts.push([name, value]);
  const asked = spec.ttl && span(spec.ttl) !== span(status.ttl);
  fact('Kind', `${row.type}${row.format === 'JWT' ? ', JWT' : ''}`);
  fact(
    'Lifetime',
    status.ttl &&
      html`
        ${lasting(status.ttl)}${asked && html`
          <small>${lasting(spec.ttl)} was asked for; a ceiling of the settings may have shortened
              it</small>
        `}
      `,
  );
  fact('Issued', status.issuedAt && html`<${Time} at=${status.issuedAt} as="both" />`);
  fact('Expires', status.expiresAt && html`<${Time} at=${status.expiresAt} as="both" />`);
  fact('Last used', used(status, at));
  fact(
    'Rotation',
    spec.rotation?.policy === 'Automatic'
      ? html`by itself${status.rotateAt && html`, <${Time} at=${status.rotateAt} as="both" />`}`
      : 'by hand',
  );
  fact('Deleted', spec.ttlAfterExpired && `${lasting(spec.ttlAfterExpired)} after it expired`);
  const marks = (warnings || [])
    .filter((w) => ms(w.at) > row.issuedAt)
    .map((w) => ({
      at: ms(w.at),
      text: w.before === '0s' || !w.before ? 'Notice' : `Warning ${lasting(w.before)} before`,
    }));
  const conditions = (status.conditions || []).filter(
    (c) => c.type !== 'Ready' || state !== 'works',
  );
  const value = [
    [
      'Token ID',
      status.tokenID &&
        html`
          <code>${status.tokenID}</code><${CopyButton} text=${status.tokenID} label="Copy token ID"
              said="Copied the token ID." />
        `,
    ],
    ['Ends with', status.hint && html`<code>${plain(status.hint)}</code>`],
    ['Hash', status.tokenHash && html`<code>${status.tokenHash.slice(0, 19)}…</code>`],
    ['Revision', status.revision],
    [
      'Secret',
      html`
        <code>${plain(status.secretName || spec.secret?.name || row.name)}
        </code> ${status.deliveredAt ? 'was removed after showing' : SECRETS[secret?.state] || ''}${spec.secret?.encryptTo && html`<small>The value is encrypted to a recipient.</small>`}
      `,
    ],
    [
      'Previous value',
      status.previous?.validUntil &&
        html`works until <${Time} at=${status.previous.validUntil} as="full" />`,
    ],
  ].filter(([, v]) => v);
  const dl = (rows) =>
    html`
      <dl class="facts">${rows.map(([k, v]) => html`<${Fragment}><dt>${k}</dt><dd>${v}</dd><//>`)}
      </dl>
    `;
  return html`
    ${conditions.map((c) => html`
      <div class=${c.type === 'Ready' || c.type === 'Stalled' ? 'problem' : 'band quiet'}>
        <${Icon} name="bang" /><div><strong>${plain(c.reason)}</strong>
          <p>${plain(c.message)}</p></div></div>
    `)}
    <section class="card"><h2>Its life</h2><${Life} row=${row} state=${state} at=${at}
          marks=${marks} />${dl(facts)}</section><div class="grid">
      <section class="card"><h2>The value</h2>${dl(value)}</section>
      <section class="card"><h2>What it may be used for</h2>
        ${dl(
      [
        ['User', html`<a href=${link(['users', row.user])}>${plain(row.user)}</a>`],
        ['Groups', list(spec.groups)],
        ['Scopes', list(spec.scopes)],
        ['Audiences', list(spec.audiences)],
      ],
    )}
        <p class="muted">Who may read its Secret: <code>kubectl auth can-i get secrets
              -n ${row.ns} --as NAME</code></p></section></div>
  `;
}

/** Everything known, the future included; the newest first. */
export function happenings({ object, writers, events, warnings, row, at }) {
  const { metadata, spec, status = {} } = object,
    all = /** @type {any[]} */ ([]),
    add = (when, text, more = {}) =>
      when && all.push({ at: typeof when === 'string' ? ms(when) : when, text, ...more });
  const maker = (writers || []).find((w) => w.subresource !== 'status');
  add(metadata.creationTimestamp, `Made${maker ? ` with ${plain(maker.manager)}` : ''}`);
  for (const w of (writers || []).slice(1))
    if (!w.subresource)
      add(w.at, `Changed with ${plain(w.manager)}: ${w.fields.map(plain).join(', ')}`);
  if (status.issuedAt && status.issuedAt !== status.lastRotationTime)
    add(status.issuedAt, status.revision > 1 ? `Value ${status.revision} minted` : 'Minted');
  add(status.lastRotationTime, `Renewed: value ${status.revision}`);
  for (const n of status.notices || [])
    add(
      n.sentAt || n.eventAt,
      `Warned ${n.before === '0s' ? 'of its expiry' : `${lasting(n.before)} before expiry`}, by ${n.sentAt ? 'mail and Event' : 'Event'} (settings ${plain(n.config)})`,
    );
  for (const e of events || [])
    add(
      e.lastAt || e.firstAt,
      `${plain(e.reason)}: ${plain(e.note)}${e.count > 1 ? ` (${e.count} times)` : ''}`,
      { bad: e.type === 'Warning', small: 'Event' },
    );
  for (const c of status.conditions || [])
    add(c.lastTransitionTime, `${c.type} became ${c.status}: ${plain(c.message || c.reason)}`, {
      bad: c.type === 'Stalled',
      small: 'Condition',
    });
  add(status.lastUsedAt, 'Last used');
  if (row.reason !== 'Revoked') {
    for (const w of warnings || [])
      if (ms(w.at) > at)
        add(
          w.at,
          `Warning to ${[...w.recipients, w.toUser && 'its user'].filter(Boolean).map(plain).join(', ') || 'nobody by mail; an Event only'} (settings ${plain(w.config)})`,
        );
    if (ms(status.rotateAt) > at) add(status.rotateAt, 'Renewed by itself');
    if (ms(status.previous?.validUntil) > at)
      add(status.previous.validUntil, 'The previous value stops');
    add(status.expiresAt, row.expiresAt > at ? 'Expires' : 'Expired', { bad: true });
    if (row.expiresAt && (spec.ttlAfterExpired || row.type === 'Temporary'))
      add(row.expiresAt + span(spec.ttlAfterExpired || '1h'), 'Deleted with its record');
  }
  return all.sort((a, b) => b.at - a.at);
}

function Timeline({ found, row, at }) {
  const all = happenings({ ...found, row, at }),
    first = all.findIndex((h) => h.at <= at);
  const item = (h) =>
    html`
      <li class=${`${h.at > at ? 'future' : ''} ${h.bad ? 'bad' : ''}`}>
        <${Time} at=${h.at} as="both" /><span>${h.text}${h.small && html`<small>${h.small}</small>`}
        </span></li>
    `;
  const cut = first < 0 ? all.length : first;
  return html`
    <section class="card"><ol class="timeline">
        ${all.slice(0, cut).map(item)}<li class="present">
          <span>Now</span><span>${full(at)}</span></li>
        ${all.slice(cut).map(item)}</ol><p class="muted">
        ${found.events ? 'Events are kept for about an hour by the cluster.' : 'Events are not yours to see.'}${found.warnings ? '' : ' The warnings to come are not yours to see.'}
      </p></section>
  `;
}

export default function Token({ ns, name }) {
  const { value: found, error, row, deleted } = useToken(ns, name),
    { query } = route.use(),
    rights = useRights(ns),
    at = useNow(),
    { dialog, show } = useDeeds(),
    [editing, setEditing] = useState(false);
  const over = html`<a href=${link(['tokens'])}>Tokens</a> in ${plain(ns)}`,
    tab = query.tab || 'overview';
  if (!row || !found)
    return html`
      <${Page} title=${plain(name)} over=${over}>
        ${error ? html`
          <${Problem} error=${error} /><p><a href=${link(['tokens'])}>All tokens</a></p>
        ` : html`<p class="loading" role="status">Loading…</p>`}<//>
    `;
  const { object } = found,
    state = stateOf(row, at),
    readOnly = deleted ? 'It was deleted.' : '',
    mayNot = (deed) => readOnly || why(rights, deed);
  const menu = [
    ['Edit description and lifetime', () => setEditing(true), mayNot('patch')],
    ['Make one like it', () => go(['tokens', 'new'], { like: `${ns}/${name}` })],
    ['Delete', () => show('Delete', row), mayNot('delete')],
  ];
  const head = html`
    <${Button} kind="main"
            why=${mayNot('patch') || (state === 'revoked' ? 'A revoked token cannot be renewed.' : '')}
            onPress=${() => show('Renew', row)}>Renew<//>
      <${Button} kind="danger"
          why=${mayNot('patch') || (state === 'revoked' ? 'It is revoked already.' : '')}
          onPress=${() => show('Revoke', row)}>Revoke<//>
    <${Menu} label="More" items=${menu} kind="" />
  `;
  return html`
    <${Page} title=${plain(name)} over=${over} actions=${head}>
      ${deleted && html`
        <${Band}>${plain(name)} was deleted at ${secondOf(deleted)}. What stands here is how it
            was. <a href=${link(['tokens'])}>All tokens</a><//>
      `}
      <p class="line lead"><${Badge} state=${state} />
        <span>for <a href=${link(['users', row.user])}>
            ${plain(row.user)}</a></span>${row.expiresAt > 0 && state !== 'revoked' && html`
          <span>${row.expiresAt > at ? 'expires' : 'expired'} <${Time} at=${row.expiresAt} /></span>
        `}</p>
      ${row.description && html`<p class="lead">${plain(row.description)}</p>`}
      <${Tabs} label="About this token" open=${tab}
          onOpen=${(t) => setQuery({ tab: t === 'overview' ? '' : t })} tabs=${[
      ['overview', 'Overview'],
      ['timeline', 'Timeline'],
      ['yaml', 'YAML'],
    ]}
          />
      ${tab === 'timeline' ? html`<${Timeline} found=${found} row=${row} at=${at} />` : tab === 'yaml' ? html`
        <${Code} label="YAML" text=${yaml(object)} />
      ` : html`<${Overview} ...${found} row=${row} state=${state} at=${at} />`}
      ${dialog}${editing && html`<${Edit} object=${object} row=${row} onClose=${() => setEditing(false)} />`}
    <//>
  `;
}
