import type { LeftOutReason, PhaseCounts } from '@flotilla/contracts';
import type { ControlEvidence } from './gates/control-gate.ts';
import type { GuardsEvidence } from './gates/guard-gate.ts';

/** What is known of one phase: how many devices it waits for, and what the warehouse saw of them. */
export interface ObservedPhase extends PhaseCounts {
  readonly phase: number;
  readonly devices: number;
  readonly inMaintenance: number;
  /** Failed ones that get another try; none when left out. */
  readonly toRetry?: number | undefined;
  readonly firstFailureAtMs: number | null;
  readonly lastFinishAtMs: number | null;
}

export interface ObservedPhases {
  readonly kind: 'observed';
  /** All phases, in order. */
  readonly phases: readonly ObservedPhase[];
  /** Devices of the target left out, by reason. */
  readonly retired: number;
  readonly hasVersion: number;
  /** Not compatible, as each device's record tells. */
  readonly withheld: number;
  /** All of these and the other reasons. */
  readonly leftOut?: Readonly<Record<LeftOutReason, number>> | undefined;
  /** Updated devices beside those that wait; absent while nothing speaks against the firmware. */
  readonly control?: ControlEvidence;
  /** Of a campaign with guards. */
  readonly guards?: GuardsEvidence;
}

/** Not to know is an observation of its own and never reads as health. */
export type Observation =
  ObservedPhases | { readonly kind: 'unavailable'; readonly reason: string };

export function errorsOf(counts: PhaseCounts): number {
  return counts.failed + counts.rolledBack + counts.silent;
}

export function finishedOf(counts: PhaseCounts): number {
  return counts.confirmed + errorsOf(counts);
}

/** Null while nothing has finished. */
export function errorRateOf(counts: PhaseCounts): number | null {
  const finished = finishedOf(counts);
  return finished === 0 ? null : errorsOf(counts) / finished;
}
