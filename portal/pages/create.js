// The pane that makes a token, /…/new: fields, what they mean together, and the request.
// @ts-check
import { h, useDoing, useEffect, useLater, useLoad, useMemo, useRef, useState } from '../view.js';
import { call, pathOf } from '../api.js';
import { full, iso, lasting, ms, now, span } from '../clock.js';
import { go, leaving, route, useLeaving } from '../router.js';
import { askRights, session, space, useRights, why } from '../session.js';
import { tokens } from '../rows.js';
import { newKey } from '../sealed.js';
import { Button, Check, Choice, Code, Problem, Radios, Text } from '../parts/basic.js';
import { Dialog } from '../parts/dialog.js';
import { ValueOnce, warned } from '../parts/value_once.js';

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** Lifetimes to choose from, by kind; the longest is the last. */
const PRESETS = {
  Permanent: [
    ['168h', '7 days'],
    ['720h', '30 days'],
    ['1440h', '60 days'],
    ['2160h', '90 days'],
    ['8760h', '1 year'],
  ],
  Temporary: [
    ['1h', '1 hour'],
    ['4h', '4 hours'],
    ['8h', '8 hours'],
    ['24h', '24 hours'],
  ],
};
const USUAL = { Permanent: '2160h', Temporary: '8h' };
const PRIVATE = /PRIVATE KEY-----|"[dk]"\s*:/; // every private JWK has one of the two members
/** What fields are called, by their names in answers of the server. */
const LABELS = {
  name: 'Token Name',
  user: 'For user',
  namespace: 'Namespace',
  description: 'What is it for?',
  type: 'Kind',
  format: 'Format',
  ttl: 'Expires',
  expiresAt: 'Expires',
  'secret.encryptTo': 'Certificate (PEM) or public JWK',
  groups: 'Groups',
  scopes: 'Scopes',
  audiences: 'Audiences',
  'rotation.before': 'Rotate before expiry',
  'rotation.overlap': 'Overlap',
  ttlAfterExpired: 'Delete the record after expiry',
  'secret.name': 'Secret name',
  'secret.key': 'Key in the Secret',
};
const LISTS = ['groups', 'scopes', 'audiences'];

const asName = (text) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 253);
const taken = (f) => `${f.name} exists in ${f.namespace} already. Choose another name.`;

/** What is wrong with the fields by themselves; the server judges again. */
function faultsOf(f, at) {
  const faults = /** @type {Record<string, string>} */ ({}),
    check = (wrong, field, text) => {
      if (wrong) faults[field] ||= text;
    };
  check(!f.name, 'name', 'Give it a name.');
  for (const [field, most] of Object.entries({ name: 253, user: 256, description: 256 })) {
    const { length } = f[field];
    check(length > most, field, `At most ${most} characters; this has ${length}.`);
  }
  check(
    !NAME.test(f.name),
    'name',
    'Use small letters, digits, "-" and ".", with a letter or digit at both ends.',
  );
  check(!f.user, 'user', 'Name the user for whom it speaks.');
  check(
    f.user.startsWith('system:'),
    'user',
    'Names that begin with system: belong to Kubernetes. Name a person, or ' +
      'robot:<namespace>:<name>.',
  );
  check(!f.namespace, 'namespace', 'Choose a namespace.');
  if (f.own) {
    const longest = f.preview?.ceiling?.ttl || PRESETS[f.type].at(-1)[0],
      gap = ms(f.until) - at;
    check(!(gap > 0), 'ttl', `Choose a time after ${full(at)}.`);
    check(gap > span(longest), 'ttl', `At most ${lasting(longest)} from now.`);
  }
  check(
    f.way === 'other' && !f['secret.encryptTo'].trim(),
    'secret.encryptTo',
    'Paste the certificate (PEM) or the public JWK of the recipient.',
  );
  return faults;
}

