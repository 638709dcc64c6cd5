// The list of tokens: search, filters, orders and thousands of rows of which only those in sight
// are drawn.
// @ts-check
import {
  h,
  plain,
  useEffect,
  useLayoutEffect,
  useLoad,
  useMemo,
  useRef,
  useState,
} from '../view.js';
import { request } from '../api.js';
import { STATES, matcher, sorted, stateOf, tokens } from '../rows.js';
import { Time, grouped, plural, useNow } from '../clock.js';
import { link, route, setQuery } from '../router.js';
import { prefs, remember } from '../prefs.js';
import { askRights, space } from '../session.js';
import { Badge, Button, Icon, Menu, Problem, Search, Select } from './basic.js';
import { Band, Empty } from './frame.js';
import { LifeBar, inWeek } from './bar.js';
import { Bulk, useDeeds } from '../deeds.js';
import { findPasted, looksLikeToken } from '../find.js';

/** Columns: head, width, and what a cell shows. */
const COLUMNS = {
  name: [
    'Name',
    'minmax(11rem,2.2fr)',
    ({ row }) => [
      h('a', { 'data-row': true, href: link(['tokens', row.ns, row.name]) }, row.name),
      row.description && h('small', row.description),
    ],
  ],
  ns: ['Namespace', 'minmax(5rem,1fr)', ({ row }) => row.ns],
  user: [
    'User',
    'minmax(7rem,1.5fr)',
    ({ row }) => h('a', { href: link(['users', row.user]) }, row.user),
  ],
  type: ['Type', '6.2rem', ({ row }) => row.type],
  state: [
    'State',
    '9.9rem',
    ({ row, state }) =>
      h(
        'span',
        { title: state === 'failed' ? plain(row.message) : undefined },
        h(Badge, { state }),
      ),
  ],
  expires: [
    'Expires',
    '8.5rem',
    ({ row, state, at }) =>
      h('span.stack', h(Time, { at: row.expiresAt }), h(LifeBar, { row, state, at })),
  ],
  used: ['Last used', '7rem', ({ row }) => h(Used, { at: row.lastUsedAt })],
  made: ['Made', '7rem', ({ row }) => h(Time, { at: row.createdAt })],
};
/** When it was used last. */
export const Used = ({ at }) => (at ? h(Time, { at }) : h('span.muted', 'never'));
/** Filters of a list: what they are called, and what can be chosen. */
const FILTERS = {
  state: ['State', Object.entries(STATES).map(([state, { text }]) => [state, text])],
  type: [
    'Type',
    [
      ['Permanent', 'Permanent'],
      ['Temporary', 'Temporary'],
    ],
  ],
  within: [
    'Expires within',
    [
      ['24h', '24 hours'],
      ['7d', '7 days'],
      ['30d', '30 days'],
      ['90d', '90 days'],
    ],
  ],
  idle: [
    'Not used for',
    [
      ['30', '30 days'],
      ['90', '90 days'],
      ['never', 'ever'],
    ],
  ],
};
const ALL = Object.keys(COLUMNS);
const NO_FILTERS = { q: '', state: '', type: '', within: '', idle: '', week: '', user: '' };
const PAGE = 100,
  SPARE = 3,
  narrow = matchMedia('(max-width: 52rem)');
const rowHeight = () => (narrow.matches ? 104 : 52);

/** The order of before, as long as pointer or focus are in the list: nothing moves away from
 *  under them. */
function useOrder(all, query, at, box) {
  const before = useRef({ key: '', list: /** @type {any[]} */ ([]) });
  const { synced, version } = tokens.use(),
    key = JSON.stringify(query);
  // Orders change with the rows and the clock, filters with each key: a key costs no sorting.
  const ordered = useMemo(() => sorted([...all], query.sort, at), [all, version, query.sort, at]);
  return useMemo(() => {
    const list = ordered
      .filter(matcher(query, at))
      .filter((row) => !query.week || inWeek(row, query.week));
    const busy =
      synced &&
      before.current.key === key &&
      before.current.list.length &&
      box.current?.matches(':hover, :focus-within');
    if (busy) {
      const present = new Map(list.map((row) => [row.uid, row])),
        kept = before.current.list.map((row) => present.get(row.uid)).filter(Boolean);
      kept.forEach((row) => present.delete(row.uid));
      before.current = { key, list: [...kept, ...present.values()] };
    } else before.current = { key, list };
    return before.current.list;
  }, [ordered, key]);
}

