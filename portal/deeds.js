// What can be done to tokens: renew, revoke, delete, copy, for one or for many; each asks first and
// says what became of it.
// @ts-check
import { h, say, useLoad, useState } from './view.js';
import { call, pathOf } from './api.js';
import { DAY, full, grouped, lasting, now, plural, relative, secondOf, span } from './clock.js';
import { go } from './router.js';
import { askRights, rightsIn, session, useRights, why } from './session.js';
import { stateOf, STATES } from './rows.js';
import { newKey } from './sealed.js';
import { Button, Problem, Radios, Text, copyText, download } from './parts/basic.js';
import { Ask, Dialog } from './parts/dialog.js';
import { ValueOnce } from './parts/value_once.js';

export const pathTo = (row) => `tokens/${pathOf(row.ns, row.name)}`;
export const revoke = (row) => call('POST', `${pathTo(row)}/revoke`, { uid: row.uid });
export const remove = (row) => call('DELETE', `${pathTo(row)}?uid=${encodeURIComponent(row.uid)}`);
export const rotate = (row, more = {}) =>
  call('POST', `${pathTo(row)}/rotate`, { uid: row.uid, ...more });

/** Why a token in this state cannot be renewed or revoked; '' if it can. */
export const notRenewed = (state) =>
  state === 'revoked' ? 'A revoked token cannot be renewed.' : '';
export const notRevoked = (state) => (state === 'revoked' ? 'It is revoked already.' : '');

const Which = ({ row }) => [h('strong', row.name), ' in ', row.ns, ', of ', row.user];
/** The head of a dialog about one token, and what ends with its value. */
const About = ({ row }) => h('p.muted', h(Which, { row }));
const AboutJwt = ({ row }) =>
  row.format === 'JWT' &&
  h('p', 'Those who check by keys alone accept it until ', full(row.expiresAt), '.');

function Revoke({ row, onClose, reason }) {
  const [typed, setTyped] = useState(''),
    recent = row.lastUsedAt && now() - row.lastUsedAt < DAY;
  const act = async () => {
    await revoke(row);
    say(`Revoked at ${secondOf(now())}: ${row.name}.`);
  };
  return h(
    Ask,
    {
      title: `Revoke ${row.name}?`,
      doing: 'Revoke',
      onClose,
      act,
      reason: reason || (recent && typed !== row.name ? 'Fill in what is asked for above.' : ''),
    },
    h(About, { row }),
    h(
      'p',
      'It stops at once and for good. ',
      h('strong', row.lastUsedAt ? `Last used ${relative(row.lastUsedAt)}.` : 'It was never used.'),
    ),
    h(AboutJwt, { row }),
    recent &&
      h(Text, {
        label: `It is in use. Type ${row.name} to go on`,
        value: typed,
        onValue: setTyped,
      }),
  );
}

function Delete({ row, onClose, reason }) {
  const act = async () => {
    await remove(row);
    say(`${row.name} was deleted.`);
  };
  return h(
    Ask,
    { title: `Delete ${row.name}?`, doing: 'Delete', onClose, act, reason },
    h(About, { row }),
    h(
      'p',
      'This ends the token at once, and deletes its record and its Secret.',
      row.lastUsedAt ? ` Last used ${relative(row.lastUsedAt)}.` : '',
    ),
    h(AboutJwt, { row }),
  );
}

