// The pane that makes a token, /…/new: fields, what they mean together, and the request.
// @ts-check
import { html, useEffect, useLoad, useMemo, useRef, useState } from '../view.js';
import { call, pathOf } from '../api.js';
import { full, lasting, ms, now, span } from '../clock.js';
import { go, leaving, route } from '../router.js';
import { askRights, session, space, useRights, why } from '../session.js';
import { tokens } from '../rows.js';
import { newKey } from '../sealed.js';
import { Button, Check, Choice, Code, Field, Problem, Text, plain } from '../parts/basic.js';
import { Dialog } from '../parts/dialog.js';
import { ValueOnce } from '../parts/value_once.js';

const NAME = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
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
const LONGEST = { Permanent: '8760h', Temporary: '24h' };
const PRIVATE = /PRIVATE KEY-----|"(?:d|p|q|dp|dq|qi|k)"\s*:/;
const LABELS = {
  name: 'Token Name',
  user: 'For user',
  namespace: 'Namespace',
  description: 'What is it for?',
  ttl: 'Expires',
  expiresAt: 'Expires',
  groups: 'Groups',
  scopes: 'Scopes',
  audiences: 'Audiences',
  format: 'Format',
  type: 'Kind',
  'secret.encryptTo': 'Certificate or JWK',
  'secret.name': 'Secret name',
  'secret.key': 'Key in the Secret',
  'rotation.before': 'Rotate before expiry',
  'rotation.overlap': 'Overlap',
  ttlAfterExpired: 'Delete after expiry',
};

const words = (text) => text.split(/[\s,;]+/).filter(Boolean);
const asName = (text) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 253);

/** What is wrong with the fields by themselves; the server judges again. */
function faultsOf(f, at) {
  const faults = /** @type {Record<string, string>} */ ({});
  if (!f.name) faults.name = 'Give it a name.';
  else if (f.name.length > 253) faults.name = `At most 253 characters; this has ${f.name.length}.`;
  else if (!NAME.test(f.name))
    faults.name = 'Use small letters, digits, "-" and ".", with a letter or digit at both ends.';
  if (!f.user) faults.user = 'Name the user for whom it speaks.';
  else if (f.user.startsWith('system:'))
    faults.user =
      'Names that begin with system: belong to Kubernetes. Name a person, or robot:<namespace>:<name>.';
  else if (f.user.length > 256) faults.user = `At most 256 characters; this has ${f.user.length}.`;
  if (!f.ns) faults.namespace = 'Choose a namespace.';
  if (f.description.length > 256)
    faults.description = `At most 256 characters; this has ${f.description.length}.`;
  if (f.own && !(ms(f.until) > at)) faults.ttl = `Choose a time after ${full(at)}.`;
  else if (f.own && ms(f.until) - at > span(LONGEST[f.type]))
    faults.ttl = `At most ${lasting(LONGEST[f.type])} from now.`;
  if (f.way === 'other' && !f.encryptTo.trim())
    faults['secret.encryptTo'] = 'Paste the certificate (PEM) or the public JWK of the recipient.';
  return faults;
}

/** The fields as the server takes them. */
const formOf = (f, encryptTo) => ({
  name: f.name,
  user: f.user,
  description: f.description,
  type: f.type,
  ttl: f.own ? '' : f.ttl,
  expiresAt: f.own && f.until ? new Date(f.until).toISOString().replace(/\.\d+/, '') : '',
  format: f.type === 'Temporary' && f.jwt ? 'JWT' : 'Opaque',
  groups: words(f.groups),
  scopes: words(f.scopes),
  audiences: words(f.audiences),
  rotation:
    f.type === 'Permanent' && f.automatic && f.way !== 'show'
      ? { policy: 'Automatic', before: f.before, overlap: f.overlap }
      : null,
  ttlAfterExpired: f.deleteAfter,
  secret: {
    name: f.secretName,
    key: f.secretKey,
    labels: {},
    annotations: {},
    encryptTo,
    deleteAfter: f.way === 'show' ? '10m' : '',
  },
  autoDeleteWithSession: false,
});

