// One token: what it is, what happened to it, what will.
// @ts-check
import { h, useEffect, useRef, useState } from '../view.js';
import { rowOf, stateOf, tokens, useRows } from '../rows.js';
import { call, pathOf } from '../api.js';
import { Time, full, lasting, ms, now, secondOf, span, timeOf, useNow } from '../clock.js';
import { link, route } from '../router.js';
import { useRights, why } from '../session.js';
import { makeAlike, notRenewed, notRevoked, useDeeds } from '../deeds.js';
import {
  Badge,
  Button,
  Code,
  CopyButton,
  Facts,
  Icon,
  Menu,
  Problem,
  Tabs,
} from '../parts/basic.js';
import { Band, Page } from '../parts/frame.js';
import { Life } from '../parts/bar.js';
import { yaml } from '../yaml.js';
import { Edit } from './edit.js';

const USE_PRECISION = 10 * 60_000;

/** Whether the list, if it has the object, says the same. */
const agree = (row = {}, own) =>
  Object.keys(row).every((key) => key === 'message' || (row[key] || '') === (own[key] || ''));
/** One object: asked for anew when its row says something else, kept when it is gone. */
function useToken(ns, name) {
  const { synced } = tokens.use(),
    [found, setFound] = useState(/** @type {any} */ ({})),
    [row] = useRows((r) => r.ns === ns && r.name === name, [ns, name]),
    { current: last } = useRef(/** @type {any} */ ({ row: null })), // what was asked for last
    ended = (old) => ({ ...old, deleted: old.deleted || now() }),
    own = found.value && rowOf(found.value.object);
  useEffect(() => {
    if (last.waiting || row === last.row || (own && agree(row, own))) return;
    const settle = (next) => {
      last.waiting = false;
      setFound(next);
    };
    Object.assign(last, { row, waiting: true });
    call('GET', `tokens/${pathOf(ns, name)}`).then(
      (value) => settle({ value }),
      (error) =>
        settle((old) => (error.status === 404 && old.value ? ended(old) : { ...old, error })),
    );
  }, [row, found]);
  last.seen ||= !!row;
  const gone = synced && last.seen && !row;
  useEffect(() => {
    if (gone) setFound(ended);
  }, [gone]);
  return { ...found, row: row || own };
}

const list = (items) => items?.join(', ') || h('span.muted', 'none');
const SECRETS = {
  present: 'is there',
  missing: 'is not there',
  forbidden: 'is not yours to see',
  foreign: 'exists, but belongs to something else',
};

function used(status, at) {
  if (!status.lastUsedAt)
    return h('span.muted', 'never, as far as is recorded (only if verification is on)');
  const t = ms(status.lastUsedAt);
  return [
    h(Time, { at: t }),
    ', between ',
    timeOf(t),
    ' and ',
    timeOf(Math.min(t + USE_PRECISION, at)),
    ' ',
    h('small.inline', '(recorded every ten minutes)'),
  ];
}

/** An instant of the status, if it is there. */
const both = (at) => at && h(Time, { at, as: 'both' });