function useWindow(count, box, plainPages) {
  const [view, setView] = useState({ top: 0, size: 900, height: rowHeight() });
  useLayoutEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      if (box.current)
        setView({
          top: Math.max(0, -box.current.getBoundingClientRect().top),
          size: innerHeight,
          height: rowHeight(),
        });
    };
    const soon = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    return () => {
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
      cancelAnimationFrame(frame);
    };
  }, []);
  const { top, size, height } = view;
  if (plainPages) return { from: 0, to: count, height };
  return {
    from: Math.max(0, Math.floor(top / height) - SPARE),
    to: Math.min(count, Math.ceil((top + size) / height) + SPARE),
    height,
  };
}

function Filters({ query, total, shown, fixed }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const type = async ({ target }) => {
    const typed = target.value,
      pasted = looksLikeToken(typed);
    if (pasted) target.value = '';
    setQuery({ q: target.value });
    setFound(pasted && h('p', 'Looking for it…'));
    if (pasted) setFound(await findPasted(typed.trim()));
  };
  return [
    h(
      'div.filters',
      h(Search, {
        label: 'Search tokens, or paste one to find it',
        hint: 'Search, or paste a token to find it',
        value: query.q || '',
        onInput: type,
      }),
      Object.entries(FILTERS).map(([name, [label, options]]) =>
        h(
          'label.pick',
          h('span.unseen', label),
          h(Select, {
            value: query[name] || '',
            class: query[name] && 'on',
            onValue: (value) => setQuery({ [name]: value }),
            options: [['', 'all'], ...options].map(([value, text]) => [value, `${label}: ${text}`]),
          }),
        ),
      ),
      Object.keys(NO_FILTERS).some((name) => query[name] && !fixed[name]) &&
        h(Button, { kind: 'quiet', onPress: clearFilters }, 'Clear filters'),
      h(
        'p.tally',
        { role: 'status' },
        shown === total ? '' : `${grouped(shown)} of `,
        plural(total, 'token'),
      ),
    ),
    found && h('div.found', { role: 'status' }, found),
  ];
}
const clearFilters = () => setQuery(NO_FILTERS);

const Head = ({ shown, query, selection, list }) =>
  h(
    'div.row.header',
    { role: 'row', 'aria-rowindex': '1' },
    h(
      'span.c-pick',
      { role: 'columnheader' },
      h('input', {
        type: 'checkbox',
        'aria-label': 'Select all that match',
        checked: selection.size > 0 && selection.size === list.length,
        onChange: (e) => selection.all(e.target.checked ? list : []),
      }),
    ),
    shown.map((c) => {
      const on = (query.sort || '').replace('-', '') === c,
        down = on && query.sort[0] === '-';
      return h(
        'span',
        {
          role: 'columnheader',
          class: `c-${c}`,
          'aria-sort': on ? (down ? 'descending' : 'ascending') : undefined,
        },
        h(
          'button',
          {
            onClick: () => setQuery({ sort: on && !down ? `-${c}` : on ? '' : c }),
          },
          COLUMNS[c][0],
          on && h(Icon, { name: down ? 'down' : 'up' }),
        ),
      );
    }),
    h('span.c-more', { role: 'columnheader' }, h('span.unseen', 'Actions')),
  );

function Line({ row, index, height, shown, at, picked, onPick, deeds, still }) {
  const state = stateOf(row, at);
  return h(
    'div',
    {
      role: 'row',
      class: picked ? 'row picked' : 'row',
      'data-uid': row.uid,
      'aria-rowindex': index + 2,
      style: still ? {} : { transform: `translateY(${index * height}px)` },
    },
    h(
      'span.c-pick',
      { role: 'cell' },
      h('input', {
        type: 'checkbox',
        'aria-label': `Select ${row.name} in ${row.ns}`,
        checked: picked,
        onClick: (e) => onPick(index, e.shiftKey, e.target.checked),
      }),
    ),
    shown.map((c) =>
      h(
        'span',
        { key: c, role: c === 'name' ? 'rowheader' : 'cell', class: `c-${c}` },
        COLUMNS[c][2]({ row, state, at }),
      ),
    ),
    h(
      'span.c-more',
      { role: 'cell' },
      h(Menu, {
        label: `Actions for ${row.name}`,
        items: deeds(row, state),
        onOpen: () => askRights(row.ns).catch(() => {}),
      }),
    ),
  );
}

