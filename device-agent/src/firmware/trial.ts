import type { Logger } from '@flotilla/service';
import { abortableDelay } from '../abortable-delay.ts';
import type { DeviceTelemetry } from '../telemetry/device-telemetry.ts';
import type { ProbeAnswer } from './custom-probe.ts';
import {
  decideTrial,
  isWell,
  type ProbeRecord,
  type TrialDecision,
  type TrialObservation,
  type TrialRules,
} from './domain/trial-decision.ts';
import { exitWords } from './exit-words.ts';
import type { Firmware, FirmwareExit } from './firmware-process.ts';
import type { Watchdog } from './watchdog.ts';

export interface TrialOptions {
  readonly rules: TrialRules;
  readonly probeIntervalMs: number;
  /** The device maker's own; each ends within a time of its own. */
  readonly probes: readonly (() => Promise<ProbeAnswer>)[];
  /** Petted as long as nothing is wrong. */
  readonly watchdog: Pick<Watchdog, 'pet'>;
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
  const { rules, probeIntervalMs, telemetry, monotonicNow, watchdog } = options;
  const startedAtMs = monotonicNow();
  const acknowledgedBefore = telemetry.lastAcknowledgedAtMs();
  const end = watchEnd(firmware);
  const sleep = AbortSignal.any([signal, end.signal]);
  const probed = new ProbeHistory();
  let healthySinceMs: number | null = null;
  while (!signal.aborted) {
    const acknowledgedAtMs = telemetry.lastAcknowledgedAtMs();
    const nowMs = monotonicNow();
    const seen: TrialObservation = {
      ...probed.observation,
      elapsedMs: nowMs - startedAtMs,
      ended: end.words(),
      sinceHealthyMs: healthySinceMs === null ? null : nowMs - healthySinceMs,
      // Wall-clock time, which may have been set back since: only its change says something.
      telemetryAcknowledged: acknowledgedAtMs !== null && acknowledgedAtMs !== acknowledgedBefore,
    };
    const decision = decideTrial(seen, rules);
    if (decision.kind !== 'wait') return decision;
    const isPetted = isWell(seen, rules);
    if (isPetted) await watchdog.pet();
    if (!seen.telemetryAcknowledged) requestFlush(options);
    await abortableDelay(nextLookMs(seen, rules, probeIntervalMs), sleep);
    if (sleep.aborted) continue;
    const look = Promise.race([probed.look(firmware, options), firmware.exited]);
    await (isPetted ? petWhile(look, options) : look);
    if (probed.observation.healthy === true) healthySinceMs ??= monotonicNow();
    telemetry.setFirmwareUp(probed.observation.healthy === true);
  }
  return { kind: 'stopped' };
}

/** A hook may take longer than the watchdog waits; each probe ends within a time of its own. */
async function petWhile(
  look: Promise<unknown>,
  { watchdog, probeIntervalMs }: TrialOptions,
): Promise<void> {
  let newest = Promise.resolve();
  const timer = setInterval(() => {
    newest = watchdog.pet();
  }, probeIntervalMs);
  try {
    await look;
  } finally {
    clearInterval(timer);
    // Nothing may be written behind the closing `V`.
    await newest;
  }
}

/** At the interval, and exactly when a deadline passes. */
function nextLookMs(seen: TrialObservation, rules: TrialRules, probeIntervalMs: number): number {
  const { sinceHealthyMs, elapsedMs } = seen;
  const leftMs =
    sinceHealthyMs === null ? rules.startTimeoutMs - elapsedMs : rules.trialMs - sinceHealthyMs;
  return leftMs > 0 ? Math.min(probeIntervalMs, leftMs) : probeIntervalMs;
}

function watchEnd(firmware: Firmware): { signal: AbortSignal; words: () => string | null } {
  const ended = new AbortController();
  let exit: FirmwareExit | null = null;
  void firmware.exited.then((result) => {
    exit = result;
    ended.abort();
  });
  return { signal: ended.signal, words: () => (exit === null ? null : exitWords(exit)) };
}

type Probed = Pick<TrialObservation, 'healthy' | 'failedProbesInARow' | 'probes' | 'rssBytes'>;

/** What the probes of one boot said. */
class ProbeHistory {
  observation: Probed = { healthy: null, failedProbesInARow: 0, probes: [], rssBytes: null };

  async look(firmware: Firmware, { probes }: TrialOptions): Promise<void> {
    const [healthy, rssBytes, ...answers] = await Promise.all([
      firmware.probe(),
      firmware.rssBytes(),
      ...probes.map((probe) => probe()),
    ]);
    const before = this.observation;
    this.observation = {
      healthy,
      rssBytes,
      failedProbesInARow: healthy ? 0 : before.failedProbesInARow + 1,
      probes: answers.map((answer, index) => recordOf(answer, before.probes[index])),
    };
  }
}

function recordOf(answer: ProbeAnswer, before: ProbeRecord | undefined): ProbeRecord {
  const { name, fault } = answer;
  return {
    name,
    fault,
    hasPassed: fault === null || before?.hasPassed === true,
    failedInARow: fault === null ? 0 : (before?.failedInARow ?? 0) + 1,
  };
}

/** Not awaited: a collector that is away must not stop the clock of the trial. */
function requestFlush({ telemetry, logger }: TrialOptions): void {
  telemetry.flush().catch((error: unknown) => {
    logger.warn({ err: error }, 'telemetry flush failed');
  });
}
