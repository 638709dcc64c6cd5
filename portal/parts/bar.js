// Pictures of time: a token's life, and what expires in which week.
// @ts-check
import { h } from '../view.js';
import { DAY, dayOf, full, grouped, now, plural } from '../clock.js';

/** How much of its life is over. */
export function LifeBar({ row, state, at }) {
  const part =
    row.expiresAt && row.issuedAt
      ? Math.min(1, Math.max(0.02, (at - row.issuedAt) / (row.expiresAt - row.issuedAt)))
      : 0;
  return h(
    'svg',
    {
      class: `life is-${state}`,
      viewBox: '0 0 100 4',
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    h('rect.track', { width: 100, height: 4, rx: 2 }),
    part > 0 && h('rect.fill', { width: 100 * part, height: 4, rx: 2 }),
  );
}

/** The whole life with marks: reminders and now. marks: {at, text}[] */
export function Life({ row, state, at, marks }) {
  const begin = row.issuedAt,
    whole = row.expiresAt - begin;
  if (!begin || whole <= 0) return null;
  const x = (t) => Math.min(100, Math.max(0, (100 * (t - begin)) / whole));
  const text = [
    `Issued ${full(begin)}.`,
    ...marks.map((m) => `${m.text} ${full(m.at)}.`),
    `Expires ${full(row.expiresAt)}.`,
    `Now ${Math.round(x(at))} % of its life is over.`,
  ].join(' ');
  return h(
    'figure',
    { class: `wholelife is-${state}` },
    h(
      'svg',
      { role: 'img', 'aria-label': text, height: 34, width: '100%' },
      h('rect.track', { y: 14, width: '100%', height: 6, rx: 3 }),
      h('rect.fill', { y: 14, width: `${x(at)}%`, height: 6, rx: 3 }),
      marks.map((m) =>
        h(
          'line.mark',
          { x1: `${x(m.at)}%`, x2: `${x(m.at)}%`, y1: 9, y2: 25 },
          h('title', m.text),
        ),
      ),
      h('circle.now', { cx: `${x(at)}%`, cy: 17, r: 6 }),
    ),
    h('figcaption', h('span', dayOf(begin)), h('span', dayOf(row.expiresAt))),
  );
}

const WEEK = 7 * DAY,
  WEEKS = 13,
  isCounted = (row) => row.reason !== 'Revoked' && row.type !== 'Temporary';
/** Tokens by the week in which they expire; a week can be chosen. Sessions are left out: they
 *  come and go. */
export function Weeks({ rows, at, chosen, onChoose }) {
  const start = at - (at % DAY),
    weeks = Array.from({ length: WEEKS }, () => ({ soon: 0, works: 0 }));
  let later = 0;
  for (const row of rows) {
    if (row.expiresAt <= at || !isCounted(row)) continue;
    const week = weeks[Math.floor((row.expiresAt - start) / WEEK)];
    if (week) week[row.warnAt && now() >= row.warnAt ? 'soon' : 'works']++;
    else later++;
  }
  const most = Math.max(1, ...weeks.map((w) => w.soon + w.works));
  const bars = weeks.map((w, i) => ({ ...w, from: start + i * WEEK, n: w.soon + w.works }));
  return h(
    'figure.weeks',
    h(
      'figcaption',
      'What expires when',
      h('span.muted', 'by week', later > 0 && `; ${grouped(later)} later`),
    ),
    h(
      'div.bars',
      bars.map((b, i) =>
        h(
          'button',
          {
            key: i,
            'aria-pressed': chosen === String(b.from),
            disabled: !b.n,
            onClick: () => onChoose(chosen === String(b.from) ? '' : String(b.from)),
          },
          h('span.count', b.n > 0 && grouped(b.n)),
          h('span.unseen', plural(b.n, 'token'), ', week of ', dayOf(b.from)),
          h(
            'svg',
            { viewBox: '0 0 20 60', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
            h('rect.base', { y: 58.5, width: 20, height: 1.5 }),
            h('rect.works', { y: 60 - (58 * b.n) / most, width: 20, height: (58 * b.n) / most }),
            h('rect.soon', {
              y: 60 - (58 * b.soon) / most,
              width: 20,
              height: (58 * b.soon) / most,
            }),
          ),
          h(
            'span.day',
            { 'aria-hidden': 'true' },
            i === 0 ? 'now' : i % 2 === 0 ? dayOf(b.from).replace(/ \d{4}$/, '') : '',
          ),
        ),
      ),
    ),
  );
}
export const inWeek = (row, from) =>
  row.expiresAt >= Number(from) && row.expiresAt < Number(from) + WEEK && isCounted(row);
