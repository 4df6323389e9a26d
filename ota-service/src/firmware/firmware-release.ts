import type { KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { envelopeSchema, manifestSchema, type Envelope, type Manifest } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import { ManifestError, openManifest, SignatureError } from '@flotilla/signing';
import type { FirmwareRow, FirmwareStore } from './firmware-store.ts';

export interface ReleaseDeps {
  readonly store: FirmwareStore;
  /** Public halves; whoever holds a private half publishes, this service cannot. */
  readonly releaseKeys: readonly KeyObject[];
  readonly clock: () => number;
}

/**
 * Releases a draft with the publisher's signature over exactly its manifest. Sending the same
 * envelope again changes nothing. Throws ProblemError: signature_invalid, conflict.
 */
export async function releaseFirmware(
  deps: ReleaseDeps,
  row: FirmwareRow,
  envelope: Envelope,
): Promise<void> {
  const signed = open(envelope, deps.releaseKeys);
  const expected = manifestSchema.parse(JSON.parse(row.manifest_json));
  if (!isDeepStrictEqual(signed, expected)) {
    throw new ProblemError('signature_invalid', {
      detail: `the signed manifest is not the one of ${row.id}`,
      errors: differences(signed, expected),
    });
  }
  if (await deps.store.release(row.id, envelope, deps.clock())) return;
  const current = (await deps.store.byId(row.id))?.envelope_json ?? null;
  const stored = current === null ? null : envelopeSchema.parse(JSON.parse(current));
  if (isDeepStrictEqual(stored, envelope)) return;
  throw new ProblemError('conflict', {
    detail: `${row.id} was released already, with another signature`,
  });
}

function open(envelope: Envelope, releaseKeys: readonly KeyObject[]): Manifest {
  try {
    return openManifest(envelope, releaseKeys);
  } catch (error) {
    if (error instanceof SignatureError || error instanceof ManifestError) {
      throw new ProblemError('signature_invalid', { detail: error.message, cause: error });
    }
    throw error;
  }
}

function differences(signed: Manifest, expected: Manifest) {
  const keys = ['model', 'version', 'artifact', 'allowDowngrade', 'createdAt'] as const;
  return keys
    .filter((key) => !isDeepStrictEqual(signed[key], expected[key]))
    .map((key) => ({
      pointer: `/body/payload/${key}`,
      detail: `must be ${JSON.stringify(expected[key])}`,
    }));
}