const renewsItself = (f) => f.type === 'Permanent' && f.automatic && f.way !== 'show';
/** The fields as the server takes them; `key` is this tab's. */
function formOf(f, key) {
  const { name, user, description, type, ttlAfterExpired } = f,
    shown = f.way === 'show',
    form = {
      ...{ name, user, description, type, ttlAfterExpired },
      ttl: f.own ? '' : f.ttl,
      expiresAt: f.own && f.until ? iso(f.until) : '',
      format: type === 'Temporary' && f.jwt ? 'JWT' : 'Opaque',
      rotation: renewsItself(f)
        ? { policy: 'Automatic', before: f['rotation.before'], overlap: f['rotation.overlap'] }
        : null,
      secret: {
        name: f['secret.name'],
        key: f['secret.key'],
        encryptTo: shown ? key?.encryptTo : f.way === 'other' ? f['secret.encryptTo'].trim() : '',
        deleteAfter: shown ? '10m' : '',
      },
    };
  for (const list of LISTS) form[list] = f[list].split(/[\s,;]+/).filter(Boolean);
  return form;
}

/** The fields and how they change; `like`: the token to begin with. */
function useFields(user, namespace, like) {
  const [fields, set] = useState({
    ...Object.fromEntries(Object.keys(LABELS).map((name) => [name, ''])),
    user: user || session.get().user,
    namespace,
    type: 'Permanent',
    ttl: USUAL.Permanent,
    own: false,
    until: '',
    way: 'show',
    jwt: false,
    automatic: false,
    'rotation.before': '72h',
    'rotation.overlap': '24h',
    touched: false,
  });
  useEffect(() => {
    if (!like) return;
    call('GET', `tokens/${pathOf(...like.split('/'))}`).then(
      ({ object: { metadata, spec } }) =>
        set((old) => {
          const { type = 'Permanent', ttl, secret, format } = spec,
            next = {
              ...old,
              name: `${metadata.name}-2`,
              namespace: metadata.namespace,
              user: spec.user,
              description: spec.description || '',
              type,
              ttl: PRESETS[type].some(([preset]) => preset === ttl) ? ttl : old.ttl,
              jwt: format === 'JWT',
              way: secret?.encryptTo || secret?.deleteAfter ? 'show' : 'keep',
              ttlAfterExpired: spec.ttlAfterExpired || '',
            };
          for (const list of LISTS) next[list] = (spec[list] || []).join(' ');
          return next;
        }),
      () => {},
    );
  }, [like]);
  return { fields, change: (more) => set((old) => ({ ...old, touched: true, ...more })) };
}

/** A word on what will happen, by instants and people. */
function Warned({ preview, fields }) {
  if (!preview?.expiresAt) return null;
  const { warnings, visible, expiresAt } = preview;
  return h(
    'p.hint',
    { role: 'status' },
    'Expires ',
    full(ms(expiresAt)),
    '.',
    !visible
      ? " Your platform team's settings decide who is warned."
      : warnings.length
        ? ` Warnings: ${warned(warnings, fields.user)}.`
        : ' Nobody is warned of so short a life.',
  );
}