/** What a renewal does, said before it is done. */
function Renew({ row, onClose, onValue, reason }) {
  const { value: found, error } = useLoad(() => call('GET', pathTo(row)), [row.uid]),
    [how, setHow] = useState('');
  const { spec = {}, status = {} } = found?.object || {},
    sealed = spec.secret?.encryptTo,
    way = how || (sealed ? 'show' : 'keep');
  const overlap = span(spec.rotation?.overlap || (row.type === 'Temporary' ? '5m' : '24h')),
    until = Math.min(now() + overlap, row.expiresAt),
    next = now() + span(spec.ttl || status.ttl);
  const act = async () => {
    const key = way === 'show' && (await newKey()),
      { object } = await rotate(row, key ? { encryptTo: key.encryptTo, deleteAfter: '10m' } : {});
    say(`${row.name}: a new value was asked for.`);
    if (key) onValue({ object, sealed: key, revision: row.revision, renewed: true });
  };
  return h(
    Ask,
    {
      title: `Renew ${row.name}?`,
      doing: 'Renew',
      kind: '',
      onClose,
      act,
      reason: reason || (found ? '' : 'Fill in what is asked for above.'),
    },
    h(About, { row }),
    h(Problem, { error }),
    found && [
      h(
        'p',
        stateOf(row) === 'expired'
          ? 'It works again, with a new value.'
          : `The value changes now. The present one ${
              overlap ? `works until ${full(until)} (overlap ${lasting(overlap)})` : 'stops at once'
            }.`,
      ),
      h(
        'p',
        'New expiry: ',
        h('strong', full(next)),
        ' (was ',
        full(row.expiresAt),
        '). Settings with a ceiling may shorten it.',
      ),
      h(Radios, {
        name: 'how',
        legend: 'How do you get the new value?',
        value: way,
        onValue: setHow,
        options: [
          ['show', 'Show it to me once', 'Encrypted to this tab; nobody else can read it.'],
          [
            'keep',
            'Keep it where it is',
            sealed
              ? 'Encrypted to the same recipient as before.'
              : 'In its Secret, for the workload that reads it.',
          ],
        ],
      }),
    ],
  );
}

const DIALOGS = { Renew, Revoke, Delete };
/** The menu of a row, and the dialogs that it opens. */
export function useDeeds() {
  const [open, setOpen] = useState(/** @type {any} */ (null)),
    [value, setValue] = useState(/** @type {any} */ (null));
  const rights = useRights(open?.row.ns || '');
  const show = (doing, row) => {
    askRights(row.ns).catch(() => {});
    setOpen({ doing, row });
  };
  const may = (row, deed) => {
    const known = rightsIn(row.ns);
    return known && why(known, deed);
  };
  const deeds = (row, state) => [
    [
      'Copy token ID',
      () => copyText(row.tokenID, `Copied the ID of ${row.name}.`),
      row.tokenID ? '' : 'It has none yet.',
    ],
    ['Renew', () => show('Renew', row), notRenewed(state) || may(row, 'patch')],
    ['Revoke', () => show('Revoke', row), notRevoked(state) || may(row, 'patch')],
    makeAlike(row),
    ['Delete', () => show('Delete', row), may(row, 'delete')],
  ];
  const Doing = open && DIALOGS[open.doing];
  const dialog = [
    Doing &&
      h(Doing, {
        row: open.row,
        reason: why(rights, open.doing === 'Delete' ? 'delete' : 'patch'),
        onClose: () => setOpen(null),
        onValue: setValue,
      }),
    value && h(ValueOnce, { ...value, onClose: () => setValue(null) }),
  ];
  return { deeds, dialog, show };
}
/** The entry of menus that makes another token like this one. */
export const makeAlike = ({ ns, name }) => [
  'Make one like it',
  () => go(['tokens', 'new'], { like: `${ns}/${name}` }),
];

// --- many at once --------------------------------------------------------------------------------
// ------------------------

const MANY = {
  Renew: [
    rotate,
    'Each gets a new value and a full lifetime. The present values work ' +
      'until their overlap ends.',
  ],
  Revoke: [revoke, 'Each stops at once and for good.'],
  Delete: [remove, 'Each ends at once; its record and Secret go.'],
};
const AT_ONCE = 4,
  TYPED_FROM = 10,
  LISTED = 100;

