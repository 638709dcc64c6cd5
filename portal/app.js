// The program: finds out who is there, follows their tokens, and draws the page that the address
// names.
// @ts-check
// This is the order of the modules in the program, too: alike beside alike compresses better.
import { Bands, Band, Page } from './parts/frame.js';
import Tokens from './pages/tokens.js';
import { followTokens, tokens, useRows } from './rows.js';
import Token from './pages/token.js';
import { go, link, route, setQuery } from './router.js';
import Users from './pages/users.js';
import Profile from './pages/profile.js';
import { applyTheme, prefs, remember } from './prefs.js';
import SignIn from './pages/signin.js';
import Settings from './pages/settings.js';
import { begin, loadNamespaces, session, signOut, space, useRights } from './session.js';
import { call, signedOut } from './api.js';
import About from './pages/about.js';
import { h, render, say, store, useEffect, useState } from './view.js';
import { followSettings } from './settings.js';
import { Button, Facts, Menu, Problem, Select } from './parts/basic.js';
import Faults from './pages/faults.js';
import { useFaults } from './faults.js';
import { grouped, lasting, ms, now, timeOf, useNow } from './clock.js';
import User from './pages/user.js';
import { Live } from './parts/live.js';
import { Dialog } from './parts/dialog.js';

/** Why the portal cannot start, or null. */
const failure = store(/** @type {any} */ (null));
const PAGES = {
  __proto__: null,
  tokens: Tokens,
  profile: Profile,
  users: Users,
  faults: Faults,
  settings: Settings,
  about: About,
  signin: SignIn,
};

/** The page that an address names, and its arguments. */
/** @returns {any[]} */
function pageOf([first = 'tokens', second, third] = /** @type {string[]} */ ([])) {
  if (first === 'tokens' && second && third) return [Token, { key: `${second}/${third}`, ns: second, name: third }];
  if (first === 'users' && second) return [User, { user: second, creating: third === 'new' }];
  if (first === 'settings') return [Settings, { name: second }];
  if (first === 'signin') return [SignIn, { failed: second === 'failed' }];
  if ((first === 'tokens' || first === 'profile') && second === 'new')
    return [PAGES[first], { creating: true }];
  return [second ? null : PAGES[first], {}];
}

function Current() {
  const [Shown, args] = pageOf(route.use().parts);
  return Shown
    ? h(Shown, args)
    : h(
        Page,
        { title: 'There is no such page' },
        h('p', 'The address ', h('code', location.pathname), ' names nothing here.'),
        h('p', h('a', { href: link(['tokens']) }, 'All tokens')),
      );
}

function Scope() {
  const { names, all, loaded } = space.use(),
    { ns } = route.use().query;
  if (!loaded || (!all && names.length < 2 && !ns))
    return names.length === 1 ? h('span.chip', names[0]) : null;
  const choices = [...new Set([...names, ns])].filter(Boolean);
  return h(
    'label.scope',
    h('span.unseen', 'Namespace'),
    h(Select, {
      value: ns || '',
      onValue: (value) => setQuery({ ns: value }),
      options: [
        ['', all ? 'All namespaces' : `My ${names.length} namespaces`],
        ...choices.map((name) => [name, name]),
      ],
    }),
  );
}

function You({ onKeys }) {
  const { theme = 'system', utc, keys } = prefs.use(),
    { features } = session.use();
  return h(Menu, {
    label: 'Menu',
    icon: 'menu',
    items: [
      ...['system', 'light', 'dark'].map((t) => [
        `Theme: ${t}`,
        () => remember({ theme: t }),
        '',
        theme === t,
      ]),
      ['Times in UTC', () => remember({ utc: !utc }), '', !!utc],
      ['Single-key shortcuts', () => remember({ keys: keys === false }), '', keys !== false],
      ['Shortcuts', onKeys],
      ['About', () => go(['about'])],
      features.signOut && ['Sign out', () => signOut().catch((error) => say(error.message))],
    ],
  });
}

