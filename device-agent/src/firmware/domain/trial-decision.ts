import type { UpdateReason } from '@flotilla/contracts';

/** What is known about one boot of a new firmware, at one moment. */
export interface TrialObservation {
  readonly elapsedMs: number;
  /** How it ended, in words; null while it runs. */
  readonly ended: string | null;
  /** The newest probe; null before the first. */
  readonly healthy: boolean | null;
  readonly everHealthy: boolean;
  readonly failedProbesInARow: number;
  /** The collector acknowledged something since this boot. */
  readonly telemetryAcknowledged: boolean;
}

export interface TrialRules {
  /** It must run this long without a break. */
  readonly trialMs: number;
  /** Once healthy, this many failed probes in a row end the trial early. */
  readonly maxFailedProbes: number;
}

export type TrialDecision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly reason: UpdateReason; readonly detail: string };

/** Passing needs the whole window: a firmware that crashes after some seconds was healthy before. */
export function decideTrial(seen: TrialObservation, rules: TrialRules): TrialDecision {
  const afterS = `${(seen.elapsedMs / 1000).toFixed(1)} s`;
  if (seen.ended !== null) {
    return fail('trial_crashed', `the firmware ${seen.ended} after ${afterS} on trial`);
  }
  if (seen.everHealthy && seen.failedProbesInARow >= rules.maxFailedProbes) {
    const times = seen.failedProbesInARow;
    return fail('trial_unhealthy', `the health probe failed ${times} times in a row on trial`);
  }
  if (seen.elapsedMs < rules.trialMs) return { kind: 'wait' };
  if (seen.healthy !== true) {
    const what = seen.everHealthy ? 'no longer' : 'never';
    return fail('trial_unhealthy', `the firmware ${what} answered its health probe in ${afterS}`);
  }
  if (!seen.telemetryAcknowledged) {
    return fail('trial_telemetry_lost', `no telemetry reached the collector in ${afterS} on trial`);
  }
  return { kind: 'pass' };
}

function fail(reason: UpdateReason, detail: string): TrialDecision {
  return { kind: 'fail', reason, detail };
}
