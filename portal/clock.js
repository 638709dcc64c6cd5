// The server's clock, and times and durations in words. A wrong clock of this computer changes
// nothing.
// @ts-check
import { h, store, useEffect, useState } from './view.js';
import { prefs } from './prefs.js';

const SECOND = 1000,
  MINUTE = 60 * SECOND,
  HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** How far this computer's clock is behind the server's. */
export const offset = store(0);
export const now = () => Date.now() + offset.get();
export function setServerTime(text) {
  const found = Date.parse(text) - Date.now();
  if (Math.abs(found - offset.get()) > 1500) offset.set(found); // not if it is no time
}

/** The server's time, anew every second while the page is visible. */
export function useNow() {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || tick((n) => n + 1), SECOND);
    return () => clearInterval(timer);
  }, []);
  return now();
}

const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const STEPS = /** @type {[Intl.RelativeTimeFormatUnit, number, number][]} */ ([
  ['second', SECOND, 90],
  ['minute', MINUTE, 90],
  ['hour', HOUR, 36],
  ['day', DAY, 100],
  ['month', 30.44 * DAY, 24],
  ['year', 365.25 * DAY, Infinity],
]);
export function relative(at, from = now()) {
  const gap = at - from;
  const [unit, size] = STEPS.find(([, size, most]) => Math.abs(gap) < size * most) || STEPS[5];
  return words.format(Math.trunc(gap / size), unit);
}

const formats = new Map();
function format(at, options) {
  const zone = prefs.get().utc ? 'UTC' : undefined,
    key = JSON.stringify([zone, options]);
  if (!formats.has(key))
    formats.set(key, new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone }));
  return formats.get(key).format(at);
}
export const full = (at) =>
  format(at, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  });
export const dayOf = (at) => format(at, { dateStyle: 'medium' });
export const timeOf = (at) => format(at, { timeStyle: 'short' });
export const secondOf = (at) => format(at, { timeStyle: 'medium' });
export const iso = (at) => new Date(at).toISOString().replace('.000Z', 'Z');
export const ms = (text) => (text ? Date.parse(text) : 0);

/** @param {{at: any, as?: 'relative'|'both'|'full'}} p an instant, with UTC at hand */
export function Time({ at, as = 'relative' }) {
  prefs.use();
  if (typeof at === 'string') at = ms(at);
  if (!at) return h('span.muted', '–');
  return h(
    'time',
    { datetime: iso(at), title: iso(at) },
    as !== 'full' && relative(at),
    as === 'both' && h('small', full(at)),
    as === 'full' && full(at),
  );
}

const UNITS = { h: HOUR, m: MINUTE, s: SECOND };
/** "720h30m" in milliseconds. */
export function span(text) {
  let sum = 0;
  for (const [, n, unit] of (text || '').matchAll(/([\d.]+)([hms])/g))
    sum += Number(n) * UNITS[unit];
  return sum;
}
export const grouped = (n) => n.toLocaleString('en');
export const plural = (n, one, many = `${one}s`) => `${grouped(n)} ${n === 1 ? one : many}`;
/** Waits. */
export const pause = (wait = 0) =>
  new Promise((done) => {
    setTimeout(done, wait);
  });
/** "720h" in words. */
export function lasting(text) {
  const gap = typeof text === 'number' ? text : span(text);
  if (gap >= 2 * DAY || gap === DAY) return plural(Math.round(gap / DAY), 'day');
  if (gap >= HOUR) {
    const minutes = Math.round((gap % HOUR) / MINUTE);
    return plural(Math.floor(gap / HOUR), 'hour') + (minutes ? ` ${minutes} min` : '');
  }
  return gap >= MINUTE
    ? plural(Math.floor(gap / MINUTE), 'minute')
    : plural(Math.round(gap / SECOND), 'second');
}
