// Values that only this tab can read: a key that never leaves it, and the opening of what the
// operator encrypted to
// that key: a compact JWE (RFC 7516) with ECDH-ES on P-256 (RFC 7518, 4.6) and A256GCM, all by
// WebCrypto.
// @ts-check
import { ApiError, call, pathOf } from './api.js';
import { pause } from './clock.js';
import { condition } from './rows.js';

const CURVE = { name: 'ECDH', namedCurve: 'P-256' };
const ascii = (text) => new TextEncoder().encode(text);
const bytesOf = (base64url) =>
  Uint8Array.from(atob(base64url.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));

const point = ({ kty, crv, x, y }) => ({ kty, crv, x, y });

/** A new key pair; the private part cannot be exported, by us neither. */
export async function newKey() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(CURVE, false, ['deriveBits']);
  const exported = await crypto.subtle.exportKey('jwk', publicKey);
  return { privateKey, encryptTo: JSON.stringify(point(exported)) };
}

/** The content key: one round of Concat KDF, as A256GCM needs 256 bits (NIST SP 800-56A). */
async function contentKey(shared, { enc, apu = '', apv = '' }) {
  const number = (n) => new Uint8Array([0, 0, n >> 8, n]);
  const counted = (bytes) => [number(bytes.length), bytes];
  const parts = [
    number(1),
    new Uint8Array(shared),
    ...counted(ascii(enc)),
    ...counted(bytesOf(apu)),
    ...counted(bytesOf(apv)),
    number(256),
  ];
  const digest = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer());
  return crypto.subtle.importKey('raw', digest, 'AES-GCM', false, ['decrypt']);
}

/** @param {string} sealed a compact JWE @param {CryptoKey} privateKey */
export async function unseal(sealed, privateKey) {
  const [head, , iv, text, tag] = sealed.split('.');
  const header = JSON.parse(new TextDecoder().decode(bytesOf(head)));
  if (header.alg !== 'ECDH-ES' || header.enc !== 'A256GCM' || header.crit)
    throw new ApiError({
      message: 'The value is encrypted in a way that this page does not know.',
      remedy: 'Renew the token; if that does not help, update the operator.',
    });
  const theirs = await crypto.subtle.importKey('jwk', point(header.epk), CURVE, false, []);
  const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: theirs }, privateKey, 256);
  const key = await contentKey(shared, header);
  const opened = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: bytesOf(iv), additionalData: ascii(head) },
    key,
    await new Blob([bytesOf(text), bytesOf(tag)]).arrayBuffer(),
  );
  return new TextDecoder().decode(opened);
}

const REFUSED = ['InvalidSpec', 'SecretConflict', 'MintFailed', 'Revoked'];

/** Waits until the operator has minted `object` past `revision`. Throws with its reason if it
 *  refuses. @param {any} object @param {number} revision @param {AbortSignal} [signal] */
export async function minted(object, revision, signal) {
  const { namespace, name, generation, uid } = object.metadata;
  for (let wait = 60; ; wait = Math.min(wait * 1.4, 2000)) {
    const { object: found, warnings } = await call(
      'GET',
      `tokens/${pathOf(namespace, name)}`,
      undefined,
      signal,
    );
    if (found.metadata.uid !== uid)
      throw new ApiError({
        message: `${name} was deleted, and somebody else made another one.`,
        remedy: 'Choose another name.',
      });
    const ready = condition(found, 'Ready');
    if ((found.status?.revision || 0) > revision && ready?.status === 'True')
      return { ...found, warnings };
    if (
      (found.status?.observedGeneration || 0) >= (generation || 0) &&
      ready?.status === 'False' &&
      REFUSED.includes(ready.reason)
    ) {
      throw new ApiError({
        reason: ready.reason,
        message: ready.message,
        remedy: 'Correct what the message names, then try again.',
      });
    }
    await pause(wait);
    signal?.throwIfAborted();
  }
}

/** Opens what the operator encrypted to this tab. */
export async function valueOf(object, key) {
  const sealed = object.status?.encryptedValue;
  if (!sealed)
    throw new ApiError({
      message: 'The operator shows no encrypted value.',
      remedy: 'Renew the token; if that does not help, update the operator.',
    });
  return unseal(sealed, key.privateKey);
}
