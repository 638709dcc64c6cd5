// The program: finds out who is there, follows their tokens, and draws the page that the address names.
// @ts-check
import { html, render, say, useEffect, useMemo, useState, store } from './view.js';
import { applyTheme, prefs, remember } from './prefs.js';
import { go, link, route, setQuery } from './router.js';
import { ApiError, call, signedOut } from './api.js';
import { begin, loadNamespaces, session, signOut, space, useRights } from './session.js';
import { followTokens, stopTokens, tokens } from './rows.js';
import { followSettings, settings } from './settings.js';
import { faultsOf, silentSince } from './faults.js';
import { lasting, ms, now, timeOf, useNow } from './clock.js';
import { Button, Icon, Menu, Problem, plain } from './parts/basic.js';
import { Dialog } from './parts/dialog.js';
import { Live } from './parts/live.js';
import { Bands, Band, Page } from './parts/frame.js';

const PAGES = {
  profile: () => import('./pages/profile.js'),
  tokens: () => import('./pages/tokens.js'),
  token: () => import('./pages/token.js'),
  users: () => import('./pages/users.js'),
  user: () => import('./pages/user.js'),
  faults: () => import('./pages/faults.js'),
  settings: () => import('./pages/settings.js'),
  about: () => import('./pages/about.js'),
  signin: () => import('./pages/signin.js'),
};
const boot = store({ error: /** @type {any} */ (null) });

/** The page that an address names, and its arguments. */
/** @returns {any[]} */
function pageOf([first = 'tokens', second, third] = /** @type {string[]} */ ([])) {
  if (first === 'tokens' && second && third) return ['token', { ns: second, name: third }];
  if (first === 'users' && second) return ['user', { user: second, creating: third === 'new' }];
  if (first === 'settings') return ['settings', { name: second }];
  if (first === 'signin') return ['signin', { failed: second === 'failed' }];
  if ((first === 'tokens' || first === 'profile') && second === 'new')
    return [first, { creating: true }];
  return [second || !PAGES[first] ? '' : first, {}];
}

const loaded = {};
function Current() {
  const { parts } = route.use(),
    [name, args] = pageOf(parts),
    [, redraw] = useState(0),
    [failed, fail] = useState(null);
  useEffect(() => {
    if (!name || loaded[name]) return;
    PAGES[name]().then((module) => {
      loaded[name] = module.default;
      redraw((n) => n + 1);
    }, fail);
  }, [name]);
  if (failed)
    return html`
      <${Page} title="The portal was updated"><p>This page belongs to the version before.</p>
          <${Button} kind="main" onPress=${() => location.reload()}>Reload<//><//>
    `;
  if (!name)
    return html`
      <${Page} title="There is no such page"><p>The address <code>
            ${plain(location.pathname)}</code> names nothing here.</p>
        <p><a href=${link(['tokens'])}>All tokens</a></p><//>
    `;
  const Shown = loaded[name];
  return Shown
    ? html`<${Shown} key=${name} ...${args} />`
    : html`<main id="main" aria-busy="true"><h1 class="unseen">Loading…</h1></main>`;
}

/** Minutes tick for what only the clock changes. */
function useFaults() {
  const { rows, version } = tokens.use(),
    { items } = settings.use(),
    { query } = route.use(),
    minute = Math.floor(useNow() / 1000);
  const all = useMemo(() => [...rows.values()], [version]);
  return useMemo(
    () => ({
      faults: faultsOf(all, items, now(), query.ns).length,
      silent: silentSince(all, now()),
    }),
    [all, items, query.ns, all.length > 2000 ? Math.floor(minute / 2) : minute],
  );
}

