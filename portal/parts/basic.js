// Small parts of every page: signs, buttons, fields, badges, menus, problems.
// @ts-check
import { html, say, useEffect, useId, useRef, useState } from '../view.js';
import { STATES } from '../rows.js';

const PATHS = {
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 4.5V8l2.5 1.5M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8',
  bang: 'M8 3v6M8 12v.6',
  dots: 'M3.5 8h.1M8 8h.1M12.5 8h.1',
  ban: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M3.7 3.7l8.6 8.6',
  copy: 'M6 5.5h7.5V14H6zM3 10.5H2.5V2H10v1',
  more: 'M8 3.4v.1M8 8v.1M8 12.5v.1',
  plus: 'M8 3v10M3 8h10',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3l3.5 3.5',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  down: 'M4 6l4 4 4-4',
  up: 'M4 10l4-4 4 4',
  mail: 'M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5',
  key: 'M10.5 2.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8.3 7.7L2.5 13.5M4.5 11.5l1.5 1.5',
  gear: 'M2 5h7M13 5h1M2 11h1M7 11h7M11 3v4M5 9v4',
};
export const Icon = ({ name }) =>
  html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;

/** @param {any} p why: the reason why it may not be pressed; said, and shown while focused or pointed at */
export function Button({
  why = '',
  kind = '',
  icon = '',
  label = '',
  busy = false,
  onPress,
  children,
  ...rest
}) {
  const id = useId();
  return html`
    <span class="hold"><button type="button" ...${rest} class=${`button ${kind}`}
          aria-label=${label || undefined} title=${why ? undefined : label || undefined}
          aria-disabled=${why || busy ? 'true' : undefined} aria-describedby=${why ? id : undefined}
          onClick=${(event) => (why || busy ? event.preventDefault() : onPress?.(event))}>
        ${icon && html`<${Icon} name=${icon} />`}${children}</button>
      ${
      why && html`<span class="why" role="tooltip" id=${id}>${why}</span>`
    }</span>
  `;
}

export const Badge = ({ state }) =>
  html`
    <span class=${`badge is-${state}`}><${Icon} name=${STATES[state].icon} />
      ${STATES[state].text}</span>
  `;

/** Characters that could reverse or hide a line are shown by their numbers. */
export const plain = (text) =>
  String(text ?? '').replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A labelled field. `children` is a function of the attributes that its control needs. */
export function Field({ label, hint = '', error = '', required = false, id = '', children }) {
  const own = useId(),
    of = id || own;
  return html`
    <div class="field"><label for=${of}>
        ${label}${required && html`<span class="muted" aria-hidden="true"> *</span>`}</label>
      ${children({ id: of, required, 'aria-required': required || undefined, 'aria-invalid': error ? 'true' : undefined, 'aria-errormessage': error ? `${of}-e` : undefined, 'aria-describedby': hint ? `${of}-h` : undefined })}
      ${hint && html`<p class="hint" id=${`${of}-h`}>${hint}</p>`}
      <p class="error" id=${`${of}-e`} role=${error ? 'alert' : undefined}>
        ${error && html`<${Icon} name="bang" />${error}`}</p></div>
  `;
}
export const Text = ({ value, onValue, ...rest }) =>
  html`
    <${Field} ...${rest}>${(a) => html`
        <input type="text" autocomplete="off" spellcheck=${false} ...${rest.input} ...${a}
            value=${value} onInput=${(e) => onValue(e.target.value)} />
      `}<//>
  `;
