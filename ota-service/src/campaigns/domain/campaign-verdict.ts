import type { VerdictKind } from '@flotilla/contracts';
import { decideGuards, type GuardDecision } from './guard-decision.ts';
import { exceedsByMoreThanChance } from './gates/limit-and-chance.ts';
import { weighOutcomes, type OutcomeEvidence } from './gates/outcome-gate.ts';
import {
  errorRateOf,
  errorsOf,
  finishedOf,
  type Observation,
  type ObservedPhase,
  type ObservedPhases,
} from './observation.ts';
import {
  brokenLimitWords,
  chanceWords,
  controlBreachWords,
  controlWords,
  outcomeBreachWords,
  phaseName,
} from './verdict-words.ts';

export interface GateState {
  readonly round: number;
  readonly currentPhase: number;
  readonly phaseCount: number;
  readonly errorThreshold: number;
  /** Null: the limit judges whatever chance does not explain. */
  readonly minSample: number | null;
  readonly soakMs: number;
  /** Phases whose devices an operator said not to wait for; none when left out. */
  readonly skippedPhases?: readonly number[];
  /** Whether the user asked for guards; then nothing goes on that they have not seen. */
  readonly hasGuards?: boolean;
  /** When the gate first saw the current phase all finished, by its own clock; null before. */
  readonly settledAtMs: number | null;
}

export type VerdictCode =
  | 'threshold_exceeded'
  | 'error_rate_significant'
  | 'crash_rate_above_control'
  | 'guard_breached'
  | 'warehouse_unavailable'
  | 'no_data'
  | 'awaiting_devices'
  | 'soaking'
  | 'guards_waiting'
  | 'guards_no_data'
  | 'guards_no_control'
  | 'phase_passed'
  | 'all_phases_passed';

