import { createPublicKey, type KeyObject } from 'node:crypto';
import type { OfflineRole, TrustView } from '@flotilla/contracts';
import {
  fromDocument,
  signatureStatus,
  toDocument,
  TrustError,
  tufKey,
  withSignature,
  type MetadataOf,
  type SignatureStatus,
} from '@flotilla/trust';
import type { ApiClient } from '../client/api-client.ts';

/** What is on its way to be published; throws TrustError when nothing is. */
export function stagedOf<R extends OfflineRole>(view: TrustView, role: R): MetadataOf[R] {
  const document = view.staged[role];
  if (document === null) throw new TrustError('metadata_unavailable', `no ${role} is staged`);
  return fromDocument(role, document);
}

export interface StagedStatus {
  readonly role: OfflineRole;
  readonly version: number;
  readonly expires: string;
  /** By the root in force; for a new root also by itself (TUF 1.0.31, 5.3.4). */
  readonly signatures: readonly (SignatureStatus & { readonly root: number })[];
}

export function statusOf(view: TrustView, role: OfflineRole): StagedStatus {
  const staged = stagedOf(view, role);
  const { version, expires } = staged.signed;
  const signatures = rootsFor(view, role).map((root) => ({
    root: root.signed.version,
    ...signatureStatus(root, role, staged),
  }));
  return { role, version, expires, signatures };
}

export function linesOf({ role, version, expires, signatures }: StagedStatus): string[] {
  return [
    `${role} ${version}, good until ${expires}`,
    ...signatures.map(
      ({ root, signedBy, threshold, isMet }) =>
        `  by root ${root}: signed by ${signedBy.length}, needs ${threshold}${isMet ? ', met' : ''}`,
    ),
  ];
}

/** Signs here what is staged there; the key stays. Throws TrustError when the role has no such key. */
export async function signStaged(
  api: ApiClient,
  view: TrustView,
  role: OfflineRole,
  key: KeyObject,
): Promise<void> {
  const { keyID } = tufKey(createPublicKey(key));
  const mayBy = (root: MetadataOf['root']) => root.signed.roles[role]?.keyIDs.includes(keyID);
  if (!rootsFor(view, role).some(mayBy)) {
    throw new TrustError('metadata_signature_invalid', `the key ${keyID} may not sign ${role}`);
  }
  await api.stageMetadata(role, toDocument(withSignature(stagedOf(view, role), key)));
}

/** Whose word a document needs: the root in force; a new root also needs its own. */
function rootsFor(view: TrustView, role: OfflineRole): MetadataOf['root'][] {
  const roots = [fromDocument('root', view.root)];
  return role === 'root' ? [...roots, stagedOf(view, 'root')] : roots;
}
