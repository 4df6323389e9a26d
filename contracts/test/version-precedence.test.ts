import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions } from '../src/version-precedence.ts';

describe('compareVersions', () => {
  it('keeps the order of clause 11.4', () => {
    const rising = [
      '0.9.99',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.1',
      '1.2.0',
      '1.10.0',
      '2.0.0',
      '9007199254740992.0.0',
      '9007199254740993.0.0',
    ];
    for (const [i, a] of rising.entries()) {
      for (const [j, b] of rising.entries()) {
        expect([a, b, Math.sign(compareVersions(a, b))]).toEqual([a, b, Math.sign(i - j)]);
      }
    }
  });

  it('does not count build metadata', () => {
    expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
    expect(compareVersions('1.0.0-rc.1+a-b', '1.0.0-rc.1')).toBe(0);
  });

  it('is a total preorder', () => {
    const identifier = fc.oneof(fc.nat(20).map(String), fc.constantFrom('a', 'B', 'a-1', 'rc'));
    const version = fc
      .tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.array(identifier, { maxLength: 3 }))
      .map(([a, b, c, pre]) => `${a}.${b}.${c}${pre.length > 0 ? `-${pre.join('.')}` : ''}`);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});
