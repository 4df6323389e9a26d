import type { KeyObject } from 'node:crypto';
import { DeviceTokenError, verifyDeviceToken, type DeviceIdentity } from '@flotilla/signing';
import { ProblemError } from '@flotilla/service';
import type { Caller } from './caller.ts';
import { RecentMap } from './recent-map.ts';

const MAX_TOKEN_CHARACTERS = 4096;
/** RFC 6750, 2.1; the scheme's name has no case (RFC 9110, 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/=-]+)$/i;

/**
 * As many as one process can serve, like the rate limits: checking a token costs 280 µs, several times
 * all the rest of a request, and remembering it 460 bytes (both measured).
 */
const MAX_KNOWN = 300_000;

interface KnownToken {
  readonly caller: Caller;
  readonly expiresAtMs: number;
}

/** Answers whose request it is. Verified tokens are remembered, up to a bound; refused ones are not. */
export class DeviceTokens {
  readonly #publicKey: KeyObject;
  readonly #clock: () => number;
  /** By the whole Authorization header. */
  readonly #known: RecentMap<KnownToken>;

  constructor(publicKey: KeyObject, clock: () => number, maxKnown = MAX_KNOWN) {
    this.#publicKey = publicKey;
    this.#clock = clock;
    this.#known = new RecentMap(maxKnown);
  }

  /** The caller, if this very header was accepted before and its token is still valid. */
  known(authorization: string | undefined): Caller | undefined {
    const known = authorization === undefined ? undefined : this.#known.get(authorization);
    return known !== undefined && this.#clock() < known.expiresAtMs ? known.caller : undefined;
  }

  /** Throws ProblemError `unauthenticated` with the reason. */
  async authenticate(authorization: string | undefined): Promise<Caller> {
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    if (authorization === undefined || token === undefined || token.length > MAX_TOKEN_CHARACTERS) {
      throw new ProblemError('unauthenticated', {
        detail: 'a device token is required: Authorization: Bearer <token>',
      });
    }
    const { deviceId, gatewayFor = null, expiresAtMs = Infinity } = await this.#verify(token);
    const caller = { deviceId, gatewayFor };
    this.#known.set(authorization, { caller, expiresAtMs });
    return caller;
  }

  async #verify(token: string): Promise<DeviceIdentity> {
    try {
      return await verifyDeviceToken(token, this.#publicKey, this.#clock());
    } catch (cause) {
      if (!(cause instanceof DeviceTokenError)) throw cause;
      throw new ProblemError('unauthenticated', { detail: cause.message, cause });
    }
  }
}
