import type { KeyObject } from 'node:crypto';
import { DeviceTokenError, verifyDeviceToken, type DeviceIdentity } from '@flotilla/signing';
import { ProblemError } from '@flotilla/service';

const MAX_TOKEN_CHARACTERS = 4096;
const MAX_CACHED = 20_000;
/** A checked token is checked again after this, so that a validity in it takes effect. */
const CACHE_MS = 5 * 60_000;
/** RFC 6750, 2.1; the scheme's name has no case (RFC 9110, 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/=-]+)$/i;

/** Answers whose request it is. Verified tokens are remembered, up to a bound; refused ones are not. */
export class DeviceTokens {
  readonly #publicKey: KeyObject;
  readonly #clock: () => number;
  readonly #known = new Map<string, { identity: DeviceIdentity; checkedAtMs: number }>();

  constructor(publicKey: KeyObject, clock: () => number) {
    this.#publicKey = publicKey;
    this.#clock = clock;
  }

  /** Throws ProblemError `unauthenticated` with the reason. */
  async authenticate(authorization: string | undefined): Promise<DeviceIdentity> {
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    if (token === undefined || token.length > MAX_TOKEN_CHARACTERS) {
      throw new ProblemError('unauthenticated', {
        detail: 'a device token is required: Authorization: Bearer <token>',
      });
    }
    const nowMs = this.#clock();
    const known = this.#known.get(token);
    if (known !== undefined && nowMs - known.checkedAtMs < CACHE_MS) return known.identity;
    const identity = await this.#verify(token);
    this.#remember(token, identity, nowMs);
    return identity;
  }

  async #verify(token: string): Promise<DeviceIdentity> {
    try {
      return await verifyDeviceToken(token, this.#publicKey);
    } catch (cause) {
      if (!(cause instanceof DeviceTokenError)) throw cause;
      throw new ProblemError('unauthenticated', { detail: cause.message, cause });
    }
  }

  #remember(token: string, identity: DeviceIdentity, checkedAtMs: number): void {
    this.#known.delete(token);
    this.#known.set(token, { identity, checkedAtMs });
    if (this.#known.size > MAX_CACHED) {
      const oldest = this.#known.keys().next();
      if (oldest.done !== true) this.#known.delete(oldest.value);
    }
  }
}
