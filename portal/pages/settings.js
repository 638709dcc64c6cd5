// Whom to warn, and when: the config `default` in front, the others in a list, and one editor for all.
// @ts-check
import { Fragment, html, say, useEffect, useMemo, useRef, useState } from '../view.js';
import { call, lines, pathOf, request } from '../api.js';
import { condition, settings } from '../settings.js';
import { Time, lasting, ms, now, plural, secondOf, useNow } from '../clock.js';
import { csv } from '../deeds.js';
import { go, leaving, link } from '../router.js';
import { useRights, why } from '../session.js';
import { yaml } from '../yaml.js';
import {
  Button,
  Check,
  Choice,
  Code,
  Field,
  Icon,
  Problem,
  Text,
  download,
  plain,
} from '../parts/basic.js';
import { Dialog } from '../parts/dialog.js';
import { Empty, Page } from '../parts/frame.js';
import { Refused } from '../parts/list.js';

const ADDRESS = /^[^\s@<>"(),:;\\]+@[^\s@<>"(),:;\\]+$/,
  MANY = 100,
  SHOWN = 50;
const split = (text) =>
  (text || '')
    .split(/[;,\n]/)
    .map((a) => a.trim())
    .filter(Boolean);

/** Each address with a verdict; commas and line ends offer to become semicolons. */
function Addresses({ value, onValue, error, readOnly, id }) {
  const all = split(value),
    seen = new Set(),
    commas = /[,\n]/.test(value || '');
  const chips = all.map((address) => {
    const twice = seen.has(address.toLowerCase());
    seen.add(address.toLowerCase());
    return {
      address,
      fault: twice ? 'named twice' : ADDRESS.test(address) ? '' : 'not an address',
    };
  });
  return html`
    <${Field} id=${id} label="Mail these addresses" hint="Separate with semicolons." error=${error}>
      ${(
    a,
  ) => html`
    <textarea rows="2" spellcheck=${false} readonly=${readOnly} ...${a} value=${value || ''}
        onInput=${(e) => onValue(e.target.value)}></textarea>
    ${chips.length > 0 && html`
      <ul class="chips" aria-label="Addresses">
        ${chips.map((c) => html`
          <li class=${`chip ${c.fault ? 'bad' : 'good'}`}>
            <${Icon} name=${c.fault ? 'bang' : 'check'} />
            ${plain(c.address)}${c.fault && `: ${c.fault}`}</li>
        `)}</ul>
    `}
    ${commas && !readOnly && html`
      <p class="hint">Addresses are separated by semicolons. <button type="button" class="link"
            onClick=${() => onValue(all.join('; '))}>Make them semicolons</button></p>
    `}
  `}<//>
  `;
}

const put = (object, path, value) => {
  const [first, ...rest] = path.split('.'),
    inner = rest.length ? put(object?.[first] || {}, rest.join('.'), value) : value;
  const next = { ...object, [first]: inner };
  if (
    inner === undefined ||
    inner === '' ||
    (inner &&
      typeof inner === 'object' &&
      !Array.isArray(inner) &&
      !Object.keys(inner).length &&
      first !== 'namespaceSelector' &&
      first !== 'tokenSelector')
  )
    delete next[first];
  return next;
};
const get = (object, path) => path.split('.').reduce((o, k) => o?.[k], object);

/** A label selector as rows of matchLabels and expressions in one line each: "team=a", "env in (a, b)", "!legacy". */
const selectorText = (s) =>
  [
    ...Object.entries(s?.matchLabels || {}).map(([k, v]) => `${k}=${v}`),
    ...(s?.matchExpressions || []).map(
      ({ key, operator, values = [] }) =>
        ({
          In: `${key} in (${values.join(', ')})`,
          NotIn: `${key} notin (${values.join(', ')})`,
          Exists: key,
          DoesNotExist: `!${key}`,
        })[operator],
    ),
  ].join('\n');
