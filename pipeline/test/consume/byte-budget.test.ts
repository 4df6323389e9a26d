import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget, type ByteLease } from '../../src/consume/byte-budget.ts';

describe('byte budget', () => {
  it('keeps the sum of what is held, and lets nothing in beyond the bound', () => {
    const step = fc.record({ take: fc.nat(40), resize: fc.nat(40), release: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const budget = new ByteBudget(100);
        const held: { lease: ByteLease; sizeBytes: number }[] = [];
        const sum = () => held.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
        for (const { take, resize, release } of steps) {
          const before = sum();
          const lease = budget.take(take);
          expect(lease === null).toBe(before > 0 && before + take > 100);
          if (lease !== null) held.push({ lease, sizeBytes: take });
          const last = held.at(-1);
          if (last !== undefined) {
            last.lease.resize(resize);
            last.sizeBytes = resize;
          }
          if (release && last !== undefined) {
            last.lease.release();
            last.lease.release();
            last.lease.resize(7);
            held.pop();
          }
          expect(budget.usedBytes).toBe(sum());
        }
      }),
    );
  });
});