/** @param {any} p set: takes what the settings make of the fields */
function Expires({ f, f: { preview }, change, set, error }) {
  const asked = [f.type, f.ttl, f.own, f.until, f.namespace, f.user];
  useLater(250, asked, (signal) =>
    call(
      'POST',
      'preview-token',
      { ...formOf(f), namespace: f.namespace, secret: null },
      signal,
    ).then(set, () => {}),
  );
  const ceiling = preview?.ceiling,
    most = ceiling ? span(ceiling.ttl) : Infinity,
    options = PRESETS[f.type],
    allowed = options.filter(([ttl]) => span(ttl) <= most);
  useEffect(() => {
    if (!f.own && span(f.ttl) > most)
      change({ ttl: allowed.at(-1)?.[0] || ceiling.ttl, touched: f.touched });
  }, [most, f.ttl, f.own]);
  return h(
    'fieldset',
    { 'aria-describedby': 'expires-e' },
    h('legend', 'Expires', h('span.muted', { 'aria-hidden': 'true' }, ' *')),
    h(
      'div.chips',
      options.map(([ttl, text]) =>
        h(
          'label.choice',
          h('input', {
            type: 'radio',
            name: 'ttl',
            checked: !f.own && f.ttl === ttl,
            disabled: span(ttl) > most,
            onChange: () => change({ ttl, own: false }),
          }),
          text,
        ),
      ),
      h(
        'label.choice',
        h('input', {
          type: 'radio',
          name: 'ttl',
          id: 'f-ttl',
          checked: f.own,
          onChange: () => change({ own: true }),
        }),
        'on a date',
      ),
    ),
    f.own &&
      h(Text, {
        label: 'Date and time',
        error,
        input: { type: 'datetime-local' },
        value: f.until,
        onValue: (until) => change({ until }),
      }),
    allowed.length < options.length &&
      h('p.hint', 'TokenExpiryConfig ', ceiling.config, ' allows ', lasting(ceiling.ttl), '.'),
    h('p.error', { id: 'expires-e' }, !f.own && error),
    h(Warned, { preview, fields: f }),
  );
}

function Delivery({ f, change, text, refuse }) {
  const { value } = useLoad(
      () =>
        f.namespace ? askRights(f.namespace, f['secret.name'] || f.name) : Promise.resolve(null),
      [f.namespace, f.way === 'keep' && (f['secret.name'] || f.name)],
    ),
    mayRead = value?.tokens.getSecrets.allowed !== false;
  const paste = (typed, area) => {
    const secret = PRIVATE.test(typed);
    if (secret) area.value = '';
    change({ 'secret.encryptTo': area.value });
    refuse(
      secret ? 'This is a private key. It was not sent. Replace it: it was on the clipboard.' : '',
    );
  };
  return h(
    Radios,
    {
      name: 'way',
      legend: 'How do you get the value?',
      value: f.way,
      onValue: (way) => change({ way }),
      options: [
        [
          'show',
          'Show it to me once',
          'Encrypted to this tab; nobody else can read it.',
        ],
        [
          'keep',
          'Keep it in a Secret, for a workload',
          mayRead
            ? 'Everybody who may read Secrets in the namespace can read it.'
            : `You may make tokens in ${f.namespace} but not read Secrets there; ` +
              'the value stays in the Secret for the workload.',
        ],
        ['other', 'Encrypt it to somebody', 'Only the holder of the private key can read it.'],
      ],
    },
    f.way === 'other' &&
      text('secret.encryptTo', '', { required: true, area: true, onValue: paste }),
    f.way === 'show' &&
      f.automatic &&
      h(
        'p.hint',
        'A value shown once cannot be renewed by itself: the key of this tab is gone by then.',
      ),
  );
}

function More({ f, change, text }) {
  const permanent = f.type === 'Permanent';
  return h(
    'details',
    h('summary', 'More'),
    text('groups', 'Separated by spaces. Reported to those who check the token.'),
    text('scopes', 'What it may be used for, in the words of your services.'),
    text('audiences', 'Who may accept it. None: anybody.'),
    h(
      Check,
      {
        checked: f.jwt && !permanent,
        why: permanent ? 'Temporary tokens only.' : '',
        onValue: (jwt) => change({ jwt }),
      },
      'JWT',
      h('small', 'Services can check it by themselves. It cannot be revoked one by one.'),
    ),
    h(
      Check,
      {
        checked: renewsItself(f),
        why: !permanent
          ? 'Permanent tokens only.'
          : f.way === 'show'
            ? 'Not with a value that is shown once.'
            : '',
        onValue: (automatic) => change({ automatic }),
      },
      'Renew by itself',
      h('small', 'The Secret gets a new value before the old one expires.'),
    ),
    renewsItself(f) &&
      h(
        'div.row2',
        text('rotation.before', 'Such as 72h'),
        text('rotation.overlap', 'How long the old value still works'),
      ),
    text('ttlAfterExpired', 'Such as 168h. Empty: keep it, but for temporary tokens.'),
    h(
      'div.row2',
      text('secret.name', 'Empty: the name of the token'),
      text('secret.key', 'Empty: token'),
    ),
  );
}

