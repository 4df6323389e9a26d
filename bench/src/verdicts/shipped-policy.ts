import {
  judge,
  type GateState,
} from '@flotilla/ota-service/src/campaigns/domain/campaign-verdict.ts';
import { countBoundary } from '@flotilla/ota-service/src/campaigns/domain/gates/count-boundary.ts';
import { outcomeLogE } from '@flotilla/ota-service/src/campaigns/domain/gates/outcome-e-process.ts';
import {
  countShare,
  LOG_E_LIMIT,
  toleratedProbability,
} from '@flotilla/ota-service/src/campaigns/domain/gates/outcome-gate.ts';
import type { Observation } from '@flotilla/ota-service/src/campaigns/domain/observation.ts';

/** The user's limit in every rule compared. */
export const LIMIT = 0.05;

const tolerated = toleratedProbability(LIMIT) ?? NaN;

/**
 * For each number of failures the largest number of started devices at which the shipped e-process
 * still pauses. Its evidence falls with every success, so a look at this table decides as it does.
 */
export function eProcessTable(failureCount: number): Float64Array {
  const table = new Float64Array(failureCount + 1);
  const pauses = (failures: number, started: number): boolean =>
    outcomeLogE(failures, started - failures, tolerated) >= LOG_E_LIMIT;
  for (let failures = 1; failures <= failureCount; failures++) {
    let low = Math.max(failures, table[failures - 1] ?? 0);
    if (!pauses(failures, low)) continue;
    // At the tolerance itself the evidence is spent.
    let high = Math.max(low + 1, Math.ceil((2 * failures) / tolerated));
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (pauses(failures, middle)) low = middle;
      else high = middle;
    }
    table[failures] = low;
  }
  return table;
}

/** Failures of a phase at which the shipped count boundary pauses. */
export function boundaryOf(devices: number, phase: number, phaseCount: number): number {
  return countBoundary(devices, tolerated, countShare(phase, phaseCount));
}

/** What the shipped judge says when the first `finished` devices have, `failuresAt` among them. */
export function judgedPause(
  cumulativeSizes: readonly number[],
  failuresAt: readonly number[],
  finished: number,
  minSample: number | null,
): boolean {
  const phases = cumulativeSizes.map((end, index) => {
    const begin = cumulativeSizes[index - 1] ?? 0;
    const done = Math.max(0, Math.min(finished, end) - begin);
    const failed = failuresAt.filter((at) => at > begin && at <= Math.min(finished, end)).length;
    return {
      phase: index + 1,
      devices: end - begin,
      started: done,
      confirmed: done - failed,
      failed,
      rolledBack: 0,
      silent: 0,
      inMaintenance: 0,
      firstFailureAtMs: null,
      lastFinishAtMs: null,
    };
  });
  const current = phases.findLast((phase) => phase.started > 0)?.phase ?? 1;
  const state: GateState = {
    round: 1,
    currentPhase: current,
    phaseCount: phases.length,
    errorThreshold: LIMIT,
    minSample,
    soakMs: 0,
    settledAtMs: null,
  };
  const observation: Observation = {
    kind: 'observed',
    phases,
    retired: 0,
    hasVersion: 0,
    withheld: 0,
  };
  return judge(state, observation, 0).kind === 'pause';
}
