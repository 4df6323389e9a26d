export const MAX_DEGRADATION = 3;

/** What the agent may use of its device. */
export interface FootprintCeiling {
  readonly maxRssBytes: number;
  /** Of all processors, 0 to 1. */
  readonly maxCpuShare: number;
}

export interface FootprintState {
  /** 0 (not held back) to MAX_DEGRADATION. */
  readonly level: number;
  readonly overInARow: number;
  readonly underInARow: number;
}

export interface FootprintObservation {
  readonly rssBytes: number;
  /** Since the last observation; null when too little time lies between. */
  readonly cpuShare: number | null;
}

export type FootprintBreach = 'memory' | 'cpu';

export interface FootprintDecision {
  readonly state: FootprintState;
  readonly breaches: readonly FootprintBreach[];
  readonly changed: boolean;
}

export const CALM: FootprintState = { level: 0, overInARow: 0, underInARow: 0 };

/** A peak is no breach. */
const RAISE_AFTER = 3;
/** Slower back than there, and only from well below, so that it does not swing. */
const LOWER_AFTER = 6;
const LOWER_BELOW = 0.8;

/** One level up while the agent uses more than it may, one level down once it has been calm for long. */
export function decideFootprint(
  state: FootprintState,
  seen: FootprintObservation,
  ceiling: FootprintCeiling,
): FootprintDecision {
  const memory = seen.rssBytes / ceiling.maxRssBytes;
  const cpu = seen.cpuShare === null ? null : seen.cpuShare / ceiling.maxCpuShare;
  const breaches: FootprintBreach[] = [];
  if (memory > 1) breaches.push('memory');
  if (cpu !== null && cpu > 1) breaches.push('cpu');
  const isCalm = memory < LOWER_BELOW && cpu !== null && cpu < LOWER_BELOW;
  const overInARow = breaches.length > 0 ? state.overInARow + 1 : 0;
  const underInARow = isCalm ? state.underInARow + 1 : 0;
  if (overInARow >= RAISE_AFTER && state.level < MAX_DEGRADATION) {
    return { state: { ...CALM, level: state.level + 1 }, breaches, changed: true };
  }
  if (underInARow >= LOWER_AFTER && state.level > 0) {
    return { state: { ...CALM, level: state.level - 1 }, breaches, changed: true };
  }
  return { state: { level: state.level, overInARow, underInARow }, breaches, changed: false };
}

/** What a level costs: intervals grow, and fewer records below WARN are kept. */
export function degradationEffect(level: number): {
  readonly intervalFactor: number;
  readonly thrift: number;
} {
  return { intervalFactor: 2 ** level, thrift: [1, 0.5, 0.1, 0][level] ?? 0 };
}