/** The same as YAML and as a command, from the server's own words, while the disclosure is open. */
function AsText({ f, form }) {
  const [open, setOpen] = useState(false),
    [found, set] = useState(/** @type {any} */ ({}));
  useLater(350, [open, JSON.stringify([form, f.namespace])], (signal) => {
    if (!open) return;
    if (Object.keys(faultsOf(f, now())).length)
      set((old) => ({
        ...old,
        error: { message: 'Fill in the fields first.' },
      }));
    else
      call('POST', `tokens/${pathOf(f.namespace)}?dry=1`, form, signal).then(
        set,
        (error) => signal.aborted || set({ error }),
      );
  });
  return h(
    'details',
    { onToggle: (e) => setOpen(e.target.open) },
    h('summary', 'Show as YAML, show the command'),
    found.error && h('p.muted', { role: 'status' }, found.error.message),
    found.yaml && [
      h('h3', 'YAML'),
      h(Code, { label: 'YAML', text: found.yaml }),
      h('h3', 'Command'),
      h(Code, { label: 'command', text: found.command }),
    ],
  );
}

/** What the request needs: the fields that are wrong, by what the page or the server says. */
function useMake(f, form, onMade) {
  const { busy, error: general, run } = useDoing(),
    [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({})),
    summary = useRef(null);
  const send = () =>
    busy ||
    run(async () => {
      const found = faultsOf(f, now());
      setErrors(found);
      try {
        if (!Object.keys(found).length)
          onMade((await call('POST', `tokens/${pathOf(f.namespace)}`, form)).object);
      } catch (error) {
        for (const { field, message } of error.causes || [])
          if (field in LABELS) found[field] = message;
        if (error.status === 409) found.name = taken(f);
        setErrors({ ...found });
        if (!Object.keys(found).length) throw error;
      } finally {
        setTimeout(() => summary.current?.focus());
      }
    });
  const say = (field, text) => setErrors((old) => ({ ...old, [field]: text }));
  return { busy, errors, general, send, summary, say };
}

function Summary({ errors, general, focus }) {
  const said = Object.entries(errors).filter(([, text]) => text);
  if (!general && !said.length) return null;
  return h(
    'div.summary',
    { tabindex: '-1', ref: focus },
    general
      ? h(Problem, { error: general })
      : h(
          'div.problem',
          { role: 'alert' },
          h(
            'div',
            h(
              'strong',
              said.length === 1 ? 'One field needs' : `${said.length} fields need`,
              ' a change:',
            ),
            said.map(([field, text]) =>
              h(
                'button.jump',
                { onClick: () => document.getElementById(`f-${field}`)?.focus() },
                LABELS[field],
                ': ',
                text,
              ),
            ),
          ),
        ),
  );
}

