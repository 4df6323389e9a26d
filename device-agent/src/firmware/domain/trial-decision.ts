import type { UpdateReason } from '@flotilla/contracts';

/** One custom probe since the boot. */
export interface ProbeRecord {
  readonly name: string;
  readonly hasPassed: boolean;
  readonly failedInARow: number;
  /** What the newest failure said; null after a success. */
  readonly fault: string | null;
}

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
  /** Of the device maker's own probes, in their order. */
  readonly probes: readonly ProbeRecord[];
  /** Of its processes together; null when unknown. */
  readonly rssBytes: number | null;
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
  /** Null: whatever it takes. */
  readonly maxRssBytes: number | null;
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
  const { sinceHealthyMs, rssBytes } = seen;
  const after = `after ${(seen.elapsedMs / 1000).toFixed(1)} s on trial`;
  if (seen.ended !== null) return fail('trial_crashed', `the firmware ${seen.ended} ${after}`);
  if (rules.maxRssBytes !== null && rssBytes !== null && rssBytes > rules.maxRssBytes) {
    const detail = `the firmware took ${rssBytes} bytes, more than ${rules.maxRssBytes}, ${after}`;
    return fail('trial_memory_exceeded', detail);
  }
  const failed = failedProbe(seen, rules, after);
  if (failed !== null) return failed;
  // One late answer at the very end is not the end: the next probes tell.
  if (sinceHealthyMs === null || sinceHealthyMs < rules.trialMs) return { kind: 'wait' };
  if (seen.healthy !== true || seen.probes.some(({ fault }) => fault !== null)) {
    return { kind: 'wait' };
  }
  if (!seen.telemetryAcknowledged) {
    // A collector that restarts just now deserves as much patience as a firmware that starts.
    if (seen.elapsedMs < rules.startTimeoutMs) return { kind: 'wait' };
    return fail('trial_telemetry_lost', `no telemetry had reached the collector ${after}`);
  }
  return { kind: 'pass' };
}

/** Nothing wrong at this moment: what a watchdog is petted for. */
export function isWell(seen: TrialObservation, rules: TrialRules): boolean {
  const isStarting = seen.sinceHealthyMs === null && seen.elapsedMs < rules.startTimeoutMs;
  if (isStarting) return true;
  return seen.healthy === true && seen.probes.every(({ fault }) => fault === null);
}

function failedProbe(
  seen: TrialObservation,
  rules: TrialRules,
  after: string,
): TrialDecision | null {
  const isLate = seen.elapsedMs >= rules.startTimeoutMs;
  if (seen.sinceHealthyMs === null && isLate) {
    return fail('trial_unhealthy', `the firmware had never answered its health probe ${after}`);
  }
  if (seen.sinceHealthyMs !== null && seen.failedProbesInARow >= rules.maxFailedProbes) {
    const times = `${seen.failedProbesInARow} times in a row`;
    return fail('trial_unhealthy', `the health probe failed ${times} ${after}`);
  }
  for (const { name, hasPassed, failedInARow, fault } of seen.probes) {
    const isOver = hasPassed ? failedInARow >= rules.maxFailedProbes : isLate;
    if (fault !== null && isOver) {
      return fail('trial_probe_failed', `the probe ${name} ${fault} ${after}`);
    }
  }
  return null;
}

function fail(reason: UpdateReason, detail: string): TrialDecision {
  return { kind: 'fail', reason, detail };
}