function selectorOf(text) {
  const selector = /** @type {any} */ ({}),
    row = (key, operator, values) => {
      (selector.matchExpressions ||= []).push({
        key,
        operator,
        ...(values && {
          values: values
            .split(',')
            .map((v) => v.trim())
            .filter(Boolean),
        }),
      });
    };
  for (const line of text
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean)) {
    const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(line),
      equal = /^([^=!\s]+)\s*==?\s*(\S*)$/.exec(line);
    if (set) row(set[1], set[2] === 'in' ? 'In' : 'NotIn', set[3]);
    else if (equal) (selector.matchLabels ||= {})[equal[1]] = equal[2];
    else row(line.replace(/^!\s*/, ''), line.startsWith('!') ? 'DoesNotExist' : 'Exists');
  }
  return Object.keys(selector).length ? selector : undefined;
}
function Selector({ label, hint, value, onValue, readOnly }) {
  const [text, setText] = useState(selectorText(value));
  return html`
    <${Field} label=${label} hint=${hint}>${(a) => html`
        <textarea rows="2" readonly=${readOnly} spellcheck=${false} placeholder="team=a" ...${a}
            value=${text} onInput=${(e) => setText(e.target.value)}
            onChange=${(e) => onValue(selectorOf(e.target.value))}></textarea>
      `}<//>
  `;
}

function Reminders({ spec, change, error, readOnly }) {
  const rows = spec.reminders || [],
    set = (next) =>
      change({ reminders: next.length ? next : undefined, warnBeforeDays: undefined });
  return html`
    <fieldset><legend>Reminders before expiry</legend>
        <p class="hint">In place of days: up to 8, the longest first, such as 720h, 168h, 24h.</p>
        ${rows.map((row, i) => html`
          <div class="rem"><${Text} label=${`Reminder ${i + 1}`} value=${row}
                input=${{ readonly: readOnly }}
                onValue=${(v) => set(rows.map((old, j) => (i === j ? v : old)))} />
            <span class="muted">${lasting(row)} before</span>
            <${Button} kind="quiet" icon="cross" label=${`Remove reminder ${i + 1}`} why=${readOnly}
                onPress=${() => set(rows.filter((_, j) => i !== j))} /></div>
        `)}
        <${Button} icon="plus" why=${readOnly || (rows.length >= 8 ? 'Eight are the most.' : '')}
            onPress=${() => set([...rows, rows.length ? '24h' : `${(spec.warnBeforeDays || 30) * 24}h`])}>Add
            a reminder<//><p class="error">${error}</p></fieldset>
  `;
}

function Editor({ spec, change, errors, status, readOnly }) {
  const text = (path, label, hint = '', input = {}) =>
    html`
      <${Text} id=${`f-${path}`} label=${label} hint=${hint} value=${get(spec, path) || ''}
          error=${errors[path]} input=${{ readonly: !!readOnly, ...input }}
          onValue=${(v) => change(put(spec, path, v), true)} />
    `;
  const whole = (path, value) => change(put(spec, path, value), true),
    ready = condition({ status }, 'Ready'),
    missing = ready?.reason === 'SecretNotFound';
  return html`
    <details open=${!!spec.reminders}><summary>Reminders</summary>
        <${Reminders} spec=${spec} change=${(more) => change({ ...spec, ...more }, true)}
            error=${errors.reminders} readOnly=${readOnly} /></details>
      <details><summary>The token's user</summary>
        <${Check} checked=${!!spec.emailTokenUser} why=${readOnly}
            onValue=${(on) => whole('emailTokenUser', on || undefined)}>Mail the user of a token
            too<small>With their own tokens only, where the user is an address.</small><//>
      <${Text} label="Domains that may get such mail"
          hint="Separated by spaces. Empty: the domain of the sender."
          value=${(spec.emailDomains || []).join(' ')} error=${errors.emailDomains}
          input=${{ readonly: !!readOnly }}
          onValue=${(v) => whole('emailDomains', v.trim() ? v.split(/[\s;,]+/) : undefined)} />
    </details><details><summary>Which tokens</summary>
      <${Selector} label="Namespaces with these labels"
          hint="One condition a line: team=a, env in (prod, stage), !legacy. Empty: all."
          value=${spec.namespaceSelector} readOnly=${!!readOnly}
          onValue=${(v) => whole('namespaceSelector', v)} />
      <${Selector} label="Tokens with these labels" hint="Empty: all." value=${spec.tokenSelector}
          readOnly=${!!readOnly} onValue=${(v) => whole('tokenSelector', v)} /></details>
    <details><summary>Lifetimes</summary><div class="row2">
        ${text('lifetimes.permanent.default', 'Permanent: if none is asked for', 'Such as 2160h')}${text('lifetimes.permanent.max', 'Permanent: at most')}${text('lifetimes.temporary.default', 'Temporary: if none is asked for', 'Such as 8h')}${text('lifetimes.temporary.max', 'Temporary: at most')}
      </div></details><details open=${missing}>
      <summary>Mail server</summary><div class="row2">
        ${text('smtp.server', 'Server', 'host:port')}${text('smtp.from', 'Sender')}
        <${Choice} label="TLS" value=${spec.smtp?.tls || ''}
            onValue=${(v) => readOnly || whole('smtp.tls', v || undefined)} options=${[
      ['', 'StartTLS (default)'],
      ['Implicit', 'Implicit'],
      ['None', 'None (private addresses only)'],
    ]}
            />
        ${text('smtp.credentialsSecret', "Secret with the login, in the operator's namespace", missing ? plain(ready.message) : spec.smtp?.credentialsSecret && ready ? 'found' : '')}${text('smtp.caSecret', 'Secret with the CA, if it is private')}${text('digest', 'Collect notices for', 'Such as 5m, which is the default')}
      </div><p class="hint">A password is never asked for here. Make its Secret with:</p>
      <${Code} label="Secret command"
          text=${`kubectl -n apitoken-system create secret generic ${spec.smtp?.credentialsSecret || 'smtp'} --from-literal=server=${spec.smtp?.server || 'smtp.example.com:587'} --from-literal=username=NAME --from-file=password=/dev/stdin`}
          /></details>
  `;
}

