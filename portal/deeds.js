// What can be done to tokens: renew, revoke, delete, copy, for one or for many; each asks first and says what became of it.
// @ts-check
import { html, say, useLoad, useState } from './view.js';
import { call, pathOf } from './api.js';
import { DAY, full, lasting, now, plural, relative, secondOf, span } from './clock.js';
import { go } from './router.js';
import { askRights, session, useRights, why } from './session.js';
import { stateOf, STATES } from './rows.js';
import { newKey } from './sealed.js';
import { Button, Problem, Text, copyText, download, plain } from './parts/basic.js';
import { Dialog } from './parts/dialog.js';

export const pathTo = (row) => `tokens/${pathOf(row.ns, row.name)}`;
export const revoke = (row) => call('POST', `${pathTo(row)}/revoke`, { uid: row.uid });
export const remove = (row) => call('DELETE', `${pathTo(row)}?uid=${encodeURIComponent(row.uid)}`);
export const rotate = (row, more = {}) =>
  call('POST', `${pathTo(row)}/rotate`, { uid: row.uid, ...more });

const JWT = 'Those who check this JWT by its keys alone accept it until it expires.';

/** The head of a dialog about one token. */
const About = ({ row }) =>
  html`<p class="about"><strong>${row.name}</strong> in ${row.ns}, of ${plain(row.user)}</p>`;

/** A dialog that does one thing. @param {any} p act: () => Promise */
function Ask({
  title,
  onClose,
  doing,
  kind = 'danger',
  reason = '',
  act,
  done,
  children,
  ready = true,
}) {
  const [busy, setBusy] = useState(false),
    [error, setError] = useState(/** @type {any} */ (null));
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      const answer = await act();
      onClose();
      done?.(answer);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return html`
    <${Dialog} title=${title} onClose=${onClose} footer=${html`
          <${Button} onPress=${onClose}>Cancel<//><${Button} kind=${`main ${kind}`} busy=${busy}
              why=${reason || (ready ? '' : 'Fill in what is asked for above.')} onPress=${run}>
            ${doing}<//>
        `}>
      ${children}${error && html`<${Problem} error=${error} />`}<//>
  `;
}

function Revoke({ row, onClose, reason }) {
  const [typed, setTyped] = useState(''),
    recent = row.lastUsedAt && now() - row.lastUsedAt < DAY;
  return html`
    <${Ask} title=${`Revoke ${row.name}?`} doing="Revoke" onClose=${onClose} reason=${reason}
        ready=${!recent || typed === row.name} act=${() => revoke(row)}
        done=${() => say(`${row.name}: revoked at ${secondOf(now())}.`)}>
      <${About} row=${row} /><p>It stops at once and for good. <strong>
          ${row.lastUsedAt ? `Last used ${relative(row.lastUsedAt)}.` : 'It was never used.'}
        </strong></p>${row.format === 'JWT' && html`<p>${JWT}</p>`}
      ${recent && html`
        <${Text} label=${`It is in use. Type ${row.name} to go on`} value=${typed}
            onValue=${setTyped} />
      `}<//>
  `;
}
const Remove = ({
  row,
  onClose,
  reason,
}) => html`
  <${Ask} title=${`Delete ${row.name}?`} doing="Delete" onClose=${onClose} reason=${reason}
      act=${() => remove(row)} done=${() => say(`${row.name} was deleted.`)}>
    <${About} row=${row} /><p>This ends the token at once, and deletes its record and its
        Secret.${row.lastUsedAt ? ` Last used ${relative(row.lastUsedAt)}.` : ''}</p>
    ${row.format === 'JWT' && html`<p>${JWT}</p>`}<//>
`;

