import { createHmac, hkdfSync, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';

/** Long enough for a device on a slow line to sign and answer. */
export const NONCE_LIFE_MS = 120_000;
const RANDOM_BYTES = 16;
const MAC_BYTES = 16;
const NONCE_BYTES = 8 + RANDOM_BYTES + MAC_BYTES;

/**
 * Nonces that need no storing until they are used: expiry, randomness and a MAC over both and the
 * serial. So nobody can fill the registry with challenges, nor take another's away by asking again.
 */
export class ClaimNonces {
  readonly #key: Buffer;

  /** The secret is one that all replicas share. */
  constructor(secret: KeyObject) {
    const material = secret.export({ type: 'pkcs8', format: 'der' });
    this.#key = Buffer.from(hkdfSync('sha256', material, '', 'flotilla-claim-nonce', 32));
  }

  issue(serial: string, nowMs: number): { nonce: string; expiresAtMs: number } {
    const expiresAtMs = nowMs + NONCE_LIFE_MS;
    const head = Buffer.alloc(8);
    head.writeBigUInt64BE(BigInt(expiresAtMs));
    const body = Buffer.concat([head, randomBytes(RANDOM_BYTES)]);
    const nonce = Buffer.concat([body, this.#mac(serial, body)]).toString('base64url');
    return { nonce, expiresAtMs };
  }

  /** When it ends; null for one that is not ours, not this serial's, or over. */
  check(nonce: string, serial: string, nowMs: number): number | null {
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== NONCE_BYTES || bytes.toString('base64url') !== nonce) return null;
    const body = bytes.subarray(0, -MAC_BYTES);
    if (!timingSafeEqual(this.#mac(serial, body), bytes.subarray(-MAC_BYTES))) return null;
    const expiresAtMs = Number(body.readBigUInt64BE(0));
    return nowMs < expiresAtMs ? expiresAtMs : null;
  }

  #mac(serial: string, body: Buffer): Buffer {
    const mac = createHmac('sha256', this.#key).update(body).update(serial);
    return mac.digest().subarray(0, MAC_BYTES);
  }
}
