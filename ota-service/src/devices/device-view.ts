import type { DeviceHealth, DeviceView, UpdateRecord } from '@flotilla/contracts';
import type { DeviceRow } from './device-store.ts';

export function deviceView(
  row: DeviceRow,
  health: DeviceHealth | null,
  lastUpdate: UpdateRecord | null,
): DeviceView {
  return {
    id: row.id,
    model: row.model,
    group: row.group_name,
    lifecycle: row.lifecycle,
    firmwareVersion: row.firmware_version,
    createdAt: new Date(row.created_at_ms).toISOString(),
    lastSeenAt: row.last_seen_at_ms === null ? null : new Date(row.last_seen_at_ms).toISOString(),
    health,
    lastUpdate,
  };
}