/** What would change, as the server computes it: a moment after the last change. */
function usePreview(name, spec, saved) {
  const [found, set] = useState(/** @type {any} */ (null)),
    key = JSON.stringify(spec);
  useEffect(() => {
    const stop = new AbortController(),
      timer = setTimeout(async () => {
        const next = /** @type {any} */ ({ changes: [], key });
        try {
          await lines(
            await request('POST', 'settings/preview', { name, spec }, stop.signal),
            (line) => {
              if (line.summary) next.summary = line.summary;
              if (line.changes) next.changes.push(...line.changes);
              if (line.error) next.error = line.error;
            },
          );
          set(next);
        } catch (error) {
          if (!stop.signal.aborted) set({ error, key });
        }
      }, 500);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [name, key, saved]);
  return found;
}

function Preview({ found, dirty }) {
  const { summary: s, changes = [], error } = found || {};
  const table = useMemo(() => changes.filter((c) => c[6] !== 'Same'), [found]);
  if (error) return html`<${Problem} error=${error} />`;
  if (!s) return html`<p class="muted" role="status">Being computed…</p>`;
  const list = table.length ? table : changes;
  return html`
    <div role="status"><p class="figure"><strong>
          ${plural(s.then.within7days, 'token')}</strong>${dirty
          ? ` would be warned within 7 days (now: ${s.now.within7days}).`
          : ' to be warned of within 7 days.'}</p><p>${s.then.atOnce} at
          once. ${plural(s.then.ownMail, 'person gets', 'people get')} a mail of their
          own.${s.then.ceiling > 0 ? ` ${plural(s.then.ceiling, 'token lives', 'tokens live')} longer than the new ceiling: nothing happens to ${s.then.ceiling === 1 ? 'it' : 'them'} until ${s.then.ceiling === 1 ? 'it is' : 'they are'} renewed.` : ''}
      </p>${s.truncated && html`
        <p class="muted">Computed for the first ${s.tokens.toLocaleString('en')} tokens.</p>
      `}</div>
    ${
      list.length > 0
        ? html`
          <div class="scroll" tabindex="0" role="group" aria-label="Table"><table class="plain">
                <thead><tr><th scope="col">Token</th><th scope="col">When</th>
                    <th scope="col">Reminder</th><th scope="col">Mail to</th>
                    ${dirty && html`<th scope="col">Change</th>`}</tr></thead><tbody>
                  ${list.slice(0, SHOWN).map(([ns, token, user, at, before, to, change]) => html`
                    <tr><th scope="row">${token}<small>${ns}, ${plain(user)}</small></th>
                      <td><${Time} at=${at} /></td><td>
                        ${lasting(before) === '0 seconds' ? 'expiry' : lasting(before)}</td>
                      <td>${to ? plain(to.replaceAll(';', ', ')) : html`
                          <span class="muted">nobody</span>
                        `}</td>
                      ${dirty && html`<td>${change}</td>`}</tr>
                  `)}</tbody></table></div>
            <p class="line">${list.length > SHOWN && html`
                <span class="muted">and ${(list.length - SHOWN).toLocaleString('en')} more</span>
              `}
              <${Button}
                  onPress=${() => download('warnings.csv', 'text/csv;charset=utf-8', csv([['Namespace', 'Token', 'User', 'When', 'Reminder', 'Mail to', 'Change'], ...changes]))}>Export
                  CSV<//></p>
        `
        : html`
          <p class="muted">
            ${dirty ? 'Nobody is warned otherwise than today.' : 'No warning is to come.'}</p>
        `
    }
  `;
}

function TestMail({ config, to, dirty, readOnly }) {
  const [asked, setAsked] = useState(''),
    [error, setError] = useState(/** @type {any} */ (null)),
    result = config.status?.testMail,
    at = useNow(),
    { server } = config.spec.smtp || {};
  const mine = asked && result && ms(result.requestedAt) >= ms(asked) && result.at,
    waiting = asked && !mine,
    wait = asked ? Math.max(0, 60 - Math.floor((at - ms(asked)) / 1000)) : 0;
  const send = async () => {
    setError(null);
    try {
      setAsked(
        (await call('POST', `settings/${pathOf(config.metadata.name)}/test-mail`, {})).requestedAt,
      );
    } catch (problem) {
      setError(problem);
    }
  };
  const reason =
    readOnly ||
    (!server
      ? 'Name a mail server and save first.'
      : !to.length
        ? 'Name an address and save first.'
        : dirty
          ? 'Save first: the mail goes by what is saved.'
          : wait
            ? `One a minute: again in ${wait} seconds.`
            : '');
  const shown = mine ? result : !asked && result?.at ? result : null;
  return html`
    <section class="card"><h2>Send a test mail</h2>
        <p>
          ${server ? `Sends one mail to ${to.length === 1 ? 'this address' : `these ${to.length} addresses`} through ${plain(server)}: ${to.map(plain).join(', ')}.` : 'No mail server is set.'}
        </p><div class="line"><${Button} icon="mail" why=${reason} onPress=${send}>Send a test
              mail<//><div role="status">
          ${waiting && at - ms(asked) < 30_000 ? 'Being sent…' : waiting ? 'The operator has not answered yet. Is it running?' : ''}${shown && html`
            <p>${shown.error ? html`
                <strong class="is-failed on">Not
                    sent</strong> ${secondOf(ms(shown.at))}: ${plain(shown.error)}
              ` : html`
                Sent
                  at ${secondOf(ms(shown.at))}. ${plural(shown.accepted || 0, 'address', 'addresses')} accepted.
              `}</p>
            ${(shown.refused || []).map((r) => html`
              <p><strong class="is-failed on">${plain(r.address)}</strong> was
                  refused: ${plain(r.reason)}</p>
            `)}
          `}</div></div>
      ${error && html`<${Problem} error=${error} />`}</section>
  `;
}

function Conflict({ mine, theirs, onMine, onTheirs, onClose }) {
  return html`
    <${Dialog} title="Somebody saved other settings meanwhile" side="broad" onClose=${onClose}
        footer=${html`
          <${Button} onPress=${onTheirs}>Take theirs<//>
          <${Button} kind="main" onPress=${onMine}>Keep mine<//>
        `}>
      <div class="two"><div><h3>Yours</h3><${Code} label="your version" text=${yaml(mine)} /></div>
        <div><h3>Theirs</h3><${Code} label="their version" text=${yaml(theirs)} /></div></div>
      <p class="muted">Keep mine saves yours over theirs. Take theirs drops what you changed.</p>
    <//>
  `;
}

/** The work on one config: what is typed, what is saved, and what the server said. */
function useConfig(name, config) {
  const [draft, setDraft] = useState(/** @type {any} */ (null)),
    [base, setBase] = useState(config?.metadata.resourceVersion || ''),
    [errors, setErrors] = useState(/** @type {any} */ ({})),
    [general, setGeneral] = useState(/** @type {any} */ (null)),
    [busy, setBusy] = useState(false),
    [conflict, setConflict] = useState(/** @type {any} */ (null));
  const spec = draft || config?.spec || { warnBeforeDays: 30 },
    dirty = !!draft && JSON.stringify(draft) !== JSON.stringify(config?.spec || {});
  useEffect(() => {
    if (!draft) setBase(config?.metadata.resourceVersion || '');
  }, [config, draft]);
  useEffect(() => {
    leaving.ask = dirty ? (silent) => !silent && confirm('Drop the changes that are not saved?') : null;
    return () => {
      leaving.ask = null;
    };
  }, [dirty]);
  const change = (next, complete = false) => {
    setDraft(complete ? next : { ...spec, ...next });
    setErrors({});
  };
  const save = async (version = base) => {
    setBusy(true);
    setErrors({});
    setGeneral(null);
    try {
      const { object } = await call('PUT', `settings/${pathOf(name)}`, {
        resourceVersion: version,
        spec,
      });
      setBase(object.metadata.resourceVersion);
      settings.set((old) => ({
        ...old,
        items: [...(old.items || []).filter((c) => c.metadata.name !== name), object],
      }));
      setDraft(null);
      setConflict(null);
      say(`The settings ${name} were saved at ${secondOf(now())}.`);
    } catch (error) {
      if (error.status === 409 && error.present) setConflict(error.present);
      else {
        const at = Object.fromEntries(
          (error.causes || []).map((c) => [c.field.replace(/^spec\./, ''), c.message]),
        );
        setErrors(at);
        setGeneral(error);
      }
    }
    setBusy(false);
  };
  const theirs = () => {
    setDraft(null);
    setBase(conflict.metadata.resourceVersion);
    settings.set((old) => ({
      ...old,
      items: [...(old.items || []).filter((c) => c.metadata.name !== name), conflict],
    }));
    setConflict(null);
  };
  return {
    spec,
    dirty,
    change,
    save,
    errors,
    general,
    busy,
    conflict,
    theirs,
    drop: () => setDraft(null),
    mine: () => save(conflict.metadata.resourceVersion),
    closeConflict: () => setConflict(null),
  };
}

function Config({ name, config, rights }) {
  const work = useConfig(name, config),
    { spec, dirty, change, errors } = work,
    readOnly = why(rights, 'settingsWrite'),
    [asking, ask] = useState(''),
    [error, setError] = useState(/** @type {any} */ (null));
  const preview = usePreview(name, spec, config?.metadata.resourceVersion),
    to = split(config?.spec.emails),
    days = useRef(null);
  const bad = split(spec.emails).find((a) => !ADDRESS.test(a)),
    dayFault = spec.reminders
      ? ''
      : !(spec.warnBeforeDays >= 1 && spec.warnBeforeDays <= 3650)
        ? 'Between 1 and 3,650 days.'
        : '';
  const trySave = () => {
    if (dayFault) {
      days.current?.focus();
      return;
    }
    if ((preview?.summary?.then.atOnce || 0) > MANY) ask('many');
    else work.save();
  };
  const remove = async () => {
    try {
      await call(
        'DELETE',
        `settings/${pathOf(name)}?uid=${encodeURIComponent(config.metadata.uid)}`,
      );
      ask('');
      say(`The settings ${name} were deleted.`);
      go(['settings']);
    } catch (problem) {
      setError(problem);
    }
  };
  const warned = preview?.changes?.length || 0;
  return html`
    <div class="two"><section class="card">${config ? '' : html`
            <p class="muted">There are no settings named ${name} yet: warnings start 30 days before
                expiry, as Events, and no mail is sent. The first save makes them.</p>
          `}
          ${
        !spec.reminders
          ? html`
            <${Field} id="f-warnBeforeDays" label="Warn this many days before a token expires"
                error=${dayFault || errors.warnBeforeDays}>
              ${(a) => html`
                <input type="number" min="1" max="3650" class="big" ref=${days}
                    readonly=${!!readOnly} ...${a} value=${spec.warnBeforeDays ?? ''}
                    onInput=${(e) => change({ warnBeforeDays: e.target.value === '' ? undefined : Number(e.target.value) })}
                    />
              `}<//>
          `
          : html`
            <p><strong>Warns ${spec.reminders.map((r) => lasting(r)).join(', ')} before a token
                  expires</strong> <button type="button" class="link"
                  onClick=${() => change({ ...spec, reminders: undefined, warnBeforeDays: 30 }, true)}
                  hidden=${!!readOnly}>Use days instead</button></p>
          `
      }
          <${Addresses} id="f-emails" value=${spec.emails} readOnly=${!!readOnly}
              error=${errors.emails || (bad && dirty ? `"${plain(bad)}" is not an address; correct it or take it out.` : '')}
              onValue=${(emails) => change(put(spec, 'emails', emails), true)} />
          <${Editor} key=${config?.metadata.uid} spec=${spec} change=${change} errors=${errors}
              status=${config?.status} readOnly=${readOnly} />
          <details><summary>Show as YAML</summary><${Code} label="YAML"
                text=${yaml({ apiVersion: 'apitoken.dev/v1alpha1', kind: 'TokenExpiryConfig', metadata: { name }, spec })}
                /><p class="hint">Save it as settings.yaml, then: kubectl apply -f settings.yaml</p>
          </details>${work.general && html`<${Problem} error=${work.general} />`}
          <div class="line"><${Button} kind="main" busy=${work.busy}
                why=${readOnly || (config && !dirty ? 'Nothing was changed.' : '')}
                onPress=${trySave}>Save<//>
          ${dirty && html`<${Button} onPress=${work.drop}>Drop the changes<//>`}${config && html`
            <${Button} kind="danger" why=${why(rights, 'settingsDelete')}
                onPress=${() => ask('delete')}>Delete<//>
          `}</div></section>
      <div><section class="card"><h2>${dirty ? 'If you save this' : 'What is to come'}</h2>
          <${Preview} found=${preview} dirty=${dirty} /></section>
        ${config && html`
          <${State} config=${config} /><${TestMail} config=${config} to=${to} dirty=${dirty}
              readOnly=${readOnly} />
        `}</div></div>
    ${work.conflict && html`
      <${Conflict} mine=${spec} theirs=${work.conflict.spec} onMine=${work.mine}
          onTheirs=${work.theirs} onClose=${work.closeConflict} />
    `}
    ${
      asking === 'many' &&
      html`
        <${Dialog} title="Warn this many at once?" onClose=${() => ask('')} footer=${html`
              <${Button} onPress=${() => ask('')}>Cancel<//>
              <${Button} kind="main" onPress=${() => {
        ask('');
        work.save();
      }}>Save<//>
            `}>
          <p>${plural(preview.summary.then.atOnce, 'token')} would be warned of at once.</p><//>
      `
    }
    ${asking === 'delete' && html`
      <${Dialog} title=${`Delete the settings ${name}?`} onClose=${() => ask('')} footer=${html`
            <${Button} onPress=${() => ask('')}>Cancel<//>
            <${Button} kind="main danger" onPress=${remove}>Delete<//>
          `}>
        <p>${plural(config.status?.matchedTokens || 0, 'token')} would be warned by other settings
            that match, or by nobody but the built-in 30
            days.${warned ? ` ${plural(warned, 'warning')} to come would go.` : ''}</p>
        ${error && html`<${Problem} error=${error} />`}<//>
    `}
  `;
}

const WORDS = { True: ['check', 'works'], False: ['bang', 'failed'], Unknown: ['dots', 'waiting'] };
const Verdict = ({ of, text }) => {
  const [icon, state] = WORDS[of?.status] || ['dots', 'waiting'];
  return html`
    <span class=${`badge is-${state}`}><${Icon} name=${icon} />
      ${text} ${of ? (of.status === 'True' ? 'in order' : plain(of.reason)) : '–'}</span>
  `;
};
function State({ config }) {
  const { status = {} } = config,
    ready = condition(config, 'Ready'),
    mail = condition(config, 'EmailDelivery'),
    wrong = [ready, mail].filter((c) => c && c.status !== 'True' && c.message);
  return html`
    <section class="card"><h2>How it goes</h2>
      <p class="chips"><${Verdict} of=${ready} text="Settings" />
        ${mail && html`<${Verdict} of=${mail} text="Mail" />`}</p>
      ${wrong.map((c) => html`<p>${plain(c.message)}</p>`)}
      <dl class="facts"><dt>Tokens matched</dt>
        <dd>${status.matchedTokens ?? '–'}</dd><dt>Expire soon</dt>
        <dd>${status.expiringTokens ?? '–'}</dd><dt>Last mail</dt>
        <dd>
          ${status.lastEmailTime ? html`<${Time} at=${status.lastEmailTime} as="both" />` : 'none yet'}
        </dd><dt>Waiting notices</dt><dd>${status.pendingNotices ?? 0}</dd>
        ${status.skippedUsers?.count > 0 && html`
          <dt>Users without mail</dt><dd>
            ${status.skippedUsers.count}: ${(status.skippedUsers.names || []).map(plain).join(', ')}
          </dd>
        `}</dl></section>
  `;
}

function Further({ items, mayWrite }) {
  const [name, setName] = useState(''),
    others = items.filter((c) => c.metadata.name !== 'default'),
    add = (e) => {
      e?.preventDefault?.();
      if (name.trim()) go(['settings', name.trim()]);
    };
  return html`
    <section><div class="head section"><h2>Further settings</h2></div>
      ${others.length > 0 ? html`
        <div class="scroll" tabindex="0" role="group" aria-label="Table"><table class="plain">
            <thead><tr><th scope="col">Name</th><th scope="col">State</th>
                <th scope="col" class="n">Tokens</th><th scope="col" class="n">Expire soon</th>
                <th scope="col">Last mail</th><th scope="col" class="n">Waiting</th></tr></thead>
            <tbody>${others.map((c) => html`
                <tr key=${c.metadata.uid}><th scope="row">
                    <a href=${link(['settings', c.metadata.name])}>
                      ${c.metadata.name}</a></th><td><${Verdict} of=${condition(c, 'Ready')}
                        text="Settings" /> ${condition(c, 'EmailDelivery') && html`
                          <${Verdict} of=${condition(c, 'EmailDelivery')} text="Mail" />
                        `}</td>
                  <td class="n">${c.status?.matchedTokens ?? '–'}</td>
                  <td class="n">${c.status?.expiringTokens ?? '–'}</td>
                  <td>
                    ${c.status?.lastEmailTime ? html`<${Time} at=${c.status.lastEmailTime} />` : '–'}
                  </td><td class="n">${c.status?.pendingNotices ?? 0}</td></tr>
              `)}</tbody></table></div>
      ` : html`
        <p class="muted">None. Other teams may have days and addresses of their own: choose
            namespaces or tokens by labels.</p>
      `}
      ${mayWrite && html`
        <form class="line" onSubmit=${add}><${Text} label="Name of new settings" value=${name}
                onValue=${setName} /><${Button} icon="plus" onPress=${add}>Make them<//></form>
      `}</section>
  `;
}

export default function Settings({ name }) {
  const { items, error } = settings.use(),
    rights = useRights(''),
    shown = name || 'default';
  const over = name && html`<a href=${link(['settings'])}>Settings</a>`;
  if (!items)
    return html`
      <${Page} title="Settings">${error ? (error.status === 403 ? html`
          <${Empty} title="You may not see the settings">
            <p>Ask for the role <strong>apitoken-settings-viewer</strong> to look,
                or <strong>apitoken-settings</strong> to change them.</p><//>
        ` : html`<${Refused} error=${error} />`) : html`
          <p class="loading" role="status">Loading settings…</p>
        `}<//>
    `;
  const readOnly = rights && why(rights, 'settingsWrite');
  return html`
    <${Page} wide title=${name ? plain(name) : 'Settings'} over=${over}>
        ${readOnly && html`<p class="lead muted">You may look, not change. ${readOnly}</p>`}
        <${Fragment} key=${shown}><${Config} key=${shown} name=${shown}
              config=${items.find((c) => c.metadata.name === shown)} rights=${rights} /><//>
      ${!name && html`<${Further} items=${items} mayWrite=${!readOnly} />`}<//>
  `;
}
