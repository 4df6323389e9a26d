import type { UpdateReason } from '@flotilla/contracts';

/** What is known about one boot of a new firmware, at one moment. */
export interface TrialObservation {
  readonly elapsedMs: number;
  /** How it ended, in words; null while it runs. */
  readonly ended: string | null;
  /** The newest probe; null before the first. */
  readonly healthy: boolean | null;
  /** Since it answered for the first time; null before. */
  readonly sinceHealthyMs: number | null;
  readonly failedProbesInARow: number;
  /** The collector acknowledged something since this boot. */
  readonly telemetryAcknowledged: boolean;
}

export interface TrialRules {
  /** From the start until it must have answered for the first time. */
  readonly startTimeoutMs: number;
  /** From its first answer, it must run this long without a break. */
  readonly trialMs: number;
  /** Once healthy, this many failed probes in a row end the trial early. */
  readonly maxFailedProbes: number;
}

export type TrialDecision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly reason: UpdateReason; readonly detail: string };

/**
 * Passing needs the whole window: a firmware that crashes after some seconds was healthy before. The
 * window opens with the first healthy answer, so a slow start on a busy device does not shorten it.
 */
export function decideTrial(seen: TrialObservation, rules: TrialRules): TrialDecision {
  const { sinceHealthyMs, failedProbesInARow } = seen;
  const after = `after ${(seen.elapsedMs / 1000).toFixed(1)} s on trial`;
  if (seen.ended !== null) return fail('trial_crashed', `the firmware ${seen.ended} ${after}`);
  if (sinceHealthyMs === null) {
    if (seen.elapsedMs < rules.startTimeoutMs) return { kind: 'wait' };
    return fail('trial_unhealthy', `the firmware had never answered its health probe ${after}`);
  }
  if (failedProbesInARow >= rules.maxFailedProbes) {
    const times = `${failedProbesInARow} times in a row`;
    return fail('trial_unhealthy', `the health probe failed ${times} ${after}`);
  }
  // One late answer at the very end is not the end: the next probes tell.
  if (sinceHealthyMs < rules.trialMs || seen.healthy !== true) return { kind: 'wait' };
  if (!seen.telemetryAcknowledged) {
    // A collector that restarts just now deserves as much patience as a firmware that starts.
    if (seen.elapsedMs < rules.startTimeoutMs) return { kind: 'wait' };
    return fail('trial_telemetry_lost', `no telemetry had reached the collector ${after}`);
  }
  return { kind: 'pass' };
}

function fail(reason: UpdateReason, detail: string): TrialDecision {
  return { kind: 'fail', reason, detail };
}