/** What a renewal does, said before it is done. */
function Renew({ row, onClose, onValue, reason }) {
  const { value: found, error } = useLoad(() => call('GET', pathTo(row)), [row.uid]),
    [how, setHow] = useState('');
  const { spec = {}, status = {} } = found?.object || {},
    sealed = !!spec.secret?.encryptTo,
    way = how || (sealed ? 'show' : 'keep');
  const overlap = span(spec.rotation?.overlap || (row.type === 'Temporary' ? '5m' : '24h')),
    state = stateOf(row);
  const until = Math.min(now() + overlap, row.expiresAt),
    next = now() + span(spec.ttl || status.ttl);
  const act = async () => {
    if (way === 'keep') return { object: (await rotate(row)).object };
    const key = await newKey(),
      { object } = await rotate(row, { encryptTo: key.encryptTo, deleteAfter: '10m' });
    return { object, key };
  };
  const done = ({ object, key }) => {
    say(`${row.name}: a new value was asked for.`);
    if (key) onValue({ object, sealed: key, revision: row.revision, renewed: true });
  };
  return html`
    <${Ask} title=${`Renew ${row.name}?`} doing="Renew" kind="" onClose=${onClose} reason=${reason}
        ready=${!!found} act=${act} done=${done}>
      <${About} row=${row} />${error && html`<${Problem} error=${error} />`}${
      found &&
      html`
        <p>
          ${state === 'expired' ? 'It works again, with a new value.' : overlap ? `The value changes now. The present one works until ${full(until)} (overlap ${lasting(overlap)}).` : 'The value changes now. The present one stops at once.'}
        </p><p>New expiry: <strong>${full(next)}</strong> (was ${full(row.expiresAt)}). Settings
            with a ceiling may shorten it.</p><fieldset>
          <legend>How do you get the new value?</legend>
          ${[
      ['show', 'Show it to me once', 'Encrypted to this tab; nobody else can read it.'],
      [
        'keep',
        'Keep it where it is',
        sealed
          ? 'Encrypted to the same recipient as before.'
          : 'In its Secret, for the workload that reads it.',
      ],
    ].map(
      ([key, text, more]) => html`
        <label class="check"><input type="radio" name="how" value=${key} checked=${way === key}
              onChange=${() => setHow(key)} /><span>${text}
            <small>${more}</small></span></label>
      `,
    )}</fieldset>
      `
    }<//>
  `;
}

const DIALOGS = { Renew, Revoke, Delete: Remove };
let ValueOnce = /** @type {any} */ (null);
/** The menu of a row, and the dialogs that it opens. */
export function useDeeds() {
  const [open, setOpen] = useState(/** @type {any} */ (null)),
    [value, setValue] = useState(/** @type {any} */ (null));
  const rights = useRights(open?.row.ns || '');
  const show = async (doing, row) => {
    askRights(row.ns).catch(() => {});
    setOpen({ doing, row });
  };
  const showValue = async (given) => {
    ValueOnce ||= (await import('./parts/value_once.js')).ValueOnce;
    setValue(given);
  };
  const deeds = (row, state) => [
    [
      'Copy token ID',
      () => copyText(row.tokenID, `Copied the ID of ${row.name}.`),
      row.tokenID ? '' : 'It has none yet.',
    ],
    [
      'Renew',
      () => show('Renew', row),
      state === 'revoked' ? 'A revoked token cannot be renewed.' : '',
    ],
    ['Revoke', () => show('Revoke', row), state === 'revoked' ? 'It is revoked already.' : ''],
    ['Make one like it', () => go(['tokens', 'new'], { like: `${row.ns}/${row.name}` })],
    ['Delete', () => show('Delete', row)],
  ];
  const Which = open && DIALOGS[open.doing];
  const dialog = html`
    ${Which && html`
      <${Which} row=${open.row} reason=${why(rights, open.doing === 'Delete' ? 'delete' : 'patch')}
          onClose=${() => setOpen(null)} onValue=${showValue} />
    `}
    ${value && html`<${ValueOnce} ...${value} onClose=${() => setValue(null)} />`}
  `;
  return { deeds, dialog, show };
}

// --- many at once --------------------------------------------------------------------------------------------------------

const MANY = {
  Renew: {
    act: rotate,
    text: 'Each gets a new value in its Secret, and a full lifetime. The present values work until their overlap ends.',
    skip: (row) => stateOf(row) === 'revoked',
  },
  Revoke: {
    act: revoke,
    text: 'Each stops at once and for good.',
    skip: (row) => stateOf(row) === 'revoked',
  },
  Delete: {
    act: remove,
    text: 'Each ends at once; records and Secrets are deleted.',
    skip: () => false,
  },
};
const AT_ONCE = 4,
  TYPED_FROM = 10,
  LISTED = 100;

