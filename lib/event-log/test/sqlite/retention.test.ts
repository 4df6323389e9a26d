import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideTrim, trimBound, type RecordAge } from '../../src/sqlite/retention.ts';

const ages = fc
  .array(fc.record({ ageMs: fc.nat(1000), sizeBytes: fc.integer({ min: 1, max: 500 }) }))
  .map((list): RecordAge[] =>
    list.map(({ ageMs, sizeBytes }, i) => ({
      offset: 10 + i,
      appendedAtMs: 5000 - ageMs,
      sizeBytes,
    })),
  );

describe('decideTrim', () => {
  it('keeps everything that is young while the log is small', () => {
    const young = [{ offset: 0, appendedAtMs: 4000, sizeBytes: 10 }];
    const rule = { nowMs: 5000, retentionMs: 1000, excessBytes: 0 };
    expect(decideTrim(young, rule)).toEqual({ beforeOffset: null, freedBytes: 0 });
    expect(decideTrim(young, { ...rule, nowMs: 5001 })).toEqual({
      beforeOffset: 1,
      freedBytes: 10,
    });
  });

  it('takes a prefix: all expired before the first kept one, and as many as the excess asks', () => {
    fc.assert(
      fc.property(ages, fc.nat(1000), fc.nat(2000), (oldest, retentionMs, excessBytes) => {
        const rule = { nowMs: 5000, retentionMs, excessBytes };
        const { beforeOffset, freedBytes } = decideTrim(oldest, rule);
        const taken = oldest.filter(({ offset }) => offset < (beforeOffset ?? 0));
        const kept = oldest.slice(taken.length);
        expect(freedBytes).toBe(taken.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
        if (kept.length > 0) {
          expect(5000 - kept[0]!.appendedAtMs).toBeLessThanOrEqual(retentionMs);
          expect(freedBytes).toBeGreaterThanOrEqual(excessBytes);
        }
        const last = taken.at(-1);
        if (last !== undefined && 5000 - last.appendedAtMs <= retentionMs) {
          expect(freedBytes - last.sizeBytes).toBeLessThan(excessBytes);
        }
      }),
    );
  });
});

describe('trimBound', () => {
  const rules = { retentionMs: 10, unreadRetentionMs: 1000 };

  it('stops at what the slowest group has committed', () => {
    expect(trimBound(2, 7, rules)).toEqual({ floor: 7, retentionMs: 10, bySize: true });
  });

  it('lets only age decide where nobody ever read', () => {
    const bound = trimBound(0, null, rules);
    expect(bound).toMatchObject({ retentionMs: 1000, bySize: false });
    expect(bound.floor).toBeGreaterThan(2 ** 50);
  });
});
