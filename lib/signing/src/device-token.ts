import type { KeyObject } from 'node:crypto';
import { deviceIdSchema, devicePatternSchema, nameSchema } from '@flotilla/contracts';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { JwsError, verifyJws } from './jws.ts';

const ISSUER = 'flotilla';
const AUDIENCE = 'flotilla-device';

const claimsSchema = z.object({
  sub: deviceIdSchema,
  model: nameSchema,
  group: nameSchema,
  exp: z.number().optional(),
  flotilla_gateway: z.object({ devices: z.array(devicePatternSchema).max(1000) }).optional(),
});

/** Who a device is, as its token says. */
export interface DeviceIdentity {
  readonly deviceId: string;
  readonly model: string;
  readonly group: string;
  /** On a gateway's token: whom it speaks for beside itself, by id or by a prefix that ends in `*`. */
  readonly gatewayFor?: readonly string[];
  /** When the token ends (RFC 7519, 4.1.4); absent on one that does not. */
  readonly expiresAtMs?: number;
}

/** A JWT (RFC 7519) signed EdDSA (RFC 8037): ota-service issues it, the collector checks it offline. */
export async function issueDeviceToken(
  identity: DeviceIdentity,
  privateKey: KeyObject,
  nowMs: number,
): Promise<string> {
  const { model, group, gatewayFor, expiresAtMs } = identity;
  const claims = {
    model,
    group,
    ...(gatewayFor !== undefined && { flotilla_gateway: { devices: gatewayFor } }),
  };
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(identity.deviceId)
    .setIssuedAt(Math.floor(nowMs / 1000));
  if (expiresAtMs !== undefined) token.setExpirationTime(Math.floor(expiresAtMs / 1000));
  return token.sign(privateKey);
}

/** Throws DeviceTokenError with the reason. */
export function verifyDeviceToken(
  token: string,
  publicKey: KeyObject,
  nowMs = Date.now(),
): Promise<DeviceIdentity> {
  return new Promise((resolve) => resolve(verifyToken(token, publicKey, nowMs)));
}

/** The same at once. */
export function verifyToken(token: string, publicKey: KeyObject, nowMs: number): DeviceIdentity {
  try {
    const payload = verifyJws(token, publicKey);
    checkClaims(payload, Math.floor(nowMs / 1000));
    return identityIn(payload);
  } catch (cause) {
    const why = cause instanceof JwsError ? cause.message : 'its claims are incomplete';
    throw new DeviceTokenError(`device token refused: ${why}`, { cause });
  }
}

/** Whom it is meant for and when (RFC 7519, 4.1). */
function checkClaims(payload: Record<string, unknown>, nowSeconds: number): void {
  const { iss, aud, exp, nbf, iat } = payload;
  if (iss !== ISSUER) throw new JwsError('unexpected "iss" claim value');
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.includes(AUDIENCE)) throw new JwsError('unexpected "aud" claim value');
  for (const [name, value] of Object.entries({ exp, nbf, iat })) {
    if (value !== undefined && typeof value !== 'number') {
      throw new JwsError(`"${name}" claim must be a number`);
    }
  }
  if (typeof exp === 'number' && exp <= nowSeconds) {
    throw new JwsError('"exp" claim timestamp check failed');
  }
  if (typeof nbf === 'number' && nbf > nowSeconds) {
    throw new JwsError('"nbf" claim timestamp check failed');
  }
}

/** Who the claims of a verified token name; throws what zod throws. */
export function identityIn(payload: Record<string, unknown>): DeviceIdentity {
  const claims = claimsSchema.parse(payload);
  const { sub: deviceId, model, group, exp, flotilla_gateway: gateway } = claims;
  return {
    ...{ deviceId, model, group },
    ...(gateway && { gatewayFor: gateway.devices }),
    ...(exp !== undefined && { expiresAtMs: exp * 1000 }),
  };
}

export class DeviceTokenError extends Error {
  override readonly name = 'DeviceTokenError';
}
