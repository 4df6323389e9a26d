import { compareVersions } from '@flotilla/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brokenRules, decideFloor } from '../../../src/firmware/domain/model-rules.ts';

const model = {
  format: 'tar',
  hardwareRevisions: ['rev-a', 'rev-b'],
  floorVersion: '1.2.0',
} as const;
const proposed = {
  version: '1.3.0',
  format: 'tar',
  minimumVersion: '1.0.0',
  hardwareRevisions: ['rev-a'],
} as const;

describe('brokenRules', () => {
  it.each([
    ['nothing', {}, []],
    ['the format', { format: 'image' as const }, ['/format']],
    ['the floor', { version: '1.2.0-rc.1' }, ['/version']],
    ['a revision nobody knows', { hardwareRevisions: ['rev-a', 'rev-x'] }, ['/hardwareRevisions']],
    ['a minimum that is the version', { minimumVersion: '1.3.0' }, ['/minimumVersion']],
    [
      'several',
      { format: 'image' as const, version: '1.0.0' },
      ['/minimumVersion', '/format', '/version'],
    ],
  ])('names %s', (_what, changes, pointers) => {
    const broken = brokenRules(model, { ...proposed, ...changes });
    expect(broken.map(({ pointer }) => pointer)).toEqual(pointers);
  });

  it('asks a model nobody declared for nothing but a minimum below the version', () => {
    expect(brokenRules(null, { ...proposed, format: 'image' })).toEqual([]);
    expect(brokenRules(null, { ...proposed, minimumVersion: '9.0.0' })).toHaveLength(1);
  });

  it('takes any revision where the model lists none', () => {
    const open = { ...model, hardwareRevisions: [] };
    expect(brokenRules(open, { ...proposed, hardwareRevisions: ['rev-x'] })).toEqual([]);
  });
});

describe('the floor', () => {
  it('never falls, whatever is asked of it', () => {
    const version = fc
      .tuple(fc.nat(4), fc.nat(4), fc.nat(4), fc.constantFrom('', '-rc.1', '-rc.2', '+build'))
      .map(([a, b, c, rest]) => `${a}.${b}.${c}${rest}`);
    fc.assert(
      fc.property(fc.array(version, { maxLength: 30 }), (wishes) => {
        let floor: string | null = null;
        for (const wish of wishes) {
          const before: string | null = floor;
          const decision = decideFloor(floor, wish);
          if (decision === 'raise') floor = wish;
          if (before === null) expect(decision).toBe('raise');
          else if (decision === 'refuse') expect(compareVersions(wish, before)).toBeLessThan(0);
          else expect(compareVersions(floor ?? '', before)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