/** Moves the focus between rows. */
function useRowKeys(count, height, box) {
  const goal = useRef(-1);
  const reach = () => {
    const target = box.current?.querySelector(`[aria-rowindex="${goal.current + 2}"] [data-row]`);
    if (goal.current < 0 || !target) return;
    goal.current = -1;
    target.focus({ preventScroll: true });
  };
  useEffect(reach);
  return (event) => {
    const row = event.target.closest('[role=row]');
    if (!row || event.target.closest('[role=menu]')) return;
    const here = row.ariaRowIndex - 2,
      page = Math.max(1, Math.floor(innerHeight / height) - 3);
    const next = {
      ArrowDown: here + 1,
      ArrowUp: here - 1,
      Home: 0,
      End: count - 1,
      PageDown: here + page,
      PageUp: here - page,
    }[event.key];
    if (next === undefined || here < 0) return;
    event.preventDefault();
    goal.current = Math.min(count - 1, Math.max(0, next));
    const y = box.current.getBoundingClientRect().top + scrollY + goal.current * height;
    if (y < scrollY + 160 || y + height > scrollY + innerHeight - 40)
      scrollTo(0, y - innerHeight / 3);
    reach();
    dispatchEvent(new Event('scroll'));
  };
}

/** What is chosen: uids; the checkbox with shift takes a range. */
function useSelection(list) {
  const [chosen, choose] = useState(/** @type {Set<string>} */ (new Set())),
    last = useRef(-1);
  const rows = useMemo(() => list.filter((row) => chosen.has(row.uid)), [list, chosen]);
  const pick = (index, range, on) => {
    const next = new Set(chosen),
      from = range && last.current >= 0 ? last.current : index;
    for (let i = Math.min(from, index); i <= Math.max(from, index); i++)
      next[on ? 'add' : 'delete'](list[i].uid);
    last.current = index;
    choose(next);
  };
  return {
    rows,
    size: rows.length,
    has: (uid) => chosen.has(uid),
    pick,
    all: (some) => choose(new Set(some.map((row) => row.uid))),
  };
}

/** @param {any} p all: rows; fixed: filters that the page sets; make: the button of an empty
 *  list */
