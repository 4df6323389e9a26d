import { describe, expect, it } from 'vitest';
import { reconcileBatches } from '../../src/story/settle.ts';

const acknowledged = [
  { batchId: 'a', rows: 20 },
  { batchId: 'b', rows: 20 },
];
const stored = (rows: Record<string, number>) => new Map(Object.entries(rows));

describe('reconcileBatches', () => {
  it('is clean when every batch has its rows', () => {
    expect(reconcileBatches(acknowledged, stored({ a: 20, b: 20 }))).toEqual({
      acknowledgedRows: 40,
      storedRows: 40,
      lostRows: 0,
      doubledRows: 0,
    });
  });

  it('does not let a lost batch and a doubled one cancel out', () => {
    expect(reconcileBatches(acknowledged, stored({ a: 40 }))).toMatchObject({
      lostRows: 20,
      doubledRows: 20,
    });
  });

  it('lets a batch whose acknowledgement was cut off be stored', () => {
    const result = reconcileBatches(acknowledged, stored({ a: 20, b: 20, c: 5 }));
    expect(result).toMatchObject({ storedRows: 40, doubledRows: 0 });
  });

  it('counts rows of no known batch', () => {
    expect(reconcileBatches(acknowledged, stored({ a: 20, b: 20, '': 3 })).doubledRows).toBe(3);
  });
});
