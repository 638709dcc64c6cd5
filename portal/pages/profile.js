// Who the viewer is, their temporary token, and their own tokens.
// @ts-check
import { html, say, useEffect, useMemo, useRef, useState } from '../view.js';
import { tokens } from '../rows.js';
import { homeNamespace, session, signOut, space, temporary, useRights, why } from '../session.js';
import { remember, prefs } from '../prefs.js';
import { call, pathOf } from '../api.js';
import { Time, duration, lasting, ms, now, timeOf, useNow } from '../clock.js';
import { link } from '../router.js';
import { minted, newKey, valueOf } from '../sealed.js';
import { Bulk, remove, useDeeds } from '../deeds.js';
import { Button, Choice, Problem, copyText, plain } from '../parts/basic.js';
import { Page } from '../parts/frame.js';
import { ColumnsMenu, TokenList } from '../parts/list.js';
import { Creating } from '../parts/creating.js';

const SESSION = 8 * 3600_000;

/** A name made of the viewer's, and chance. */
function ownName(user) {
  const chance = [...crypto.getRandomValues(new Uint8Array(3))]
    .map((b) => b.toString(16).padStart(2, '0'))
    .join('');
  return `portal-${
    user
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 40) || 'you'
  }-${chance}`;
}

/** Makes the token of this tab: sealed to a key of this tab, gone an hour after it expired. */
async function mint(ns) {
  const { user, endsAt } = session.get(),
    key = await newKey();
  const ttl = endsAt ? duration(Math.max(60_000, Math.min(SESSION, ms(endsAt) - now()))) : '';
  const { object } = await call('POST', `tokens/${pathOf(ns)}`, {
    name: ownName(user),
    user,
    description: 'Temporary token of a portal session',
    type: 'Temporary',
    ttl,
    expiresAt: '',
    format: 'Opaque',
    groups: [],
    scopes: [],
    audiences: [],
    rotation: null,
    ttlAfterExpired: '1h',
    secret: {
      name: '',
      key: '',
      labels: {},
      annotations: {},
      encryptTo: key.encryptTo,
      deleteAfter: '10m',
    },
    autoDeleteWithSession: true,
  });
  const { namespace, name, uid } = object.metadata,
    id = { namespace, name, uid };
  try {
    const found = await minted(object, 0, AbortSignal.timeout(60_000));
    temporary.set({
      id,
      row: { ns: namespace, name, uid },
      value: await valueOf(found, key),
      until: ms(found.status.expiresAt),
      hint: found.status.hint,
    });
  } catch (error) {
    remove({ ns: namespace, name, uid }).catch(() => {});
    throw error;
  }
  return temporary.get().value;
}

