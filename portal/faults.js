// Everything that needs somebody, computed from the rows and the settings; the page and the number
// in the navigation.
// @ts-check
import { useMemo } from './view.js';
import { condition, isFault, order, stateOf } from './rows.js';
import { full, ms, now, relative, useNow } from './clock.js';
import { settings } from './settings.js';
import { route } from './router.js';

const SILENT = 60_000;
const kind = (text, icon, tint, book, todo) => ({ text, icon, tint, book, todo });
/** The worst first: what is said, the sign and its colour, the runbook, what to do. */
export const KINDS = {
  expired: kind(
    'Expired',
    'cross',
    'expired',
    'ApiTokenExpired',
    'Renew it, or delete it if nothing uses it any more.',
  ),
  soon: kind(
    'Expires soon',
    'clock',
    'soon',
    'ApiTokenExpiringSoon',
    'Renew it, and give its user the new value.',
  ),
  failed: kind(
    'Cannot be made',
    'bang',
    'failed',
    'ApiTokenMintFailing',
    'Mend what the message names.',
  ),
  mail: kind(
    'Mail not delivered',
    'mail',
    'soon',
    'ApiTokenNoticesFailing',
    'Check the mail server and the addresses, then send a test mail.',
  ),
  settings: kind(
    'Settings that do not work',
    'gear',
    'failed',
    'ApiTokenNoticesFailing',
    'Open the settings and mend what the message names.',
  ),
  silent: kind(
    'Operator silent',
    'dots',
    'waiting',
    'ApiTokenOperatorAbsent',
    'Look at the operator: is it running, and does it lead?',
  ),
  rotation: kind(
    'Rotation overdue',
    'clock',
    'soon',
    'ApiTokenRotationStuck',
    'Look at the messages of the token.',
  ),
};
const RANKS = Object.keys(KINDS);

const overdueAt = (row) => row.rotateAt + (row.expiresAt - row.rotateAt) / 10;
function ofRow(row, at) {
  const state = stateOf(row, at),
    { ns, name, user, createdAt, expiresAt, rotateAt, warnAt } = row,
    fault = (kind, since, what) => ({ kind, since, what, row, whose: user, ns, name });
  if (state === 'works' && rotateAt && at > overdueAt(row))
    return fault('rotation', rotateAt, `Was to be renewed by itself on ${full(rotateAt)}.`);
  if (state === 'waiting' && at - createdAt > SILENT)
    return fault('silent', createdAt, 'The operator has not answered for this token.');
  if (!isFault(row, state)) return null;
  if (state === 'failed') return fault(state, createdAt, row.message || row.reason);
  return state === 'expired'
    ? fault(state, expiresAt, `Expired on ${full(expiresAt)}.`)
    : fault(state, warnAt, `Expires ${relative(expiresAt, at)}, on ${full(expiresAt)}.`);
}

function ofConfig(config) {
  const { name } = config.metadata,
    fault = (kind, { status, lastTransitionTime, message, reason } = /** @type {any} */ ({})) =>
      status === 'False' && {
        kind,
        since: ms(lastTransitionTime),
        what: message || reason,
        config: name,
        whose: 'TokenExpiryConfig',
        ns: '',
        name,
      };
  return [
    fault('settings', condition(config, 'Ready')),
    fault('mail', condition(config, 'EmailDelivery')),
  ].filter(Boolean);
}

/** Worst first; within a kind, the longest first. */
export const faultsOf = (rows, configs, at) =>
  [...rows.map((row) => ofRow(row, at)).filter(Boolean), ...(configs || []).flatMap(ofConfig)].sort(
    (a, b) =>
      RANKS.indexOf(a.kind) - RANKS.indexOf(b.kind) || a.since - b.since || order(a.name, b.name),
  );
/** The faults of the namespaces in sight, and since when the operator left a token waiting; the
 *  clock makes new ones. */
export function useFaults(rows) {
  const { items } = settings.use(),
    { ns } = route.use().query,
    second = Math.floor(useNow() / 1000);
  return useMemo(() => {
    const all = faultsOf(rows, items, now());
    return {
      faults: all.filter((fault) => !ns || fault.ns === ns),
      silent: all.find((fault) => fault.kind === 'silent')?.since,
    };
  }, [rows, items, ns, rows.length > 2000 ? Math.floor(second / 2) : second]);
}
