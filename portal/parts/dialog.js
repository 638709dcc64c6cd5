// Dialogs: the browser's own, which keep the focus; it returns to where it was.
// @ts-check
import { html, useId, useLayoutEffect, useRef } from '../view.js';
import { Button } from './basic.js';
import { Live } from './live.js';

/** @param {any} p mayClose: asked before Esc or the cross close it; side: 'pane' comes from the right */
export function Dialog({
  title,
  onClose,
  mayClose = () => true,
  side = '',
  children,
  footer = null,
  noCross = false,
}) {
  const ref = useRef(null),
    id = useId();
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
  const close = () => mayClose() && onClose();
  return html`
    <dialog ref=${ref} class=${side} aria-labelledby=${id} onCancel=${(event) => {
    event.preventDefault();
    close();
  }}
        onKeyDown=${(event) => {
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  }}>
      <header><h2 id=${id} tabindex="-1">${title}</h2>
        ${!noCross && html`<${Button} kind="quiet" icon="cross" label="Close" onPress=${close} />`}
      </header><div class="body">${children}</div>
      ${footer && html`<footer>${footer}</footer>`}<${Live} /></dialog>
  `;
}
