// The value of a new or renewed token, shown once: waited for, opened in this tab, hidden after five minutes, dropped on closing.
// @ts-check
import { html, say, useEffect, useRef, useState } from '../view.js';
import { call, pathOf } from '../api.js';
import { full, ms, useNow } from '../clock.js';
import { leaving } from '../router.js';
import { minted, valueOf } from '../sealed.js';
import { Button, Code, Icon, Problem, copyText, plain } from './basic.js';
import { Dialog } from './dialog.js';

const SHOWN = 5 * 60_000,
  LATE = 60_000;

/** The steps until the value is there; {found, value} or {error}. */
function useValue(object, key, way, revision) {
  const [state, set] = useState(/** @type {any} */ ({ step: 0, began: Date.now() }));
  useEffect(() => {
    const stop = new AbortController(),
      { namespace, name, uid } = object.metadata;
    const run = async () => {
      const found = await minted(object, revision, stop.signal);
      set((old) => ({ ...old, step: 1, found }));
      const value = key
        ? await valueOf(found, key)
        : way === 'kept'
          ? (
              await call('POST', `tokens/${pathOf(namespace, name)}/value`, {
                uid,
                revision: found.status.revision,
              })
            ).value
          : '';
      set((old) => ({ ...old, step: 2, value }));
    };
    run().catch((error) => stop.signal.aborted || set((old) => ({ ...old, error })));
    return () => stop.abort();
  }, []);
  return state;
}

const Steps = ({ step, wantsValue }) =>
  html`
    <p class="steps" role="status">
      ${['Asked for', 'Minted', wantsValue && 'Received'].filter(Boolean).map((text, i) => html`
        <span class=${i <= step ? 'done' : ''}>
          ${text} ${i <= step ? html`<${Icon} name="check" />` : '…'}</span>
      `)}</p>
  `;

/** @param {any} p object: as it was made or renewed; sealed: the key of this tab; renewed: it existed before */
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
    { step, found, value, error, began } = useValue(object, sealed, way, revision);
  const [visible, setVisible] = useState(false),
    [hidden, setHidden] = useState(false),
    [asking, ask] = useState(false),
    [taken, setTaken] = useState(false),
    field = useRef(null),
    at = useNow();
  const holds = !!value && !asking;
  useEffect(() => {
    if (!value) return undefined;
    const timer = setTimeout(() => setHidden(true), SHOWN);
    leaving.ask = () => false;
    return () => {
      clearTimeout(timer);
      leaving.ask = null;
    };
  }, [value]);
  useEffect(() => {
    if (!error || renewed) return;
    call('DELETE', `tokens/${pathOf(namespace, name)}?uid=${encodeURIComponent(uid)}`).then(
      () => setTaken(true),
      () => {},
    );
  }, [error]);
  useEffect(() => {
    if (step > 0) say(`${name} was ${renewed ? 'renewed' : 'created'}.`);
  }, [step > 0]);
  const close = () => {
      leaving.ask = null;
      onClose();
    },
    mayClose = () => {
      if (!holds) return true;
      ask(true);
      return false;
    };
  const copy = async () => {
    setVisible(true);
    await new Promise((done) => {
      setTimeout(done);
    });
    await copyText(value, 'Copied. Clipboard histories keep copies.', field.current);
  };
  const title =
    step > 0
      ? `${name} was ${renewed ? 'renewed' : 'created'}`
      : error
        ? `${name} was not ${renewed ? 'renewed' : 'created'}`
        : `${name} is being ${renewed ? 'renewed' : 'made'}`;
  const footer = asking
    ? html`
      <p role="alert">The value cannot be shown again. Have you stored it?</p>
        <${Button} onPress=${() => ask(false)}>Not yet<//>
      <${Button} kind="danger" onPress=${close}>Close it<//>
    `
    : value
      ? html`<${Button} kind="main" onPress=${close}>I have stored it<//>`
      : html`
        ${error && onEdit && html`<${Button} onPress=${onEdit}>Change and try again<//>`}
        <${Button} kind="main" onPress=${close}>${step > 0 || error ? 'Close' : 'Leave'}<//>
      `;
  return html`
    <${Dialog} title=${title} noCross=${!!value} onClose=${close} mayClose=${mayClose}
        footer=${footer}><${Steps} step=${step} wantsValue=${!!sealed} />
      ${!step && !error && Date.now() - began > LATE && at > 0 && html`
        <p class="muted">Still waiting. The token is asked for; you may leave and renew it
            later.</p>
      `}
      ${error && html`
        <${Problem} error=${error} />${taken && html`<p>The half-made ${name} was taken back.</p>`}
      `}
      ${
      value &&
      html`
        <form class="valueline" onSubmit=${(e) => e.preventDefault()}>${
        hidden
          ? html`
            <span class="muted">Hidden after five minutes.</span>
            <${Button} onPress=${() => setHidden(false)}>Show again<//>
          `
          : html`
            <input readonly class="secret" id="value" ref=${field} aria-label="The token"
                  type=${visible ? 'text' : 'password'} autocomplete="off" value=${value}
                  onFocus=${(e) => e.target.select()} /><${Button}
                  onPress=${() => setVisible(!visible)}>${visible ? 'Hide' : 'Show'}<//>
            <${Button} kind="main" icon="copy" onPress=${copy}>Copy<//>
          `
      }</form>
        <p><strong>You cannot see it here again.</strong> If you lose it, renew the token.</p>
      `
    }
      ${found && html`
        <dl class="facts"><dt>User</dt><dd>${plain(found.spec.user)}</dd>
          <dt>Expires</dt><dd>${full(ms(found.status.expiresAt))}</dd>
          ${!value && html`
            <dt>Secret</dt><dd><code>${found.status.secretName || name}
              </code> in ${namespace}${way === 'other' ? ', encrypted to its recipient' : ''}</dd>
          `}</dl>
      `}
      ${value && html`
        <details><summary>How to use it</summary>
          <${Code} label="curl command"
              text=${'read -rs TOKEN    # paste it here; it stays out of the history\ncurl -H "Authorization: Bearer $TOKEN" https://api.example.com'}
              /><${Code} label="kubectl command"
              text=${`kubectl config set-credentials ${name} --token="$TOKEN"`} /></details>
      `}<//>
  `;
}
