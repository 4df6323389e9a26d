import { describe, expect, it } from 'vitest';
import { foldSeries } from '../../src/fleet-metrics/fold-series.ts';

const row = (name: string, devices: number) => ({ name, devices });
const fold = (rows: ReturnType<typeof row>[], limit: number) =>
  foldSeries(
    rows,
    limit,
    ({ name }) => name,
    (sum, { devices }) => row('other', sum.devices + devices),
  );

describe('folding of series', () => {
  it('leaves what fits as it is', () => {
    const rows = [row('b', 1), row('a', 2)];
    expect(fold(rows, 2)).toEqual({ rows, folded: 0 });
  });

  it('keeps the largest, adds up the others, and loses no device', () => {
    const { rows, folded } = fold([row('a', 1), row('b', 5), row('c', 3), row('d', 2)], 3);
    expect(rows).toEqual([row('b', 5), row('c', 3), row('other', 3)]);
    expect(folded).toBe(2);
  });

  it('chooses the same of equals, in whatever order they come', () => {
    const rows = [row('c', 1), row('a', 1), row('b', 1)];
    expect(fold(rows, 2)).toEqual(fold(rows.toReversed(), 2));
  });
});
