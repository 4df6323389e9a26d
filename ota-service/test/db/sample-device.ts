import type { DeviceRow } from '../../src/devices/device-store.ts';
import { newDevice } from '../../src/devices/new-device.ts';

export const sampleDevice = (id: string): DeviceRow => ({
  ...newDevice(id, 'm', 'g', 1_800_000_000_000),
  lifecycle: 'active',
});
