import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excludedBatches } from '../../../src/campaigns/domain/excluded-batches.ts';

const ids = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/), {
  maxLength: 60,
});

describe('batches of excluded devices', () => {
  it('are one range over the whole fleet when there is nobody to exclude', () => {
    expect(excludedBatches([], 100)).toEqual([{ after: '', upTo: '', excludedIds: [] }]);
  });

  it('hold every device of the fleet once, and every excluded id in its range', () => {
    fc.assert(
      fc.property(ids, ids, fc.integer({ min: 40, max: 400 }), (excluded, others, limit) => {
        const batches = excludedBatches(excluded, limit);
        for (const id of [...excluded, ...others]) {
          const homes = batches.filter(
            ({ after, upTo }) => id > after && (upTo === '' || id <= upTo),
          );
          expect(homes).toHaveLength(1);
          expect(homes[0]?.excludedIds.includes(id)).toBe(excluded.includes(id));
        }
      }),
    );
  });

  it('stay within the length that a URL may have', () => {
    fc.assert(
      fc.property(ids, fc.integer({ min: 40, max: 400 }), (excluded, limit) => {
        for (const { excludedIds } of excludedBatches(excluded, limit)) {
          const inUrl = new URLSearchParams({ x: excludedIds.map((id) => `'${id}'`).join() });
          expect(inUrl.toString().length).toBeLessThanOrEqual(limit + 'x='.length);
        }
      }),
    );
  });
});
