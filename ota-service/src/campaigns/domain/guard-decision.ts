import type { GuardMetric } from '@flotilla/contracts';
import type { GuardEvidence, GuardsEvidence } from './gates/guard-gate.ts';

export type GuardDecision =
  | { readonly kind: 'breach'; readonly words: string; readonly metric: GuardMetric }
  | {
      readonly kind: 'hold';
      readonly code: 'guards_waiting' | 'guards_no_data' | 'guards_no_control';
      readonly words: string;
    }
  /** Nothing speaks against going on; `words` say which guards could not judge, '' if all did. */
  | { readonly kind: 'pass'; readonly words: string };

/** Unit and number of a limit, for a person. */
const SHOWN: Readonly<Record<GuardMetric, { name: string; of: (value: number) => string }>> = {
  crashRate: { name: 'crashes', of: (value) => `${round(value)} more per hour` },
  errorLogRate: { name: 'error log records', of: (value) => `${round(value)} times as many` },
  cpu: { name: 'CPU', of: (value) => `${round(value)} points higher` },
  memorySlope: { name: 'memory', of: (value) => `${round(value)} points per hour faster` },
  batteryDrain: { name: 'battery', of: (value) => `${round(value)} points per hour more drain` },
  connectivity: { name: 'connectivity', of: (value) => `${round(value)} points less` },
};

/**
 * What the guards say to going on. A breach pauses; whoever asked for guards is never answered with
 * nothing: windows that are not over, telemetry that stopped with the update, and a fleet that sends
 * none at all hold the campaign. One signal that the fleet does not send, and a phase too small to show anything, are said and hold
 * nothing, for they would hold it for ever. In the last phase no control is left, so that holds nothing
 * either.
 */
export function decideGuards(
  guards: GuardsEvidence,
  state: { readonly isLastPhase: boolean; readonly nowMs: number },
): GuardDecision {
  const { metrics, compared, waiting, waitUntilMs } = guards;
  const breached = metrics.find(({ status }) => status === 'breached');
  if (breached !== undefined) {
    return { kind: 'breach', metric: breached.metric, words: breachWords(breached) };
  }
  if (waiting > 0) {
    const leftS = Math.ceil(((waitUntilMs ?? state.nowMs) - state.nowMs) / 1000);
    const words = `guards watch ${waiting} updated devices for another ${Math.max(1, leftS)} s`;
    return { kind: 'hold', code: 'guards_waiting', words };
  }
  const silent = metrics.find(({ status }) => status === 'missing');
  if (silent !== undefined) {
    const words = `${silent.missing} of ${compared} updated devices tell no ${SHOWN[silent.metric].name} since the update`;
    return { kind: 'hold', code: 'guards_no_data', words };
  }
  if (compared === 0 && !state.isLastPhase) {
    const words = 'no device of the same model and group is left to compare with';
    return { kind: 'hold', code: 'guards_no_control', words };
  }
  if (compared > 0 && metrics.every(({ status }) => status === 'not_available')) {
    const words = 'nothing that the guards watch comes from this fleet';
    return { kind: 'hold', code: 'guards_no_data', words };
  }
  return { kind: 'pass', words: notJudgedWords(metrics) };
}

/**
 * "memory: 12 of 12 updated devices worse than their control by more than the limit, typically 4.2 points
 * per hour faster (at least 3.9), limit 2"
 */
function breachWords(guard: GuardEvidence): string {
  const { name, of } = SHOWN[guard.metric];
  const what = `${name}: ${guard.worse} of ${guard.devices} updated devices worse than their control by more than the limit`;
  const effect = guard.median === null ? '' : `, typically ${of(guard.median)}`;
  const bound = guard.atLeast === null ? '' : ` (at least ${round(guard.atLeast)})`;
  return `${what}${effect}${bound}, limit ${round(guard.limit)}`;
}

function notJudgedWords(evidence: readonly GuardEvidence[]): string {
  const named = (status: GuardEvidence['status'], why: string): string[] => {
    const names = evidence.filter((e) => e.status === status).map((e) => SHOWN[e.metric].name);
    return names.length === 0 ? [] : [`${names.join(', ')}: ${why}`];
  };
  return [
    ...named('not_available', 'not available'),
    ...named('too_few', 'too few devices to judge'),
  ].join('; ');
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
