// Who is signed in, which namespaces and rights they have.
// @ts-check
import { store, useEffect } from './view.js';
import { call, signedOut } from './api.js';
import { setServerTime } from './clock.js';
import { prefs, remember } from './prefs.js';

/** The answer of /api/session, or null before it. */
export const session = store(/** @type {any} */ (null));
/** Namespaces whose tokens the viewer may list. */
export const space = store(/** @type {any} */ ({ all: false, names: [], loaded: false }));

export function begin(found) {
  setServerTime(found.serverTime);
  signedOut.set(null);
  session.set(found);
}

export async function loadNamespaces() {
  const typed = (prefs.get().typed || []).map(encodeURIComponent).join();
  space.set({
    ...(await call('GET', `namespaces${typed ? `?typed=${typed}` : ''}`)),
    loaded: true,
  });
}
export async function addNamespace(name) {
  remember({ typed: [...new Set([...(prefs.get().typed || []), name])] });
  await loadNamespaces();
  return space.get().all || space.get().names.includes(name);
}

const KEPT = 60_000;
const known = store(/** @type {Record<string, any>} */ ({}));
/** Asks for the viewer's rights in a namespace ('' is the whole cluster), at most once a minute.
 *  @returns {Promise<any>} */
export function askRights(ns = '', name = '') {
  const key = `${ns}/${name}`,
    old = known.get()[key];
  if (old && Date.now() - old.at < KEPT) return old.answer;
  const answer = call('GET', `rights?${new URLSearchParams({ ns, name })}`);
  known.set((all) => ({ ...all, [key]: { at: Date.now(), answer } }));
  answer.then(
    (rights) => known.set((all) => ({ ...all, [key]: { at: Date.now(), answer, rights } })),
    () => known.set((all) => ({ ...all, [key]: undefined })),
  );
  return answer;
}
/** What is known of the rights, without asking. @returns {any} */
export const rightsIn = (ns) => known.get()[`${ns}/`]?.rights;
/** What is known of the rights; asks where nothing is. @returns {any} */
export function useRights(ns = '') {
  const found = known.use()[`${ns}/`];
  useEffect(() => {
    askRights(ns).catch(() => {});
  }, [ns]);
  return found?.rights;
}

/** What people may do, by its name in answers of the server. */
export const DEEDS = {
  list: 'list tokens',
  create: 'make tokens',
  mintPermanent: 'make permanent tokens (the verb mint-permanent)',
  patch: 'renew, revoke or change tokens',
  delete: 'delete tokens',
  getSecrets: 'read Secrets',
  listEvents: 'see Events',
  impersonateUsers: 'make tokens for other users',
  settingsRead: 'see settings',
  settingsWrite: 'change settings',
  settingsDelete: 'delete settings',
};
export const rightTo = (rights, deed) => rights?.tokens[deed] || rights?.cluster[deed];
/** Why the viewer may not do this, in words; '' if they may. @returns {string} */
export function why(rights, deed) {
  if (session.get()?.features?.readOnly) return 'This portal was started with --read-only.';
  const right = rightTo(rights, deed);
  if (!right) return rights ? '' : 'Your rights are being asked for.';
  if (right.allowed) return '';
  return `You may not ${DEEDS[deed] || deed}${rights.namespace ? ` in ${rights.namespace}` : ''}.${
    right.role ? ` The role ${right.role} allows it.` : ''
  }${right.reason ? ` ${right.reason}` : ''}`;
}

const TRIED = 3; // each costs the API server a review
/** The namespace of a person's own tokens: chosen, or the first in which they may create, of those
 *  that the portal offers, their default and their others. */
export async function homeNamespace() {
  const { home } = prefs.get(),
    { homeNamespaces = [], defaultNamespace } = session.get(),
    { names } = space.get();
  if (home) return home;
  const own = [...new Set([...homeNamespaces, defaultNamespace, ...names])].filter(Boolean);
  for (const name of own.slice(0, TRIED))
    if ((await askRights(name)).tokens.create.allowed) return name;
  return names[0] || defaultNamespace || '';
}

/** The values of temporary tokens of this tab, in memory alone. */
export const temporary = store(/** @type {any} */ (null));

export async function signOut() {
  const own = temporary.get();
  const { next } = await call('DELETE', 'session', { temporary: own ? [own.id] : [] });
  temporary.set(null);
  sessionStorage.removeItem('apitoken-key');
  location.assign(/^(https:|\/)/.test(next) ? next : '/signin');
}
