// The tokens that the viewer may see, kept up to date by one stream of this tab; their states,
// filters and orders.
// @ts-check
import { store, useMemo } from './view.js';
import { DAY, ms, now } from './clock.js';
import { follow } from './api.js';
import { space } from './session.js';

const TEXTS = ['name', 'user', 'ns', 'tokenID', 'hint', 'description']; // of a search
/** One token; times are milliseconds, 0 where there is none. */
export class Row {
  constructor(columns, cells) {
    columns.forEach((column, i) => {
      this[column] = column.endsWith('At') ? ms(cells[i]) : (cells[i] ?? '');
    });
    this.text = TEXTS.map((column) => this[column])
      .join(' ')
      .toLowerCase();
  }
}
/** @returns {any} the condition of that type */
export const condition = (object, type) => object.status?.conditions?.find((c) => c.type === type);
/** A token of the API's `object` as a row. @param {any} object @returns {any} */
export const rowOf = (object) => {
  const { metadata, spec, status = {} } = object,
    ready = condition(object, 'Ready') || {};
  const all = {
    ...spec,
    ...status,
    ns: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    type: status.type || spec.type || 'Permanent',
    format: spec.format || 'Opaque',
    reason: ready.reason || 'Pending',
    message: ready.message,
    createdAt: metadata.creationTimestamp,
  };
  return new Row(Object.keys(all), Object.values(all));
};

/** rows by uid; `synced` once all are there; `version` changes with each. */
export const tokens = store({
  rows: new Map(),
  synced: false,
  version: 0,
  error: /** @type {any} */ (null),
  changed: 0,
});

/** The rows that `keep` lets pass, anew when they or `inputs` change. @returns {any[]} */
export function useRows(keep, inputs) {
  const { rows, version } = tokens.use();
  return useMemo(() => [...rows.values()].filter(keep), [version, ...inputs]);
}

let columns = [],
  fresh = /** @type {Set<string> | null} */ (null),
  timer = 0,
  changed = 0;
const rows = new Map();
function publish(more = {}) {
  clearTimeout(timer);
  timer = 0;
  tokens.set((old) => ({
    ...old,
    rows,
    version: old.version + 1,
    changed: old.changed + changed,
    ...more,
  }));
  changed = 0;
}
const publishSoon = () => {
  timer ||= setTimeout(publish, tokens.get().synced ? 250 : 60);
};

function take(line) {
  if (line.columns) columns = line.columns;
  if (line.restart) fresh = new Set();
  for (const cells of line.rows || []) {
    const row = /** @type {any} */ (new Row(columns, cells));
    if (tokens.get().synced && !fresh) changed++;
    fresh?.add(row.uid);
    rows.set(row.uid, row);
  }
  for (const uid of line.gone || []) {
    rows.delete(uid);
    changed++;
  }
  if (!line.synced) {
    publishSoon();
    return;
  }
  if (fresh) for (const uid of [...rows.keys()]) if (!fresh.has(uid)) rows.delete(uid);
  fresh = null;
  publish({ synced: true, error: null });
}

/** The namespaces that are listed, as a query. */
export const scope = () =>
  space.get().all
    ? 'scope=all'
    : space
        .get()
        .names.map((name) => `ns=${encodeURIComponent(name)}`)
        .join('&');

let stop = /** @type {any} */ (null);
export function followTokens() {
  stop?.();
  rows.clear();
  publish({ synced: false, error: null });
  stop = scope()
    ? follow(() => `tokens?${scope()}`, {
        begin: () => {
          fresh = new Set();
        },
        line: take,
        refused: (error) => publish({ error }),
      })
    : publish({ synced: true });
}

/** States, what needs somebody first: what is said, and the sign beside it. */
export const STATES = {
  failed: { text: 'Cannot be made', icon: 'bang' },
  expired: { text: 'Expired', icon: 'cross' },
  soon: { text: 'Expires soon', icon: 'clock' },
  waiting: { text: 'Waiting', icon: 'dots' },
  works: { text: 'Works', icon: 'check' },
  revoked: { text: 'Revoked', icon: 'ban' },
};
const FAILED = ['InvalidSpec', 'SecretConflict', 'MintFailed'];

/** @returns {keyof STATES} */
export function stateOf(row, at = now()) {
  if (row.reason === 'Revoked') return 'revoked';
  if (row.reason === 'Expired' || (row.expiresAt && at >= row.expiresAt)) return 'expired';
  if (FAILED.includes(row.reason)) return 'failed';
  if (!row.expiresAt) return 'waiting';
  return row.warnAt && at >= row.warnAt ? 'soon' : 'works';
}
/** A session that ended as it should needs nobody: only what warnings concern is a fault. */
export const isFault = (row, state) =>
  state === 'failed' ||
  ((state === 'soon' || state === 'expired') && (row.type !== 'Temporary' || row.warnAt > 0));
const RANKS = Object.keys(STATES);
const rank = (row, at) => {
  const state = stateOf(row, at);
  return state === 'expired' && !isFault(row, state) ? 4.5 : RANKS.indexOf(state);
};

/** @param {Record<string, string>} query q, state, type, within, idle, ns, user */
export function matcher(query, at = now()) {
  const needles = (query.q || '').toLowerCase().split(/\s+/).filter(Boolean);
  const days = query.within === '24h' ? 1 : parseInt(query.within, 10), // "7d"
    until = days && at + days * DAY;
  const idle = query.idle && query.idle !== 'never' ? at - parseInt(query.idle, 10) * DAY : 0;
  return (row) =>
    needles.every((needle) => row.text.includes(needle)) &&
    ['ns', 'user', 'type'].every((field) => !query[field] || row[field] === query[field]) &&
    (!query.state || stateOf(row, at) === query.state) &&
    (!until || (row.expiresAt > at && row.expiresAt <= until && row.reason !== 'Revoked')) &&
    (!query.idle ||
      (query.idle === 'never' ? !row.lastUsedAt : (row.lastUsedAt || row.createdAt) < idle));
}

const compare = new Intl.Collator('en', { numeric: true }).compare;
const INSTANTS = { expires: 'expiresAt', used: 'lastUsedAt', made: 'createdAt' };
/** The order of two plain texts. */
export const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
/** Missing times come last in both directions; ties are ordered by namespace and name. @param
 *  {string} sort "expires", "-expires", … */
export function sorted(list, sort = '', at = now()) {
  const back = sort[0] === '-' ? -1 : 1,
    by = sort.replace('-', ''),
    ranks = new Map(),
    tie = (a, b) => order(a.ns, b.ns) || order(a.name, b.name),
    time = (a, b, way, field) =>
      a[field] && b[field] ? way * (a[field] - b[field]) : !a[field] - !b[field];
  if (Object.hasOwn(INSTANTS, by))
    return list.sort((a, b) => time(a, b, back, INSTANTS[by]) || tie(a, b));
  if (['name', 'ns', 'user', 'type'].includes(by)) return list.sort((a, b) => back * compare(a[by], b[by]) || tie(a, b));
  for (const row of list) ranks.set(row, rank(row, at));
  return list.sort(
    (a, b) => back * (ranks.get(a) - ranks.get(b)) || time(a, b, 1, 'expiresAt') || tie(a, b),
  );
}