/** How long after its expiry the operator deletes it; '' if it does not. */
const endingOf = (row, spec) => spec.ttlAfterExpired || (row.type === 'Temporary' ? '1h' : '');
function Overview({ object, row, state, at, warnings, secret }) {
  const { spec, status = {} } = object,
    ending = endingOf(row, spec),
    { ttl, previous } = status;
  const facts = [
    ['Kind', `${row.type}${row.format === 'JWT' ? ', JWT' : ''}`],
    [
      'Lifetime',
      ttl && [
        lasting(ttl),
        spec.ttl &&
          span(spec.ttl) !== span(ttl) &&
          h(
            'small',
            lasting(spec.ttl),
            ' was asked for; a ceiling of the settings may have shortened it',
          ),
      ],
    ],
    ['Issued', both(status.issuedAt)],
    ['Expires', both(status.expiresAt)],
    ['Last used', used(status, at)],
    [
      'Rotation',
      spec.rotation?.policy === 'Automatic'
        ? ['by itself', status.rotateAt && [', ', both(status.rotateAt)]]
        : 'by hand',
    ],
    ['Deleted', ending ? `${lasting(ending)} after it expired` : 'by hand'],
  ];
  const marks = (warnings || [])
    .map(({ at, before }) => ({
      at: ms(at),
      text: before === '0s' || !before ? 'Notice' : `Warning ${lasting(before)} before`,
    }))
    .filter((mark) => mark.at > row.issuedAt);
  const conditions = (status.conditions || []).filter(
    (c) => c.type !== 'Ready' || state !== 'works',
  );
  const value = [
    [
      'Token ID',
      status.tokenID && [
        h('code', status.tokenID),
        h(CopyButton, {
          text: status.tokenID,
          label: 'Copy token ID',
          said: 'Copied the token ID.',
        }),
      ],
    ],
    ['Ends with', status.hint && h('code', status.hint)],
    ['Hash', status.tokenHash && h('code', status.tokenHash.slice(0, 19), '…')],
    ['Revision', status.revision],
    [
      'Secret',
      [
        h('code', status.secretName || spec.secret?.name || row.name),
        ' ',
        status.deliveredAt ? 'was removed after showing' : SECRETS[secret?.state],
        spec.secret?.encryptTo && h('small', 'The value is encrypted to a recipient.'),
      ],
    ],
    [
      'Previous value',
      previous?.validUntil && ['works until ', h(Time, { at: previous.validUntil, as: 'full' })],
    ],
  ];
  return [
    conditions.map((c) =>
      h(
        'div',
        { class: c.type === 'Ready' || c.type === 'Stalled' ? 'problem' : 'band quiet' },
        h(Icon, { name: 'bang' }),
        h('div', h('strong', c.reason), h('p', c.message)),
      ),
    ),
    h(
      'section.card',
      h('h2', 'Its life'),
      h(Life, { row, state, at, marks }),
      h(Facts, { of: facts }),
    ),
    h(
      'div.grid',
      h('section.card', h('h2', 'The value'), h(Facts, { of: value })),
      h(
        'section.card',
        h('h2', 'What it may be used for'),
        h(Facts, {
          of: [
            ['User', h('a', { href: link(['users', row.user]) }, row.user)],
            ['Groups', list(spec.groups)],
            ['Scopes', list(spec.scopes)],
            ['Audiences', list(spec.audiences)],
          ],
        }),
        h(
          'p.muted',
          'Who may read its Secret: ',
          h('code', 'kubectl auth can-i get secrets -n ', row.ns, ' --as NAME'),
        ),
      ),
    ),
  ];
}

/** Everything known, the future included; the newest first. */
export function happenings({ object, writers, events, warnings, row, at }) {
  const { metadata, spec, status = {} } = object,
    all = /** @type {any[]} */ ([]),
    add = (when, text, small = '', bad = false) =>
      when && all.push({ at: typeof when === 'string' ? ms(when) : when, text, small, bad }),
    settingsOf = ({ config }) => `(settings ${config})`;
  const maker = (writers || []).find((w) => w.subresource !== 'status'),
    { issuedAt, lastRotationTime, revision, rotateAt, previous } = status;
  add(metadata.creationTimestamp, `Made${maker ? ` with ${maker.manager}` : ''}`);
  for (const { subresource, at, manager, fields } of (writers || []).slice(1))
    if (!subresource) add(at, `Changed with ${manager}: ${fields.join(', ')}`);
  if (issuedAt !== lastRotationTime)
    add(issuedAt, revision > 1 ? `Value ${revision} minted` : 'Minted');
  add(lastRotationTime, `Renewed: value ${revision}`);
  for (const n of status.notices || [])
    add(
      n.sentAt || n.eventAt,
      `Warned ${n.before === '0s' ? 'of its expiry' : `${lasting(n.before)} before expiry`}, ` +
        `by ${n.sentAt ? 'mail and Event' : 'Event'} ${settingsOf(n)}`,
    );
  for (const e of events || [])
    add(
      e.lastAt || e.firstAt,
      `${e.reason}: ${e.note}${e.count > 1 ? ` (${e.count} times)` : ''}`,
      'Event',
      e.type === 'Warning',
    );
  for (const c of status.conditions || [])
    add(
      c.lastTransitionTime,
      `${c.type} became ${c.status}: ${c.message || c.reason}`,
      'Condition',
      c.type === 'Stalled',
    );
  add(status.lastUsedAt, 'Last used');
  if (row.reason !== 'Revoked') {
    const later = (when, text) => ms(when) > at && add(when, text);
    for (const w of warnings || []) {
      const to = [...w.recipients, w.toUser && 'its user'].filter(Boolean).join(', ');
      later(w.at, `Warning to ${to || 'nobody by mail; an Event only'} ${settingsOf(w)}`);
    }
    later(rotateAt, 'Renewed by itself');
    later(previous?.validUntil, 'The previous value stops');
    add(status.expiresAt, row.expiresAt > at ? 'Expires' : 'Expired', '', true);
    const ending = endingOf(row, spec);
    if (row.expiresAt && ending) add(row.expiresAt + span(ending), 'Deleted with its record');
  }
  return all.sort((a, b) => b.at - a.at);
}

