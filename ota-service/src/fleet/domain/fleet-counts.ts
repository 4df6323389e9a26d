import type { FleetSummary, HealthStatus, LifecycleState } from '@flotilla/contracts';

/** Devices that are alike in all of these; `version` is '' before the first firmware. */
export interface AlikeDevices {
  readonly model: string;
  readonly group: string;
  readonly lifecycle: LifecycleState;
  readonly version: string;
  readonly devices: number;
}

/** A device that is critical or degraded, and the group it is in. */
export interface UnwellDevice {
  readonly group: string;
  readonly status: HealthStatus;
}

type Counts = Pick<
  FleetSummary,
  'devices' | 'lifecycle' | 'retired' | 'health' | 'versions' | 'models' | 'groups'
>;

/**
 * Adds the registry's rows up. `byStatus` is null when the warehouse did not answer; a device it says
 * nothing of is unknown, never healthy.
 */
export function fleetCounts(
  rows: readonly AlikeDevices[],
  byStatus: ReadonlyMap<HealthStatus, number> | null,
  unwell: readonly UnwellDevice[],
): Counts {
  const present = rows.filter(({ lifecycle }) => lifecycle !== 'retired');
  const inState = (state: LifecycleState) =>
    total(rows.filter(({ lifecycle }) => lifecycle === state));
  const devices = total(present);
  const groups = sums(present, ({ group }) => group).map(([group, n]) => {
    const ofGroup = unwell.filter((device) => device.group === group);
    const critical = ofGroup.filter(({ status }) => status === 'critical').length;
    return { group, devices: n, critical, degraded: ofGroup.length - critical };
  });
  return {
    devices,
    lifecycle: {
      provisioned: inState('provisioned'),
      active: inState('active'),
      maintenance: inState('maintenance'),
    },
    retired: inState('retired'),
    health: byStatus === null ? null : healthOf(byStatus, devices),
    versions: sums(present, ({ version }) => version).map(([version, n]) => ({
      version: version === '' ? null : version,
      devices: n,
    })),
    models: sums(present, ({ model }) => model).map(([model, n]) => ({ model, devices: n })),
    groups,
  };
}

function healthOf(byStatus: ReadonlyMap<HealthStatus, number>, devices: number) {
  const of = (status: HealthStatus) => byStatus.get(status) ?? 0;
  const [critical, degraded, healthy] = [of('critical'), of('degraded'), of('healthy')];
  return {
    critical,
    degraded,
    healthy,
    unknown: Math.max(0, devices - critical - degraded - healthy),
  };
}

function total(rows: readonly AlikeDevices[]): number {
  return rows.reduce((sum, { devices }) => sum + devices, 0);
}

/** By name. */
function sums(
  rows: readonly AlikeDevices[],
  keyOf: (row: AlikeDevices) => string,
): (readonly [string, number])[] {
  const found = new Map<string, number>();
  for (const row of rows) found.set(keyOf(row), (found.get(keyOf(row)) ?? 0) + row.devices);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}
