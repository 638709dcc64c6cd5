// Whom to warn, and when: the config `default` in front, the others in a list, and one editor for
// all.
// @ts-check
import { h, say, useDoing, useEffect, useLater, useMemo, useRef, useState } from '../view.js';
import { call, lines, pathOf, request } from '../api.js';
import { keepSettings, settings } from '../settings.js';
import { condition } from '../rows.js';
import {
  Time,
  grouped,
  lasting,
  ms,
  now,
  plural,
  secondOf,
  span,
  useNow,
} from '../clock.js';
import { AndMore, Export } from '../deeds.js';
import { go, link, useLeaving } from '../router.js';
import { useRights, why } from '../session.js';
import { yaml } from '../yaml.js';
import {
  Badge,
  Button,
  Check,
  Choice,
  Code,
  Facts,
  Icon,
  Problem,
  Table,
  Text,
} from '../parts/basic.js';
import { Ask, Dialog } from '../parts/dialog.js';
import { Empty, Page } from '../parts/frame.js';
import { Refused } from '../parts/list.js';

const ADDRESS = /^[^\s@<>"(),:;\\]+@[^\s@<>"(),:;\\]+$/,
  MANY = 100,
  SHOWN = 50;
const split = (text = '', at = /[;,\n]/) =>
  text
    .split(at)
    .map((part) => part.trim())
    .filter(Boolean);

/** Each address with a verdict; commas and line ends offer to become semicolons. */
function Addresses({ value = '', onValue, error, readOnly }) {
  const all = split(value),
    seen = new Set();
  const chip = (address) => {
    const known = address.toLowerCase(),
      fault = seen.has(known) ? 'named twice' : ADDRESS.test(address) ? '' : 'not an address';
    seen.add(known);
    return h(
      'li',
      { class: `chip ${fault ? 'bad' : 'good'}` },
      h(Icon, { name: fault ? 'bang' : 'check' }),
      address,
      fault && `: ${fault}`,
    );
  };
  const below = [
    all.length > 0 && h('ul.chips', { 'aria-label': 'Addresses' }, all.map(chip)),
    /[,\n]/.test(value) &&
      !readOnly &&
      h(
        'p.hint',
        'Addresses are separated by semicolons. ',
        h('button.link', { onClick: () => onValue(all.join('; ')) }, 'Make them semicolons'),
      ),
  ];
  return h(Text, {
    id: 'f-emails',
    label: 'Mail these addresses',
    hint: 'Separate with semicolons.',
    error,
    value,
    onValue,
    area: below,
    input: { rows: 2, readonly: readOnly },
  });
}

/** `object` with another value at the dotted path; what is empty goes. */
const put = (object, path, value) => {
  const [first, ...rest] = path.split('.'),
    inner = rest.length ? put(object?.[first], rest.join('.'), value) : value,
    next = { ...object, [first]: inner };
  if (inner === undefined || inner === '' || (rest.length && !Object.keys(inner).length))
    delete next[first];
  return next;
};
const get = (object, path) => path.split('.').reduce((o, k) => o?.[k], object);

/** A label selector in lines: "team=a", "env in (a, b)", "!legacy". */
const selectorText = ({ matchLabels = {}, matchExpressions = [] } = /** @type {any} */ ({})) =>
  [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(
      ({ key, operator, values = [] }) =>
        ({ Exists: key, DoesNotExist: `!${key}` })[operator] ||
        `${key} ${operator.toLowerCase()} (${values.join(', ')})`,
    ),
  ].join('\n');
function selectorOf(text) {
  const matchLabels = {},
    matchExpressions = [];
  for (const line of split(text, '\n')) {
    const [, key, word, values] = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(line) || [],
      [, name, value] = /^([^=!\s]+)\s*==?\s*(\S*)$/.exec(line) || [];
    if (key)
      matchExpressions.push({
        key,
        operator: word === 'in' ? 'In' : 'NotIn',
        values: split(values, ','),
      });
    else if (name) matchLabels[name] = value;
    else
      matchExpressions.push({
        key: line.replace(/^!\s*/, ''),
        operator: line[0] === '!' ? 'DoesNotExist' : 'Exists',
      });
  }
  const filled = (value) => (Object.keys(value).length ? value : undefined);
  return filled({
    ...(filled(matchLabels) && { matchLabels }),
    ...(filled(matchExpressions) && { matchExpressions }),
  });
}
function Selector({ value, onValue, readOnly, ...rest }) {
  const [text, setText] = useState(selectorText(value)),
    input = {
      rows: 2,
      readonly: readOnly,
      placeholder: 'team=a',
      onChange: (e) => onValue(selectorOf(e.target.value)),
    };
  return h(Text, { ...rest, area: true, value: text, onValue: setText, input });
}

