// The list of tokens: search, filters, orders and thousands of rows of which only those in sight are drawn.
// @ts-check
import {
  html,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from '../view.js';
import { STATES, matcher, sorted, stateOf, tokens } from '../rows.js';
import { Time, plural, useNow } from '../clock.js';
import { link, route, setQuery } from '../router.js';
import { prefs, remember } from '../prefs.js';
import { space } from '../session.js';
import { Badge, Button, Icon, Menu, Problem, plain } from './basic.js';
import { Band, Empty } from './frame.js';
import { LifeBar, inWeek } from './bar.js';
import { findPasted, looksLikeToken } from '../find.js';

export const COLUMNS = {
  name: 'Name',
  ns: 'Namespace',
  user: 'User',
  type: 'Type',
  state: 'State',
  expires: 'Expires',
  used: 'Last used',
  made: 'Made',
};
const WIDTHS = {
  name: 'minmax(11rem,2.2fr)',
  ns: 'minmax(5rem,1fr)',
  user: 'minmax(7rem,1.5fr)',
  type: '6.2rem',
  state: '9.9rem',
  expires: '8.5rem',
  used: '7rem',
  made: '7rem',
};
const PAGE = 100,
  SPARE = 3,
  narrow = matchMedia('(max-width: 52rem)');
const rowHeight = () => (narrow.matches ? 104 : 52);

/** The order of before, as long as pointer or focus are in the list: nothing moves away from under them. */
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

function Filters({ query, total, shown, withUser }) {
  const [text, setText] = useState(query.q || ''),
    [found, setFound] = useState(/** @type {any} */ (null)),
    later = useRef(0);
  useEffect(() => setText(query.q || ''), [query.q]);
  const type = async (event) => {
    const typed = event.target.value;
    if (looksLikeToken(typed)) {
      event.target.value = '';
      setText('');
      setQuery({ q: '' });
      setFound(html`<p>Looking for it…</p>`);
      setFound(await findPasted(typed.trim()));
      return;
    }
    setText(typed);
    setFound(null);
    clearTimeout(later.current);
    setQuery({ q: typed });
  };
  const pick = (
    name,
    label,
    options,
  ) => html`
    <label class="pick"><span class="unseen">
        ${label}</span><select value=${query[name] || ''} class=${query[name] ? 'on' : ''}
          onChange=${(e) => setQuery({ [name]: e.target.value })}>
        <option value="">${label}: all</option>${options.map(([v, t]) => html`
          <option value=${v} selected=${v === query[name]}>
            ${label}: ${t}</option>
        `)}</select></label>
  `;
  const any = ['q', 'state', 'type', 'within', 'idle', 'week', ...(withUser ? ['user'] : [])].some(
    (name) => query[name],
  );
  return html`
    <div class="filters"><div class="search">
        <${Icon} name="search" /><input type="search" value=${text} onInput=${type}
            aria-label="Search tokens, or paste one to find it"
            placeholder="Search, or paste a token to find it" autocomplete="off" spellcheck=${false}
            /></div>${pick(
      'state',
      'State',
      Object.entries(STATES).map(([k, s]) => [k, s.text]),
    )}${pick('type', 'Type', [
      ['Permanent', 'Permanent'],
      ['Temporary', 'Temporary'],
    ])}
      ${pick('within', 'Expires within', [
      ['24h', '24 hours'],
      ['7d', '7 days'],
      ['30d', '30 days'],
      ['90d', '90 days'],
    ])}${pick('idle', 'Not used for', [
      ['30', '30 days'],
      ['90', '90 days'],
      ['never', 'ever'],
    ])}
      ${any && html`<${Button} kind="quiet" onPress=${clearFilters}>Clear filters<//>`}
      <p class="tally" role="status">
        ${shown === total ? plural(total, 'token') : `${shown.toLocaleString('en')} of ${plural(total, 'token')}`}
      </p></div>${found && html`<div class="found" role="status">${found}</div>`}
  `;
}
const clearFilters = () =>
  setQuery({ q: '', state: '', type: '', within: '', idle: '', week: '', user: '' });

const Head = ({
  shown,
  query,
  selection,
  list,
}) => html`
  <div role="row" class="row header" aria-rowindex="1">
    <span role="columnheader" class="c-pick">
      <input type="checkbox" aria-label="Select all that match"
          checked=${selection.size > 0 && selection.size === list.length}
          onChange=${(e) => selection.all(e.target.checked ? list : [])} /></span>
    ${shown.map(
    (c) => {
      const on = (query.sort || '').replace('-', '') === c,
        down = on && query.sort[0] === '-';
      return html`
        <span role="columnheader" class=${`c-${c}`}
            aria-sort=${on ? (down ? 'descending' : 'ascending') : undefined}>
          <button type="button"
              onClick=${() => setQuery({ sort: on && !down ? `-${c}` : on ? '' : c })}>
            ${COLUMNS[c]}${on && html`<${Icon} name=${down ? 'down' : 'up'} />`}</button></span>
      `;
    },
  )}
    <span role="columnheader" class="c-more">
      <span class="unseen">Actions</span></span></div>
`;

function CellOf({ c, row, state, at }) {
  if (c === 'name')
    return html`
      <span role="rowheader" class="c-name"><a data-row href=${link(['tokens', row.ns, row.name])}>
          ${row.name}</a>${row.description && html`<small>${plain(row.description)}</small>`}</span>
    `;
  const inside = {
    ns: () => row.ns,
    user: () => html`<a href=${link(['users', row.user])}>${plain(row.user)}</a>`,
    type: () => row.type,
    state: () =>
      html`
        <span title=${state === 'failed' ? plain(row.message) : undefined}>
          <${Badge} state=${state} /></span>
      `,
    expires: () =>
      html`
        <span class="stack"><${Time} at=${row.expiresAt} />
          <${LifeBar} row=${row} state=${state} at=${at} /></span>
      `,
    used: () =>
      row.lastUsedAt
        ? html`<${Time} at=${row.lastUsedAt} />`
        : html`<span class="muted">never</span>`,
    made: () => html`<${Time} at=${row.createdAt} />`,
  }[c];
  return html`<span role="cell" class=${`c-${c}`}>${inside?.()}</span>`;
}

function Line({ row, index, height, shown, at, picked, onPick, deeds, still }) {
  const state = stateOf(row, at);
  return html`
    <div role="row" class=${picked ? 'row picked' : 'row'} data-uid=${row.uid}
        aria-rowindex=${index + 2}
        style=${still ? {} : { transform: `translateY(${index * height}px)` }}>
      <span role="cell" class="c-pick"><input type="checkbox"
            aria-label=${`Select ${row.name} in ${row.ns}`} checked=${picked}
            onClick=${(e) => onPick(index, e.shiftKey, e.target.checked)} /></span>
      ${shown.map((c) => html`<${CellOf} key=${c} c=${c} row=${row} state=${state} at=${at} />`)}
      <span role="cell" class="c-more"><${Menu} label=${`Actions for ${row.name}`}
            items=${deeds(row, state)} /></span></div>
  `;
}

/** Moves the focus between rows. */
function useRowKeys(count, height, box) {
  const goal = useRef(-1);
  useEffect(() => {
    if (goal.current < 0) return;
    const target = box.current.querySelector(`[aria-rowindex="${goal.current + 2}"] [data-row]`);
    if (target) {
      goal.current = -1;
      target.focus({ preventScroll: true });
    }
  });
  return (event) => {
    const row = event.target.closest?.('[role=row]');
    if (!row || event.target.closest('[role=menu]')) return;
    const here = Number(row.getAttribute('aria-rowindex')) - 2,
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
    box.current
      .querySelector(`[aria-rowindex="${goal.current + 2}"] [data-row]`)
      ?.focus({ preventScroll: true });
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

/** @param {any} p all: rows; deeds: (row, state) => menu items; bulk: draws actions on the chosen; fixed: filters that the page sets; make: the button of an empty list */
export function TokenList({
  all,
  deeds,
  bulk,
  fixed = {},
  hide = [],
  make = null,
  emptyTitle = 'There are no tokens yet',
  emptyText = '',
}) {
  const { synced, error } = tokens.use(),
    { query } = route.use(),
    { columns = Object.keys(COLUMNS), plainPages } = prefs.use(),
    { updated } = space.use();
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
  const shown = Object.keys(COLUMNS).filter((c) => columns.includes(c) && !hide.includes(c));
  const [focused, setFocused] = useState('');
  const span = useMemo(
    () => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i),
    [from, to],
  );
  const kept = focused ? drawn.findIndex((row) => row.uid === focused) : -1;
  const indices = kept >= 0 && (kept < from || kept >= to) ? [...span, kept] : span;
  const onPick = useCallback(selection.pick, [list, selection]);
  if (error && !all.length) return html`<${Refused} error=${error} />`;
  if (synced && !all.length && !error)
    return html`
      <${Empty} title=${emptyTitle}><p>
          ${emptyText || 'An API token lets a program or a person in. Here you see each, and when it expires.'}
        </p>${make}<//>
    `;
  return html`
    ${error && html`<${Refused} error=${error} />`}
    <${Filters} query=${filter} total=${all.length} shown=${list.length} withUser=${!fixed.user} />
    ${!synced && html`<p class="loading" role="status">Loading tokens…</p>`}${updated === '30s' && html`
      <${Band} kind="quiet">Updated every 30 seconds, as you watch more than four namespaces.<//>
    `}
    ${
      synced && !list.length
        ? html`
          <${Empty} title="No token matches" art=${false}>
              <p>No token matches these filters.</p><${Button} onPress=${clearFilters}>Clear
                  filters<//><//>
        `
        : html`
          <div class="table" role="table" aria-label="Tokens" ref=${table}
              aria-rowcount=${list.length + 1} onKeyDown=${keys}
              onFocusIn=${(e) => setFocused(e.target.closest('[data-uid]')?.dataset.uid || '')}
              onFocusOut=${() => setFocused('')}
              style=${{ '--cols': `2.4rem ${shown.map((c) => WIDTHS[c]).join(' ')} 2.8rem` }}>
            <div role="rowgroup" class="heads"><${Head} shown=${shown} query=${query}
                  selection=${selection} list=${list} /></div>
            <div role="rowgroup" class=${plainPages ? 'rows still' : 'rows'} ref=${box}
                style=${plainPages ? {} : { height: `${drawn.length * height}px` }}>
              ${indices.map(
        (i) =>
          drawn[i] &&
          html`
            <${Line} key=${drawn[i].uid} row=${drawn[i]} index=${i} height=${height} shown=${shown}
                at=${at} picked=${selection.has(drawn[i].uid)} onPick=${onPick} deeds=${deeds}
                still=${plainPages} />
          `,
      )}</div></div>
        `
    }
    ${plainPages && list.length > PAGE && html`
      <nav class="pages" aria-label="Pages of the list">
            <${Button} why=${page ? '' : 'This is the first page.'}
                onPress=${() => setQuery({ page: String(page) })}>Back<//>
          <span>${page * PAGE + 1} to ${Math.min(list.length, (page + 1) * PAGE)} of ${list.length}
          </span><${Button} why=${(page + 1) * PAGE < list.length ? '' : 'This is the last page.'}
              onPress=${() => setQuery({ page: String(page + 2) })}>Next<//></nav>
    `}
    ${selection.size > 0 && html`
      <div class="bulk" role="region" aria-label="Chosen tokens">
          <strong>${selection.size.toLocaleString('en')} chosen</strong>
          ${selection.size < list.length && html`
            <${Button} kind="quiet"
                onPress=${() => selection.all(list)}>All ${list.length.toLocaleString('en')} that
                match<//>
          `}${bulk(selection.rows, () => selection.all([]))}
          <${Button} kind="quiet" onPress=${() => selection.all([])}>Clear<//></div>
    `}
  `;
}

export const ColumnsMenu = () => {
  const { columns = Object.keys(COLUMNS), plainPages } = prefs.use();
  const toggle = (c) =>
    remember({ columns: columns.includes(c) ? columns.filter((o) => o !== c) : [...columns, c] });
  return html`
    <${Menu} label="Columns" kind="" icon="gear" items=${[
    ...Object.entries(COLUMNS)
      .slice(1)
      .map(([c, text]) => [text, () => toggle(c), '', columns.includes(c)]),
    ['Show as plain pages', () => remember({ plainPages: !plainPages }), '', !!plainPages],
  ]}
        />
  `;
};

export function Refused({ error }) {
  if (error.reason === 'CrdMissing') {
    return html`
      <${Empty} title="This cluster has no ApiTokens">
        <p>The kinds of the operator are not installed. Somebody with the right to do so runs:</p>
        <pre><code>kubectl apply -k manifests/crdshelm install apitoken-operator
              charts/apitoken-operator</code></pre><//>
    `;
  }
  if (error.status === 403) {
    return html`
      <${Problem}
          title=${error.namespace ? `You may not list tokens in ${error.namespace}.` : 'You may not list these tokens.'}
          error=${{ message: error.message, remedy: error.remedy || 'Ask for the role apitoken-viewer in that namespace.' }}
          />
    `;
  }
  return html`<${Problem} error=${error} />`;
}