export interface Judgement {
  readonly kind: VerdictKind;
  readonly code: VerdictCode;
  readonly words: string;
  /** To be kept and handed in again; the soak counts from it. */
  readonly settledAtMs: number | null;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/**
 * May the next phase start? In this order:
 *
 * 1. The warehouse did not answer: hold. The past proves nothing about now.
 * 2. Any phase reached so far breaks the limit: pause. It breaks it when so many failed that the phase
 *    ends above the limit even if all others succeed. The user's minimum sample adds a rate: enough
 *    devices finished and the share of errors among them is above the limit. Without one, a single
 *    failure among ten canaries proves nothing, so the failures must also be more than chance explains.
 * 3. More devices failed than the tolerated probability explains, over all phases or in one: pause.
 *    The user's threshold is asked first because its words are the user's own; either may pause.
 * 4. Updated devices crash more often than those that wait, or got worse by a guard's limit: pause.
 * 5. Not every device of every phase so far has finished: hold. Earlier phases count too, because a
 *    new round offers the update again to their failed devices.
 * 6. Nothing ever finished, because the phases so far are empty: hold; emptiness is no evidence.
 * 7. The user asked for guards, and they have not seen enough: hold.
 * 8. The last phase: complete. Otherwise rest for the soak time, then advance.
 */
export function judge(state: GateState, observation: Observation, nowMs: number): Judgement {
  const reached = reachedPhases(state, observation);
  const outcomes = weighReached(state, reached);
  const answer = (
    kind: VerdictKind,
    code: VerdictCode,
    words: string,
    extra: { settledAtMs?: number | null; rule?: string; phase?: number } = {},
  ): Judgement => ({
    kind,
    code,
    words,
    settledAtMs: extra.settledAtMs ?? null,
    evidence: evidenceOf(state, observation, outcomes, extra),
  });
  if (observation.kind === 'unavailable') {
    return answer(
      'hold',
      'warehouse_unavailable',
      `the warehouse gave no counts: ${observation.reason}`,
      {
        settledAtMs: state.settledAtMs,
      },
    );
  }
  for (const phase of reached) {
    const rule = brokenRule(state, phase);
    if (rule === null) continue;
    const words = brokenLimitWords(phase, rule, state.errorThreshold) + controlWords(observation);
    return answer('pause', 'threshold_exceeded', words, { rule, phase: phase.phase });
  }
  if (outcomes !== null && outcomes.breach !== null) {
    const words = outcomeBreachWords(reached, outcomes, outcomes.breach);
    const beside = controlWords(observation);
    return answer('pause', 'error_rate_significant', words + beside, outcomes.breach);
  }
  if (observation.control?.isBreached === true) {
    const words = controlBreachWords(observation.control);
    return answer('pause', 'crash_rate_above_control', words, { rule: 'log_rank' });
  }
  const guards = guardsOf(state, observation, nowMs);
  if (guards.kind === 'breach') {
    return answer('pause', 'guard_breached', guards.words, { rule: guards.metric });
  }
  const waiting = awaited(state, reached);
  if (waiting !== null) return answer('hold', waiting.code, waiting.words);
  const settledAtMs = state.settledAtMs ?? nowMs;
  if (guards.kind === 'hold') return answer('hold', guards.code, guards.words, { settledAtMs });
  if (state.currentPhase >= state.phaseCount) {
    const words = summary(state, reached, guards.words);
    return answer('complete', 'all_phases_passed', words, { settledAtMs });
  }
  const leftMs = settledAtMs + state.soakMs - nowMs;
  if (leftMs > 0) {
    const words = `${phaseName(state.currentPhase)} is done and rests for another ${Math.ceil(leftMs / 1000)} s`;
    return answer('hold', 'soaking', words, { settledAtMs });
  }
  return answer('advance', 'phase_passed', summary(state, reached, guards.words), { settledAtMs });
}

function guardsOf(state: GateState, observation: ObservedPhases, nowMs: number): GuardDecision {
  if (state.hasGuards !== true) return { kind: 'pass', words: '' };
  if (observation.guards === undefined) {
    return { kind: 'hold', code: 'guards_no_data', words: 'the guards have seen nothing yet' };
  }
  const isLastPhase = state.currentPhase >= state.phaseCount;
  return decideGuards(observation.guards, { isLastPhase, nowMs });
}

function reachedPhases(state: GateState, observation: Observation): readonly ObservedPhase[] {
  if (observation.kind === 'unavailable') return [];
  return observation.phases.filter(({ phase }) => phase <= state.currentPhase);
}

function weighReached(state: GateState, reached: readonly ObservedPhase[]): OutcomeEvidence | null {
  if (reached.length === 0) return null;
  const outcomes = reached.map((observed) => ({
    phase: observed.phase,
    devices: observed.devices,
    started: Math.max(observed.started, finishedOf(observed)),
    failures: errorsOf(observed),
  }));
  return weighOutcomes(outcomes, state.phaseCount, state.errorThreshold);
}

export type BrokenRule = 'rate' | 'certain';

function brokenRule(state: GateState, phase: ObservedPhase): BrokenRule | null {
  const { minSample, errorThreshold } = state;
  const finished = finishedOf(phase);
  const errors = errorsOf(phase);
  if (errors === 0) return null;
  const devices = Math.max(phase.devices, finished);
  if (minSample === null) {
    return exceedsByMoreThanChance(errors, devices, errorThreshold) ? chanceRule(phase) : null;
  }
  const sample = Math.min(minSample, Math.max(1, phase.devices));
  if (finished >= sample && errors / finished > errorThreshold) return 'rate';
  return errors / devices > errorThreshold ? 'certain' : null;
}

/** A phase that is over has a rate; before, the pause rests on how it must end. */
function chanceRule(phase: ObservedPhase): BrokenRule {
  return finishedOf(phase) >= phase.devices ? 'rate' : 'certain';
}

function awaited(
  state: GateState,
  reached: readonly ObservedPhase[],
): { code: VerdictCode; words: string } | null {
  const current = reached.find(({ phase }) => phase === state.currentPhase);
  if (current === undefined) {
    return { code: 'no_data', words: `${phaseName(state.currentPhase)} has not been counted` };
  }
  const awaitedPhases = reached.filter(
    ({ phase }) => state.skippedPhases?.includes(phase) !== true,
  );
  const retrying = awaitedPhases.find((phase) => (phase.toRetry ?? 0) > 0);
  if (retrying !== undefined) {
    const words = `${retrying.toRetry} ${phaseName(retrying.phase)} devices get another try`;
    return { code: 'awaiting_devices', words };
  }
  const open = awaitedPhases.find((phase) => finishedOf(phase) < phase.devices);
  if (open !== undefined) {
    const parked = open.inMaintenance > 0 ? `, ${open.inMaintenance} in maintenance` : '';
    const words = `${finishedOf(open)} of ${open.devices} ${phaseName(open.phase)} devices finished${parked}`;
    return { code: open.started === 0 ? 'no_data' : 'awaiting_devices', words };
  }
  if (reached.every((phase) => finishedOf(phase) === 0)) {
    const words = `no device up to ${phaseName(state.currentPhase)} needs the update any more, so nothing shows that it works`;
    return { code: 'no_data', words };
  }
  return null;
}

function summary(state: GateState, reached: readonly ObservedPhase[], guards: string): string {
  const finished = reached.reduce((sum, phase) => sum + finishedOf(phase), 0);
  const confirmed = reached.reduce((sum, phase) => sum + phase.confirmed, 0);
  const lucky = reached
    .filter((phase) => (errorRateOf(phase) ?? 0) > state.errorThreshold)
    .map((phase) => `; ${chanceWords(phase, state.errorThreshold)}`);
  const notJudged = guards === '' ? '' : `; guards: ${guards}`;
  return `${confirmed} of ${finished} devices confirmed${lucky.join('')}${notJudged}`;
}

function evidenceOf(
  state: GateState,
  observation: Observation,
  outcomes: OutcomeEvidence | null,
  { rule, phase }: { rule?: string; phase?: number },
): Record<string, unknown> {
  const { round, currentPhase, errorThreshold, minSample, soakMs } = state;
  const limits = { round, currentPhase, errorThreshold, minSample, soakMs };
  const seen =
    observation.kind === 'observed' ? seenOf(observation) : { unavailable: observation.reason };
  return {
    ...(rule !== undefined && { rule }),
    ...(phase !== undefined && { phase }),
    limits,
    ...(outcomes !== null && { outcomes }),
    ...seen,
  };
}

function seenOf(observed: ObservedPhases): Record<string, unknown> {
  const { phases, retired, hasVersion, withheld, leftOut, control, guards } = observed;
  return {
    phases,
    leftOut: { retired, hasVersion, withheld, ...leftOut },
    ...(control !== undefined && { control }),
    ...(guards !== undefined && { guards }),
  };
}
