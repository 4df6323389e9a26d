import type { DeviceView, HealthStatus } from '@flotilla/contracts';
import { updateStateWord } from '../device/update-words.ts';
import { statusOf } from './health-of.ts';

export interface FleetFilter {
  readonly text: string;
  /** Null shows every status. */
  readonly status: HealthStatus | null;
}

/** Every word of the text must occur in what the row shows; case does not matter. */
export function filterFleet(devices: readonly DeviceView[], filter: FleetFilter): DeviceView[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return devices.filter((device) => {
    if (filter.status !== null && statusOf(device) !== filter.status) return false;
    const text = rowText(device);
    return words.every((word) => text.includes(word));
  });
}

function rowText(device: DeviceView): string {
  const update = device.lastUpdate;
  return [
    device.id,
    device.model,
    device.group,
    device.lifecycle,
    device.firmwareVersion ?? 'no firmware',
    statusOf(device),
    update === null ? '' : `${updateStateWord(update.state)} ${update.toVersion}`,
  ]
    .join(' ')
    .toLowerCase();
}
