import { logSumExp } from './log-sum-exp.ts';

/** How many times as often as the control an updated device may fail. */
const TOLERATED_HAZARD_RATIO = 1.5;

/** Hazard ratios that the tolerated one is tested against, each with the same weight. */
const ALTERNATIVES = [2, 3, 5, 10, 20, 50];

/** ln of the likelihood ratio for each alternative. */
export type LogRankState = readonly number[];

/** A device's first failure, and the devices that could have failed at that moment, itself included. */
export interface LogRankEvent {
  readonly failed: 'updated' | 'control';
  readonly updatedAtRisk: number;
  readonly controlAtRisk: number;
}

export const LOG_RANK_START: LogRankState = ALTERNATIVES.map(() => -Math.log(ALTERNATIVES.length));

/**
 * Takes in one failure. Only who failed counts, not when, so a shock that hits the whole fleet, the
 * control as well, says nothing against the firmware. Strata (model and group) share one state: each
 * event brings the at-risk counts of its own stratum.
 *
 * @throws RangeError when nobody of the failed device's kind was at risk.
 */
export function logRankStep(state: LogRankState, event: LogRankEvent): LogRankState {
  const { failed, updatedAtRisk, controlAtRisk } = event;
  if ((failed === 'updated' ? updatedAtRisk : controlAtRisk) <= 0) {
    throw new RangeError(`a device of ${failed} failed, but none was at risk`);
  }
  const weighted = (ratio: number): number => ratio * updatedAtRisk + controlAtRisk;
  return state.map((term, index) => {
    const ratio = ALTERNATIVES[index] ?? TOLERATED_HAZARD_RATIO;
    const control = Math.log(weighted(TOLERATED_HAZARD_RATIO) / weighted(ratio));
    const gain =
      failed === 'updated' ? control + Math.log(ratio / TOLERATED_HAZARD_RATIO) : control;
    return term + gain;
  });
}

/** Evidence against "updated devices fail at most 1.5 times as often"; reaching 1/a is an a-error. */
export function logRankLogE(state: LogRankState): number {
  return logSumExp(state);
}
