import type { Logger } from '@flotilla/service';
import { abortableDelay } from '../abortable-delay.ts';
import type { DeviceTelemetry } from '../telemetry/device-telemetry.ts';
import { decideTrial, type TrialDecision, type TrialRules } from './domain/trial-decision.ts';
import { exitWords } from './exit-words.ts';
import type { Firmware, FirmwareExit } from './firmware-process.ts';

export interface TrialOptions {
  readonly rules: TrialRules;
  readonly probeIntervalMs: number;
  readonly telemetry: DeviceTelemetry;
  /** Milliseconds that no setting of the clock moves: the trial decides over durations only. */
  readonly monotonicNow: () => number;
  readonly logger: Logger;
}

export type TrialResult =
  | Exclude<TrialDecision, { readonly kind: 'wait' }>
  /** The agent is being stopped: the trial goes on at the next start. */
  | { readonly kind: 'stopped' };

/** Watches one boot of a new firmware until the rules have decided. */
export async function watchTrial(
  firmware: Firmware,
  options: TrialOptions,
  signal: AbortSignal,
): Promise<TrialResult> {
  const { rules, probeIntervalMs, telemetry, monotonicNow } = options;
  const startedAtMs = monotonicNow();
  const acknowledgedBefore = telemetry.lastAcknowledgedAtMs();
  let exit: FirmwareExit | null = null;
  const wake = new AbortController();
  void firmware.exited.then((result) => {
    exit = result;
    wake.abort();
  });
  const sleep = AbortSignal.any([signal, wake.signal]);
  let healthy: boolean | null = null;
  let healthySinceMs: number | null = null;
  let failedProbesInARow = 0;
  while (!signal.aborted) {
    const acknowledgedAtMs = telemetry.lastAcknowledgedAtMs();
    // Wall-clock time, which may have been set back since: only its change says something.
    const telemetryAcknowledged =
      acknowledgedAtMs !== null && acknowledgedAtMs !== acknowledgedBefore;
    const nowMs = monotonicNow();
    const elapsedMs = nowMs - startedAtMs;
    const sinceHealthyMs = healthySinceMs === null ? null : nowMs - healthySinceMs;
    const ended = exit === null ? null : exitWords(exit);
    const decision = decideTrial(
      { elapsedMs, ended, healthy, sinceHealthyMs, failedProbesInARow, telemetryAcknowledged },
      rules,
    );
    if (decision.kind !== 'wait') return decision;
    if (!telemetryAcknowledged) requestFlush(options);
    const leftMs =
      sinceHealthyMs === null ? rules.startTimeoutMs - elapsedMs : rules.trialMs - sinceHealthyMs;
    await abortableDelay(leftMs > 0 ? Math.min(probeIntervalMs, leftMs) : probeIntervalMs, sleep);
    if (sleep.aborted) continue;
    healthy = await firmware.probe();
    if (healthy) healthySinceMs ??= monotonicNow();
    failedProbesInARow = healthy ? 0 : failedProbesInARow + 1;
    telemetry.setFirmwareUp(healthy);
  }
  return { kind: 'stopped' };
}

/** Not awaited: a collector that is away must not stop the clock of the trial. */
function requestFlush({ telemetry, logger }: TrialOptions): void {
  telemetry.flush().catch((error: unknown) => {
    logger.warn({ err: error }, 'telemetry flush failed');
  });
}
