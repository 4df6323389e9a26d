import type { KeyObject } from 'node:crypto';
import { manifestSchema, type Deployment, type Envelope, type Manifest } from '@flotilla/contracts';
import { ManifestError, openManifest, SignatureError } from '@flotilla/signing';
import { decideManifest, type ManifestContext } from './domain/manifest-decision.ts';
import type { FailureWords } from './update-attempt.ts';

/** What to make of a deployment. `version` of a refused one may be unverified: for display only. */
export type OfferDecision =
  | { readonly kind: 'accept' | 'already_running'; readonly manifest: Manifest }
  | { readonly kind: 'wait' }
  | { readonly kind: 'refuse'; readonly version: string; readonly failure: FailureWords };

/** Shown when not even an unverified version can be read. */
const UNKNOWN_VERSION = '0.0.0';

/** The signature first, and nothing else is believed before it holds. */
export function judgeOffer(
  deployment: Deployment,
  trustedKeys: readonly KeyObject[],
  context: ManifestContext,
): OfferDecision {
  let manifest: Manifest;
  try {
    manifest = openManifest(deployment.manifest, trustedKeys);
  } catch (error) {
    return {
      kind: 'refuse',
      version: unverifiedVersion(deployment.manifest),
      failure: signatureFailure(error),
    };
  }
  const decision = decideManifest(manifest, context);
  if (decision.kind === 'wait') return decision;
  if (decision.kind !== 'refuse') return { kind: decision.kind, manifest };
  const { reason, detail } = decision;
  return { kind: 'refuse', version: manifest.version, failure: { reason, detail } };
}

/** The same offer as before: same campaign, same round, same signed bytes. */
export function isSameOffer(a: Deployment, b: Deployment): boolean {
  return (
    a.campaignId === b.campaignId &&
    a.round === b.round &&
    a.manifest.payload === b.manifest.payload
  );
}

function signatureFailure(error: unknown): FailureWords {
  if (error instanceof SignatureError) {
    return { reason: 'manifest_signature_invalid', detail: error.message };
  }
  if (error instanceof ManifestError) return { reason: 'manifest_invalid', detail: error.message };
  throw error;
}

function unverifiedVersion(envelope: Envelope): string {
  try {
    const value: unknown = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'));
    const parsed = manifestSchema.shape.version.safeParse((value as { version?: unknown }).version);
    return parsed.success ? parsed.data : UNKNOWN_VERSION;
  } catch {
    // A payload that is not JSON has no version to show.
    return UNKNOWN_VERSION;
  }
}
