// Who the viewer is, their temporary token, and their own tokens.
// @ts-check
import { h, say, useDoing, useEffect, useRef, useState } from '../view.js';
import { useRows } from '../rows.js';
import { homeNamespace, session, signOut, space, temporary, useRights, why } from '../session.js';
import { remember, prefs } from '../prefs.js';
import { call, pathOf } from '../api.js';
import { Time, lasting, ms, now, timeOf, useNow } from '../clock.js';
import { link } from '../router.js';
import { minted, newKey, valueOf } from '../sealed.js';
import { remove } from '../deeds.js';
import { Button, Choice, Facts, Problem, copyText } from '../parts/basic.js';
import { Page } from '../parts/frame.js';
import { ColumnsMenu, TokenList } from '../parts/list.js';
import Create from './create.js';

/** A name made of the viewer's, and chance. */
const ownName = (user) =>
  `portal-${
    user
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 40) || 'you'
  }-${crypto.randomUUID().slice(0, 6)}`;

/** Makes the token of this tab: sealed to a key of this tab, gone an hour after it expired. */
async function mint(ns) {
  const { user, endsAt } = session.get(),
    key = await newKey(),
    // How long it would live by the settings; it ends with the session if that comes first.
    { expiresAt: usual } = await call('POST', 'preview-token', {
      namespace: ns,
      user,
      type: 'Temporary',
    }),
    end = ms(endsAt || usual);
  const { object } = await call('POST', `tokens/${pathOf(ns)}`, {
    name: ownName(user),
    user,
    description: 'Temporary token of a portal session',
    type: 'Temporary',
    ttl: end < ms(usual) ? `${Math.round(Math.max(60, (end - now()) / 1000))}s` : '',
    ttlAfterExpired: '1h',
    secret: { encryptTo: key.encryptTo, deleteAfter: '10m' },
    autoDeleteWithSession: true,
  });
  const { namespace, name, uid } = object.metadata,
    row = { ns: namespace, name, uid };
  try {
    const found = await minted(object, 0, AbortSignal.timeout(60_000)),
      value = await valueOf(found, key),
      { expiresAt, hint } = found.status;
    temporary.set({ id: { namespace, name, uid }, row, value, until: ms(expiresAt), hint });
    return value;
  } catch (error) {
    remove(row).catch(() => {});
    throw error;
  }
}

function Temporary({ ns }) {
  const own = temporary.use(),
    rights = useRights(ns),
    at = useNow(),
    { user, features } = session.use(),
    { busy, error, setError, run } = useDoing(),
    [slow, setSlow] = useState(false),
    [shown, show] = useState(false),
    field = useRef(null),
    live = own && at < own.until;
  if (!features.temporaryToken) return null;
  const system =
    user.startsWith('system:') &&
    'Names that begin with system: belong to Kubernetes. Use: kubectl create token NAME';
  const copy = (making) =>
    run(async () => {
      const late = setTimeout(() => setSlow(true), 1000);
      try {
        const copied = await copyText(
          making(),
          () => `Copied. It works until ${timeOf(temporary.get().until)}.`,
        );
        if (copied) return;
        show(true);
        setTimeout(() => field.current?.select(), 50);
      } finally {
        clearTimeout(late);
        setSlow(false);
      }
    });
  const end = () =>
    run(async () => {
      await remove(own.row);
      temporary.set(null);
      show(false);
      say('The temporary token was ended.');
    });
  const renew = async () => {
    await copy(() => mint(ns));
    if (temporary.get() !== own) remove(own.row).catch(setError);
  };
  return h(
    'section.card',
    h('h2', 'Temporary API token'),
    h(
      'p.muted',
      'For a script or a command line, in your name. It ends with your session, and only ' +
        'this tab can read it.',
    ),
    h(
      'div.valueline',
      shown && live
        ? h('input.secret', {
            readonly: true,
            ref: field,
            value: own.value,
            'aria-label': 'Temporary token',
            onFocus: (e) => e.target.select(),
          })
        : h('span.secret', '••••••••', live && (own.hint || '').replace('…', '')),
      h(Button, {
        icon: 'copy',
        kind: live ? '' : 'main',
        label: 'Copy temporary token',
        busy,
        why: system || why(rights, 'create'),
        onPress: () => copy(() => (live ? own.value : mint(ns))),
      }),
      h(
        'span',
        { role: 'status' },
        slow
          ? 'Being made…'
          : live
            ? `works until ${timeOf(own.until)} (${lasting(own.until - at)} left)`
            : 'Made at the first press of the copy icon.',
      ),
    ),
    live &&
      h(
        'div.line',
        h(Button, { busy, onPress: renew }, 'New one'),
        h(Button, { kind: 'danger', busy, onPress: end }, 'End it now'),
      ),
    h(Problem, { error }),
  );
}

export default function Profile({ creating }) {
  const { user, groups, endsAt, mode, features } = session.use(),
    { names } = space.use(),
    { home: chosen } = prefs.use(),
    [home, setHome] = useState(''),
    rights = useRights(home),
    mine = useRows((row) => row.user === user, [user]);
  useEffect(() => {
    homeNamespace().then(setHome, () => {});
  }, [chosen, names]);
  const add = h(
    'a.button.main',
    { href: link(['profile', 'new']), 'aria-describedby': 'add-why' },
    'Add',
  );
  return h(
    Page,
    { wide: true, title: 'Profile' },
    h(
      'div.grid',
      h(
        'section.card',
        h('h2', 'Who you are'),
        h(Facts, {
          of: [
            ['Name', h('strong', user)],
            ['Groups', groups.join(', ') || h('span.muted', 'none')],
            [
              'Session',
              endsAt
                ? ['ends ', h(Time, { at: endsAt, as: 'both' })]
                : mode === 'local'
                  ? 'lasts as long as the command that opened this page'
                  : 'no end is known',
            ],
          ],
        }),
        h(
          'div.row2',
          names.length > 0 &&
            h(Choice, {
              label: 'Home namespace',
              hint: 'Your own tokens are made here.',
              value: home,
              onValue: (v) => remember({ home: v }),
              options: [...new Set([home, ...names])].filter(Boolean).map((n) => [n, n]),
            }),
        ),
        features.signOut &&
          h(Button, { onPress: () => signOut().catch((error) => say(error.message)) }, 'Sign out'),
      ),
      h(Temporary, { ns: home }),
    ),
    h(
      'div.head.section',
      h('h2', 'My tokens'),
      h(
        'div.actions',
        h(ColumnsMenu),
        add,
        h('span.muted', { id: 'add-why' }, why(rights, 'create') || why(rights, 'mintPermanent')),
      ),
    ),
    h(TokenList, {
      all: mine,
      fixed: { user },
      hide: ['user'],
      emptyTitle: 'You have no API tokens',
      make: add,
    }),
    creating && home && h(Create, { back: ['profile'], user, ns: home }),
  );
}