function Reminders({ spec, change, error, readOnly }) {
  const { reminders = [], warnBeforeDays = 30 } = spec,
    set = (next) =>
      change({ ...spec, reminders: next.length ? next : undefined, warnBeforeDays: undefined });
  return h(
    'fieldset',
    h('legend', 'Reminders before expiry'),
    h('p.hint', 'In place of days: up to 8, the longest first, such as 720h, 168h, 24h.'),
    reminders.map((reminder, i) =>
      h(
        'div.rem',
        h(Text, {
          label: `Reminder ${i + 1}`,
          value: reminder,
          input: { readonly: readOnly },
          onValue: (v) => set(reminders.with(i, v)),
        }),
        h('span.muted', lasting(reminder), ' before'),
        h(Button, {
          kind: 'quiet',
          icon: 'cross',
          label: `Remove reminder ${i + 1}`,
          why: readOnly,
          onPress: () => set(reminders.toSpliced(i, 1)),
        }),
      ),
    ),
    h(
      Button,
      {
        why: readOnly || (reminders.length >= 8 ? 'Eight are the most.' : ''),
        onPress: () => set([...reminders, reminders.length ? '24h' : `${warnBeforeDays * 24}h`]),
      },
      'Add a reminder',
    ),
    h('p.error', error),
  );
}

function Editor({ spec, change, errors, status, readOnly }) {
  const whole = (path) => (value) => change(put(spec, path, value)),
    input = { readonly: !!readOnly };
  const text = (path, label, hint = '') =>
    h(Text, {
      id: `f-${path}`,
      label,
      hint,
      value: get(spec, path) || '',
      error: errors[path],
      input,
      onValue: whole(path),
    });
  const selector = (path, label, hint) =>
    h(Selector, { label, hint, value: spec[path], readOnly: !!readOnly, onValue: whole(path) });
  const ready = condition({ status }, 'Ready'),
    missing = ready?.reason === 'SecretNotFound',
    { server, tls = '', credentialsSecret } = spec.smtp || {};
  return [
    h(
      'details',
      { open: !!spec.reminders },
      h('summary', 'Reminders'),
      h(Reminders, { spec, change, error: errors.reminders, readOnly }),
    ),
    h(
      'details',
      h('summary', "The token's user"),
      h(
        Check,
        {
          checked: !!spec.emailTokenUser,
          why: readOnly,
          onValue: (on) => whole('emailTokenUser')(on || undefined),
        },
        'Mail the user of a token too',
        h('small', 'With their own tokens only, where the user is an address.'),
      ),
      h(Text, {
        label: 'Domains that may get such mail',
        hint: 'Separated by spaces. Empty: that of the sender.',
        value: (spec.emailDomains || []).join(' '),
        error: errors.emailDomains,
        input,
        onValue: (v) => whole('emailDomains')(v.trim() ? v.split(/[\s;,]+/) : undefined),
      }),
    ),
    h(
      'details',
      h('summary', 'Which tokens'),
      selector(
        'namespaceSelector',
        'Namespaces with these labels',
        'One condition a line: team=a, env in (prod, stage), !legacy. Empty: all.',
      ),
      selector('tokenSelector', 'Tokens with these labels', 'Empty: all.'),
    ),
    h(
      'details',
      h('summary', 'Lifetimes'),
      h(
        'div.row2',
        text('lifetimes.permanent.default', 'Permanent: if none is asked for', 'Such as 2160h'),
        text('lifetimes.permanent.max', 'Permanent: at most'),
        text('lifetimes.temporary.default', 'Temporary: if none is asked for', 'Such as 8h'),
        text('lifetimes.temporary.max', 'Temporary: at most'),
      ),
    ),
    h(
      'details',
      { open: missing },
      h('summary', 'Mail server'),
      h(
        'div.row2',
        text('smtp.server', 'Server', 'host:port'),
        text('smtp.from', 'Sender'),
        h(Choice, {
          label: 'TLS',
          value: tls,
          onValue: (v) => readOnly || whole('smtp.tls')(v),
          options: [
            ['', 'StartTLS (default)'],
            ['Implicit', 'Implicit'],
            ['None', 'None (private addresses only)'],
          ],
        }),
        text(
          'smtp.credentialsSecret',
          "Secret with the login, in the operator's namespace",
          missing ? ready.message : credentialsSecret && ready && 'found',
        ),
        text('smtp.caSecret', 'Secret with the CA, if it is private'),
        text('digest', 'Collect notices for', 'Such as 5m, which is the default'),
      ),
      h('p.hint', 'A password is never asked for here. Make its Secret with:'),
      h(Code, {
        label: 'Secret command',
        text:
          `kubectl -n apitoken-system create secret generic ${credentialsSecret || 'smtp'}` +
          ` --from-literal=server=${server || 'smtp.example.com:587'}` +
          ' --from-literal=username=NAME --from-file=password=/dev/stdin',
      }),
    ),
  ];
}

