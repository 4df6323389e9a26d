import { atMost, type Goal } from '../harness/bench.ts';
import { formatCount, formatTable } from '../harness/table.ts';
import { OWN, type PairResult, type ToolResult } from './pair-results.ts';

const MIB = 1024 * 1024;
const APPLY_LIMIT_MIB = 64;

/** The smallest patch that any peer makes of a pair. */
interface BestPeer {
  readonly name: string;
  readonly setting: string;
  readonly patchBytes: number;
}

export function printResults(results: readonly PairResult[], peers: readonly string[]): void {
  const tools = [OWN, ...peers];
  const head = ['pair', 'base', 'target', ...tools, 'best peer', 'ratio'];
  const rows = results.map((result) => {
    const best = bestPeer(result);
    return [
      result.counts ? result.name : `${result.name} *`,
      formatCount(result.baseBytes),
      formatCount(result.targetBytes),
      ...tools.map((tool) => formatCount(of(result, tool)?.patchBytes ?? null)),
      best === null ? '-' : `${best.name} ${best.setting}`,
      ratioOf(result)?.toFixed(3) ?? '-',
    ];
  });
  console.log(`\nBytes of patch, each peer at its best setting\n${formatTable(head, rows)}`);
  for (const { name, note } of results) {
    if (note !== null) console.log(`* ${name}: not counted, ${note}`);
  }
  const table = (title: string, cell: (result: ToolResult) => string): void => {
    const cells = results.map((result) => [
      result.name,
      ...tools.map((tool) => {
        const measured = of(result, tool);
        return measured === null ? '-' : cell(measured);
      }),
    ]);
    console.log(`\n${title}\n${formatTable(['pair', ...tools], cells)}`);
  };
  table('Making a patch, CPU s', ({ create }) => create.cpuSeconds.toFixed(2));
  table('Making a patch, peak MiB', ({ create }) => mib(create.peakRssBytes));
  table('Applying it, CPU s', ({ apply }) => apply.cpuSeconds.toFixed(2));
  table('Applying it, peak MiB', ({ apply }) => mib(apply.peakRssBytes));
  console.log(
    'Each in a process of its own: an interpreter counts for us, detools and hdiffpatch.\n',
  );
}

export function goalsOf(results: readonly PairResult[]): Goal[] {
  const counted = results.filter((result) => result.counts && bestPeer(result) !== null);
  const worst = Math.max(...counted.map((result) => ratioOf(result) ?? 0));
  const ours = sum(counted.map((result) => result.own.patchBytes));
  const theirs = sum(counted.map((result) => bestPeer(result)?.patchBytes ?? 0));
  const growth = Math.max(...results.map((result) => result.own.applyGrowthBytes)) / MIB;
  return [
    atMost("worst pair's size over its best peer's", round(worst, 3), 1.05, 'ratio'),
    atMost("total size over that of each pair's best peer", round(ours / theirs, 3), 1, 'ratio'),
    atMost('apply peak memory over idle', round(growth, 1), APPLY_LIMIT_MIB, 'MiB'),
  ];
}

function of(result: PairResult, tool: string): ToolResult | null {
  return tool === OWN ? result.own : (result.peers[tool] ?? null);
}

function bestPeer(result: PairResult): BestPeer | null {
  const found = Object.entries(result.peers).flatMap(([name, of]) =>
    of === null ? [] : [{ name, setting: of.setting, patchBytes: of.patchBytes }],
  );
  return found.toSorted((a, b) => a.patchBytes - b.patchBytes)[0] ?? null;
}

function ratioOf(result: PairResult): number | null {
  const best = bestPeer(result);
  return best === null ? null : result.own.patchBytes / best.patchBytes;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
const round = (value: number, digits: number): number => Number(value.toFixed(digits));