/** @param {any} p back: the page to go back to; user, ns: fixed */
export default function Create({ back, user = '', ns = '' }) {
  const { query } = route.use(),
    { names, all } = space.use(),
    [key, setKey] = useState(/** @type {any} */ (null)),
    [preview, setPreview] = useState(/** @type {any} */ (null)),
    [made, setMade] = useState(/** @type {any} */ (null));
  const start =
    ns ||
    query.ns ||
    (names.length === 1 && names[0]) ||
    session.get().defaultNamespace ||
    names[0] ||
    '';
  const { fields, change } = useFields(user, start, query.like),
    f = { ...fields, preview },
    form = formOf(f, key),
    rights = useRights(f.namespace),
    { busy, errors, general, send, summary, say } = useMake(f, form, setMade),
    permanentWhy = rights ? why(rights, 'mintPermanent') : '',
    mayNot = f.namespace ? why(rights, 'create') : '';
  const users = useMemo(
    () => [...new Set([...tokens.get().rows.values()].map((row) => row.user))].sort().slice(0, 500),
    [],
  );
  const choose = (type, touched = true) => change({ type, ttl: USUAL[type], own: false, touched });
  useEffect(() => {
    newKey().then(setKey);
  }, []);
  useEffect(() => {
    if (permanentWhy && f.type === 'Permanent') choose('Temporary', f.touched);
  }, [permanentWhy]);
  const holds = f.touched && !made;
  useLeaving(holds && (() => false), [holds]);
  const close = () => {
    leaving.ask = null;
    go(back, { like: '' });
  };
  if (made)
    return h(ValueOnce, {
      object: made,
      sealed: f.way === 'show' ? key : null,
      way: f.way,
      key: made.metadata.uid,
      onClose: close,
      onEdit: () => setMade(null),
    });
  const set = (field) => (value) => {
    change({ [field]: value });
    say(field, '');
  };
  const text = (field, hint, more = {}) =>
    h(Text, {
      id: `f-${field}`,
      label: LABELS[field],
      hint,
      value: f[field],
      onValue: set(field),
      error: errors[field],
      ...more,
    });
  /** A field with texts to choose from. */
  const among = (field, hint, texts, more = {}) => [
    text(field, hint, { required: true, input: { list: `${field}-list` }, ...more }),
    h(
      'datalist',
      { id: `${field}-list` },
      texts.map((t) => h('option', { value: t })),
    ),
  ];
  const blur = () => {
    for (const row of tokens.get().rows.values())
      if (row.ns === f.namespace && row.name === f.name) say('name', taken(f));
  };
  const better = !NAME.test(f.name) && asName(f.name),
    whereError = errors.namespace || mayNot;
  const footer = (cancel) => [
    h(Button, { onPress: cancel }, 'Cancel'),
    h(
      Button,
      { kind: 'main', busy: busy || !key, why: mayNot, onPress: send },
      busy ? 'Being made…' : 'Create',
    ),
  ];
  return h(
    Dialog,
    {
      side: 'pane',
      title: 'Create a new token',
      onClose: close,
      footer,
      guard: holds && ['Drop what you typed?', 'Go on typing', 'Drop it'],
    },
    h(Summary, { errors, general, focus: summary }),
    h(
      'form',
      {
        onSubmit: (e) => e.preventDefault(),
        onKeyDown: (e) => e.key === 'Enter' && e.target.tagName === 'INPUT' && send(),
      },
      text(
        'name',
        better && ['Take ', h('button.link', { onClick: () => set('name')(better) }, better), '?'],
        { required: true, input: { 'data-first': true, onBlur: blur } },
      ),
      user
        ? h(
            'div.field',
            h('span.label', 'For user'),
            h('strong', { id: 'f-user', tabindex: '-1' }, user),
            h('p.error', errors.user),
          )
        : among('user', 'A person, or robot:<namespace>:<name> for a machine.', users),
      names.length && !all
        ? h(Choice, {
            id: 'f-namespace',
            label: 'Namespace',
            required: true,
            value: f.namespace,
            onValue: set('namespace'),
            error: whereError,
            options: names.map((n) => [n, n]),
          })
        : among('namespace', '', names, { error: whereError }),
      text('description', `Shown in warnings. ${f.description.length} of 256 characters.`),
      h(
        Radios,
        {
          name: 'type',
          legend: 'Kind',
          value: f.type,
          onValue: choose,
          options: [
            [
              'Permanent',
              'Permanent',
              'For a program. You choose how long, up to a year.',
              permanentWhy,
            ],
            ['Temporary', 'Temporary', 'For a session: a day at most.'],
          ],
        },
        h('p.error', errors.type),
      ),
      h(Expires, { f, change, set: setPreview, error: errors.ttl || errors.expiresAt }),
      h(Delivery, { f, change, text, refuse: (wrong) => say('secret.encryptTo', wrong) }),
      h(More, { f, change, text }),
      h(AsText, { f, form }),
    ),
  );
}
