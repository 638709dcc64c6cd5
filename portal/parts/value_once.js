// The value of a new or renewed token, shown once: waited for, opened in this tab, hidden after
// five minutes, dropped on closing.
// @ts-check
import { h, say, useEffect, useRef, useState } from '../view.js';
import { call, pathOf } from '../api.js';
import { full, lasting, ms, pause, useNow } from '../clock.js';
import { leaving, useLeaving } from '../router.js';
import { minted, valueOf } from '../sealed.js';
import { Button, Code, Facts, Icon, Problem, copyText } from './basic.js';
import { Dialog } from './dialog.js';

const SHOWN = 5 * 60_000,
  LATE = 60_000,
  GUARD = ['The value cannot be shown again. Have you stored it?', 'Not yet', 'Close it'];

/** When warnings come, and to whom. */
export function warned(warnings, user) {
  const to = new Set(
    warnings.flatMap((w) => [...w.recipients, w.toUser && user]).filter(Boolean),
  );
  return `${warnings.map((w) => `${lasting(w.before)} before`).join(', ')}, ${
    to.size ? `to ${[...to].join(' and ')}` : 'as Events only; no mail is set up'
  }`;
}

/** The steps until the value is there; {found, value} or {error}. */
function useValue(object, key, revision) {
  const [state, set] = useState(/** @type {any} */ ({ step: 0, began: Date.now() }));
  useEffect(() => {
    const stop = new AbortController(),
      more = (news) => set((old) => ({ ...old, ...news }));
    const run = async () => {
      const found = await minted(object, revision, stop.signal);
      more({ step: 1, found });
      more({ step: 2, value: key && (await valueOf(found, key)) });
    };
    run().catch((error) => stop.signal.aborted || more({ error }));
    return () => stop.abort();
  }, []);
  return state;
}

const Steps = ({ step, wantsValue }) =>
  h(
    'p.steps',
    { role: 'status' },
    ['Asked for', 'Minted', wantsValue && 'Received']
      .filter(Boolean)
      .map((text, i) =>
        h(
          'span',
          { class: i <= step ? 'done' : '' },
          text,
          ' ',
          i <= step ? h(Icon, { name: 'check' }) : '…',
        ),
      ),
  );

/** @param {any} p object: as it was made or renewed; sealed: the key of this tab; renewed: it
 *  existed before */
export function ValueOnce({
  object,
  sealed = null,
  way = 'show',
  revision = 0,
  renewed = false,
  onClose,
  onEdit = null,
}) {
  const { name, namespace, uid } = object.metadata,
    { step, found, value, error, began } = useValue(object, sealed, revision);
  const [visible, setVisible] = useState(false),
    [hidden, setHidden] = useState(false),
    [taken, setTaken] = useState(false),
    field = useRef(null),
    at = useNow(),
    made = step > 0,
    become = renewed ? 'renewed' : 'created';
  useLeaving(value && (() => false), [value]);
  useEffect(() => {
    if (!value) return undefined;
    const timer = setTimeout(() => setHidden(true), SHOWN);
    return () => clearTimeout(timer);
  }, [value]);
  useEffect(() => {
    if (!error || renewed) return;
    call('DELETE', `tokens/${pathOf(namespace, name)}?uid=${encodeURIComponent(uid)}`).then(
      () => setTaken(true),
      () => {},
    );
  }, [error]);
  useEffect(() => {
    if (made) say(`${name} was ${become}.`);
  }, [made]);
  const copy = async () => {
    setVisible(true);
    await pause();
    await copyText(value, 'Copied. Clipboard histories keep copies.', field.current);
  };
  const close = () => {
    leaving.ask = null;
    onClose();
  };
  const title = made
    ? `${name} was ${become}`
    : error
      ? `${name} was not ${become}`
      : `${name} is being ${renewed ? become : 'made'}`;
  const footer = () => [
    error && onEdit && h(Button, { onPress: onEdit }, 'Change and try again'),
    h(
      Button,
      { kind: 'main', onPress: close },
      value ? 'I have stored it' : made || error ? 'Close' : 'Leave',
    ),
  ];
  return h(
    Dialog,
    { title, onClose: close, footer, guard: value && GUARD },
    h(Steps, { step, wantsValue: !!sealed }),
    !made &&
      !error &&
      Date.now() - began > LATE &&
      at > 0 &&
      h('p.muted', 'Still waiting. The token is asked for; you may leave and renew it later.'),
    h(Problem, { error }),
    taken && h('p', 'The half-made ', name, ' was taken back.'),
    value && [
      h(
        'form.valueline',
        { onSubmit: (e) => e.preventDefault() },
        hidden
          ? [
              h('span.muted', 'Hidden after five minutes.'),
              h(Button, { onPress: () => setHidden(false) }, 'Show again'),
            ]
          : [
              h('input.secret', {
                readonly: true,
                id: 'value',
                ref: field,
                'aria-label': 'The token',
                type: visible ? 'text' : 'password',
                autocomplete: 'off',
                value,
                onFocus: (e) => e.target.select(),
              }),
              h(Button, { onPress: () => setVisible(!visible) }, visible ? 'Hide' : 'Show'),
              h(Button, { kind: 'main', icon: 'copy', onPress: copy }, 'Copy'),
            ],
      ),
      h('p', h('strong', 'You cannot see it here again.'), ' If you lose it, renew the token.'),
    ],
    found &&
      h(Facts, {
        of: [
          ['User', found.spec.user],
          ['Expires', full(ms(found.status.expiresAt))],
          ['Warnings', found.warnings?.[0] && warned(found.warnings, found.spec.user)],
          [
            'Secret',
            !value && [
              h('code', found.status.secretName || name),
              ' in ',
              namespace,
              way === 'other' ? ', encrypted to its recipient' : '',
            ],
          ],
        ],
      }),
    value &&
      h(
        'details',
        h('summary', 'How to use it'),
        h(Code, {
          label: 'curl command',
          text:
            'read -rs TOKEN  # paste it here\n' +
            'curl -H "Authorization: Bearer $TOKEN" https://api.example.com',
        }),
        h(Code, {
          label: 'kubectl command',
          text: `kubectl config set-credentials ${name} --token="$TOKEN"`,
        }),
      ),
  );
}
