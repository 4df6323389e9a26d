import { targetPath, type FirmwareTarget } from '@flotilla/contracts';
import type { FirmwareRow } from './firmware-store.ts';
import { stringList } from './string-list.ts';

/** What the publisher has to sign for a firmware to be released, and nothing else will do. */
export function firmwareTargetOf(row: FirmwareRow): FirmwareTarget {
  const { model, version } = row;
  return {
    path: targetPath(model, version),
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    release: {
      schemaVersion: 1,
      model,
      version,
      format: row.format,
      allowDowngrade: row.allow_downgrade === 1,
      minimumVersion: row.minimum_version,
      hardwareRevisions: stringList(row.hardware_revisions_json),
      createdAt: new Date(row.created_at_ms).toISOString(),
    },
  };
}
