// Dialogs: the browser's own, which keep the focus; it returns to where it was.
// @ts-check
import { h, useDoing, useId, useLayoutEffect, useRef, useState } from '../view.js';
import { Button, Problem } from './basic.js';
import { Live } from './live.js';

/** @param {any} p mayClose: whether Esc and the cross close it; guard: what is asked before, and
 *  the answers that stay and leave; side: 'pane' comes from the right; footer: a function of what
 *  closes the dialog */
export function Dialog({
  title,
  onClose,
  mayClose = true,
  guard = null,
  side = '',
  children,
  footer = null,
}) {
  const ref = useRef(null),
    id = useId(),
    [asking, ask] = useState(false);
  useLayoutEffect(() => {
    const opener = document.activeElement,
      dialog = ref.current;
    dialog.showModal();
    (dialog.querySelector('[data-first]') || dialog.querySelector('h2')).focus();
    return () => {
      dialog.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
      else
        setTimeout(() => {
          if (document.activeElement === document.body) document.querySelector('h1')?.focus();
        });
    };
  }, []);
  const close = () => mayClose && (guard ? ask(true) : onClose()),
    cancel = (event) => {
      event.preventDefault();
      event.stopPropagation();
      close();
    };
  return h(
    'dialog',
    {
      ref,
      class: side,
      'aria-labelledby': id,
      onCancel: cancel,
      onKeyDown: (event) => event.key === 'Escape' && cancel(event),
    },
    h(
      'header',
      h('h2', { id, tabindex: '-1' }, title),
      mayClose && h(Button, { kind: 'quiet', icon: 'cross', label: 'Close', onPress: close }),
    ),
    h('div.body', children),
    (footer || asking) &&
      h(
        'footer',
        asking && guard
          ? [
              h('p', { role: 'alert' }, guard[0]),
              h(Button, { onPress: () => ask(false) }, guard[1]),
              h(Button, { kind: 'danger', onPress: onClose }, guard[2]),
            ]
          : footer?.(close),
      ),
    h(Live),
  );
}

/** A dialog that does one thing. @param {any} p act: () => Promise; reason: why it may not be
 *  done */
export function Ask({ title, onClose, doing, kind = 'danger', reason = '', act, children }) {
  const { busy, error, run } = useDoing();
  const press = () =>
    run(async () => {
      await act();
      onClose();
    });
  return h(
    Dialog,
    {
      title,
      onClose,
      footer: (close) => [
        h(Button, { onPress: close }, 'Cancel'),
        h(Button, { kind: `main ${kind}`, busy, why: reason, onPress: press }, doing),
      ],
    },
    children,
    h(Problem, { error }),
  );
}
