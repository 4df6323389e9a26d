import { compareVersions, type FleetSummary } from '@flotilla/contracts';

export interface VersionShare {
  /** Null: devices that never ran a firmware of ours. */
  readonly version: string | null;
  readonly devices: number;
  /** 0 to 1. */
  readonly share: number;
}

/** How many devices run what, newest version first, devices without a version last. */
export function versionSpread(versions: FleetSummary['versions']): VersionShare[] {
  const total = versions.reduce((sum, { devices }) => sum + devices, 0);
  return [...versions]
    .sort((a, b) => {
      if (a.version === null || b.version === null) {
        return Number(a.version === null) - Number(b.version === null);
      }
      return compareVersions(b.version, a.version);
    })
    .map(({ version, devices }) => ({ version, devices, share: devices / total }));
}
