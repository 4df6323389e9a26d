import type { DecommissionOptions, DecommissionStep, WipeOutcome } from '@flotilla/contracts';

export interface DecommissionState {
  readonly step: DecommissionStep;
  readonly options: DecommissionOptions;
  readonly requestedAtMs: number;
  readonly drainedAtMs: number | null;
  readonly wipedAtMs: number | null;
}

export type DecommissionDecision =
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** Do what the step is about, then the next one. Doing it twice changes nothing. */
  | {
      readonly kind: 'do';
      readonly next: DecommissionStep;
      readonly wipe?: WipeOutcome;
      readonly detail?: string;
    }
  | { readonly kind: 'finished' };

/** What is to be done now for a device on its way out; asked again after every step and every crash. */
export function decideDecommission(state: DecommissionState, nowMs: number): DecommissionDecision {
  switch (state.step) {
    case 'drain':
      return decideDrain(state, nowMs);
    case 'revoke':
      return { kind: 'do', next: 'remove_credentials' };
    case 'remove_credentials':
      return { kind: 'do', next: 'wipe' };
    case 'wipe':
      return decideWipe(state, nowMs);
    case 'settle_data':
      return { kind: 'do', next: 'done' };
    case 'done':
      return { kind: 'finished' };
  }
}

function decideDrain(
  { options, requestedAtMs, drainedAtMs }: DecommissionState,
  nowMs: number,
): DecommissionDecision {
  const untilMs = requestedAtMs + options.drainMs;
  const next = 'revoke' as const;
  if (options.drainMs === 0) return { kind: 'do', next, detail: 'not asked for' };
  if (drainedAtMs !== null) return { kind: 'do', next, detail: 'the device has sent everything' };
  if (nowMs >= untilMs) return { kind: 'do', next, detail: 'the time for it is over' };
  return { kind: 'wait', untilMs };
}

function decideWipe(
  { options, requestedAtMs, wipedAtMs }: DecommissionState,
  nowMs: number,
): DecommissionDecision {
  const untilMs = requestedAtMs + options.drainMs + options.wipeTimeoutMs;
  const outcome = (wipe: WipeOutcome): DecommissionDecision => ({
    kind: 'do',
    next: 'settle_data',
    wipe,
    detail: wipe.replaceAll('_', ' '),
  });
  if (!options.wipe) return outcome('not_asked');
  if (wipedAtMs !== null) return outcome('acknowledged');
  if (nowMs >= untilMs) return outcome('timed_out');
  return { kind: 'wait', untilMs };
}

/** What the device is told when it asks; null when there is nothing more to say to it. */
export function decommissionOrder(state: DecommissionState): 'drain' | 'wipe' | null {
  if (state.step === 'drain') return state.drainedAtMs === null ? 'drain' : null;
  if (state.step === 'settle_data' || state.step === 'done' || !state.options.wipe) return null;
  return state.wipedAtMs === null ? 'wipe' : null;
}