/** What would change, as the server computes it: a moment after the last change. */
function usePreview(name, spec, saved) {
  const [found, set] = useState(/** @type {any} */ (null));
  useLater(500, [name, JSON.stringify(spec), saved], async (signal) => {
    const next = /** @type {any} */ ({ changes: [] });
    try {
      await lines(
        await request('POST', 'settings/preview', { name, spec }, signal),
        ({ changes = [], ...more }) => {
          next.changes.push(...changes);
          Object.assign(next, more);
        },
      );
      set(next);
    } catch (error) {
      if (!signal.aborted) set({ error });
    }
  });
  return found;
}

function Preview({ found, dirty }) {
  const { summary, changes = [], error } = found || {};
  const table = useMemo(() => changes.filter((c) => c[6] !== 'Same'), [found]);
  if (error) return h(Problem, { error });
  if (!summary) return h('p.muted', { role: 'status' }, 'Being computed…');
  const list = table.length ? table : changes,
    { matched, within7days, atOnce, ownMail, ceiling } = summary.then;
  const row = ([ns, token, user, at, before, to, change]) => [
    [token, h('small', ns, ', ', user)],
    h(Time, { at }),
    span(before) ? lasting(before) : 'expiry',
    to ? to.replaceAll(';', ', ') : h('span.muted', 'nobody'),
    ...(dirty ? [change] : []),
  ];
  return [
    h(
      'div',
      { role: 'status' },
      h(
        'p.figure',
        h('strong', plural(within7days, 'token')),
        dirty
          ? ` would be warned within 7 days (now: ${summary.now.within7days}).`
          : ' to be warned of within 7 days.',
      ),
      h(
        'p',
        plural(matched, 'token'),
        ' chosen, ',
        atOnce,
        ' at once. ',
        plural(ownMail, 'person gets', 'people get'),
        ' a mail of their own.',
        ceiling > 0 &&
          ` ${plural(ceiling, 'token lives', 'tokens live')} longer than the new ceiling, ` +
            'until the next renewal.',
      ),
      summary.truncated &&
        h('p.muted', 'Computed for the first ', grouped(summary.tokens), ' tokens.'),
    ),
    list.length > 0
      ? [
          h(Table, {
            rows: list.slice(0, SHOWN).map(row),
            heads: ['Token', 'When', 'Reminder', 'Mail to', ...(dirty ? ['Change'] : [])],
          }),
          h(
            'div.line',
            h(AndMore, { of: list, shown: SHOWN }),
            h(Export, {
              name: 'warnings',
              heads: ['Namespace', 'Token', 'User', 'When', 'Reminder', 'Mail to', 'Change'],
              lines: () => changes,
            }),
          ),
        ]
      : h('p.muted', dirty ? 'No warning changes.' : 'No warning is to come.'),
  ];
}

