import {
  copyOf,
  hasSameContent,
  type AnyMetadata,
  type MetadataOf,
  type TrustRole,
} from './metadata.ts';
import { TrustError } from './trust-error.ts';

export interface SignatureStatus {
  readonly threshold: number;
  /** Keys of the role whose signature holds. */
  readonly signedBy: readonly string[];
  readonly isMet: boolean;
}

/** How far a document is on its way to a role's threshold, as `root` says it. */
export function signatureStatus(
  root: MetadataOf['root'],
  role: TrustRole,
  metadata: AnyMetadata,
): SignatureStatus {
  const { keyIDs = [], threshold = Infinity } = root.signed.roles[role] ?? {};
  const signedBy = [...new Set(keyIDs)].filter((id) => holds(root, id, metadata));
  return { threshold, signedBy, isMet: signedBy.length >= threshold };
}

function holds(root: MetadataOf['root'], keyId: string, metadata: AnyMetadata): boolean {
  try {
    root.signed.keys[keyId]?.verifySignature(metadata);
    return Object.hasOwn(root.signed.keys, keyId);
  } catch {
    // The library says "does not verify" by throwing.
    return false;
  }
}

/** Throws TrustError `metadata_signature_invalid` below the threshold. */
export function requireThreshold(
  root: MetadataOf['root'],
  role: TrustRole,
  metadata: AnyMetadata,
): void {
  const { threshold, signedBy, isMet } = signatureStatus(root, role, metadata);
  if (isMet) return;
  throw new TrustError(
    'metadata_signature_invalid',
    `${metadata.signed.type} ${metadata.signed.version} is signed by ${signedBy.length} of the ` +
      `${threshold} keys that version ${root.signed.version} of the root asks for`,
  );
}

/** Both sets of signatures over one content; throws TrustError `metadata_invalid` when it is not one. */
export function mergeSignatures<T extends AnyMetadata>(ours: T, theirs: T): T {
  if (!hasSameContent(ours, theirs)) {
    throw new TrustError('metadata_invalid', 'these signatures are over another content');
  }
  const merged = copyOf(ours);
  Object.assign(merged.signatures, theirs.signatures);
  return merged;
}
