import { manifestSchema, type DeltaView, type FirmwareView } from '@flotilla/contracts';
import type { DeltaRow, FirmwareRow } from './firmware-store.ts';

export function firmwareView(row: FirmwareRow, deltas: readonly DeltaRow[]): FirmwareView {
  return {
    id: row.id,
    model: row.model,
    version: row.version,
    state: row.state,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    fullTransferBytes: row.full_size_bytes,
    manifest: manifestSchema.parse(JSON.parse(row.manifest_json)),
    createdAt: new Date(row.created_at_ms).toISOString(),
    deltas: deltas.filter((delta) => delta.firmware_id === row.id).map(deltaView),
  };
}

function deltaView(row: DeltaRow): DeltaView {
  return {
    baseVersion: row.base_version,
    baseSha256: row.base_sha256,
    state: row.state,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    codec: row.codec,
    detail: row.detail,
  };
}
