import type { Manifest, UpdateReason } from '@flotilla/contracts';
import { comparePrecedence } from './version-precedence.ts';

/** What a device knows when it judges a manifest whose signature holds. */
export interface ManifestContext {
  readonly model: string;
  readonly highestConfirmedVersion: string | null;
  readonly running: {
    readonly version: string;
    readonly sha256: string;
    readonly isConfirmed: boolean;
  } | null;
}

export type ManifestDecision =
  | { readonly kind: 'accept' }
  /** These very bytes run here, confirmed: nothing is left to do. */
  | { readonly kind: 'already_running' }
  /** What runs is not confirmed: it proves nothing, and the other slot may be the only good one. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'refuse'; readonly reason: UpdateReason; readonly detail: string };

/** In this order: model, anti-rollback, version. The signature was checked before. */
export function decideManifest(manifest: Manifest, context: ManifestContext): ManifestDecision {
  const { version, model } = manifest;
  if (model !== context.model) {
    const detail = `the manifest is for model ${model}, this device is ${context.model}`;
    return { kind: 'refuse', reason: 'manifest_model_mismatch', detail };
  }
  const highest = context.highestConfirmedVersion;
  if (highest !== null && !manifest.allowDowngrade && comparePrecedence(version, highest) < 0) {
    const detail = `version ${version} is below ${highest}, which was confirmed here before`;
    return { kind: 'refuse', reason: 'manifest_downgrade_refused', detail };
  }
  if (context.running?.isConfirmed === false) return { kind: 'wait' };
  if (context.running?.version !== version) return { kind: 'accept' };
  if (context.running.sha256 === manifest.artifact.sha256) return { kind: 'already_running' };
  const detail = `version ${version} already runs here with other content`;
  return { kind: 'refuse', reason: 'manifest_invalid', detail };
}