function useFields({ user, ns, like, permanentWhy }) {
  const first = {
    name: '',
    user: user || session.get().user,
    ns: ns || '',
    description: '',
    type: permanentWhy ? 'Temporary' : 'Permanent',
    ttl: permanentWhy ? '8h' : '2160h',
    own: false,
    until: '',
    way: 'show',
    encryptTo: '',
    groups: '',
    scopes: '',
    audiences: '',
    jwt: false,
    automatic: false,
    before: '72h',
    overlap: '24h',
    deleteAfter: '',
    secretName: '',
    secretKey: '',
  };
  const [fields, set] = useState(first),
    dirty = useRef(false);
  useEffect(() => {
    if (!like) return;
    call('GET', `tokens/${pathOf(...like.split('/'))}`).then(
      ({ object: { metadata, spec } }) =>
        set((old) => ({
          ...old,
          name: `${metadata.name}-2`,
          ns: metadata.namespace,
          user: spec.user,
          description: spec.description || '',
          type: spec.type || 'Permanent',
          ttl: PRESETS[spec.type || 'Permanent'].some(([t]) => t === spec.ttl) ? spec.ttl : old.ttl,
          groups: (spec.groups || []).join(' '),
          scopes: (spec.scopes || []).join(' '),
          audiences: (spec.audiences || []).join(' '),
          jwt: spec.format === 'JWT',
          way: spec.secret?.encryptTo || spec.secret?.deleteAfter ? 'show' : 'keep',
          deleteAfter: spec.ttlAfterExpired || '',
        })),
      () => {},
    );
  }, [like]);
  return {
    fields,
    dirty,
    change: (more) => {
      dirty.current = true;
      set((old) => ({ ...old, ...more }));
    },
  };
}

