import type { DeviceRow } from '../../src/devices/device-store.ts';

export const sampleDevice = (id: string): DeviceRow => ({
  id,
  model: 'm',
  group_name: 'g',
  lifecycle: 'active',
  firmware_version: null,
  firmware_sha256: null,
  created_at_ms: 1_800_000_000_000,
  last_seen_at_ms: null,
  hardware_revision: null,
  previous_firmware_sha256: null,
  withheld_firmware_id: null,
  withheld_reason: null,
  withheld_detail: null,
  withheld_since_ms: null,
});
