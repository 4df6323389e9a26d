import { compareVersions } from '@flotilla/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideOfferableTo,
  type OfferedFirmware,
} from '../../../src/firmware/domain/offerability.ts';

const firmware: OfferedFirmware = {
  version: '2.0.0',
  state: 'released',
  minimumVersion: null,
  hardwareRevisions: [],
};
const device = { runningVersion: '1.0.0', hardwareRevision: 'rev-a' };

describe('decideOfferableTo', () => {
  it.each([
    ['anything fits', {}, {}, null, 'offerable'],
    ['a draft', { state: 'draft' as const }, {}, null, 'withdrawn'],
    ['withdrawn', { state: 'withdrawn' as const }, {}, null, 'withdrawn'],
    ['at the floor', {}, {}, '2.0.0', 'offerable'],
    ['below the floor', {}, {}, '2.0.1', 'below_floor'],
    ['a pre-release of the floor', { version: '2.0.0-rc.1' }, {}, '2.0.0', 'below_floor'],
    ['its revision', { hardwareRevisions: ['rev-b', 'rev-a'] }, {}, null, 'offerable'],
    ['another revision', { hardwareRevisions: ['rev-b'] }, {}, null, 'hardware_mismatch'],
    [
      'no revision told',
      { hardwareRevisions: ['rev-a'] },
      { hardwareRevision: null },
      null,
      'hardware_unknown',
    ],
    ['no revision needed', {}, { hardwareRevision: null }, null, 'offerable'],
    ['the minimum itself', { minimumVersion: '1.0.0' }, {}, null, 'offerable'],
    ['below the minimum', { minimumVersion: '1.0.1' }, {}, null, 'minimum_version_unmet'],
    [
      'nothing runs yet',
      { minimumVersion: '1.0.0' },
      { runningVersion: null },
      null,
      'minimum_version_unmet',
    ],
  ])('%s', (_what, of, by, floor, expected) => {
    const decision = decideOfferableTo({ ...device, ...by }, { ...firmware, ...of }, floor);
    expect(decision.kind === 'offerable' ? decision.kind : decision.reason).toBe(expected);
    if (decision.kind === 'withheld') expect(decision.detail).not.toBe('');
  });

  it('never offers what is withdrawn, below the floor or made for other hardware', () => {
    const version = fc
      .tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.constantFrom('', '-a', '-a.1', '-2', '+b'))
      .map(([a, b, c, rest]) => `${a}.${b}.${c}${rest}`);
    const revision = fc.constantFrom('rev-a', 'rev-b', 'rev-c');
    fc.assert(
      fc.property(
        fc.record({
          version,
          state: fc.constantFrom('draft', 'released', 'withdrawn'),
          minimumVersion: fc.option(version),
          hardwareRevisions: fc.uniqueArray(revision),
        }),
        fc.record({
          runningVersion: fc.option(version),
          hardwareRevision: fc.option(revision),
        }),
        fc.option(version),
        (offered, receiver, floor) => {
          const { kind } = decideOfferableTo(receiver, offered, floor);
          const fits =
            offered.state === 'released' &&
            (floor === null || compareVersions(offered.version, floor) >= 0) &&
            (offered.hardwareRevisions.length === 0 ||
              offered.hardwareRevisions.some((r) => r === receiver.hardwareRevision)) &&
            (offered.minimumVersion === null ||
              (receiver.runningVersion !== null &&
                compareVersions(receiver.runningVersion, offered.minimumVersion) >= 0));
          expect(kind === 'offerable').toBe(fits);
        },
      ),
    );
  });
});
