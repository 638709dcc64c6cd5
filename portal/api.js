// Requests to the portal, and answers that go on: lines of JSON, followed while the page is
// visible.
// @ts-check
import { store } from './view.js';
import { pause, setServerTime } from './clock.js';

/** Set once the server says that it knows no session of ours. */
export const signedOut = store(/** @type {any} */ (null));
/** Since when no list could be kept up to date; 0 while all is well. */
export const stale = store(0);

export class ApiError extends Error {
  status = 0;
  constructor(body) {
    super(body.message || `The portal answered with status ${body.status}.`);
    Object.assign(this, body); // reason, remedy, causes, namespace: as the server names them
  }
}

// The link that `kubectl apitoken web` prints ends with #key=…; a fragment is never sent.
const given = /^#key=([\w-]+)$/.exec(location.hash);
if (given) {
  sessionStorage.setItem('apitoken-key', given[1]);
  history.replaceState(null, '', location.pathname + location.search);
}
const key = sessionStorage.getItem('apitoken-key');

/** @returns {Promise<Response>} an answer with status 2xx */
export async function request(method, path, body, signal, tries = 9) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, {
      method,
      signal,
      headers: {
        'X-Apitoken-Portal': '1',
        ...(key && { Authorization: `Portal ${key}` }),
        ...(body && { 'Content-Type': 'application/json' }),
      },
      body: body && JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError({
      message: navigator.onLine ? 'The portal does not answer.' : 'You are offline.',
      remedy: 'Nothing was lost. Try again.',
    });
  }
  if (answer.ok) return answer;
  // Too many requests at once: nothing was done. After any other status something may have been.
  if (tries && answer.status === 429 && answer.headers.get('Retry-After') === '1') {
    await pause(1000);
    return request(method, path, body, signal, tries - 1);
  }
  const problem = { ...(await answer.json().catch(() => null)), status: answer.status };
  if (answer.status === 401) signedOut.set(problem);
  throw new ApiError(problem);
}

/** @returns {Promise<any>} */
export const call = async (method, path, body, signal) =>
  (await request(method, path, body, signal)).json();
/** Any texts as parts of an address; half a character becomes U+FFFD. */
export const pathOf = (...parts) =>
  parts.map((part) => encodeURIComponent(String(part).toWellFormed())).join('/');

/** Calls `line` with each line of an answer. */
export async function lines(answer, line, heard = () => {}) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    const parts = (rest + value).split('\n');
    rest = parts.pop() || '';
    for (const part of parts) if (part) line(JSON.parse(part));
  }
}

const SILENCE = 45_000;
/** Follows `path()` until the returned function is called: begins again after each end, and rests
 *  while the page is hidden. Calls `begin` before the first line of each answer, `refused` with what
 *  the server refused. */
export function follow(path, { begin, line, refused }) {
  let stop = new AbortController(),
    timer = 0,
    failures = 0,
    ended = false;
  async function run() {
    const mine = (stop = new AbortController());
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => mine.abort(), SILENCE);
    };
    try {
      heard();
      const answer = await request('GET', path(), undefined, mine.signal);
      begin();
      await lines(
        answer,
        (found) => {
          if (found.ping) setServerTime(found.ping);
          if (found.error) {
            refused(new ApiError(found.error));
            return;
          }
          failures = 0;
          stale.set(0);
          line(found);
        },
        heard,
      );
    } catch (error) {
      if (error instanceof ApiError && error.status) refused(error);
    } finally {
      clearTimeout(watchdog);
    }
    if (ended || document.hidden || mine !== stop || signedOut.get()) return;
    if (!stale.get() && failures) stale.set(Date.now());
    timer = setTimeout(run, Math.min(500 * 2 ** failures++, 15_000) * (0.75 + Math.random() / 2));
  }
  const seen = () => {
    clearTimeout(timer);
    stop.abort();
    if (!document.hidden) run();
  };
  document.addEventListener('visibilitychange', seen);
  addEventListener('online', seen);
  if (!document.hidden) run();
  return () => {
    ended = true;
    clearTimeout(timer);
    stop.abort();
    document.removeEventListener('visibilitychange', seen);
    removeEventListener('online', seen);
  };
}