/** What became of the last test mail. */
const Tested = ({ of: { at, error, accepted = 0, refused = [] } }) => [
  h(
    'p',
    error
      ? [h('strong.is-failed.on', 'Not sent'), ' ', secondOf(ms(at)), ': ', error]
      : [
          'Sent at ',
          secondOf(ms(at)),
          '. ',
          plural(accepted, 'address', 'addresses'),
          ' accepted.',
        ],
  ),
  refused.map(({ address, reason }) =>
    h('p', h('strong.is-failed.on', address), ' was refused: ', reason),
  ),
];
function TestMail({ config, to, dirty, readOnly }) {
  const [asked, setAsked] = useState(0),
    { error, run } = useDoing(),
    { testMail } = config.status || {},
    { server } = config.spec.smtp || {},
    since = useNow() - asked;
  const answered = testMail?.at && ms(testMail.requestedAt) >= asked;
  const send = () =>
    run(async () => {
      const path = `settings/${pathOf(config.metadata.name)}/test-mail`;
      setAsked(ms((await call('POST', path, {})).requestedAt));
    });
  const reason =
    readOnly ||
    (!server
      ? 'Name a mail server and save first.'
      : !to.length
        ? 'Name an address and save first.'
        : dirty
          ? 'Save your changes first.'
          : since < 60_000
            ? `One a minute: again in ${60 - Math.floor(since / 1000)} seconds.`
            : '');
  return h(
    'section.card',
    h('h2', 'Send a test mail'),
    h(
      'p',
      server
        ? `Sends one mail through ${server} to: ${to.join(', ')}.`
        : 'No mail server is set.',
    ),
    h(
      'div.line',
      h(Button, { icon: 'mail', why: reason, onPress: send }, 'Send a test mail'),
      h(
        'div',
        { role: 'status' },
        answered
          ? h(Tested, { of: testMail })
          : asked > 0 &&
              (since < 30_000
                ? 'Being sent…'
                : 'The operator has not answered yet. Is it running?'),
      ),
    ),
    h(Problem, { error }),
  );
}

/** The work on one config: what is typed, what is saved, and what the server said. */
function useConfig(name, config) {
  const saved = config?.metadata.resourceVersion || '',
    [draft, setDraft] = useState(/** @type {any} */ (null)),
    [base, setBase] = useState(saved),
    [errors, setErrors] = useState(/** @type {any} */ ({})),
    [conflict, setConflict] = useState(/** @type {any} */ (null)),
    { busy, error, run } = useDoing();
  const spec = draft || config?.spec || { warnBeforeDays: 30 },
    dirty = !!draft && JSON.stringify(draft) !== JSON.stringify(config?.spec || {});
  useEffect(() => {
    if (!draft) setBase(saved);
  }, [saved, draft]);
  useLeaving(dirty && ((silent) => !silent && confirm('Drop the changes that are not saved?')), [
    dirty,
  ]);
  /** Goes on from what the server has. */
  const take = (object) => {
    setBase(object.metadata.resourceVersion);
    keepSettings(object);
    setDraft(null);
    setConflict(null);
  };
  const save = (version = base) =>
    run(async () => {
      setErrors({});
      try {
        take(
          (await call('PUT', `settings/${pathOf(name)}`, { resourceVersion: version, spec }))
            .object,
        );
        say(`The settings ${name} were saved at ${secondOf(now())}.`);
      } catch (problem) {
        if (problem.present) {
          setConflict(problem.present);
          return;
        }
        setErrors(
          Object.fromEntries(
            (problem.causes || []).map((c) => [c.field.replace('spec.', ''), c.message]),
          ),
        );
        throw problem;
      }
    });
  const change = (next) => {
    setDraft(next);
    setErrors({});
  };
  const dialog =
    conflict &&
    h(
      Dialog,
      {
        title: 'Somebody saved other settings meanwhile',
        side: 'broad',
        onClose: () => setConflict(null),
        footer: () => [
          h(Button, { onPress: () => take(conflict) }, 'Take theirs'),
          h(
            Button,
            { kind: 'main', onPress: () => save(conflict.metadata.resourceVersion) },
            'Keep mine',
          ),
        ],
      },
      h(
        'div.two',
        h('div', h('h3', 'Yours'), h(Code, { label: 'your version', text: yaml(spec) })),
        h('div', h('h3', 'Theirs'), h(Code, { label: 'their version', text: yaml(conflict.spec) })),
      ),
      h('p.muted', 'Keep mine saves yours over theirs. Take theirs drops what you changed.'),
    );
  return { spec, dirty, change, save, errors, error, busy, dialog, drop: () => setDraft(null) };
}

