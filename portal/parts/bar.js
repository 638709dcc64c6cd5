// Pictures of time: a token's life, and what expires in which week.
// @ts-check
import { html } from '../view.js';
import { DAY, dayOf, full, now, plural } from '../clock.js';

/** How much of its life is over. */
export function LifeBar({ row, state, at }) {
  const part =
    row.expiresAt && row.issuedAt
      ? Math.min(1, Math.max(0.02, (at - row.issuedAt) / (row.expiresAt - row.issuedAt)))
      : 0;
  return html`
    <svg class=${`life is-${state}`} viewBox="0 0 100 4" preserveAspectRatio="none"
        aria-hidden="true"><rect class="track" width="100" height="4" rx="2" />
      ${part > 0 && html`<rect class="fill" width=${100 * part} height="4" rx="2" />`}</svg>
  `;
}

/** The whole life with marks: reminders and now. marks: {at, text}[] */
export function Life({ row, state, at, marks }) {
  const begin = row.issuedAt,
    whole = row.expiresAt - begin;
  if (!begin || whole <= 0) return null;
  const x = (t) => Math.min(100, Math.max(0, (100 * (t - begin)) / whole));
  const text = `Issued ${full(begin)}. ${marks.map((m) => `${m.text} ${full(m.at)}.`).join(' ')} Expires ${full(row.expiresAt)}. Now ${Math.round(x(at))} % of its life is over.`;
  return html`
    <figure class=${`wholelife is-${state}`}>
      <svg role="img" aria-label=${text} height="34" width="100%">
        <rect class="track" y="14" width="100%" height="6" rx="3" />
        <rect class="fill" y="14" width=${`${x(at)}%`} height="6" rx="3" />
        ${marks.map((m) => html`
          <line class="mark" x1=${`${x(m.at)}%`} x2=${`${x(m.at)}%`} y1="9" y2="25">
            <title>${m.text}</title></line>
        `)}
        <circle class="now" cx=${`${x(at)}%`} cy="17" r="6" /></svg>
      <figcaption><span>${dayOf(begin)}</span><span>
          ${dayOf(row.expiresAt)}</span></figcaption></figure>
  `;
}

const WEEK = 7 * DAY,
  WEEKS = 13;
/** Tokens by the week in which they expire; a week can be chosen. Sessions are left out: they come and go. */
export function Weeks({ rows, at, chosen, onChoose }) {
  const start = at - (at % DAY),
    weeks = Array.from({ length: WEEKS }, () => ({ soon: 0, works: 0 }));
  let later = 0;
  for (const row of rows) {
    if (
      !row.expiresAt ||
      row.expiresAt <= at ||
      row.reason === 'Revoked' ||
      row.type === 'Temporary'
    )
      continue;
    const week = weeks[Math.floor((row.expiresAt - start) / WEEK)];
    if (week) week[row.warnAt && now() >= row.warnAt ? 'soon' : 'works']++;
    else later++;
  }
  const most = Math.max(1, ...weeks.map((w) => w.soon + w.works));
  const bars = weeks.map((w, i) => ({ ...w, from: start + i * WEEK, n: w.soon + w.works }));
  return html`
    <figure class="weeks"><figcaption>What expires when<span class="muted">by
            week${later > 0 && `; ${later.toLocaleString('en')} later`}</span></figcaption>
      <div class="bars">${bars.map(
      (
        b,
        i,
      ) => html`
        <button type="button" key=${i} aria-pressed=${chosen === String(b.from)} disabled=${!b.n}
            onClick=${() => onChoose(chosen === String(b.from) ? '' : String(b.from))}>
          <span class="count">${b.n > 0 && b.n.toLocaleString('en')}</span>
          <span class="unseen">${plural(b.n, 'token')}, week of ${dayOf(b.from)}</span>
          <svg viewBox="0 0 20 60" preserveAspectRatio="none" aria-hidden="true">
            <rect class="base" y="58.5" width="20" height="1.5" />
            <rect class="works" y=${60 - (58 * b.n) / most} width="20" height=${(58 * b.n) / most}
                /><rect class="soon" y=${60 - (58 * b.soon) / most} width="20"
                height=${(58 * b.soon) / most} /></svg><span class="day" aria-hidden="true">
            ${i === 0 ? 'now' : i % 2 === 0 ? dayOf(b.from).replace(/ \d{4}$/, '') : ''}</span>
        </button>
      `,
    )}</div></figure>
  `;
}
export const inWeek = (row, from) =>
  row.expiresAt >= Number(from) &&
  row.expiresAt < Number(from) + WEEK &&
  row.reason !== 'Revoked' &&
  row.type !== 'Temporary';