function Scope() {
  const { names, all, loaded: known } = space.use(),
    { query } = route.use();
  if (!known || (!all && names.length < 2 && !query.ns))
    return names.length === 1 ? html`<span class="chip">${names[0]}</span>` : null;
  const choices = query.ns && !names.includes(query.ns) ? [query.ns, ...names] : names;
  return html`
    <label class="scope"><span class="unseen">Namespace</span>
      <select value=${query.ns || ''} onChange=${(e) => setQuery({ ns: e.target.value })}>
        <option value="">${all ? 'All namespaces' : `My ${names.length} namespaces`}</option>
        ${choices.map((name) => html`
          <option value=${name} selected=${name === query.ns}>
            ${name}</option>
        `)}</select></label>
  `;
}

function You({ onKeys }) {
  const { theme = 'system', utc, keys } = prefs.use(),
    me = session.use();
  const themes = ['system', 'light', 'dark'].map((t) => [
    `Theme: ${t}`,
    () => remember({ theme: t }),
    '',
    theme === t,
  ]);
  return html`
    <${Menu} label="Menu" icon="menu" items=${[
    ...themes,
    ['Times in UTC', () => remember({ utc: !utc }), '', !!utc],
    ['Single-key shortcuts', () => remember({ keys: keys === false }), '', keys !== false],
    ['Shortcuts', onKeys],
    ['About', () => go(['about'])],
    me.features.signOut && ['Sign out', () => signOut().catch((error) => say(error.message))],
  ]}
        />
  `;
}

function Header({ faults, onKeys }) {
  const { parts } = route.use(),
    { cluster } = session.use(),
    rights = useRights('');
  const here = parts[0] || 'tokens',
    mayRead = rights?.cluster?.settingsRead?.allowed;
  const item = (name, text, count = 0) =>
    html`
      <a href=${link([name])} aria-current=${here === name ? 'page' : undefined}>
        ${text}${count > 0 && html`<span class="count">${count.toLocaleString('en')}</span>`}</a>
    `;
  return html`
    <header class="top"><a class="brand" href=${link(['tokens'])}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path class="ring" d="M12 3.5a8.5 8.5 0 1 1-8.5 8.5" />
          <path class="hand" d="M12 7.5V12l3 2" /></svg>apitoken</a>
      ${cluster && html`<span class="chip">${plain(cluster)}</span>`}
      <nav aria-label="Pages">
        ${item('profile', 'Profile')}${item('tokens', 'Tokens')}${item('users', 'Users')}${item('faults', 'Faults', faults)}${mayRead && item('settings', 'Settings')}
      </nav><div class="right"><${Scope} /><${You} onKeys=${onKeys} /></div></header>
  `;
}

const KEYS = [
  ['/', 'Search'],
  ['?', 'This list'],
  ['g p', 'Profile'],
  ['g t', 'Tokens'],
  ['g u', 'Users'],
  ['g f', 'Faults'],
  ['g s', 'Settings'],
  ['↑ ↓', 'Move between rows'],
  ['Home End PgUp PgDn', 'Move further'],
  ['Esc', 'Close'],
];
const Shortcuts = ({ onClose }) =>
  html`
    <${Dialog} title="Shortcuts" onClose=${onClose}>
      <dl class="facts">
        ${KEYS.map(([key, text]) => html`<dt><kbd>${key}</kbd></dt><dd>${text}</dd>`)}</dl>
      <p class="muted">Single-key shortcuts can be switched off in the menu.</p><//>
  `;

