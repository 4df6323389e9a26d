/** Where the error-rate bar and its limit mark lie, in percent of the drawn axis. */
export interface ErrorRateGeometry {
  /** Right end of the axis as a share, 0 to 1. */
  readonly axisEnd: number;
  readonly fillPercent: number;
  readonly limitPercent: number;
  readonly state: 'no_data' | 'within' | 'over';
}

const AXIS_ENDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1] as const;

/**
 * The axis starts at 0 and ends at the first round share that holds the rate and leaves the limit
 * in its left half, so a 5 % limit does not shrink to a hair beside 100 %. Above the threshold is
 * over; on it is within, as the gate judges. Nothing finished yet is `no_data`, not a rate of 0.
 */
export function errorRateGeometry(errorRate: number | null, threshold: number): ErrorRateGeometry {
  const need = Math.max(errorRate ?? 0, Math.min(1, threshold * 2));
  const axisEnd = AXIS_ENDS.find((end) => end >= need) ?? 1;
  const onAxis = (share: number) => Math.min(100, Math.max(0, (share / axisEnd) * 100));
  return {
    axisEnd,
    fillPercent: onAxis(errorRate ?? 0),
    limitPercent: onAxis(threshold),
    state: errorRate === null ? 'no_data' : errorRate > threshold ? 'over' : 'within',
  };
}