function Config({ name, config, rights }) {
  const work = useConfig(name, config),
    { spec, dirty, change, errors } = work,
    readOnly = why(rights, 'settingsWrite'),
    [asking, ask] = useState(''),
    closed = () => ask('');
  const preview = usePreview(name, spec, config?.metadata.resourceVersion),
    { atOnce = 0 } = preview?.summary?.then || {},
    warned = preview?.changes?.length,
    days = useRef(null),
    bad = dirty && split(spec.emails).find((a) => !ADDRESS.test(a)),
    dayFault =
      spec.reminders || (spec.warnBeforeDays >= 1 && spec.warnBeforeDays <= 3650)
        ? ''
        : 'Between 1 and 3,650 days.';
  const trySave = () =>
    dayFault ? days.current?.focus() : atOnce > MANY ? ask('many') : work.save();
  const remove = async () => {
    await call('DELETE', `settings/${pathOf(name)}?uid=${encodeURIComponent(config.metadata.uid)}`);
    say(`The settings ${name} were deleted.`);
    go(['settings']);
  };
  return [
    h(
      'div.two',
      h(
        'section.card',
        !config &&
          h(
            'p.muted',
            'There are no settings named ',
            name,
            ' yet: warnings start 30 days before expiry, as Events, and no mail is sent. ' +
              'The first save makes them.',
          ),
        !spec.reminders
          ? h(Text, {
              id: 'f-warnBeforeDays',
              label: 'Warn this many days before a token expires',
              error: dayFault || errors.warnBeforeDays,
              input: {
                type: 'number',
                min: 1,
                max: 3650,
                class: 'big',
                ref: days,
                readonly: !!readOnly,
              },
              value: spec.warnBeforeDays ?? '',
              onValue: (value) =>
                change({ ...spec, warnBeforeDays: value === '' ? undefined : Number(value) }),
            })
          : h(
              'p',
              h(
                'strong',
                'Warns ',
                spec.reminders.map(lasting).join(', '),
                ' before a token expires',
              ),
              ' ',
              h(
                'button.link',
                {
                  onClick: () => change({ ...spec, reminders: undefined, warnBeforeDays: 30 }),
                  hidden: !!readOnly,
                },
                'Use days instead',
              ),
            ),
        h(Addresses, {
          value: spec.emails,
          readOnly: !!readOnly,
          error: errors.emails || (bad && `"${bad}" is not an address; correct it or take it out.`),
          onValue: (emails) => change(put(spec, 'emails', emails)),
        }),
        h(Editor, {
          key: config?.metadata.uid,
          spec,
          change,
          errors,
          status: config?.status,
          readOnly,
        }),
        h(
          'details',
          h('summary', 'Show as YAML'),
          h(Code, {
            label: 'YAML',
            text: yaml({
              apiVersion: 'apitoken.dev/v1alpha1',
              kind: 'TokenExpiryConfig',
              metadata: { name },
              spec,
            }),
          }),
          h('p.hint', 'Save it, then: kubectl apply -f FILE'),
        ),
        h(Problem, { error: work.error }),
        h(
          'div.line',
          h(
            Button,
            {
              kind: 'main',
              busy: work.busy,
              why: readOnly || (config && !dirty ? 'Nothing was changed.' : ''),
              onPress: trySave,
            },
            'Save',
          ),
          dirty && h(Button, { onPress: work.drop }, 'Drop the changes'),
          config &&
            h(
              Button,
              { kind: 'danger', why: why(rights, 'settingsDelete'), onPress: () => ask('delete') },
              'Delete',
            ),
        ),
      ),
      h(
        'div',
        h(
          'section.card',
          h('h2', dirty ? 'If you save this' : 'What is to come'),
          h(Preview, { found: preview, dirty }),
        ),
        config && [
          h(State, { config }),
          h(TestMail, { config, to: split(config.spec.emails), dirty, readOnly }),
        ],
      ),
    ),
    work.dialog,
    asking === 'many' &&
      h(
        Ask,
        {
          title: 'Warn this many at once?',
          doing: 'Save',
          kind: '',
          onClose: closed,
          act: () => work.save(),
        },
        h('p', plural(atOnce, 'token'), ' would be warned of at once.'),
      ),
    asking === 'delete' &&
      h(
        Ask,
        { title: `Delete the settings ${name}?`, doing: 'Delete', onClose: closed, act: remove },
        h(
          'p',
          plural(config.status?.matchedTokens || 0, 'token'),
          ' would be warned by other settings that match, or by nobody but the built-in 30 days.',
          warned > 0 && ` ${plural(warned, 'warning')} to come would go.`,
        ),
      ),
  ];
}

