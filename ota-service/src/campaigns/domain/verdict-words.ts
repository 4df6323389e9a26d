import { errorsOf, finishedOf, type ObservedPhase } from './observation.ts';

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

function failureWords({ failed, rolledBack, silent }: ObservedPhase): string {
  const kinds = [
    ...(failed > 0 ? ['failed'] : []),
    ...(rolledBack > 0 ? ['rolled back'] : []),
    ...(silent > 0 ? ['fell silent'] : []),
  ];
  return kinds.length > 1
    ? `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1) ?? ''}`
    : (kinds[0] ?? 'failed');
}