function Header({ faults, onKeys }) {
  const here = route.use().parts[0] || 'tokens',
    { cluster } = session.use(),
    mayRead = useRights('')?.cluster.settingsRead.allowed;
  return h(
    'header.top',
    h(
      'a.brand',
      { href: link(['tokens']) },
      h(
        'svg',
        { viewBox: '0 0 24 24', 'aria-hidden': 'true' },
        h('path.ring', { d: 'M12 4a8 8 0 1 1-8 8' }),
        h('path.hand', { d: 'M12 8v4l3 2' }),
      ),
      'apitoken',
    ),
    cluster && h('span.chip', cluster),
    h(
      'nav',
      { 'aria-label': 'Pages' },
      ['Profile', 'Tokens', 'Users', 'Faults', mayRead && 'Settings'].map((text) => {
        const name = text && text.toLowerCase();
        return (
          name &&
          h(
            'a',
            { href: link([name]), 'aria-current': here === name ? 'page' : undefined },
            text,
            name === 'faults' && faults > 0 && h('span.count', grouped(faults)),
          )
        );
      }),
    ),
    h('div.right', h(Scope), h(You, { onKeys })),
  );
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
  h(
    Dialog,
    { title: 'Shortcuts', onClose },
    h(Facts, { of: KEYS.map(([key, text]) => [h('kbd', key), text]) }),
    h('p.muted', 'Single-key shortcuts can be switched off in the menu.'),
  );

function useShortcuts(showKeys) {
  useEffect(() => {
    let before = '';
    const press = (event) => {
      const { key, target } = event;
      if (
        prefs.get().keys === false ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        document.querySelector('dialog[open]') ||
        target.closest('input, textarea, select')
      )
        return;
      const [, page] = KEYS.find(([keys]) => keys === `${before} ${key}`) || [];
      before = key;
      if (page) go([page.toLowerCase()]);
      if (key === '?') showKeys();
      const search = key === '/' && document.querySelector('input[type=search]');
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
const changesSaid = store('');
function Changes() {
  useEffect(() => {
    let reported = tokens.get().changed;
    const timer = setInterval(() => {
      const { changed } = tokens.get(),
        more = changed - reported;
      reported = changed;
      if (more > 0) changesSaid.set(`${more} ${more === 1 ? 'token' : 'tokens'} changed`);
    }, 10_000);
    return () => clearInterval(timer);
  }, []);
  return h('div.unseen', { role: 'status', 'aria-live': 'polite' }, changesSaid.use());
}

function EndingSoon() {
  const { endsAt, warnAt } = session.use(),
    at = useNow();
  if (!warnAt || at < ms(warnAt) || at > ms(endsAt)) return null;
  return h(
    Band,
    'Your session ends at ',
    timeOf(ms(endsAt)),
    '. ',
    h('a', { href: '/signin', target: '_blank', rel: 'noopener' }, 'Sign in again in a new tab'),
    '; what you typed here stays.',
  );
}

function SignedOut() {
  const lost = signedOut.use(),
    me = session.use();
  if (!lost || !me) return null;
  const back = async () => {
    const found = await call('GET', 'session').catch(() => null);
    if (!found) say('There is no session yet.');
    else if (found.user !== me.user) location.reload();
    else {
      begin(found);
      followTokens();
      followSettings();
    }
  };
  return h(
    Dialog,
    {
      title: 'Your session ended',
      mayClose: false,
      footer: () => h(Button, { onPress: back }, 'I have signed in'),
    },
    me.mode === 'local'
      ? h(
          'p',
          'Run ',
          h('code', 'kubectl apitoken web'),
          ' again and open the link that it prints.',
        )
      : [
          h('p', 'What you typed stays here. Sign in again in a new tab, then come back.'),
          h(
            'p',
            h(
              'a.button.main',
              { 'data-first': true, href: '/signin', target: '_blank', rel: 'noopener' },
              'Sign in again',
            ),
          ),
        ],
  );
}

function App() {
  const me = session.use(),
    error = failure.use(),
    { loaded } = space.use(),
    { parts } = route.use(),
    [keys, showKeys] = useState(false),
    { faults, silent } = useFaults(useRows(() => true, []));
  useShortcuts(() => showKeys(true));
  if (error)
    return h(
      Page,
      { title: 'The portal cannot start' },
      h(Problem, { error }),
      h(Button, { kind: 'main', onPress: start }, 'Try again'),
    );
  if (parts[0] === 'signin' || (!me && signedOut.get())) return [h(Current), h(Live)];
  const loading = h('main', { id: 'main', 'aria-busy': 'true' }, h('h1.unseen', 'Loading…'));
  if (!me) return loading;
  return [
    h('a.skip', { href: '#main' }, 'Skip to the page'),
    h(Header, { faults: faults.length, onKeys: () => showKeys(true) }),
    h('div.bands', h(Bands, { silent: silent && lasting(now() - silent) }), h(EndingSoon)),
    loaded ? h(Current) : loading,
    h(Live),
    h(Changes),
    keys && h(Shortcuts, { onClose: () => showKeys(false) }),
    h(SignedOut),
  ];
}

async function start() {
  failure.set(null);
  try {
    begin(await call('GET', 'session'));
    await loadNamespaces();
    followTokens();
    followSettings();
  } catch (error) {
    if (/** @type {any} */ (error).status !== 401) {
      failure.set(error);
      return;
    }
    if (route.get().parts[0] !== 'signin') {
      const to = location.pathname + location.search;
      go(['signin'], { to: to === '/' ? '' : to }, true);
    }
  }
}
applyTheme();
render(h(App), /** @type {Element} */ (document.getElementById('app')));
start();