export const Choice = ({ value, onValue, options, ...rest }) =>
  html`
    <${Field} ...${rest}>${(a) =>
    html`
      <select ...${a} value=${value} onChange=${(e) => onValue(e.target.value)}>
        ${options.map(
      ([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`,
    )}</select>
    `}<//>
  `;
export const Check = ({ checked, onValue, why = '', children }) =>
  html`
    <label class="check"><input type="checkbox" checked=${checked} disabled=${!!why}
          onChange=${(e) => onValue(e.target.checked)} />
      <span>${children}${why && html`<small>${why}</small>`}</span></label>
  `;

/** What went wrong, why, and what to do; the server's own sentence in a detail if ours is another. */
export const Problem = ({ error, title = '' }) =>
  html`
    <div class="problem" role="alert"><${Icon} name="bang" />
      <div><strong>${plain(title || error.message)}</strong>
        ${
    html`<p>${plain(error.remedy || 'Reload the page. If it comes again, ask who runs the portal.')}</p>`
  }${title && error.message && html`
          <details><summary>What the server said</summary>
            <p>${plain(error.message)}</p></details>
        `}</div></div>
  `;

/** A menu under a button. items: [text, action, why][] */
export function Menu({ label, icon = 'more', items, kind = 'quiet', children }) {
  const [open, setOpen] = useState(false),
    root = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    root.current.querySelector('[role^=menuitem]')?.focus();
    const away = (event) => {
      if (!root.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);
  const shut = () => {
    setOpen(false);
    root.current.querySelector('button')?.focus();
  };
  const keys = (event) => {
    const all = [...root.current.querySelectorAll('[role^=menuitem]')],
      at = all.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === 'Escape' && open) {
      event.stopPropagation();
      event.preventDefault();
      shut();
    }
    if (event.key === 'Tab' && open) setOpen(false);
    if (next === undefined || !open) return;
    event.preventDefault();
    event.stopPropagation();
    all.at(next % all.length).focus();
  };
  return html`
    <div class="menu" ref=${root} onKeyDown=${keys}>
        <${Button} kind=${kind} icon=${icon} label=${children ? '' : label} aria-haspopup="menu"
            aria-expanded=${open} onPress=${() => setOpen(!open)}>
          ${children}<//>${
    open &&
    html`
      <div role="menu" aria-label=${label} class="pop">
        ${items.filter(Boolean).map(
      ([
        text,
        act,
        why,
        checked,
      ]) => html`
        <button type="button" role=${checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
            aria-checked=${checked} tabindex="-1" aria-disabled=${why ? 'true' : undefined}
            onClick=${() => {
        if (why) return;
        if (checked === undefined) shut();
        act();
      }}>
          ${checked !== undefined && html`
            <span class="tick">${checked && html`<${Icon} name="check" />`}</span>
          `}
          <span>${text}${why && html`<small>${why}</small>`}</span></button>
      `,
    )}</div>
    `
  }</div>
  `;
}

export function Tabs({ tabs, open, onOpen, label }) {
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next =
      tabs[(tabs.findIndex(([key]) => key === open) + step + tabs.length) % tabs.length][0];
    onOpen(next);
    event.currentTarget.querySelector(`[data-tab=${next}]`)?.focus();
  };
  return html`
    <div class="tabs" role="tablist" aria-label=${label} onKeyDown=${keys}>
      ${tabs.map(([key, text]) => html`
        <button type="button" role="tab" data-tab=${key} aria-selected=${key === open}
            tabindex=${key === open ? 0 : -1} onClick=${() => onOpen(key)}>
          ${text}</button>
      `)}</div>
  `;
}

/** Copies what `text` is or promises. Where the browser refuses, `field` is selected and the remedy said. @returns {Promise<boolean>} */
export async function copyText(text, said = /** @type {any} */ ('Copied.'), field = /** @type {any} */ (null)) {
  try {
    if (text instanceof Promise)
      await navigator.clipboard.write([
        new ClipboardItem({
          'text/plain': text.then((t) => new Blob([t], { type: 'text/plain' })),
        }),
      ]);
    else await navigator.clipboard.writeText(text);
    say(typeof said === 'function' ? /** @type {any} */ (said)() : said);
    return true;
  } catch {
    if (text instanceof Promise) await text;
    if (field) {
      field.focus();
      field.select();
    }
    say('Your browser did not allow it. Select the text and press Ctrl+C.');
    return false;
  }
}
export const CopyButton = ({ text, label = 'Copy', said = 'Copied.' }) =>
  html`<${Button} kind="quiet" icon="copy" label=${label} onPress=${() => copyText(text, said)} />`;
/** Text for programs, with Copy. */
export const Code = ({ text, label }) =>
  html`
    <div class="code"><pre tabindex="0" role="region" aria-label=${label}>
        <code>${plain(text)}</code></pre><${CopyButton} text=${text} label=${`Copy ${label}`} />
    </div>
  `;

export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const anchor = Object.assign(document.createElement('a'), { download: name });
  anchor.setAttribute('href', url);
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
