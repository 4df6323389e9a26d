import {
  deviceViewSchema,
  HEALTH_STATUSES,
  type DeviceDetail,
  type DeviceView,
  type FleetSummary,
  type HealthStatus,
} from '@flotilla/contracts';

const RANK: readonly HealthStatus[] = ['critical', 'degraded', 'unknown', 'healthy'];

function statusOf(device: DeviceDetail): HealthStatus {
  return device.health?.status ?? 'unknown';
}

/** Views in the order the service gives them: by status, then by score, then by id. */
export function worstFirst(devices: readonly DeviceDetail[]): DeviceView[] {
  return [...devices]
    .sort(
      (a, b) =>
        RANK.indexOf(statusOf(a)) - RANK.indexOf(statusOf(b)) ||
        (a.health?.score ?? 0) - (b.health?.score ?? 0) ||
        (a.id < b.id ? -1 : 1),
    )
    .map((device) => deviceViewSchema.parse(device));
}

/** What the service would answer about these devices as a whole. */
export function summaryOf(all: readonly DeviceDetail[], computedAt: string): FleetSummary {
  const devices = all.filter(({ lifecycle }) => lifecycle !== 'retired');
  const count = (matches: (device: DeviceDetail) => boolean) => devices.filter(matches).length;
  const ofStatus = (status: HealthStatus) => count((device) => statusOf(device) === status);
  const distinct = <T>(of: (device: DeviceDetail) => T) => [...new Set(devices.map(of))];
  return {
    devices: devices.length,
    lifecycle: {
      provisioned: count(({ lifecycle }) => lifecycle === 'provisioned'),
      active: count(({ lifecycle }) => lifecycle === 'active'),
      maintenance: count(({ lifecycle }) => lifecycle === 'maintenance'),
    },
    retired: all.length - devices.length,
    health: Object.fromEntries(
      HEALTH_STATUSES.map((status) => [status, ofStatus(status)]),
    ) as unknown as NonNullable<FleetSummary['health']>,
    versions: distinct((d) => d.firmwareVersion).map((version) => ({
      version,
      devices: count((device) => device.firmwareVersion === version),
    })),
    models: distinct((d) => d.model).map((model) => ({
      model,
      devices: count((device) => device.model === model),
    })),
    groups: distinct((d) => d.group)
      .sort()
      .map((group) => ({
        group,
        devices: count((device) => device.group === group),
        critical: count((d) => d.group === group && statusOf(d) === 'critical'),
        degraded: count((d) => d.group === group && statusOf(d) === 'degraded'),
      })),
    groupsAreWhole: true,
    worst: worstFirst(devices).slice(0, 20),
    computedAt,
  };
}