function Temporary({ ns }) {
  const own = temporary.use(),
    rights = useRights(ns),
    at = useNow(),
    { user, features } = session.use();
  const [busy, setBusy] = useState(false),
    [slow, setSlow] = useState(false),
    [error, setError] = useState(/** @type {any} */ (null)),
    [shown, show] = useState(false);
  const making = useRef(/** @type {any} */ (null)),
    field = useRef(null),
    live = own && at < own.until;
  if (!features.temporaryToken) return null;
  const system =
    user.startsWith('system:') &&
    'Names that begin with system: cannot have a token of this kind. Use: kubectl create token NAME';
  const copy = async (fresh) => {
    if (busy) return;
    setError(null);
    setBusy(true);
    const late = setTimeout(() => setSlow(true), 1000);
    making.current = live && !fresh ? Promise.resolve(own.value) : mint(ns);
    try {
      if (
        !(await copyText(
          making.current,
          () => `Copied. It works until ${timeOf(temporary.get().until)}.`,
        ))
      ) {
        show(true);
        setTimeout(() => field.current?.select(), 50);
      }
    } catch (problem) {
      setError(problem);
    }
    clearTimeout(late);
    setSlow(false);
    setBusy(false);
  };
  const end = async () => {
    try {
      await remove(own.row);
      temporary.set(null);
      show(false);
      say('The temporary token was ended.');
    } catch (problem) {
      setError(problem);
    }
  };
  const renew = async () => {
    const old = own;
    await copy(true);
    if (temporary.get() !== old) remove(old.row).catch(setError);
  };
  return html`
    <section class="card"><h2>Temporary API token</h2>
      <p class="muted">For a script or a command line, in your name. It ends with your session, and
          only this tab can read it.</p><div class="valueline">
        ${shown && live ? html`
          <input readonly class="secret" ref=${field} value=${own.value}
              aria-label="Temporary token" onFocus=${(e) => e.target.select()} />
        ` : html`
          <span class="secret">••••••••${live ? plain(own.hint || '').replace('…', '') : ''}</span>
        `}
        <${Button} icon="copy" kind=${live ? '' : 'main'} label="Copy temporary token" busy=${busy}
            why=${system || why(rights, 'create')} onPress=${() => copy(false)} />
        <span role="status">
          ${slow ? 'Being made…' : live ? `works until ${timeOf(own.until)} (${lasting(own.until - at)} left)` : 'Made at the first press of the copy icon.'}
        </span></div>${live && html`
        <div class="line"><${Button} busy=${busy} onPress=${renew}>New one<//>
            <${Button} kind="danger" onPress=${end}>End it now<//></div>
      `}${error && html`<${Problem} error=${error} />`}</section>
  `;
}

export default function Profile({ creating }) {
  const { user, groups, endsAt, mode, features } = session.use(),
    { rows, version } = tokens.use(),
    { names } = space.use(),
    { home: chosen } = prefs.use();
  const [home, setHome] = useState(''),
    { deeds, dialog } = useDeeds(),
    rights = useRights(home);
  useEffect(() => {
    homeNamespace().then(setHome, () => {});
  }, [chosen, names]);
  const mine = useMemo(
    () => [...rows.values()].filter((row) => row.user === user),
    [version, user],
  );
  const add = html`
    <a class="button main" href=${link(['profile', 'new'])} aria-describedby="add-why">Add</a>
  `;
  const reason = why(rights, 'create') || why(rights, 'mintPermanent');
  return html`
    <${Page} wide title="Profile"><div class="grid">
        <section class="card"><h2>Who you are</h2>
          <dl class="facts"><dt>Name</dt><dd><strong>
                ${plain(user)}</strong></dd><dt>Groups</dt>
            <dd>
              ${groups.length ? groups.map(plain).join(', ') : html`<span class="muted">none</span>`}
            </dd><dt>Session</dt><dd>
              ${endsAt ? html`ends <${Time} at=${endsAt} as="both" />` : mode === 'local' ? 'lasts as long as the command that opened this page' : 'no end is known'}
            </dd></dl><div class="row2">${names.length > 0 && html`
              <${Choice} label="Home namespace" hint="Your own tokens are made here." value=${home}
                  onValue=${(v) => remember({ home: v })}
                  options=${[...new Set([home, ...names])].filter(Boolean).map((n) => [n, n])} />
            `}</div>
          ${features.signOut && html`
            <${Button} onPress=${() => signOut().catch((error) => say(error.message))}>Sign out<//>
          `}</section>
        <${Temporary} ns=${home} /></div><div class="head section">
        <h2>My tokens</h2><div class="actions"><${ColumnsMenu} />
          ${add}<span id="add-why" class="muted">${reason}</span></div></div>
      <${TokenList} all=${mine} fixed=${{ user }} hide=${['user']} deeds=${deeds}
          bulk=${(some, clear) => html`<${Bulk} rows=${some} clear=${clear} />`}
          emptyTitle="You have no API tokens"
          emptyText="A token lets a program of yours act in your name, until a date that you choose."
          make=${add} />${dialog}${creating && home && html`
        <${Creating} back=${['profile']} user=${user} ns=${home}
            permanentWhy=${why(rights, 'mintPermanent')} />
      `}<//>
  `;
}