function Timeline({ events, warnings, at, ...found }) {
  const all = happenings({ ...found, events, warnings, at });
  const items = (part) =>
    part.map((event) =>
      h(
        'li',
        { class: `${event.at > at ? 'future' : ''} ${event.bad ? 'bad' : ''}` },
        h(Time, { at: event.at, as: 'both' }),
        h('span', event.text, event.small && h('small', event.small)),
      ),
    );
  return h(
    'section.card',
    h(
      'ol.timeline',
      items(all.filter((event) => event.at > at)),
      h('li.present', h('span', 'Now'), h('span', full(at))),
      items(all.filter((event) => event.at <= at)),
    ),
    h(
      'p.muted',
      events ? 'Events are kept for about an hour by the cluster.' : 'Events are not yours to see.',
      warnings ? '' : ' The warnings to come are not yours to see.',
    ),
  );
}

/** @param {any} p */
export default function Token({ ns, name }) {
  const { value: found, error, row, deleted } = useToken(ns, name),
    { tab = 'overview' } = route.use().query,
    rights = useRights(ns),
    at = useNow(),
    { dialog, show } = useDeeds(),
    [editing, setEditing] = useState(false);
  const everything = h('a', { href: link(['tokens']) }, 'All tokens'),
    over = [h('a', { href: link(['tokens']) }, 'Tokens'), ' in ', ns];
  if (!row || !found)
    return h(
      Page,
      { title: name, over },
      error
        ? [h(Problem, { error }), h('p', everything)]
        : h('p.loading', { role: 'status' }, 'Loading…'),
    );
  const { object } = found,
    state = stateOf(row, at),
    mayNot = (deed) => (deleted ? 'It was deleted.' : why(rights, deed));
  const menu = [
    ['Edit description and lifetime', () => setEditing(true), mayNot('patch')],
    makeAlike(row),
    ['Delete', () => show('Delete', row), mayNot('delete')],
  ];
  const head = [
    h(
      Button,
      {
        kind: 'main',
        why: mayNot('patch') || notRenewed(state),
        onPress: () => show('Renew', row),
      },
      'Renew',
    ),
    h(
      Button,
      {
        kind: 'danger',
        why: mayNot('patch') || notRevoked(state),
        onPress: () => show('Revoke', row),
      },
      'Revoke',
    ),
    h(Menu, { label: 'More', items: menu, kind: '' }),
  ];
  return h(
    Page,
    { title: name, over, actions: head },
    deleted &&
      h(
        Band,
        name,
        ' was deleted at ',
        secondOf(deleted),
        '. What stands here is how it was. ',
        everything,
      ),
    h(
      'p.line.lead',
      h(Badge, { state }),
      h('span', 'for ', h('a', { href: link(['users', row.user]) }, row.user)),
      row.expiresAt > 0 &&
        state !== 'revoked' &&
        h('span', row.expiresAt > at ? 'expires' : 'expired', ' ', h(Time, { at: row.expiresAt })),
    ),
    row.description && h('p.lead', row.description),
    h(Tabs, {
      label: 'About this token',
      open: tab,
      tabs: [
        ['overview', 'Overview'],
        ['timeline', 'Timeline'],
        ['yaml', 'YAML'],
      ],
    }),
    tab === 'yaml'
      ? h(Code, { label: 'YAML', text: yaml(object) })
      : h(tab === 'timeline' ? Timeline : Overview, { ...found, row, state, at }),
    dialog,
    editing && h(Edit, { object, row, onClose: () => setEditing(false) }),
  );
}
