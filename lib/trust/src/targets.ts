import { firmwareTargetSchema, targetPath, type FirmwareTarget } from '@flotilla/contracts';
import { Metadata, Targets } from '@tufjs/models';
import { expiryText, fromDocument, type MetadataOf } from './metadata.ts';
import { TrustError } from './trust-error.ts';

/** The member of a target's `custom` that is ours (TUF 1.0.31, 4.5). */
const CUSTOM_MEMBER = 'flotilla';

/** The next version of the targets with the same content, unsigned; version 1 when there is none. */
export function draftTargets(
  current: MetadataOf['targets'] | null,
  expiresAtMs: number,
): MetadataOf['targets'] {
  const expires = expiryText(expiresAtMs);
  if (current === null) {
    return new Metadata(new Targets({ version: 1, specVersion: '1.0.31', expires, targets: {} }));
  }
  const signed = { ...current.signed.toJSON(), version: current.signed.version + 1, expires };
  return fromDocument('targets', { signed, signatures: [] });
}

/** A copy of a draft with one more release; whoever had signed it has to sign it again. */
export function withRelease(
  draft: MetadataOf['targets'],
  target: FirmwareTarget,
): MetadataOf['targets'] {
  const { path, sha256, sizeBytes, release } = firmwareTargetSchema.parse(target);
  const entry = { length: sizeBytes, hashes: { sha256 }, custom: { [CUSTOM_MEMBER]: release } };
  return changed(draft, (targets) => ({ ...targets, [path]: entry }));
}

/** A copy of a draft without a release. Throws TrustError `metadata_invalid` when it has none there. */
export function withoutRelease(draft: MetadataOf['targets'], path: string): MetadataOf['targets'] {
  if (!Object.hasOwn(draft.signed.targets, path)) {
    throw new TrustError('metadata_invalid', `there is no target ${path} to withdraw`);
  }
  return changed(draft, (targets) =>
    Object.fromEntries(Object.entries(targets).filter(([name]) => name !== path)),
  );
}

function changed(
  draft: MetadataOf['targets'],
  change: (targets: Record<string, object>) => Record<string, object>,
): MetadataOf['targets'] {
  const signed = draft.signed.toJSON() as { targets: Record<string, object> };
  return fromDocument('targets', {
    signed: { ...signed, targets: change(signed.targets) },
    signatures: [],
  });
}

/** What a targets document says of one path; null when nothing. Throws TrustError `metadata_invalid`. */
export function releaseAt(targets: MetadataOf['targets'], path: string): FirmwareTarget | null {
  if (!Object.hasOwn(targets.signed.targets, path)) return null;
  const target = targets.signed.targets[path];
  const parsed = firmwareTargetSchema.safeParse({
    path,
    sha256: target?.hashes.sha256,
    sizeBytes: target?.length,
    release: target?.custom[CUSTOM_MEMBER],
  });
  if (!parsed.success) {
    const why = parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ');
    throw new TrustError('metadata_invalid', `the target ${path} breaks its schema: ${why}`);
  }
  const { model, version } = parsed.data.release;
  if (targetPath(model, version) !== path) {
    throw new TrustError('metadata_invalid', `the target ${path} is ${model} ${version} inside`);
  }
  return parsed.data;
}

/** Every release, by path. Throws TrustError `metadata_invalid` on the first that cannot be read. */
export function releasesIn(targets: MetadataOf['targets']): FirmwareTarget[] {
  return Object.keys(targets.signed.targets).flatMap((path) => releaseAt(targets, path) ?? []);
}
