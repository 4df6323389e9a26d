import { HEALTH_STATUSES, type DeviceView, type HealthStatus } from '@flotilla/contracts';

/** Worst first; `unknown` stands before `healthy` because silence is never good news. */
const RANK: Readonly<Record<HealthStatus, number>> = {
  critical: 0,
  degraded: 1,
  unknown: 2,
  healthy: 3,
};

export const STATUSES_WORST_FIRST = [...HEALTH_STATUSES].sort((a, b) => RANK[a] - RANK[b]);

/** A device the warehouse says nothing about is unknown, never healthy. */
export function statusOf(device: Pick<DeviceView, 'health'>): HealthStatus {
  return device.health?.status ?? 'unknown';
}

export function statusRank(device: Pick<DeviceView, 'health'>): number {
  return RANK[statusOf(device)];
}
