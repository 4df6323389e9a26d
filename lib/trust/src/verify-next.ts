import { checkRoot } from './root.ts';
import type { AnyMetadata, MetadataOf } from './metadata.ts';
import { requireThreshold } from './signatures.ts';
import { releasesIn } from './targets.ts';
import { TrustError } from './trust-error.ts';

/**
 * Whether a root may follow another: TUF 1.0.31, 5.3.4 (signed by the threshold of the old and of the
 * new keys), 5.3.5 (version exactly one higher), 5.3.10 (not expired). Throws TrustError.
 */
export function verifyNextRoot(
  current: MetadataOf['root'],
  next: MetadataOf['root'],
  nowMs: number,
): void {
  checkRoot(next.signed);
  requireThreshold(current, 'root', next);
  requireThreshold(next, 'root', next);
  requireVersion(next, current.signed.version + 1);
  requireFresh(next, nowMs);
}

/** A root that nothing precedes: it must hold by itself. Throws TrustError. */
export function verifyFirstRoot(root: MetadataOf['root']): void {
  checkRoot(root.signed);
  requireThreshold(root, 'root', root);
}

/**
 * Whether targets may follow others: TUF 1.0.31, 5.6.3 (threshold), 5.6.4 with the step of one that we
 * ask for, 5.6.5 (not expired); every target must be one of our releases. Throws TrustError.
 */
export function verifyNextTargets(
  root: MetadataOf['root'],
  current: MetadataOf['targets'] | null,
  next: MetadataOf['targets'],
  nowMs: number,
): void {
  requireThreshold(root, 'targets', next);
  requireVersion(next, (current?.signed.version ?? 0) + 1);
  requireFresh(next, nowMs);
  if (next.signed.delegations !== undefined) {
    throw new TrustError('metadata_invalid', 'delegations are not used here');
  }
  releasesIn(next);
}

function requireVersion(next: AnyMetadata, expected: number): void {
  const { type, version } = next.signed;
  if (version === expected) return;
  throw new TrustError(
    'metadata_rollback',
    `${type} must have version ${expected}, not ${version}`,
  );
}

/** Throws TrustError `metadata_expired`. */
export function requireFresh(metadata: AnyMetadata, nowMs: number): void {
  const { type, version, expires } = metadata.signed;
  if (!metadata.signed.isExpired(new Date(nowMs))) return;
  throw new TrustError('metadata_expired', `${type} ${version} expired at ${expires}`);
}
