// The library behind all components: Preact with tagged templates, its hooks, and stores that redraw what reads them.
// @ts-check
import { h, render, Fragment } from './vendor/preact.js';
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from './vendor/hooks.js';
import htm from './vendor/htm.js';

export const html = htm.bind(h);
export { Fragment, render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState };

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

let ids = 0;
export const useId = () => useMemo(() => `i${++ids}`, []);

/** What the live region says; repeated texts are said again. */
export const spoken = store({ text: '', at: 0 });
export const say = (text) => spoken.set({ text, at: Date.now() });
