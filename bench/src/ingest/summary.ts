import { formatCount, formatTable } from '../harness/table.ts';
import type { Round } from './path-under-test.ts';

/** Rounds of one side under one shape of load. */
export interface Series {
  readonly side: string;
  readonly load: string;
  readonly rounds: readonly Round[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

export function medianOf(series: Series, pick: (round: Round) => number): number {
  return median(series.rounds.map(pick));
}

/** Medians over the rounds, with the total's smallest and largest beside it. */
export function seriesTable(all: readonly Series[]): string {
  const head = [
    'CPU s per million points',
    'collector',
    'pipeline',
    'total',
    'min–max',
    'main threads',
    ...['others', 'generator', 'points/s', 'peak MiB', 'retries'],
  ];
  const rows = all.map((series) => {
    const totals = series.rounds.map((round) => round.totalCpu);
    const others = Object.keys(series.rounds[0]?.otherCpu ?? {}).map(
      (name) => `${name} ${medianOf(series, (round) => round.otherCpu[name] ?? 0).toFixed(2)}`,
    );
    return [
      `${series.side}, ${series.load}`,
      medianOf(series, (round) => round.collectorCpu).toFixed(2),
      medianOf(series, (round) => round.pipelineCpu).toFixed(2),
      median(totals).toFixed(2),
      `${Math.min(...totals).toFixed(2)}–${Math.max(...totals).toFixed(2)}`,
      mainThreads(series),
      others.length === 0 ? '-' : others.join(' '),
      medianOf(series, (round) => round.generatorCpu).toFixed(2),
      formatCount(medianOf(series, (round) => round.pointsPerSecond)),
      `${mib(series, (round) => round.collectorPeakBytes)} + ${mib(series, (round) => round.pipelinePeakBytes)}`,
      formatCount(series.rounds.reduce((sum, round) => sum + round.retries, 0)),
    ];
  });
  return formatTable(head, rows);
}

/** A Go process has no thread of its own for anything. */
function mainThreads(series: Series): string {
  if (series.side === 'otelcol') return '-';
  const collector = medianOf(series, (round) => round.collectorMainThreadCpu);
  const pipeline = medianOf(series, (round) => round.pipelineMainThreadCpu);
  return `${collector.toFixed(2)} + ${pipeline.toFixed(2)}`;
}

function mib(series: Series, pick: (round: Round) => number): string {
  return String(Math.round(Math.max(...series.rounds.map(pick)) / 1024 ** 2));
}
