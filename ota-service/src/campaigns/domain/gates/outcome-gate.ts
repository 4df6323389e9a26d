import { countBoundary } from './count-boundary.ts';
import { DEFAULT_TOLERATED, outcomeLogE } from './outcome-e-process.ts';

/** Chance of a false pause per round that the e-process may use up. */
const E_PROCESS_SHARE = 0.025;
/** The same for the count boundary: of the first phase, and of all later ones together. */
const FIRST_PHASE_SHARE = 0.02;
const LATER_PHASES_SHARE = 0.005;

export const LOG_E_LIMIT = Math.log(1 / E_PROCESS_SHARE);

/** The user's limit up to which the tolerance stays at its default. */
const DEFAULT_LIMIT = 0.05;

/** What one phase shows; `started` includes the finished. */
export interface PhaseOutcomes {
  readonly phase: number;
  readonly devices: number;
  readonly started: number;
  readonly failures: number;
}

export interface PhaseBoundary {
  readonly phase: number;
  readonly devices: number;
  readonly failures: number;
  /** So many failures are improbable under the tolerance; above `devices` for a phase too small. */
  readonly boundary: number;
}

export type OutcomeBreach =
  { readonly rule: 'e_process' } | { readonly rule: 'count_boundary'; readonly phase: number };

export interface OutcomeEvidence {
  readonly tolerated: number;
  /** Over all phases. */
  readonly failures: number;
  /** Started and not failed: those still under way have the benefit of the doubt. */
  readonly successes: number;
  readonly logE: number;
  readonly logELimit: number;
  readonly boundaries: readonly PhaseBoundary[];
  readonly breach: OutcomeBreach | null;
}

/**
 * Which failure probability the gate takes as normal, given the user's limit: 2 % up to a limit of
 * 5 %, the limit itself from 10 % on, and in between a line from one to the other. See
 * docs/decisions/0005-outcome-gate.md. Null, for a limit of 100 %, switches the gate off.
 */
export function toleratedProbability(errorThreshold: number): number | null {
  if (errorThreshold >= 1) return null;
  const raised = Math.max(0, errorThreshold - DEFAULT_LIMIT);
  return Math.max(DEFAULT_TOLERATED, Math.min(errorThreshold, DEFAULT_TOLERATED + 1.6 * raised));
}

/** Per-phase share of the count boundary's chance of a false pause. */
export function countShare(phase: number, phaseCount: number): number {
  return phase === 1 ? FIRST_PHASE_SHARE : LATER_PHASES_SHARE / Math.max(1, phaseCount - 1);
}

/**
 * Are there more failures than the tolerated probability explains? Two tests side by side: the
 * e-process over all phases reached, and per phase an exact bound on the failures among its devices.
 * Together they pause a firmware that fails no more often than tolerated in at most 5 % of rounds,
 * however often this is asked. Null when the user's limit switches the gate off.
 */
export function weighOutcomes(
  phases: readonly PhaseOutcomes[],
  phaseCount: number,
  errorThreshold: number,
): OutcomeEvidence | null {
  const tolerated = toleratedProbability(errorThreshold);
  if (tolerated === null) return null;
  const failures = phases.reduce((sum, phase) => sum + phase.failures, 0);
  const started = phases.reduce((sum, phase) => sum + Math.max(phase.started, phase.failures), 0);
  const logE = outcomeLogE(failures, started - failures, tolerated);
  const boundaries = phases.map((phase) => boundaryOf(phase, phaseCount, tolerated));
  const crossed = boundaries.find((phase) => phase.failures >= phase.boundary);
  const breach: OutcomeBreach | null =
    logE >= LOG_E_LIMIT
      ? { rule: 'e_process' }
      : crossed !== undefined
        ? { rule: 'count_boundary', phase: crossed.phase }
        : null;
  const successes = started - failures;
  return { tolerated, failures, successes, logE, logELimit: LOG_E_LIMIT, boundaries, breach };
}

function boundaryOf(
  { phase, devices: expected, started, failures }: PhaseOutcomes,
  phaseCount: number,
  tolerated: number,
): PhaseBoundary {
  // Devices that joined since the census have started all the same.
  const devices = Math.max(expected, started, failures);
  const boundary = countBoundary(devices, tolerated, countShare(phase, phaseCount));
  return { phase, devices, failures, boundary };
}
