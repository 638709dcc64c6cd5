// Small parts of every page: signs, buttons, fields, tables, badges, menus, problems.
// @ts-check
import { h, plain, say, useEffect, useId, useRef, useState } from '../view.js';
import { STATES } from '../rows.js';
import { setQuery } from '../router.js';

const PATHS = {
  check: 'M3 8l3 3 7-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 2a6 6 0 1 0 .1 0M8 5v3l2 2',
  bang: 'M8 3v6M8 12v.6',
  dots: 'M4 8h.1M8 8h.1M12 8h.1',
  ban: 'M8 2a6 6 0 1 0 .1 0M4 4l8 8',
  copy: 'M6 5h8v9H6zM3 11H2V2h8v1',
  more: 'M8 4v.1M8 8v.1M8 12v.1',
  search: 'M7 3a4 4 0 1 0 .1 0M10 10l4 4',
  menu: 'M2 4h12M2 8h12M2 12h12',
  down: 'M4 6l4 4 4-4',
  up: 'M4 10l4-4 4 4',
  mail: 'M2 4h12v9H2zM2 5l6 4 6-4',
  gear: 'M2 5h7M13 5h1M2 11h1M7 11h7M11 3v4M5 9v4',
};
export const Icon = ({ name }) =>
  h('svg.icon', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, h('path', { d: PATHS[name] }));

/** @param {any} p why: the reason why it may not be pressed; said, and shown while focused or
 *  pointed at */
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
  return h(
    'span.hold',
    h(
      'button',
      {
        ...rest,
        class: `button ${kind}`,
        'aria-label': label || undefined,
        title: why ? undefined : label || undefined,
        'aria-disabled': why || busy ? 'true' : undefined,
        'aria-describedby': why ? id : undefined,
        onClick: (event) => (why || busy ? event.preventDefault() : onPress?.(event)),
      },
      icon && h(Icon, { name: icon }),
      children,
    ),
    why && h('span.why', { role: 'tooltip', id }, why),
  );
}

/** A state in a word, with its sign. */
export const Badge = ({ state, icon = STATES[state].icon, children = STATES[state].text }) =>
  h('span', { class: `badge is-${state}` }, h(Icon, { name: icon }), ' ', children);

/** Names and values; a pair without a value is left out. */
export const Facts = ({ of }) =>
  h(
    'dl.facts',
    of.map(([name, value]) => value && [h('dt', name), h('dd', value)]),
  );

/** Rows of cells under heads; the first cell of a row is its head. A head with a space before it
 *  is of numbers. */
export const Table = ({ heads, rows }) =>
  h(
    'div.scroll',
    { tabindex: '0', role: 'group', 'aria-label': 'Table' },
    h(
      'table.plain',
      h(
        'thead',
        h(
          'tr',
          heads.map((head) => h('th', { scope: 'col', class: head[0] === ' ' && 'n' }, head)),
        ),
      ),
      h(
        'tbody',
        rows.map(([first, ...cells]) =>
          h(
            'tr',
            h('th', { scope: 'row' }, first),
            cells.map((cell, i) => h('td', { class: heads[i + 1][0] === ' ' && 'n' }, cell)),
          ),
        ),
      ),
    ),
  );

/** A labelled field. `children` is a function of the attributes that its control needs. */
function Field({ label, hint = '', error = '', required = false, id = '', children }) {
  const own = useId(),
    of = id || own;
  return h(
    'div.field',
    h('label', { for: of }, label, required && h('span.muted', { 'aria-hidden': 'true' }, ' *')),
    children({
      id: of,
      required,
      'aria-invalid': error ? 'true' : undefined,
      'aria-errormessage': error ? `${of}-e` : undefined,
      'aria-describedby': hint ? `${of}-h` : undefined,
    }),
    hint && h('p.hint', { id: `${of}-h` }, hint),
    h(
      'p.error',
      { id: `${of}-e`, role: error ? 'alert' : undefined },
      error && [h(Icon, { name: 'bang' }), error],
    ),
  );
}
/** @param {any} p input: more attributes; area: of several lines, with what stands below them */
export const Text = ({ value, onValue, input = {}, area = null, ...rest }) =>
  h(Field, rest, (a) => [
    h(area ? 'textarea' : 'input', {
      type: area ? undefined : 'text',
      autocomplete: 'off',
      spellcheck: false,
      ...input,
      ...a,
      value,
      onInput: (e) => onValue(e.target.value, e.target),
    }),
    area,
  ]);
/** @param {any} p options: [value, text][] */
export const Select = ({ value, onValue, options, ...rest }) =>
  h(
    'select',
    { ...rest, value, onChange: (e) => onValue(e.target.value) },
    options.map(([key, text]) => h('option', { value: key, selected: key === value }, text)),
  );
export const Choice = ({ value, onValue, options, ...rest }) =>
  h(Field, rest, (a) => h(Select, { ...a, value, onValue, options }));
export const Check = ({ checked, onValue, why = '', children }) =>
  h(
    'label.check',
    h('input', {
      type: 'checkbox',
      checked,
      disabled: !!why,
      onChange: (e) => onValue(e.target.checked),
    }),
    h('span', children, why && h('small', why)),
  );
