import { HEALTH_STATUSES, type HealthStatus } from '@flotilla/contracts';

/** Worst first; `unknown` stands before `healthy` because silence is never good news. */
const RANK: Readonly<Record<HealthStatus, number>> = {
  critical: 0,
  degraded: 1,
  unknown: 2,
  healthy: 3,
};

export const STATUSES_WORST_FIRST = [...HEALTH_STATUSES].sort((a, b) => RANK[a] - RANK[b]);
