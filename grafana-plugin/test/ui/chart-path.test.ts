import { describe, expect, it } from 'vitest';
import { chartPath } from '../../src/ui/chart-path.ts';

const frame = { fromMs: 0, toMs: 100_000, stepMs: 10_000, width: 100, height: 50 };
const at = (atMs: number, value: number) => ({ at: new Date(atMs).toISOString(), value });

describe('chartPath', () => {
  it('draws shares from the bottom up', () => {
    expect(chartPath([at(0, 0), at(10_000, 0.5), at(20_000, 1)], frame)).toBe(
      'M0.0 50.0L10.0 25.0L20.0 0.0',
    );
  });

  it('leaves a gap where data is missing', () => {
    expect(chartPath([at(0, 1), at(50_000, 1)], frame)).toBe('M0.0 0.0M50.0 0.0');
  });

  it('stays inside its frame', () => {
    expect(chartPath([at(0, 3), at(10_000, -1)], frame)).toBe('M0.0 0.0L10.0 50.0');
    expect(chartPath([], frame)).toBe('');
  });
});
