import { geometricGaps, uniform } from '../harness/random.ts';
import { boundaryOf, eProcessTable } from './shipped-policy.ts';

export interface QuickFailureCell {
  readonly canaries: number;
  readonly phaseCount: number;
  readonly failureProbability: number;
  /** A success is known this many starts after its own; a failure at once. */
  readonly successDelay: number;
  readonly campaigns: number;
  readonly seed: number;
}

export interface QuickFailureOutcome {
  /** Started devices at the pause, per campaign; Infinity when the canary phase passed. */
  readonly finishedOnly: Float64Array;
  readonly flotilla: Float64Array;
}

/**
 * The canary phase of campaigns whose failures report before their successes: the e-process over
 * finished devices alone, as in the reference, beside the shipped one over started devices. Both
 * with the count boundary.
 */
export function raceQuickFailures(cell: QuickFailureCell): QuickFailureOutcome {
  const nextGap = geometricGaps(uniform(cell.seed), cell.failureProbability);
  const eLimit = eProcessTable(cell.canaries);
  const boundary = boundaryOf(cell.canaries, 1, cell.phaseCount);
  const finishedOnly = new Float64Array(cell.campaigns).fill(Infinity);
  const flotilla = new Float64Array(cell.campaigns).fill(Infinity);
  for (let campaign = 0; campaign < cell.campaigns; campaign++) {
    const failures: number[] = [];
    let settledFailures = 0;
    for (let at = nextGap(); at <= cell.canaries; at += nextGap()) {
      failures.push(at);
      const settled = Math.max(0, at - cell.successDelay);
      while ((failures[settledFailures] ?? Infinity) <= settled) settledFailures++;
      const limit = eLimit[failures.length] ?? 0;
      const isTooMany = failures.length >= boundary;
      const finished = failures.length + settled - settledFailures;
      const seen = finishedOnly[campaign] ?? 0;
      if (seen === Infinity && (isTooMany || finished <= limit)) finishedOnly[campaign] = at;
      if (isTooMany || at <= limit) {
        flotilla[campaign] = at;
        break;
      }
    }
  }
  return { finishedOnly, flotilla };
}
