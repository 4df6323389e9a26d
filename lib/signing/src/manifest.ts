import type { KeyObject } from 'node:crypto';
import {
  MANIFEST_PAYLOAD_TYPE,
  manifestSchema,
  type Envelope,
  type Manifest,
} from '@flotilla/contracts';
import { openEnvelope, signEnvelope } from './dsse.ts';

export function signManifest(manifest: Manifest, privateKey: KeyObject): Envelope {
  return signEnvelope(MANIFEST_PAYLOAD_TYPE, Buffer.from(JSON.stringify(manifest)), privateKey);
}

/** Checks the signature first and only then reads the content; throws SignatureError or ManifestError. */
export function openManifest(envelope: Envelope, trusted: readonly KeyObject[]): Manifest {
  const payload = openEnvelope(envelope, MANIFEST_PAYLOAD_TYPE, trusted);
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new ManifestError('the signed manifest is not JSON', { cause });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    throw new ManifestError(`the signed manifest breaks its schema: ${parsed.error.message}`);
  }
  return parsed.data;
}

export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}
