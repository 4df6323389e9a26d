import { compareVersions, type DeviceView } from '@flotilla/contracts';

export interface VersionShare {
  /** Null: devices that never ran a firmware of ours. */
  readonly version: string | null;
  readonly devices: number;
  /** 0 to 1. */
  readonly share: number;
}

/** How many devices run what, newest version first, devices without a version last. */
export function versionSpread(devices: readonly DeviceView[]): VersionShare[] {
  const counts = new Map<string | null, number>();
  for (const { firmwareVersion } of devices) {
    counts.set(firmwareVersion, (counts.get(firmwareVersion) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => {
      if (a === null || b === null) return Number(a === null) - Number(b === null);
      return compareVersions(b, a);
    })
    .map(([version, n]) => ({ version, devices: n, share: n / devices.length }));
}