export function BulkDialog({ doing, rows, onClose }) {
  const { act, text, skip } = MANY[doing],
    [list] = useState(() => rows.filter((row) => !skip(row))),
    skipped = rows.length - list.length;
  const [typed, setTyped] = useState(''),
    [run, setRun] = useState(/** @type {any} */ (null));
  const begin = async () => {
    const state = {
      done: 0,
      refused: /** @type {any[]} */ ([]),
      stopped: false,
      over: false,
      next: 0,
    };
    const show = () =>
      setRun({
        ...state,
        stop: () => {
          state.stopped = true;
        },
      });
    show();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (!state.stopped && state.next < list.length) {
          const row = list[state.next++];
          try {
            await act(row);
            state.done++;
          } catch (error) {
            state.refused.push({ row, error });
          }
          show();
        }
      }),
    );
    state.over = true;
    show();
    say(
      `${doing}: ${state.done} done, ${state.refused.length} refused${state.stopped ? ', stopped' : ''}.`,
    );
  };
  const needed = list.length >= TYPED_FROM ? String(list.length) : '';
  const footer = !run
    ? html`
      <${Button} onPress=${onClose}>Cancel<//><${Button} kind="main danger"
          why=${!list.length ? 'Nothing is left to do.' : needed && typed !== needed ? `Type ${needed} to go on.` : ''}
          onPress=${begin}>${doing} ${plural(list.length, 'token')}<//>
    `
    : run.over
      ? html`<${Button} kind="main" onPress=${onClose}>Close<//>`
      : html`<${Button} kind="main" onPress=${() => run.stop()}>Stop<//>`;
  return html`
    <${Dialog} title=${`${doing} ${plural(list.length, 'token')}?`}
        mayClose=${() => !run || run.over} noCross=${!!run} onClose=${onClose} footer=${footer}>
      ${
      !run &&
      html`
        <p>${text}</p>
        ${skipped > 0 && html`<p class="muted">${plural(skipped, 'revoked token')} left out.</p>`}
        <ul class="tokens">${list.slice(0, LISTED).map((row) => html`
            <li><strong>${row.name}</strong> in ${row.ns}, of ${plain(row.user)} <span
                  class="muted">
                ${row.lastUsedAt ? `used ${relative(row.lastUsedAt)}` : 'never used'}</span></li>
          `)}</ul>
        ${list.length > LISTED && html`
          <p class="muted">and ${(list.length - LISTED).toLocaleString('en')} more</p>
        `}${needed && html`
          <${Text} label=${`Type ${needed} to go on`} value=${typed} onValue=${setTyped}
              input=${{ inputmode: 'numeric' }} />
        `}
      `
    }
      ${
      run &&
      html`
        <progress max=${list.length} value=${run.done + run.refused.length} aria-label="Progress">
        </progress><p role="status">
          ${run.over ? '' : 'Working: '}${run.done} done, ${run.refused.length} refused${run.over && run.stopped ? `, ${list.length - run.done - run.refused.length} not begun` : ''}
        </p>${run.refused.length > 0 && html`
          <ul class="tokens">${run.refused.map(({ row, error }) => html`
              <li><strong>${row.name}</strong> in ${row.ns}: ${plain(error.message)}
                ${plain(error.remedy)}</li>
            `)}</ul>
        `}
      `
    }<//>
  `;
}

/** A cell that no spreadsheet takes for a formula. */
export const cell = (value) => {
  const text = String(value ?? ''),
    safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
export const csv = (lines) =>
  `\ufeff${lines.map((line) => line.map(cell).join(',')).join('\r\n')}\r\n`;
const at = (t) => (t ? new Date(t).toISOString() : '');
export const exportRows = (rows) =>
  download(
    'tokens.csv',
    'text/csv;charset=utf-8',
    csv([
      [
        'Name',
        'Namespace',
        'User',
        'Type',
        'State',
        'Expires',
        'Last used',
        'Made',
        'Token ID',
        'Description',
      ],
      ...rows.map((row) => [
        row.name,
        row.ns,
        row.user,
        row.type,
        STATES[stateOf(row)].text,
        at(row.expiresAt),
        at(row.lastUsedAt),
        at(row.createdAt),
        row.tokenID,
        row.description,
      ]),
    ]),
  );

export function Bulk({ rows, clear }) {
  const [doing, setDoing] = useState('');
  const readOnly = session.get().features.readOnly ? why(null, 'patch') : '';
  return html`
    ${Object.keys(MANY).map((name) => html`
        <${Button} kind=${name === 'Renew' ? '' : 'danger'} why=${readOnly}
            onPress=${() => setDoing(name)}>${name}<//>
      `)}
      <${Button} onPress=${() => exportRows(rows)}>Export CSV<//>
    ${
      doing &&
      html`
        <${BulkDialog} doing=${doing} rows=${rows} onClose=${() => {
        setDoing('');
        clear();
      }}
            />
      `
    }
  `;
}
