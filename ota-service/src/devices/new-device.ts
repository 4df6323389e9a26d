import type { DeviceRow } from './device-store.ts';

/** The row of a device that nobody has heard of yet. */
export function newDevice(id: string, model: string, group: string, nowMs: number): DeviceRow {
  return {
    id,
    model,
    group_name: group,
    lifecycle: 'provisioned',
    firmware_version: null,
    firmware_sha256: null,
    created_at_ms: nowMs,
    last_seen_at_ms: null,
    hardware_revision: null,
    previous_firmware_sha256: null,
    withheld_firmware_id: null,
    withheld_reason: null,
    withheld_detail: null,
    withheld_since_ms: null,
  };
}
