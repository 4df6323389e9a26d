import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

interface Result {
  readonly bench: string;
  readonly figures: {
    readonly series: readonly {
      readonly side: string;
      readonly rounds: readonly Record<string, number>[];
    }[];
  };
  readonly goals: readonly unknown[];
}

it('moves a small load from OTLP to the embedded warehouse and says what it cost', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'ingest', '--quick'], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Result;
  expect(result).toMatchObject({ bench: 'ingest', goals: [] });
  expect(result.figures.series).toHaveLength(1);
  const [series] = result.figures.series;
  expect(series?.side).toBe('embedded');
  // The bench throws unless the warehouse counts exactly the points of the load.
  expect(series?.rounds).toMatchObject([{ points: 3000 }]);
  const [round] = series?.rounds ?? [];
  expect(round?.['pointsPerSecond']).toBeGreaterThan(0);
  expect(round?.['pipelineCpu']).toBeGreaterThan(0);
  expect(round?.['collectorPeakBytes']).toBeGreaterThan(1024 ** 2);
}, 60_000);