/** One of some. options: [key, text, more, why not][] */
export const Radios = ({ name, legend, options, value, onValue, children = null }) =>
  h(
    'fieldset',
    h('legend', legend),
    options.map(([key, text, more, why]) =>
      h(
        'label.check',
        h('input', {
          type: 'radio',
          name,
          value: key,
          checked: value === key,
          disabled: !!why,
          'aria-describedby': why ? `${name}-why` : undefined,
          onChange: () => onValue(key),
        }),
        h('span', text, h('small', more), why && h('small', { id: `${name}-why` }, why)),
      ),
    ),
    children,
  );
export const Search = ({ label, hint = label, value, onInput }) =>
  h(
    'div.search',
    h(Icon, { name: 'search' }),
    h('input', {
      type: 'search',
      'aria-label': label,
      placeholder: hint,
      autocomplete: 'off',
      spellcheck: false,
      value,
      onInput,
    }),
  );

/** What went wrong, why, and what to do; the server's own sentence in a detail if ours is
 *  another. */
export const Problem = ({ error, title = '' }) =>
  error &&
  h(
    'div.problem',
    { role: 'alert' },
    h(Icon, { name: 'bang' }),
    h(
      'div',
      h('strong', title || error.message),
      h('p', error.remedy || 'Reload the page, then try again.'),
      title &&
        error.message &&
        h('details', h('summary', 'What the server said'), h('p', error.message)),
    ),
  );

/** A menu under a button. items: [text, action, why][] */
export function Menu({ label, icon = 'more', items, kind = 'quiet', onOpen }) {
  const [open, setOpen] = useState(false),
    root = useRef(null),
    entries = () => [...root.current.querySelectorAll('[role^=menuitem]')];
  useEffect(() => {
    if (!open) return undefined;
    entries()[0]?.focus();
    const away = (event) => root.current?.contains(event.target) || setOpen(false);
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);
  const shut = () => {
    setOpen(false);
    root.current.querySelector('button').focus();
  };
  const keys = (event) => {
    const all = entries(),
      at = all.indexOf(document.activeElement),
      next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (!open) return;
    if (event.key === 'Tab') setOpen(false);
    if (event.key === 'Escape') shut();
    else if (next !== undefined) all.at(next % all.length).focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return h(
    'div.menu',
    { ref: root, onKeyDown: keys },
    h(Button, {
      kind,
      icon,
      label,
      'aria-haspopup': 'menu',
      'aria-expanded': open,
      onPress: () => {
        setOpen(!open);
        onOpen?.();
      },
    }),
    open &&
      h(
        'div.pop',
        { role: 'menu', 'aria-label': label },
        items.filter(Boolean).map(([text, act, why, checked]) =>
          h(
            'button',
            {
              role: checked === undefined ? 'menuitem' : 'menuitemcheckbox',
              'aria-checked': checked,
              tabindex: '-1',
              'aria-disabled': why ? 'true' : undefined,
              onClick: () => {
                if (why) return;
                if (checked === undefined) shut();
                act();
              },
            },
            checked !== undefined && h('span.tick', checked && h(Icon, { name: 'check' })),
            h('span', text, why && h('small', why)),
          ),
        ),
      ),
  );
}

/** Tabs; the address names the open one, but for the first. tabs: [key, text][] */
export function Tabs({ tabs, open, label }) {
  const choose = (key) => setQuery({ tab: key === tabs[0][0] ? '' : key });
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const [next] = tabs.at((tabs.findIndex(([key]) => key === open) + step) % tabs.length);
    choose(next);
    event.currentTarget.querySelector(`[data-tab=${next}]`).focus();
  };
  return h(
    'div.tabs',
    { role: 'tablist', 'aria-label': label, onKeyDown: keys },
    tabs.map(([key, text]) =>
      h(
        'button',
        {
          role: 'tab',
          'data-tab': key,
          'aria-selected': key === open,
          tabindex: key === open ? 0 : -1,
          onClick: () => choose(key),
        },
        text,
      ),
    ),
  );
}

/** Copies what `text` is or promises. Where the browser refuses, `field` is selected and the
 *  remedy said. @returns {Promise<boolean>} */
export async function copyText(
  text,
  said = /** @type {any} */ ('Copied.'),
  field = /** @type {any} */ (null),
) {
  try {
    await navigator.clipboard.write([
      new ClipboardItem({
        'text/plain': Promise.resolve(text).then((t) => new Blob([t], { type: 'text/plain' })),
      }),
    ]);
    say(typeof said === 'function' ? said() : said);
    return true;
  } catch {
    await text;
    field?.focus();
    field?.select();
    say('Your browser did not allow it. Select the text and press Ctrl+C.');
    return false;
  }
}
export const CopyButton = ({ text, label = 'Copy', said = 'Copied.' }) =>
  h(Button, { kind: 'quiet', icon: 'copy', label, onPress: () => copyText(text, said) });
/** Text for programs, with Copy. */
export const Code = ({ text, label }) =>
  h(
    'div.code',
    h('pre', { tabindex: '0', role: 'region', 'aria-label': label }, h('code', text)),
    h(CopyButton, { text, label: `Copy ${label}` }),
  );

export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const anchor = Object.assign(document.createElement('a'), { download: name });
  anchor.setAttribute('href', url);
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
