import type { DeltaView, FirmwareView } from '@flotilla/contracts';
import type { DeltaRow, FirmwareRow, FirmwareStore } from './firmware-store.ts';
import { firmwareTargetOf } from './firmware-target.ts';
import { stringList } from './string-list.ts';

/** In the order of the rows. */
export async function firmwareViews(
  store: FirmwareStore,
  rows: readonly FirmwareRow[],
): Promise<FirmwareView[]> {
  const [deltas, channels] = await Promise.all([store.deltasTowards(rows), store.channelsAt(rows)]);
  return rows.map((row) => firmwareView(row, deltas, channels.get(row.id) ?? []));
}

function firmwareView(
  row: FirmwareRow,
  deltas: readonly DeltaRow[],
  channels: string[],
): FirmwareView {
  return {
    id: row.id,
    model: row.model,
    version: row.version,
    state: row.state,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    fullTransferBytes: row.full_size_bytes,
    target: firmwareTargetOf(row),
    format: row.format,
    allowDowngrade: row.allow_downgrade === 1,
    minimumVersion: row.minimum_version,
    hardwareRevisions: stringList(row.hardware_revisions_json),
    releaseNotes: row.release_notes,
    channels,
    createdAt: new Date(row.created_at_ms).toISOString(),
    releasedAt: timestamp(row.released_at_ms),
    withdrawnAt: timestamp(row.withdrawn_at_ms),
    withdrawalReason: row.withdrawal_reason,
    deltas: deltas.filter((delta) => delta.firmware_id === row.id).map(deltaView),
  };
}

function timestamp(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
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
