// The library behind all components: Preact, hooks, and stores that redraw what reads them.
// @ts-check
import { createElement, render } from './vendor/preact.js';
import { classOf, useEffect, useLayoutEffect, useMemo, useRef, useState } from './hooks.js';

/** Control and format characters, line separators, and halves of characters. */
const hiding = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Characters that could reverse or hide a line are shown by their numbers. */
export const plain = (text) =>
  String(text ?? '').replace(hiding, (c) => {
    const number = /** @type {number} */ (c.codePointAt(0));
    return `\\u${number.toString(16).padStart(4, '0')}`;
  });

/** What stands in an element is text, whoever wrote it, and shown plain. */
const shown = (child) =>
  typeof child === 'string' ? plain(child) : Array.isArray(child) ? child.map(shown) : child;

/** An element or a component: h('p.muted', { id: 'why' }, 'text', h(Icon, { name: 'bang' })).
 *  Properties may be left out. @param {any} tag @param {any[]} rest */
export function h(tag, ...rest) {
  const props = rest[0]?.constructor === Object ? rest.shift() : {};
  if (typeof tag !== 'string') return createElement(classOf(tag), props, ...rest.map(shown));
  const [name, ...classes] = tag.split('.');
  if (classes.length) props.class ??= classes.join(' ');
  if (name === 'button') props.type ??= name; // and so submits nothing
  return createElement(name, props, ...rest.map(shown));
}
export { render, useEffect, useLayoutEffect, useMemo, useRef, useState };

/** A value that components follow with `use()`. @template T @param {T} value */
export function store(value) {
  const readers = new Set();
  return {
    get: () => value,
    /** @param {any} next the new value, or a function of the present one */
    set(next) {
      value = typeof next === 'function' ? next(value) : next;
      for (const reader of [...readers]) reader();
    },
    follow(reader) {
      readers.add(reader);
      return () => readers.delete(reader);
    },
    use() {
      const [, redraw] = useState(0);
      useLayoutEffect(() => this.follow(() => redraw((n) => n + 1)), []);
      return value;
    },
  };
}

/** Calls `act` with a signal, `wait` ms after `inputs` last changed; the signal says that they
 *  changed again. */
export function useLater(wait, inputs, act) {
  useEffect(() => {
    const stop = new AbortController(),
      timer = setTimeout(() => act(stop.signal), wait);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, inputs);
}

/** What a promise becomes: {value} or {error}, or neither while it is on its way. @returns {any} */
export function useLoad(load, inputs) {
  const [result, set] = useState({});
  useEffect(() => {
    let wanted = true;
    set((old) => ({ ...old, error: undefined }));
    load().then(
      (value) => wanted && set({ value }),
      (error) => wanted && set({ error }),
    );
    return () => {
      wanted = false;
    };
  }, inputs);
  return result;
}

/** One thing at a time that may fail: whether it is being done, and how it failed. */
export function useDoing() {
  const [busy, setBusy] = useState(false),
    [error, setError] = useState(/** @type {any} */ (null));
  const run = async (act) => {
    setBusy(true);
    setError(null);
    try {
      await act();
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return { busy, error, setError, run };
}

let ids = 0;
export const useId = () => useMemo(() => `i${++ids}`, []);

/** What the live region says; repeated texts are said again. */
export const spoken = store({ text: '', at: 0 });
export const say = (text) => spoken.set({ text, at: Date.now() });
