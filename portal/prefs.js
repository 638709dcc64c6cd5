// What this browser remembers: names and choices, never a value or a key.
// @ts-check
import { store } from './view.js';

const read = () => {
  try {
    return JSON.parse(localStorage.getItem('apitoken') || '{}');
  } catch {
    return {};
  }
};
export const prefs = store(read());

export function remember(change) {
  prefs.set((old) => ({ ...old, ...change }));
  try {
    localStorage.setItem('apitoken', JSON.stringify(prefs.get()));
  } catch {
    /* private window: for this page only */
  }
  applyTheme();
}

export function applyTheme() {
  document.documentElement.dataset.theme = prefs.get().theme || 'system';
}