/** What the server says about expiry and warnings, a moment after the last key. */
function usePreview(fields) {
  const [found, set] = useState(/** @type {any} */ (null)),
    key = JSON.stringify([
      fields.type,
      fields.ttl,
      fields.own,
      fields.until,
      fields.ns,
      fields.user,
    ]);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(
      () =>
        call(
          'POST',
          'preview-token',
          { ...formOf(fields, ''), namespace: fields.ns },
          stop.signal,
        ).then(set, () => {}),
      250,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  return found;
}

/** A word on what will happen, by instants and people. */
function Warned({ preview, fields }) {
  if (!preview?.expiresAt) return null;
  const warned = preview.warnings || [],
    to = new Set(warned.flatMap((w) => [...w.recipients, w.toUser && fields.user]).filter(Boolean));
  return html`
    <p class="hint"
        role="status">Expires ${full(ms(preview.expiresAt))}.${preview.visible ? (warned.length ? ` Warnings: ${warned.map((w) => `${lasting(w.before)} before`).join(', ')}, ${to.size ? `to ${[...to].map(plain).join(' and ')}` : 'as Events only; no mail is set up'}.` : ' Nobody is warned of so short a life.') : " Your platform team's settings decide who is warned."}
    </p>
  `;
}

function Expires({ f, change, preview, errors }) {
  const ceiling = preview?.ceiling,
    most = ceiling ? span(ceiling.ttl) : Infinity,
    whose = ceiling && `TokenExpiryConfig ${ceiling.config} allows ${lasting(ceiling.ttl)}.`;
  const options = PRESETS[f.type],
    over = options.some(([ttl]) => span(ttl) > most);
  useEffect(() => {
    if (f.own || span(f.ttl) <= most) return;
    const allowed = options.filter(([ttl]) => span(ttl) <= most).at(-1);
    change(allowed ? { ttl: allowed[0] } : { ttl: ceiling.ttl });
  }, [most, f.ttl, f.own]);
  return html`
    <fieldset aria-describedby="expires-e"><legend>Expires<span class="muted"
            aria-hidden="true"> *</span></legend><div class="chips">
        ${options.map(([ttl, text]) => html`
          <label class="choice"><input type="radio" name="ttl" checked=${!f.own && f.ttl === ttl}
                disabled=${span(ttl) > most} onChange=${() => change({ ttl, own: false })} />
            ${text}</label>
        `)}
        <label class="choice"><input type="radio" name="ttl" id="f-ttl" checked=${f.own}
              onChange=${() => change({ own: true })} />on a date</label></div>
      ${f.own && html`
        <${Field} label="Date and time" error=${errors.ttl || errors.expiresAt}>
          ${(a) => html`
            <input type="datetime-local" ...${a} value=${f.until}
                onInput=${(e) => change({ until: e.target.value })} />
          `}<//>
      `}
      ${over && html`<p class="hint">${whose}</p>`}
      <p class="error" id="expires-e">${!f.own && (errors.ttl || errors.expiresAt)}</p>
      <${Warned} preview=${preview} fields=${f} /></fieldset>
  `;
}

function Delivery({ f, change, errors, mayRead, warned }) {
  const paste = (text) => {
    if (PRIVATE.test(text)) {
      change({ encryptTo: '' });
      warned('This is a private key. It was not sent. Replace it: it was on the clipboard.');
      return;
    }
    warned('');
    change({ encryptTo: text });
  };
  const ways = [
    ['show', 'Show it to me once', 'It is encrypted to this browser tab; nobody else can read it.'],
    [
      'keep',
      'Keep it in a Secret, for a workload',
      mayRead
        ? 'Whoever may read Secrets in the namespace can read it.'
        : `You may make tokens in ${f.ns || 'this namespace'} but not read Secrets there; the value stays in the Secret for the workload.`,
    ],
    ['other', 'Encrypt it to somebody', 'Only the holder of the private key can read it.'],
  ];
  return html`
    <fieldset><legend>How do you get the value?</legend>
      ${ways.map(([key, text, more]) => html`
        <label class="check"><input type="radio" name="way" checked=${f.way === key}
              onChange=${() => change({ way: key })} />
          <span>${text}<small>${more}</small></span></label>
      `)}
      ${
      f.way === 'other' &&
      html`
        <${Field} id="f-secret.encryptTo" label="Certificate (PEM) or public JWK" required
            error=${errors['secret.encryptTo']}>${(
        a,
      ) =>
        html`
          <textarea ...${a} spellcheck=${false} value=${f.encryptTo} onInput=${(e) => {
          const t = e.target.value;
          if (PRIVATE.test(t)) e.target.value = '';
          paste(t);
        }}></textarea>
        `}<//>
      `
    }
      ${f.way === 'show' && f.automatic && html`
        <p class="hint">A value shown once cannot be renewed by itself: the key of this tab is gone
            by then.</p>
      `}</fieldset>
  `;
}

function More({ f, change, errors }) {
  const permanent = f.type === 'Permanent',
    text = (name, label, hint, key = name) =>
      html`
        <${Text} id=${`f-${key}`} label=${label} hint=${hint} value=${f[name]}
            onValue=${(v) => change({ [name]: v })} error=${errors[key]} />
      `;
  return html`
    <details><summary>More</summary>
          ${text('groups', 'Groups', 'Separated by spaces. Reported to those who check the token.')}${text('scopes', 'Scopes', 'What it may be used for, in the words of your services.')}${text('audiences', 'Audiences', 'Who may accept it. None: anybody.')}
          <${Check} checked=${f.jwt && !permanent} why=${permanent ? 'Temporary tokens only.' : ''}
              onValue=${(jwt) => change({ jwt })}>JWT<small>Services can check it by themselves. It
                cannot be revoked one by one.</small><//>
        <${Check} checked=${f.automatic && permanent && f.way !== 'show'}
            why=${!permanent ? 'Permanent tokens only.' : f.way === 'show' ? 'Not with a value that is shown once.' : ''}
            onValue=${(automatic) => change({ automatic })}>Renew by itself<small>The Secret gets a
              new value before the old one expires.</small><//>
      ${f.automatic && permanent && f.way !== 'show' && html`
        <div class="row2">
          ${text('before', 'Rotate before expiry', 'Such as 72h', 'rotation.before')}${text('overlap', 'Overlap', 'How long the old value still works', 'rotation.overlap')}
        </div>
      `}
      ${text('deleteAfter', 'Delete the record after expiry', 'Such as 168h. Empty: keep it, but for temporary tokens.', 'ttlAfterExpired')}
      <div class="row2">
        ${text('secretName', 'Secret name', 'Empty: the name of the token', 'secret.name')}${text('secretKey', 'Key in the Secret', 'Empty: token', 'secret.key')}
      </div></details>
  `;
}

/** The same as YAML and as a command, from the server's own words, while the disclosure is open. */
function AsText({ f, encryptTo }) {
  const [open, setOpen] = useState(false),
    [found, set] = useState(/** @type {any} */ ({})),
    form = formOf(f, encryptTo),
    key = JSON.stringify([form, f.ns]);
  useEffect(() => {
    if (!open) return undefined;
    const stop = new AbortController(),
      timer = setTimeout(() => {
        if (Object.keys(faultsOf(f, now())).length) {
          set((old) => ({
            ...old,
            error: { message: 'Fill in the fields above; it stands here then.' },
          }));
          return;
        }
        call('POST', `tokens/${pathOf(f.ns)}?dry=1`, form, stop.signal).then(
          set,
          (error) => stop.signal.aborted || set({ error }),
        );
      }, 350);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [open, key]);
  return html`
    <details onToggle=${(e) => setOpen(e.target.open)}>
      <summary>Show as YAML, show the command</summary>
      ${found.error && html`<p class="muted" role="status">${plain(found.error.message)}</p>`}${found.yaml && html`
        <h3>YAML</h3><${Code} label="YAML" text=${found.yaml} />
        <h3>Command</h3><${Code} label="command" text=${found.command} />
      `}</details>
  `;
}

/** Whether the name is free, asked on leaving the field by a dry run of the server. */
async function askName(f) {
  if (!f.name || !f.ns || !NAME.test(f.name)) return '';
  for (const row of tokens.get().rows.values())
    if (row.ns === f.ns && row.name === f.name)
      return `${f.name} exists in ${f.ns} already. Choose another name.`;
  return '';
}

function useMake(f, key, onMade) {
  const [busy, setBusy] = useState(false),
    [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({})),
    [general, setGeneral] = useState(/** @type {any} */ (null)),
    sending = useRef(false),
    summary = useRef(null);
  const refuse = (fields, other = null) => {
    setErrors(fields);
    setGeneral(other);
    setTimeout(() => summary.current?.focus());
  };
  const send = async () => {
    if (sending.current) return;
    const found = faultsOf(f, now());
    if (Object.keys(found).length) {
      refuse(found);
      return;
    }
    sending.current = true;
    setBusy(true);
    try {
      const { object } = await call(
        'POST',
        `tokens/${pathOf(f.ns)}`,
        formOf(f, f.way === 'show' ? key.encryptTo : f.way === 'other' ? f.encryptTo.trim() : ''),
      );
      setErrors({});
      setGeneral(null);
      onMade(object);
    } catch (error) {
      const at = Object.fromEntries(
        (error.causes || []).filter((c) => c.field in LABELS).map((c) => [c.field, c.message]),
      );
      if (error.status === 409 && !Object.keys(at).length)
        at.name = `${f.name} exists in ${f.ns} already. Choose another name.`;
      refuse(at, Object.keys(at).length ? null : error);
    }
    sending.current = false;
    setBusy(false);
  };
  return { busy, errors, general, send, summary, setErrors };
}

/** @param {any} p back: the page to go back to; user, ns: fixed; permanentWhy: why Permanent may not be chosen */
export default function Create({ back, user = '', ns = '' }) {
  const { query } = route.use(),
    { names, all } = space.use(),
    [key, setKey] = useState(/** @type {any} */ (null)),
    [made, setMade] = useState(/** @type {any} */ (null)),
    [asking, ask] = useState(false);
  const start =
    ns ||
    query.ns ||
    (names.length === 1 ? names[0] : '') ||
    session.get().defaultNamespace ||
    names[0] ||
    '';
  const {
    fields: f,
    dirty,
    change,
  } = useFields({ user, ns: start, like: query.like, permanentWhy: '' });
  const rights = useRights(f.ns),
    secret = useLoad(
      () => (f.ns ? askRights(f.ns, f.secretName || f.name) : Promise.resolve(null)),
      [f.ns, f.way === 'keep' && (f.secretName || f.name)],
    );
  const { busy, errors, general, send, summary, setErrors } = useMake(f, key, (object) => {
    dirty.current = false;
    leaving.ask = null;
    setMade(object);
  });
  const preview = usePreview(f),
    permanentWhy = rights ? why(rights, 'mintPermanent') : '',
    users = useMemo(
      () =>
        [...new Set([...tokens.get().rows.values()].map((row) => row.user))].sort().slice(0, 500),
      [],
    );
  useEffect(() => {
    newKey().then(setKey);
  }, []);
  useEffect(() => {
    if (!permanentWhy || f.type !== 'Permanent') return;
    const touched = dirty.current;
    change({ type: 'Temporary', ttl: '8h' });
    dirty.current = touched;
  }, [permanentWhy]);
  useEffect(() => {
    leaving.ask = () => !dirty.current;
    return () => {
      leaving.ask = null;
    };
  }, []);
  const close = () => {
      leaving.ask = null;
      go(back, { like: '' });
    },
    mayClose = () => {
      if (!dirty.current) return true;
      ask(true);
      return false;
    };
  const set = (name) => (value) => {
    change({ [name]: value });
    setErrors((old) => ({ ...old, [name]: '' }));
  };
  if (made)
    return html`
      <${ValueOnce} object=${made} sealed=${f.way === 'show' ? key : null} way=${f.way}
          key=${made.metadata.uid} onClose=${close} onEdit=${() => setMade(null)} />
    `;
  const said = Object.entries(errors).filter(([, v]) => v),
    mayNot = f.ns ? why(rights, 'create') : '';
  const footer = asking
    ? html`
      <p role="alert">Drop what you typed?</p><${Button} onPress=${() => ask(false)}>Go on
            typing<//><${Button} kind="danger" onPress=${close}>Drop it<//>
    `
    : html`
      <${Button} onPress=${() => mayClose() && close()}>Cancel<//>
      <${Button} kind="main" busy=${busy || !key} why=${mayNot} onPress=${send}>
        ${busy ? 'Being made…' : 'Create'}<//>
    `;
  return html`
    <${Dialog} side="pane" title="Create a new token" onClose=${close} mayClose=${mayClose}
        footer=${footer}>${(said.length > 0 || general) && html`
        <div class="summary" tabindex="-1" ref=${summary}>
          ${general ? html`<${Problem} error=${general} />` : html`
            <div class="problem" role="alert"><div><strong>
                  ${said.length === 1 ? 'One field needs a change:' : `${said.length} fields need a change:`}
                </strong>${said.map(([field, text]) => html`
                  <button type="button" class="jump"
                      onClick=${() => document.getElementById(`f-${field}`)?.focus()}>
                    ${LABELS[field]}: ${plain(text)}</button>
                `)}</div></div>
          `}</div>
      `}
      <form onSubmit=${(e) => e.preventDefault()} onKeyDown=${(e) => {
          if (e.key === 'Enter' && e.target.tagName === 'INPUT') send();
        }}>
        <${Text} id="f-name" label="Token Name" required value=${f.name} onValue=${set('name')}
            error=${errors.name}
            input=${{ 'data-first': true, onBlur: () => askName(f).then((text) => text && setErrors((old) => ({ ...old, name: text }))) }}
            hint=${f.name && !NAME.test(f.name) && asName(f.name) ? html`
              Take <button type="button" class="link" onClick=${() => set('name')(asName(f.name))}>
                ${asName(f.name)}</button>?
            ` : ''}
            />${user ? html`
          <div class="field"><span class="label">For user</span>
            <strong id="f-user" tabindex="-1">${plain(user)}</strong>
            <p class="error">${errors.user}</p></div>
        ` : html`
          <${Text} id="f-user" label="For user" required value=${f.user} onValue=${set('user')}
              error=${errors.user} input=${{ list: 'users' }}
              hint="A person, or robot:<namespace>:<name> for a machine." />
          <datalist id="users">${users.map((u) => html`<option value=${u} />`)}</datalist>
        `}
        ${names.length && !all ? html`
          <${Choice} id="f-namespace" label="Namespace" required value=${f.ns} onValue=${set('ns')}
              error=${errors.namespace || mayNot} options=${names.map((n) => [n, n])} />
        ` : html`
          <${Text} id="f-namespace" label="Namespace" required value=${f.ns} onValue=${set('ns')}
              error=${errors.namespace || mayNot} input=${{ list: 'spaces' }} />
          <datalist id="spaces">${names.map((n) => html`<option value=${n} />`)}</datalist>
        `}
        <${Text} id="f-description" label="What is it for?" value=${f.description}
            onValue=${set('description')} error=${errors.description}
            hint=${`Stands in warnings. ${f.description.length} of 256 characters.`} />
        <fieldset><legend>Kind</legend>${[
      ['Permanent', 'For a program. You choose how long, up to a year.', permanentWhy],
      ['Temporary', 'For a session: a day at most.', ''],
    ].map(
      ([type, text, reason]) =>
        html`
          <label class="check"><input type="radio" name="type" checked=${f.type === type}
                disabled=${!!reason} aria-describedby=${reason ? 'permanent-why' : undefined}
                onChange=${() => change({ type, ttl: type === 'Permanent' ? '2160h' : '8h', own: false })}
                /><span>${type}<small>${text}</small>
              ${reason && html`<small id="permanent-why">${reason}</small>`}</span></label>
        `,
    )}
          <p class="error">${errors.type}</p></fieldset>
        <${Expires} f=${f} change=${change} preview=${preview} errors=${errors} />
        <${Delivery} f=${f} change=${change} errors=${errors}
            mayRead=${secret.value?.tokens.getSecrets.allowed !== false}
            warned=${(text) => setErrors((old) => ({ ...old, 'secret.encryptTo': text }))} />
        <${More} f=${f} change=${change} errors=${errors} />
        <${AsText} f=${f}
            encryptTo=${f.way === 'show' ? key?.encryptTo || '' : f.way === 'other' ? f.encryptTo.trim() : ''}
            />
      </form><//>
  `;
}