function useShortcuts(showKeys) {
  useEffect(() => {
    let before = '';
    const press = (event) => {
      if (
        prefs.get().keys === false ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        document.querySelector('dialog[open]') ||
        /^(input|textarea|select)$/i.test(event.target.tagName)
      )
        return;
      const page =
        before === 'g' &&
        { p: 'profile', t: 'tokens', u: 'users', f: 'faults', s: 'settings' }[event.key];
      before = event.key;
      if (page) {
        go([page]);
      }
      if (event.key === '?') showKeys();
      const search = event.key === '/' && document.querySelector('input[type=search]');
      if (search instanceof HTMLElement) {
        event.preventDefault();
        search.focus();
      }
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

/** Says at most once in ten seconds that something changed. */
function useChangesSaid() {
  useEffect(() => {
    let told = tokens.get().changed,
      timer = 0;
    const end = tokens.follow(() => {
      timer ||= setTimeout(() => {
        timer = 0;
        const more = tokens.get().changed - told;
        told = tokens.get().changed;
        if (more > 0) changesSaid.set(`${more} ${more === 1 ? 'token' : 'tokens'} changed`);
      }, 10_000);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, []);
}
const changesSaid = store('');
const Changes = () =>
  html`<div class="unseen" role="status" aria-live="polite">${changesSaid.use()}</div>`;

function EndingSoon() {
  const { endsAt, warnAt } = session.use(),
    at = useNow();
  if (!warnAt || at < ms(warnAt) || at > ms(endsAt)) return null;
  return html`
    <${Band}>Your session ends at ${timeOf(ms(endsAt))}. <a href="/signin" target="_blank"
          rel="noopener">Sign in again in a new tab</a>; what you typed here stays.<//>
  `;
}

function SignedOut() {
  const lost = signedOut.use(),
    me = session.use();
  if (!lost || !me) return null;
  const back = async () => {
    const found = await call('GET', 'session').catch(() => null);
    if (!found) {
      say('There is no session yet.');
      return;
    }
    if (found.user !== me.user) {
      location.reload();
      return;
    }
    begin(found);
    followTokens();
    followSettings();
  };
  return html`
    <${Dialog} title="Your session ended" noCross mayClose=${() => false} onClose=${() => {}}
        footer=${html`<${Button} onPress=${back}>I have signed in<//>`}>
      ${
      me.mode === 'local'
        ? html`
          <p>Run <code>kubectl apitoken web</code> again and open the link that it prints.</p>
        `
        : html`
          <p>What you typed stays here. Sign in again in a new tab, then come back.</p>
          <p><a class="button main" data-first href="/signin" target="_blank" rel="noopener">Sign in
                again</a></p>
        `
    }<//>
  `;
}

function App() {
  const me = session.use(),
    { error } = boot.use(),
    { parts } = route.use(),
    [keys, showKeys] = useState(false),
    { faults, silent } = useFaults();
  useShortcuts(() => showKeys(true));
  useChangesSaid();
  if (error)
    return html`
      <${Page} title="The portal cannot start">
          <${Problem} error=${error} /><${Button} kind="main" onPress=${start}>Try again<//><//>
    `;
  if (parts[0] === 'signin' || (!me && signedOut.get())) return html`<${Current} /><${Live} />`;
  if (!me) return html`<main id="main" aria-busy="true"><h1 class="unseen">Loading…</h1></main>`;
  return html`
    <a class="skip" href="#main">Skip to the page</a>
    <${Header} faults=${faults} onKeys=${() => showKeys(true)} />
    <div class="bands"><${Bands} silent=${silent ? lasting(now() - silent) : ''} />
      <${EndingSoon} /></div><${Current} /><${Live} />
    <${Changes} />${keys && html`<${Shortcuts} onClose=${() => showKeys(false)} />`}
    <${SignedOut} />
  `;
}

async function start() {
  boot.set({ error: null });
  try {
    begin(await call('GET', 'session'));
    await loadNamespaces();
    followTokens();
    followSettings();
  } catch (error) {
    if (!(error instanceof ApiError) || /** @type {any} */ (error).status !== 401) {
      boot.set({ error });
      return;
    }
    if (route.get().parts[0] !== 'signin') {
      const to = location.pathname + location.search;
      go(['signin'], { to: to === '/' ? '' : to }, true);
    }
  }
}
space.follow(() => {
  if (!space.get().loaded) stopTokens();
});
applyTheme();
render(html`<${App} />`, /** @type {Element} */ (document.getElementById('app')));
start();
