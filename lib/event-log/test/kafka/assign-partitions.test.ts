import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignPartitions, type MemberClaim } from '../../src/kafka/assign-partitions.ts';

const keys = (count: number) => Array.from({ length: count }, (_, i) => `t:${i}`);

describe('assignPartitions', () => {
  it('gives every partition to one member, evenly, whatever members claim to own', () => {
    const members = fc.uniqueArray(
      fc.record({
        memberId: fc.string({ minLength: 1 }),
        owned: fc.array(fc.integer({ min: 0, max: 30 }).map((i) => `t:${i}`)),
      }),
      { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(members, fc.integer({ min: 0, max: 25 }), (claims, count) => {
        const shares = [...assignPartitions(claims, keys(count)).values()];
        expect(shares.flat().sort()).toEqual(keys(count).sort());
        const sizes = shares.map((share) => share.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('moves no more than a newcomer needs, and gives a leaver’s share away', () => {
    const alone = assignPartitions([{ memberId: 'a', owned: [] }], keys(5));
    const claims: MemberClaim[] = [
      { memberId: 'a', owned: alone.get('a') ?? [] },
      { memberId: 'b', owned: [] },
    ];
    const both = assignPartitions(claims, keys(5));
    expect(both.get('a')).toHaveLength(3);
    expect(alone.get('a')).toEqual(expect.arrayContaining(both.get('a') ?? []));
    const left = assignPartitions([{ memberId: 'b', owned: both.get('b') ?? [] }], keys(5));
    expect(left.get('b')?.sort()).toEqual(keys(5).sort());
  });
});
