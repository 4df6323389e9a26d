import { verify, type KeyObject } from 'node:crypto';

const PARTS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/**
 * The payload of a compact JWS (RFC 7515) signed EdDSA (RFC 8037, 3.1) by this key. The algorithm is the
 * caller's choice, never the token's (RFC 8725, 3.1). Throws JwsError. Checks in this thread: a signature
 * takes about a tenth of a millisecond, and a hand-over to another thread and back costs more than that.
 */
export function verifyJws(token: string, publicKey: KeyObject): Record<string, unknown> {
  const [, head, body, signature] = PARTS.exec(token) ?? [];
  if (head === undefined || body === undefined || signature === undefined) {
    throw new JwsError('Invalid Compact JWS');
  }
  const header = decodeObject(head, 'JWS Protected Header');
  if (header['alg'] !== 'EdDSA')
    throw new JwsError('"alg" (Algorithm) Header Parameter value not allowed');
  // Nothing that must be understood is (RFC 7515, 4.1.11).
  if (header['crit'] !== undefined) throw new JwsError('"crit" Header Parameter is not supported');
  const signed = Buffer.from(`${head}.${body}`, 'latin1');
  if (!verify(null, signed, publicKey, Buffer.from(signature, 'base64url'))) {
    throw new JwsError('signature verification failed');
  }
  return decodeObject(body, 'JWT Claims Set');
}

/** The claims of a token that was verified before. */
export function payloadOf(token: string): Record<string, unknown> {
  return decodeObject(token.split('.', 2)[1] ?? '', 'JWT Claims Set');
}

function decodeObject(part: string, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (cause) {
    throw new JwsError(`${what} is not JSON`, { cause });
  }
  throw new JwsError(`${what} is not a JSON object`);
}

export class JwsError extends Error {
  override readonly name = 'JwsError';
}
