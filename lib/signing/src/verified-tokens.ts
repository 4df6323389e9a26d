import type { KeyObject } from 'node:crypto';
import { identityIn, verifyToken, type DeviceIdentity } from './device-token.ts';
import { FingerprintTable } from './fingerprint-table.ts';
import { payloadOf } from './jws.ts';

/** A million tokens at half full. */
const DEFAULT_CAPACITY = 2 ** 21;
const NEVER = 2 ** 32 - 1;

/**
 * Checks device tokens and remembers which bytes were good, until they end, so that a device that asks
 * every half minute costs one signature check. 20 bytes a token; when it is full it forgets some.
 */
export class VerifiedTokens {
  readonly #publicKey: KeyObject;
  readonly #known: FingerprintTable;

  constructor(publicKey: KeyObject, capacity = DEFAULT_CAPACITY) {
    this.#publicKey = publicKey;
    this.#known = new FingerprintTable({ capacity, keyWords: 4, valueWords: 1 });
  }

  /** Throws DeviceTokenError with the reason. */
  identityOf(token: string, nowMs: number): DeviceIdentity {
    const endsAtSeconds = this.#known.find(token)?.[0] ?? 0;
    if (endsAtSeconds > Math.floor(nowMs / 1000)) return identityIn(payloadOf(token));
    const identity = verifyToken(token, this.#publicKey, nowMs);
    const { expiresAtMs } = identity;
    const ends = expiresAtMs === undefined ? NEVER : Math.ceil(expiresAtMs / 1000);
    this.#known.set(token, [Math.min(ends, NEVER)]);
    return identity;
  }
}
