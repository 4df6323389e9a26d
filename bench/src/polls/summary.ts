import { formatCount, formatTable } from '../harness/table.ts';
import type { PollKind } from './poll-kinds.ts';
import type { Round } from './rounds.ts';

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Medians over the rounds; of the CPU the extremes as well. */
export function pollTable(kinds: readonly PollKind[]): string {
  const head = [
    'poll',
    'CPU-s per 10,000',
    'extremes',
    'polls/s',
    'median ms',
    'p99 ms',
    'RSS MB',
    'offers',
  ];
  return formatTable(
    head,
    kinds.map(({ name, rounds }) => {
      const median = (of: (round: Round) => number) => medianOf(rounds.map(of));
      const cpu = rounds.map((round) => round.cpuSecondsPer10k);
      return [
        name,
        medianOf(cpu).toFixed(2),
        `${Math.min(...cpu).toFixed(2)}-${Math.max(...cpu).toFixed(2)}`,
        formatCount(median((round) => round.perSecond)),
        median((round) => round.medianMs).toFixed(1),
        median((round) => round.p99Ms).toFixed(1),
        formatCount(median((round) => round.residentBytes) / 1e6),
        formatCount(rounds.reduce((sum, round) => sum + round.offers, 0)),
      ];
    }),
  );
}
