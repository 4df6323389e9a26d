import type { ControlEvidence } from './gates/control-gate.ts';
import type { OutcomeBreach, OutcomeEvidence } from './gates/outcome-gate.ts';
import { errorsOf, finishedOf, type ObservedPhase, type ObservedPhases } from './observation.ts';

export function phaseName(phase: number): string {
  return phase === 1 ? 'canary' : `phase ${phase}`;
}

/** 0.125 → "12.5 %". */
export function percentWords(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

/** "1 of 1 canary devices rolled back, 100 %, limit 5 %" */
export function brokenLimitWords(
  phase: ObservedPhase,
  rule: 'rate' | 'certain',
  errorThreshold: number,
): string {
  const errors = errorsOf(phase);
  const limit = `limit ${percentWords(errorThreshold)}`;
  const finished = finishedOf(phase);
  const of = rule === 'rate' ? finished : Math.max(phase.devices, finished);
  const what = `${errors} of ${of} ${phaseName(phase.phase)} devices ${failureWords(phase)}`;
  const share = percentWords(errors / of);
  return rule === 'rate'
    ? `${what}, ${share}, ${limit}`
    : `${what}, ${share} even if all others succeed, ${limit}`;
}

/** "1 of 10 canary devices rolled back, 10 %, above the limit of 5 % but within chance" */
export function chanceWords(phase: ObservedPhase, errorThreshold: number): string {
  const errors = errorsOf(phase);
  const finished = finishedOf(phase);
  const what = `${errors} of ${finished} ${phaseName(phase.phase)} devices ${failureWords(phase)}`;
  const limit = percentWords(errorThreshold);
  return `${what}, ${percentWords(errors / finished)}, above the limit of ${limit} but within chance`;
}

/**
 * "6 of 54 started devices failed or rolled back, 11.1 %, more than 2 % can explain (e-value 63,
 * limit 50)"; for one phase's bound "(31 of 1000 are too many)".
 */
export function outcomeBreachWords(
  reached: readonly ObservedPhase[],
  outcomes: OutcomeEvidence,
  breach: OutcomeBreach,
): string {
  const explained = `more than ${percentWords(outcomes.tolerated)} can explain`;
  if (breach.rule === 'e_process') {
    const { failures, successes, logE, logELimit } = outcomes;
    const started = failures + successes;
    const what = `${failures} of ${started} started devices ${failureWords(sumOf(reached))}`;
    const evidence = `e-value ${eValueWords(logE)}, limit ${eValueWords(logELimit)}`;
    return `${what}, ${percentWords(failures / started)}, ${explained} (${evidence})`;
  }
  const phase = reached.find((candidate) => candidate.phase === breach.phase);
  const bound = outcomes.boundaries.find((candidate) => candidate.phase === breach.phase);
  if (phase === undefined || bound === undefined) throw new Error('a breach names a reached phase');
  const { failures, devices, boundary } = bound;
  const what = `${failures} of ${devices} ${phaseName(breach.phase)} devices ${failureWords(phase)}`;
  return `${what}, ${explained} (${boundary} of ${devices} are too many)`;
}

/** "; control 0.4 %", what share of the devices that wait crashed meanwhile; '' when that is not known. */
export function controlWords({ control }: ObservedPhases): string {
  if (control === undefined || control.control.devices === 0) return '';
  return `; control ${percentWords(control.control.crashed / control.control.devices)}`;
}

/**
 * "9 of 41 updated devices crashed, 22 %; of those that wait 3 of 740, 0.4 %, in the same time (e-value
 * 63, limit 50)"
 */
export function controlBreachWords({ updated, control, ...evidence }: ControlEvidence): string {
  const share = ({ crashed, devices }: ControlEvidence['control']): string =>
    percentWords(crashed / Math.max(1, devices));
  const what = `${updated.crashed} of ${updated.devices} updated devices crashed, ${share(updated)}`;
  const beside = `of those that wait ${control.crashed} of ${control.devices}, ${share(control)}`;
  const eValue = `e-value ${eValueWords(evidence.peakLogE)}, limit ${eValueWords(evidence.logELimit)}`;
  return `${what}; ${beside}, in the same time (${eValue})`;
}

/** Rounded down, so that a value short of the limit never reads as having reached it. */
function eValueWords(logE: number): string {
  // Rounding first, for exp(ln 50) may be a hair under 50.
  const value = Math.floor(Math.round(Math.exp(logE) * 1e6) / 1e6);
  return value < 1e6 ? String(value) : 'over a million';
}

type FailureCounts = Pick<ObservedPhase, 'failed' | 'rolledBack' | 'silent'>;

function sumOf(phases: readonly ObservedPhase[]): FailureCounts {
  const total = { failed: 0, rolledBack: 0, silent: 0 };
  for (const { failed, rolledBack, silent } of phases) {
    total.failed += failed;
    total.rolledBack += rolledBack;
    total.silent += silent;
  }
  return total;
}

function failureWords({ failed, rolledBack, silent }: FailureCounts): string {
  const kinds = [
    ...(failed > 0 ? ['failed'] : []),
    ...(rolledBack > 0 ? ['rolled back'] : []),
    ...(silent > 0 ? ['fell silent'] : []),
  ];
  return kinds.length > 1
    ? `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1) ?? ''}`
    : (kinds[0] ?? 'failed');
}
