import type { FirmwareTarget, Release } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { decideTarget, type TargetContext } from '../../src/update/domain/target-decision.ts';

const sha = (digit: string) => digit.repeat(64);
const target = (change: Partial<Release> = {}): FirmwareTarget => ({
  path: 'm1/1.1.0',
  sha256: sha('1'),
  sizeBytes: 10,
  release: {
    schemaVersion: 1,
    model: 'm1',
    version: '1.1.0',
    format: 'tar',
    allowDowngrade: false,
    minimumVersion: null,
    hardwareRevisions: [],
    createdAt: '2026-01-01T00:00:00Z',
    ...change,
  },
});
const context: TargetContext = {
  model: 'm1',
  hardwareRevision: 'rev-b',
  format: 'tar',
  highestConfirmedVersion: '1.1.0',
  running: { version: '1.0.0', sha256: sha('0'), isConfirmed: true },
};
const nothing = { ...context, highestConfirmedVersion: null, running: null };

describe('the decision about a signed target', () => {
  it.each([
    ['another model', target({ model: 'm2', version: '0.1.0' }), context, 'model_mismatch'],
    ['another format', target({ format: 'image' }), context, 'format_mismatch'],
    ['other hardware', target({ hardwareRevisions: ['rev-a'] }), context, 'hardware_mismatch'],
    [
      'certain hardware, where nobody knows which this is',
      target({ hardwareRevisions: ['rev-a'] }),
      { ...context, hardwareRevision: null },
      'hardware_mismatch',
    ],
    ['a lower version', target({ version: '1.1.0-rc.1' }), context, 'downgrade_refused'],
    ['a step left out', target({ minimumVersion: '1.0.1' }), context, 'minimum_version_unmet'],
    [
      'a step before, on nothing',
      target({ minimumVersion: '0.1.0' }),
      nothing,
      'minimum_version_unmet',
    ],
  ] as const)('refuses %s', (_name, given, where, reason) => {
    expect(decideTarget(given, where)).toMatchObject({ kind: 'refuse', reason });
  });

  it.each([
    ['the highest version again', target(), context],
    ['an allowed downgrade', target({ version: '0.9.0', allowDowngrade: true }), context],
    ['its hardware', target({ hardwareRevisions: ['rev-a', 'rev-b'] }), context],
    ['the step that comes next', target({ minimumVersion: '1.0.0' }), context],
    ['the first version', target({ version: '0.0.1' }), nothing],
  ])('accepts %s', (_name, given, where) => {
    expect(decideTarget(given, where)).toEqual({ kind: 'accept' });
  });

  it('knows what runs already, and refuses other content under the same version', () => {
    const running = { version: '1.1.0', sha256: sha('1'), isConfirmed: true };
    expect(decideTarget(target(), { ...context, running })).toEqual({ kind: 'already_running' });
    const other = { ...running, sha256: sha('2') };
    expect(decideTarget(target(), { ...context, running: other })).toMatchObject({
      kind: 'refuse',
      reason: 'metadata_invalid',
    });
  });

  it('does not call firmware confirmed that runs without a passed trial, nor writes beside it', () => {
    const running = { version: '1.1.0', sha256: sha('1'), isConfirmed: false };
    for (const given of [target(), target({ version: '1.2.0' })]) {
      expect(decideTarget(given, { ...context, running })).toEqual({ kind: 'wait' });
    }
  });
});
