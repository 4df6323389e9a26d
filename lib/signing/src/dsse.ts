import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Envelope } from '@flotilla/contracts';
import { keyId } from './keys.ts';

/** Pre-authentication encoding (DSSE protocol.md, "Signature Definition"): the bytes that are signed. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `, 'utf8'),
    type,
    Buffer.from(` ${payload.length} `, 'utf8'),
    payload,
  ]);
}

export function signEnvelope(
  payloadType: string,
  payload: Uint8Array,
  privateKey: KeyObject,
): Envelope {
  const sig = sign(null, preAuthEncoding(payloadType, payload), privateKey);
  return {
    payloadType,
    payload: Buffer.from(payload).toString('base64'),
    signatures: [{ keyid: keyId(createPublicKey(privateKey)), sig: sig.toString('base64') }],
  };
}

/**
 * The payload, if at least one signature is by a trusted key; otherwise throws SignatureError.
 * `keyid` is only a hint (DSSE protocol.md), so every trusted key is tried.
 */
export function openEnvelope(
  envelope: Envelope,
  payloadType: string,
  trusted: readonly KeyObject[],
): Buffer {
  if (envelope.payloadType !== payloadType) {
    throw new SignatureError(`payload type is ${envelope.payloadType}, expected ${payloadType}`);
  }
  const payload = Buffer.from(envelope.payload, 'base64');
  const message = preAuthEncoding(payloadType, payload);
  for (const { sig } of envelope.signatures) {
    const signature = Buffer.from(sig, 'base64');
    if (trusted.some((key) => verify(null, message, key, signature))) return payload;
  }
  const named = envelope.signatures.map((s) => s.keyid.slice(0, 12)).join(', ');
  throw new SignatureError(`no signature by a trusted release key (signed by ${named})`);
}

export class SignatureError extends Error {
  override readonly name = 'SignatureError';
}