const WORDS = { True: ['check', 'works'], False: ['bang', 'failed'] };
const Verdict = ({ of, text }) => {
  const [icon, state] = WORDS[of?.status] || ['dots', 'waiting'];
  return h(
    Badge,
    { state, icon },
    text,
    ' ',
    of ? (of.status === 'True' ? 'in order' : of.reason) : '–',
  );
};
/** How a config goes: in words, and by numbers. */
function stateOfConfig(config) {
  const { matchedTokens = '–', expiringTokens = '–', pendingNotices = '0' } = config.status || {},
    ready = condition(config, 'Ready'),
    mail = condition(config, 'EmailDelivery');
  const verdicts = [
    h(Verdict, { of: ready, text: 'Settings' }),
    ' ',
    mail && h(Verdict, { of: mail, text: 'Mail' }),
  ];
  return { verdicts, conditions: [ready, mail], matchedTokens, expiringTokens, pendingNotices };
}
function State({ config }) {
  const { lastEmailTime, skippedUsers } = config.status || {},
    { verdicts, conditions, ...numbers } = stateOfConfig(config),
    wrong = conditions.filter((c) => c && c.status !== 'True' && c.message);
  return h(
    'section.card',
    h('h2', 'How it goes'),
    h('p.chips', verdicts),
    wrong.map((c) => h('p', c.message)),
    h(Facts, {
      of: [
        ['Tokens matched', String(numbers.matchedTokens)],
        ['Expire soon', String(numbers.expiringTokens)],
        ['Last mail', lastEmailTime ? h(Time, { at: lastEmailTime, as: 'both' }) : 'none yet'],
        ['Waiting notices', String(numbers.pendingNotices)],
        [
          'Users without mail',
          skippedUsers?.count > 0 &&
            `${skippedUsers.count}: ${(skippedUsers.names || []).join(', ')}`,
        ],
      ],
    }),
  );
}

function Further({ items, mayWrite }) {
  const [name, setName] = useState(''),
    others = items.filter((c) => c.metadata.name !== 'default');
  const add = (event) => {
    event.preventDefault();
    if (name.trim()) go(['settings', name.trim()]);
  };
  const row = (config) => {
    const { verdicts, matchedTokens, expiringTokens, pendingNotices } = stateOfConfig(config),
      { name } = config.metadata;
    return [
      h('a', { href: link(['settings', name]) }, name),
      verdicts,
      matchedTokens,
      expiringTokens,
      h(Time, { at: config.status?.lastEmailTime }),
      pendingNotices,
    ];
  };
  return h(
    'section',
    h('div.head.section', h('h2', 'Further settings')),
    others.length > 0
      ? h(Table, {
          heads: ['Name', 'State', ' Tokens', ' Expire soon', 'Last mail', ' Waiting'],
          rows: others.map(row),
        })
      : h(
          'p.muted',
          'None. Other teams may have days and addresses of their own: choose namespaces ' +
            'or tokens by labels.',
        ),
    mayWrite &&
      h(
        'form.line',
        { onSubmit: add },
        h(Text, { label: 'Name of new settings', value: name, onValue: setName }),
        h(Button, { onPress: add }, 'Make them'),
      ),
  );
}

export default function Settings({ name }) {
  const { items, error } = settings.use(),
    rights = useRights(''),
    shown = name || 'default';
  const over = name && h('a', { href: link(['settings']) }, 'Settings');
  if (!items)
    return h(
      Page,
      { title: 'Settings' },
      error?.status === 403
        ? h(
            Empty,
            { title: 'You may not see the settings' },
            h(
              'p',
              'Ask for the role ',
              h('strong', 'apitoken-settings-viewer'),
              ' to look, or ',
              h('strong', 'apitoken-settings'),
              ' to change them.',
            ),
          )
        : error
          ? h(Refused, { error })
          : h('p.loading', { role: 'status' }, 'Loading settings…'),
    );
  const readOnly = rights && why(rights, 'settingsWrite');
  return h(
    Page,
    { wide: true, title: name || 'Settings', over },
    readOnly && h('p.lead.muted', 'You may look, not change. ', readOnly),
    h(Config, {
      key: shown,
      name: shown,
      rights,
      config: items.find((c) => c.metadata.name === shown),
    }),
    !name && h(Further, { items, mayWrite: !readOnly }),
  );
}