export function TokenList({
  all,
  fixed = {},
  hide = [],
  make = null,
  emptyTitle = 'There are no tokens yet',
}) {
  const { synced } = tokens.use(),
    error = useRefused(),
    { query } = route.use(),
    { columns = ALL, plainPages } = prefs.use(),
    { updated } = space.use(),
    { deeds, dialog } = useDeeds();
  const box = useRef(null),
    table = useRef(null),
    at = Math.floor(useNow() / 1000) * 1000,
    filter = { ...query, ...fixed };
  const list = useOrder(all, filter, all.length > 3000 ? at - (at % 5000) : at, table),
    selection = useSelection(list);
  const page = Math.max(0, Number(query.page || 1) - 1),
    drawn = plainPages ? list.slice(page * PAGE, (page + 1) * PAGE) : list;
  const { from, to, height } = useWindow(drawn.length, box, plainPages),
    keys = useRowKeys(drawn.length, height, box);
  const shown = ALL.filter((c) => columns.includes(c) && !hide.includes(c));
  const [focused, setFocused] = useState('');
  const clear = () => selection.all([]);
  if (error && !all.length) return [h(Refused, { error }), dialog];
  if (synced && !all.length && !error)
    return [
      h(
        Empty,
        { title: emptyTitle },
        h('p', 'An API token lets a program or a person in, until it expires.'),
        make,
      ),
      dialog,
    ];
  return [
    h(Refused, { error }),
    h(Filters, { query: filter, total: all.length, shown: list.length, fixed }),
    !synced && h('p.loading', { role: 'status' }, 'Loading tokens…'),
    updated === '30s' &&
      h(
        Band,
        { kind: 'quiet' },
        'Updated every 30 seconds, as you watch more than four namespaces.',
      ),
    synced && !list.length
      ? h(
          Empty,
          { title: 'No token matches these filters', art: false },
          h(Button, { onPress: clearFilters }, 'Clear filters'),
        )
      : h(
          'div.table',
          {
            role: 'table',
            'aria-label': 'Tokens',
            ref: table,
            'aria-rowcount': list.length + 1,
            onKeyDown: keys,
            onFocusIn: (e) => setFocused(e.target.closest('[data-uid]')?.dataset.uid || ''),
            onFocusOut: () => setFocused(''),
            style: { '--cols': `2.4rem ${shown.map((c) => COLUMNS[c][1]).join(' ')} 2.8rem` },
          },
          h('div.heads', { role: 'rowgroup' }, h(Head, { shown, query, selection, list })),
          h(
            'div',
            {
              role: 'rowgroup',
              class: plainPages ? 'rows still' : 'rows',
              ref: box,
              style: plainPages ? {} : { height: `${drawn.length * height}px` },
            },
            // The focused row stays, in its place among the others: one that is moved loses focus.
            drawn.flatMap((row, index) =>
              (index >= from && index < to) || row.uid === focused
                ? h(Line, {
                    key: row.uid,
                    row,
                    index,
                    height,
                    shown,
                    at,
                    picked: selection.has(row.uid),
                    onPick: selection.pick,
                    deeds,
                    still: plainPages,
                  })
                : [],
            ),
          ),
        ),
    plainPages &&
      list.length > PAGE &&
      h(
        'nav.pages',
        { 'aria-label': 'Pages of the list' },
        h(
          Button,
          {
            why: page ? '' : 'This is the first page.',
            onPress: () => setQuery({ page: String(page) }),
          },
          'Back',
        ),
        h(
          'span',
          page * PAGE + 1,
          ' to ',
          Math.min(list.length, (page + 1) * PAGE),
          ' of ',
          list.length,
        ),
        h(
          Button,
          {
            why: (page + 1) * PAGE < list.length ? '' : 'This is the last page.',
            onPress: () => setQuery({ page: String(page + 2) }),
          },
          'Next',
        ),
      ),
    selection.size > 0 &&
      h(
        'div.bulk',
        { role: 'region', 'aria-label': 'Chosen tokens' },
        h('strong', grouped(selection.size), ' chosen'),
        selection.size < list.length &&
          h(
            Button,
            { kind: 'quiet', onPress: () => selection.all(list) },
            'All ',
            grouped(list.length),
            ' that match',
          ),
        h(Bulk, { rows: selection.rows, clear }),
        h(Button, { kind: 'quiet', onPress: clear }, 'Clear'),
      ),
    dialog,
  ];
}

export const ColumnsMenu = () => {
  const { columns = ALL, plainPages } = prefs.use();
  const entry = (c) => [
    COLUMNS[c][0],
    () =>
      remember({ columns: columns.includes(c) ? columns.filter((o) => o !== c) : [...columns, c] }),
    '',
    columns.includes(c),
  ];
  return h(Menu, {
    label: 'Columns',
    kind: '',
    icon: 'gear',
    items: [
      ...ALL.slice(1).map(entry),
      ['Show as plain pages', () => remember({ plainPages: !plainPages }), '', !!plainPages],
    ],
  });
};

/** What the server answers to a list of the namespace in the address, if it is not one of the
 *  viewer's; else what it answered to the list of all. */
export function useRefused() {
  const { error } = tokens.use(),
    { ns } = route.use().query,
    { all, names } = space.use(),
    foreign = !all && !names.includes(ns) && ns,
    asked = useLoad(
      async () =>
        foreign &&
        request('GET', `tokens?ns=${encodeURIComponent(foreign)}&hash=sha256:${'0'.repeat(64)}`),
      [foreign],
    );
  return asked.error || error;
}
/** Why a list cannot be shown. */
export function Refused({ error }) {
  if (error?.reason === 'CrdMissing')
    return h(
      Empty,
      { title: 'This cluster has no ApiTokens' },
      h('p', 'Somebody with the right to install them runs:'),
      h('pre', h('code', INSTALL)),
    );
  const { message, namespace, status } = error || {};
  return status === 403
    ? h(Problem, {
        title: namespace
          ? `You may not list tokens in ${namespace}.`
          : 'You may not list these tokens.',
        error: { message, remedy: 'Ask for the role apitoken-viewer in that namespace.' },
      })
    : h(Problem, { error });
}
const INSTALL =
  'kubectl apply -k manifests/crds\nhelm install apitoken-operator charts/apitoken-operator';
