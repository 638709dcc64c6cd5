// Everything that needs somebody, computed from the rows and the settings; the page and the number in the navigation.
// @ts-check
import { isFault, stateOf } from './rows.js';
import { full, ms, plural, relative } from './clock.js';
import { condition } from './settings.js';

const SILENT = 60_000;
export const KINDS = {
  expired: {
    text: 'Expired',
    icon: 'cross',
    rank: 0,
    todo: 'Renew it, or delete it if nothing uses it any more.',
    book: 'ApiTokenExpired',
  },
  soon: {
    text: 'Expires soon',
    icon: 'clock',
    rank: 1,
    todo: 'Renew it, and give its user the new value.',
    book: 'ApiTokenExpiringSoon',
  },
  failed: {
    text: 'Cannot be made',
    icon: 'bang',
    rank: 2,
    todo: 'Mend what the message names.',
    book: 'ApiTokenMintFailing',
  },
  mail: {
    text: 'Mail not delivered',
    icon: 'mail',
    rank: 3,
    todo: 'Check the mail server and the addresses, then send a test mail.',
    book: 'ApiTokenNoticesFailing',
  },
  settings: {
    text: 'Settings that do not work',
    icon: 'gear',
    rank: 4,
    todo: 'Open the settings and mend what the message names.',
    book: 'ApiTokenNoticesFailing',
  },
  silent: {
    text: 'Operator silent',
    icon: 'dots',
    rank: 5,
    todo: 'Look at the operator: is it running, and does it lead?',
    book: 'ApiTokenOperatorAbsent',
  },
  rotation: {
    text: 'Rotation overdue',
    icon: 'clock',
    rank: 6,
    todo: 'Look at the messages of the token.',
    book: 'ApiTokenRotationStuck',
  },
};

const overdueAt = (row) => row.rotateAt + (row.expiresAt - row.rotateAt) / 10;
/** Tokens that the operator has left waiting; the time since when, or 0. */
export const silentSince = (rows, at) =>
  rows.reduce(
    (first, row) =>
      stateOf(row, at) === 'waiting' &&
      at - row.createdAt > SILENT &&
      (!first || row.createdAt < first)
        ? row.createdAt
        : first,
    0,
  );

function ofRow(row, at) {
  const state = stateOf(row, at),
    fault = (kind, since, what) => ({
      kind,
      since,
      what,
      row,
      whose: row.user,
      ns: row.ns,
      name: row.name,
    });
  if (state === 'works' && row.rotateAt && at > overdueAt(row))
    return fault('rotation', row.rotateAt, `Was to be renewed by itself on ${full(row.rotateAt)}.`);
  if (state === 'waiting' && at - row.createdAt > SILENT)
    return fault('silent', row.createdAt, 'The operator has not answered for this token.');
  if (!isFault(row, state)) return null;
  if (state === 'failed') return fault('failed', row.createdAt, row.message || row.reason);
  return state === 'expired'
    ? fault('expired', row.expiresAt, `Expired on ${full(row.expiresAt)}.`)
    : fault(
        'soon',
        row.warnAt,
        `Expires ${relative(row.expiresAt, at)}, on ${full(row.expiresAt)}.`,
      );
}

function ofConfig(config) {
  const ready = condition(config, 'Ready'),
    delivery = condition(config, 'EmailDelivery'),
    name = config.metadata.name;
  const fault = (kind, c) => ({
    kind,
    since: ms(c.lastTransitionTime),
    what: c.message || c.reason,
    config: name,
    whose: 'TokenExpiryConfig',
    ns: '',
    name,
  });
  return [
    ready?.status === 'False' && fault('settings', ready),
    delivery?.status === 'False' && fault('mail', delivery),
  ].filter(Boolean);
}

/** Worst first; within a kind, the longest first. */
export function faultsOf(rows, configs, at, ns = '') {
  const found = rows
    .filter((row) => !ns || row.ns === ns)
    .map((row) => ofRow(row, at))
    .filter(Boolean);
  if (!ns) found.push(...(configs || []).flatMap(ofConfig));
  return found.sort(
    (a, b) =>
      KINDS[a.kind].rank - KINDS[b.kind].rank || a.since - b.since || (a.name < b.name ? -1 : 1),
  );
}
export const countText = (n) => plural(n, 'fault');