export function BulkDialog({ doing, rows, onClose }) {
  const [act, text] = MANY[doing],
    [list] = useState(() => rows.filter((row) => doing === 'Delete' || stateOf(row) !== 'revoked')),
    skipped = rows.length - list.length,
    many = plural(list.length, 'token');
  const [typed, setTyped] = useState(''),
    [run, setRun] = useState(/** @type {any} */ (null));
  const begin = async () => {
    const state = { done: 0, refused: [], stopped: false, over: false, next: 0, stop: () => {} },
      show = () => setRun({ ...state });
    state.stop = () => {
      state.stopped = true;
    };
    show();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (!state.stopped && state.next < list.length) {
          const row = list[state.next++];
          try {
            await act(row);
            state.done++;
          } catch (error) {
            state.refused.push(/** @type {never} */ ({ row, error }));
          }
          show();
        }
      }),
    );
    state.over = true;
    show();
    say(`${doing}: ${counted(state)}${state.stopped ? ', stopped' : ''}.`);
  };
  const counted = ({ done, refused }) => `${done} done, ${refused.length} refused`;
  const needed = list.length >= TYPED_FROM ? String(list.length) : '',
    reason = !list.length
      ? 'Nothing is left to do.'
      : needed && typed !== needed
        ? `Type ${needed} to go on.`
        : '';
  const footer = (close) =>
    !run
      ? [
          h(Button, { onPress: close }, 'Cancel'),
          h(Button, { kind: 'main danger', why: reason, onPress: begin }, doing, ' ', many),
        ]
      : h(
          Button,
          { kind: 'main', onPress: run.over ? close : run.stop },
          run.over ? 'Close' : 'Stop',
        );
  const body = run
    ? [
        h('progress', {
          max: list.length,
          value: run.done + run.refused.length,
          'aria-label': 'Progress',
        }),
        h(
          'p',
          { role: 'status' },
          run.over ? '' : 'Working: ',
          counted(run),
          run.over && run.stopped
            ? `, ${list.length - run.done - run.refused.length} not begun`
            : '',
        ),
        run.refused.length > 0 &&
          h(
            'ul.tokens',
            run.refused.map(({ row, error }) =>
              h(
                'li',
                h('strong', row.name),
                ' in ',
                row.ns,
                ': ',
                error.message,
                ' ',
                error.remedy,
              ),
            ),
          ),
      ]
    : [
        h('p', text),
        skipped > 0 && h('p.muted', plural(skipped, 'revoked token'), ' left out.'),
        h(
          'ul.tokens',
          list
            .slice(0, LISTED)
            .map((row) =>
              h(
                'li',
                h(Which, { row }),
                ' ',
                h('span.muted', row.lastUsedAt ? `used ${relative(row.lastUsedAt)}` : 'never used'),
              ),
            ),
        ),
        h(AndMore, { of: list, shown: LISTED }),
        needed &&
          h(Text, {
            label: `Type ${needed} to go on`,
            value: typed,
            onValue: setTyped,
            input: { inputmode: 'numeric' },
          }),
      ];
  return h(
    Dialog,
    { title: `${doing} ${many}?`, mayClose: !run || run.over, onClose, footer },
    body,
  );
}
/** How many of a list are not shown. */
export const AndMore = ({ of, shown, children = '' }) =>
  of.length > shown &&
  h('p.muted', 'and ', grouped(of.length - shown), ' more', children);

/** A cell that no spreadsheet takes for a formula; instants are numbers. */
const cell = (value) => {
  const text = typeof value === 'number' ? value && new Date(value).toISOString() : value,
    safe = `${text || ''}`.replace(/^[=+\-@\t\r]/, "'$&");
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
/** The button that saves a table for spreadsheets. @param {any} p lines: gives the rows below
 *  the heads */
export const Export = ({ name, heads, lines }) => {
  const press = () => {
    const text = [heads, ...lines()].map((line) => line.map(cell).join(',')).join('\r\n');
    download(`${name}.csv`, 'text/csv;charset=utf-8', `\ufeff${text}\r\n`);
  };
  return h(Button, { onPress: press }, 'Export CSV');
};
const HEADS = [
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
];

/** What can be done to the chosen rows of a list. */
export function Bulk({ rows, clear }) {
  const [doing, setDoing] = useState('');
  const readOnly = session.get().features.readOnly ? why(null, 'patch') : '';
  const close = () => {
    setDoing('');
    clear();
  };
  return [
    Object.keys(MANY).map((name) =>
      h(
        Button,
        { kind: name === 'Renew' ? '' : 'danger', why: readOnly, onPress: () => setDoing(name) },
        name,
      ),
    ),
    h(Export, {
      name: 'tokens',
      heads: HEADS,
      lines: () =>
        rows.map((row) => [
          row.name,
          row.ns,
          row.user,
          row.type,
          STATES[stateOf(row)].text,
          row.expiresAt,
          row.lastUsedAt,
          row.createdAt,
          row.tokenID,
          row.description,
        ]),
    }),
    doing && h(BulkDialog, { doing, rows, onClose: close }),
  ];
}
